"""Names of tasks: what a person may say, and what a model's class and configuration tell."""

from __future__ import annotations

from typing import Any, Literal

from jupyter_green.compression.errors import ShrinkError

Name = Literal[
    "classification",
    "binary",
    "multi-label",
    "token-classification",
    "segmentation",
    "causal-lm",
    "masked-lm",
    "seq2seq",
    "regression",
    "unknown",
]
NAMED: dict[str, Name] = {
    "classification": "classification",
    "text-classification": "classification",
    "image-classification": "classification",
    "audio-classification": "classification",
    "sentiment-analysis": "classification",
    "binary": "binary",
    "binary-classification": "binary",
    "multi-label": "multi-label",
    "multilabel": "multi-label",
    "multi-label-classification": "multi-label",
    "token-classification": "token-classification",
    "ner": "token-classification",
    "segmentation": "segmentation",
    "semantic-segmentation": "segmentation",
    "image-segmentation": "segmentation",
    "causal-lm": "causal-lm",
    "text-generation": "causal-lm",
    "masked-lm": "masked-lm",
    "fill-mask": "masked-lm",
    "masked-language-modelling": "masked-lm",
    "seq2seq": "seq2seq",
    "text2text-generation": "seq2seq",
    "summarization": "seq2seq",
    "translation": "seq2seq",
    "regression": "regression",
}
"""What a person may call a task, with blanks or underscores for hyphens too."""
_ENDINGS: tuple[tuple[str, Name], ...] = (
    ("ForTokenClassification", "token-classification"),
    ("WithLMHeadModel", "masked-lm"),  # XLM, Flaubert: their own loss doesn't shift the labels
    ("ForCausalLM", "causal-lm"),
    ("LMHeadModel", "causal-lm"),
    ("ForMaskedLM", "masked-lm"),
    ("ElectraForPreTraining", "multi-label"),  # of each token, whether it was replaced
    ("ForPreTraining", "masked-lm"),
    ("EncoderDecoderModel", "seq2seq"),
    ("ForSemanticSegmentation", "segmentation"),
    ("ForMultipleChoice", "classification"),
    ("ForNextSentencePrediction", "classification"),
)
_CLASSIFIERS = (
    "ForSequenceClassification",
    "ForImageClassification",
    "ForAudioClassification",
    "ForVideoClassification",
)
_UNJUDGED = {
    "ForQuestionAnswering": "answers with where a passage begins and where it ends",
    "ForObjectDetection": "answers with boxes beside classes",
    "ForCTC": "writes text of another length than its scores",
    "ForInstanceSegmentation": "answers with masks beside classes",
    "ForUniversalSegmentation": "answers with masks beside classes",
    "ForDepthEstimation": "answers with a map of distances",
    "ForXVector": "answers with vectors beside scores",
}
"""Classes of transformers whose answer is more than one tensor tells."""


def named(word: str | None) -> Name | None:
    """Return the task a person named; None where nothing was said.

    Raises
    ------
    ShrinkError
        If it is none.
    """
    if word is None:
        return None
    found = NAMED.get(str(word).strip().lower().replace(" ", "-").replace("_", "-"))
    if found is None:
        raise ShrinkError(f"{word!r} is no task; take {', '.join(dict.fromkeys(NAMED.values()))}.")
    return found


def of_model(model: Any) -> Name | None:
    """Return the task of a model's class and configuration; None where these don't tell.

    A module of the person's own that is all one model of transformers is taken for what that is made for; one with
    weights beside it makes something else of its answers.

    Raises
    ------
    ShrinkError
        If it answers with more than can be judged.
    """
    found = _of_class(model)
    inner = [child for child in getattr(model, "children", tuple)() if _is_of(child, "transformers")]
    if found is not None or not inner or _is_of(model, "transformers"):
        return found
    its = {id(one) for child in inner for one in child.parameters()}
    if any(id(one) not in its for one in model.parameters()):
        return None
    names = {_of_class(child) for child in inner}
    return names.pop() if len(names) == 1 else None


def told(model: Any, task: str | None) -> Name | None:
    """Return the task that a person or the model's class says; None where neither does, or it can't be judged."""
    try:
        return named(task) or of_model(model)
    except ShrinkError:
        return None  # said where it is asked what to judge, which a metric of the person's own may answer


def _of_class(model: Any) -> Name | None:
    config = getattr(model, "config", None)
    for base in type(model).__mro__:
        name = base.__name__
        said = next((said for ending, said in _UNJUDGED.items() if name.endswith(ending)), None)
        if said is not None:
            raise ShrinkError(
                f"{type(model).__name__} {said}, which can't be judged yet; hand over a module that holds it and "
                "returns one tensor of all that counts, with metric= a function of your own."
            )
        if name.endswith("ForConditionalGeneration"):
            return "seq2seq" if getattr(config, "is_encoder_decoder", False) else "causal-lm"
        if name.endswith(_CLASSIFIERS):
            return _of_problem(getattr(config, "problem_type", None), getattr(config, "num_labels", None))
        found = next((task for ending, task in _ENDINGS if name.endswith(ending)), None)
        if found is not None:
            return found
    return None


def _of_problem(problem: str | None, count: int | None) -> Name | None:
    if problem == "multi_label_classification":
        return "binary" if count == 1 else "multi-label"
    known: dict[str | None, Name] = {"regression": "regression", "single_label_classification": "classification"}
    return known.get(problem)


def is_classifier(model: Any) -> bool:
    """Whether its class says that it classifies examples, though not whether by one class, several or a number."""
    return any(base.__name__.endswith(_CLASSIFIERS) for base in type(model).__mro__)


def is_one_output(model: Any) -> bool:
    """Whether it is a classifier of transformers with one output, of which nobody said what it is."""
    config = getattr(model, "config", None)
    return (
        is_classifier(model)
        and getattr(config, "num_labels", None) == 1
        and getattr(config, "problem_type", None) is None
    )


def _is_of(model: Any, library: str) -> bool:
    return any(base.__module__.partition(".")[0] == library for base in type(model).__mro__)

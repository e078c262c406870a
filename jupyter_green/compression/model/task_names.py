"""Names of tasks: the user's, and those implied by a model's class and configuration."""

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
"""Accepted names; blanks and underscores count as hyphens."""
_ENDINGS: tuple[tuple[str, Name], ...] = (
    ("ForTokenClassification", "token-classification"),
    ("WithLMHeadModel", "masked-lm"),  # XLM, Flaubert: their own loss doesn't shift the labels
    ("ForCausalLM", "causal-lm"),
    ("LMHeadModel", "causal-lm"),
    ("ForMaskedLM", "masked-lm"),
    ("ElectraForPreTraining", "multi-label"),  # for each token, whether it was replaced
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
"""Endings of transformers classes whose prediction is not a single tensor."""


def named(word: str | None) -> Name | None:
    """Return the task with a name that the user gave; None for None. Raises ShrinkError if there is no such task."""
    if word is None:
        return None
    name = NAMED.get(str(word).strip().lower().replace(" ", "-").replace("_", "-"))
    if name is None:
        raise ShrinkError(f"{word!r} is not a task; take {', '.join(dict.fromkeys(NAMED.values()))}.")
    return name


def of_model(model: Any) -> Name | None:
    """Return the task implied by a model's class and configuration; None if they imply none.

    A user's module that only wraps one transformers model has that model's task; one with weights of its own may have
    another. Raises ShrinkError if its predictions can't be evaluated.
    """
    own = _of_class(model)
    inner = [child for child in getattr(model, "children", tuple)() if _is_of(child, "transformers")]
    if own is not None or not inner or _is_of(model, "transformers"):
        return own
    inner_parameters = {id(parameter) for child in inner for parameter in child.parameters()}
    if any(id(parameter) not in inner_parameters for parameter in model.parameters()):
        return None
    names = {_of_class(child) for child in inner}
    return names.pop() if len(names) == 1 else None


def told(model: Any, task: str | None) -> Name | None:
    """Return the task that the user or the model's class determines; None if neither does, or it can't be evaluated."""
    try:
        return named(task) or of_model(model)
    except ShrinkError:
        return None  # reported when the metric is chosen; the user's own metric may evaluate it


def _of_class(model: Any) -> Name | None:
    config = getattr(model, "config", None)
    for base in type(model).__mro__:
        name = base.__name__
        reason = next((reason for ending, reason in _UNJUDGED.items() if name.endswith(ending)), None)
        if reason is not None:
            raise ShrinkError(
                f"{type(model).__name__} {reason}, which can't be evaluated yet; hand over a module that holds it and "
                "returns one tensor of all that counts, with metric= a function of your own."
            )
        if name.endswith("ForConditionalGeneration"):
            return "seq2seq" if getattr(config, "is_encoder_decoder", False) else "causal-lm"
        if name.endswith(_CLASSIFIERS):
            return _of_problem(getattr(config, "problem_type", None), getattr(config, "num_labels", None))
        task_name = next((task for ending, task in _ENDINGS if name.endswith(ending)), None)
        if task_name is not None:
            return task_name
    return None


def _of_problem(problem: str | None, count: int | None) -> Name | None:
    if problem == "multi_label_classification":
        return "binary" if count == 1 else "multi-label"
    names: dict[str | None, Name] = {"regression": "regression", "single_label_classification": "classification"}
    return names.get(problem)


def is_classifier(model: Any) -> bool:
    """Whether the class is a classifier of examples, though perhaps with several labels or a numeric target."""
    return any(base.__name__.endswith(_CLASSIFIERS) for base in type(model).__mro__)


def is_one_output(model: Any) -> bool:
    """Whether it is a transformers classifier with one output and no declared problem type."""
    config = getattr(model, "config", None)
    return (
        is_classifier(model)
        and getattr(config, "num_labels", None) == 1
        and getattr(config, "problem_type", None) is None
    )


def _is_of(model: Any, library: str) -> bool:
    return any(base.__module__.partition(".")[0] == library for base in type(model).__mro__)

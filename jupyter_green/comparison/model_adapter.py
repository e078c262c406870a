"""Adapters for what can be compared: a module, a transformers pipeline, an estimator, or a function of one example.

The metered work is everything from the user's example to the answer, so tokenization counts for every candidate. A
failure on an example counts as a wrong answer, and its energy counts too. The energy of a remote candidate is unknown,
and is reported so rather than as 0.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from jupyter_green.compression.data.batch import leaves
from jupyter_green.compression.data.columns import dense, tensor
from jupyter_green.compression.data.tokenization import Tokens, answering, tokenized, tokens_of
from jupyter_green.compression.errors import RAISED, ShrinkError, why
from jupyter_green.compression.model.source_model import SourceModel
from jupyter_green.compression.process import deadline
from jupyter_green.compression.quality.metric_selection import judged_output

from .examples import Examples, key_of

FAILED = type("Failed", (), {"__repr__": lambda _self: "no answer"})()
"""Marks an example without an answer."""
_TEXT_KEYS = ("generated_text", "summary_text", "translation_text", "answer", "label")


@dataclass
class ModelAdapter:
    """A candidate and how it is called."""

    name: str
    kind: str = "function"
    """Its kind, for display."""
    device: Literal["cpu", "gpu"] = "cpu"
    """Device it runs on."""
    size_bytes: int | None = None
    parameters: int | None = None
    """Size of its weights."""
    generates: bool = False
    """Whether it generates text rather than choosing among classes."""
    remote: bool = False
    """Whether it runs on another machine, so that its energy can't be metered."""
    notes: list[str] = field(default_factory=list)
    """Sentences for the user."""
    faults: dict[str, int] = field(default_factory=dict)
    pace: float = 0.0
    """Seconds per example of the last call; 0 before the first."""
    writes: bool = False
    """Whether it modifies its inputs, so that it gets a copy each time."""
    _batches: list[Any] = field(default_factory=list, repr=False)
    singly: ClassVar[bool] = False
    """Whether it is called with single examples, whatever the batch size."""

    def ready(self, examples: Examples) -> None:
        """Convert the batches to the form this candidate takes; not metered."""
        raise NotImplementedError  # each kind of candidate has its own

    def outputs(self, place: int) -> Any:
        """Predict one batch: a tensor of scores, or a list of answers."""
        raise NotImplementedError  # each kind of candidate has its own

    def single(self, place: int, number: int) -> Any:
        """Predict one example of a batch, as a batch of one."""
        raise NotImplementedError  # each kind of candidate has its own

    def batch(self, place: int) -> Any:
        """Return a batch in the form this candidate takes; a copy if it modifies its inputs."""
        return copy.deepcopy(self._batches[place]) if self.writes else self._batches[place]

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Detect whether it modifies the first batch, which is replaced by a copy meanwhile."""
        batch = self._batches[0]
        try:
            copied = copy.deepcopy(batch)
        except RAISED:  # objects that can't be copied can't be protected
            yield
            return
        before, self._batches[0] = key_of(copied), copied
        try:
            yield
        finally:
            self._batches[0] = batch
        self.writes = key_of(copied) != before

    def quiet(self) -> AbstractContextManager[None]:
        """Return the context in which it is called."""
        return nullcontext()

    @property
    def module(self) -> Any:
        """The PyTorch module inside, whose state is restored after every run; None if there is none."""
        return None

    def names(self) -> Mapping[int, str] | None:
        """Names of its classes, if it has any."""
        return None

    def run(self, place: int, size: int) -> None:
        """Do the work of one batch for a trial, whichever examples fail.

        A batch that fails as a whole is repeated example by example, as for the predictions. The repeated work counts,
        since it is the cost of such a failure. Raises TimeIsUp if it would exceed the time left.
        """
        deadline.look(self.pace * size)
        try:
            self.outputs(place)
        except RAISED:  # third-party model; find the failing example
            for number in range(size):
                self._attempt(place, number)

    def _attempt(self, place: int, number: int) -> None:
        deadline.look()
        try:
            self.single(place, number)
        except RAISED as error:  # third-party model; counted in the predictions
            self.faults.setdefault(why(error), 0)

    def fault(self, error: BaseException) -> None:
        """Count a failure."""
        message = why(error)
        self.faults[message] = self.faults.get(message, 0) + 1


@dataclass
class ModuleAdapter(ModelAdapter):
    """A PyTorch module, or a wrapper of one: transformers, sentence-transformers, ONNX Runtime."""

    subject: SourceModel = field(default=None, repr=False)  # type: ignore[assignment]  # set by `contestant_of`
    asked: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The user's task and metric."""
    runs: Any = field(default=None, repr=False)
    """What is called: the model, or torch.compile's wrapper of it."""
    _form: str = ""
    _tokens: Tokens = field(default_factory=Tokens, repr=False)
    _labels: Any = field(default=None, repr=False)

    def ready(self, examples: Examples) -> None:
        """Convert rows to tensors on the model's device; texts are tokenized when it is called."""
        self._form, self._tokens = examples.form, tokens_of(self.subject)
        if self._embeds and examples.form != "pairs":
            raise ShrinkError(
                f"{self.name} gives embeddings, which have no right answer; give pairs of texts with a score each, or "
                "put a classifier behind it."
            )
        if examples.form in ("texts", "pairs") and self.subject.tokenizer is None and not self._embeds:
            raise ShrinkError(f"{self.name} needs a tokenizer for texts; hand over a pipeline, or give tokenizer=.")
        self._batches = [self._tensors(batch) for batch in examples.batches]
        self._labels = numbered(examples.labels)
        if self._labels is not None:
            parts = self._labels.split([*examples.sizes])
            pairs = zip(self._batches, parts, strict=True)
            self._batches = [answering(self.subject.model, batch, labels) for batch, labels in pairs]

    def outputs(self, place: int) -> Any:
        """Tokenize texts and call the module."""
        return self._call(self.batch(place))

    def single(self, place: int, number: int) -> Any:
        """Call it with one example."""
        batch = self.batch(place)
        if isinstance(batch, list):
            return self._call(batch[number : number + 1])
        if isinstance(batch, Mapping):
            return self._call({name: value[number : number + 1] for name, value in batch.items()})
        if isinstance(batch, tuple):
            return self._call(tuple(value[number : number + 1] for value in batch))
        return self._call(batch[number : number + 1])

    def quiet(self) -> AbstractContextManager[None]:
        """Keep it in evaluation mode."""
        return self.subject.quiet()

    @property
    def module(self) -> Any:
        """The model."""
        return self.subject.model

    def names(self) -> Mapping[int, str] | None:
        """Names of classes in its configuration."""
        labels = getattr(getattr(self.subject.model, "config", None), "id2label", None)
        return dict(labels) if isinstance(labels, Mapping) else None

    @property
    def _embeds(self) -> bool:
        return self.subject.kind == "sentence-transformers"

    def _call(self, batch: Any) -> Any:
        import torch

        with torch.inference_mode():
            if self._embeds:
                return self._alike(batch)
            if self._form in ("texts", "pairs") and self.subject.tokenizer is not None:
                encoding = tokenized(self.subject.tokenizer, batch, self._tokens)
                batch = {name: value.to(self.subject.device) for name, value in encoding.items()}
            output = self.subject.call(batch, self.runs)
            if self.subject.task is None:
                count = len(batch) if hasattr(batch, "dim") else len(leaves(batch)[0])
                labels = None if self._labels is None else self._labels[:count]
                highest = None if self._labels is None else int(self._labels.max())
                options = {**self.asked, "most": highest, "model": self.subject.model, "inputs": batch}
                self.subject = replace(self.subject, task=judged_output(output, labels, size=count, **options))
            return self.subject.main(output).float().cpu()

    def _alike(self, pairs: Sequence[Any]) -> Any:
        """Return the cosine similarity of each pair's embeddings, using the model's own `encode`."""
        from torch.nn.functional import cosine_similarity

        count = len(pairs)
        texts = [pair[side] for side in (0, 1) for pair in pairs]
        embeddings = self.subject.model.encode(
            texts, batch_size=2 * count, convert_to_tensor=True, show_progress_bar=False
        )
        return cosine_similarity(embeddings[:count].float(), embeddings[count:].float(), dim=-1).cpu()

    def _tensors(self, batch: Any) -> Any:
        import torch

        device = self.subject.device
        if isinstance(batch, list) and self._form in ("texts", "pairs"):
            return batch
        if isinstance(batch, Mapping):
            taken = self._tokens.wanted(batch)
            return self._tokens.alone({name: tensor(value).to(device) for name, value in taken.items()})
        if isinstance(batch, tuple):
            return tuple(torch.as_tensor(value).to(device) for value in batch)
        inputs = tensor(dense(batch))
        if inputs.dtype == torch.float64:  # convert to the model's precision
            dtypes = {parameter.dtype for parameter in self.subject.model.parameters() if parameter.is_floating_point()}
            if (
                len(dtypes) == 1 or torch.float64 not in dtypes
            ):  # otherwise it is mixed, and that of the inputs is unknown
                inputs = inputs.to(dtypes.pop() if len(dtypes) == 1 else torch.float32)
        return inputs.to(device)


@dataclass
class PipelineAdapter(ModelAdapter):
    """A transformers pipeline: texts in, labels or texts out."""

    pipeline: Any = field(default=None, repr=False)

    def ready(self, examples: Examples) -> None:
        """Convert the batches to lists of examples."""
        self._batches = [examples.singles(position) for position in range(len(examples.batches))]
        if examples.form == "pairs":
            self._batches = [[{"text": a, "text_pair": b} for a, b in batch] for batch in self._batches]

    def outputs(self, place: int) -> Any:
        """Predict a batch."""
        batch = self.batch(place)
        return [self._word(item) for item in self.pipeline(list(batch), batch_size=len(batch))]

    def single(self, place: int, number: int) -> Any:
        """Predict one example."""
        return [self._word(item) for item in self.pipeline([self.batch(place)[number]])]

    def quiet(self) -> AbstractContextManager[None]:
        """Keep its model in evaluation mode."""
        return SourceModel(self.pipeline.model).quiet()

    @property
    def module(self) -> Any:
        """The pipeline's model."""
        return self.pipeline.model

    def names(self) -> Mapping[int, str] | None:
        """Names of classes in its model's configuration."""
        labels = getattr(self.pipeline.model.config, "id2label", None)
        return dict(labels) if isinstance(labels, Mapping) else None

    def _word(self, item: Any) -> Any:
        while isinstance(item, (list, tuple)) and item:
            item = item[0]
        if isinstance(item, Mapping):
            if "labels" in item:
                return item["labels"][0]
            return next((item[key] for key in _TEXT_KEYS if key in item), FAILED)
        return item


@dataclass
class EstimatorAdapter(ModelAdapter):
    """An object with ``predict``: scikit-learn estimators and pipelines, and compatible ones."""

    model: Any = field(default=None, repr=False)

    def ready(self, examples: Examples) -> None:
        """Convert tensors to arrays with one row per example."""
        self._batches = [_rows(batch) for batch in examples.batches]

    def outputs(self, place: int) -> Any:
        """Predict a batch."""
        return _plain(self.model.predict(self.batch(place)))

    def single(self, place: int, number: int) -> Any:
        """Predict one row."""
        batch = self.batch(place)
        row = batch.iloc[number : number + 1] if hasattr(batch, "iloc") else batch[number : number + 1]
        return _plain(self.model.predict(row))


@dataclass
class FunctionAdapter(ModelAdapter):
    """A function of one example, such as a call of an API."""

    singly = True
    function: Callable[[Any], Any] = field(default=None, repr=False)  # type: ignore[assignment]  # set when made

    def ready(self, examples: Examples) -> None:
        """Convert the batches to single examples."""
        self._batches = [examples.singles(position) for position in range(len(examples.batches))]

    def outputs(self, place: int) -> Any:
        """Call it for each example of a batch."""
        return [self.function(example) for example in self.batch(place)]

    def single(self, place: int, number: int) -> Any:
        """Call it for one example."""
        return [self.function(self._one(place, number))]

    def _one(self, place: int, number: int) -> Any:
        example = self._batches[place][number]
        return copy.deepcopy(example) if self.writes else example

    def run(self, place: int, size: int, begin: int = 0) -> None:
        """Call it for each example once; if time is short, for a part of the batch."""
        for number in range(begin, begin + size):
            self._attempt(place, number)


def _rows(batch: Any) -> Any:
    if hasattr(batch, "detach"):
        batch = batch.detach().cpu().numpy()
    if hasattr(batch, "ndim") and not hasattr(batch, "iloc") and batch.ndim > 2:
        return batch.reshape(len(batch), -1)
    return batch


def _plain(answers: Any) -> list[Any]:
    return answers.tolist() if hasattr(answers, "tolist") else list(answers)


def numbered(labels: Any) -> Any:
    """Return labels as a tensor, words by their number; None if their lengths differ."""
    import torch

    if labels is None or hasattr(labels, "dim"):
        return labels
    if any(isinstance(label, str) for label in labels):
        kinds = {label: number for number, label in enumerate(dict.fromkeys(labels))}
        return torch.tensor([kinds[label] for label in labels])
    try:
        values = torch.as_tensor(labels)
        # A column of floats that are whole numbers holds classes.
        classes = values.dim() == 1 and values.is_floating_point() and bool((values == values.round()).all())
        return values.long() if classes else values
    except (TypeError, ValueError, RuntimeError):
        return None

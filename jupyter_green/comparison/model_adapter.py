"""What can be compared: a module, a pipeline of transformers, an estimator, or any function; each asked in its own way.

What is metered is the whole way from the example as the person has it to the answer, so that a tokenizer counts for
every candidate alike. What fails on an example gives no answer for it, which counts as wrong, and the energy of the
attempt counts too. A candidate that runs on somebody else's machine has no energy here, which is said and never 0.
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
"""Stands where a candidate gave no answer."""
_TEXT_KEYS = ("generated_text", "summary_text", "translation_text", "answer", "label")


@dataclass
class ModelAdapter:
    """A candidate and how it is asked.

    Parameters
    ----------
    name : str
        Its name.
    kind : str
        What it is, for people.
    device : {"cpu", "gpu"}
        Where it runs.
    size_bytes, parameters : int or None
        Of its weights.
    generates : bool
        Whether it writes text, rather than choosing among classes.
    remote : bool
        Whether it runs elsewhere, so that its energy can't be metered here.
    notes : list of str
        What should be known.
    """

    name: str
    kind: str = "function"
    device: Literal["cpu", "gpu"] = "cpu"
    size_bytes: int | None = None
    parameters: int | None = None
    generates: bool = False
    remote: bool = False
    notes: list[str] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    pace: float = 0.0
    """Seconds that it took for one example when it was asked last; 0 before."""
    writes: bool = False
    """Whether it writes into what it is asked with, so that it gets a copy each time."""
    _batches: list[Any] = field(default_factory=list, repr=False)
    singly: ClassVar[bool] = False
    """Whether it is asked for one example after the other, whatever a batch is."""

    def ready(self, examples: Examples) -> None:
        """Bring the batches into the form this candidate takes; not metered."""
        raise NotImplementedError

    def outputs(self, place: int) -> Any:
        """Ask for one batch: a tensor of scores, or a list of answers."""
        raise NotImplementedError

    def single(self, place: int, number: int) -> Any:
        """Ask for one example of a batch; a batch of one."""
        raise NotImplementedError

    def batch(self, place: int) -> Any:
        """Return a batch in the form this candidate takes: a copy where it writes into what it is given."""
        return copy.deepcopy(self._batches[place]) if self.writes else self._batches[place]

    @contextmanager
    def watched(self) -> Iterator[None]:
        """See whether it writes into the first batch, of which it gets a copy for that long."""
        batch = self._batches[0]
        try:
            given = copy.deepcopy(batch)
        except RAISED:  # somebody else's objects; what can't be copied can't be kept from it either
            yield
            return
        before, self._batches[0] = key_of(given), given
        try:
            yield
        finally:
            self._batches[0] = batch
        self.writes = key_of(given) != before

    def quiet(self) -> AbstractContextManager[None]:
        """While it is asked."""
        return nullcontext()

    @property
    def module(self) -> Any:
        """The PyTorch module inside, whose state is put back after every run; None where there is none."""
        return None

    def names(self) -> Mapping[int, str] | None:
        """Names of its classes, where it has some."""
        return None

    def run(self, place: int, size: int) -> None:
        """Do the work of one batch, for a trial: all of it, whichever example fails.

        A batch that fails as a whole is asked example by example, as it was when the answers were taken. What is done
        twice by that counts: it is what such a failure costs.

        Raises
        ------
        TimeIsUp
            Where it would not end in the time that is left.
        """
        deadline.look(self.pace * size)
        try:
            self.outputs(place)
        except RAISED:  # somebody else's model; which example it was is found by asking for each
            for number in range(size):
                self._attempt(place, number)

    def _attempt(self, place: int, number: int) -> None:
        deadline.look()
        try:
            self.single(place, number)
        except RAISED as error:  # somebody else's model; counted where it is evaluated
            self.faults.setdefault(why(error), 0)

    def fault(self, error: BaseException) -> None:
        """Count a failure."""
        told = why(error)
        self.faults[told] = self.faults.get(told, 0) + 1


@dataclass
class ModuleAdapter(ModelAdapter):
    """A PyTorch module, or what stands in for one: transformers, sentence-transformers, ONNX Runtime."""

    subject: SourceModel = field(default=None, repr=False)  # type: ignore[assignment]  # set by `contestant_of`
    asked: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Task and metric, as far as the person named them."""
    _form: str = ""
    _tokens: Tokens = field(default_factory=Tokens, repr=False)
    _labels: Any = field(default=None, repr=False)

    def ready(self, examples: Examples) -> None:
        """Make tensors of rows, and put them where the weights are; texts stay texts until they are asked."""
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
            both = zip(self._batches, parts, strict=True)
            self._batches = [answering(self.subject.model, batch, labels) for batch, labels in both]

    def outputs(self, place: int) -> Any:
        """Tokenize where there are texts, and call the module."""
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
        found = getattr(getattr(self.subject.model, "config", None), "id2label", None)
        return dict(found) if isinstance(found, Mapping) else None

    @property
    def _embeds(self) -> bool:
        return self.subject.kind == "sentence-transformers"

    def _call(self, batch: Any) -> Any:
        import torch

        with torch.inference_mode():
            if self._embeds:
                return self._alike(batch)
            if self._form in ("texts", "pairs") and self.subject.tokenizer is not None:
                made = tokenized(self.subject.tokenizer, batch, self._tokens)
                batch = {name: value.to(self.subject.device) for name, value in made.items()}
            output = self.subject.call(batch)
            if self.subject.task is None:
                count = len(batch) if hasattr(batch, "dim") else len(leaves(batch)[0])
                labels = None if self._labels is None else self._labels[:count]
                most = None if self._labels is None else int(self._labels.max())
                known = {**self.asked, "most": most, "model": self.subject.model, "inputs": batch}
                self.subject = replace(self.subject, task=judged_output(output, labels, size=count, **known))
            return self.subject.main(output).float().cpu()

    def _alike(self, pairs: Sequence[Any]) -> Any:
        """Return the cosine of each pair's embeddings, made as the person makes them."""
        from torch.nn.functional import cosine_similarity

        count = len(pairs)
        texts = [pair[side] for side in (0, 1) for pair in pairs]
        made = self.subject.model.encode(texts, batch_size=2 * count, convert_to_tensor=True, show_progress_bar=False)
        return cosine_similarity(made[:count].float(), made[count:].float(), dim=-1).cpu()

    def _tensors(self, batch: Any) -> Any:
        import torch

        where = self.subject.device
        if isinstance(batch, list) and self._form in ("texts", "pairs"):
            return batch
        if isinstance(batch, Mapping):
            taken = self._tokens.wanted(batch)
            return self._tokens.alone({name: tensor(value).to(where) for name, value in taken.items()})
        if isinstance(batch, tuple):
            return tuple(torch.as_tensor(value).to(where) for value in batch)
        made = tensor(dense(batch))
        if made.dtype == torch.float64:  # the model's own precision, which alone it can be called with
            kinds = {one.dtype for one in self.subject.model.parameters() if one.is_floating_point()}
            if len(kinds) == 1 or torch.float64 not in kinds:  # else a part of it works in doubles
                made = made.to(kinds.pop() if len(kinds) == 1 else torch.float32)
        return made.to(where)


@dataclass
class PipelineAdapter(ModelAdapter):
    """A pipeline of transformers: texts in, labels or texts out."""

    pipeline: Any = field(default=None, repr=False)

    def ready(self, examples: Examples) -> None:
        """Take the batches as lists of single examples."""
        self._batches = [examples.singles(place) for place in range(len(examples.batches))]
        if examples.form == "pairs":
            self._batches = [[{"text": a, "text_pair": b} for a, b in batch] for batch in self._batches]

    def outputs(self, place: int) -> Any:
        """Ask for a batch."""
        batch = self.batch(place)
        return [self._word(item) for item in self.pipeline(list(batch), batch_size=len(batch))]

    def single(self, place: int, number: int) -> Any:
        """Ask for one."""
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
        found = getattr(self.pipeline.model.config, "id2label", None)
        return dict(found) if isinstance(found, Mapping) else None

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
    """Anything with ``predict``: scikit-learn's estimators and pipelines, and what follows them."""

    model: Any = field(default=None, repr=False)

    def ready(self, examples: Examples) -> None:
        """Give rows: tensors become arrays with one row per example."""
        self._batches = [_rows(batch) for batch in examples.batches]

    def outputs(self, place: int) -> Any:
        """Ask for a batch."""
        return _plain(self.model.predict(self.batch(place)))

    def single(self, place: int, number: int) -> Any:
        """Ask for one row."""
        batch = self.batch(place)
        one = batch.iloc[number : number + 1] if hasattr(batch, "iloc") else batch[number : number + 1]
        return _plain(self.model.predict(one))


@dataclass
class FunctionAdapter(ModelAdapter):
    """A function of one example, such as a call of an API."""

    singly = True
    function: Callable[[Any], Any] = field(default=None, repr=False)  # type: ignore[assignment]  # set when made

    def ready(self, examples: Examples) -> None:
        """Take the batches as single examples."""
        self._batches = [examples.singles(place) for place in range(len(examples.batches))]

    def outputs(self, place: int) -> Any:
        """Ask for each example of a batch in turn."""
        return [self.function(example) for example in self.batch(place)]

    def single(self, place: int, number: int) -> Any:
        """Ask for one."""
        return [self.function(self._one(place, number))]

    def _one(self, place: int, number: int) -> Any:
        one = self._batches[place][number]
        return copy.deepcopy(one) if self.writes else one

    def run(self, place: int, size: int, begin: int = 0) -> None:
        """Ask for each example by itself, so that none is asked twice; where time is short for some of a batch."""
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
    """Return labels as a tensor, words by the number of each; None where they are of unlike lengths."""
    import torch

    if labels is None or hasattr(labels, "dim"):
        return labels
    if any(isinstance(label, str) for label in labels):
        kinds = {label: number for number, label in enumerate(dict.fromkeys(labels))}
        return torch.tensor([kinds[label] for label in labels])
    try:
        found = torch.as_tensor(labels)
        # A column of whole floats are classes here, as they are to every kind of candidate.
        classes = found.dim() == 1 and found.is_floating_point() and bool((found == found.round()).all())
        return found.long() if classes else found
    except (TypeError, ValueError, RuntimeError):
        return None

"""``%shrink``, ``%quantize``, ``%prune`` and ``%distil``: parse a line and call `jupyter_green.compression`.

Heavy modules are imported when a line is run, not when the extension loads. The result is bound to a name only when
everything is done; the original keeps its name unless ``--inplace`` is given.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import weakref
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import line_magic, magics_class, no_var_expand

from .arguments import Options, column_or_values, nameable, need_torch, value
from .base import CellMagics
from .cells.cell_meter import CellMeter

if TYPE_CHECKING:
    from jupyter_green.compression.result import ShrinkResult

UNDOABLE = 4
"""Searches that can be undone, last first; each keeps the previous value of its name."""
ABSENT = object()
NAMES = ("shrink", "quantize", "prune", "distil", "distill")
"""The line magics of this module."""


@magics_class
class ShrinkMagics(CellMagics):
    """The compression magics of one shell."""

    def __init__(self, shell: Any, cells: CellMeter) -> None:
        super().__init__(shell, cells)
        self._done: deque[_Shrunk] = deque(maxlen=UNDOABLE)
        self._given: dict[str, weakref.ref[Any]] = {}
        """Models bound by searches, by name, so that a later search may rebind the name."""

    @no_var_expand
    @line_magic
    def shrink(self, line: str) -> Any:
        """Reduce the energy per inference of a model, and test that its quality holds.

        ::

            %shrink model --data test                    the best within 1 point (bounded metrics) or 1 % (others)
            %shrink model --data test --train train      training examples for pruned and distilled models
            %shrink model --data test --group person     examples of one group (column or list) stay in one split
            %shrink model --data test --max-loss 2pt     accept more; 1% for metrics without bounds
            %shrink model --data test --time 10min       search for 10 min (default 5); an interrupt keeps the best
            %shrink model --data test --metric f1        accuracy, f1, perplexity, cosine, mse, agreement, or a name
            %shrink model --data test --batch 1          batch size for measuring (--length: tokens per example)
            %shrink lm --data texts --new-tokens 64      language models: tokens per prompt (128); 0: one forward pass
            %shrink model --data test --per-day 500000   inferences per day, for the yearly saving (10,000)
            %shrink model --data test --form torch       keep a PyTorch module
            %shrink model --data test -q                 one line instead of the report
            %shrink model --data test --dry-run          which recipes apply, and why others do not; nothing is run
            %shrink model -o NAME                        bind the result's model to NAME (default: model_shrunk)
            %shrink model --inplace                      bind it to the model's own name
            %shrink --undo                               restore what the last search's name was bound to

        Without ``--data`` the only suitable variable of the notebook is used, and named. The value of the line is the
        ``ShrinkResult``: ``result.save("folder")`` writes it, ``green.load("folder")`` reads it.
        """
        return self._run("shrink", line)

    @no_var_expand
    @line_magic
    def quantize(self, line: str) -> Any:
        """Quantize only: ``%quantize model --data test``; options as for ``%shrink``."""
        return self._run("quantize", line)

    @no_var_expand
    @line_magic
    def prune(self, line: str) -> Any:
        """Prune only (narrower layers): ``%prune model --data test --ratio 0.5``; options as for ``%shrink``.

        ``--score fisher`` ranks by Fisher information instead of a first-order Taylor expansion.
        """
        return self._run("prune", line)

    @no_var_expand
    @line_magic
    def distil(self, line: str) -> Any:
        """Train a smaller model to imitate the original.

        ``%distil model --layers 3`` keeps three of its layers, ``%distil model --student small`` trains your own model;
        options as for ``%shrink``.
        """
        return self._run("distil", line)

    @no_var_expand
    @line_magic
    def distill(self, line: str) -> Any:
        """Alias of ``%distil``."""
        return self._run("distil", line)

    # ---- running a line -----------------------------------------------------------------------

    def _run(self, name: str, line: str) -> Any:
        options = _parser(name).of(line)
        if options.undo:
            return self._undo(name)
        if options.model is None:
            raise UsageError(f"%{name} needs the name of a model, as in: %{name} model --data test.")
        from jupyter_green.compression.errors import ShrinkError

        target = self._target(name, options)
        need_torch(name)
        model = self._value(name, options.model)
        data_name = options.data or self._only_data(name, options.model)
        arguments = {
            "train": None if options.train is None else self._value(name, options.train),
            "metric": self._metric(options.metric),
            "task": options.task,
            "time": options.time,
            "batch": options.batch,
            "length": options.length,
            "new_tokens": options.new_tokens,
            "form": options.form,
            "per_day": options.per_day,
            "progress": not options.quiet,
            "group": column_or_values(self.shell, name, options.group),
            "tokenizer": None if options.tokenizer is None else self._value(name, options.tokenizer),
            "session": self.session,
        }
        if options.max_loss is not None:
            arguments["max_relative_loss" if options.max_loss.endswith("%") else "max_loss"] = options.max_loss
        for own in ("ratio", "score", "layers"):
            if getattr(options, own, None) is not None:
                arguments[own] = getattr(options, own)
        if getattr(options, "student", None) is not None:
            arguments["student"] = self._value(name, options.student)
        data = self._value(name, data_name)
        self.cells.work()
        from jupyter_green.compression import api, plan
        from jupyter_green.compression.result_builder import repeated_use

        try:
            if options.dry_run:
                return plan.plan(name, model, data, **arguments)
            result = getattr(api, name)(model, data, **arguments)
        except ShrinkError as error:
            raise UsageError(f"%{name}: {error}") from None
        before = self.shell.user_ns.get(target, ABSENT)
        # A search without a result does not replace that of an earlier search.
        keeps = result.recipe is None and not options.inplace and before is not model and self._is_ours(target)
        self._done.append(_Shrunk(target, before, before if keeps else result.model, result))
        if not keeps:
            self._bind(target, result.model)
        notes = [f"Evaluated on {data_name}, the only suitable data in this notebook."] if options.data is None else []
        print(*notes, sep="\n", end="\n" * len(notes))
        binding_note = _named(name, options.model, target, result, keeps=keeps, shown=not options.quiet)
        result.facts = replace(result.facts, notes=(binding_note, *notes, *result.facts.notes))
        if options.quiet:
            # Even with -q the bound name is printed: it may be the original.
            print(f"{target}: {repr(result).splitlines()[0]}\n{binding_note}")
            print(*(f"{note}\n" for note in repeated_use(result.facts.earlier_searches)), sep="", end="")
            return None
        self._offer(result, target)
        return result

    def _offer(self, result: ShrinkResult, target: str) -> None:
        """Show a slider over the Pareto front if it has several models and there is a kernel."""
        from IPython.display import display

        from jupyter_green.compression.report.slider import slider

        shrunk = self._done[-1]

        def bind(model: Any) -> None:
            shrunk.bound = model
            self._bind(target, model)

        widget = slider(result, bind) if getattr(self.shell, "kernel", None) is not None else None
        if widget is None:
            return

        def show(*_: object) -> None:
            self.shell.events.unregister("post_run_cell", show)
            display(widget)

        # The line's value is displayed when the cell has ended; the slider belongs below it.
        self.shell.events.register("post_run_cell", show)

    def _bind(self, target: str, model: Any) -> None:
        self.shell.push({target: model})
        with contextlib.suppress(TypeError):  # not weakly referenceable: not remembered
            self._given[target] = weakref.ref(model)

    def _is_ours(self, target: str) -> bool:
        """Whether a name is still bound to the model that a search bound to it."""
        current, bound = self.shell.user_ns.get(target), self._given.get(target)
        if bound is not None and current is not None and bound() is current:
            return True
        return any(search.target == target and search.bound is current for search in self._done)  # restored by an undo

    def _target(self, name: str, options: argparse.Namespace) -> str:
        """Return the name to bind; checked before the search that it is valid and free."""
        if options.inplace and options.output is not None:
            raise UsageError(f"%{name}: --inplace binds {options.model} and -o {options.output}; give one of them.")
        requested: str | None = options.model if options.inplace else options.output
        target = f"{options.model}_shrunk" if requested is None else requested
        if options.dry_run:
            return target
        if not nameable(target):
            raise UsageError(f"%{name}: {target!r} is not a variable name; give one with -o NAME.")
        if requested is None and target in self.shell.user_ns and not self._is_ours(target):
            raise UsageError(
                f"%{name}: {target} is already in use; give another with -o, or -o {target} to replace it."
            )
        return target

    def _undo(self, name: str) -> None:
        if not self._done:
            raise UsageError(f"%{name} --undo: nothing to undo in this notebook.")
        last, space = self._done.pop(), self.shell.user_ns
        target, now = last.target, space.get(last.target, ABSENT)
        if now is not last.before and now is not last.bound:
            raise UsageError(f"%{name} --undo: {target} has another value now and is left as it is.")
        last.result.undo()
        if last.before is ABSENT:
            space.pop(target, None)
            print(f"{target} is deleted; your model was not changed.")
            return
        self.shell.push({target: last.before})
        print(f"{target} is restored to what it was before it was shrunk.")

    def _value(self, name: str, expression: str) -> Any:
        return value(self.shell, name, expression)

    def _metric(self, word: str | None) -> Any:
        own = self.shell.user_ns.get(word)
        return own if callable(own) else word

    def _only_data(self, name: str, model: str) -> str:
        """Return the name of the only variable that is certainly data."""
        candidates = [
            key
            for key, item in self.shell.user_ns.items()
            if not key.startswith("_") and key != model and _is_data(item)
        ]
        if len(candidates) != 1:
            no_data = "this notebook has no DataLoader, dataset or (X, y)"
            listed = f"there are {', '.join(sorted(candidates))}" if candidates else no_data
            raise UsageError(f"%{name}: name the evaluation data with --data NAME: {listed}.")
        return str(candidates[0])


def _named(name: str, model: str, target: str, result: ShrinkResult, *, keeps: bool, shown: bool) -> str:
    """Return sentences on what each name is bound to, how to save the result and how to undo."""
    if keeps:
        return f"Nothing was kept: {target} keeps the result of an earlier search; {model} was not changed."
    if result.recipe is None:
        return f"Nothing was kept: {target} is {model} itself, which was not changed. Undo: %{name} --undo."
    original_note = "" if target == model else f"; {model} was not changed"
    save = "Save: _.save('folder') in the next cell, then green.load('folder')" if shown else "To save it, leave out -q"
    return f"The result is the variable {target}{original_note}. {save}. Undo: %{name} --undo."


@dataclass
class _Shrunk:
    """A search that can be undone: the bound name, its value before, its value after, and the result."""

    target: str
    before: Any
    bound: Any
    result: ShrinkResult


def _is_data(value: Any) -> bool:
    """Whether a value is certainly data: a DataLoader, a dataset with columns, or (inputs, labels) of equal length."""
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    if torch is not None and isinstance(value, torch.utils.data.DataLoader):
        return True
    if hasattr(value, "column_names") and hasattr(value, "features"):
        return True
    if type(value) is not tuple or len(value) != 2:
        return False
    arrays = tuple(kind for kind in (torch and torch.Tensor, numpy and numpy.ndarray) if kind)
    if not all(isinstance(part, (list, *arrays)) and getattr(part, "ndim", 1) > 0 for part in value):
        return False
    return 1 < len(value[0]) == len(value[1])


def _parser(name: str) -> Options:
    parser = Options(name)
    parser.add_argument("model", nargs="?")
    for option in ("--data", "--train", "--metric", "--task", "--max-loss", "--tokenizer", "--group"):
        parser.add_argument(option)
    parser.add_argument("--time", default="5min")
    for option in ("--batch", "--length", "--new-tokens", "--per-day"):
        parser.add_argument(option, type=int)
    parser.add_argument("--form", choices=["torch"])
    parser.add_argument("-o", "--output")
    parser.add_argument("-q", "--quiet", action="store_true")
    for option in ("--inplace", "--undo", "--dry-run"):
        parser.add_argument(option, action="store_true")
    if name == "prune":
        parser.add_argument("--ratio", type=float, default=0.5)
        parser.add_argument("--score", choices=["taylor", "fisher"])
    if name == "distil":
        parser.add_argument("--layers", type=int)
        parser.add_argument("--student")
    return parser

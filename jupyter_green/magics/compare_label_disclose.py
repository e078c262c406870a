"""``%compare``, ``%label`` and ``%disclose``: choose a model, make its energy label, disclose a run's energy.

Lines are parsed here and passed to `comparison` and `disclose`; heavy modules are imported when a line is run. Files
are written last, and existing ones are only replaced on request; a model card is merged.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import line_magic, magics_class, no_var_expand

from .arguments import Options, column_or_values, nameable, need_torch, value
from .base import CellMagics

if TYPE_CHECKING:
    from jupyter_green.comparison.result import Comparison
    from jupyter_green.disclose import Disclosure, Label

NAMES = ("compare", "label", "disclose")
"""The line magics of this module."""


@magics_class
class CompareLabelDiscloseMagics(CellMagics):
    """The compare, label and disclose magics of one shell."""

    @no_var_expand
    @line_magic
    def compare(self, line: str) -> Comparison | None:
        """Compare models, pipelines, estimators or functions on your own task, and pick the one with the least energy.

        ::

            %compare a b c --data test                       within 1 % of the best
            %compare a b c --data test --max-loss 2%         accept more (a share of the best; 2pt or 0.02: points)
            %compare a b --data '(texts, labels)'            any expression; a table, dataset or DataLoader
            %compare a b --data test --metric f1             accuracy, f1, mse, perplexity, or the name of a function
            %compare a b --data table --group language       utility for each value of a column
            %compare a gpt --data test --remote gpt          a model that runs elsewhere: unmetered, never 0
            %compare a b --data test --repeats 5             repeat random answers, each with its own seed
            %compare a b --data test --time 3min --batch 1   time limit for all, and batch size
            %compare a b --data test --origin 'IMDb, 2011'   where the data comes from
            %compare a b --data test --task summarization    show published energy of that task below
            %compare a b --data test -o chosen               bind the picked model to a name

        The value of the line is the ``Comparison``: ``rows``, ``pick``, ``reason``. An interrupt keeps results so far.
        """
        parser = Options("compare")
        parser.add_argument("models", nargs="+")
        parser.add_argument("--data", required=True)
        for option in ("--metric", "--max-loss", "--group", "--origin", "--task", "--tokenizer"):
            parser.add_argument(option)
        parser.add_argument("--remote", action="append", default=[])
        parser.add_argument("--time", default="1min")
        parser.add_argument("--batch", type=int)
        parser.add_argument("--repeats", type=int, default=1)
        parser.add_argument("-o", "--output")
        parser.add_argument("-q", "--quiet", action="store_true")
        args = parser.of(line)
        self._nameable("compare", args.output)
        need_torch("compare")
        models = {name: self._value("compare", name) for name in args.models}
        data, metric = self._value("compare", args.data), args.metric
        variable = self.shell.user_ns.get(metric)
        tokenizer = None if args.tokenizer is None else self._value("compare", args.tokenizer)
        columns = column_or_values(self.shell, "compare", args.group)
        self.cells.work()
        from jupyter_green.comparison.api import compare
        from jupyter_green.compression.errors import ShrinkError

        local_models = {name: model for name, model in models.items() if name not in args.remote}
        try:
            with self.cells.trials.running(local_models, "compare: {}"):
                result = compare(
                    models,
                    data,
                    metric=variable if callable(variable) else metric,
                    max_loss=args.max_loss,
                    time=args.time,
                    group=columns,
                    batch=args.batch,
                    repeats=args.repeats,
                    remote=args.remote,
                    origin=args.origin,
                    task=args.task,
                    tokenizer=tokenizer,
                    progress=not args.quiet,
                    session=self.session,
                )
        except ShrinkError as error:
            raise UsageError(f"%compare: {error}") from None
        self.cells.trials.remote.update(dict.fromkeys(args.remote))
        if args.output:
            self.shell.push({args.output: models[result.pick]})
        return None if args.quiet else result

    @no_var_expand
    @line_magic
    def label(self, line: str) -> Label | None:
        """Measure a model by the rules of AI Energy Score, and draw its energy label.

        ::

            %label model --data a --data b --data c --task 'text classification' --expect 0.91
            %label model --data test --units 200 --runs 3    shorter; the label says so
            %label model --data test --to label.svg          .svg, .png (needs Pillow) or .json; --replace a file
            %label model --data test --peers labels          stars among these: a mapping of names to labels
            %label model --data test -o NAME                 bind the label to a name

        1,000 units in equal parts of the data sets, ten runs, batch size 1. ``--expect`` is the known accuracy of the
        model; without it, the accuracy must exceed that of always giving the most frequent answer.
        """
        parser = Options("label")
        parser.add_argument("model")
        parser.add_argument("--data", action="append", required=True)
        parser.add_argument("--task", default="")
        parser.add_argument("--units", type=int)
        parser.add_argument("--runs", type=int)
        parser.add_argument("--expect", type=float)
        for option in ("--peers", "--edition", "--link", "--tokenizer", "--to", "-o"):
            parser.add_argument(option, default="" if option in ("--edition", "--link") else None)
        parser.add_argument("--replace", action="store_true")
        parser.add_argument("-q", "--quiet", action="store_true")
        args = parser.of(line)
        self._nameable("label", args.o)
        need_torch("label")
        if args.to is not None:
            if Path(args.to).suffix.lower() not in (".svg", ".png", ".json"):
                raise UsageError(f"%label: {args.to} must end in .svg, .png or .json.")
            args.to = _free("label", args.to, replace=args.replace)
        from jupyter_green.compression.errors import ShrinkError
        from jupyter_green.disclose import DiscloseError

        try:
            result = self._labelled(args)
            if args.to is not None:
                print(f"The label: {result.save(args.to)}")
        except (DiscloseError, ShrinkError) as error:
            raise UsageError(f"%label: {error}") from None
        except OSError as error:
            raise UsageError(f"%label: {args.to} can't be written: {error.strerror or error}.") from None
        if args.o:
            self.shell.push({args.o: result})
        return None if args.quiet else result

    @no_var_expand
    @line_magic
    def disclose(self, line: str) -> Disclosure | None:
        """Disclose this run's energy.

        ::

            %disclose NAME                                   show all that was metered in this run
            %disclose NAME --phase training                  training, inference or other
            %disclose NAME --of fine-tune                    only blocks and cells with this label
            %disclose NAME --to FILE [--replace]             .json, .md, .html, or .csv as CodeCarbon writes it
            %disclose NAME --card README.md                  merge it into a model card
            %disclose NAME --training-type fine-tuning --location 'Paris' --utilisation 0.7
            %disclose NAME --technique int8 --verified 'by nobody' --remote 'calls of an API'
            %disclose NAME --embodied 164 --water FRA        estimates: kg CO2e of the hardware, region of the water
            %disclose NAME -o NAME                           bind it

        Hardware, count, hours, utilisation, software, boundary and measured share are always included.
        """
        parser = Options("disclose")
        parser.add_argument("name")
        parser.add_argument("--phase", default="other")
        for option in ("--of", "--training-type", "--location", "--verified", "--water", "--to", "--card", "-o"):
            parser.add_argument(option)
        parser.add_argument("--utilisation", type=float)
        parser.add_argument("--embodied", type=float)
        parser.add_argument("--technique", action="append", default=[])
        parser.add_argument("--remote", action="append", default=[])
        parser.add_argument("--replace", action="store_true")
        parser.add_argument("-q", "--quiet", action="store_true")
        args = parser.of(line)
        self._nameable("disclose", args.o)
        from jupyter_green.disclose import DiscloseError, model_card

        try:
            result = self._disclosed(args)
            if args.card is not None:
                model_card(result, args.card, replace=args.replace)
                print(f"The model card: {args.card}")
        except (DiscloseError, ValueError) as error:
            raise UsageError(f"%disclose: {error}") from None
        except OSError as error:
            raise UsageError(
                f"%disclose: {args.card or args.to} can't be written: {error.strerror or error}."
            ) from None
        if args.o:
            self.shell.push({args.o: result})
        return None if args.quiet else result

    # ---- running a line -----------------------------------------------------------------------

    def _labelled(self, given: argparse.Namespace) -> Label:
        from jupyter_green.comparison.adapter_factory import adapter_of
        from jupyter_green.comparison.examples import examples_of
        from jupyter_green.comparison.model_adapter import FAILED
        from jupyter_green.comparison.normalize_predictions import answers_of, same
        from jupyter_green.comparison.sampling import joined
        from jupyter_green.disclose import CompletionCheck, label, measure, thirds
        from jupyter_green.disclose.protocol import RUNS, UNITS

        tokenizer = None if given.tokenizer is None else self._value("label", given.tokenizer)
        model = self._value("label", given.model)
        data = {name: self._value("label", name) for name in given.data}
        peers = {} if given.peers is None else dict(self._value("label", given.peers))
        self.cells.work()
        adapter = adapter_of(given.model, model, tokenizer=tokenizer)
        sets = {name: examples_of(item, batch=1) for name, item in data.items()}
        units = UNITS if given.units is None else given.units
        examples = joined(sets, thirds({name: range(len(item)) for name, item in sets.items()}, units))
        with adapter.quiet():
            adapter.ready(examples)
            indices = range(len(examples.batches))
            runs = RUNS if given.runs is None else given.runs
            with self.cells.trials.running({given.model: model}, "label: {}"):
                measured = measure(adapter.outputs, indices, runs=runs, name=given.model, session=self.session)
        answers = [FAILED if item is None else answers_of(adapter, item, examples, 1)[0] for item in measured.answers]
        correct = sum(same(item, label) for item, label in zip(answers, examples.labels, strict=True))
        majority = max(examples.labels.count(label) for label in set(examples.labels)) / len(examples)
        check = CompletionCheck(correct / len(examples), given.expect, None if given.expect is not None else majority)
        return label(
            given.model,
            measured,
            task=given.task,
            gate=check,
            parameters=adapter.parameters,
            peers=peers,
            edition=given.edition,
            date=time.strftime("%Y-%m-%d"),
            link=given.link,
            precision=_precision(model),
            sets=len(sets),
        )

    def _disclosed(self, given: argparse.Namespace) -> Disclosure:
        from jupyter_green._version import __version__
        from jupyter_green.disclose import disclose, emissions_csv
        from jupyter_green.disclose.disclosure_report import markdown, page
        from jupyter_green.impact import embodied_share

        from .energy.report import stated

        session = self.session
        statement = stated(session, self.shell.history_manager.input_hist_raw)
        records = [record for record in statement.records if given.of is None or record.label == given.of]
        if not records:
            raise ValueError(f"nothing with the label {given.of!r} was metered in this run.")
        hours = sum(record.seconds for record in records)
        embodied = None if given.embodied is None else embodied_share(given.embodied, reserved_seconds=hours)
        disclosure = disclose(
            records,
            name=given.name,
            phase=given.phase,
            valuation=session.settings.valuation,
            utilisation=given.utilisation,
            software=[*statement.versions, *_libraries()],
            location=given.location or "",
            training_type=given.training_type or "",
            techniques=given.technique,
            verification=given.verified or "none",
            remote=list(dict.fromkeys([*(self.cells.trials.remote if given.of is None else ()), *given.remote])),
            embodied=embodied,
            water_grid=given.water,
        )
        if given.to is None:
            return disclosure
        target = _free("disclose", given.to, replace=given.replace)
        forms = {
            ".json": lambda: json.dumps(disclosure.to_dict(), ensure_ascii=False, allow_nan=False, indent=1) + "\n",
            ".md": lambda: markdown(disclosure),
            ".html": lambda: page(disclosure),
            ".csv": lambda: emissions_csv(records, valuation=session.settings.valuation, version=__version__),
        }
        form = forms.get(target.suffix.lower())
        if form is None:
            raise ValueError(f"{target.name} must end in one of {', '.join(forms)}.")
        target.write_text(form(), encoding="utf-8")
        print(f"The disclosure: {target}")
        return disclosure

    def _value(self, name: str, expression: str) -> Any:
        return value(self.shell, name, expression)

    def _nameable(self, magic: str, name: str | None) -> None:
        if name is not None and not nameable(name):
            raise UsageError(f"%{magic}: {name!r} is not a variable name; nothing was run.")


def _free(magic: str, name: str, *, replace: bool) -> Path:
    """Return the file to write; raises UsageError if it exists and `replace` is false."""
    target = Path(name).expanduser()
    if target.exists() and not replace:
        raise UsageError(f"%{magic}: {name} exists already; name a new file, or add --replace.")
    return target


def _precision(model: Any) -> str:
    """Return the data type of a model's weights; empty if it has none."""
    for module in (model, getattr(model, "model", None)):
        if module is not None and callable(getattr(module, "parameters", None)):
            first = next(iter(module.parameters()), None)
            return "" if first is None else str(first.dtype).removeprefix("torch.")
    return ""


def _libraries() -> list[str]:
    """Return names and versions of the model libraries that are imported."""
    import sys

    names = ("torch", "transformers", "sklearn", "onnxruntime", "jax", "tensorflow")
    versions = [(name, getattr(sys.modules.get(name), "__version__", None)) for name in names]
    return [f"{name} {version}" for name, version in versions if version]

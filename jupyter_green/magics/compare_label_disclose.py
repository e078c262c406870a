"""``%compare``, ``%label`` and ``%disclose``: which model to take, its label, and what an honest report holds.

Lines are read here and handed to the rooms below; everything heavy is imported when a line is run. Files are written
only when all else is done, and never over one that is there, save the card that is asked for.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand

from .arguments import Options, column_or_values, nameable, need_torch, value
from .cells.cell_meter import CellMeter

if TYPE_CHECKING:
    from jupyter_green.comparison.result import Comparison
    from jupyter_green.disclose import Disclosure, Label

NAMES = ("compare", "label", "disclose")
"""The line magics of this module."""


@magics_class
class CompareLabelDiscloseMagics(Magics):
    """The magics that compare, label and disclose, of one shell.

    Parameters
    ----------
    shell : InteractiveShell
        The shell they belong to.
    cells : CellMeter
        Meters its cells.
    """

    def __init__(self, shell: Any, cells: CellMeter) -> None:
        super().__init__(shell)
        self.cells = cells

    @no_var_expand
    @line_magic
    def compare(self, line: str) -> Comparison | None:
        """Compare models, pipelines, estimators or functions on your own task, and pick the least energy.

        ::

            %compare a b c --data test                       within 1 % of the best
            %compare a b c --data test --max-loss 2%         accept more (a share of the best; 2pt or 0.02: points)
            %compare a b --data '(texts, labels)'            any expression; a table, dataset or DataLoader
            %compare a b --data test --metric f1             accuracy, f1, mse, perplexity, or the name of a function
            %compare a b --data table --group language       utility of each value of a column, side by side
            %compare a gpt --data test --remote gpt          one that runs elsewhere: unmetered, never 0
            %compare a b --data test --repeats 5             answers that vary are asked so often, with seeds
            %compare a b --data test --time 3min --batch 1   how long all of it may take, and examples at a time
            %compare a b --data test --origin 'IMDb, 2011'   where the data comes from
            %compare a b --data test --task summarization    what that was published to cost stands below
            %compare a b --data test -o chosen               bind the one to take to a name

        The value of the line is the ``Comparison``: ``rows``, ``pick``, ``reason``. An interrupt keeps what is known.
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
        given = parser.of(line)
        self._nameable("compare", given.output)
        need_torch("compare")
        models = {name: self._value("compare", name) for name in given.models}
        data, metric = self._value("compare", given.data), given.metric
        own = self.shell.user_ns.get(metric)
        tokenizer = None if given.tokenizer is None else self._value("compare", given.tokenizer)
        columns = column_or_values(self.shell, "compare", given.group)
        self.cells.work()
        from jupyter_green.comparison.api import compare
        from jupyter_green.compression.errors import ShrinkError

        here = {name: model for name, model in models.items() if name not in given.remote}
        try:
            with self.cells.trials.running(here, "compare: {}"):
                found = compare(
                    models,
                    data,
                    metric=own if callable(own) else metric,
                    max_loss=given.max_loss,
                    time=given.time,
                    group=columns,
                    batch=given.batch,
                    repeats=given.repeats,
                    remote=given.remote,
                    origin=given.origin,
                    task=given.task,
                    tokenizer=tokenizer,
                    progress=not given.quiet,
                    session=self.cells.session(),
                )
        except ShrinkError as error:
            raise UsageError(f"%compare: {error}") from None
        self.cells.trials.remote.update(dict.fromkeys(given.remote))
        if given.output:
            self.shell.push({given.output: models[found.pick]})
        return None if given.quiet else found

    @no_var_expand
    @line_magic
    def label(self, line: str) -> Label | None:
        """Measure a model by the rules of AI Energy Score, and draw its energy label.

        ::

            %label model --data a --data b --data c --task 'text classification' --expect 0.91
            %label model --data test --units 200 --runs 3    shorter; the label says so
            %label model --data test --to label.svg          .svg, .png (needs Pillow) or .json; --replace one there
            %label model --data test --peers labels          stars among these: a mapping of names to labels
            %label model --data test -o NAME                 bind the label to a name

        1,000 units in equal parts of the data sets, ten runs, one at a time. ``--expect`` is the accuracy the model is
        known to have; without it, it has to be above that of always giving the most frequent answer.
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
        given = parser.of(line)
        self._nameable("label", given.o)
        need_torch("label")
        if given.to is not None:
            if Path(given.to).suffix.lower() not in (".svg", ".png", ".json"):
                raise UsageError(f"%label: {given.to} is no label's file; end it in .svg, .png or .json.")
            given.to = _free("label", given.to, replace=given.replace)
        from jupyter_green.compression.errors import ShrinkError
        from jupyter_green.disclose import DiscloseError

        try:
            found = self._labelled(given)
            if given.to is not None:
                print(f"The label: {found.save(given.to)}")
        except (DiscloseError, ShrinkError) as error:
            raise UsageError(f"%label: {error}") from None
        except OSError as error:
            raise UsageError(f"%label: {given.to} can't be written: {error.strerror or error}.") from None
        if given.o:
            self.shell.push({given.o: found})
        return None if given.quiet else found

    @no_var_expand
    @line_magic
    def disclose(self, line: str) -> Disclosure | None:
        """Write what an honest report of this run's energy holds.

        ::

            %disclose NAME                                   show it; of all that was metered in this run
            %disclose NAME --phase training                  training, inference or other
            %disclose NAME --of fine-tune                    only blocks and cells with this label
            %disclose NAME --to FILE [--replace]             .json, .md, .html, or .csv as CodeCarbon writes it
            %disclose NAME --card README.md                  put it into a model card; nothing of yours is lost
            %disclose NAME --training-type fine-tuning --location 'Paris' --utilisation 0.7
            %disclose NAME --technique int8 --verified 'by nobody' --remote 'calls of an API'
            %disclose NAME --embodied 164 --water FRA        estimates: kg CO2e of the hardware, region of the water
            %disclose NAME -o NAME                           bind it

        Hardware, count, hours, utilisation, software, boundary and measured share can't be left out.
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
        given = parser.of(line)
        self._nameable("disclose", given.o)
        from jupyter_green.disclose import DiscloseError, model_card

        try:
            found = self._disclosed(given)
            if given.card is not None:
                model_card(found, given.card, replace=given.replace)
                print(f"The model card: {given.card}")
        except (DiscloseError, ValueError) as error:
            raise UsageError(f"%disclose: {error}") from None
        except OSError as error:
            raise UsageError(
                f"%disclose: {given.card or given.to} can't be written: {error.strerror or error}."
            ) from None
        if given.o:
            self.shell.push({given.o: found})
        return None if given.quiet else found

    # ---- one line -----------------------------------------------------------------------------

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
        item = adapter_of(given.model, model, tokenizer=tokenizer)
        sets = {name: examples_of(one, batch=1) for name, one in data.items()}
        units = UNITS if given.units is None else given.units
        examples = joined(sets, thirds({name: range(len(one)) for name, one in sets.items()}, units))
        with item.quiet():
            item.ready(examples)
            places = range(len(examples.batches))
            runs = RUNS if given.runs is None else given.runs
            with self.cells.trials.running({given.model: model}, "label: {}"):
                done = measure(item.outputs, places, runs=runs, name=given.model, session=self.cells.session())
        said = [FAILED if one is None else answers_of(item, one, examples, 1)[0] for one in done.answers]
        right = sum(same(one, label) for one, label in zip(said, examples.labels, strict=True))
        most = max(examples.labels.count(label) for label in set(examples.labels)) / len(examples)
        gate = CompletionCheck(right / len(examples), given.expect, None if given.expect is not None else most)
        return label(
            given.model,
            done,
            task=given.task,
            gate=gate,
            parameters=item.parameters,
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

        session = self.cells.session()
        statement = stated(session, self.shell.history_manager.input_hist_raw)
        records = [record for record in statement.records if given.of is None or record.label == given.of]
        if not records:
            raise ValueError(f"nothing with the label {given.of!r} was metered in this run.")
        hours = sum(record.seconds for record in records)
        embodied = None if given.embodied is None else embodied_share(given.embodied, reserved_seconds=hours)
        found = disclose(
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
            return found
        target = _free("disclose", given.to, replace=given.replace)
        forms = {
            ".json": lambda: json.dumps(found.to_dict(), ensure_ascii=False, allow_nan=False, indent=1) + "\n",
            ".md": lambda: markdown(found),
            ".html": lambda: page(found),
            ".csv": lambda: emissions_csv(records, valuation=session.settings.valuation, version=__version__),
        }
        form = forms.get(target.suffix.lower())
        if form is None:
            raise ValueError(f"{target.name} ends in none of {', '.join(forms)}; give the file such a name.")
        target.write_text(form(), encoding="utf-8")
        print(f"The disclosure: {target}")
        return found

    def _value(self, name: str, expression: str) -> Any:
        return value(self.shell, name, expression)

    def _nameable(self, magic: str, name: str | None) -> None:
        if name is not None and not nameable(name):
            raise UsageError(f"%{magic}: {name!r} is no name of a variable; nothing was run.")


def _free(magic: str, name: str, *, replace: bool) -> Path:
    """Return the file to write; raise where one is there that nobody gave away."""
    target = Path(name).expanduser()
    if target.exists() and not replace:
        raise UsageError(f"%{magic}: {name} is there already; name a new file, or add --replace.")
    return target


def _precision(model: Any) -> str:
    """Return the type of a model's weights; empty where there are none to ask."""
    for one in (model, getattr(model, "model", None)):
        if one is not None and callable(getattr(one, "parameters", None)):
            first = next(iter(one.parameters()), None)
            return "" if first is None else str(first.dtype).removeprefix("torch.")
    return ""


def _libraries() -> list[str]:
    """Return the versions of the libraries of models that are loaded already."""
    import sys

    names = ("torch", "transformers", "sklearn", "onnxruntime", "jax", "tensorflow")
    found = [(name, getattr(sys.modules.get(name), "__version__", None)) for name in names]
    return [f"{name} {version}" for name, version in found if version]

"""Savings of `green.shrink` on real models, compared with other tools.

    bash benchmarks/run shrink --workload text

Three parts, which can be run separately: `search` (green.shrink itself, once for each batch size), `losses` (loss of
the other tools, on the examples of our own final evaluation) and `laps` (cost of all, alternating in one process). Each
saves its figures in `benchmarks/out`; the page shows those that exist. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from . import shrink_sheet
from .machine import commit, installed, place
from .shrink_peers import PEERS, case_of

OUT = Path(__file__).with_name("out")
DOCS = Path(__file__).resolve().parents[1] / "docs"
THREADS = 2
BATCHES = (1, 32)
PARTS = ("search", "losses", "laps")
WORKS = ("text", "image", "vit", "lm")
LANGUAGE: dict[str, dict[str, Any]] = {"writing": {}, "reading": {"new_tokens": 0}}
LAPS_SECONDS, ROUNDS, QUICK_ROUNDS = 60.0, 20, 6
NEW_TOKENS = 128
PROMPT = 16
PACKAGES = ("jupyter_green", "torch", "transformers", "torch-pruning", "onnxruntime", "openvino", "nncf", "torchao")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the requested parts, print the tables and write them to ``benchmarks/out``."""
    parser = argparse.ArgumentParser(prog="benchmarks/run shrink", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--workload", choices=WORKS, help="which model; without it what is there is only shown")
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS), help="these parts only")
    parser.add_argument("--batch", nargs="+", type=int, choices=BATCHES, default=list(BATCHES), help="search for these")
    parser.add_argument("--search", nargs="+", choices=LANGUAGE, default=list(LANGUAGE), help="of lm, search for these")
    parser.add_argument("--time", default="5min", help="for each search (default: 5min)")
    parser.add_argument("--max-loss", default=None, help="accepted loss (default: 1 point, or 1 %% of perplexity)")
    parser.add_argument("--only", nargs="+", default=None, metavar="NAME", help="peers whose name contains NAME")
    parser.add_argument("--quick", action="store_true", help="short searches and few examples, to see that it runs")
    parser.add_argument("--publish", action="store_true", help="write docs/shrink-figures.md from what is there")
    options = parser.parse_args(arguments)
    if options.publish and options.quick:
        parser.error("a quick run is not published; leave out --quick")
    if options.workload is None and not options.publish:
        parser.error("name a workload: --workload " + " | ".join(WORKS))
    OUT.mkdir(exist_ok=True)
    if options.workload is not None:
        store = Store(options.workload, quick=options.quick)
        bench = Bench(options.workload, store, options)
        for part in PARTS:
            if part in options.part:
                bench.run(part)
        text = shrink_sheet.section(store.found)
        print(text)
        store.path.with_suffix(".md").write_text(text, encoding="utf-8")
    if options.publish:
        stores = [Store(name).found for name in WORKS]
        DOCS.mkdir(exist_ok=True)
        (DOCS / "shrink-figures.md").write_text(shrink_sheet.page(stores), encoding="utf-8")
        _tell("Published: docs/shrink-figures.md")
    return 0


class Store:
    """Results of a workload, saved after each part."""

    def __init__(self, work: str, *, quick: bool = False) -> None:
        self.path = OUT / f"shrink-{work}{'-quick' if quick else ''}.json"
        there = json.loads(self.path.read_text(encoding="utf-8")) if self.path.is_file() else {}
        self.found: dict[str, Any] = {"work": work, "search": {}, "losses": {}, "laps": {}, **there}

    def folder(self, key: str) -> Path:
        """Return the folder of the model that a search found."""
        return self.path.with_suffix("") / f"batch-{key}".replace(", at most ", "-")

    def write(self) -> None:
        """Save the results."""
        self.path.write_text(json.dumps(self.found, indent=1), encoding="utf-8")


class Bench:
    """One workload: its model, and its data in the splits of `green.shrink`."""

    def __init__(self, name: str, store: Store, given: argparse.Namespace) -> None:
        sys.path.insert(0, str(OUT.parents[1] / "examples"))
        import models
        import torch

        from jupyter_green.compression.api import first_outputs
        from jupyter_green.compression.data.splits import splits_of
        from jupyter_green.compression.model.source_model import source_model_of
        from jupyter_green.compression.quality.metric_selection import judged_by
        from jupyter_green.compression.recipes.recipe import RecipeContext

        torch.set_num_threads(THREADS)
        make: dict[str, Callable[[], models.Work]] = {
            "text": lambda: models.text(_tell),
            "image": lambda: models.resnet(_tell),
            "vit": lambda: models.vit(_tell),
            "lm": models.language,
        }
        self.name, self.store, self.given = name, store, given
        self.work = make[name]()
        store.found["trained"] = self.work.trained
        self.subject = source_model_of(self.work.model)
        with self.subject.quiet():
            self.material = splits_of(self.subject, self.work.data, self.work.train, tokenizer=self.work.tokenizer)
            if given.quick:
                self.material = replace(self.material, select=self.material.select[:20], judge=self.material.judge[:20])
            output = first_outputs(self.subject, self.material)
        self.subject, self.material, self.metric = judged_by(self.subject, self.material, output)
        material = self.material
        self.case = RecipeContext(self.subject, self.subject, material.tune, material.labelled, self.metric, 60.0, {})
        self.peers = [
            peer
            for peer in PEERS
            if name in peer.works and (not given.only or any(w.lower() in peer.name.lower() for w in given.only))
        ]

    def run(self, part: str) -> None:
        """Run one part and save its results with machine and time; each search is saved separately."""
        began, load = time.time(), os.getloadavg()
        {"search": self.search, "losses": self.losses, "laps": self.laps}[part]()
        if part != "search":
            self._note(part, began, load)

    def _note(self, part: str, began: float, load: tuple[float, float, float]) -> None:
        versions = ", ".join(f"{name} {installed(name)}" for name in PACKAGES)
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(began))
        self.store.found.setdefault("where", {})[part] = (
            f"{when}, {(time.time() - began) / 60:.0f} minutes on {place(load)}; {versions}{commit()}"
        )
        self.store.write()

    # ---- search ---------------------------------------------------------------------------------

    def search(self) -> None:
        """Shrink once for each batch size, and save the results."""
        import shutil

        import jupyter_green as green

        seconds = "60s" if self.given.quick else self.given.time
        kinds: list[tuple[str, dict[str, Any]]] = [(str(batch), {"batch": batch}) for batch in self.given.batch]
        if self.name == "lm":
            # Reading and generating text have different costs.
            kinds = [(f"1, {name}", {"batch": 1, **LANGUAGE[name]}) for name in self.given.search]
        for what, options in kinds:
            _tell(f"search, batch {what}, {seconds}")
            began, load = time.time(), os.getloadavg()
            result = green.shrink(
                self.work.model,
                self.work.data,
                self.work.train,
                tokenizer=self.work.tokenizer,
                time=seconds,
                **options,
                **self._accepted(),
                say=lambda what, share: _tell(f"  {100 * share:3.0f} % {what}"),
            )
            _tell(repr(result))
            key = what if self.given.max_loss is None else f"{what}, at most {self.given.max_loss}"
            folder = self.store.folder(key)
            shutil.rmtree(folder, ignore_errors=True)
            if result.recipe is not None:
                folder.parent.mkdir(parents=True, exist_ok=True)
                result.save(folder)
            self.store.found["search"][key] = told(result, seconds)
            self._note(f"search for batch {key}", began, load)

    def _accepted(self) -> dict[str, Any]:
        if self.given.max_loss is None:
            return {}
        return {"max_loss" if self.metric.unit == "points" else "max_relative_loss": self.given.max_loss}

    # ---- peers ----------------------------------------------------------------------------------

    def losses(self) -> None:
        """Measure the loss of the other tools against the original, on the test split."""
        from jupyter_green.compression.quality.metric import evaluate

        judge = self.material.judge
        base, reference = evaluate(self.subject, self.subject.model, judge, self.metric)
        self.store.found["metric"] = [self.metric.name, self.metric.unit, self.metric.value(base), len(base)]
        for name, model in self._made():
            if isinstance(model, str):
                self.store.found["losses"][name] = {"reason": model}
                continue
            _tell(f"losses: {name}")
            try:
                parts, _ = evaluate(self.subject, model, judge, self.metric, reference)
            except Exception as error:  # noqa: BLE001 - a peer that fails is a row with its reason
                self.store.found["losses"][name] = {"reason": _reason(error)}
                continue
            loss = self.metric.loss(base, parts)
            self.store.found["losses"][name] = {**asdict(loss), "score": self.metric.value(parts)}
            self.store.write()

    def laps(self) -> None:
        """Measure costs in alternation, for each batch size, and for a language model also token by token."""
        models = {"original": self.subject.model}
        for name, model in self._made():
            if not isinstance(model, str):
                models[name] = model
        for key in self.store.found["search"]:
            shrunk = self._found(key)
            if shrunk is not None:
                models[f"green.shrink for batch {key}"] = shrunk
        kinds: list[tuple[str, Mapping[str, Any]]] = [
            (f"batch {batch}", self._forward(models, batch)) for batch in (BATCHES if self.name != "lm" else (1,))
        ]
        if self.name == "lm":
            kinds = [("prefill 256", kinds[0][1]), ("decode", self._decode(models))]
        for key, runners in kinds:
            _tell(f"laps: {key}, {len(runners)} in turn")
            threads = {name: getattr(model, "threads", THREADS) for name, model in models.items()}
            self.store.found["laps"][key] = self._turns(runners, threads)
            self.store.write()

    def _turns(self, runners: Mapping[str, Any], threads: Mapping[str, int]) -> dict[str, Any]:
        from jupyter_green.compression.cost.cost_meter import SessionCostMeter
        from jupyter_green.compression.cost.trial import run_trial
        from jupyter_green.session import current

        rounds, seconds = (QUICK_ROUNDS, 20.0) if self.given.quick else (ROUNDS, LAPS_SECONDS)
        able = {}
        for name, runner in runners.items():
            began = time.perf_counter()
            try:
                for turn in range(3):
                    runner.run(turn)
            except Exception as error:  # noqa: BLE001 - a peer that fails is a row with its reason
                self.store.found["losses"].setdefault(name, {})["reason"] = _reason(error)
                continue
            _tell(f"  {name}: warm after {time.perf_counter() - began:.1f} s")
            able[name] = runner
        trial = run_trial(able, SessionCostMeter(current(), "cpu"), seconds=seconds, rounds=rounds)
        rows = {}
        for name in able:
            # Compared with the same runtime and number of threads, else fewer threads would look like a smaller model.
            runtime = shrink_sheet.RUNTIME if threads[name] == THREADS else f"{shrink_sheet.RUNTIME}, 1 thread"
            outcome = trial.outcome(name) if name != "original" else None
            model = trial.raw(name, runtime) if runtime in able and not name.startswith(shrink_sheet.RUNTIME) else None
            rows[name] = {
                "cpu_ms": 1e3 * trial.cost(name).cpu_seconds,
                "ratio": None if name == "original" else _ratio(trial.raw(name)),
                "widened": None if outcome is None else _ratio(outcome.ratio),
                "verdict": "" if outcome is None else outcome.verdict,
                "over_runtime": _ratio(model),
            }
        return {"basis": trial.basis, "others": trial.others, "rows": rows}

    def _forward(self, made: Mapping[str, Any], batch: int) -> dict[str, Any]:
        import torch

        from jupyter_green.compression.cost.trial import Runner

        batches = self.material.sized(batch)

        def runner(model: Any) -> Runner:
            def run(turn: int) -> None:
                with torch.inference_mode():
                    self.subject.call(batches[turn % len(batches)].inputs, model)

            return Runner(run, lambda turn: batches[turn % len(batches)].size)

        return {name: runner(model) for name, model in made.items()}

    def _decode(self, made: Mapping[str, Any]) -> dict[str, Any]:
        """Return functions that generate tokens at batch size 1 with a cache, for models that support it."""
        import torch

        from jupyter_green.compression.cost.trial import Runner

        blocks = [batch.inputs["input_ids"][:1, :PROMPT] for batch in self.material.sized(1)]

        def runner(model: Any) -> Runner:
            def run(turn: int) -> None:
                ids = blocks[turn % len(blocks)]
                with torch.inference_mode():
                    model.generate(
                        input_ids=ids,
                        attention_mask=torch.ones_like(ids),
                        min_new_tokens=NEW_TOKENS,
                        max_new_tokens=NEW_TOKENS,
                        do_sample=False,
                        pad_token_id=0,
                    )

            return Runner(run, lambda _turn: NEW_TOKENS)

        return {name: runner(model) for name, model in made.items() if hasattr(model, "generate")}

    def _made(self) -> Any:
        for peer in self.peers:
            reason = peer.missing()
            if reason is not None:
                yield peer.name, reason
                continue
            _tell(f"making: {peer.name}")
            began = time.process_time()
            try:
                model = peer.make(case_of(self.case))
            except Exception as error:  # noqa: BLE001 - a peer that fails is a row with its reason
                yield peer.name, _reason(error)
                continue
            self.store.found.setdefault("making", {})[peer.name] = time.process_time() - began
            yield peer.name, model

    def _found(self, key: str) -> Any:
        import copy

        import jupyter_green as green
        from jupyter_green.compression.errors import ShrinkError

        folder = self.store.folder(key)
        if not folder.is_dir():
            return None
        try:
            return green.load(folder)
        except ShrinkError:
            return green.load(folder, model=copy.deepcopy(self.work.model))


def told(result: Any, seconds: str) -> dict[str, Any]:
    """Return the result of a search as plain data."""
    split = result.facts.split
    rows = {row.standing: row for row in result.candidates}
    against = rows["kept"].against_control if "kept" in rows else None
    return {
        "time": seconds,
        "recipe": result.recipe,
        "proven": result.proven,
        "reason": result.reason,
        "ratio": result.energy_ratio,
        "interval": result.energy_ratio_interval,
        "runtime_ratio": None if split is None else _ratio(split[0]),
        "model_ratio": None if split is None else _ratio(split[1]),
        "loss": None if result.facts.interval is None else asdict(result.facts.interval),
        "against_control": None if against is None else asdict(against),
        "scores": result.facts.scores,
        "unit": result.facts.unit,
        "basis": result.basis,
        "cost_seconds": result.cost_seconds,
        "break_even": result.break_even,
        "notes": list(result.facts.notes),
        "report": repr(result),
    }


def _ratio(ratio: Any) -> list[float] | None:
    return None if ratio is None else [ratio.value, ratio.low, ratio.high]


def _reason(error: BaseException) -> str:
    message = (str(error).strip().splitlines() or [""])[0][:120]
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

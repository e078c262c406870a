"""Tables of the shrink benchmark in Markdown: results compared with the goals.

A goal counts as reached only if the whole interval is beyond it and the loss is proven; a point estimate beyond it
is "seen, not proven". Parts that were not run stay empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

TITLES = {
    "text": "Text: MiniLM (6 layers) that tells kind sentences from unkind ones",
    "image": "Pictures: ResNet of width 32 on Fashion-MNIST",
    "vit": "Pictures: ViT-small on Fashion-MNIST",
    "lm": "Language: SmolLM2-135M",
}
GOALS = {
    "text": {"batch 1": 6.8},
    "image": {"batch 1": 20.0, "batch 32": 10.0},
    "vit": {"batch 1": 8.0, "batch 32": 8.0},
    "lm": {"prefill 256": 5.0, "decode": 2.5},
}
"""Goal: factor by which CPU time is reduced."""
SEARCHED = {"batch 1": "1", "batch 32": "32", "prefill 256": "1, reading", "decode": "1, writing"}
"""The search of each kind of run."""
HEADLINE = {"text", "image"}
LEAST_SAVED, MOST_LOST = 0.658, 0.039
"""The main goal: smallest reduction in the winner's own runtime, and largest loss of the metric."""
RUNTIME = "ONNX Runtime, float32"
METHOD = """\
1. Models and data are real and come from packages; models are trained once, with fixed seeds
   (`examples/models.py`), as far as stated. Sentences and pictures are fetched when needed and never committed.
2. There is no energy sensor here: a cost is processor seconds per inference at two threads, of one process, measured by
   jupyter_green's own trials: everything alternates in one process (A B C …, then the reverse), the samples of a
   round are compared in pairs, intervals are 95 %. No energy on this page was measured.
3. `green.shrink` computes its figures on examples that its search did not use. "As energy" is its interval of the cost,
   widened by how much the power of two programs may differ; all else is processor time as it was read.
4. Other tools get the same examples for calibration and are evaluated on the same test examples. They are
   at their documented settings; a compiled model may compile again for a new length, which is not counted.
   "1 thread" is the same in one thread: for one example at a time a second one often costs more than it gains, and
   results of `green.shrink` use no more threads than make them faster. That part of a gain needs only a setting.
5. "Model alone" compares the winner with the original in the winner's own runtime: the gain of a faster runtime,
   available without `green.shrink`, is excluded. That is the headline's figure.
6. A candidate trained further is compared with an original that was trained as many steps on the same examples.
7. "At most" is the upper end of the loss' 95 % interval, paired by example (Tango's score interval, or a bootstrap).
"""


def page(stores: Sequence[Mapping[str, Any]]) -> str:
    """Return the published page."""
    there = [section(found) for found in stores if found.get("search") or found.get("laps")]
    absent = [TITLES[found["work"]] for found in stores if not (found.get("search") or found.get("laps"))]
    there += [f"## Not run yet\n\n{'; '.join(absent)}."] if absent else []
    return (
        "# Results of %shrink: real models compared with the goals\n\n"
        "Made by `bash benchmarks/run shrink --workload text` (`image`, `vit`, `lm`) and `--publish`; no test "
        "depends on it. Processor time, not energy.\n\n" + "\n\n".join(there) + f"\n\n## Method\n\n{METHOD}"
    )


def section(found: Mapping[str, Any]) -> str:
    """Return the tables of one workload."""
    work = str(found["work"])
    parts = [f"## {TITLES[work]}"]
    metric = found.get("metric")
    scored = "" if not metric else f" {metric[0].capitalize()} of the original: {_score(metric[2], metric[1])}."
    parts.append(f"Trained: {str(found.get('trained', 'not known')).rstrip('.')}.{scored}")
    parts += ["### Goals", _goals(work, found)]
    if found["search"]:
        parts += ["### Results of `green.shrink`", _searches(found["search"])]
        parts += [f"- For batch {batch}: {search['reason']}" for batch, search in found["search"].items()]
    if found["laps"]:
        parts += ["### Compared with other tools: factor by which processor time is reduced", _turns(found)]
        reasons = {name: row["reason"] for name, row in found["losses"].items() if row.get("reason")}
        parts += [f"- {name}: {reason}" for name, reason in reasons.items()]
        untold = sum(name not in found["losses"] for name in _named(found["laps"]) if "green.shrink" not in name)
        parts += [f"- What {untold} of the other tools lose was not measured."] if untold else []
    else:
        parts.append("**Not run alternately with other tools yet**: no comparison with them on this page.")
    for part, where in found.get("where", {}).items():
        parts.append(f"{part[:1].upper()}{part[1:]}: {where}.")
    return _joined(parts)


def _joined(parts: Sequence[str]) -> str:
    text = ""
    for place, part in enumerate(parts):
        tight = part.startswith("- ") and place and parts[place - 1].startswith("- ")
        text += ("\n" if tight else "\n\n") * bool(place) + part
    return text + "\n"


def _goals(work: str, found: Mapping[str, Any]) -> str:
    lines = ["| goal | reached | verdict |", "|---|---|---|"]
    for key, goal in GOALS[work].items():
        ratio, proven, by = _best(found, key)
        if ratio is None:
            lines.append(f"| {key}: {goal:g}× less | – | not run |")
            continue
        lines.append(f"| {key}: {goal:g}× less | {_times(ratio)} ({by}) | {_verdict(ratio, 1 / goal, proven)} |")
    if work in HEADLINE:
        for batch, search in found["search"].items():
            lines.append(_headline(batch, search))
    return "\n".join(lines)


def _best(found: Mapping[str, Any], key: str) -> tuple[list[float] | None, bool, str]:
    """Return our ratio of a kind of run, from `laps` if they were run, and whether the loss is proven."""
    batch = SEARCHED[key]
    search = found["search"].get(batch)
    row = found["laps"].get(key, {}).get("rows", {}).get(f"green.shrink for batch {batch}")
    proven = bool(search and search["proven"])
    if row is not None and row["ratio"] is not None:
        return row["ratio"], proven, "in turn with the peers"
    if search and search["ratio"] and search["recipe"] and not key.startswith("decode"):
        return [search["ratio"], *search["interval"]], proven, "as it says itself, interval as energy"
    return None, False, ""


def _verdict(ratio: Sequence[float], goal: float, proven: bool) -> str:
    if ratio[2] <= goal:
        return "reached" if proven else "cost reached, loss not proven"
    if ratio[0] <= goal:
        return "seen, its interval reaches beyond the goal"
    return "not reached"


def _headline(batch: str, search: Mapping[str, Any]) -> str:
    goal = f"batch {batch}: model alone {100 * LEAST_SAVED:.1f} % less, loss at most {100 * MOST_LOST:.1f} % of it"
    ratio, loss, scores = search["model_ratio"], search["loss"], search["scores"]
    if ratio is None or loss is None or not scores:
        return f"| {goal} | – | nothing found |"
    worst = max((x["high"] for x in (loss, search["against_control"]) if x), default=loss["high"])
    lost = worst / scores[0] if search["unit"] == "points" else worst
    less, least, most = (f"{100 * (1 - value):.1f}" for value in (ratio[0], ratio[2], ratio[1]))
    text = f"{less} % ({least}–{most}), loss at most {100 * lost:.1f} %"
    enough = 1 - ratio[2] >= LEAST_SAVED
    seen = 1 - ratio[0] >= LEAST_SAVED
    verdict = "reached" if enough and lost <= MOST_LOST else ("seen, not proven" if seen else "not reached")
    return f"| {goal} | {text} | {verdict} |"


def _searches(searches: Mapping[str, Any]) -> str:
    lines = [
        "| for batch | time | recipe | less in all, as energy | runtime | model alone "
        "| loss | loss at most | against the control | proven |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for batch, search in searches.items():
        unit = search["unit"]
        whole = None if search["ratio"] is None else [search["ratio"], *search["interval"]]
        loss, against = search["loss"], search["against_control"]
        cells = [
            batch,
            f"{search['cost_seconds'] / 60:.1f} min",
            search["recipe"] or "nothing",
            _times(whole),
            _times(search["runtime_ratio"]),
            _times(search["model_ratio"]),
            "–" if loss is None else _amount(loss["value"], unit),
            "–" if loss is None else _amount(loss["high"], unit),
            "–" if against is None else f"{_amount(against['value'], unit)}, at most {_amount(against['high'], unit)}",
            "yes" if search["proven"] else "no",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _named(laps: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(name for key in laps for name in laps[key]["rows"] if name != "original"))


def _turns(found: Mapping[str, Any]) -> str:
    laps, losses = found["laps"], found["losses"]
    unit = found.get("metric", ["", "points"])[1]
    keys = list(laps)
    names = _named(laps)
    heads = [head for key in keys for head in (key, f"{key}, model alone")]
    lines = ["| | " + " | ".join(heads) + " | loss | at most |", "|---|" + "---|" * (len(heads) + 2)]
    for name in names:
        cells = []
        for key in keys:
            row = laps[key]["rows"].get(name)
            cells.append("–" if row is None else _times(row["ratio"]))
            comparable = row is not None and row["over_runtime"] and _in_runtime(name, found["search"])
            cells.append(_times(row["over_runtime"]) if comparable else "–")
        loss = losses.get(name, {})
        ours = found["search"].get(name.removeprefix("green.shrink for batch ")) if name.startswith("green") else None
        if ours and ours["loss"]:
            loss = ours["loss"]
        cells += [_amount(loss[part], unit) if "value" in loss else "–" for part in ("value", "high")]
        first = f"**{name}**" if ours else name
        lines.append(f"| {first} | " + " | ".join(cells) + " |")
    original = " / ".join(f"{laps[key]['rows']['original']['cpu_ms']:.3g} ms at {key}" for key in keys)
    busy = ", ".join(f"{100 * laps[key]['others']:.0f} %" for key in keys if laps[key].get("others") is not None)
    lines.append("")
    lines.append(
        f"The original takes {original} of processor time an inference. Others used {busy or 'an unknown part'}"
    )
    lines[-1] += " of the machine meanwhile."
    return "\n".join(lines)


def _in_runtime(name: str, searches: Mapping[str, Any]) -> bool:
    """Whether a result runs in ONNX Runtime, so that it is compared with the original in that runtime."""
    search = searches.get(name.removeprefix("green.shrink for batch "))
    return RUNTIME.partition(",")[0] in (name if search is None else search["recipe"] or "")


def _times(ratio: Sequence[float] | None) -> str:
    if ratio is None:
        return "–"
    if ratio[1] == ratio[2]:
        return f"{1 / ratio[0]:.3g}×"
    return f"{1 / ratio[0]:.3g}× ({1 / ratio[2]:.3g}–{1 / ratio[1]:.3g})"


def _amount(value: float, unit: str) -> str:
    written = f"{100 * value:.2f}".replace("-", "−")
    return f"{written} points" if unit == "points" else f"{written} %"


def _score(value: float, unit: str) -> str:
    return f"{100 * value:.2f} %" if unit == "points" else f"{value:.2f}"

"""The report of a result, as text and as HTML: a headline, the details under it, a table, a plot and notes.

"Energy" is written only if it was measured; otherwise the text says "processor time". The HTML uses theme colours and
no scripts. A sanitizer that removes styles and SVG leaves the headline and the table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from jupyter_green.compression.cost.cost_meter import POWER_DIFFERENCE
from jupyter_green.compression.cost.ratio import Ratio
from jupyter_green.compression.model.outputs import path_in_words
from jupyter_green.compression.model.task import Task
from jupyter_green.compression.options import longer
from jupyter_green.compression.quality.class_scores import ClassScore, balanced, has_rare
from jupyter_green.compression.quality.loss import Loss
from jupyter_green.compression.quality.metric import MetricKind
from jupyter_green.compression.quality.skill import Constant
from jupyter_green.compression.result import ResultRow, ShrinkResult
from jupyter_green.compression.result_details import Late
from jupyter_green.compression.search.runtime_baselines import threads_of
from jupyter_green.reporting import numbers, renderers
from jupyter_green.reporting.numbers import ABSENT, MINUS, THIN, plain
from jupyter_green.reporting.record.style import STYLE
from jupyter_green.reporting.sanitize import columns, markup, one_line, pad

from .messages import nothing_kept
from .pareto_plot import pareto

_WORDS = {
    "reference": "reference",
    "control": "control",
    "kept": "kept",
    "front": "on the front",
    "dropped": "dropped",
    "failed": "failed",
    "not tried": "not tried",
}
YEAR_DAYS = 365
NAMED = 4
"""Number of untried recipes that are named."""


def headline(result: ShrinkResult) -> str:
    """Return the outcome in one sentence."""
    facts = result.facts
    if result.recipe is None:
        return nothing_kept(result.why, facts.late)
    quantity = "energy" if result.basis == "joules" else "processor time"
    about = "" if result.basis == "joules" else "About "
    less = ABSENT if result.energy_ratio is None else times(result.energy_ratio)
    sentence = f"{about}{less} less {quantity} per inference"
    if facts.scores is not None:
        before, after = (_score(facts, score) for score in facts.scores)
        sentence += f", {facts.metric} {before} → {after}"
    sentence += classes_in_words(facts.by_class)
    accepted = f"within {_accepted(facts)}"
    if result.proven and result.loss == 0 and result.why.code == "same numbers":
        return f"{sentence}: the same numbers out."
    if result.proven:
        return f"{sentence}: {accepted}, proven on {facts.examples:,} examples."
    late = facts.late is not None and facts.late.unjudged
    return f"{sentence}: not proven{', since the time was up before it was judged' if late else ''}."


def second_line(result: ShrinkResult) -> str:
    """Return the figures behind the headline, in one line."""
    facts = result.facts
    parts = [] if result.proven else [one_line(result.reason, 300)]
    rows = {row.standing: row for row in result.candidates if row.standing in ("reference", "kept")}
    first, last = rows.get("reference"), rows.get("kept")
    if first is not None and last is not None and first.cost is not None and last.cost is not None:
        if result.basis == "joules" and first.cost.joules is not None and last.cost.joules is not None:
            quality = "" if result.quality == "measured" else f" {result.quality}"
            parts.append(
                f"{numbers.energy(first.cost.joules, first.cost.uncertainty)} → "
                f"{numbers.energy(last.cost.joules, last.cost.uncertainty)}{quality}"
            )
        else:
            parts.append(
                f"{_milliseconds(first.cost.cpu_seconds)} → {_milliseconds(last.cost.cpu_seconds)} of processor time"
            )
    if result.energy_ratio_interval is not None and result.recipe is not None:
        low, high = result.energy_ratio_interval
        if facts.cpu is not None:
            parts.append(f"95 %: {times(facts.cpu.high)} to {times(facts.cpu.low)}, measured as processor time")
        if result.basis == "cpu_seconds":
            parts.append(f"as energy {times(high)} to {times(low)}, estimated")
        else:
            parts.append(f"95 %: {times(high)} to {times(low)}")
    if result.basis == "cpu_seconds":
        share = f"{100 * POWER_DIFFERENCE:.0f}{THIN}%"
        parts.append(
            f"no sensor measures here: energy is estimated from processor time, at ±{share} for power that may differ"
        )
    if facts.interval is not None and result.recipe is not None:
        where = "" if facts.scores is not None else ", on the examples for choosing"
        parts.append(f"loss at most {loss_in_words(facts.interval.high, facts.unit)}{where}")
    parts.append(facts.key)
    return " · ".join(parts)


def judged_in_words(kind: MetricKind, name: str, task: Task | None, constant: Constant | None = None) -> str:
    """Return the metric, the output it was computed from, and whether the original is no better than a constant."""
    if task is None:
        return f"Judged: {name}."
    parts = [name]
    if kind not in ("agreement", "cosine") and task.axis is None and task.threshold is not None:
        parts.append(f"an output above {task.threshold:g} says yes")
    elif task.classes is not None and kind in ("accuracy", "accuracy per place", "F1"):
        parts.append(f"{task.classes:,} classes")
    if kind == "agreement" and task.classes is not None:
        parts[0] = f"{name} on which of {task.classes:,} outputs is largest"
    if kind == "perplexity":
        units = {"masked-lm": "the labelled tokens", "seq2seq": "the labelled tokens"}
        parts[0] = f"perplexity of {units.get(task.name, 'the next token')}"
    output = f", of the output {path_in_words(task.output)}" if task.output else ""
    return f"Judged: {', '.join(parts)}{output}{_no_better(kind, constant)}."


def _no_better(kind: MetricKind, constant: Constant | None) -> str:
    return "" if constant is None else f", at which your model is {no_better(kind, constant)}"


def no_better(kind: MetricKind, constant: Constant, answer: str = "") -> str:
    """Return in words that a model is no better than a constant answer; `answer` is the displayed name of the class."""
    answers: dict[MetricKind, str] = {"perplexity": "guessing", "squared error": "always saying the mean"}
    class_name = "the more frequent" if constant.answer is None else answer or f"class {constant.answer}"
    score = numbers.significant(constant.score, 3) if kind in answers else f"{100 * constant.score:.1f}{THIN}%"
    return f"no better than {answers.get(kind, f'always saying {class_name}')} ({score})"


def classes_in_words(by_class: Mapping[Any, ClassScore]) -> str:
    """Return the clause of `rare_classes` in parentheses, or nothing."""
    clause = rare_classes(by_class)
    return f" ({clause})" if clause else ""


def rare_classes(by_class: Mapping[Any, ClassScore]) -> str:
    """Return the class with the largest loss, and balanced accuracy; empty if no class is rare or none loses."""
    if not has_rare(by_class):
        return ""
    name, worst = max(by_class.items(), key=lambda item: item[1].loss)
    before, after = balanced(by_class)
    if worst.loss <= 0:
        return ""
    detail = f"class {name} loses most, {loss_in_words(worst.loss, 'points')} on its {worst.held}"
    return f"{detail}; balanced accuracy {100 * before:.1f}{THIN}% → {100 * after:.1f}{THIN}%"


def times(ratio: float) -> str:
    """Return a ratio as a factor of reduction: 6.8×, 1.54×."""
    factor = 1 / ratio
    return f"{numbers.significant(factor, 2 if factor >= 2 else 3)}×"


def lines_below(result: ShrinkResult) -> list[str]:
    """Return the notes under the table: sources of the gain, cost of the search, and remarks."""
    facts, lines = result.facts, list[str]()
    if facts.split is not None and result.recipe is not None:
        runtime, rest = facts.split
        lines.append(f"Where it comes from: faster runtime {interval(runtime)}, smaller model {interval(rest)}.")
    if facts.in_threads is not None and facts.in_threads.less and result.recipe is not None:
        factor, count = interval(facts.in_threads), threads_of(result.model)
        lines.append(
            f"Of the runtime's part {factor} is fewer threads; your model has that by torch.set_num_threads({count})."
        )
    if result.recipe is not None:
        lines.extend(_beside(result))
    cost = numbers.seconds(result.cost_seconds)
    energy = ""
    if result.cost_joules is not None:
        about = "~" if result.quality == "estimated" else ""
        energy = f" and {about}{numbers.energy(result.cost_joules, facts.cost_uncertainty)}"
    lines.append(f"The search took {cost}{energy}{_passed(facts.late)}.")
    lines.extend(_left_untried(facts.late))
    if result.break_even is not None:
        lines.append(f"Paid back after {result.break_even:,} inferences.")
    if result.recipe is not None:
        lines.extend(_yearly(result))
    worst = max(facts.by_class.items(), key=lambda item: item[1].loss, default=None)
    if worst is not None and worst[1].loss > 0 and result.recipe is not None:
        lines.append(f"The class that loses most is {worst[0]}: {loss_in_words(worst[1].loss, 'points')}.")
    if facts.inspected and result.recipe is not None:
        lines.append(facts.inspected)
    lines.extend(_found_on(result))
    return [*lines, *facts.notes]


def _passed(late: Late | None) -> str:
    """Return by how much the time limit was exceeded, and why."""
    if late is None or not late.over:
        return ""
    allowed, over = numbers.seconds(late.allowed), numbers.seconds(late.over)
    return f", {over} more than the {allowed} allowed: what had begun ({late.running}) can't be stopped"


def _left_untried(late: Late | None) -> list[str]:
    """Return what was not done for lack of time, and how to allow more."""
    if late is None or not (late.untried or late.unjudged):
        return []
    use = f"Use --time {longer(late.allowed)}."
    if not late.untried:
        return [f"The time was up before anything was judged. {use}"]
    names = ", ".join(late.untried[:NAMED])
    more = f" and {len(late.untried) - NAMED} more" if len(late.untried) > NAMED else ""
    return [f"The time was up before {len(late.untried)} of the recipes were tried: {names}{more}. {use}"]


def _beside(result: ShrinkResult) -> list[str]:
    """Return the gain against bfloat16, and for a language model the gains of prefill and decode."""
    facts, lines = result.facts, list[str]()
    if facts.against_bf16 is not None:
        lines.append(f"Against the original in bf16: {_less_or_more(facts.against_bf16)}.")
    if facts.phases:
        phases = ", ".join(f"{phase} {interval(ratio)}" for phase, ratio in facts.phases.items())
        lines.append(f"Prompt and answer apart: {phases}.")
    if facts.agreement is not None:
        lines.append(f"The likeliest next token is the original's at {100 * facts.agreement:.1f}{THIN}% of the places.")
    return lines


def _found_on(result: ShrinkResult) -> list[str]:
    """Return on which split the losses and scores in the table were computed."""
    facts = result.facts
    if facts.chosen_by is None or not any(row.loss is not None for row in result.candidates):
        return []
    count, score = facts.chosen_by
    fewer = any(not row.judged and row.loss is not None and row.loss.examples < count for row in result.candidates)
    part = ", or on a part of them where the row says so" if fewer else ""
    if not any(row.judged for row in result.candidates):
        return [f"Losses were found on the {count:,} examples for choosing{part}."]
    return [
        f"Original and judged row: on the {facts.examples:,} examples for judging, used once in this search. All "
        f"others: on the {count:,} examples for choosing, where the original has {_score(facts, score)}{part}.",
        'Each row\'s own cost is from its own trial, at another moment; only "less" compares what ran in turn.',
    ]


def text(result: ShrinkResult) -> str:
    """Return the report as plain text."""
    rows = [_cells(row, result) for row in result.candidates]
    table = [_headings(result), *rows]
    widths = [max(columns(row[column]) for row in table) for column in range(len(table[0]) - 1)]
    lines = [
        "  ".join([*(pad(cell, widths[n], n > 0) for n, cell in enumerate(row[:-1])), row[-1]]).rstrip()
        for row in table
    ]
    facts = result.facts
    first = f"{headline(result)} {judged_in_words(facts.metric_kind, facts.metric, facts.judged, facts.constant)}"
    return plain("\n".join([first, second_line(result), "", *lines, "", *lines_below(result)]))


def html(result: ShrinkResult) -> str:
    """Return the report as HTML without scripts."""
    heads = _headings(result)
    head = "".join(f'<th scope="col"{_right(n)}>{markup(cell)}</th>' for n, cell in enumerate(heads))
    body = ""
    for row in result.candidates:
        first, *rest = _cells(row, result)
        strong = ("<b>", "</b>") if row.standing == "kept" else ("", "")
        notes = f'<div class="muted">{markup(" ".join(row.notes))}</div>' if row.notes else ""
        cells = "".join(f"<td{_right(n)}>{markup(cell)}</td>" for n, cell in enumerate(rest, 1))
        body += f'<tr><th scope="row">{strong[0]}{markup(first)}{strong[1]}{notes}</th>{cells}</tr>'
    below = "".join(f"<div>{markup(line)}</div>" for line in lines_below(result))
    facts = result.facts
    judged = judged_in_words(facts.metric_kind, facts.metric, facts.judged, facts.constant)
    return (
        f'{STYLE}<div class="jg"><div><b>{markup(headline(result))}</b> {markup(judged)}</div>'
        f'<div class="muted">{markup(second_line(result))}</div>'
        f'<div class="jg-scroll"><table class="jg-comp"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
        f"{pareto(result)}{below}</div>"
    )


def _headings(result: ShrinkResult) -> list[str]:
    per = "J each" if result.basis == "joules" else "CPU ms each"
    loss = "loss, points" if result.facts.unit == "points" else "loss, %"
    return [
        "candidate",
        per,
        "less",
        "95 %" if result.basis == "joules" else "95 % as energy",
        one_line(result.facts.metric, 24),
        loss,
        "95 %",
        "MB",
        "ms",
        "runtime",
        "verdict",
    ]


def _cells(row: ResultRow, result: ShrinkResult) -> list[str]:
    cost = ABSENT
    if row.cost is not None:
        joules = row.cost.joules
        if result.basis == "joules":
            uncertainty = "" if row.cost.uncertainty is None else f" ± {numbers.significant(row.cost.uncertainty, 1)}"
            cost = ABSENT if joules is None else f"{numbers.significant(joules, 3)}{uncertainty}"
        else:
            cost = numbers.significant(1e3 * row.cost.cpu_seconds, 3)
    reference = row.standing == "reference"
    return [
        one_line(row.name, 60),
        cost,
        "1×" if reference else (ABSENT if row.ratio is None else times(row.ratio.value)),
        ""
        if reference
        else (ABSENT if row.ratio is None else f"{times(row.ratio.high)[:-1]}–{times(row.ratio.low)[:-1]}"),
        ABSENT if row.score is None else _score(result.facts, row.score),
        ABSENT if row.loss is None else _hundredths(row.loss.value),
        ABSENT if row.loss is None else _range(row.loss),
        ABSENT if row.size_bytes is None else numbers.significant(row.size_bytes / 1e6, 3),
        ABSENT if row.cost is None else numbers.significant(1e3 * row.cost.seconds, 3),
        row.runtime or ABSENT,
        one_line(f"{_WORDS[row.standing]}: {row.reason}", 200),
    ]


def _score(facts: object, score: float) -> str:
    unit = getattr(facts, "unit", "points")
    return f"{100 * score:.1f}{THIN}%" if unit == "points" else numbers.significant(score, 3)


def _accepted(facts: object) -> str:
    return loss_in_words(float(getattr(facts, "max_loss", 0.0)), str(getattr(facts, "unit", "points")))


def loss_in_words(value: float, unit: str) -> str:
    """Return a loss with its unit: 0.5 points, 1 %."""
    written = _hundredths(value)
    written = written.rstrip("0").rstrip(".") if "." in written else written
    if unit == "relative":
        return f"{written}{THIN}%"
    return f"{written} point" if written == "1" else f"{written} points"


def _hundredths(value: float) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    return f"{100 * value:.2f}".replace("-", MINUS) if abs(value) >= 5e-5 else "0"


def _range(loss: Loss) -> str:
    return f"{_hundredths(loss.low)} to {_hundredths(loss.high)}"


def interval(ratio: Ratio) -> str:
    """Return a factor of reduction with its 95 % interval: 4.5× (4.2–4.7); without it if both ends round to it."""
    factor = times(ratio.value)
    return factor if span(ratio) == f"{factor[:-1]}–{factor[:-1]}" else f"{factor} ({span(ratio)})"


def span(ratio: Ratio) -> str:
    """Return the 95 % interval of a factor of reduction: 4.2–4.7."""
    return f"{times(ratio.high)[:-1]}–{times(ratio.low)[:-1]}"


def _less_or_more(ratio: Ratio) -> str:
    if ratio.value <= 1:
        return f"{interval(ratio)} less"
    return f"{interval(Ratio(1 / ratio.value, 1 / ratio.high, 1 / ratio.low, ratio.pairs))} more"


def _milliseconds(seconds: float) -> str:
    return f"{numbers.significant(1e3 * seconds, 3)}{THIN}ms"


def _yearly(result: ShrinkResult) -> list[str]:
    rows = {row.standing: row.cost for row in result.candidates if row.standing in ("reference", "kept")}
    before, after = rows.get("reference"), rows.get("kept")
    if before is None or after is None:
        return []
    facts = result.facts
    use = f"A year at {facts.per_day:,} inferences a day"
    if result.basis == "cpu_seconds":
        hours = (before.cpu_seconds - after.cpu_seconds) * facts.per_day * YEAR_DAYS / 3600
        return [f"{use}: {numbers.significant(hours, 2)} processor hours less, if the load stays the same."]
    if before.joules is None or after.joules is None:
        return []
    saved = (before.joules - after.joules) * facts.per_day * YEAR_DAYS
    return [f"{use}: {numbers.watt_hours(saved)} less, if the load stays the same."]


def _right(place: int) -> str:
    return ' class="r"' if 0 < place < 9 else ""


renderers.register(ShrinkResult, text=text, html=html)

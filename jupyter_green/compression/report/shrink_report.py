"""The report of a shrink, as text and as HTML: one sentence carries the fact, the table and the picture support it.

On processor time the sentence says processor time; "energy" stands only where it was measured. Drawn in theme colours,
without scripts; a sanitiser that drops style and picture leaves the sentence and the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jupyter_green.compression.cost.cost_meter import POWER_DIFFERENCE
from jupyter_green.compression.cost.ratio import Ratio
from jupyter_green.compression.cost.trial import UNLIKE, UNTOLD
from jupyter_green.compression.model.outputs import path_in_words
from jupyter_green.compression.model.task import Task
from jupyter_green.compression.options import longer
from jupyter_green.compression.quality.class_scores import ClassScore, balanced, has_rare
from jupyter_green.compression.quality.loss import Loss
from jupyter_green.compression.quality.metric import Agreement
from jupyter_green.compression.quality.skill import Constant
from jupyter_green.compression.result import ResultRow, ShrinkResult
from jupyter_green.compression.result_details import INTERRUPTED, NOTHING_APPLIES, Late
from jupyter_green.compression.search.runtime_baselines import threads_of
from jupyter_green.reporting import drawing, numbers
from jupyter_green.reporting.numbers import ABSENT, MINUS, THIN, plain
from jupyter_green.reporting.record.style import STYLE
from jupyter_green.reporting.sanitize import columns, markup, one_line, pad

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
"""Recipes that were not tried, of which so many are named."""


def headline(result: ShrinkResult) -> str:
    """Return what came of it in one sentence."""
    facts = result.facts
    if result.recipe is None:
        return _nothing_kept(result.reason, facts.late)
    what = "energy" if result.basis == "joules" else "processor time"
    about = "" if result.basis == "joules" else "About "
    less = ABSENT if result.energy_ratio is None else times(result.energy_ratio)
    said = f"{about}{less} less {what} per inference"
    if facts.scores is not None:
        before, after = (_score(facts, score) for score in facts.scores)
        said += f", {facts.metric} {before} → {after}"
    said += classes_in_words(facts.by_class)
    accepted = f"within {_accepted(facts)}"
    if result.proven and result.loss == 0 and result.reason.startswith("The same numbers"):
        return f"{said}: the same numbers out."
    if result.proven:
        return f"{said}: {accepted}, proven on {facts.examples:,} examples."
    late = facts.late is not None and facts.late.unjudged
    return f"{said}: not proven{', since the time was up before it was judged' if late else ''}."


def _nothing_kept(reason: str, late: Late | None = None) -> str:
    """Return why nothing is kept, in one sentence."""
    if late is not None and late.unjudged and not reason.startswith((UNLIKE, *UNTOLD)):
        tried = f"{late.tried} candidate{'' if late.tried == 1 else 's'} tried, none judged"
        return f"Not finished in {numbers.seconds(late.allowed)} ({tried}): keep your model, or give more time."
    if reason.startswith(UNLIKE):
        return "Can't tell: the device was throttled on one side alone."
    if reason.startswith(UNTOLD):
        short = reason.startswith("Too few")
        why = "there was too little time" if short else "the machine was busy or the figures varied too much"
        return f"Can't tell: {why}."
    came = {
        INTERRUPTED: "Interrupted before anything was found",
        NOTHING_APPLIES: "Nothing to try",
    }
    return f"{came.get(reason, 'Nothing gained')}: keep your model."


def second_line(result: ShrinkResult) -> str:
    """Return what the headline stands on."""
    facts = result.facts
    said = [] if result.proven else [one_line(result.reason, 300)]
    rows = {row.standing: row for row in result.candidates if row.standing in ("reference", "kept")}
    first, last = rows.get("reference"), rows.get("kept")
    if first is not None and last is not None and first.cost is not None and last.cost is not None:
        if result.basis == "joules" and first.cost.joules is not None and last.cost.joules is not None:
            word = "" if result.quality == "measured" else f" {result.quality}"
            said.append(
                f"{numbers.energy(first.cost.joules, first.cost.uncertainty)} → "
                f"{numbers.energy(last.cost.joules, last.cost.uncertainty)}{word}"
            )
        else:
            said.append(
                f"{_milliseconds(first.cost.cpu_seconds)} → {_milliseconds(last.cost.cpu_seconds)} of processor time"
            )
    if result.energy_ratio_interval is not None and result.recipe is not None:
        low, high = result.energy_ratio_interval
        if facts.cpu is not None:
            said.append(f"95 %: {times(facts.cpu.high)} to {times(facts.cpu.low)}, measured as processor time")
        if result.basis == "cpu_seconds":
            said.append(f"as energy {times(high)} to {times(low)}, estimated")
        else:
            said.append(f"95 %: {times(high)} to {times(low)}")
    if result.basis == "cpu_seconds":
        share = f"{100 * POWER_DIFFERENCE:.0f}{THIN}%"
        said.append(
            f"no sensor measures here: energy is estimated from processor time, at ±{share} for power that may differ"
        )
    if facts.interval is not None and result.recipe is not None:
        where = "" if facts.scores is not None else ", on the examples for choosing"
        said.append(f"loss at most {loss_in_words(facts.interval.high, facts.unit)}{where}")
    said.append(facts.key)
    return " · ".join(said)


def judged_in_words(metric: str, task: Task | None, constant: Constant | None = None) -> str:
    """Return what was judged, of which output, and whether the original is no better at it than a constant answer."""
    if task is None:
        return f"Judged: {metric}."
    said = [metric]
    if "agreement" not in metric and task.axis is None and task.threshold is not None:
        said.append(f"an output above {task.threshold:g} says yes")
    elif task.classes is not None and metric.startswith(("accuracy", "F1")):
        said.append(f"{task.classes:,} classes")
    if metric == Agreement.name and task.classes is not None:
        said[0] = f"{metric} on which of {task.classes:,} outputs is largest"
    if metric == "perplexity":
        places = {"masked-lm": "the labelled tokens", "seq2seq": "the labelled tokens"}
        said[0] = f"perplexity of {places.get(task.name, 'the next token')}"
    which = f", of the output {path_in_words(task.output)}" if task.output else ""
    return f"Judged: {', '.join(said)}{which}{_no_better(metric, constant)}."


def _no_better(metric: str, constant: Constant | None) -> str:
    return "" if constant is None else f", at which your model is {no_better(metric, constant)}"


def no_better(metric: str, constant: Constant, answer: str = "") -> str:
    """Return in words that a model is no better than a constant answer; `answer` is what the class is called."""
    answers = {"perplexity": "guessing", "mean squared error": "always saying the mean"}
    said = "the more frequent" if constant.answer is None else answer or f"class {constant.answer}"
    score = numbers.significant(constant.score, 3) if metric in answers else f"{100 * constant.score:.1f}{THIN}%"
    return f"no better than {answers.get(metric, f'always saying {said}')} ({score})"


def classes_in_words(by_class: Mapping[Any, ClassScore]) -> str:
    """Return the class that loses most and balanced accuracy, where a class is rare; empty where none is or loses."""
    if not has_rare(by_class):
        return ""
    name, worst = max(by_class.items(), key=lambda item: item[1].loss)
    before, after = balanced(by_class)
    if worst.loss <= 0:
        return ""
    lost = f"class {name} loses most, {loss_in_words(worst.loss, 'points')} on its {worst.held}"
    return f" ({lost}; balanced accuracy {100 * before:.1f}{THIN}% → {100 * after:.1f}{THIN}%)"


def times(ratio: float) -> str:
    """Return how many times less a ratio is: 6.8×, 1.54×."""
    factor = 1 / ratio
    return f"{numbers.significant(factor, 2 if factor >= 2 else 3)}×"


def lines_below(result: ShrinkResult) -> list[str]:
    """Return where the gain comes from, what it cost, and what else should be known."""
    facts, said = result.facts, list[str]()
    if facts.split is not None and result.recipe is not None:
        runtime, rest = facts.split
        said.append(f"Where it comes from: faster runtime {interval(runtime)}, smaller model {interval(rest)}.")
    if facts.in_threads is not None and facts.in_threads.less and result.recipe is not None:
        part, count = interval(facts.in_threads), threads_of(result.model)
        said.append(
            f"Of the runtime's part {part} is fewer threads; your model has that by torch.set_num_threads({count})."
        )
    if result.recipe is not None:
        said.extend(_beside(result))
    cost = numbers.seconds(result.cost_seconds)
    energy = ""
    if result.cost_joules is not None:
        about = "~" if result.quality == "estimated" else ""
        energy = f" and {about}{numbers.energy(result.cost_joules, facts.cost_uncertainty)}"
    said.append(f"The search took {cost}{energy}{_passed(facts.late)}.")
    said.extend(_left_untried(facts.late))
    if result.break_even is not None:
        said.append(f"Paid back after {result.break_even:,} inferences.")
    if result.recipe is not None:
        said.extend(_yearly(result))
    worst = max(facts.by_class.items(), key=lambda item: item[1].loss, default=None)
    if worst is not None and worst[1].loss > 0 and result.recipe is not None:
        said.append(f"The class that loses most is {worst[0]}: {loss_in_words(worst[1].loss, 'points')}.")
    if facts.inspected and result.recipe is not None:
        said.append(facts.inspected)
    said.extend(_found_on(result))
    return [*said, *facts.notes]


def _passed(late: Late | None) -> str:
    """Return by how much the time allowed was passed, and by what."""
    if late is None or not late.over:
        return ""
    allowed, over = numbers.seconds(late.allowed), numbers.seconds(late.over)
    return f", {over} more than the {allowed} allowed: what had begun ({late.running}) can't be stopped"


def _left_untried(late: Late | None) -> list[str]:
    """Return what was not tried or judged since the time was up, and what to do."""
    if late is None or not (late.untried or late.unjudged):
        return []
    use = f"Use --time {longer(late.allowed)}."
    if not late.untried:
        return [f"The time was up before anything was judged. {use}"]
    names = ", ".join(late.untried[:NAMED])
    more = f" and {len(late.untried) - NAMED} more" if len(late.untried) > NAMED else ""
    return [f"The time was up before {len(late.untried)} of the recipes were tried: {names}{more}. {use}"]


def _beside(result: ShrinkResult) -> list[str]:
    """Return the gain against bfloat16, and of a language model prompt and answer apart."""
    facts, said = result.facts, list[str]()
    if facts.against_bf16 is not None:
        said.append(f"Against the original in bf16: {_less_or_more(facts.against_bf16)}.")
    if facts.phases:
        apart = ", ".join(f"{phase} {interval(ratio)}" for phase, ratio in facts.phases.items())
        said.append(f"Prompt and answer apart: {apart}.")
    if facts.agreement is not None:
        said.append(f"The likeliest next token is the original's at {100 * facts.agreement:.1f}{THIN}% of the places.")
    return said


def _found_on(result: ShrinkResult) -> list[str]:
    """Return what the table's losses and scores were found on."""
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
    widths = [max(columns(row[place]) for row in table) for place in range(len(table[0]) - 1)]
    lines = [
        "  ".join([*(pad(word, widths[n], n > 0) for n, word in enumerate(row[:-1])), row[-1]]).rstrip()
        for row in table
    ]
    facts = result.facts
    first = f"{headline(result)} {judged_in_words(facts.metric, facts.judged, facts.constant)}"
    return plain("\n".join([first, second_line(result), "", *lines, "", *lines_below(result)]))


def html(result: ShrinkResult) -> str:
    """Return the report as HTML without scripts."""
    heads = _headings(result)
    head = "".join(f'<th scope="col"{_right(n)}>{markup(word)}</th>' for n, word in enumerate(heads))
    body = ""
    for row in result.candidates:
        first, *rest = _cells(row, result)
        strong = ("<b>", "</b>") if row.standing == "kept" else ("", "")
        beside = f'<div class="muted">{markup(" ".join(row.notes))}</div>' if row.notes else ""
        cells = "".join(f"<td{_right(n)}>{markup(word)}</td>" for n, word in enumerate(rest, 1))
        body += f'<tr><th scope="row">{strong[0]}{markup(first)}{strong[1]}{beside}</th>{cells}</tr>'
    below = "".join(f"<div>{markup(line)}</div>" for line in lines_below(result))
    judged = judged_in_words(result.facts.metric, result.facts.judged, result.facts.constant)
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
            doubt = "" if row.cost.uncertainty is None else f" ± {numbers.significant(row.cost.uncertainty, 1)}"
            cost = ABSENT if joules is None else f"{numbers.significant(joules, 3)}{doubt}"
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
    written = f"{100 * value:.2f}".rstrip("0").rstrip(".")
    written = written.replace("-", MINUS)
    if unit == "relative":
        return f"{written}{THIN}%"
    return f"{written} point" if written == "1" else f"{written} points"


def _hundredths(value: float) -> str:
    return f"{100 * value:.2f}".replace("-", MINUS) if abs(value) >= 5e-5 else "0"


def _range(loss: Loss) -> str:
    return f"{_hundredths(loss.low)} to {_hundredths(loss.high)}"


def interval(ratio: Ratio) -> str:
    """Return how many times less with the 95 % interval: 4.5× (4.2–4.7); alone where that is no wider as written."""
    found = times(ratio.value)
    return found if span(ratio) == f"{found[:-1]}–{found[:-1]}" else f"{found} ({span(ratio)})"


def span(ratio: Ratio) -> str:
    """Return the 95 % interval of how many times less: 4.2–4.7."""
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


drawing.register(ShrinkResult, text=text, html=html)

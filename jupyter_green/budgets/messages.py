"""Messages about budgets, with ±, quality and what is unknown."""

from __future__ import annotations

import math
import time
from typing import Any

from jupyter_green.reporting import numbers

from .budget import WARN_FROM, Override
from .usage import BudgetUsage

LARGEST = 1e6
"""Largest share sent to the side panel."""


def used(spent: BudgetUsage, *, plain: bool = True) -> str:
    """Return how much of a budget is used, with ± and quality; unless `plain`, the share keeps its no-break spaces."""
    limit = spent.budget.limit
    assert limit is not None, "a budget that was cleared is not spoken of"
    share = numbers.whole_percent(spent.share)
    share = numbers.plain(share) if plain else share
    amount = limit.written(spent.amount, spent.uncertainty)
    quality = "" if spent.quality is None else f" {spent.quality}"
    carried = spent.allowed - limit.amount
    allowed = f"{limit} and {limit.written(carried)} carried over" if carried > 0 else str(limit)
    half_width = spent.uncertainty
    caveat = ""
    if half_width is None and spent.amount:
        caveat = "; its uncertainty is not known"
    elif half_width and (spent.amount - half_width < spent.allowed < spent.amount + half_width):
        caveat = "; too uncertain to say whether the limit is passed"
    return f"{amount}{quality} of {allowed}, {share}{caveat}"


def told(spent: BudgetUsage, lifted: Override | None, problem: str | None) -> dict[str, Any]:
    """Return the shape of a budget for the side panel: its messages, and the share for its bar.

    `problem` says why the ledger is not available.
    """
    budget = spent.budget
    state = "held" if spent.share >= 1 else "warned" if spent.share >= WARN_FROM else "open"
    until = spent.end if lifted is None else lifted.until
    return {
        "id": budget.id,
        "name": budget.name,
        "amount": str(budget.limit),
        "per": budget.per,
        "covers": budget.covers,
        "used": used(spent, plain=False),
        "share": min(spent.share, LARGEST),
        "quality": spent.quality,
        "state": state if lifted is None else "lifted",
        "until": until if math.isfinite(until) else None,
        "note": f"{unknown(spent)}{basis(problem, spent.read_at)}".strip() or None,
    }


def unknown(spent: BudgetUsage) -> str:
    """Return what is not included in the figure; empty if it is complete."""
    parts = []
    if spent.missing:
        parts.append(f"{spent.missing} record{'' if spent.missing == 1 else 's'} without a figure")
    if spent.foreign:
        parts.append(f"costs in {', '.join(spent.foreign)}")
    return f" Not included: {' and '.join(parts)}." if parts else ""


def basis(problem: str | None, read_at: float | None) -> str:
    """Return what the figure is based on while the ledger is unavailable; empty if it is available."""
    if problem is None:
        return ""
    when = "this kernel's records" if read_at is None else f"its state at {time.strftime('%H:%M', _local(read_at))}"
    return f" The ledger can't be used ({problem.rstrip('.')}); this uses {when} and the journals of this machine."


def warned(spent: BudgetUsage, problem: str | None) -> str:
    """Return the warning that a budget is nearly used up."""
    notes = f"{unknown(spent)}{basis(problem, spent.read_at)}"
    return f"Budget of {spent.budget.name}: {used(spent)}; at 100 % further cells are blocked.{notes}"


def asked(spent: BudgetUsage, problem: str | None, seconds: float) -> str:
    """Return the question whether to run a cell anyway, with the time limit for the answer."""
    notes = f"{unknown(spent)}{basis(problem, spent.read_at)}"
    return (
        f"Budget of {spent.budget.name} used up: {used(spent)}.{notes} "
        f"Run this cell anyway? (not run without an answer in {seconds:.0f} s) [y/N] "
    )


def held(spent: BudgetUsage, problem: str | None) -> str:
    """Return the message that a cell is blocked, and what to do."""
    budget = spent.budget
    notes = f"{unknown(spent)}{basis(problem, spent.read_at)}"
    return (
        f"Blocked by the budget of {budget.name}: {used(spent)}.{notes} "
        f'Go on with: %budget override "REASON", or set another: %budget {_more(spent)} --per {budget.per}'
        f"{'' if budget.covers == 'all' else f' --{budget.covers}'}."
    )


def stopped(spent: BudgetUsage) -> str:
    """Return the message that a cell was interrupted, as the budget's `stop` option demands."""
    return f"Interrupted by the budget of {spent.budget.name} (--stop): {used(spent)}."


def _more(spent: BudgetUsage) -> str:
    """Return an example of a larger limit, as it is typed."""
    limit = spent.budget.limit
    assert limit is not None, "a budget that was cleared holds nothing back"
    double = 2 * max(limit.amount, spent.amount)
    size, unit = {
        "money": (1.0, limit.currency or ""),
        "co2e": (1.0, "g"),
        "energy": (3600.0, "Wh") if double >= 3600 else (1.0, "J"),
    }[limit.quantity]
    return f"{float(f'{double / size:.2g}'):.10g}{unit}"


def _local(seconds: float) -> time.struct_time:
    return time.localtime(seconds)

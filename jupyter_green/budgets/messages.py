"""What is said of budgets: one sentence for each occasion, with ±, standing and what is not known."""

from __future__ import annotations

import math
import time
from typing import Any

from jupyter_green.reporting import numbers

from .budget import WARN_FROM, Override
from .usage import BudgetUsage

LARGEST = 1e6
"""A share beyond which a picture says nothing more."""


def used(spent: BudgetUsage, *, plain: bool = True) -> str:
    """Return how much of a budget is used, with its ± and standing; on a page the share is not broken over lines."""
    limit = spent.budget.limit
    assert limit is not None, "a budget that was cleared is not spoken of"
    share = numbers.whole_percent(spent.share)
    share = numbers.plain(share) if plain else share
    said = limit.written(spent.amount, spent.uncertainty)
    quality = "" if spent.quality is None else f" {spent.quality}"
    carried = spent.allowed - limit.amount
    whole = f"{limit} and {limit.written(carried)} carried over" if carried > 0 else str(limit)
    doubt = spent.uncertainty
    unsure = ""
    if doubt is None and spent.amount:
        unsure = "; how sure that is is not known"
    elif doubt and (spent.amount - doubt < spent.allowed < spent.amount + doubt):
        unsure = "; the interval reaches to both sides of it"
    return f"{said}{quality} of {whole}, {share}{unsure}"


def told(spent: BudgetUsage, lifted: Override | None, problem: str | None) -> dict[str, Any]:
    """Return what a page is told of a budget: the same sentences, and the share that its bar shows.

    Parameters
    ----------
    spent : BudgetUsage
        How it stands.
    lifted : Override or None
        What sets it aside now.
    problem : str or None
        Why the ledger can't be used.
    """
    budget = spent.budget
    full = "held" if spent.share >= 1 else "warned" if spent.share >= WARN_FROM else "open"
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
        "state": full if lifted is None else "lifted",
        "until": until if math.isfinite(until) else None,
        "note": f"{unknown(spent)}{basis(problem, spent.read_at)}".strip() or None,
    }


def unknown(spent: BudgetUsage) -> str:
    """Return what is not in the figure; empty where all is."""
    parts = []
    if spent.missing:
        parts.append(f"{spent.missing} record{'' if spent.missing == 1 else 's'} without a figure")
    if spent.foreign:
        parts.append(f"what was priced in {', '.join(spent.foreign)}")
    return f" Not in it: {' and '.join(parts)}." if parts else ""


def basis(problem: str | None, read_at: float | None) -> str:
    """Return what the figure rests on where the ledger is away; empty where it is there."""
    if problem is None:
        return ""
    when = "what this kernel knows" if read_at is None else f"what it held at {time.strftime('%H:%M', _local(read_at))}"
    return (
        f" The ledger can't be used ({problem.rstrip('.')}); this works on {when} and on the journals of this machine."
    )


def warned(spent: BudgetUsage, problem: str | None) -> str:
    """Say that a budget is nearly used up."""
    rest = f"{unknown(spent)}{basis(problem, spent.read_at)}"
    return f"Budget of {spent.budget.name}: {used(spent)}; at 100 % further cells are held back.{rest}"


def asked(spent: BudgetUsage, problem: str | None, seconds: float) -> str:
    """Ask whether a cell is to run all the same, and say how long an answer is waited for."""
    rest = f"{unknown(spent)}{basis(problem, spent.read_at)}"
    return (
        f"Budget of {spent.budget.name} used up: {used(spent)}.{rest} "
        f"Run this cell all the same? (held back without an answer in {seconds:.0f} s) [y/N] "
    )


def held(spent: BudgetUsage, problem: str | None) -> str:
    """Say that a cell is held back, and what to do."""
    budget = spent.budget
    rest = f"{unknown(spent)}{basis(problem, spent.read_at)}"
    return (
        f"Held back by the budget of {budget.name}: {used(spent)}.{rest} "
        f'Go on with: %budget override "REASON", or set another: %budget {_more(spent)} --per {budget.per}'
        f"{'' if budget.covers == 'all' else f' --{budget.covers}'}."
    )


def stopped(spent: BudgetUsage) -> str:
    """Say that a cell was interrupted, as the person chose."""
    return f"Interrupted by the budget of {spent.budget.name} (--stop): {used(spent)}."


def _more(spent: BudgetUsage) -> str:
    """An example of a larger limit, as it is typed."""
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

"""Floor 4: what joules are held against, and what follows: functions and plain objects over the ledger's records.

The mechanisms that reward efficiency are pure functions, named as in `docs/accounts.md`. They are loaded when they are
first used: metering needs none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .baseline import Baseline, BaselineCell, Matching
from .book import Book, forget, keep_run
from .choice import BaselineError, Choice, Standing, chosen_name, read_file
from .comparison import Against, Comparison
from .excess import Excess, Joules, excess
from .reading import Reading

if TYPE_CHECKING:
    from .allotment import Allotment, allowance, reserve, usable
    from .bank import Settlement, settle
    from .bill import Price, TariffCard, price
    from .demand import Rebound, rebound
    from .market import Equilibrium, clearing_price, equilibrium
    from .rule import Rule
    from .saving import credit
    from .simulation import Member, Simulation, simulate
    from .tax import carbon_rate, shadow_tax

_LATER = {
    "Allotment": "allotment",
    "Equilibrium": "market",
    "Member": "simulation",
    "Price": "bill",
    "Rebound": "demand",
    "Rule": "rule",
    "Settlement": "bank",
    "Simulation": "simulation",
    "TariffCard": "bill",
    "allowance": "allotment",
    "carbon_rate": "tax",
    "clearing_price": "market",
    "credit": "saving",
    "equilibrium": "market",
    "price": "bill",
    "rebound": "demand",
    "reserve": "allotment",
    "settle": "bank",
    "shadow_tax": "tax",
    "simulate": "simulation",
    "usable": "allotment",
}

__all__ = [
    "Against",
    "Allotment",
    "Baseline",
    "BaselineCell",
    "BaselineError",
    "Book",
    "Choice",
    "Comparison",
    "Equilibrium",
    "Excess",
    "Joules",
    "Matching",
    "Member",
    "Price",
    "Reading",
    "Rebound",
    "Rule",
    "Settlement",
    "Simulation",
    "Standing",
    "TariffCard",
    "allowance",
    "carbon_rate",
    "chosen_name",
    "clearing_price",
    "credit",
    "equilibrium",
    "excess",
    "forget",
    "keep_run",
    "price",
    "read_file",
    "rebound",
    "reserve",
    "settle",
    "shadow_tax",
    "simulate",
    "usable",
]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(f".{_LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Public functions of baselines, pricing and the market.

The functions of pricing and the market are pure, and named as in `docs/accounts.md`. They are imported on first use,
because metering does not need them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .baselines.baseline import Baseline, BaselineCell, Matching
from .baselines.comparable_energy import ComparableEnergy
from .baselines.comparison import BaselineDifference, Comparison
from .baselines.excess import Excess, Joules, excess
from .baselines.selection import ActiveBaseline, BaselineError, BaselineSelection, chosen_name, read_file
from .baselines.service import BaselineService, forget, keep_run

if TYPE_CHECKING:
    from .market.allowance import Allotment, allowance, reserve, usable
    from .market.equilibrium import Equilibrium, clearing_price, equilibrium
    from .market.settlement import AllowanceSettlement, settle
    from .market.simulation import Member, Simulation, simulate
    from .pricing.baseline_rule import Rule
    from .pricing.credit import credit
    from .pricing.price import Price, TariffCard, price
    from .pricing.rebound import Rebound, rebound
    from .pricing.shadow_tax import carbon_rate, shadow_tax

_MODULES = {
    "market.allowance": ("Allotment", "allowance", "reserve", "usable"),
    "market.equilibrium": ("Equilibrium", "clearing_price", "equilibrium"),
    "market.settlement": ("AllowanceSettlement", "settle"),
    "market.simulation": ("Member", "Simulation", "simulate"),
    "pricing.baseline_rule": ("Rule",),
    "pricing.credit": ("credit",),
    "pricing.price": ("Price", "TariffCard", "price"),
    "pricing.rebound": ("Rebound", "rebound"),
    "pricing.shadow_tax": ("carbon_rate", "shadow_tax"),
}
_LATER = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "ActiveBaseline",
    "Allotment",
    "AllowanceSettlement",
    "Baseline",
    "BaselineCell",
    "BaselineDifference",
    "BaselineError",
    "BaselineSelection",
    "BaselineService",
    "ComparableEnergy",
    "Comparison",
    "Equilibrium",
    "Excess",
    "Joules",
    "Matching",
    "Member",
    "Price",
    "Rebound",
    "Rule",
    "Simulation",
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
        return getattr(import_module(f"jupyter_green.{_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

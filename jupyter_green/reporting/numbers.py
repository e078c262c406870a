"""Number formatting for text, HTML and images.

± is the half-width of the 95 % interval. It gets one significant digit, two if the first is 1, and the value has the
same number of decimals. A block or column has one unit, chosen from its largest value. A missing value is "–", never
0. Upper bounds are rounded up and lower bounds down. A thin space separates number and unit; `plain` replaces it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from typing import Literal, TypeGuard, get_args

THIN = "\u202f"
"""Narrow no-break space, before a unit and after ±; `plain` replaces it by a normal space."""
HAIR = "\u200a"
"""Hair space; `plain` removes it."""
ABSENT = "–"
MINUS = "−"

_ENERGY = (("nJ", 1e-9), ("µJ", 1e-6), ("mJ", 1e-3), ("J", 1.0), ("kJ", 1e3), ("MJ", 1e6))
_WATT_HOURS = (("nWh", 3.6e-6), ("µWh", 3.6e-3), ("mWh", 3.6), ("Wh", 3.6e3), ("kWh", 3.6e6), ("MWh", 3.6e9))
_GRAMS = (("µg", 1e-6), ("mg", 1e-3), ("g", 1.0), ("kg", 1e3), ("t", 1e6))
_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}
_CONTEXT = Context(prec=60)
_MOST_DECIMALS = 12
_MOST_COLUMN_DECIMALS = 3


@dataclass(frozen=True)
class Unit:
    """A unit of energy: its symbol and its size in joules."""

    symbol: str
    joules: float


JOULE = Unit("J", 1.0)

UnitChoice = Literal["", "J", "Wh", "kWh"]
"""Unit of energies that the user chose; empty: J or kJ, whichever suits."""
UNIT_CHOICES: tuple[UnitChoice, ...] = get_args(UnitChoice)
_LADDERS: dict[UnitChoice, tuple[tuple[str, float], ...]] = {
    "": _ENERGY,
    "J": _ENERGY[:4],
    "Wh": _WATT_HOURS[:4],
    "kWh": _WATT_HOURS[:5],
}
_chosen: UnitChoice = ""


def choose_unit(choice: str) -> None:
    """Set the unit of energies for all text of this process, as the side panel does for its own.

    The chosen unit is the largest one used; a value below a hundredth of it gets a smaller one of the same family.
    Raises KeyError if `choice` is none of `UNIT_CHOICES`.
    """
    global _chosen  # noqa: PLW0603 - one process has one user, as one page has
    _chosen = {known: known for known in UNIT_CHOICES}[choice]  # type: ignore[index]  # checked by this very look-up


@dataclass(frozen=True)
class Amount:
    """A formatted energy: value, ± (None if unknown), unit and number of decimals."""

    value: str
    uncertainty: str | None
    unit: Unit
    decimals: int

    @property
    def head(self) -> str:
        """The value with its unit."""
        return f"{self.value}{THIN}{self.unit.symbol}"

    def __str__(self) -> str:
        return self.head if self.uncertainty is None else f"{self.head} ±{THIN}{self.uncertainty}"


def plain(text: str) -> str:
    """Return `text` with typographic spaces replaced by those of plain text."""
    return text.replace(THIN, " ").replace(HAIR, "")


def known(value: float | None) -> TypeGuard[float]:
    """Whether `value` is a finite number."""
    return value is not None and math.isfinite(value)


def finite(value: float | None) -> float | None:
    """Return `value` if it is finite, else None (JSON has no NaN or infinity)."""
    return value if known(value) else None


# ---- digits ---------------------------------------------------------------------------------------


def fixed(value: float, decimals: int, rounding: str = ROUND_HALF_UP) -> str:
    """Format with `decimals` decimals (negative: rounded to tens, hundreds), thousands commas and a minus sign."""
    if not math.isfinite(value):
        return ABSENT
    if abs(value) >= 1e15 or 0 < abs(value) < 10.0**-_MOST_DECIMALS:
        return f"{value:.2g}".replace("e+", "e").replace("-", MINUS)
    step = Decimal(1).scaleb(-min(decimals, _MOST_DECIMALS))
    rounded = Decimal(repr(float(value))).quantize(step, rounding=rounding, context=_CONTEXT)
    if rounded == 0:
        rounded = abs(rounded)  # no "−0"
    return f"{rounded:,.{max(0, min(decimals, _MOST_DECIMALS))}f}".replace("-", MINUS)


def significant(value: float, digits: int = 2, rounding: str = ROUND_HALF_UP) -> str:
    """Format with a number of significant digits."""
    return fixed(value, places(value, digits, rounding), rounding)


def uncertainty_decimals(uncertainty: float) -> int:
    """Return the number of decimals for a ±: one significant digit, two if the first is 1."""
    if not known(uncertainty) or uncertainty == 0:
        return 0
    finer = places(uncertainty, 2)
    return finer if _leading(uncertainty, finer) == "1" else places(uncertainty, 1, keep_carry=True)


def places(value: float, digits: int, rounding: str = ROUND_HALF_UP, keep_carry: bool = False) -> int:
    """Return the number of decimals that gives `value` so many significant digits (at most 12)."""
    if not math.isfinite(value) or value == 0:
        return 0
    exact = abs(Decimal(repr(float(value))))
    decimals = digits - 1 - exact.adjusted()
    if not keep_carry:  # 9.96 with two digits is 10, not 10.0
        rounded_exponent = exact.quantize(Decimal(1).scaleb(-decimals), rounding=rounding, context=_CONTEXT).adjusted()
        decimals -= rounded_exponent - exact.adjusted()
    return min(decimals, _MOST_DECIMALS)


def fixed_or_own(value: float, decimals: int) -> str:
    """Format with a column's decimals, or with one significant digit if that would round to 0."""
    text = fixed(value, decimals)
    return text if _leading(value, decimals) != "0" or not value else significant(value, 1)


def ceiling(value: float) -> str:
    """Format an upper bound: rounded up to one significant digit, two if the first is 1."""
    two = significant(value, 2, ROUND_CEILING)
    return two if two.lstrip("0.").startswith("1") else significant(value, 1, ROUND_CEILING)


def floor(value: float) -> str:
    """Format a lower bound: rounded down to two significant digits, as one would lose too much."""
    return significant(value, 2, ROUND_FLOOR)


def _leading(value: float, decimals: int) -> str:
    return next((sign for sign in fixed(abs(value), decimals) if sign in "123456789"), "0")


# ---- energy ---------------------------------------------------------------------------------------


def unit_for(values: Iterable[float | None]) -> Unit:
    """Return the unit of a block from its largest value: J below 1,000 J, then kJ, MJ; mJ below 0.01 J.

    If the user chose a unit, it is used from a hundredth of it on.
    """
    largest = max((abs(value) for value in values if value is not None and math.isfinite(value)), default=0.0)
    unit_steps = _LADDERS[_chosen]
    if _chosen:
        return Unit(*(_step(unit_steps, 100 * largest) if largest else unit_steps[-1]))
    if largest == 0 or 0.01 <= largest < 1000:
        return JOULE
    return Unit(*_step(unit_steps, largest))


def unit_of_column(pairs: Iterable[tuple[float | None, float | None]]) -> Unit:
    """Return the unit of a column of energies and their ±.

    It follows the largest value, but is reduced towards joules while a row needs more than three decimals: below
    1.24 MJ, 12.4 J is not "0.0000124".
    """
    rows = [(value, spread) for value, spread in pairs if value is not None and math.isfinite(value)]
    unit = unit_for(value for value, _ in rows)
    finest = min((spread or abs(value) for value, spread in rows if spread or value), default=0.0)
    smaller = [Unit(*step) for step in _LADDERS[_chosen] if step[1] < unit.joules]
    while unit.joules > 1 and smaller and places(finest / unit.joules, 1) > _MOST_COLUMN_DECIMALS:
        unit = smaller.pop()
    return unit


def energy(joules: float | None, uncertainty: float | None = None, unit: Unit | None = None) -> Amount:
    """Format an energy in joules with its ±; without a ± it gets two significant digits.

    A given `unit` is used as it is. Otherwise the unit is chosen for the rounded value, so that 999.96 J is never
    "1,000.0 J".
    """
    if joules is None or not math.isfinite(joules):
        return Amount(ABSENT, None, unit or JOULE, 0)
    chosen = unit or unit_for([joules, uncertainty])
    for _ in range(2):
        value = joules / chosen.joules
        spread = None if uncertainty is None or not math.isfinite(uncertainty) else uncertainty / chosen.joules
        decimals = uncertainty_decimals(spread) if spread else places(value, 3 if spread == 0 else 2)
        text = fixed(value, decimals)
        larger = [Unit(*step) for step in _LADDERS[_chosen] if step[1] > chosen.joules]
        if unit is not None or not larger or not text.lstrip(MINUS).startswith("1,000"):
            break
        chosen = larger[0]
    return Amount(text, None if spread is None else fixed(spread, decimals), chosen, decimals)


def energy_within(joules: float, decimals: int, unit: Unit) -> str:
    """Format a part of a sum with the sum's decimals, or its own if rounding would change it by more than 10 %."""
    text = fixed(joules / unit.joules, decimals)
    rounding_error = abs(round(joules / unit.joules, decimals) * unit.joules - joules) if math.isfinite(joules) else 0.0
    if joules and (rounding_error > 0.1 * abs(joules) or not any(sign in "123456789" for sign in text)):
        return energy(joules).head
    return f"{text}{THIN}{unit.symbol}"


def at_most(joules: float) -> str:
    """Format an upper bound in joules, rounded up."""
    unit = unit_for([joules])
    return f"≤{THIN}{ceiling(max(0.0, joules) / unit.joules)}{THIN}{unit.symbol}"


def at_least(joules: float) -> str:
    """Format a lower bound in joules, rounded down."""
    unit = unit_for([joules])
    return f"≥{THIN}{floor(joules / unit.joules)}{THIN}{unit.symbol}"


def _step(unit_steps: tuple[tuple[str, float], ...], value: float) -> tuple[str, float]:
    return next((step for step in reversed(unit_steps) if abs(value) >= step[1]), unit_steps[0])


# ---- other quantities -----------------------------------------------------------------------------


def seconds(value: float | None) -> str:
    """Format a duration in seconds: 0.4 ms, 21 ms, 1.83 s, 5.5 s, 28 s, 2 min 5 s, 1 h 4 min."""
    if value is None or not math.isfinite(value) or value < 0:
        return ABSENT
    if value < 0.9995:
        scaled, symbol = (value * 1e3, "ms") if value >= 1e-4 or value == 0 else (value * 1e6, "µs")
        return f"{fixed(scaled, 0 if scaled >= 9.95 or scaled == 0 else 1)}{THIN}{symbol}"
    if value < 119.5:
        return f"{fixed(value, 2 if value < 1.995 else 1 if value < 9.95 else 0)}{THIN}s"
    if value < 3599.5:
        minutes, rest = divmod(round(value), 60)
        return f"{minutes}{THIN}min {rest}{THIN}s" if rest else f"{minutes}{THIN}min"
    hours, rest = divmod(round(value / 60), 60)
    return f"{fixed(hours, 0)}{THIN}h {rest}{THIN}min" if rest else f"{fixed(hours, 0)}{THIN}h"


def watts(value: float | None) -> str:
    """Format a power in watts with two significant digits."""
    return ABSENT if value is None or not math.isfinite(value) else f"{significant(value)}{THIN}W"


def watt_hours(joules: float | None, rounding: str = ROUND_HALF_UP) -> str:
    """Format joules as watt-hours (3,600 J each) with two significant digits."""
    return _scaled(joules, _WATT_HOURS, rounding)


def in_other_unit(joules: float, rounding: str = ROUND_HALF_UP) -> str:
    """Format an energy in watt-hours, or in joules if the user chose watt-hours, with two significant digits."""
    if "Wh" not in _chosen:
        return watt_hours(joules, rounding)
    symbol, size = _step(_ENERGY, joules)
    return f"{significant(joules / size, 2, rounding)}{THIN}{symbol}"


LEAST_GRAMS = 1e-7
"""Grams of CO2e below which a figure is given per million runs."""


def carbon(grams: float | None, rounding: str = ROUND_HALF_UP) -> str:
    """Format grams of CO2e; below 0.1 µg per million runs."""
    if grams is not None and 0 < abs(grams) < LEAST_GRAMS:
        return f"{_scaled(grams * 1e6, _GRAMS, rounding)} CO₂e per million runs"
    return f"{_scaled(grams, _GRAMS, rounding)} CO₂e"


def _scaled(value: float | None, unit_steps: tuple[tuple[str, float], ...], rounding: str) -> str:
    if value is None or not math.isfinite(value):
        return ABSENT
    # A unit is used from a tenth of it on: 0.19 mg reads better than 190 µg next to figures in mg.
    symbol, size = (
        _step(unit_steps, 10 * value) if value else next(step for step in unit_steps if step[0] in ("g", "Wh"))
    )
    return f"{significant(value / size, 2, rounding)}{THIN}{symbol}"


def money(amount: float | None, currency: str | None) -> str:
    """Format a cost; a very small one per 1,000 or per million runs, never "0.00"."""
    if amount is None or not math.isfinite(amount):
        return ABSENT
    for times, suffix in ((1, ""), (1_000, " per 1,000 runs"), (1_000_000, " per million runs")):
        if amount == 0 or abs(amount) * times >= 0.095:
            return _priced(fixed(amount * times, 2), currency) + suffix
    return f"less than {_priced('0.10', currency)} per million runs"


def price(amount: float | None, currency: str | None) -> str:
    """Format a cost that is a sum: two significant digits if it is very small, never per runs."""
    if amount is None or not math.isfinite(amount):
        return ABSENT
    two_decimals = amount == 0 or abs(amount) >= 0.095
    return _priced(fixed(amount, 2) if two_decimals else significant(amount, 2), currency)


def _priced(figure: str, currency: str | None) -> str:
    symbol = _SYMBOLS.get(currency or "")
    if symbol is None:
        return f"{figure}{THIN}{currency}" if currency else figure
    return f"{MINUS}{symbol}{figure[1:]}" if figure.startswith(MINUS) else symbol + figure


def percent(share: float | None) -> str:
    """Format a share (1 = 100 %) like a ±: one significant digit, two if the first is 1."""
    if share is None or not math.isfinite(share):
        return ABSENT
    return f"{fixed(share * 100, uncertainty_decimals(abs(share * 100)))}{THIN}%"


def with_uncertainty(told: str, joules: float | None, uncertainty: float | None) -> str:
    """Append the relative ± of an energy to a quantity derived from it, such as CO2e or a cost."""
    if not known(joules) or not known(uncertainty) or joules <= 0:
        return told
    return f"{told} ±{THIN}{percent(uncertainty / joules)}"


def whole_percent(share: float | None) -> str:
    """Format a share (1 = 100 %) as whole per cent, never rounded up to 100 or down to 0."""
    if share is None or not math.isfinite(share):
        return ABSENT
    if 0.995 <= share < 1:
        return f">{THIN}99{THIN}%"
    return f"<{THIN}1{THIN}%" if 0 < share < 0.005 else f"{fixed(share * 100, 0)}{THIN}%"


def change(ratio: float | None) -> str:
    """Format a relative change (0.27 = +27 %) with its sign: −38 %, +0.4 %, +1,200 %; a decrease is at most 99 %."""
    if ratio is None or not math.isfinite(ratio):
        return ABSENT
    size = abs(ratio) * 100
    if size < 0.95:
        text = significant(size, 1)
    elif size >= 100:
        text = significant(size, 2)
    else:
        text = "99" if size >= 99 else fixed(size, 0)
    return f"{MINUS if ratio < 0 else '+'}{text}{THIN}%"

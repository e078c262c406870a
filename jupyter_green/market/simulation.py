"""Market simulation with unequal members over several periods: banking, a uniform-price call auction, a penalty.

At a price b per joule, each member computes x = (k / (a + b·e))^(1/(k+1)), with e joules per unit of x, as in
`equilibrium`. In each period all bids and offers are matched once at one price: the lowest at which the group needs no
more than it has. At price 0 nothing is traded, because selling gains nothing, and each member keeps to its own
allowance. The price never exceeds the penalty: above it, members pay the penalty instead. Amounts are whole
millijoules, so every allowance is used, kept or expired, and sales equal purchases.

This is not a forecast. Source: the market of arXiv 2601.19886, read in notes on it; unequal members, the auction and
the banking rule are our own derivation. Members are myopic: nobody holds back allowances to move the price or saves
them for a higher one, and a surplus is sold at any price above 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from jupyter_green.impact.kilowatt_hours import EXACT

from .allowance import apportion
from .settlement import settle

CAVEATS = (
    "A simulation, not a forecast: members look no further than the period, nobody hoards to move the price, the gain "
    "from computing is a stylised law (−x^−k), and nothing is calibrated."
)
_HALVINGS = 200
"""Most bisection steps of the auction."""


@dataclass(frozen=True)
class Member:
    """A member of the market.

    Parameters
    ----------
    name : str
        Name of the member's account.
    k, a : float
        The gain −x^(−k) and the cost a·x of computing x, as in `equilibrium`.
    joules_per_unit : float
        e, joules per unit of x, above 0.
    allowance : int
        Allowance per period in millijoules.
    """

    name: str
    k: float
    a: float
    joules_per_unit: float
    allowance: int

    def __post_init__(self) -> None:
        for name, value in (("k", self.k), ("joules_per_unit", self.joules_per_unit)):
            if not math.isfinite(value) or value <= 0:
                raise ValueError(f"{name} of {self.name} is {value}; it must be a finite number above 0.")
        if not math.isfinite(self.a) or self.a <= 0:
            raise ValueError(f"a of {self.name} is {self.a}; without a cost its demand is unbounded.")
        if isinstance(self.allowance, bool) or not isinstance(self.allowance, int) or self.allowance < 0:
            raise ValueError(
                f"The allowance of {self.name} is {self.allowance!r}; it must be in whole millijoules, from 0 up."
            )

    def wanted(self, price: float) -> int:
        """Return the energy used at a price per joule, in millijoules."""
        cost = self.a + price * self.joules_per_unit
        units = float((self.k / cost) ** (1 / (self.k + 1)))
        return math.floor(1000 * self.joules_per_unit * units)


class _Terms(NamedTuple):
    """Terms that hold in every period; as for `simulate`."""

    penalty: float
    decay: float
    keep: int | None


@dataclass(frozen=True)
class Line:
    """The result of a member in a period; all amounts but money in millijoules."""

    name: str
    """The member."""
    allowance: int
    banked: int
    """Allowance for the period, and banked allowances at its start."""
    used: int
    free: int
    """Energy used, and what would be used without a cap."""
    bought: int
    sold: int
    """Allowances traded."""
    short: int
    expired: int
    kept: int
    """Use that is not covered, expired part of the bank, and bank at the end."""
    paid: Decimal
    """Money paid for purchases (below 0: earned)."""
    fine: float
    """Money paid for `short`."""


@dataclass(frozen=True)
class Period:
    """One period: price per joule, millijoules traded, a line for each member, and a sentence."""

    number: int
    price: float
    traded: int
    lines: tuple[Line, ...]
    sentence: str


@dataclass(frozen=True)
class Simulation:
    """The result of a simulation."""

    periods: tuple[Period, ...]
    caveats: str = CAVEATS

    @property
    def used(self) -> int:
        """Total energy used, in millijoules."""
        return sum(line.used for period in self.periods for line in period.lines)

    @property
    def free(self) -> int:
        """Total energy without a cap, in millijoules."""
        return sum(line.free for period in self.periods for line in period.lines)

    @property
    def reduction(self) -> float:
        """Share of `free` that was not used, 0 to 1."""
        return 1 - self.used / self.free if self.free else 0.0


def simulate(
    members: Sequence[Member],
    *,
    periods: int = 1,
    penalty: float,
    tightening: float = 0.0,
    decay: float = 0.0,
    keep: int | None = None,
) -> Simulation:
    """Simulate a market.

    Parameters
    ----------
    members : sequence of Member
        Members with unique names.
    periods : int
        Number of periods.
    penalty : float
        φ, money per joule that is not covered, above 0; an upper bound of the price.
    tightening : float
        Share by which all allowances shrink from each period to the next, 0 to 1.
    decay, keep
        Decay of the bank and largest number of vintages, as for `settlement.settle`.

    Raises
    ------
    ValueError
        If a value is not valid.
    """
    if not members or len({member.name for member in members}) < len(members):
        raise ValueError("A market needs members with distinct names.")
    if isinstance(periods, bool) or not isinstance(periods, int) or periods < 1:
        raise ValueError(f"periods is {periods!r}; it must be a whole number from 1 up.")
    if not math.isfinite(penalty) or penalty <= 0:
        raise ValueError(f"penalty is {penalty}; it must be a finite number above 0, or nobody would buy.")
    if not 0 <= tightening <= 1:
        raise ValueError(f"tightening is {tightening}; it must be between 0 and 1.")
    banks: dict[str, tuple[int, ...]] = {member.name: () for member in members}
    results = []
    for number in range(1, periods + 1):
        allowances = {m.name: math.floor(m.allowance * (1 - tightening) ** (number - 1)) for m in members}
        period, banks = _period(number, members, allowances, banks, _Terms(penalty, decay, keep))
        results.append(period)
    return Simulation(tuple(results))


def auction(members: Sequence[Member], supply: int, highest: float) -> float:
    """Return the lowest price per joule at which members use no more than the supply; 0 if they don't anyway.

    Parameters
    ----------
    members : sequence of Member
        The bidders.
    supply : int
        Total allowances in millijoules.
    highest : float
        Upper bound of the price: the penalty.
    """

    def wanted(price: float) -> int:
        return sum(member.wanted(price) for member in members)

    if wanted(0.0) <= supply:
        return 0.0
    if wanted(highest) >= supply:
        return highest
    low, high = 0.0, highest
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if wanted(middle) > supply:
            low = middle
        else:
            high = middle
    return high


def _period(
    number: int,
    members: Sequence[Member],
    given: dict[str, int],
    banks: dict[str, tuple[int, ...]],
    terms: _Terms,
) -> tuple[Period, dict[str, tuple[int, ...]]]:
    available = {member.name: given[member.name] + sum(banks[member.name]) for member in members}
    price = auction(members, sum(available.values()), terms.penalty)
    if price:
        used = {member.name: member.wanted(price) for member in members}
        bought, sold = _matched(available, used)
    else:
        used = {member.name: _alone(member, available[member.name], terms.penalty) for member in members}
        bought = sold = dict.fromkeys(available, 0)
    lines, kept = [], {}
    for member in members:
        name = member.name
        settled = settle(
            used[name],
            allowance=given[name],
            banked=banks[name],
            bought=bought[name],
            sold=sold[name],
            penalty=terms.penalty / 1000,
            decay=terms.decay,
            keep=terms.keep,
        )
        kept[name] = tuple(int(vintage) for vintage in settled.bank)
        net = EXACT.divide(Decimal(bought[name] - sold[name]), Decimal(1000))
        line = Line(
            name,
            given[name],
            sum(banks[name]),
            used[name],
            member.wanted(0.0),
            bought[name],
            sold[name],
            int(settled.short),
            int(settled.expired),
            sum(kept[name]),
            EXACT.multiply(Decimal(repr(price)), net),
            settled.fine,
        )
        lines.append(line)
    traded = sum(bought.values())
    return Period(number, price, traded, tuple(lines), _said(number, price, traded, terms.penalty)), kept


def _alone(member: Member, has: int, penalty: float) -> int:
    """Return the use of a member that does not trade: what it wants, limited by its own allowance and the penalty."""
    uncapped, at_penalty = member.wanted(0.0), member.wanted(penalty)
    return uncapped if uncapped <= has else max(at_penalty, has)


def _matched(has: dict[str, int], used: dict[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Return purchases and sales; the longer side of the market is rationed in proportion."""
    bids = {name: max(0, used[name] - has[name]) for name in has}
    offers = {name: max(0, has[name] - used[name]) for name in has}
    traded = min(sum(bids.values()), sum(offers.values()))
    if not traded:
        return dict.fromkeys(has, 0), dict.fromkeys(has, 0)
    return apportion(traded, bids), apportion(traded, offers)


def _said(number: int, price: float, traded: int, penalty: float) -> str:
    if not price:
        return (
            f"Nothing was traded in period {number}: together the members need no more than they have, so the price is "
            "0, nobody gains from selling, and the cap binds only members whose own allowance is used up."
        )
    if not traded:
        return f"Nothing was traded in period {number}, although the price is {price:g}: nobody has anything to sell."
    note = ", which is the penalty: there are too few allowances" if price == penalty else ""
    return f"In period {number} {traded / 1000:g} J were traded at {price:g} per joule{note}."

"""A market of unequal members over several periods: banking, a uniform-price call auction, a penalty.

Each member computes x = (k / (a + b·e))^(1/(k+1)) at a price b per joule, with e joules per unit of x, as in `market`.
In a period all bids and offers meet once at one price: the lowest at which the group needs no more than it has. At a
price of 0 nothing is traded, because nobody gains from selling, and each member keeps to what is its own. The price
never passes the penalty: there a member rather pays than buys. Everything is counted in whole millijoules, so that
what was given out is used, kept or expired to the last one, and what is sold is bought.

Nothing here is a forecast. Source: the market of arXiv 2601.19886, read in notes on it; unequal members, the auction
and the banking rule are our own derivation. Members look no further than their period: nobody holds back to move the
price, nobody saves for a dearer one, and surplus is sold wherever there is a price.
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


@dataclass(frozen=True)
class Member:
    """One member of the market.

    Parameters
    ----------
    name : str
        Whose account it is.
    k, a : float
        The gain −x^(−k) and the cost a·x of computing x, as in `market`.
    joules_per_unit : float
        e, what one unit of x needs, above 0.
    allowance : int
        Millijoules that it is given in each period.
    """

    name: str
    k: float
    a: float
    joules_per_unit: float
    allowance: int

    def __post_init__(self) -> None:
        for name, value in (("k", self.k), ("joules_per_unit", self.joules_per_unit)):
            if not math.isfinite(value) or value <= 0:
                raise ValueError(f"{name} of {self.name} is {value}; it is a finite number above 0.")
        if not math.isfinite(self.a) or self.a <= 0:
            raise ValueError(f"a of {self.name} is {self.a}; without a cost there is no end to its computing.")
        if isinstance(self.allowance, bool) or not isinstance(self.allowance, int) or self.allowance < 0:
            raise ValueError(f"The allowance of {self.name} is {self.allowance!r}; it is in whole millijoules, from 0.")

    def wanted(self, price: float) -> int:
        """Return what it uses at a price per joule, in millijoules."""
        cost = self.a + price * self.joules_per_unit
        units = float((self.k / cost) ** (1 / (self.k + 1)))
        return math.floor(1000 * self.joules_per_unit * units)


class _Terms(NamedTuple):
    """What holds in every period; as for `simulate`."""

    penalty: float
    decay: float
    keep: int | None


@dataclass(frozen=True)
class Line:
    """What became of a member in a period; all but money in millijoules.

    Parameters
    ----------
    name : str
        The member.
    allowance, banked : int
        What it was given, and what it had kept.
    used, free : int
        What it used, and what it would have used without a cap.
    bought, sold : int
        What it traded.
    short, expired, kept : int
        What nothing covered, what of its bank was lost, and what it keeps.
    paid : Decimal
        Money for what it bought (below 0: earned).
    fine : float
        Money for what was short.
    """

    name: str
    allowance: int
    banked: int
    used: int
    free: int
    bought: int
    sold: int
    short: int
    expired: int
    kept: int
    paid: Decimal
    fine: float


@dataclass(frozen=True)
class Period:
    """One period: the price per joule, what was traded in millijoules, a line for each member and a sentence."""

    number: int
    price: float
    traded: int
    lines: tuple[Line, ...]
    sentence: str


@dataclass(frozen=True)
class Simulation:
    """What the market did."""

    periods: tuple[Period, ...]
    caveats: str = CAVEATS

    @property
    def used(self) -> int:
        """All that was used, in millijoules."""
        return sum(line.used for period in self.periods for line in period.lines)

    @property
    def free(self) -> int:
        """What would have been used without a cap, in millijoules."""
        return sum(line.free for period in self.periods for line in period.lines)

    @property
    def reduction(self) -> float:
        """The part of that which was not used, 0 to 1."""
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
    """Let a market run.

    Parameters
    ----------
    members : sequence of Member
        Who takes part; each name once.
    periods : int
        How long.
    penalty : float
        φ, money per joule that nothing covers, above 0; no price passes it.
    tightening : float
        The part by which all allowances fall from each period to the next, 0 to 1.
    decay, keep
        What is lost of a bank in a period, and vintages that are kept, as for `bank.settle`.

    Raises
    ------
    ValueError
        If a value makes no sense.
    """
    if not members or len({member.name for member in members}) < len(members):
        raise ValueError("A market needs members, each with a name of its own.")
    if isinstance(periods, bool) or not isinstance(periods, int) or periods < 1:
        raise ValueError(f"periods is {periods!r}; it is a whole number from 1 up.")
    if not math.isfinite(penalty) or penalty <= 0:
        raise ValueError(f"penalty is {penalty}; it is a finite number above 0, or nobody would buy.")
    if not 0 <= tightening <= 1:
        raise ValueError(f"tightening is {tightening}; it is a part, 0 to 1.")
    banks: dict[str, tuple[int, ...]] = {member.name: () for member in members}
    found = []
    for number in range(1, periods + 1):
        given = {m.name: math.floor(m.allowance * (1 - tightening) ** (number - 1)) for m in members}
        period, banks = _period(number, members, given, banks, _Terms(penalty, decay, keep))
        found.append(period)
    return Simulation(tuple(found))


def auction(members: Sequence[Member], supply: int, highest: float) -> float:
    """Return the price per joule at which members use no more than there is: 0 where they don't anyway.

    Parameters
    ----------
    members : sequence of Member
        Who bids and offers.
    supply : int
        Millijoules that they have in all.
    highest : float
        Where they rather pay the penalty.
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
    has = {member.name: given[member.name] + sum(banks[member.name]) for member in members}
    price = auction(members, sum(has.values()), terms.penalty)
    if price:
        used = {member.name: member.wanted(price) for member in members}
        bought, sold = _matched(has, used)
    else:
        used = {member.name: _alone(member, has[member.name], terms.penalty) for member in members}
        bought = sold = dict.fromkeys(has, 0)
    lines, kept = [], {}
    for member in members:
        name = member.name
        end = settle(
            used[name],
            allowance=given[name],
            banked=banks[name],
            bought=bought[name],
            sold=sold[name],
            penalty=terms.penalty / 1000,
            decay=terms.decay,
            keep=terms.keep,
        )
        kept[name] = tuple(int(vintage) for vintage in end.bank)
        net = EXACT.divide(Decimal(bought[name] - sold[name]), Decimal(1000))
        line = Line(
            name,
            given[name],
            sum(banks[name]),
            used[name],
            member.wanted(0.0),
            bought[name],
            sold[name],
            int(end.short),
            int(end.expired),
            sum(kept[name]),
            EXACT.multiply(Decimal(repr(price)), net),
            end.fine,
        )
        lines.append(line)
    traded = sum(bought.values())
    return Period(number, price, traded, tuple(lines), _said(number, price, traded, terms.penalty)), kept


def _alone(member: Member, has: int, penalty: float) -> int:
    """What a member uses that neither buys nor sells: what it wants, unless its own ends earlier."""
    free, dear = member.wanted(0.0), member.wanted(penalty)
    return free if free <= has else max(dear, has)


def _matched(has: dict[str, int], used: dict[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """What each buys and sells: the longer side gets its part of the shorter one."""
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
            "0, nobody gains from selling, and the cap saves nothing but where somebody's own allowance ends."
        )
    if not traded:
        return f"Nothing was traded in period {number}, although the price is {price:g}: nobody has anything to sell."
    top = ", which is the penalty: there are too few allowances" if price == penalty else ""
    return f"In period {number} {traded / 1000:g} J were traded at {price:g} per joule{top}."

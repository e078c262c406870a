"""``%energy tax``: the energy used above a baseline and its shadow price, with every term shown.

The shadow price is what a tax on the excess would cost; nobody is charged. The rate is given by the user, or follows
from a carbon price and the region's grams of CO2e per kWh.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, NoReturn

from IPython.core.error import UsageError

from jupyter_green.magics.arguments import tolerance_of
from jupyter_green.records import EnergyRecord, cell_key, weakest
from jupyter_green.reporting import numbers
from jupyter_green.reporting.text_table import TextTable
from jupyter_green.session import Session
from jupyter_green.storage.privacy import comparable

from .status import first_lines, records_of_run

if TYPE_CHECKING:
    from jupyter_green.baselines.excess import Excess, Joules
    from jupyter_green.impact import Valuation
    from jupyter_green.pricing.baseline_rule import Rule
    from jupyter_green.pricing.price import TariffCard

USAGE = (
    "tax [--rate 0.30] [--carbon-price 190USD] [--fixed 2J | --history | --benchmark | --reference TASK] "
    "[--tolerance 5%] [--gpu-hour 2.5]"
)
CARBON_PRICE, CARBON_CURRENCY = Decimal(190), "USD"
CARBON_SOURCE = "a published estimate of what a tonne costs society (EPA, 2023), not checked here"


class _Options(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%energy tax: {message}; it takes {USAGE}.")


@dataclass(frozen=True)
class Rate:
    """Price per kWh of excess, its currency, and a sentence on its source."""

    per_kwh: Decimal
    currency: str
    sentence: str


def tax(session: Session, words: list[str], sources: Sequence[str]) -> TextTable:
    """Return the excess of this run and its shadow price.

    Raises UsageError if the options are invalid, or baseline or ledger can't be read (one sentence).
    """
    from jupyter_green.baselines.selection import BaselineError
    from jupyter_green.storage.errors import LedgerError

    options = _options(words)
    session.settle()
    try:
        rate = _rate(options, session.settings.valuation)
        if any((options.fixed, options.history, options.benchmark, options.reference)):
            return _by_rule(session, options, rate, sources)
        return _by_baseline(session, options, rate)
    except (BaselineError, LedgerError, ValueError) as error:
        raise UsageError(f"%energy tax: {error}") from None


# ---- run baseline, or baseline per unit -----------------------------------------------------------


def _by_baseline(session: Session, options: argparse.Namespace, rate: Rate | str) -> TextTable:
    """Compare the run with the notebook's baseline."""
    from jupyter_green.baselines.comparison import Comparison
    from jupyter_green.baselines.excess import excess
    from jupyter_green.baselines.messages import used

    active = session.book.refresh()
    if active.baseline is None:
        return TextTable(f"{used(active)} Units of work have other baselines: %energy tax --fixed 2J, --history.")
    tolerance = active.choice.tolerance if options.tolerance is None else tolerance_of(options.tolerance)
    comparison = Comparison(active.baseline, tolerance)
    cells = [record for record in records_of_run(session)[0] if record.span == "cell" and record.parent is None]
    for record in cells:
        comparison.take(cell_key(record.cell_id, record.id), record)
    total = comparison.total()
    intro = used(active)
    if active.baseline.kind == "median":
        intro += " (A historical baseline: energy wasted in those runs counts as accepted.)"
    if total.baseline is None:
        return TextTable(f"{intro} Nothing can be compared yet.")
    used_joules = total.baseline + (total.difference or 0.0)
    excess_of_run = excess(used_joules, units=1, baseline=max(0.0, total.baseline), tolerance=tolerance)
    excess_of_run = excess_of_run._replace(uncertainty=total.difference_uncertainty or float("inf"))
    intro = f"{intro} {_standing(cells)}".strip()
    return _shown(session, options, rate, intro, [("this run, over what can be compared", excess_of_run)])


def _by_rule(session: Session, options: argparse.Namespace, rate: Rate | str, sources: Sequence[str]) -> TextTable:
    """Compare each cell whose units were counted with a baseline per unit."""
    from jupyter_green.baselines.excess import Joules, excess

    counted = [r for r in records_of_run(session)[0] if r.units and r.joules is not None and r.parent is None]
    if not counted:
        return TextTable("No cell of this run counted its units; %%energy -u N (or -u tokens, examples) does.")
    tolerance = 0.0 if options.tolerance is None else tolerance_of(options.tolerance)
    lines = first_lines(counted, sources)
    rows, rules, left_out = [], dict[str, list[str]](), dict[str, list[str]]()
    for record in counted:
        number_of = f"[{record.execution_count or ' '}]"
        try:
            rule, energy = _rule(session, options, record)
        except ValueError as error:  # only this cell is left out
            left_out.setdefault(str(error), []).append(number_of)
            continue
        rules.setdefault(rule.sentence, []).append(number_of)
        used = energy or Joules(record.joules or 0.0, _half_width(record))
        cell_excess = excess(used, units=record.units or 0.0, baseline=rule.per_unit, tolerance=tolerance)
        rows.append((f"{number_of} {lines.get(record.id, record.label or '')}", cell_excess))
    if not rows:
        raise ValueError(next(iter(left_out)))
    several = len(rules) + len(left_out) > 1
    sentences = [f"{', '.join(cells)}: {rule}" if several else rule for rule, cells in rules.items()]
    sentences += [f"Left out, {', '.join(cells)}: {reason}" for reason, cells in left_out.items()]
    return _shown(session, options, rate, " ".join([*sentences, _standing(counted)]).strip(), rows)


def _rule(session: Session, options: argparse.Namespace, record: EnergyRecord) -> tuple[Rule, Joules | None]:
    from jupyter_green.budgets.limit import Limit
    from jupyter_green.pricing.baseline_rule import benchmark, fixed, history, reference
    from jupyter_green.storage import Ledger

    if options.fixed:
        limit = Limit.parse(options.fixed)
        if limit.quantity != "energy":
            raise ValueError("--fixed takes joules per unit, such as 2J.")
        return fixed(limit.amount), None
    if options.reference:
        if any(part.conditions.throttled for part in record.components):
            raise ValueError("The device was throttled, which a published figure does not cover; run the cell again.")
        return reference(options.reference, record)
    settings = session.settings
    with Ledger(settings.ledger) as ledger:
        records = ledger.records(project=settings.project if options.history else None)
    comparable_runs, left_out = _comparable(
        record,
        [
            r
            for r in records
            if r.unit == record.unit
            and r.joules_per_unit is not None
            and r.parent is None
            and r.run_id != settings.run_id
            and (
                comparable(r.code_hash) == comparable(record.code_hash) if options.history else r.label == record.label
            )
        ],
    )
    if left_out and not comparable_runs:
        raise ValueError(f"No run can be compared: {left_out[0]}.")
    rule = history(comparable_runs) if options.history else benchmark(comparable_runs)
    if left_out:
        runs = "1 run is" if len(left_out) == 1 else f"{len(left_out)} runs are"
        rule = replace(rule, sentence=f"{rule.sentence} ({runs} left out: {left_out[0]}.)")
    return rule, None


def _comparable(record: EnergyRecord, runs: Sequence[EnergyRecord]) -> tuple[list[Joules], list[str]]:
    """Return the joules per unit of the runs under like conditions, and why each of the others is left out."""
    from jupyter_green.baselines.comparable_energy import ComparableEnergy
    from jupyter_green.baselines.excess import Joules
    from jupyter_green.baselines.messages import UNFAIR

    ours = ComparableEnergy.of(record)
    fair, reasons = [], []
    for run in runs:
        theirs = ComparableEnergy.of(run)
        reason = ours.unfair_beside(theirs) if ours is not None and theirs is not None else None
        if reason is not None:
            reasons.append(UNFAIR[reason])
        else:
            fair.append(Joules(run.joules_per_unit or 0.0, _half_width(run) / (run.units or 1.0)))
    return fair, reasons


def _half_width(record: EnergyRecord) -> float:
    """Return the half-width of a record's 95 % interval in joules; infinite if it is not known."""
    return math.inf if record.uncertainty is None else record.uncertainty


def _standing(records: Sequence[EnergyRecord]) -> str:
    """Return a sentence on the weakest quality of the records; empty if all are measured."""
    quality = weakest(record.quality for record in records if record.joules is not None)
    return "" if quality in (None, "measured") else f"The figures are {quality}."


# ---- output ---------------------------------------------------------------------------------------


def _shown(
    session: Session, options: argparse.Namespace, rate: Rate | str, said: str, held: Sequence[tuple[str, Excess]]
) -> TextTable:
    from jupyter_green.pricing.shadow_tax import exact_tax

    rows = []
    for name, row in held:
        cost = "–" if isinstance(rate, str) else _money(exact_tax(row, rate.per_kwh), rate.currency)
        rows.append((name, _joules(row.excess + row.baseline - row.saved), _joules(row.baseline), _verdict(row), cost))
    taxable = sum(row.taxable for _, row in held)
    sentences = [said, _priced(taxable, rate)]
    card = _card(session, options, rate)
    if card is not None:
        sentences.append(_bill(session, card, taxable, options))
    heads = ("", "used", "baseline", "excess", "shadow price")
    return TextTable(" ".join(sentence for sentence in sentences if sentence), heads, rows, frozenset({1, 2, 4}), 100)


def _priced(taxable: float, rate: Rate | str) -> str:
    from jupyter_green.pricing.shadow_tax import exact_tax

    if isinstance(rate, str):
        return f"Proven excess: {_joules(taxable)}. {rate}"
    kwh = f"{taxable / 3.6e6:.4g} kWh"
    cost = _money(exact_tax(taxable, rate.per_kwh), rate.currency)
    return (
        f"Shadow price: {kwh} of excess × {rate.per_kwh.normalize():f} {rate.currency}/kWh = {cost} ({rate.sentence}). "
        "Nobody is charged."
    )


def _card(session: Session, options: argparse.Namespace, rate: Rate | str) -> TariffCard | None:
    from jupyter_green.pricing.price import TariffCard

    valuation = session.settings.valuation
    if valuation.tariff is None:
        return None
    same_currency = not isinstance(rate, str) and rate.currency == valuation.tariff.currency
    per_kwh = rate.per_kwh if same_currency and not isinstance(rate, str) else Decimal(0)
    gpu_hour = Decimal(0) if options.gpu_hour is None else options.gpu_hour
    return TariffCard(valuation.tariff, valuation.pue or Decimal(1), gpu_hour, per_kwh)


def _bill(session: Session, card: TariffCard, taxable: float, options: argparse.Namespace) -> str:
    """Return the cost of the run term by term, and store its tariff in the ledger."""
    from jupyter_green.pricing.price import price
    from jupyter_green.storage import Ledger

    counted = [r for r in records_of_run(session)[0] if r.parent is None and r.span != "gap" and (r.joules or 0.0) > 0]
    gpu_hours = sum(sum(part.kind == "gpu" for part in r.components) * r.seconds for r in counted) / 3600
    bill = price(
        sum(r.joules or 0.0 for r in counted),
        tariff=card,
        gpu_hours=gpu_hours if options.gpu_hour is not None else 0,
        excess=taxable,
    )
    project = session.settings.project
    with Ledger(session.settings.ledger) as ledger:
        ledger.post("tariff", card.to_dict(), project=project, id=f"tariff:{card.version}:{project}")
    return f"This run: {bill.sentence()}"


def _verdict(one: Excess) -> str:
    if one.significant:
        return _joules(one.excess, one.uncertainty) if one.excess else f"none ({_joules(one.saved)} below)"
    return "not proven, costs nothing"


# ---- options --------------------------------------------------------------------------------------


def _options(words: list[str]) -> argparse.Namespace:
    parser = _Options(prog="%energy tax", add_help=False, allow_abbrev=False)
    for option in ("--rate", "--carbon-price", "--tolerance"):
        parser.add_argument(option)
    parser.add_argument("--gpu-hour", type=_decimal)
    rules = parser.add_mutually_exclusive_group()
    rules.add_argument("--fixed")
    rules.add_argument("--reference")
    for option in ("--history", "--benchmark"):
        rules.add_argument(option, action="store_true")
    return parser.parse_args(words)


def _decimal(text: str) -> Decimal:
    from jupyter_green.pricing.shadow_tax import amount_of

    return amount_of(text, "--gpu-hour")


def _rate(options: argparse.Namespace, valuation: Valuation) -> Rate | str:
    """Return the rate, or a sentence on how to give one."""
    from jupyter_green.budgets.limit import Limit
    from jupyter_green.pricing.shadow_tax import amount_of, carbon_rate

    tariff = valuation.tariff
    if options.rate is not None:
        currency = "" if tariff is None else tariff.currency
        return Rate(amount_of(options.rate, "--rate"), currency or "units of money", "the rate given")
    if valuation.intensity is None:
        return "No rate is set: give --rate 0.30, or a region for a price of carbon (%config JupyterGreen.region)."
    price, currency, source = CARBON_PRICE, CARBON_CURRENCY, CARBON_SOURCE
    if options.carbon_price is not None:
        limit = Limit.parse(options.carbon_price)
        if limit.currency is None:
            raise ValueError("--carbon-price takes money per tonne, such as 190USD.")
        price, currency, source = Decimal(str(limit.amount)), limit.currency, "the price given"
    grams = valuation.intensity.grams_per_kwh
    sentence = f"{price} {currency} per tonne of CO2e, {source}; {grams:g} g/kWh, {valuation.intensity.name}"
    return Rate(carbon_rate(price, grams), currency, sentence)


def _joules(value: float, uncertainty: float | None = None) -> str:
    return numbers.plain(str(numbers.energy(value, uncertainty)))


def _money(amount: Decimal, currency: str) -> str:
    return f"{float(amount):.3g} {currency}"

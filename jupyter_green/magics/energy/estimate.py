"""``%energy estimate``: what a model will cost, from its size until it has run, and from then on as it was metered."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from IPython.core.error import UsageError

from jupyter_green.impact.inference_estimate import Prior, by_score, by_token, size_of
from jupyter_green.magics.model_runs import ModelRuns
from jupyter_green.records import EnergyRecord
from jupyter_green.reporting import numbers
from jupyter_green.reporting.formatted_energy import FormattedEnergy
from jupyter_green.reporting.sanitize import one_line
from jupyter_green.session import Session

USAGE = "estimate MODEL|7B [--tokens 128] [--batch 64] [--active 13B]"


class _Options(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%energy estimate: {message}; it takes {USAGE}.")


@dataclass(frozen=True, repr=False)
class Estimate:
    """What a model will cost, as far as it can be told.

    Parameters
    ----------
    name : str
        The model.
    parameters : float or None
        Its size.
    priors : tuple of Prior
        Estimates from it; empty once the model was metered.
    tokens : int
        Tokens of an answer, for the estimate by token.
    measured : EnergyRecord or None
        A metered run of it, with units.
    """

    name: str
    parameters: float | None
    priors: tuple[Prior, ...]
    tokens: int
    measured: EnergyRecord | None

    def __repr__(self) -> str:
        name = one_line(self.name, 60)
        if self.measured is not None and self.measured.joules_per_unit is not None:
            record, units = self.measured, self.measured.units or 1.0
            unsure = None if record.uncertainty is None else record.uncertainty / units
            each = numbers.energy(record.joules_per_unit, unsure)
            said = f"{name}: {each} per {record.unit or 'unit'}, {FormattedEnergy.of(record).standing}; metered here"
            return numbers.plain(f"{said}, so no estimate from its size is needed.")
        lines = [f"{name}, {numbers.significant(self.parameters or 0.0, 3)} parameters: estimated from their number"]
        for prior in self.priors:
            times = self.tokens if prior.unit == "token" else 1
            what = f"an answer of {self.tokens} tokens" if prior.unit == "token" else "a query"
            low, middle, high = (numbers.energy(value * times).head for value in (prior.low, prior.joules, prior.high))
            lines.append(f"  ~{middle} for {what} ({low} to {high}): {prior.boundary}; {prior.source}")
        lines.append("  The two cover different things and are not to be compared; a metered run replaces both.")
        return numbers.plain("\n".join(lines))


def estimate(session: Session, words: Sequence[str], space: dict[str, Any], trials: ModelRuns) -> Estimate:
    """Do what the words after ``%energy estimate`` ask for.

    Parameters
    ----------
    session : Session
        Whose metered runs are looked at first.
    words : sequence of str
        What was typed.
    space : dict
        The notebook's variables.
    trials : ModelRuns
        What its lines tried.

    Raises
    ------
    UsageError
        If it makes no sense; one sentence.
    """
    parser = _Options(prog="%energy estimate", add_help=False, allow_abbrev=False)
    parser.add_argument("model")
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--batch", type=float, default=64)
    parser.add_argument("--active")
    given = parser.parse_args(list(words))
    if given.tokens < 1:
        parser.error(f"{given.tokens} tokens are no answer")
    session.settle()
    measured = _metered(session, given.model, space, trials) if given.model in space else None
    if measured is not None:
        return Estimate(given.model, None, (), given.tokens, measured)
    try:
        size = _size(given.model, space)
        active = size if given.active is None else size_of(given.active)
        if active > size:
            raise ValueError(f"{given.active} active parameters are more than the model has.")
        return Estimate(given.model, size, (by_score(size), by_token(active, given.batch)), given.tokens, None)
    except ValueError as error:
        raise UsageError(f"%energy estimate: {error}") from None


def _size(word: str, space: dict[str, Any]) -> float:
    """Return the parameters of a model of the notebook, or the number that was typed."""
    if word not in space:
        return size_of(word)
    model = space[word]
    if isinstance(model, (int, float)) and not isinstance(model, bool):
        return size_of(str(model))
    for one in (model, getattr(model, "model", None)):
        if one is not None and callable(getattr(one, "parameters", None)):
            return float(sum(item.numel() for item in one.parameters()))
    raise ValueError(f"{word} is a {type(model).__name__}, whose parameters can't be counted; type a number like 7B.")


def _metered(session: Session, name: str, space: dict[str, Any], trials: ModelRuns) -> EnergyRecord | None:
    """Return a run of what a name stands for, else the newest window of the person's own with that label and units."""
    found = trials.record(name, space[name], session.finished)
    if found is not None:
        return found
    for record in reversed(session.finished):
        if record.label == name and record.joules_per_unit is not None and not record.below_resolution:
            return record
    return None

"""``%energy estimate``: expected energy of a model, from its size, or as metered once it has run."""

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
    """The expected energy of a model."""

    name: str
    """Name of the model."""
    parameters: float | None
    """Number of parameters."""
    priors: tuple[Prior, ...]
    """Estimates from the size; empty once the model was metered."""
    tokens: int
    """Tokens per answer, for the estimate per token."""
    measured: EnergyRecord | None
    """A metered run of it, with units."""

    def __repr__(self) -> str:
        name = one_line(self.name, 60)
        if self.measured is not None and self.measured.joules_per_unit is not None:
            record, units = self.measured, self.measured.units or 1.0
            uncertainty = None if record.uncertainty is None else record.uncertainty / units
            each = numbers.energy(record.joules_per_unit, uncertainty)
            text = f"{name}: {each} per {record.unit or 'unit'}, {FormattedEnergy.of(record).standing}; metered here"
            return numbers.plain(f"{text}, so no estimate from its size is needed.")
        lines = [f"{name}, {numbers.significant(self.parameters or 0.0, 3)} parameters: estimated from their number"]
        for prior in self.priors:
            times = self.tokens if prior.unit == "token" else 1
            what = f"an answer of {self.tokens} tokens" if prior.unit == "token" else "a query"
            low, middle, high = (numbers.energy(value * times).head for value in (prior.low, prior.joules, prior.high))
            lines.append(f"  ~{middle} for {what} ({low} to {high}): {prior.boundary}; {prior.source}")
        lines.append("  The two cover different things and can't be compared; a metered run replaces both.")
        return numbers.plain("\n".join(lines))


def estimate(session: Session, words: Sequence[str], space: dict[str, Any], trials: ModelRuns) -> Estimate:
    """Run ``%energy estimate`` with these arguments; `space` are the notebook's variables, `trials` what magics ran.

    Raises UsageError if the arguments are invalid.
    """
    parser = _Options(prog="%energy estimate", add_help=False, allow_abbrev=False)
    parser.add_argument("model")
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--batch", type=float, default=64)
    parser.add_argument("--active")
    args = parser.parse_args(list(words))
    if args.tokens < 1:
        parser.error(f"--tokens takes 1 or more, not {args.tokens}")
    session.settle()
    measured = _metered(session, args.model, space, trials) if args.model in space else None
    if measured is not None:
        return Estimate(args.model, None, (), args.tokens, measured)
    try:
        size = _size(args.model, space)
        active = size if args.active is None else size_of(args.active)
        if active > size:
            raise ValueError(f"{args.active} active parameters are more than the model has.")
        return Estimate(args.model, size, (by_score(size), by_token(active, args.batch)), args.tokens, None)
    except ValueError as error:
        raise UsageError(f"%energy estimate: {error}") from None


def _size(word: str, space: dict[str, Any]) -> float:
    """Return the number of parameters of a model of the notebook, or the typed number."""
    if word not in space:
        return size_of(word)
    model = space[word]
    if isinstance(model, (int, float)) and not isinstance(model, bool):
        return size_of(str(model))
    for module in (model, getattr(model, "model", None)):
        if module is not None and callable(getattr(module, "parameters", None)):
            return float(sum(tensor.numel() for tensor in module.parameters()))
    raise ValueError(f"{word} is a {type(model).__name__}, whose parameters can't be counted; type a number like 7B.")


def _metered(session: Session, name: str, space: dict[str, Any], trials: ModelRuns) -> EnergyRecord | None:
    """Return a metered run of a model by a magic, else the newest record with that label and units."""
    run = trials.record(name, space[name], session.finished)
    if run is not None:
        return run
    for record in reversed(session.finished):
        if record.label == name and record.joules_per_unit is not None and not record.below_resolution:
            return record
    return None

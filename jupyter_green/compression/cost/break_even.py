"""After how many inferences the cost of a search is paid back."""

from __future__ import annotations

from .trial import Trial


def break_even(trial: Trial, name: str, against: str, joules: float | None, cpu_seconds: float) -> int | None:
    """Return the inferences after which a runner has saved a search's cost; None if it saves nothing.

    Parameters
    ----------
    trial : Trial
        The costs of both runners.
    name, against : str
        The runner, and the one that it replaces.
    joules, cpu_seconds : float or None
        Cost of the search; joules only if they were measured.
    """
    before, after = trial.cost(against), trial.cost(name)
    if trial.basis == "joules" and joules is not None and before.joules is not None and after.joules is not None:
        cost, saved = joules, before.joules - after.joules
    else:
        cost, saved = cpu_seconds, before.cpu_seconds - after.cpu_seconds
    return int(-(-cost // saved)) if saved > 0 else None

"""Which candidate to take: the least energy among those that are good enough, and what that saves.

U_best = max U; good enough is U >= (1 - Δ)·U_best; taken is the least energy among these. Where the best is the
cheapest of them the answer is to keep it, and the saving is 0. The rule is that of model selection as it is reported of
"Small is sufficient" (arXiv 2510.01889, in secondary sources); its own text was not at hand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Offer:
    """What a candidate gives and takes.

    Parameters
    ----------
    name : str
        The candidate.
    utility : float
        How well it does; more is better.
    energy : float
        What a unit costs it, in any one unit and with one boundary.
    """

    name: str
    utility: float
    energy: float


@dataclass(frozen=True)
class Selection:
    """What is chosen among offers.

    Parameters
    ----------
    best, pick : Offer
        The one of most utility, and the one to take.
    feasible : tuple of Offer
        Those that are good enough, the cheapest first.
    """

    best: Offer
    pick: Offer
    feasible: tuple[Offer, ...]

    @property
    def keep(self) -> bool:
        """Whether the best is to be kept."""
        return self.pick == self.best

    @property
    def saving(self) -> float:
        """Part of the best one's energy that the pick saves."""
        return 1 - self.pick.energy / self.best.energy

    @property
    def loss(self) -> float:
        """Utility lost, as a part of the best one's."""
        return 1 - self.pick.utility / self.best.utility


def select(offers: Sequence[Offer], max_relative_loss: float) -> Selection:
    """Choose the least energy within an accepted relative loss.

    Parameters
    ----------
    offers : sequence of Offer
        Those whose utility and energy are known.
    max_relative_loss : float
        Δ, 0 to 1.

    Raises
    ------
    ValueError
        If there is nothing to choose from, or a value is no number.
    """
    if not offers:
        raise ValueError("There is nothing to choose from.")
    if not 0 <= max_relative_loss <= 1:
        raise ValueError(f"An accepted loss of {max_relative_loss!r} is none; give a share from 0 to 1.")
    for offer in offers:
        if not (math.isfinite(offer.utility) and math.isfinite(offer.energy) and offer.energy > 0):
            raise ValueError(f"{offer.name!r} has utility {offer.utility!r} and energy {offer.energy!r}: no numbers.")
    best = max(offers, key=lambda offer: (offer.utility, -offer.energy))
    # A hair's breadth for sums of binary fractions: 0.95 x 0.98 is not 0.931.
    least = (1 - max_relative_loss) * best.utility - 1e-12 * abs(best.utility)
    feasible = sorted((offer for offer in offers if offer.utility >= least), key=lambda offer: offer.energy)
    pick = feasible[0] if feasible[0].energy < best.energy else best
    return Selection(best, pick, tuple(feasible))


@dataclass(frozen=True)
class Sweep:
    """What one accepted loss gives over many data sets.

    Parameters
    ----------
    mean_saving : float
        Mean of the savings.
    pooled_saving : float
        Saving of the sums.
    mean_loss : float
        Mean of the relative losses.
    kept : int
        Data sets in which the best is kept.
    """

    mean_saving: float
    pooled_saving: float
    mean_loss: float
    kept: int


def sweep(tables: Mapping[str, Sequence[Offer]], max_relative_loss: float) -> Sweep:
    """Choose in every data set, and sum up.

    Parameters
    ----------
    tables : mapping of str to sequence of Offer
        Offers by data set.
    max_relative_loss : float
        Δ.
    """
    chosen = [select(offers, max_relative_loss) for offers in tables.values()]
    count = len(chosen)
    return Sweep(
        math.fsum(one.saving for one in chosen) / count,
        1 - math.fsum(one.pick.energy for one in chosen) / math.fsum(one.best.energy for one in chosen),
        math.fsum(one.loss for one in chosen) / count,
        sum(one.keep for one in chosen),
    )


def saving_in_use(energy: Mapping[str, float], weights: Mapping[str, float], pick: str) -> float:
    """Return what is saved if everybody whose model costs more takes the pick: S = 1 - Σ w·min(E, E*) / Σ w·E.

    Parameters
    ----------
    energy : mapping of str to float
        E, cost of a unit of each model in use.
    weights : mapping of str to float
        w, how much each is used (downloads, requests).
    pick : str
        The one to take.

    Raises
    ------
    ValueError
        If a weight or an energy is missing or below 0.
    """
    if pick not in energy:
        raise ValueError(f"{pick!r} has no energy; there is {', '.join(energy)}.")
    for name, weight in weights.items():
        if name not in energy:
            raise ValueError(f"{name!r} is used but has no energy.")
        if not (math.isfinite(weight) and weight >= 0):
            raise ValueError(f"The weight of {name!r} is {weight!r}; give a number from 0 up.")
    before = math.fsum(weight * energy[name] for name, weight in weights.items())
    if before <= 0:
        raise ValueError("Nothing of what is used has an energy above 0.")
    after = math.fsum(weight * min(energy[name], energy[pick]) for name, weight in weights.items())
    return 1 - after / before

"""Selects the candidate with the least energy among those that are good enough, and computes the saving.

U_best = max U; good enough is U >= (1 - Δ)·U_best; the pick has the least energy among these. If the best is also the
cheapest, it is kept and the saving is 0. This is the model selection of "Small is sufficient" (arXiv 2510.01889), as
reported in secondary sources; the paper itself was not available.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Offer:
    """Utility and energy of a candidate.

    Parameters
    ----------
    name : str
        The candidate.
    utility : float
        Higher is better.
    energy : float
        Energy per unit of work; the same unit and boundary for all.
    """

    name: str
    utility: float
    energy: float


@dataclass(frozen=True)
class Selection:
    """The selection among offers.

    Parameters
    ----------
    best, pick : Offer
        The offer with the highest utility, and the selected one.
    feasible : tuple of Offer
        Offers that are good enough, cheapest first.
    """

    best: Offer
    pick: Offer
    feasible: tuple[Offer, ...]

    @property
    def keep(self) -> bool:
        """Whether the best is kept."""
        return self.pick == self.best

    @property
    def saving(self) -> float:
        """Share of the best one's energy that the pick saves."""
        return 1 - self.pick.energy / self.best.energy

    @property
    def loss(self) -> float:
        """Utility lost, as a share of the best one's."""
        return 1 - self.pick.utility / self.best.utility


def select(offers: Sequence[Offer], max_relative_loss: float) -> Selection:
    """Select the least energy within an accepted relative loss.

    Parameters
    ----------
    offers : sequence of Offer
        Candidates with known utility and energy.
    max_relative_loss : float
        Δ, 0 to 1.

    Raises
    ------
    ValueError
        If there are no offers, or a value is invalid.
    """
    if not offers:
        raise ValueError("There is nothing to choose from.")
    if not 0 <= max_relative_loss <= 1:
        raise ValueError(f"An accepted loss of {max_relative_loss!r} is none; give a share from 0 to 1.")
    for offer in offers:
        if not (math.isfinite(offer.utility) and math.isfinite(offer.energy) and offer.energy > 0):
            raise ValueError(f"{offer.name!r} has utility {offer.utility!r} and energy {offer.energy!r}: no numbers.")
    best = max(offers, key=lambda offer: (offer.utility, -offer.energy))
    # Tolerance for rounding: 0.95 x 0.98 is not exactly 0.931.
    threshold = (1 - max_relative_loss) * best.utility - 1e-12 * abs(best.utility)
    feasible = sorted((offer for offer in offers if offer.utility >= threshold), key=lambda offer: offer.energy)
    pick = feasible[0] if feasible[0].energy < best.energy else best
    return Selection(best, pick, tuple(feasible))


def saving_in_use(energy: Mapping[str, float], weights: Mapping[str, float], pick: str) -> float:
    """Return the saving if all users of a more expensive model take the pick: S = 1 - Σ w·min(E, E*) / Σ w·E.

    Parameters
    ----------
    energy : mapping of str to float
        E, energy per unit of work of each model in use.
    weights : mapping of str to float
        w, use of each model (downloads, requests).
    pick : str
        The selected model.

    Raises
    ------
    ValueError
        If a weight or an energy is missing or negative.
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

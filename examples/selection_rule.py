"""Model selection on published figures: the candidate with the least energy among those that are good enough.

`green.compare` takes the cheapest of those whose loss and cost are proven; published figures have no intervals, so here
the values themselves are compared. U_best = max U; good enough is U >= (1 - Δ)·U_best; the pick has the least energy
among these. If the best is also the cheapest, it is kept and the saving is 0. This is the model selection of "Small is
sufficient" (arXiv 2510.01889), as reported in secondary sources; the paper itself was not available.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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

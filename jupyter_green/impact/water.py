"""Litres of water behind a window's energy: what the site evaporates and what the power stations did.

Energy metered at the devices is multiplied by the building's PUE once, and only on the grid's side: the site's own
figure (WUE) is by definition already per kWh of the computers. Figures known for few regions are not stretched
to others.
"""

from __future__ import annotations

from dataclasses import dataclass

from .kilowatt_hours import EXACT, decimal, kilowatt_hours

GRID_LITRES_PER_KWH = {"WORLD": 3.908, "USA": 3.1321, "FRA": 3.6737, "CHN": 6.0065}
"""Litres per kWh generated, by region (as used by EcoLogits)."""

GRID_SOURCE = "litres per kWh generated, as used by EcoLogits; an estimate, far from constant over a year"


@dataclass(frozen=True)
class Water:
    """Water behind an amount of energy: always an estimate.

    Parameters
    ----------
    site_litres : float
        Evaporated where the computers stand, in litres.
    grid_litres : float
        Used to generate the electricity, in litres.
    source : str
        Where the grid's figure comes from.
    """

    site_litres: float
    grid_litres: float
    source: str

    @property
    def litres(self) -> float:
        """Both together, in litres."""
        return self.site_litres + self.grid_litres


def water(joules: float, grid: str | float, *, site: float = 0.0, pue: float = 1.0) -> Water:
    """Estimate the water behind `joules`: E x WUE_site + E x PUE x WUE_grid.

    Parameters
    ----------
    joules : float
        Energy at the devices, in J.
    grid : str or float
        ``"WORLD"``, ``"USA"``, ``"FRA"``, ``"CHN"``, or litres per kWh of your own.
    site : float
        Litres the site evaporates per kWh of its computers (WUE); 0 for one's own machine.
    pue : float
        Power usage effectiveness, 1 for one's own machine.

    Raises
    ------
    ValueError
        If an amount is negative or not finite, the PUE is below 1, or the region has no figure.
    """
    if isinstance(grid, str):
        known = GRID_LITRES_PER_KWH.get(grid.strip().upper())
        if known is None:
            have = ", ".join(GRID_LITRES_PER_KWH)
            raise ValueError(
                f"There is no water figure for {grid!r}, only for {have}: give litres per kWh as a number."
            )
        per_kwh, source = known, f"{grid.strip().upper()}: {known:g} {GRID_SOURCE}"
    else:
        per_kwh, source = grid, f"{grid:g} litres per kWh generated, given by you"
    if not pue >= 1:  # catches NaN too
        raise ValueError(f"A PUE is a number from 1 up, not {pue!r}.")
    energy = kilowatt_hours(joules)
    return Water(
        site_litres=float(EXACT.multiply(energy, decimal(site))),
        grid_litres=float(EXACT.multiply(EXACT.multiply(energy, decimal(pue)), decimal(per_kwh))),
        source=source,
    )

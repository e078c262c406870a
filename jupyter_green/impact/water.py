"""Water consumption of energy: evaporated at the site, and used for power generation.

The PUE multiplies only the water of the grid: the site's water usage effectiveness (WUE) is defined per kWh of the
computers. There are figures for a few regions only; they are not applied to others.
"""

from __future__ import annotations

from dataclasses import dataclass

from .kilowatt_hours import EXACT, decimal, kilowatt_hours

GRID_LITRES_PER_KWH = {"WORLD": 3.908, "USA": 3.1321, "FRA": 3.6737, "CHN": 6.0065}
"""Litres per kWh generated, by region (as used by EcoLogits)."""

GRID_SOURCE = "litres per kWh generated, as used by EcoLogits; an estimate, far from constant over a year"


@dataclass(frozen=True)
class Water:
    """Water consumption of an amount of energy; always an estimate.

    Parameters
    ----------
    site_litres : float
        Evaporated at the site, in litres.
    grid_litres : float
        Used for power generation, in litres.
    source : str
        Source of the grid's figure.
    """

    site_litres: float
    grid_litres: float
    source: str

    @property
    def litres(self) -> float:
        """Total in litres."""
        return self.site_litres + self.grid_litres


def water(joules: float, grid: str | float, *, site: float = 0.0, pue: float = 1.0) -> Water:
    """Estimate the water consumption of `joules`: E x WUE_site + E x PUE x WUE_grid.

    Parameters
    ----------
    joules : float
        Energy at the devices, in J.
    grid : str or float
        ``"WORLD"``, ``"USA"``, ``"FRA"``, ``"CHN"``, or one's own figure in litres per kWh.
    site : float
        Litres evaporated at the site per kWh of the computers (WUE); 0 for one's own machine.
    pue : float
        Power usage effectiveness, 1 for one's own machine.

    Raises
    ------
    ValueError
        If an amount is negative or not finite, the PUE is below 1, or the region has no figure.
    """
    if isinstance(grid, str):
        regional = GRID_LITRES_PER_KWH.get(grid.strip().upper())
        if regional is None:
            available = ", ".join(GRID_LITRES_PER_KWH)
            raise ValueError(
                f"There is no water figure for {grid!r}, only for {available}: give litres per kWh as a number."
            )
        per_kwh, source = regional, f"{grid.strip().upper()}: {regional:g} {GRID_SOURCE}"
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

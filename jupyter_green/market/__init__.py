"""Energy allowances and their trade: allotment, settlement, equilibrium and simulation. Pure functions."""

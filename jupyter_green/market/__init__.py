"""Allowances and their trade: allotment, settlement of a period, equilibrium, simulation. Pure functions."""

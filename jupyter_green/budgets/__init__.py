"""Limits that a person sets for energy, CO2e or money, and what of them is used."""

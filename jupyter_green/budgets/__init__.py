"""Budgets: limits that a user sets for energy, CO2e or money, and how much of them is used."""

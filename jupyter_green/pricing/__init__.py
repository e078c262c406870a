"""Pricing of energy: cost, shadow tax on the excess, credit for a saving, and rebound. Pure functions."""

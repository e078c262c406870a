"""Metering of cells, from IPython's events."""

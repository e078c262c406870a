"""Saving a compressed model and loading it without running foreign code."""

"""Baselines: stored baselines, the comparison of a run cell by cell, and the energy above it (excess)."""

"""Compares models on a user's own task: quality and energy of each, and which one to choose."""

from . import compare_report as _compare_report  # noqa: F401 - registers how a `Comparison` is rendered

"""Fixtures of the tests of compression that comparisons use too."""

from __future__ import annotations

from tests.compression.conftest import few_rounds, one_thread, picture_model, points_model, sentence_model

__all__ = ["few_rounds", "one_thread", "picture_model", "points_model", "sentence_model"]

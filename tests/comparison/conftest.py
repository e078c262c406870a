"""One thread, and models trained once, as in the tests of compression."""

from __future__ import annotations

from tests.support.trained_models import few_rounds, one_thread, picture_model, points_model, sentence_model

__all__ = ["few_rounds", "one_thread", "picture_model", "points_model", "sentence_model"]

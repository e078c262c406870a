"""Tests. A package, so that `from tests.support.driver import …` finds this folder and no other."""

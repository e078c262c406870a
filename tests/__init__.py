"""Tests. A package, so that `from tests.hardware.driver import …` finds this folder and no other."""

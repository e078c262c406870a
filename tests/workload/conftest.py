"""Metering in this process, in a ledger of the test's own; and tiny models with random weights, made here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jupyter_green.records import EnergyRecord
from jupyter_green.session import Session, Window, current, end, meter


@pytest.fixture
def session() -> Iterator[Session]:
    """The session of this process, ended after the test."""
    end()
    yield current()
    end()


@pytest.fixture
def count(session: Session) -> Callable[..., Window]:
    """Return a function that makes a window which counts."""

    def begin(units: str = "auto", **options: Any) -> Window:
        return meter(units=units, **options)

    return begin


def parts_of(window: Window) -> dict[str, EnergyRecord]:
    """Records of a window's phases, by their labels."""
    whole = window.record
    return {str(r.label): r for r in window.session.finished if r.parent == whole.id}

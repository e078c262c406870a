"""Kernels for the tests of the magics: fresh ones, and a stage on which scenes are played with and without metering."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.kernel import Kernel, running


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Kernel]]:
    """Return a function that starts kernels; all of one test share a home, and so a ledger."""
    with ExitStack() as kernels:

        def begin(work: Path | None = None, **environment: str | None) -> Kernel:
            return kernels.enter_context(running(tmp_path, work, **environment))

        yield begin


@pytest.fixture
def plain(start: Callable[..., Kernel]) -> Kernel:
    """A kernel without the extension."""
    return start()


@pytest.fixture
def metered(start: Callable[..., Kernel]) -> Kernel:
    """A kernel with the extension loaded."""
    kernel = start()
    loaded = kernel.run("%load_ext jupyter_green", "load")
    assert loaded.status == "ok", loaded
    return kernel


@pytest.fixture(scope="module")
def one_for_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with running(tmp_path_factory.mktemp("one")) as kernel:
        assert kernel.run("%load_ext jupyter_green", "load").status == "ok"
        yield kernel


@pytest.fixture
def used(one_for_all: Kernel) -> Kernel:
    """A kernel with the extension loaded that has run other cells; for tests that don't mind. Its namespace is new."""
    one_for_all.forget()
    one_for_all.run("%energy on")
    return one_for_all

"""Kernels with pages in front of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.live.page import Page
from tests.support.kernel import Kernel, running


@pytest.fixture
def visit(tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a page, on a new kernel or on one that is there."""
    with ExitStack() as life:

        def visit(kernel: Kernel | None = None, **environment: str | None) -> Page:
            here = life.enter_context(running(tmp_path, **environment)) if kernel is None else kernel
            page = Page(here)
            life.callback(page.close)
            return page

        yield visit


@pytest.fixture
def page(visit: Callable[..., Page]) -> Page:
    """A page on a kernel with the extension loaded."""
    loaded = visit()
    assert loaded.run("%load_ext jupyter_green", "load").reply["status"] == "ok"
    return loaded


@pytest.fixture(scope="module")
def seasoned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page on a kernel with the extension loaded that has run other cells; for tests that don't mind."""
    with running(tmp_path_factory.mktemp("seasoned")) as kernel:
        page = Page(kernel)
        assert page.run("%load_ext jupyter_green", "load").reply["status"] == "ok"
        yield page
        page.close()

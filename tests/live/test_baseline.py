"""``%baseline`` on real kernels: one kernel is one run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.page import Page

pytestmark = pytest.mark.shell

WORK = "sum(i * i for i in range(4_000_000))"
SETTLE = "from jupyter_green.session import current\ncurrent().settle()"


@pytest.fixture
def run(visit: Callable[..., Page], tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that runs cells in a new kernel of the same notebook, and returns what they said."""

    def run(*cells: str) -> list[str]:
        page = visit(JPY_SESSION_NAME=str(tmp_path / "films.ipynb"))
        page.run("%load_ext jupyter_green", "load")
        said = [page.run(source, f"cell-{n}").text for n, source in enumerate(cells)]
        page.kernel.manager.shutdown_kernel()
        return said

    return run


def test_two_runs_of_a_notebook(run: Callable[..., list[str]]) -> None:
    first = run(WORK, SETTLE, "%baseline", "%baseline list", "%baseline set 'as it was'", "%baseline list")
    assert "This is the first run of this notebook" in first[2]
    assert "This notebook has no baseline yet" in first[3]
    assert first[4].startswith("Kept as the baseline 'as it was'")
    assert "estimated" in first[4]
    assert "as it was (in use)" in first[5]
    second = run(WORK, SETTLE, "%baseline", "%baseline use last", "%baseline show", "%baseline clear", "%baseline")
    assert "compared with the baseline 'as it was'" in second[2]
    assert WORK[:20] in second[2]
    assert "±" in second[2]
    assert "compared with its last run" in second[3]
    assert "Its last run" in second[4]
    assert "no longer compared" in second[5]
    assert "no longer compared" in second[6]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("%baseline frob", "%baseline takes set [NAME]"),
        ("%baseline set a b", "%baseline takes set [NAME]"),
        ("%baseline use", "give a name"),
        ("%baseline use 'half", "No closing quotation"),
        ("%baseline use nobody", "There is no baseline 'nobody'"),
        ("%baseline use last -t lots", "'lots' is not a tolerance"),
        ("%baseline show", "There is nothing to compare with yet"),
        ("%baseline set", "run the cells first"),
        ("%baseline clear nobody", "There is no baseline 'nobody'"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(seasoned: Page, line: str, sentence: str) -> None:
    done = seasoned.run(line, "a")
    assert sentence in done.text
    assert done.reply["ename"] == "UsageError"


def test_it_is_gone_after_unloading(page: Page) -> None:
    page.run("%unload_ext jupyter_green", "a")
    assert "%baseline` not found" in page.run("%baseline", "b").text

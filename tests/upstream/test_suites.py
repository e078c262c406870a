"""What others test of their kernels, terminals and notebook runners holds with the extension in each of them.

Each suite runs twice in the same environment, without and with the extension. What ends otherwise with it runs again,
both ways: suites that start kernels have tests which fail now and then by themselves.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.upstream.suites import IPYTHON8, SUITES, Environment, Suite

pytestmark = pytest.mark.long
AGAIN = 3
LISTS_CONFIGURABLES = "::IPython.core.magics.config.ConfigMagics.config"
"""A doctest that lists all that can be configured: `JupyterGreen` is among it, as it should."""


def _environment(variable: str) -> Environment:
    python = os.environ.get(variable)
    if python is None:
        pytest.skip("needs the environment that `bash tests/run --long` makes")
    return Environment(Path(python))


def _differs(environment: Environment, suite: Suite, folder: Path) -> dict[str, tuple[object, object]]:
    """Return what keeps ending otherwise with the extension than without."""
    source = environment.unpack(suite.project, folder)
    home = folder / "home"
    home.mkdir()
    without = environment.run(suite, source, home, extension=False)
    assert sum(ended == "passed" for ended in without.values()) >= 5, "the suite did not run"
    with_it = environment.run(suite, source, home, extension=True)
    other = _other(without, with_it)
    for _ in range(AGAIN):
        if not other:
            break
        names = tuple(sorted({re.sub(r"\[.*", "", name.split("::")[-1], flags=re.DOTALL) for name in other}))
        again = environment.run(suite, source, home, extension=True, only=names)
        alone = environment.run(suite, source, home, extension=False, only=names)
        other = {name: pair for name, pair in _other(alone, again).items() if name in other}
    return other


def _other(without: Mapping[str, object], with_it: Mapping[str, object]) -> dict[str, tuple[object, object]]:
    return {
        name: (without.get(name), with_it.get(name))
        for name in {*without, *with_it}
        if without.get(name) != with_it.get(name)
    }


@pytest.mark.xdist_group("the newest IPython")  # one environment is either with or without the extension
@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.project)
def test_ends_alike_with_the_extension(suite: Suite, tmp_path: Path) -> None:
    environment = _environment("JUPYTER_GREEN_TEST_UPSTREAM_PYTHON")
    assert _differs(environment, suite, tmp_path) == {}


@pytest.mark.xdist_group("IPython 8")
def test_of_ipython_8_ends_alike_with_the_extension(tmp_path: Path) -> None:
    environment = _environment("JUPYTER_GREEN_TEST_UPSTREAM_IPYTHON8_PYTHON")
    assert environment.version("ipython").startswith("8.")
    different = _differs(environment, IPYTHON8, tmp_path)
    assert {name for name in different if not name.endswith(LISTS_CONFIGURABLES)} == set()

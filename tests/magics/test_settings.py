"""Wrong settings cost a sentence and their own figure; cells are metered all the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.kernel import Kernel, Outcome

pytestmark = pytest.mark.shell

SET = "[getattr(get_ipython()._jupyter_green.config, name) for name in ('region', 'pue', 'tariff')]"


def metered(kernel: Kernel) -> list[object]:
    """Run a cell; return its joules, CO2e and cost."""
    outcome = kernel.run("%%energy -q -o rec\nsum(range(300_000))")
    assert outcome.status == "ok", outcome.text()
    found: list[object] = kernel.json("[rec.joules, rec.co2e_grams, rec.cost]")
    return found


def written(kernel_folder: Path, *lines: str) -> None:
    """Write a profile's config file."""
    profile = kernel_folder / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_kernel_config.py").write_text("\n".join(lines))


def one_line(outcome: Outcome) -> str:
    assert outcome.status == "ok", outcome.text()
    (line,) = outcome.text().strip().splitlines()
    return line


@pytest.mark.parametrize(
    ("name", "value", "missing"),
    [("REGION", "Atlantis", {1}), ("TARIFF", "cheap", {2}), ("PUE", "0.5", {1, 2})],
)
def test_a_wrong_variable_leaves_out_what_rests_on_it(
    start: Callable[..., Kernel], name: str, value: str, missing: set[int]
) -> None:
    good = {"JUPYTER_GREEN_REGION": "FRA", "JUPYTER_GREEN_TARIFF": "0.25 EUR/kWh"}
    kernel = start(**{**good, f"JUPYTER_GREEN_{name}": value})
    line = one_line(kernel.run("%load_ext jupyter_green"))
    assert f"JUPYTER_GREEN_{name}: " in line
    assert f"%config JupyterGreen.{name.lower()} = " in line
    figures = metered(kernel)
    assert {place for place, figure in enumerate(figures) if figure is None} == missing
    assert f"JUPYTER_GREEN_{name}: " in kernel.run("%energy status").text()
    right = {"REGION": "DEU", "TARIFF": "0.3 EUR", "PUE": "1.3"}[name]
    assert kernel.run(f"%config JupyterGreen.{name.lower()} = {right!r}").text() == ""
    assert None not in metered(kernel)
    assert "Problem" not in kernel.run("%energy status").text(), "what was mended is said no more"


def test_a_wrong_value_in_the_config_file(start: Callable[..., Kernel], tmp_path: Path) -> None:
    written(tmp_path, "c.JupyterGreen.region = 'Atlantis'", "c.JupyterGreen.tariff = '0.25 EUR/kWh'")
    kernel = start()
    line = one_line(kernel.run("%load_ext jupyter_green"))
    assert "c.JupyterGreen.region is not used: There is no carbon figure for 'Atlantis'" in line
    joules, grams, cost = metered(kernel)
    assert joules is not None
    assert grams is None
    assert cost is not None


@pytest.mark.parametrize(
    "line", ["region = 'Atlantis'", "unit = 'BTU'", "tariff = 'cheap'", "pue = 7", "pue = 'much'", "pue = True"]
)
def test_a_wrong_value_by_hand_is_refused_and_the_old_one_stays(metered_with: Kernel, line: str) -> None:
    before = metered_with.json(SET)
    outcome = metered_with.run(f"%config JupyterGreen.{line}")
    assert len(outcome.text().strip().splitlines()) == 1
    assert "ERROR" in outcome.text()
    assert metered_with.json(SET) == before
    assert None not in metered(metered_with)


def test_a_number_is_a_pue(metered_with: Kernel) -> None:
    assert metered_with.run("%config JupyterGreen.pue = 1.5").text() == ""
    metered(metered_with)
    assert "PUE 1.5, as set" in metered_with.json("rec.co2e_source")


def test_records_are_in_the_unit_that_the_panel_sends(used: Kernel) -> None:
    for line, symbol in (("unit = 'Wh'", "Wh"), ("unit = ''", " J")):
        assert used.run(f"%config JupyterGreen.{line}").text() == ""
        used.run("%%energy -q -o rec\nsum(i * i for i in range(10**6))")
        assert symbol in used.json("get_ipython().display_formatter.format(rec)[0]['text/plain']").replace(
            "\u202f", " "
        )
    refused = used.run("%config JupyterGreen.unit = 'BTU'").text()
    assert "'BTU' is not a unit of energies here; take J, Wh or kWh." in refused


def test_shown_from_the_next_cell_on_and_no_longer(used: Kernel) -> None:
    def shown() -> int:
        return len(used.run("1 + 1").records)

    assert shown() == 0
    assert used.run("%config JupyterGreen.show = True").text() == ""
    assert shown() == 1
    used.run("%config JupyterGreen.show = False")
    assert shown() == 0
    used.run("%energy off")
    used.run("%config JupyterGreen.show = True")
    assert shown() == 1, "what is to be shown is metered, as with %energy on --show"
    used.run("%energy off")
    assert used.json("get_ipython()._jupyter_green.config.show") is False
    used.run("%config JupyterGreen.show = True")
    assert shown() == 1, "the setting says what stands, so that it can be set again"
    used.run("%energy on")
    assert shown() == 0


def test_shown_by_the_config_file(start: Callable[..., Kernel], tmp_path: Path) -> None:
    written(tmp_path, "c.JupyterGreen.show = True")
    kernel = start()
    kernel.run("%load_ext jupyter_green")
    assert len(kernel.run("1 + 1").records) == 1


@pytest.fixture
def metered_with(used: Kernel) -> Kernel:
    """A kernel with a region, a PUE and a tariff set."""
    for line in ("region = 'FRA'", "pue = '1.2'", "tariff = '0.25 EUR/kWh'"):
        assert used.run(f"%config JupyterGreen.{line}").text() == ""
    return used

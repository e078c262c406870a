"""What the routes say: the ledger's own figures, in the shapes of the description."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from jupyter_green import __version__
from jupyter_green.records import Component, EnergyRecord
from jupyter_green.storage import Ledger
from tests.server.conftest import fill
from tests.server.description import DESCRIPTION
from tests.support.jupyter_server import JupyterServer

Make = Callable[..., EnergyRecord]
Start = Callable[..., JupyterServer]
Ask = Callable[..., Any]


def test_the_description_is_served_as_shipped(start: Start) -> None:
    answer = start().green("openapi.json")
    assert answer.status == 200
    assert answer.json == DESCRIPTION
    assert answer.json["openapi"] == "3.1.0"


def test_every_schema_of_the_description_is_one() -> None:
    for name, schema in DESCRIPTION["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert f'#/components/schemas/{name}"' in json.dumps(DESCRIPTION), f"{name} is used"


def test_health(served: tuple[str, Ask]) -> None:
    url, ask = served
    fill(url)
    assert ask("health") == {"version": __version__, "ledger": "ok", "sentence": None}


def test_nothing_is_null_and_not_zero(served: tuple[str, Ask]) -> None:
    url, ask = served
    fill(url)
    found = ask("totals")
    assert (found["cells"], found["runs"], found["seconds"], found["parts"]) == (0, 0, 0.0, [])
    assert (found["figure"]["joules"], found["figure"]["uncertainty"]) == (None, None)


def test_totals_are_the_ledgers(served: tuple[str, Ask], record: Make, component: Callable[..., Component]) -> None:
    url, ask = served
    cpu = component(20.0, kind="cpu", device="CPU", key="cpu", source="processor", method="model", quality="estimated")
    both = (component(100.0), cpu)
    fill(
        url,
        record(cell_id="a", components=both, started_at=100.0),
        record(cell_id="a", components=both, started_at=200.0),  # the same cell again
        record(cell_id="b", components=both, started_at=300.0, run_id="run-2", notebook="other.ipynb"),
        record(None, cell_id="c", started_at=400.0),  # without a reading
        record(5.0, span="gap", started_at=500.0),
    )
    found = ask("totals")
    with Ledger(url) as ledger:
        wanted = ledger.totals(by="kind")
    assert found["figure"]["joules"] == wanted.joules == 365.0
    assert found["figure"]["uncertainty"] == pytest.approx(wanted.uncertainty)
    assert (found["figure"]["quality"], found["figure"]["measured_share"]) == ("estimated", pytest.approx(305 / 365))
    assert {part["kind"]: (part["joules"], part["quality"]) for part in found["parts"]} == {
        "gpu": (305.0, "measured"),
        "cpu": (60.0, "estimated"),
    }
    assert (found["cells"], found["runs"], found["seconds"]) == (3, 2, 5.0)
    assert ask("totals", notebook="other.ipynb")["cells"] == 1
    assert ask("totals", project="solar")["runs"] == 2
    assert ask("totals", project="wind")["runs"] == 0
    rest = ask("totals", without="run-2")
    assert (rest["figure"]["joules"], rest["cells"], rest["runs"]) == (245.0, 2, 1)
    assert ask("totals", since="200", until="400")["cells"] == 2
    assert ask("totals", since="1970-01-01T00:05:00Z")["figure"]["joules"] == 125.0
    assert ask("totals", since="today")["cells"] == 0


def test_simulated_figures_are_not_added_to_real_ones(served: tuple[str, Ask], record: Make, component: Any) -> None:
    url, ask = served
    simulated = record(cell_id="s", run_id="s", components=(component(7.0, quality="simulated"),))
    fill(url, simulated)
    found = ask("totals")
    assert (found["figure"]["joules"], found["figure"]["quality"], found["cells"]) == (7.0, "simulated", 1)
    fill(url, record(cell_id="r"))
    found = ask("totals")
    assert (found["figure"]["joules"], found["figure"]["quality"], found["cells"], found["runs"]) == (
        100.0,
        "measured",
        1,
        1,
    )


def test_a_record_without_a_reading_hides_no_simulated_figure(
    served: tuple[str, Ask], record: Make, component: Any
) -> None:
    url, ask = served
    fill(
        url,
        record(None, cell_id="nothing"),
        record(cell_id="s", components=(component(7.0, quality="simulated"),)),
    )
    found = ask("totals")
    assert (found["figure"]["joules"], found["figure"]["quality"]) == (7.0, "simulated")
    fill(url, record(cell_id="r"))
    assert ask("totals")["figure"]["quality"] == "measured"


def test_a_total_that_can_not_be_told_from_nothing_says_so(
    served: tuple[str, Ask], record: Make, component: Any
) -> None:
    url, ask = served
    fill(url, record(cell_id="a", components=(component(0.0, uncertainty=1e-5),)))
    assert ask("totals")["figure"]["below_resolution"] is True
    fill(url, record(cell_id="b", components=(component(7.0, uncertainty=0.1),)))
    assert ask("totals")["figure"]["below_resolution"] is False


def test_an_unknown_interval_is_null(served: tuple[str, Ask], record: Make, component: Any) -> None:
    url, ask = served
    fill(url, record(components=(component(7.0, uncertainty=math.inf),)))
    assert ask("totals")["figure"] == {
        **ask("totals")["figure"],
        "joules": 7.0,
        "uncertainty": None,
    }

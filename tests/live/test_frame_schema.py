"""The shapes that the kernel sends, their schema, its codes, and the server's description of the same shapes.

Every frame in this folder's tests is held against the schema when it is heard; the page's readers are held against it
in `labextension/src/__tests__/schema.spec.ts`.
"""

from __future__ import annotations

from typing import Any, get_args

import pytest

from jupyter_green.baselines import serializers
from jupyter_green.baselines.baseline import Baseline, BaselineKind
from jupyter_green.baselines.comparison import BaselineDifference, Basis, Reason, Verdict
from jupyter_green.budgets import messages
from jupyter_green.budgets.budget import Budget, Covers, Per
from jupyter_green.budgets.limit import Limit
from jupyter_green.budgets.usage import BudgetUsage
from jupyter_green.live.frame import schema
from jupyter_green.records import Kind, Quality, Status
from tests.server.description import DESCRIPTION
from tests.support.sample_cells import cell

SHAPES = schema()["$defs"]
SERVER = DESCRIPTION["components"]["schemas"]
RECORD = cell(10.0)
BUDGET = Budget(Limit("energy", 100.0, text="100 J"), "day", covers="all", zone="UTC", id="day")


def made() -> dict[str, dict[str, Any]]:
    baseline = Baseline.of_run([RECORD], "last")
    assert baseline is not None
    usage = BudgetUsage(BUDGET, 1.0, 0.1, "measured", 100.0, 0.0, 1.0, 0, (), None)
    return {
        "figure": serializers.figure(RECORD),
        "part": serializers.parts(RECORD)[0],
        "against": BaselineDifference("more").to_dict(),
        "cell": serializers.cell(RECORD),
        "totals": serializers.totals(RECORD, 1, None, None),
        "baseline_head": baseline.head(),
        "budget": messages.told(usage, None, None),
    }


@pytest.mark.parametrize("name", made())
def test_a_shape_has_the_fields_of_the_schema(name: str) -> None:
    assert set(made()[name]) == set(SHAPES[name]["properties"])


@pytest.mark.parametrize("name", [name for name, shape in SHAPES.items() if "properties" in shape])
def test_every_field_is_required_and_no_other_allowed(name: str) -> None:
    # A baseline's figure and that of a period have neither CO2e nor cost, and a running cell's no resolution.
    optional = {"below_resolution", "co2e_grams", "cost", "currency"} if name == "figure" else set()
    assert set(SHAPES[name]["required"]) == set(SHAPES[name]["properties"]) - optional
    assert SHAPES[name]["additionalProperties"] is False


@pytest.mark.parametrize(
    ("name", "field", "codes"),
    [
        ("part", "kind", get_args(Kind)),
        ("against", "verdict", get_args(Verdict)),
        ("against", "basis", get_args(Basis)),
        ("against", "reason", (*get_args(Reason), None)),
        ("cell", "status", ("running", *get_args(Status))),
        ("baseline_head", "kind", get_args(BaselineKind)),
        ("budget", "per", get_args(Per)),
        ("budget", "covers", get_args(Covers)),
    ],
)
def test_the_schema_has_the_codes_of_the_types(name: str, field: str, codes: tuple[str, ...]) -> None:
    assert set(SHAPES[name]["properties"][field]["enum"]) == set(codes)
    assert set(SHAPES["quality"]["enum"]) == set(get_args(Quality))


@pytest.mark.parametrize("name", ["figure", "part", "against", "cell", "baseline_head"])
def test_the_server_describes_the_same_shapes(name: str) -> None:
    ours, theirs = SHAPES[name], SERVER[name.title().replace("_", "")]
    own = {"notebook"} if name == "baseline_head" else set()
    assert set(theirs["properties"]) - own == set(ours["properties"])
    assert set(theirs["required"]) - own == set(ours["required"])
    for field, told in theirs["properties"].items():
        if "enum" in told:
            assert set(told["enum"]) == set(ours["properties"][field]["enum"]), field

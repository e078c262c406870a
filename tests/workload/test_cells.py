"""``%%energy -u`` with a word, in a real kernel: what is counted, shown and left behind."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import jsonschema
import pytest

from jupyter_green.reporting.record.mime_bundle import schema
from tests.support.kernel import READY, Cell, Kernel, running

pytestmark = [
    pytest.mark.shell,
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed here"),
    pytest.mark.skipif(importlib.util.find_spec("transformers") is None, reason="transformers is not installed here"),
]

BEGIN = """
import torch, torch.utils.data
from tests.workload.models import decoder, prompts
model, ids, loader = decoder(), prompts(2, 5), torch.utils.data.DataLoader(list(range(10)), batch_size=4)
untouched = (type(model).generate, torch.utils.data.dataloader._BaseDataLoaderIter.__next__)
def clean():
    return untouched == (type(model).generate, torch.utils.data.dataloader._BaseDataLoaderIter.__next__)
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with running(tmp_path_factory.mktemp("units")) as kernel:
        assert kernel.run("%load_ext jupyter_green", "load").status == "ok"
        begun = kernel.run(BEGIN)
        assert begun.status == "ok", begun.text()
        yield kernel


def test_tokens(kernel: Kernel) -> None:
    outcome = kernel.run("%%energy -u tokens -o rec\nanswer = model.generate(ids, max_new_tokens=20)")
    assert outcome.status == "ok"
    (record,) = outcome.records
    assert (record["units"], record["unit"], record["batch_size"]) == (40, "tokens", 2)
    jsonschema.validate(record, schema())
    assert kernel.json("rec.batch_size") == 2
    assert kernel.json("clean()") is True
    look = (
        "[(r.label, r.units, r.joules) for r in __import__('jupyter_green').ledger().records() if r.parent == rec.id]"
    )
    parts = {label: (units, joules) for label, units, joules in kernel.json(look)}
    assert {label: units for label, (units, _) in parts.items()} == {"prefill": 10, "decode": 40}
    assert sum(joules for _, joules in parts.values()) <= kernel.json("rec.joules") + 1e-9


@pytest.mark.parametrize(("word", "units"), [("batches", 3), ("examples", 10), ("auto", 10)])
def test_words(kernel: Kernel, word: str, units: int) -> None:
    outcome = kernel.run(f"%%energy -u {word}\nfor batch in loader: pass")
    (record,) = outcome.records
    assert (record["units"], record["batch_size"]) == (units, 4)
    assert kernel.json("clean()") is True


def test_a_variable_of_another_name_is_still_a_number(kernel: Kernel) -> None:
    (record,) = kernel.run("%%energy -u answers\nanswers = [1, 2, 3]").records
    assert record["units"] == 3


def test_nothing_counted_is_said(kernel: Kernel) -> None:
    (record,) = kernel.run("%%energy -u batches\n1 + 1").records
    assert record["units"] is None
    assert record["notes"] == ["Not counted: no DataLoader was iterated in this cell."]


def test_a_cell_that_did_not_ask_is_not_listened_to(kernel: Kernel) -> None:
    outcome = kernel.run("%%energy -u 3\nfor batch in loader: pass\nprint(clean())")
    assert outcome.text().strip().startswith("True")
    assert outcome.records[0]["units"] == 3


def test_an_error_leaves_nothing_behind(kernel: Kernel) -> None:
    outcome = kernel.run("%%energy -u auto\nfor batch in loader: pass\nprint(clean())\n1 / 0")
    assert outcome.reply["ename"] == "ZeroDivisionError"
    assert "False" in outcome.text()
    (record,) = outcome.records
    assert (record["status"], record["units"]) == ("error", 10)
    assert kernel.json("clean()") is True


def test_a_cell_that_does_not_compile_leaves_nothing_behind(kernel: Kernel) -> None:
    assert kernel.run("%%energy -u auto\nfor in loader").status == "error"
    assert kernel.json("clean()") is True


def test_an_interrupt_leaves_nothing_behind(kernel: Kernel) -> None:
    source = (
        f"%%energy -u auto\nimport time\nfor batch in loader:\n    print({READY!r}, flush=True)\n    time.sleep(60)"
    )
    outcome = kernel.run(Cell(source, interrupt=True))
    assert outcome.reply["ename"] == "KeyboardInterrupt"
    (record,) = outcome.records
    assert (record["status"], record["units"]) == ("interrupted", 4)
    assert kernel.json("clean()") is True


def test_unloading_inside_a_counted_cell_leaves_nothing_behind(kernel: Kernel) -> None:
    assert kernel.run("%%energy -u auto\nfor batch in loader: pass\n%unload_ext jupyter_green").status == "ok"
    assert kernel.json("clean()") is True
    assert kernel.run("%load_ext jupyter_green").status == "ok"
    (record,) = kernel.run("%%energy -u auto\nfor batch in loader: pass").records
    assert record["units"] == 10

"""Counting where the libraries are not there, or come late; words that ask for it; and cells that do."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import pytest

from jupyter_green.session import Session, Window
from tests.support.script import run

Count = Callable[..., Window]
TORCH = importlib.util.find_spec("torch") is not None


def test_counting_imports_nothing() -> None:
    told = run("""
with green.meter(units="auto") as window: pass
loaded = sorted({"torch", "transformers", "numpy"} & set(sys.modules))
print(json.dumps([loaded, window.record.units, window.record.unit, window.record.notes]))
""")
    why = "Not counted: neither a model generated nor a DataLoader ran in this block."
    assert told == [[], None, None, [why]]


@pytest.mark.skipif(not TORCH, reason="PyTorch is not installed here")
def test_a_library_that_came_inside_the_window_is_said() -> None:
    told = run("""
with green.meter(units="batches") as window:
    import torch.utils.data
    for _ in torch.utils.data.DataLoader([1, 2]): pass
print(json.dumps([window.record.units, window.record.notes]))
""")
    assert told == [None, ["Not counted: torch was imported inside this block; run it again to count it."]]


@pytest.mark.skipif(not TORCH, reason="PyTorch is not installed here")
def test_a_window_inside_counts_what_came_in_the_outer_one() -> None:
    told = run("""
with green.meter(units="batches") as outer:
    import torch.utils.data as data
    with green.meter(units="batches") as inner:
        for _ in data.DataLoader([1, 2]): pass
print(json.dumps([inner.record.units, "stand" in repr(data.dataloader._BaseDataLoaderIter.__next__),
                  data.dataloader._BaseDataLoaderIter.__next__.__code__.co_filename.endswith("dataloader.py")]))
""")
    assert told[0] == 2
    assert told[2] is True


@pytest.mark.skipif(not TORCH, reason="PyTorch is not installed here")
def test_a_forked_child_counts_nothing_and_the_parent_goes_on() -> None:
    told = run("""
import torch.utils.data as data
kind = data.dataloader._BaseDataLoaderIter
with green.meter(units="batches") as window:
    pid = os.fork()
    if pid == 0:
        plain = kind.__next__.__code__.co_filename.endswith("dataloader.py")
        with green.meter(units="batches") as mine: pass
        os._exit(3 if plain and kind.__next__.__code__.co_filename.endswith("dataloader.py") else 4)
    _, status = os.waitpid(pid, 0)
    for _ in data.DataLoader([1, 2, 3]): pass
print(json.dumps([os.waitstatus_to_exitcode(status), window.record.units]))
""")
    assert told == [3, 3]


@pytest.mark.parametrize("word", ["token", "epochs", "", "3", "all"])
def test_a_word_that_asks_for_nothing_known_is_one_sentence(session: Session, count: Count, word: str) -> None:
    with pytest.raises(ValueError, match="units takes a number or one of batches, examples, tokens, auto"):
        count(word)
    assert not session.open_windows()


def test_auto_does_not_give_its_find_a_wrong_name(count: Count) -> None:
    with pytest.raises(ValueError, match="can't count 'images'"):
        count("auto", unit="images")
    with count("auto", unit="tokens") as window:
        pass
    assert "transformers" in window.record.notes[0]


def test_numbers_are_taken_as_ever(session: Session) -> None:
    from jupyter_green.session import meter

    with meter(units=4, unit="images") as window:
        sum(range(100_000))
    assert (window.record.units, window.record.unit) == (4, "images")
    assert window.record.joules_per_unit == pytest.approx(window.record.joules / 4)

"""Batches and examples that a DataLoader hands out, in every way it may be set up."""

from __future__ import annotations

import inspect
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jupyter_green.session import Window

torch = pytest.importorskip("torch", reason="PyTorch is not installed here")
data = pytest.importorskip("torch.utils.data", reason="PyTorch is not installed here")

Count = Callable[..., Window]
ITERATOR = data.dataloader._BaseDataLoaderIter


class Numbers(data.Dataset):
    """Examples in a shape of one's own."""

    def __init__(self, count: int, make: Callable[[int], Any] = lambda n: (torch.full((3,), n), n % 2)) -> None:
        self.count, self.make = count, make

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        return self.make(index)


class Stream(data.IterableDataset):
    """Examples whose number nobody knows beforehand."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[Any]:
        return (torch.full((2,), n) for n in range(self.count))


def clean() -> bool:
    return ITERATOR.__next__.__code__.co_filename.startswith(torch.__path__[0])


def go_through(loader: Any) -> None:
    for _ in loader:
        pass


def as_they_are(batch: list[Any]) -> list[Any]:
    return batch


LOADERS: dict[str, tuple[Callable[[], Any], int, int | None, int | None]] = {
    "whole batches": (lambda: data.DataLoader(Numbers(12), batch_size=4), 3, 12, 4),
    "a smaller last one": (lambda: data.DataLoader(Numbers(10), batch_size=4, shuffle=True), 3, 10, 4),
    "without the last one": (lambda: data.DataLoader(Numbers(10), batch_size=4, drop_last=True), 2, 8, 4),
    "one by one": (lambda: data.DataLoader(Numbers(5)), 5, 5, 1),
    "workers": (lambda: data.DataLoader(Numbers(10), batch_size=4, num_workers=2), 3, 10, 4),
    "pictures and boxes": (
        lambda: data.DataLoader(
            Numbers(7, lambda n: (torch.zeros(3, 8, 8), {"boxes": torch.zeros(n, 4)})),
            batch_size=4,
            collate_fn=as_they_are,
        ),
        2,
        7,
        4,
    ),
    "text": (lambda: data.DataLoader(Numbers(7, lambda n: "word" * n), batch_size=3), 3, 7, 3),
    "by name": (lambda: data.DataLoader(Numbers(7, lambda n: {"x": torch.zeros(2), "y": n}), batch_size=3), 3, 7, 3),
    "batches chosen by hand": (
        lambda: data.DataLoader(Numbers(9), batch_sampler=[[0, 1, 2], [3, 4, 5], [6, 7, 8]]),
        3,
        9,
        3,
    ),
    "a stream": (lambda: data.DataLoader(Stream(10), batch_size=4), 3, 10, 4),
    "a stream of batches": (lambda: data.DataLoader([torch.zeros(5, 2)] * 4, batch_size=None), 4, 20, 5),
    "nothing that tells": (lambda: data.DataLoader([1.5, 2.5, 3.5], batch_size=None), 3, None, None),
}


@pytest.mark.parametrize("name", LOADERS)
def test_batches_and_examples(count: Count, name: str) -> None:
    make, batches, examples, size = LOADERS[name]
    with count("batches") as counted:
        go_through(make())
    record = counted.record
    assert (record.units, record.unit, record.batch_size) == (batches, "batches", size)
    with count("examples") as counted:
        go_through(make())
    record = counted.record
    assert record.units == examples
    if examples is None:
        assert any("batch" in note for note in record.notes)
    else:
        assert (record.unit, record.batch_size) == ("examples", size)
        assert record.joules_per_unit * examples == pytest.approx(record.joules, rel=1e-12)
    assert clean()


def test_auto_counts_examples_where_nothing_is_generated(count: Count) -> None:
    with count("auto") as window:
        go_through(data.DataLoader(Numbers(10), batch_size=5))
    assert (window.record.units, window.record.unit) == (10, "examples")


def test_a_name_of_ones_own(count: Count) -> None:
    with count("examples", unit="images") as window:
        go_through(data.DataLoader(Numbers(10), batch_size=5))
    assert (window.record.units, window.record.unit) == (10, "images")


def test_a_loop_that_stops_early_counts_what_came(count: Count) -> None:
    loader = data.DataLoader(Numbers(100), batch_size=4)
    with count("examples") as window:
        for number, _ in enumerate(loader):
            if number == 2:
                break
    assert window.record.units == 12


def test_an_iterator_that_began_before_counts_from_the_window_on(count: Count) -> None:
    iterator = iter(data.DataLoader(Numbers(10), batch_size=4))
    next(iterator)
    with count("examples") as window:
        go_through(iterator)
    assert window.record.units == 6


def test_mixed_sizes_are_said(count: Count) -> None:
    with count("examples") as window:
        go_through(data.DataLoader(Numbers(10), batch_size=5))
        go_through(data.DataLoader(Numbers(10), batch_size=2))
    assert (window.record.units, window.record.batch_size) == (20, None)
    assert any("2 to 5" in note for note in window.record.notes)


def test_a_loader_inside_a_data_set_is_not_counted_twice(count: Count) -> None:
    def inner(n: int) -> Any:
        return next(iter(data.DataLoader(Numbers(6), batch_size=6)))[0]

    with count("batches") as window:
        go_through(data.DataLoader(Numbers(4, inner), batch_size=2))
    assert window.record.units == 2


def test_several_threads_lose_no_batch(count: Count) -> None:
    with count("examples") as window:
        loaders = [data.DataLoader(Numbers(400), batch_size=1) for _ in range(4)]
        threads = [threading.Thread(target=go_through, args=(loader,)) for loader in loaders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert window.record.units == 1600


# ---- what is left alone -----------------------------------------------------------------------------------


def test_workers_are_left_alone(count: Count) -> None:
    with count("examples") as window:
        inside = [
            n for batch in data.DataLoader(Numbers(4, lambda n: clean()), batch_size=2, num_workers=1) for n in batch
        ]
        assert not clean()
    assert inside == [True] * 4
    assert window.record.units == 4


def test_the_iterator_looks_the_same(count: Count) -> None:
    def looks(method: Any) -> tuple[Any, ...]:
        return inspect.signature(method), method.__doc__, method.__name__, method.__qualname__, method.__module__

    before = looks(ITERATOR.__next__)
    loader = data.DataLoader(Numbers(2))
    kind = type(iter(loader))
    with count("batches"):
        assert looks(ITERATOR.__next__) == before
        assert type(iter(loader)) is kind
    assert clean()


def test_an_error_in_a_data_set_passes_through_with_one_line_of_ours(count: Count) -> None:
    def broken(n: int) -> Any:
        if n == 3:
            raise KeyError("mine")
        return n

    def lines() -> list[str]:
        with pytest.raises(KeyError) as caught:
            go_through(data.DataLoader(Numbers(5, broken), batch_size=2))
        return [frame.filename.rpartition("jupyter_green/")[2] for frame in traceback.extract_tb(caught.tb)]

    plain = lines()
    with count("batches") as window:
        told = lines()
    assert [name for name in told if name not in plain] == ["session/workload/hooks.py"]
    assert len(told) == len(plain) + 1
    assert window.record.units == 1
    assert clean()


def test_the_end_of_a_loader_is_an_ordinary_one(count: Count) -> None:
    with count("batches"):
        iterator = iter(data.DataLoader(Numbers(1)))
        next(iterator)
        with pytest.raises(StopIteration):
            next(iterator)
        assert next(iterator, "over") == "over"


def test_a_batch_that_can_not_be_looked_at_costs_the_count_and_nothing_else(count: Count) -> None:
    class Sly:
        @property
        def shape(self) -> Any:
            raise RuntimeError("no shape today")

    with count("examples") as window:
        given = [type(batch).__name__ for batch in data.DataLoader([Sly(), Sly()], batch_size=None)]
    assert given == ["Sly", "Sly"]
    assert window.record.units is None
    assert any("no shape today" in note for note in window.record.notes)

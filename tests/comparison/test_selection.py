"""The rule of selection against published figures of 144 models on nine data sets, and its properties."""

from __future__ import annotations

import csv
from pathlib import Path
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.selection_rule import Offer, select

OFFERS = st.lists(
    st.builds(Offer, st.text(max_size=3), st.floats(0.01, 1), st.floats(1e-6, 1e6)), min_size=1, max_size=20
)


def published() -> dict[str, list[Offer]]:
    """Return the models of each data set; the file says where the figures are from and what they cover."""
    text = (Path(__file__).parent / "selection.csv").read_text(encoding="utf-8")
    found: dict[str, list[Offer]] = {}
    for row in csv.DictReader(line for line in text.splitlines() if not line.startswith("#")):
        found.setdefault(row["dataset"], []).append(
            Offer(row["model"], float(row["utility"]), float(row["kwh_per_1000"]))
        )
    return found


def test_the_table_is_whole() -> None:
    tables = published()
    assert len(tables) == 9
    assert sum(len(offers) for offers in tables.values()) == 144
    assert {len(offers) for offers in tables.values()} == {16}


@pytest.mark.parametrize(
    ("name", "best", "pick", "saving"),
    [
        ("imdb", "bloomz-7b1", "flan-t5-base", 0.796),
        ("tomatoes", "bloomz-3b", "sentiment-roberta-large-english", 0.683),
        ("squad_v2", "bert-large-uncased-whole-word-masking-squad2", "tinyroberta-squad2", 0.655),
        ("sciq", "bloomz-3b", "bloomz-1b7", 0.377),
        ("sst2", "distilbert-base-uncased-finetuned-sst-2-english", None, 0.0),
        ("squad", "tinyroberta-squad2", None, 0.0),
        ("samsum", "flan-t5-xl", None, 0.0),
        ("xsum", "distilbart-xsum-12-6", None, 0.0),
        ("cnn", "distilbart-cnn-12-6", None, 0.0),
    ],
)
def test_what_is_picked_at_five_per_cent(name: str, best: str, pick: str | None, saving: float) -> None:
    found = select(published()[name], 0.05)
    assert found.best.name == best
    assert found.pick.name == (pick or best)
    assert found.keep is (pick is None)
    assert found.saving == pytest.approx(saving, abs=5e-4)


@pytest.mark.parametrize(
    ("accepted", "mean", "pooled", "loss"),
    [
        (0.01, 0.102, 0.159, 0.0016),
        (0.02, 0.183, 0.191, 0.0049),
        (0.03, 0.221, 0.218, 0.0072),
        (0.039, 0.279, 0.280, 0.0102),
        (0.05, 0.279, 0.280, 0.0102),
        (0.10, 0.406, 0.549, 0.0329),
    ],
)
def test_all_data_sets_together(accepted: float, mean: float, pooled: float, loss: float) -> None:
    found = [select(offers, accepted) for offers in published().values()]
    assert fmean(one.saving for one in found) == pytest.approx(mean, abs=5e-4)
    left = sum(one.pick.energy for one in found) / sum(one.best.energy for one in found)
    assert 1 - left == pytest.approx(pooled, abs=5e-4)
    assert fmean(one.loss for one in found) == pytest.approx(loss, abs=5e-5)


def test_five_of_nine_are_kept() -> None:
    assert sum(select(offers, 0.05).keep for offers in published().values()) == 5


@given(OFFERS, st.floats(0, 1))
def test_a_pick_is_good_enough_and_never_dearer(offers: list[Offer], accepted: float) -> None:
    found = select(offers, accepted)
    assert found.best.utility == max(offer.utility for offer in offers)
    assert found.pick.energy <= found.best.energy
    assert found.loss <= accepted + 1e-9
    assert 0 <= found.saving < 1
    assert not [o for o in found.feasible if o.energy < found.pick.energy]


@given(OFFERS, st.floats(0, 0.5), st.floats(0, 0.5))
def test_accepting_more_never_saves_less(offers: list[Offer], one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert select(offers, low).saving <= select(offers, high).saving


@pytest.mark.parametrize(
    ("offers", "accepted"),
    [
        ([], 0.1),
        ([Offer("a", float("nan"), 1.0)], 0.1),
        ([Offer("a", 1.0, 0.0)], 0.1),
        ([Offer("a", 1.0, 1.0)], 2.0),
    ],
)
def test_what_is_no_choice(offers: list[Offer], accepted: float) -> None:
    with pytest.raises(ValueError, match=r"\."):
        select(offers, accepted)

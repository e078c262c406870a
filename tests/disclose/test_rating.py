"""The rule of the stars against every published star of a class, and its properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_green.disclose import DiscloseError, stars
from jupyter_green.disclose.rating import edges, size_class

# kWh per 1,000 queries and published star: class A text generators, Hugging Face space AIEnergyScore/Label.
PUBLISHED = {
    "distilgpt2": (0.001313333, 5),
    "opt-125m": (0.001943623, 5),
    "gpt2": (0.002146239, 5),
    "openai-gpt": (0.002703617, 5),
    "gpt2-medium": (0.003956383, 5),
    "OLMo-1B": (0.005593808, 5),
    "gpt2-large": (0.006120968, 5),
    "phi-1_5": (0.006290348, 5),
    "phi-1": (0.006393343, 5),
    "opt-2.7b": (0.008059587, 4),
    "gpt2-xl": (0.008921289, 4),
    "phi-2": (0.009863832, 4),
    "falcon-7b": (0.015875393, 3),
    "Llama-2-7b": (0.016441257, 3),
    "OLMo-1.7-7B": (0.016831336, 3),
    "Llama-3-8B": (0.017333139, 3),
    "Llama-3.1-8B": (0.017376263, 3),
    "aya-23-8B": (0.017817499, 2),
    "Starling-7B": (0.019010862, 2),
    "Mistral-7B": (0.019130424, 2),
    "xLAM-7b-r": (0.019170496, 2),
    "Ministral-8B": (0.020874860, 2),
    "Llama-2-13b": (0.026102442, 1),
    "phi-4": (0.028741175, 1),
}
ENERGIES = st.dictionaries(st.text(min_size=1), st.floats(1e-6, 1e6), min_size=2, max_size=30)


def test_every_published_star() -> None:
    found = stars({name: energy for name, (energy, _) in PUBLISHED.items()})
    assert len(PUBLISHED) == 24
    assert found == {name: star for name, (_, star) in PUBLISHED.items()}


def test_published_edges() -> None:
    found = edges({name: energy for name, (energy, _) in PUBLISHED.items()})
    assert [round(edge, 6) for edge in found] == [0.001313, 0.006799, 0.012284, 0.017770, 0.023256, 0.028741]


@given(ENERGIES)
def test_less_energy_never_has_fewer_stars(energies: dict[str, float]) -> None:
    found = stars(energies)
    ordered = [found[name] for name in sorted(energies, key=lambda name: energies[name])]
    assert ordered == sorted(ordered, reverse=True)
    assert ordered[0] == 5
    assert set(ordered) <= {1, 2, 3, 4, 5}


def test_alike_all_have_five() -> None:
    assert stars({"a": 2.0, "b": 2.0}) == {"a": 5, "b": 5}


@pytest.mark.parametrize("energies", [{}, {"a": 1.0}, {"a": 1.0, "b": 0.0}, {"a": 1.0, "b": float("nan")}])
def test_what_has_no_stars(energies: dict[str, float]) -> None:
    with pytest.raises(DiscloseError):
        stars(energies)


def test_size_classes() -> None:
    assert [size_class(n) for n in (20e9, 20.1e9, 66e9, 67e9)] == ["A", "B", "B", "C"]
    with pytest.raises(DiscloseError):
        size_class(0)

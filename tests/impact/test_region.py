from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

import jupyter_green.impact
from jupyter_green.impact import UnknownRegion, intensity, regions

CSV = Path(jupyter_green.impact.__file__).with_name("intensity.csv")
LINES = CSV.read_text(encoding="utf-8").splitlines()
ROWS = list(csv.DictReader(line for line in LINES if not line.startswith("#")))


@pytest.mark.parametrize(
    ("code", "grams"),
    [
        ("USA", 369.5), ("FRA", 56.0), ("DEU", 381.0), ("GBR", 237.6), ("CHN", 582.3), ("IND", 713.4), ("POL", 661.9),
        ("SWE", 40.7), ("NOR", 30.1), ("KEN", 70.5), ("ITA", 330.7), ("BRA", 98.3), ("JPN", 485.4), ("ZAF", 707.7),
        ("CAN", 170.0), ("AUS", 548.7), ("WORLD", 481),
    ],
)  # fmt: skip
def test_figures_agree_with_the_published_ones(code, grams):
    last_digit = 1 if code == "WORLD" else 0.1
    assert abs(intensity(code).grams_per_kwh - grams) <= last_digit / 2 + 1e-9


@pytest.mark.parametrize("row", ROWS, ids=[row["code"] for row in ROWS])
def test_every_row_is_found_by_code_and_names_and_equals_the_file(row):
    names = [name for name in (row["code"], row["code2"], row["name"], *row["also"].split("|")) if name]
    for name in names:
        if not row["grams_per_kwh"]:
            with pytest.raises(UnknownRegion, match=row["name"]):
                intensity(name)
            continue
        found = intensity(name.lower())
        assert found == intensity(name)
        assert (found.region, found.name) == (row["code"], row["name"])
        assert found.grams_per_kwh == float(row["grams_per_kwh"]) > 0
        assert found.year == int(row["year"])
        assert 2000 <= found.year <= 2026
        assert "CC BY 4.0" in found.source
        assert str(found.year) in found.sentence()
        assert "yearly average" in found.sentence()


def test_the_file_says_where_it_comes_from_and_covers_the_world():
    head = " ".join(line for line in LINES if line.startswith("#"))
    for word in ("Ember", "Our World in Data", "CC BY 4.0", "production mix", "yearly average"):
        assert word in head
    assert len(regions()) > 200
    assert len({row["code"] for row in ROWS}) == len(ROWS)


def test_names_never_clash():
    seen: dict[str, str] = {}
    for row in ROWS:
        for name in (row["code"], row["code2"], row["name"], *row["also"].split("|")):
            key = "".join(letter for letter in name.casefold() if letter.isalnum())
            if key:
                assert seen.setdefault(key, row["code"]) == row["code"], name


@pytest.mark.parametrize(
    ("given", "code"), [("Côte d’Ivoire", "CIV"), (" uk ", "GBR"), ("Türkiye", "TUR"), ("u.s.", "USA")]
)
def test_case_accents_and_punctuation_do_not_matter(given, code):
    assert intensity(given).region == code


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("Frence", "FRA (France)"),
        ("Germny", "DEU (Germany)"),
        ("DEUU", "DEU (Germany)"),
        ("US-CA", "'USA'"),
        ("GB-SCT", "'GBR'"),
        ("Atlantis", "'120 g/kWh'"),
        ("", "empty"),
        ("  ", "empty"),
        ("-", "empty"),
        ("us-east-1", "'USA'"),
        ("CAF", "0 g/kWh"),
        ("56", "no carbon figure"),
        ("-5 g/kWh", "no carbon figure"),
        ("56000 g/kWh", "more than any grid"),
    ],
)
def test_an_unknown_region_is_said_with_a_hint_and_never_guessed(given, hint):
    with pytest.raises(UnknownRegion) as caught:
        intensity(given)
    text = str(caught.value)
    assert hint in text
    assert text.endswith(".")
    assert "\n" not in text


def test_the_world_average_is_used_only_when_named():
    assert intensity("world").region == "WORLD"
    for other in ("WLD", "earth", "global", "anywhere"):
        with pytest.raises(UnknownRegion):
            intensity(other)


def test_ones_own_figure_is_taken_as_it_is():
    own = intensity(" 120.5 gCO2e / kWh ")
    assert (own.grams_per_kwh, own.year, own.region) == (120.5, None, "own")
    assert "given by you" in own.sentence()


def test_the_room_stays_light():
    code = "import sys, jupyter_green.impact as room; room.intensity('FR'); print(*sorted(sys.modules))"
    here = {**os.environ, "PYTHONPATH": str(CSV.parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=here, check=False)
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.split()
    heavy = {"numpy", "pandas", "IPython", "sqlalchemy", "psutil", "pynvml", "socket", "urllib.request", "torch"}
    assert "jupyter_green.impact" in loaded
    assert not heavy & set(loaded)

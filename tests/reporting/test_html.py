"""The HTML stands alone, survives a sanitiser, runs nothing and lets no foreign text become markup."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings

from jupyter_green.reporting import html, sentence
from jupyter_green.reporting.numbers import plain
from tests.reporting.arbitrary import records
from tests.support.html_readers import Reader
from tests.support.record_states import CPU, GPU, HOSTILE, TRACE, record, simulated, states


def sanitised(source: str) -> str:
    """What an untrusted notebook shows: no style, no picture, no attributes of style."""
    source = re.sub(r"<style>.*?</style>", "", source, flags=re.S)
    while "<svg" in source:  # from the innermost
        source = re.sub(r"<svg(?:(?!<svg).)*?</svg>", "", source, flags=re.S)
    return re.sub(r' (style|class)="[^"]*"', "", source)


def words(source: str) -> str:
    return "".join(Reader(source).words)


def summary(source: str) -> str:
    found = re.search(r"<summary>(.*?)</summary>|<div[^>]*>(.*)</div>$", sanitised(source), flags=re.S)
    assert found is not None
    return plain(words(found.group(1) or found.group(2)))


@pytest.mark.parametrize("state", states())
def test_the_sentence_survives_a_sanitiser(state):
    drawn = states()[state]
    assert summary(html(drawn)).replace("± 40", "±40") == sentence(drawn)


@given(records())
@settings(max_examples=60, deadline=None)
def test_any_record_is_well_formed_and_says_its_sentence(drawn):
    source = html(drawn)
    Reader(source)
    assert summary(source) == sentence(drawn)
    source.encode()


def test_hostile_names_stay_text():
    source = html(states()["hostile names"])
    Reader(source)  # knows no <script>, no <img>, no onerror
    assert "<script" not in source
    assert "\x1b" not in source
    assert "\u202e" not in source
    assert "&lt;script&gt;window.broken=1" in source
    assert HOSTILE not in source


def test_every_estimated_figure_is_explained_one_click_away():
    for name in ("ok", "estimated", "shared", "several", "absent"):
        assert re.search(r"<dt>Why estimated</dt><dd>CPU: .*<code>%energy doctor</code>", html(states()[name])), name
    assert "Why estimated" not in html(record(GPU))
    told = html(record(replace(CPU, note="The package's counter may only be read by root.")))
    assert "<dd>CPU: The package&#x27;s counter may only be read by root. <code>%energy doctor" in told


def test_a_simulated_record_says_so_in_words():
    text = words(sanitised(html(states()["simulated"])))
    assert "GPU simulated" in text
    assert "simulated, counter" in text
    assert "not a measurement" in text
    assert "measured" not in text


def test_the_table_has_a_row_per_device_and_keeps_its_column():
    source = html(states()["several"])
    assert source.count('<th scope="row"') == 3
    figures = re.findall(r'<td class="r"[^>]*>([^<]*)</td>', source)
    assert figures == ["112", "3", "19", "112", "3", "19", "12", "5", "2"]
    assert '<th scope="col" class="r">J</th>' in source
    large = html(states()["large"])
    assert '<th scope="col" class="r">kJ</th>' in large
    assert re.findall(r'<td class="r"[^>]*>([^<]*)</td>', large) == ["1,240", "40", "310", "0.9", "0.4", "0.2"]


def test_a_device_without_a_figure_is_named_once_in_its_row():
    note = "It could not be read: it fell off the bus."
    source = html(record(replace(GPU, joules=None, uncertainty=None, note=note), CPU))
    assert "It could not be read: it fell off the bus" in source
    assert source.count(f"{GPU.device}</th>") == 1


def test_absent_figures_are_dashes_never_zeros():
    source = html(states()["no reading"])
    assert source.count('<td class="r absent">–</td>') == 3
    assert "The driver did not answer for 2 s</td>" in source
    assert ">0<" not in source


def test_a_bound_stays_a_bound_in_the_details():
    source = html(states()["below"].with_(co2e_grams=1e-3, co2e_source="FR"))
    assert ">≤\u202f0.8</td>" in source
    assert "≤\u202f0.23\u202fmWh" in source  # 0.8 J is 0.2222 mWh: rounded up
    assert "≤\u202f2.7\u202fmg CO₂e (FR)" in source


def test_what_is_not_metered_is_named():
    assert "<dd>DRAM, disk, network, cooling</dd>" in html(states()["ok"])
    assert "<dd>GPU 0, RTX A500, DRAM, disk" in html(states()["absent"])
    memory = replace(GPU, kind="dram", device="DRAM 0")
    assert "<dd>disk, network, cooling</dd>" in html(record(GPU, memory))
    assert "<dd>disk, network, cooling</dd>" in html(record(replace(GPU, covers_memory=True)))
    assert "<dd>DRAM, disk" in html(record(replace(GPU, scope="whole board and its memory")))


def test_shared_devices_show_the_split_and_its_doubt():
    text = words(sanitised(html(states()["shared"])))
    assert plain(text).count("this kernel 51 J, attributed") == 1
    assert "others 27 J" in plain(text)
    assert "idle 18 J, to nobody" in plain(text)
    assert "54 J of the total are this kernel’s" in plain(text)
    assert "measured board, attributed" in text
    assert "to be sure, run alone" in text


def test_the_course_of_power_is_drawn_from_three_points_on():
    assert 'class="jg-trace"' in html(record(GPU, trace=TRACE))
    two = replace(TRACE, series={"GPU": ((0.0, 1.0), (1.0, 2.0), (2.0, None))})
    assert 'class="jg-trace"' not in html(record(GPU, trace=two))


def test_a_provisional_record_has_no_details_to_open():
    source = html(states()["so far"])
    assert "<details" not in source
    assert "±" not in source


def test_rules_of_style_all_stand_under_our_class():
    style = re.search(r"<style>(.*)</style>", html(states()["ok"]))
    assert style is not None
    rules = re.sub(r"@(media|container)\s*\([^)]*\)\s*\{", "", style.group(1))
    for selectors in re.findall(r"([^{}]+)\{[^{}]*\}", rules):
        for selector in selectors.split(","):
            assert ".jg" in selector, selector
    for name in re.findall(r"var\((--jp-[\w-]+)", style.group(1)):
        assert f"var({name}," in style.group(1), f"{name} has no fallback"
    assert "url(" not in style.group(1)
    assert "@import" not in style.group(1)


def test_the_picture_and_the_words_agree_on_hatching():
    drawn = html(record(GPU, CPU, simulated(replace(GPU, key="b")), replace(GPU, key="c", shared=True, own_joules=2.0)))
    assert re.findall(r'<i class="(sw [^"]*)"', drawn.partition("<table")[2]) == [
        "sw gpu",
        "sw cpu est",
        "sw gpu sim",
        "sw gpu est",
    ]


def test_the_sentence_stands_alone_where_elements_are_printed_as_text():
    """nbconvert with ``sanitize_html`` prints what it does not allow; the style's rules are not among it."""
    strings = pytest.importorskip("nbconvert.filters.strings")
    for drawn in states().values():
        cleaned = strings.clean_html(html(drawn))
        blocks = [plain(words(part)) for part in re.findall(r'<div class="jg-say">(.*?)</div>', cleaned)]
        assert blocks == ([sentence(drawn)] if drawn.final else []) or sentence(drawn) in plain(words(cleaned))
        assert "{" not in words(cleaned)


def test_what_a_sanitiser_leaves_of_bars_and_pictures_is_a_sentence():
    """JupyterLab takes pictures and style from a notebook that nobody trusts, and keeps every text."""

    def left(drawn):
        return plain(re.sub(r"<[^>]*>", "", html(drawn).partition("</style>")[2]))

    assert "this kernel 51 J, attributed; others 27 J; idle 18 J, to nobody" in left(states()["shared"])
    picture = "Power over time: GPU 0, RTX A500, peak 32 W; CPU, peak 4.0 W; 0 to 6.0 s, simulated"
    assert picture in left(states()["simulated"])


def test_the_batch_size_is_told():
    drawn = record(GPU, units=8.0, unit="tokens", batch_size=2)
    assert "<dt>Batch size</dt><dd>2 at a time; joules per unit depend on it</dd>" in html(drawn)
    assert "<dd>2 at a time</dd>" in html(record(GPU, batch_size=2))
    assert "Batch size" not in html(record(GPU))

"""The doctor names what works, why the rest does not, and gives commands that can be copied whole."""

from __future__ import annotations

from jupyter_green.reporting import Doctor
from jupyter_green.sensors import Diagnostic, SensorInfo
from tests.support.html_readers import Reader
from tests.support.record_states import FINDINGS, HOSTILE, TRAITS

TEXT = """\
Energy sensors of this machine

works  NVIDIA GPUs: One board with an energy counter.
    GPU 0, RTX A500: measured by its counter, whole board, ±5 %, ticks every 20 ms to 100 ms

fails  package 0: Its energy counter may only be read by root.
    To fix it:
        sudo groupadd --force energy
        echo 'SUBSYSTEM=="powercap", RUN+="/bin/chgrp -R energy /sys%p"' | sudo tee /etc/udev/rules.d/70-energy.rules
        sudo udevadm trigger --subsystem-match=powercap
    Then log in again, so that the group takes effect.

fails  AMD GPUs: No AMD GPU is in this machine.

CPU: estimated from processor time, this kernel and what it started, ±40 %

Here: GPU measured; CPU estimated; the commands shown would add to what is measured."""


def test_the_report_as_text():
    assert Doctor(FINDINGS, TRAITS).text() == TEXT
    assert repr(Doctor(FINDINGS, TRAITS)) == TEXT


def test_the_report_as_html_keeps_commands_whole():
    source = Doctor(FINDINGS, TRAITS).html()
    words = "".join(Reader(source).words)
    for command in FINDINGS[1].fix:
        assert command in words
    assert "user-select:all" in source
    assert "Then log in again, so that the group takes effect." in words


def test_commands_are_never_shortened_or_joined():
    long = "sudo tee /etc/x <<'END'\n\tline two\nEND\n" + "x" * 5000
    report = Doctor([Diagnostic("a", "A", False, "Broken", (long,))])
    assert "x" * 5000 in report.text()
    assert "        \tline two" in report.text()
    assert long in "".join(Reader(report.html()).words)


def test_findings_from_outside_stay_text():
    report = Doctor(
        [Diagnostic("a", HOSTILE, False, HOSTILE, (HOSTILE,), HOSTILE), Diagnostic("b", HOSTILE, True, HOSTILE)],
        [SensorInfo("k", "other", HOSTILE, "power", "measured", HOSTILE, "b", note=HOSTILE)],
    )
    assert "\x1b" not in report.text() + report.html()
    assert "\u202e" not in report.text() + report.html()
    Reader(report.html())


def test_the_verdict_never_calls_an_estimate_measured():
    estimate = [TRAITS[1]]
    assert Doctor((), estimate).verdict() == "Here: CPU estimated; nothing measured."
    unreal = [SensorInfo("k", "gpu", "GPU 0", "counter", "simulated", "whole board", "nvidia")]
    assert Doctor((), unreal).verdict() == "Here: GPU simulated; nothing measured."
    assert "measured" not in Doctor((), unreal).text().partition("Here")[0]
    assert Doctor(()).verdict().startswith("No energy sensor can be read")


def test_each_sensor_stands_once_below_the_finding_it_belongs_to():
    traits = [SensorInfo(f"rapl:{i}", "cpu", f"package {i}", "counter", "measured", "package", "rapl") for i in (0, 1)]
    traits.append(SensorInfo("rapl:d", "dram", "DRAM 0", "counter", "measured", "memory", "rapl"))
    findings = [Diagnostic("rapl", f"package {i}", True, "Its counter is read.") for i in (0, 1)]
    lines = Doctor(findings, traits).text().split("\n")
    assert [
        sum(line.strip().startswith(name) for line in lines) for name in ("package 0:", "package 1:", "DRAM 0:")
    ] == [
        1,
        1,
        1,
    ]
    assert lines.index("works  package 1: Its counter is read.") + 1 == next(
        index for index, line in enumerate(lines) if line.startswith("    package 1:")
    )


def test_calibrations_stand_with_their_sensor_and_those_of_others_last():
    told = [("nvidia:a", "Calibrated on 2026-01-31: its counter is late"), ("nvidia:z", f"Calibrated: {HOSTILE}")]
    lines = Doctor(FINDINGS, TRAITS, told).text().split("\n")
    here = lines.index("    Calibrated on 2026-01-31: its counter is late")
    assert lines[here - 1].startswith("    GPU 0, RTX A500")
    assert lines[-3].startswith("Calibrated: </summary>")
    Reader(Doctor(FINDINGS, TRAITS, told).html())

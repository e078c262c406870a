"""The shapes that pages are told."""

from __future__ import annotations

from jupyter_green.baselines import serializers
from jupyter_green.records import Component, EnergyRecord


def test_a_figure_that_still_grows_is_not_below_what_a_sensor_resolves() -> None:
    """It is known late, not badly; once it is final it may be."""
    part = Component("gpu", "GPU 0", "nvidia:a", 0.3, 0.5, 0.0, "counter", "measured", "whole board", "nvidia")
    record = EnergyRecord((part,), seconds=0.01, started_at=0.0)
    assert serializers.figure(record)["below_resolution"] is True
    assert serializers.figure(record.with_(final=False))["below_resolution"] is False


def test_a_cell_says_which_part_of_its_devices_is_not_in_its_figure() -> None:
    """Two boards are one kind, so the parts alone could not tell that one of them is missing."""
    part = Component("gpu", "GPU 0", "nvidia:a", 3.0, 0.5, 0.0, "counter", "measured", "whole board", "nvidia")
    lost = Component("gpu", "GPU 1", "nvidia:b", None, None, 0.0, "counter", "measured", "whole board", "nvidia")
    record = EnergyRecord((part, lost), seconds=0.01, started_at=0.0)
    assert serializers.cell(record)["incomplete"] == "1 of 2 devices not counted"
    assert serializers.cell(record.with_(final=False))["incomplete"] == "", "its first reading may still come"
    assert serializers.cell(record.with_(components=(part,)))["incomplete"] == ""

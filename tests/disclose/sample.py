"""Records as the meter makes them, with round figures."""

from __future__ import annotations

from typing import Any

from jupyter_green.records import Component, EnergyRecord

H100 = "GPU 0, NVIDIA H100 80GB HBM3"


def gpu(joules: float | None = 3600.0, *, device: str = H100, uncertainty: float = 36.0, **more: Any) -> Component:
    facts: dict[str, Any] = {"method": "counter", "quality": "measured", "scope": "whole board", "shared": False}
    return Component("gpu", device, f"nvidia:{device}", joules, uncertainty, 10.0, source="nvidia", **(facts | more))


def cpu(joules: float | None = 1800.0, *, uncertainty: float = 720.0, **more: Any) -> Component:
    facts: dict[str, Any] = {"method": "model", "quality": "estimated", "scope": "this kernel and its children"}
    return Component(
        "cpu", "CPU, AMD EPYC", "processor:model", joules, uncertainty, 0.0, source="processor", **(facts | more)
    )


def record(*components: Component, seconds: float = 10.0, started_at: float = 1.75e9, **more: Any) -> EnergyRecord:
    facts: dict[str, Any] = {"run_id": "run-1", "project": "films", "notebook": "films.ipynb"}
    return EnergyRecord(components, seconds, started_at, **(facts | more))

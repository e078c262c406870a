"""Every state in which a record can be drawn; the tests and the screenshots share it."""

from __future__ import annotations

from dataclasses import replace

from jupyter_green.records import Component, EnergyRecord, Trace
from jupyter_green.records.power_mismatch import PowerMismatch
from jupyter_green.sensors import Diagnostic, SensorInfo

HOSTILE = (
    "</summary></style></svg><script>window.broken=1</script><img src=x onerror='window.broken=1'>\"'`&\u202e\x1b[31m\n"
)

GPU = Component(
    "gpu", "GPU 0, RTX A500", "nvidia:a", 11.2, 0.3, 0.2, "counter", "measured", "whole board", "nvidia",
    idle_joules=6.8, own_joules=11.2, shared=False, tick_seconds=0.1,
)  # fmt: skip
CPU = Component(
    "cpu", "CPU", "processor:all", 1.2, 0.5, 0.0, "model", "estimated", "package, this kernel’s share", "processor",
    own_joules=1.2, shared=False,
)  # fmt: skip
DIFFERS = PowerMismatch(0.3)
WHY = "Its driver is one that tells neither energy nor power, and what it shows elsewhere is not of this machine."
TRACE = Trace(
    {
        "GPU 0, RTX A500": tuple(
            (0.1 * i, None if 30 <= i < 36 else 6.0 + 20 * (i % 20 > 9) + i / 10) for i in range(60)
        ),
        "CPU": tuple((0.5 * i, 2.0 + i % 3) for i in range(12)),
    },
    6.0,
)


def record(*parts: Component, seconds: float = 1.83, **facts: object) -> EnergyRecord:
    facts = {"started_at": 1_700_000_000.0, "overhead_seconds": 0.0004, "execution_count": 1, **facts}
    return EnergyRecord(parts, seconds, **facts)


def simulated(part: Component) -> Component:
    return replace(part, quality="simulated", source="nvidia (simulated)")


def states() -> dict[str, EnergyRecord]:
    """Records by the name of their state."""
    two = [
        replace(GPU, key=f"nvidia:{i}", device=f"GPU {i}, NVIDIA A10", joules=112.0, uncertainty=3.0) for i in (0, 1)
    ]
    module = "the whole module: GPU, Grace CPU and LPDDR5X memory"
    long = "GPU 0, NVIDIA GH200 480GB Grace Hopper Superchip module with a name that goes on and on"
    return {
        "ok": record(GPU, CPU),
        "valued": record(GPU, CPU, co2e_grams=0.19e-3, co2e_source="FR, 56 g/kWh", cost=0.86e-6, currency="EUR"),
        "estimated": record(replace(CPU, joules=20.0, uncertainty=8.0), seconds=1.3),
        "simulated": record(simulated(GPU), CPU, seconds=6.0, trace=replace(TRACE, simulated=True)),
        "below": record(replace(GPU, joules=0.3, uncertainty=0.5, idle_joules=None), seconds=0.021),
        "below, estimated": record(replace(CPU, joules=0.01, uncertainty=0.02), seconds=0.003),
        "killed": record(replace(GPU, joules=55.0, uncertainty=2.8), seconds=9.0, status="killed", execution_count=9),
        "interrupted": record(replace(GPU, joules=73.0, uncertainty=2.0), CPU, seconds=5.5, status="interrupted"),
        "error": record(replace(GPU, joules=112.0, uncertainty=3.0), replace(CPU, joules=12.0, uncertainty=5.0),
                        seconds=5.1, status="error"),
        "shared": record(
            replace(GPU, device="GPU 0, A10", joules=96.0, uncertainty=2.0, own_joules=51.0, idle_joules=18.0,
                    shared=True, note="Others used it too; attributed by busy time, 65% of it to this kernel."),
            replace(CPU, joules=3.0, uncertainty=1.2, own_joules=3.0), seconds=1.1),
        "shared, no split": record(replace(GPU, shared=True, own_joules=None), CPU),
        "several": record(*two, replace(CPU, joules=12.0, uncertainty=5.0), seconds=6.0, trace=TRACE),
        "absent": record(replace(GPU, joules=None, uncertainty=None, note="The driver did not answer for 2 s."), CPU),
        "absent, named": record(replace(GPU, joules=None, uncertainty=None, note=f"It has no counter. {WHY}"),
                                CPU),
        "contradicted": record(*(replace(GPU, key=f"nvidia:{i}", device=f"GPU {i}, A10", power_mismatch=mismatch,
                                         note=f"Others used it. {mismatch.sentence} More is said later.")
                                 for i, mismatch in enumerate((DIFFERS, PowerMismatch(-0.26, recent=True), DIFFERS))),
                               CPU),
        "throttled": record(replace(GPU, celsius=91.0, clock_mhz=1005.0, clock_spread_mhz=15.0,
                                    throttle=("power_cap", "thermal")), replace(CPU, throttle=())),
        "noted": record(GPU, CPU, units=40.0, unit="tokens", notes=("No token was counted.", "12.4 J")),
        "no reading": record(replace(GPU, joules=None, uncertainty=None, note="The driver did not answer for 2 s.")),
        "no sensor": record(),
        "units": record(GPU, CPU, units=40.0, unit="tokens"),
        "so far": record(replace(GPU, joules=570.0, uncertainty=20.0), seconds=28.0, final=False,
                         trace=Trace({"GPU": ((0.0, 20.0), (27.0, 24.2))}, 28.0)),
        "so far, nothing yet": record(replace(GPU, joules=None, uncertainty=None), seconds=0.04, final=False),
        "gap": record(GPU, CPU, span="gap", seconds=28.0, execution_count=None),
        "large": record(replace(GPU, joules=1.24e6, uncertainty=4e4), replace(CPU, joules=900.0, uncertainty=400.0),
                        seconds=4000.0),
        "± not known": record(replace(GPU, uncertainty=None), CPU),
        "long names": record(replace(GPU, device=long, scope=module), CPU,
                             label="an evaluation of everything " * 5, notes=("A note that explains a lot. " * 12,)),
        "hostile names": record(replace(GPU, device=HOSTILE, scope=HOSTILE, note=HOSTILE, shared=True, own_joules=5.0),
                                replace(CPU, kind="other", device=HOSTILE, note=HOSTILE, scope=HOSTILE,
                                        throttle=(HOSTILE[:40],)),
                                label=HOSTILE, notes=(HOSTILE,), unit=HOSTILE, units=3.0, currency=HOSTILE, cost=1.0,
                                co2e_grams=1.0, co2e_source=HOSTILE,
                                trace=Trace({HOSTILE: ((0.0, 1.0), (0.5, 2.0), (1.0, 3.0))}, 1.83)),
    }  # fmt: skip


FINDINGS = (
    Diagnostic("nvidia", "NVIDIA GPUs", True, "One board with an energy counter."),
    Diagnostic("rapl", "package 0", False, "Its energy counter may only be read by root.",
            ("sudo groupadd --force energy", "echo 'SUBSYSTEM==\"powercap\", RUN+=\"/bin/chgrp -R energy /sys%p\"' "
             "| sudo tee /etc/udev/rules.d/70-energy.rules", "sudo udevadm trigger --subsystem-match=powercap"),
            "Then log in again, so that the group takes effect"),
    Diagnostic("amd", "AMD GPUs", False, "No AMD GPU is in this machine."),
)  # fmt: skip
TRAITS = (
    SensorInfo("nvidia:a", "gpu", "GPU 0, RTX A500", "counter", "measured", "whole board", "nvidia"),
    SensorInfo(
        "processor:all", "cpu", "CPU", "model", "estimated", "this kernel and what it started", "processor", gain=0.4
    ),
)
TEXTS = {"ok": "probs = head(model.encode(batch))", "several": "文字列 = 翻訳(モデル, データ)  # wide signs"}

"""The compared meters, each set up to meter every cell of a notebook.

jupyter_green is loaded as usual. The others have no notebook integration, so each gets the two calls that its
documentation describes, one before and one after the cell. Each has its defaults, except that network access and output
are disabled and Zeus is kept from needing PyTorch.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Subject:
    """One meter.

    Parameters
    ----------
    name : str
        Name in the table.
    package : str or None
        Distribution whose version is reported.
    load : str
        Cell that loads it, after which every cell is metered.
    reading : tuple of str
        Cells of which the last prints the joules of a window of 1 s.
    tick : float
        Update period of the simulated counter in seconds.
    """

    name: str
    package: str | None
    load: str
    reading: tuple[str, ...]
    tick: float = 0.1


_HOOKS = """
{setup}
_open = False
def _before(info=None):
    global _open
    {begin}
    _open = True
def _after(result=None):
    global _open, _last
    if _open:
        _open = False
        {end}
get_ipython().events.register("pre_run_cell", _before)
get_ipython().events.register("post_run_cell", _after)
"""
_SECOND = "import time; time.sleep(1)"


def _peer(name: str, package: str, *, setup: str, begin: str, end: str, joules: str) -> Subject:
    return Subject(
        name, package, _HOOKS.format(setup=setup, begin=begin, end=end), (_SECOND, f"print(float({joules}))")
    )


def _ours(tick: float) -> Subject:
    return Subject(
        f"jupyter_green, counter every {tick * 1000:.0f} ms",
        "jupyter_green",
        "%load_ext jupyter_green",
        (f"%%energy -q -o _seen\n{_SECOND}", "print(float(_seen.joules))"),
        tick,
    )


SUBJECTS = (
    Subject("plain kernel (control)", "ipykernel", "pass", ("print('nan')",)),
    _ours(0.1),
    _ours(0.02),
    _peer(
        "Zeus",
        "zeus",
        setup="from zeus.monitor import ZeusMonitor\n_monitor = ZeusMonitor()",
        begin='_monitor.begin_window("cell", sync_execution=False)',
        end='_last = _monitor.end_window("cell", sync_execution=False)',
        joules="_last.total_energy",
    ),
    _peer(
        "CodeCarbon, tasks",
        "codecarbon",
        setup=(
            "from codecarbon import OfflineEmissionsTracker\n"
            '_tracker = OfflineEmissionsTracker(country_iso_code="FRA", save_to_file=False, log_level="critical")\n'
            "_count = 0"
        ),
        begin='global _count; _count += 1; _tracker.start_task(f"cell {_count}")',
        end='_last = _tracker.stop_task(f"cell {_count}")',
        joules="_last.energy_consumed * 3.6e6",
    ),
    _peer(
        "CarbonTracker, epochs",
        "carbontracker",
        setup=(
            "from carbontracker.tracker import CarbonTracker\n"
            "_tracker = CarbonTracker(epochs=1_000_000, epochs_before_pred=0, verbose=0)"
        ),
        begin="_tracker.epoch_start()",
        end="_tracker.epoch_end()",
        joules="_tracker.tracker.total_energy_per_epoch()[-1] * 3.6e6",
    ),
    _peer(
        "pyJoules",
        "pyJoules",
        setup=(
            "from pyJoules.device.device_factory import DeviceFactory\n"
            "from pyJoules.energy_meter import EnergyMeter\n"
            "_meter = EnergyMeter(DeviceFactory.create_devices())"
        ),
        begin="_meter.start()",
        end="_meter.stop(); _last = _meter.get_trace()",
        joules="sum(_last[0].energy.values()) / 1000",
    ),
)

"""Accuracy comparison: all meters on the same scenes, each with its own identical simulated GPU.

A round runs one scene for every meter, in rotating order, with each window at the same phase of the counter's update
period. Short windows follow one another; long ones overlap, which has little effect because a meter's process sleeps
while its window is open. There are several bouts, with new GPUs and new processes.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.support.driver import PastError, SimulatedDriver

from .figures import SO_FAR, Result
from .gauge import METERS
from .machine import clean, environment
from .scene import SCENES, SHAPES, Scene, board
from .station import PATIENCE, Station, StationFault

READY_SECONDS = 120.0
APART = 0.03
"""Shortest time in seconds between the end of one meter's window and the next one's work."""

OVERLAPPING = 0.2
"""Scenes of at least this length in seconds overlap."""

STEPS = 4000
"""Number of steps that the simulated driver can hold, with a margin."""

BY_THEMSELVES = {"old board": ("zeus",)}
"""Without a counter Zeus keeps three helper processes busy all the time, so it runs after the others."""

LEFT_OUT = {
    ("old board", "zeus-approx"): "its option replaces readings of the counter; without one it is Zeus as above"
}


@dataclass(frozen=True)
class Bout:
    """One simulated GPU: the case, its update period in seconds, and the number of rounds of each length."""

    case: str
    tick: float
    rounds: Mapping[float, int]


@dataclass
class Corner:
    """A meter in a bout: its process, its simulated GPU, and the number of power steps written so far."""

    key: str
    driver: SimulatedDriver
    station: Station
    steps: int = 0


class Contest:
    """Runs bouts and collects the results.

    Parameters
    ----------
    keys : sequence of str
        The meters, keys of `METERS`.
    folder : Path
        Folder for the processes and the simulated GPUs.
    seed : int
        Seed of the random scenes.
    tell : callable
        Receives a line on progress.
    """

    def __init__(self, keys: Sequence[str], folder: Path, seed: int, tell: Callable[[str], None]) -> None:
        self.results: list[Result] = []
        self.reasons: dict[tuple[str, str], str] = dict(LEFT_OUT)
        self.refused: dict[str, set[str]] = {}
        self.late = 0
        self._keys, self._folder, self._seed, self._tell = keys, folder, seed, tell
        self._groups = 0

    def run(self, number: int, bout: Bout) -> None:
        """Run one bout."""
        together = [key for key in self._keys if key not in BY_THEMSELVES.get(bout.case, ())]
        self._run(number, bout, together, "")
        for key in self._keys:
            if key not in together:
                self._run(number, bout, [key], key)

    def _run(self, number: int, bout: Bout, keys: Sequence[str], name: str) -> None:
        keys = [key for key in keys if (bout.case, key) not in self.reasons]
        if not keys:
            return
        self._tell(f"{bout.case}, tick {bout.tick * 1000:.0f} ms: {', '.join(METERS[key].name for key in keys)}")
        traits = board(random.Random(f"{self._seed} board {number} {bout.case} {bout.tick}"), bout.case, bout.tick)
        corners = [self._enter(key, self._folder / f"{number}{name}-{key}", traits) for key in keys]
        try:
            for corner in [*corners]:
                self._guarded(bout, corners, corner, partial(corner.station.answer, READY_SECONDS))
            # Work that is done only once, at first use, is not part of any window.
            for seconds in (0.05, 1.2):
                scene = SCENES["alone"](random.Random(f"{self._seed} {seconds}"), seconds, "square", traits["idle"])
                self._round(bout, corners, scene, None)
            order = [(length, turn) for length, count in bout.rounds.items() for turn in range(count)]
            random.Random(f"{self._seed} order {number}").shuffle(order)
            for place, (length, turn) in enumerate(order):
                shape = SHAPES[turn % len(SHAPES)]
                draw = random.Random(f"{self._seed} {number} {bout.case} {bout.tick} {length} {turn}")
                scene = SCENES[bout.case](draw, length, shape, traits["idle"])
                first = place % max(1, len(corners))
                corners[:] = corners[first:] + corners[:first]
                # Spread evenly over the update period, so that few windows cover all phases.
                between_ticks = (turn + draw.random()) / bout.rounds[length]
                self._round(bout, corners, scene, (length, shape, between_ticks))
                corners.sort(key=lambda corner: keys.index(corner.key))
        finally:
            for corner in corners:
                self._leave(corner)

    def _enter(self, key: str, folder: Path, traits: dict[str, Any]) -> Corner:
        driver = SimulatedDriver(folder)
        driver.board(**traits)
        ledger = {"JUPYTER_GREEN_LEDGER": f"sqlite:///{folder / 'ledger.db'}"}
        return Corner(key, driver, Station(key, folder, clean(folder, environment(driver, folder) | ledger)))

    def _round(self, bout: Bout, corners: list[Corner], scene: Scene, kept: tuple[float, str, float] | None) -> None:
        """Run one scene for every meter; results are kept if `kept` gives their length and shape."""
        place = kept[2] if kept else 0.5
        free = time.perf_counter() + 0.1
        for corner in [*corners]:
            if corner.steps + len(scene.steps) > STEPS:
                raise RuntimeError("This bout has more steps of power than the simulated driver holds; split it.")
            start = self._plan(corner, scene, max(free, time.perf_counter() + 0.02) + scene.before, bout.tick, place)
            corner.steps += len(scene.steps)
            windows = [(start + opened, start + closed) for opened, closed in scene.windows]
            self._guarded(bout, corners, corner, partial(corner.station.order, windows))
            free = start - scene.before + APART
            if scene.after < OVERLAPPING:
                free = start + scene.after + APART - scene.before
        self._groups += 1
        for corner in [*corners]:
            patience = PATIENCE + scene.after + 3 * len(corners)
            readings = self._guarded(bout, corners, corner, partial(corner.station.answer, patience))
            if readings and kept:
                self._keep(bout, corner, scene, readings, kept)

    def _plan(self, corner: Corner, scene: Scene, earliest: float, tick: float, place: float) -> float:
        """Write the scene to the simulated GPU; return the start of its first window, at its phase between updates."""
        origin = corner.driver.origin
        while True:
            start = origin + (math.ceil((earliest - origin) / tick - place) + place) * tick
            try:
                corner.driver.power([replace(step, time=start + step.time) for step in scene.steps])
            except PastError:
                earliest = time.perf_counter() + 0.1 + scene.before
            else:
                return start

    def _guarded(self, bout: Bout, corners: list[Corner], corner: Corner, call: Callable[[], Any]) -> Any:
        """Call a meter; one that fails is left out of this case, with the reason."""
        if corner not in corners:
            return None
        try:
            return call()
        except StationFault as fault:
            self.reasons[bout.case, corner.key] = str(fault)
            self._tell(f"    {METERS[corner.key].name} is out: {fault}")
            corners.remove(corner)
            self._leave(corner)
            return None

    def _leave(self, corner: Corner) -> None:
        corner.station.close()
        self.refused.setdefault(corner.key, set()).update(corner.station.refused)

    def _keep(
        self, bout: Bout, corner: Corner, scene: Scene, told: list[dict[str, Any]], kept: tuple[float, str, float]
    ) -> None:
        length, shape, _ = kept
        for window, (start, end) in zip(told, scene.windows, strict=True):
            seconds = window["closed"] - window["opened"]
            if not 0.5 * (end - start) < seconds < 1.5 * (end - start) + 0.005:
                self.late += 1  # the machine was busy: the window has another length than requested
                continue
            if window["lag"] > 0 and (window is told[0] or bout.case != "run all"):
                self.late += 1  # likewise: the GPU was busy before its window was open
                continue
            result = Result(
                meter=METERS[corner.key].name,
                case=bout.case,
                shape=shape,
                tick=bout.tick,
                length=length,
                group=self._groups,
                seconds=seconds,
                truth=corner.driver.truth(0, window["opened"], window["closed"]),
                **window["said"],
                **{name: window[name] for name in ("starting", "stopping", "spent", "background", "settled")},
            )
            self.results.append(result)
            if window["at_once"]:
                self.results.append(replace(result, meter=SO_FAR, **window["at_once"]))

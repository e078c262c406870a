"""Discovery: which sensors this machine has, from every source that offers some.

The built-in sources are listed here too, so that a source tree that was never installed finds them; a
source that is both listed and registered runs once. A source of a third party that breaks costs a
finding, never the load of the extension. Energy is never added twice: a sensor that is part of another
present one (`SensorInfo.covers`) is left out, and the findings say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

from .base import Diagnostic, Discovery, Sensor, SensorInfo

GROUP = "jupyter_green.sensors"
"""Entry-point group in which a package offers its sensors."""

BUILT_IN = {
    "nvidia": "jupyter_green.sensors.nvidia:discover",
    "rapl": "jupyter_green.sensors.rapl.discovery:discover",
    "amd": "jupyter_green.sensors.amd:discover",
    "apple": "jupyter_green.sensors.apple:discover",
    "processor": "jupyter_green.sensors.cpu_model:discover",
}
"""The sources of this package, in the order in which they are asked; counters before the model."""


def discover() -> Discovery:
    """Ask every source for its sensors and merge the answers.

    Returns
    -------
    Discovery
        Sensors whose energies may be added up, and one finding for each thing looked at.
    """
    sensors: list[Sensor] = []
    findings: list[Diagnostic] = []
    for source, target in _sources():
        answer = _ask(source, target)
        sensors += answer.sensors
        findings += answer.findings
    kept, said = _without_twins(sensors)
    summed, covered = _without_covered(kept)
    # What a source said of a sensor that now stands by would contradict what is said of it here.
    superseded = {(finding.source, finding.subject) for finding in covered}
    kept_findings = [finding for finding in findings if (finding.source, finding.subject) not in superseded]
    return Discovery(sensors=tuple(summed), findings=(*kept_findings, *said, *covered))


def _sources() -> list[tuple[str, str]]:
    """Return name and ``module:attribute`` of each source: built-in ones first, then others by name."""
    from importlib import metadata  # costs more than the rest of this room, so only when asked

    listed = list(BUILT_IN.items())
    known = set(BUILT_IN.values())
    for point in sorted(metadata.entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        target = point.value.partition("[")[0].replace(" ", "")
        if target not in known:
            known.add(target)
            listed.append((point.name, target))
    return listed


def _ask(source: str, target: str) -> Discovery:
    """Return what one source found; a source that breaks becomes a finding."""
    try:
        answer = _load(target)()
        if not isinstance(answer, Discovery):
            return _broken(source, f"it returned {type(answer).__name__} where a Discovery was expected")
        for sensor in answer.sensors:
            if not isinstance(sensor.traits, SensorInfo):
                return _broken(source, f"{type(sensor).__name__}.traits is no Traits")
        # Materialised here, so that a lazy sequence breaks inside the guard.
        return Discovery(sensors=tuple(answer.sensors), findings=tuple(answer.findings))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - other people's code: whatever it raises is told, not passed on
        text = " ".join(str(error).split())
        return _broken(source, f"{type(error).__name__}: {text}" if text else type(error).__name__)


def _load(target: str) -> Callable[[], object]:
    module, _, attribute = target.partition(":")
    found: object = import_module(module)
    for name in filter(None, attribute.split(".")):
        found = getattr(found, name)
    if not callable(found):
        raise TypeError(f"{target} can't be called")
    return found


def _broken(source: str, why: str) -> Discovery:
    told = why if len(why) <= 300 else why[:297] + "..."
    finding = Diagnostic(
        source=source,
        subject=f"sensors of {source}",
        works=False,
        detail=f"The source could not be asked ({told}); its devices are not metered.",
        advice=None if source in BUILT_IN else "Update or remove the package that registers this source.",
    )
    return Discovery(findings=(finding,))


def _without_twins(sensors: Sequence[Sensor]) -> tuple[list[Sensor], list[Diagnostic]]:
    """Keep the first sensor of each key."""
    kept: dict[str, Sensor] = {}
    findings: list[Diagnostic] = []
    for sensor in sensors:
        traits = sensor.traits
        if traits.key not in kept:
            kept[traits.key] = sensor
            continue
        if kept[traits.key] is sensor:
            continue
        first = kept[traits.key].traits
        detail = (
            f"Left out: {first.source} already offers a sensor with the key {traits.key!r}, and the first one counts."
        )
        findings += [Diagnostic(traits.source, traits.device, False, detail), *_released(sensor)]
    return list(kept.values()), findings


def _without_covered(sensors: Sequence[Sensor]) -> tuple[list[Sensor], list[Diagnostic]]:
    """Leave out what is part of another present sensor; of two that name each other, the first stays."""
    traits = {sensor.traits.key: sensor.traits for sensor in sensors}
    parts = {key: _parts(key, traits) for key in traits}
    order = {key: position for position, key in enumerate(traits)}
    kept: list[Sensor] = []
    findings: list[Diagnostic] = []
    for sensor in sensors:
        key = sensor.traits.key
        wholes = [
            other for other in traits if key in parts[other] and (other not in parts[key] or order[other] < order[key])
        ]
        if not wholes:
            kept.append(sensor)
            continue
        detail = f"Stands by and is not added: {traits[wholes[0]].device} counts this energy already."
        findings += [Diagnostic(sensor.traits.source, sensor.traits.device, True, detail), *_released(sensor)]
    return kept, findings


def _parts(key: str, traits: Mapping[str, SensorInfo]) -> frozenset[str]:
    """Return the keys that one sensor covers, directly or through another; its own is not among them."""
    seen: set[str] = set()
    ahead = list(traits[key].covers)
    while ahead:
        part = ahead.pop()
        if part not in seen and part != key:
            seen.add(part)
            ahead += traits[part].covers if part in traits else ()
    return frozenset(seen)


def _released(sensor: Sensor) -> list[Diagnostic]:
    """Close a sensor that is left out; one that can't be closed is told."""
    try:
        sensor.close()
    except Exception as error:  # noqa: BLE001 - other people's code: whatever it raises is told, not passed on
        detail = f"The sensor that was left out could not be closed ({type(error).__name__}: {error})."
        return [Diagnostic(sensor.traits.source, sensor.traits.device, False, detail)]
    return []

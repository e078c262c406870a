"""Discovery of the sensors of this machine, from all sources.

Built-in sources are listed here, so that they are found in a source tree that was never installed; a source that
is both listed and registered as an entry point runs once. A third-party source that fails adds a diagnostic and
does not keep the extension from loading. Energy is never counted twice: a sensor that is part of another one
(`SensorInfo.covers`) is left out, with a diagnostic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

from .base import Diagnostic, Discovery, Sensor, SensorInfo

GROUP = "jupyter_green.sensors"
"""Entry-point group in which a package registers its sensors."""

BUILT_IN = {
    "nvidia": "jupyter_green.sensors.nvidia:discover",
    "rapl": "jupyter_green.sensors.rapl.discovery:discover",
    "amd": "jupyter_green.sensors.amd:discover",
    "apple": "jupyter_green.sensors.apple:discover",
    "processor": "jupyter_green.sensors.cpu_model:discover",
}
"""The sources of this package, in the order in which they are called: counters before the model."""


def discover() -> Discovery:
    """Call every source; return the sensors that may be added up, and one diagnostic for each thing checked."""
    sensors: list[Sensor] = []
    findings: list[Diagnostic] = []
    for source, target in _sources():
        result = _ask(source, target)
        sensors += result.sensors
        findings += result.findings
    kept, duplicates = _without_twins(sensors)
    summed, covered = _without_covered(kept)
    # A source's own diagnostic of a sensor that is left out would contradict the one made here.
    superseded = {(finding.source, finding.subject) for finding in covered}
    kept_findings = [finding for finding in findings if (finding.source, finding.subject) not in superseded]
    return Discovery(sensors=tuple(summed), findings=(*kept_findings, *duplicates, *covered))


def _sources() -> list[tuple[str, str]]:
    """Return name and ``module:attribute`` of each source: built-in ones first, then others by name."""
    from importlib import metadata  # slow to import

    sources = list(BUILT_IN.items())
    targets = set(BUILT_IN.values())
    for point in sorted(metadata.entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        target = point.value.partition("[")[0].replace(" ", "")
        if target not in targets:
            targets.add(target)
            sources.append((point.name, target))
    return sources


def _ask(source: str, target: str) -> Discovery:
    """Return the result of one source; a source that fails becomes a diagnostic."""
    try:
        result = _load(target)()
        if not isinstance(result, Discovery):
            return _broken(source, f"it returned {type(result).__name__} where a Discovery was expected")
        for sensor in result.sensors:
            if not isinstance(sensor.traits, SensorInfo):
                return _broken(source, f"{type(sensor).__name__}.traits is not a SensorInfo")
        # Materialised here, so that a lazy sequence fails inside the try block.
        return Discovery(sensors=tuple(result.sensors), findings=tuple(result.findings))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - third-party code: any error becomes a diagnostic
        message = " ".join(str(error).split())
        return _broken(source, f"{type(error).__name__}: {message}" if message else type(error).__name__)


def _load(target: str) -> Callable[[], object]:
    module, _, attribute = target.partition(":")
    value: object = import_module(module)
    for name in filter(None, attribute.split(".")):
        value = getattr(value, name)
    if not callable(value):
        raise TypeError(f"{target} can't be called")
    return value


def _broken(source: str, why: str) -> Discovery:
    reason = why if len(why) <= 300 else why[:297] + "..."
    finding = Diagnostic(
        source=source,
        subject=f"sensors of {source}",
        works=False,
        detail=f"The source could not be asked ({reason}); its devices are not metered.",
        advice=None if source in BUILT_IN else "Update or remove the package that registers this source.",
    )
    return Discovery(findings=(finding,))


def _without_twins(sensors: Sequence[Sensor]) -> tuple[list[Sensor], list[Diagnostic]]:
    """Keep the first sensor of each key."""
    first_by_key: dict[str, Sensor] = {}
    findings: list[Diagnostic] = []
    for sensor in sensors:
        traits = sensor.traits
        if traits.key not in first_by_key:
            first_by_key[traits.key] = sensor
            continue
        if first_by_key[traits.key] is sensor:
            continue
        first = first_by_key[traits.key].traits
        detail = f"Left out: {first.source} already offers a sensor with the key {traits.key!r}; the first one is used."
        findings += [Diagnostic(traits.source, traits.device, False, detail), *_released(sensor)]
    return list(first_by_key.values()), findings


def _without_covered(sensors: Sequence[Sensor]) -> tuple[list[Sensor], list[Diagnostic]]:
    """Leave out sensors that are part of another one; of two that cover each other, the first is kept."""
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
        detail = f"Not added: {traits[wholes[0]].device} counts this energy already."
        findings += [Diagnostic(sensor.traits.source, sensor.traits.device, True, detail), *_released(sensor)]
    return kept, findings


def _parts(key: str, traits: Mapping[str, SensorInfo]) -> frozenset[str]:
    """Return the keys that a sensor covers, directly or through another, without its own."""
    covered: set[str] = set()
    pending = list(traits[key].covers)
    while pending:
        part = pending.pop()
        if part not in covered and part != key:
            covered.add(part)
            pending += traits[part].covers if part in traits else ()
    return frozenset(covered)


def _released(sensor: Sensor) -> list[Diagnostic]:
    """Close a sensor that is left out; return a diagnostic if that fails."""
    try:
        sensor.close()
    except Exception as error:  # noqa: BLE001 - third-party code: any error becomes a diagnostic
        detail = f"The sensor that was left out could not be closed ({type(error).__name__}: {error})."
        return [Diagnostic(sensor.traits.source, sensor.traits.device, False, detail)]
    return []

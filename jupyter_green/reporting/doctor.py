"""The report of ``%energy doctor``: which sensors work here, which do not and why, and the commands that fix it.

A diagnostic that works is followed by its sensors and what they cover. One that fails is followed by its commands,
each on a line of its own and never shortened, ready to be copied. The last line says what is measured, estimated and
simulated. Calibrations are listed with their sensor, including those not in use.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jupyter_green.metering.calibration.model import Calibration
from jupyter_green.sensors import Diagnostic, SensorInfo

from . import numbers
from .record.style import STYLE
from .sanitize import markup, one_line, verbatim

_KINDS = {"gpu": "GPU", "cpu": "CPU", "dram": "DRAM", "other": "other devices"}
_WORKS, _FAILS = "works", "fails"


@dataclass(frozen=True, repr=False)
class Doctor:
    """Sensor diagnostics as text and HTML."""

    findings: Sequence[Diagnostic]
    """One for each thing that was checked."""
    traits: Sequence[SensorInfo] = ()
    """Properties of the sensors in use."""
    calibrations: Sequence[tuple[str, str]] = ()
    """Key of the sensor that was calibrated, and one sentence about the calibration."""

    def text(self) -> str:
        """Return the report as plain text."""
        lines = ["Energy sensors of this machine"]
        for finding in self.findings:
            lines += ["", *_finding_lines(finding)]
            lines += [f"    {line}" for line in self._told(self._sensors(finding))]
        unassigned = self._told(self._sensors_without_finding()) + self._elsewhere()
        return numbers.plain("\n".join([*lines, *([""] if unassigned else []), *unassigned, "", self.verdict()]))

    def html(self) -> str:
        """Return the report as HTML; a click on a command selects all of it."""
        rows = "".join(self._section(finding) for finding in self.findings)
        rest = _list(self._told(self._sensors_without_finding()) + self._elsewhere())
        verdict = f"<div><b>{markup(self.verdict())}</b></div>"
        return f'{STYLE}<div class="jg jg-doc">{verdict}{rows}{rest}</div>'

    def verdict(self) -> str:
        """Return what is measured, estimated and simulated here, in one line."""
        parts = []
        for quality in ("measured", "simulated", "estimated"):
            kinds = [_KINDS.get(trait.kind, trait.kind) for trait in self.traits if trait.quality == quality]
            if kinds:
                parts.append(f"{', '.join(dict.fromkeys(kinds))} {quality}")
        if not parts:
            return "No energy sensor can be read and nothing is estimated: cells have no figure."
        broken = any(not finding.works and finding.fix for finding in self.findings)
        if not any(trait.quality == "measured" for trait in self.traits):
            parts.append("nothing measured")
        more = "; the commands shown would add to what is measured" if broken else ""
        return f"Here: {'; '.join(parts)}{more}."

    def _sensors(self, finding: Diagnostic) -> list[SensorInfo]:
        """Return the sensors to list below a diagnostic: those it names; below its source's first one also the rest."""
        working = [other for other in self.findings if other.works and other.source == finding.source]
        if not finding.works:
            return []
        mine = [trait for trait in self.traits if trait.source == finding.source]
        named = {other.subject for other in working}
        first = working[0] is finding
        return [trait for trait in mine if trait.device == finding.subject or (first and trait.device not in named)]

    def _sensors_without_finding(self) -> list[SensorInfo]:
        sources = {finding.source for finding in self.findings if finding.works}
        return [trait for trait in self.traits if trait.source not in sources]

    def _told(self, traits: Iterable[SensorInfo]) -> list[str]:
        """Return a line for each sensor, followed by one for each of its calibrations."""
        lines = []
        for trait in traits:
            lines += [covers(trait), *(one_line(text, 500) for key, text in self.calibrations if key == trait.key)]
        return lines

    def _elsewhere(self) -> list[str]:
        """Return the calibrations of sensors that are not read here."""
        here = {trait.key for trait in self.traits}
        return [one_line(text, 500) for key, text in self.calibrations if key not in here]

    def _section(self, finding: Diagnostic) -> str:
        state = _WORKS if finding.works else _FAILS
        swatch = '<i class="sw gpu"></i>' if finding.works else '<i class="sw other"></i>'
        subject = markup(one_line(finding.subject, 80))
        head = f"<div>{swatch}<b>{state}</b> {subject}: {markup(_sentence(finding.detail))}</div>"
        fix = "\n".join(verbatim(command) for command in finding.fix)
        commands = f'<div class="muted">To fix it:</div><pre class="jg-fix">{markup(fix)}</pre>' if fix else ""
        advice = f"<div>{markup(_sentence(finding.advice))}</div>" if finding.advice else ""
        return f'<div class="jg-det">{head}{commands}{advice}{_list(self._told(self._sensors(finding)))}</div>'

    def __repr__(self) -> str:
        return self.text()


def covers(trait: SensorInfo) -> str:
    """Return one line with a sensor's device, quality, method, scope, gain error and update period."""
    methods = {"counter": "by its counter", "power": "from its power", "model": "by a model"}
    method = "from processor time" if trait.kind == "cpu" and trait.method == "model" else methods.get(trait.method, "")
    parts = [f"{one_line(trait.device, 80)}: {trait.quality} {method}", one_line(trait.scope)]
    if numbers.known(trait.gain) and trait.gain > 0:
        parts.append(f"±{numbers.HAIR}{numbers.percent(trait.gain)}")
    shortest, longest = trait.period
    if trait.method != "model" and numbers.known(longest) and longest > 0:
        has_range = numbers.known(shortest) and 0 < shortest < longest
        lower_limit = f"{numbers.seconds(shortest)} to " if has_range else ""
        parts.append(f"ticks every {lower_limit}{numbers.seconds(longest)}")
    line = ", ".join(part for part in parts if part)
    return f"{line}. {one_line(trait.note)}" if trait.note else line


def seen(found: Calibration) -> str:
    """Return the result of a counter's calibration in words."""
    looks = f"samples only {found.duty:.0%} of the time" if found.part_time else "samples continuously"
    jitter = f", early or late by up to {1000 * found.jitter:.0f} ms" if found.jitter >= 0.001 else ""
    return (
        f"its counter is {1000 * found.latency:.1f} ms late (±{1000 * found.latency_doubt:.1f} ms), {looks} "
        f"and ticks every {1000 * found.period:.1f} ms{jitter}"
    )


def _finding_lines(finding: Diagnostic) -> list[str]:
    state = _WORKS if finding.works else _FAILS
    lines = [f"{state}  {one_line(finding.subject, 80)}: {_sentence(finding.detail)}"]
    if finding.fix:
        lines.append("    To fix it:")
        lines += [f"        {line}" for command in finding.fix for line in verbatim(command).split("\n")]
    if finding.advice:
        lines.append(f"    {_sentence(finding.advice)}")
    return lines


def _sentence(text: str) -> str:
    line = one_line(text, 500)
    return line if line.endswith((".", "!", "?", "…")) or not line else f"{line}."


def _list(lines: Iterable[str]) -> str:
    items = "".join(f"<li>{markup(line)}</li>" for line in lines)
    return f'<ul class="muted">{items}</ul>' if items else ""

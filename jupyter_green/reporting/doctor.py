"""The doctor's report: what can be measured here, what can't and why, and the commands that mend it.

A finding that works is followed by what its sensors cover; one that does not, by its commands, each on a
line of its own and never shortened, ready to be copied. The last line says what that leaves estimated.
Calibrations stand with the sensor that they were found of, also those that are not used.
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
    """The doctor's report, an object that shows itself.

    Parameters
    ----------
    findings : sequence of Diagnostic
        One for each thing that was looked at.
    traits : sequence of SensorInfo
        What the sensors that are in use say about themselves.
    calibrations : sequence of tuple of str
        Key of the sensor that a calibration was found of, and one sentence on it.
    """

    findings: Sequence[Diagnostic]
    traits: Sequence[SensorInfo] = ()
    calibrations: Sequence[tuple[str, str]] = ()

    def text(self) -> str:
        """Return the report as plain text."""
        lines = ["Energy sensors of this machine"]
        for finding in self.findings:
            lines += ["", *_finding_lines(finding)]
            lines += [f"    {line}" for line in self._told(self._sensors(finding))]
        strangers = self._told(self._strangers()) + self._elsewhere()
        return numbers.plain("\n".join([*lines, *([""] if strangers else []), *strangers, "", self.verdict()]))

    def html(self) -> str:
        """Return the report as HTML; a click into a command marks all of it."""
        rows = "".join(self._section(finding) for finding in self.findings)
        rest = _list(self._told(self._strangers()) + self._elsewhere())
        verdict = f"<div><b>{markup(self.verdict())}</b></div>"
        return f'{STYLE}<div class="jg jg-doc">{verdict}{rows}{rest}</div>'

    def verdict(self) -> str:
        """Return what is measured, estimated and simulated here, in one line."""
        said = []
        for quality in ("measured", "simulated", "estimated"):
            kinds = [_KINDS.get(trait.kind, trait.kind) for trait in self.traits if trait.quality == quality]
            if kinds:
                said.append(f"{', '.join(dict.fromkeys(kinds))} {quality}")
        if not said:
            return "No energy sensor can be read and nothing is estimated: cells have no figure."
        broken = any(not finding.works and finding.fix for finding in self.findings)
        if not any(trait.quality == "measured" for trait in self.traits):
            said.append("nothing measured")
        more = "; the commands shown would add to what is measured" if broken else ""
        return f"Here: {'; '.join(said)}{more}."

    def _sensors(self, finding: Diagnostic) -> list[SensorInfo]:
        """Return the sensors to tell below a finding: those it names, and below its source's first the rest."""
        working = [other for other in self.findings if other.works and other.source == finding.source]
        if not finding.works:
            return []
        mine = [trait for trait in self.traits if trait.source == finding.source]
        named = {other.subject for other in working}
        first = working[0] is finding
        return [trait for trait in mine if trait.device == finding.subject or (first and trait.device not in named)]

    def _strangers(self) -> list[SensorInfo]:
        sources = {finding.source for finding in self.findings if finding.works}
        return [trait for trait in self.traits if trait.source not in sources]

    def _told(self, traits: Iterable[SensorInfo]) -> list[str]:
        """Return a line for each sensor, and behind it one for each calibration that was found of it."""
        said = []
        for trait in traits:
            said += [covers(trait), *(one_line(told, 500) for key, told in self.calibrations if key == trait.key)]
        return said

    def _elsewhere(self) -> list[str]:
        """Return the calibrations of sensors that are not read here."""
        here = {trait.key for trait in self.traits}
        return [one_line(told, 500) for key, told in self.calibrations if key not in here]

    def _section(self, finding: Diagnostic) -> str:
        state = _WORKS if finding.works else _FAILS
        swatch = '<i class="sw gpu"></i>' if finding.works else '<i class="sw other"></i>'
        subject = markup(one_line(finding.subject, 80))
        head = f"<div>{swatch}<b>{state}</b> {subject}: {markup(_sentence(finding.detail))}</div>"
        fix = "\n".join(verbatim(command) for command in finding.fix)
        commands = f'<div class="muted">To mend it:</div><pre class="jg-fix">{markup(fix)}</pre>' if fix else ""
        advice = f"<div>{markup(_sentence(finding.advice))}</div>" if finding.advice else ""
        return f'<div class="jg-det">{head}{commands}{advice}{_list(self._told(self._sensors(finding)))}</div>'

    def __repr__(self) -> str:
        return self.text()


def covers(trait: SensorInfo) -> str:
    """Return in one line what a sensor is, how sure it is and what it covers."""
    ways = {"counter": "by its counter", "power": "from its power", "model": "by a model"}
    way = "from processor time" if trait.kind == "cpu" and trait.method == "model" else ways.get(trait.method, "")
    said = [f"{one_line(trait.device, 80)}: {trait.quality} {way}", one_line(trait.scope)]
    if numbers.known(trait.gain) and trait.gain > 0:
        said.append(f"±{numbers.HAIR}{numbers.percent(trait.gain)}")
    shortest, longest = trait.period
    if trait.method != "model" and numbers.known(longest) and longest > 0:
        known = numbers.known(shortest) and 0 < shortest < longest
        between = f"{numbers.seconds(shortest)} to " if known else ""
        said.append(f"ticks every {between}{numbers.seconds(longest)}")
    line = ", ".join(part for part in said if part)
    return f"{line}. {one_line(trait.note)}" if trait.note else line


def seen(found: Calibration) -> str:
    """Return what a calibration found of a counter, in words."""
    looks = f"looks only {found.duty:.0%} of the time" if found.part_time else "looks all the time"
    jitter = f", early or late by up to {1000 * found.jitter:.0f} ms" if found.jitter >= 0.001 else ""
    return (
        f"its counter is {1000 * found.latency:.1f} ms late (±{1000 * found.latency_doubt:.1f} ms), {looks} "
        f"and ticks every {1000 * found.period:.1f} ms{jitter}"
    )


def _finding_lines(finding: Diagnostic) -> list[str]:
    state = _WORKS if finding.works else _FAILS
    lines = [f"{state}  {one_line(finding.subject, 80)}: {_sentence(finding.detail)}"]
    if finding.fix:
        lines.append("    To mend it:")
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

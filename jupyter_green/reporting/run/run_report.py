"""The report of one run: energy, its quality, its boundary, and how it was made.

A cell counts with its last execution, as in the panel. Earlier executions and idle times between cells are listed
separately; the sum of all three is what the devices used while the kernel ran. Simulated energy is never added to
real energy. Each format is complete: every energy has its ± and quality, and each device without a reading is
named with the reason.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING
from functools import cached_property
from typing import Any

from jupyter_green.impact import Valuation
from jupyter_green.records import EnergyRecord, cell_key, is_simulated
from jupyter_green.reporting import document, numbers
from jupyter_green.reporting.doctor import covers
from jupyter_green.reporting.formatted_energy import FormattedEnergy
from jupyter_green.reporting.numbers import THIN, finite
from jupyter_green.reporting.record.details import device_name
from jupyter_green.reporting.record.mime_bundle import data
from jupyter_green.reporting.record.power_mismatch import contradicted, widened
from jupyter_green.reporting.record.sentence import DOT, read, why_absent
from jupyter_green.reporting.record.style import STYLE
from jupyter_green.reporting.sanitize import encodable, one_line
from jupyter_green.reporting.section import Section
from jupyter_green.reporting.share_text import SET_REGION
from jupyter_green.sensors import Diagnostic, SensorInfo

from .cell_table import Rows
from .record_table import Table
from .totals import Totals, total, within

SCHEMA = 1
"""Version of `Statement.data`, a superset of what ``jupyter green run --json`` writes."""
BOUNDARY = (
    "These are the joules of the devices named here, not of the plug: power supply, fans, disks, network and cooling "
    "are not in them."
)
INTERVAL = "± is the half-width of the 95 % interval, the sensor's own error included."
SET_TARIFF = "%config JupyterGreen.tariff = '0.25 EUR/kWh' (or JUPYTER_GREEN_TARIFF) sets one"
MOST_ROWS = 500
"""Maximum number of cells in the table."""


@dataclass(frozen=True, repr=False)
class Statement:
    """A report of one run."""

    records: Sequence[EnergyRecord]
    """All records of the run, oldest first."""
    made_at: float
    """Time of the report in seconds since 1970."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """First source lines, by the record's id."""
    notebook: str = ""
    project: str = ""
    run: str = ""
    """Names of what was run; empty if unknown."""
    findings: Sequence[Diagnostic] = ()
    traits: Sequence[SensorInfo] = ()
    """Diagnostics of all sources, and properties of the sensors in use."""
    valuation: Valuation = field(default_factory=Valuation)
    """Conversion of joules to CO2e and money."""
    versions: Sequence[str] = ()
    """Programs that made the report, with versions."""
    against: str = ""
    """Comparison with the baseline, one sentence."""
    problem: str = ""
    """Fault of metering, one sentence."""

    def with_(self, **changes: Any) -> Statement:
        """Return a copy with some fields replaced."""
        return replace(self, **changes)

    # ---- what is counted ----------------------------------------------------------------------

    @cached_property
    def counted(self) -> list[EnergyRecord]:
        """The records that are in sums: the real ones, or all if all are simulated."""
        inner = within(self.records)
        outer = [record for record in self.records if record.id not in inner]
        return [record for record in outer if not is_simulated(record)] or outer

    @cached_property
    def cells(self) -> Totals:
        """The last execution of each cell, and blocks outside cells, in order of execution."""
        last: dict[str, EnergyRecord] = {}
        for record in self.counted:
            if record.span != "gap":
                key = cell_key(record.cell_id, record.id)
                last.pop(key, None)
                last[key] = record
        return Totals(tuple(last.values()), self.valuation)

    @cached_property
    def reruns(self) -> list[EnergyRecord]:
        """Earlier executions of cells that ran again."""
        last = {record.id for record in self.cells.records}
        return [record for record in self.counted if record.span != "gap" and record.id not in last]

    @property
    def gaps(self) -> list[EnergyRecord]:
        """The records of idle times between cells."""
        return [record for record in self.counted if record.span == "gap"]

    # ---- forms --------------------------------------------------------------------------------

    def text(self) -> str:
        """Return the statement as plain text."""
        return document.text(self._title(), self.sections())

    def markdown(self) -> str:
        """Return the statement as Markdown."""
        return document.markdown(self._title(), self.sections())

    def html(self) -> str:
        """Return the statement as HTML with its style sheet, to be put into a page."""
        body = "".join(section.html() for section in self.sections())
        return f'{STYLE}<div class="jg jg-doc">{document.heading(self._title())}{body}</div>'

    def page(self) -> str:
        """Return the statement as a complete HTML page without scripts or external resources."""
        return document.page(self._title(), self.html())

    def data(self) -> dict[str, Any]:
        """Return the statement as data for JSON; it can be used as a baseline."""
        sums = {
            "total": self.cells.sum,
            "idle": total(self.gaps),
            "reruns": total(self.reruns),
            "all": total(self.counted),
        }
        figures = {name: _figures(self.valuation.value(record_sum)) for name, record_sum in sums.items()}
        return {
            "schema": SCHEMA,
            "notebook": encodable(self.notebook),
            "project": encodable(self.project),
            "run": encodable(self.run),
            "failure": None,
            "made_at": self.made_at,
            "versions": [encodable(version) for version in self.versions],
            **figures,
            "cells": len(self.cells.records),
            "sections": {section.heading: _told(section) for section in self.sections()},
            "lines": {key: one_line(line) for key, line in self.texts.items()},
            "records": [data(record) for record in self.records],
        }

    def __repr__(self) -> str:
        return self.text()

    # ---- sections -----------------------------------------------------------------------------

    def _title(self) -> str:
        return f"Energy of {one_line(self.notebook, 120) or 'this notebook'}"

    def sections(self) -> list[Section]:
        """Return the sections of the statement, the most important first."""
        all_sections = [
            Section("Total", self._totals()),
            Section("Devices", lines=self._devices()),
            Section("Not read", lines=self._unread()),
            Section("Cells", rows=self._table()),
            Section("What this is", self._made(), [BOUNDARY, INTERVAL]),
        ]
        return [section for section in all_sections if section.facts or section.lines or section.rows]

    def _totals(self) -> list[tuple[str, str]]:
        cells = self.cells
        count, cut = len(cells.records), any(record.status == "killed" for record in cells.records)
        counted = f"{numbers.fixed(count, 0)} {'cell' if count == 1 else 'cells'}, {numbers.seconds(cells.sum.seconds)}"
        left_out = sum(is_simulated(record) for record in self.records) if not is_simulated(cells.sum) else 0
        unread = sum(not read(record) for record in cells.records)
        rows = [
            ("Total used", _apart(self.counted, "") if self.gaps or self.reruns else ""),
            ("Cells", DOT.join([*_figure(cells.sum, cut), counted]) if count else "none was metered yet"),
            ("By quality", _shares(cells.sum)),
            ("Idle between cells", _apart(self.gaps, "")),
            ("Earlier runs of cells", _apart(self.reruns, "")),
            ("CO2e", self._carbon()),
            ("Cost", self._cost()),
            ("Compared with the baseline", one_line(self.against, 1000)),
            ("Simulated", f"{left_out} records left out: they are not measurements" if left_out else ""),
            ("Without a reading", f"{unread} of the cells; they are in no sum" if unread else ""),
            ("Problem", one_line(self.problem, 1000)),
        ]
        return [(term, text) for term, text in rows if text]

    def _carbon(self) -> str:
        summed, joules, interval = self.cells.sum, self.cells.sum.joules, self.cells.sum.interval
        if self.valuation.intensity is None:
            return f"no region is set: {SET_REGION}"
        if summed.co2e_grams is None or not joules or interval is None:
            return "no reading"
        text = numbers.with_uncertainty(numbers.carbon(summed.co2e_grams), joules, summed.uncertainty)
        if FormattedEnergy.of(summed).below_resolution:
            text = f"≤{THIN}{numbers.carbon(summed.co2e_grams * interval[1] / joules, ROUND_CEILING)}"
        return f"{text} ({one_line(summed.co2e_source or '', 400)})"

    def _cost(self) -> str:
        summed = self.cells.sum
        if self.valuation.tariff is None:
            return f"no tariff is set: {SET_TARIFF}"
        if summed.cost is None or FormattedEnergy.of(summed).below_resolution:
            return "no reading" if summed.cost is None else "only an upper bound is known"
        text = numbers.with_uncertainty(numbers.money(summed.cost, summed.currency), summed.joules, summed.uncertainty)
        return f"{text} (at {self.valuation.tariff})"

    def _devices(self) -> list[str]:
        """Return a line for each device: its energy in all cells and its sensor's properties."""
        traits = {device_sum.key: device_sum for device_sum in self.traits}
        lines = []
        for key in dict.fromkeys(part.key for record in self.cells.records for part in read(record)):
            parts = tuple(part for part in self.cells.sum.components if part.key == key)
            description = (
                covers(widened(traits[key], parts)) if key in traits else f"{device_name(parts[0])}: {parts[0].quality}"
            )
            device_sum = self.cells.sum.with_(components=parts)
            note = "; shared with other processes, counted as a whole" if device_sum.shared else ""
            lines.append(f"{FormattedEnergy.of(device_sum)} · {description.rstrip('.')}{note}.{contradicted(parts)}")
        return lines

    def _unread(self) -> list[str]:
        """Return a line for each device without a reading, with the reason."""
        lines = []
        for finding in self.findings:
            if not finding.works:
                fix = " %energy doctor prints the commands that fix it." if finding.fix else ""
                advice = f" {one_line(finding.advice, 500).rstrip('.')}." if finding.advice else ""
                detail = one_line(finding.detail, 500).rstrip(".")
                lines.append(f"{one_line(finding.subject, 80)}: {detail}.{fix}{advice}")
        absent: dict[str, int] = {}
        for record in self.cells.records:
            for part in record.components:
                if part.joules is None:
                    line = f"{device_name(part)}: {why_absent(part)}"
                    absent[line] = absent.get(line, 0) + 1
        return lines + [f"{line}, in {count} {'cell' if count == 1 else 'cells'}." for line, count in absent.items()]

    def _table(self) -> Rows | None:
        records = self.cells.records
        if not records:
            return None
        rows = Table(records, self.texts).rows()
        if len(records) <= MOST_ROWS:
            return rows
        by_energy = sorted(range(len(records)), key=lambda place: records[place].joules or 0.0, reverse=True)
        omitted = numbers.fixed(len(records) - MOST_ROWS, 0)
        caption = f"The {MOST_ROWS} cells with the most energy; {omitted} others are in the .json form"
        return replace(rows, body=[rows.body[place] for place in sorted(by_energy[:MOST_ROWS])], caption=caption)

    def _made(self) -> list[tuple[str, str]]:
        began = min((record.started_at for record in self.records), default=None)
        return [
            (term, one_line(text, 300))
            for term, text in (
                ("Made", _moment(self.made_at)),
                ("First cell", "" if began is None else _moment(began)),
                ("With", ", ".join(self.versions)),
                ("Project", self.project),
                ("Run", self.run),
            )
            if text
        ]


def _figure(record: EnergyRecord, cut: bool = False) -> list[str]:
    figure = replace(FormattedEnergy.of(record), cut=cut)
    return ["no reading"] if figure.joules is None else [str(figure), figure.standing]


def _apart(records: Sequence[EnergyRecord], note: str) -> str:
    if not records:
        return ""
    summed = total(records)
    return DOT.join(part for part in (*_figure(summed), numbers.seconds(summed.seconds), note) if part)


def _shares(record: EnergyRecord) -> str:
    """Return the measured, estimated and simulated parts of a sum."""
    shares = []
    for quality in ("measured", "estimated", "simulated"):
        parts = tuple(part for part in read(record) if part.quality == quality)
        if not parts:
            continue
        part_sum = record.with_(components=parts)
        share = (part_sum.joules or 0.0) / record.joules if record.joules else None
        percent = f" ({numbers.whole_percent(share)})" if share is not None and 0 <= share <= 1 else ""
        shares.append(f"{quality} {FormattedEnergy.of(part_sum)}{percent}")
    return DOT.join(shares)


def _figures(record: EnergyRecord) -> dict[str, Any]:
    """Return a sum as data; values that are not finite are None."""
    figure = FormattedEnergy.of(record)
    return {
        "joules": figure.joules,
        "uncertainty": figure.uncertainty,
        "quality": record.quality,
        "measured_share": figure.measured_share,
        "below_resolution": figure.below_resolution,
        "seconds": finite(record.seconds),
        "final": record.final,
        "co2e_grams": finite(record.co2e_grams),
        "co2e_source": None if record.co2e_source is None else encodable(record.co2e_source),
        "cost": finite(record.cost),
        "currency": record.currency,
    }


def _moment(seconds: float) -> str:
    local = time.localtime(seconds)
    return time.strftime("%Y-%m-%d %H:%M:%S %z", local)


def _told(section: Section) -> dict[str, Any]:
    return {
        **{term: numbers.plain(text) for term, text in section.facts},
        "lines": [*map(numbers.plain, section.lines)],
    }

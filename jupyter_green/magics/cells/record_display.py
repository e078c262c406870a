"""Display of a record under a cell; a provisional one is replaced when it is final."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_green.records import EnergyRecord
from jupyter_green.reporting.record.mime_bundle import bundle


@dataclass
class Shown:
    """A displayed record, which may be replaced by its final version."""

    display_id: str

    def update(self, record: EnergyRecord) -> None:
        """Replace the displayed record."""
        from IPython.display import display

        display(bundle(record), raw=True, display_id=self.display_id, update=True)


def show(record: EnergyRecord) -> Shown:
    """Display a record under the current cell."""
    from IPython.display import display

    if record.final:
        display(bundle(record), raw=True)
    else:
        display(bundle(record), raw=True, display_id=record.id)
    return Shown(record.id)

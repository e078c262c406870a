"""What the magics of one shell have in common: its cells, and the session that meters them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics

from .cells.cell_meter import CellMeter

if TYPE_CHECKING:
    from jupyter_green.session import Session


class CellMagics(Magics):
    """Magics of a shell whose cells are metered."""

    def __init__(self, shell: Any, cells: CellMeter) -> None:
        super().__init__(shell)
        self.cells = cells

    @property
    def session(self) -> Session:
        """The session of this process."""
        return self.cells.session()

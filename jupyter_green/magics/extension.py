"""Loading and unloading: what is put into the shell, and taken out again without a trace."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Protocol

from traitlets import TraitError
from traitlets.utils.bunch import Bunch

from jupyter_green.records import EnergyRecord
from jupyter_green.reporting.formatters import register, unregister
from jupyter_green.session import Session, current, end

from .baseline import BaselineMagics
from .budget.commands import BudgetCommands
from .budget.guard import HOLD, BudgetGuard
from .budget.magic import BudgetMagics
from .cells.cell_meter import CellMeter
from .cells.header import BEGIN, begin_metering
from .cells.sources import Sources
from .compare_label_disclose import NAMES as CHOOSING
from .compare_label_disclose import CompareLabelDiscloseMagics
from .config import JupyterGreen
from .energy.energyit import EnergyItMagics
from .energy.magic import EnergyMagics
from .energy.status import load_line
from .shrink import NAMES as SHRINKING
from .shrink import ShrinkMagics

_ATTRIBUTE = "_jupyter_green"


class Companion(Protocol):
    """What tells a front end of the cells that are metered here; another room brings it."""

    def start(self) -> None:
        """The extension is loaded."""

    def follow(self, session: Session) -> None:
        """The session was begun anew."""

    def switched(self) -> None:
        """A cell has run, which may have turned metering on or off."""

    def close(self) -> None:
        """The session has ended."""


MakeCompanion = Callable[[Session, CellMeter, Callable[[EnergyRecord], str], BudgetCommands], Companion]
"""Makes a companion from the session, what meters its cells, what knows the first line of an execution, and budgets."""


class Extension:
    """Everything that loading put into one shell."""

    def __init__(self, shell: Any, companion: MakeCompanion | None = None) -> None:
        self.shell = shell
        self.config = JupyterGreen(parent=shell)
        self.session = current(self.config.settings())
        self.config.follow(self.session)
        self.cells = CellMeter(shell, self.current_session, self.config)
        self.config.observe(self._shown, "show")
        self.gate = BudgetGuard(shell, self.current_session)
        self.cells.gate = self.gate
        self.purser = BudgetCommands(self.gate, self.current_session)
        self.magics = [
            EnergyMagics(shell, self.cells),
            EnergyItMagics(shell, self.cells),
            BaselineMagics(shell, self.cells),
            ShrinkMagics(shell, self.cells),
            CompareLabelDiscloseMagics(shell, self.cells),
            BudgetMagics(shell, self.cells, self.gate, self.purser),
        ]
        self.transformer = begin_metering  # as it was put in: reloading modules makes another
        self.sources = Sources(shell)
        self.companion = (
            None if companion is None else companion(self.session, self.cells, self.sources.line_of, self.purser)
        )

    def current_session(self) -> Session:
        """The session, begun anew if something ended it."""
        if not self.session.alive and not self.session.forked:
            self.session = current(self.config.settings())
            self.config.follow(self.session)
            self.gate.follow(self.session)
            if self.companion is not None:
                self.companion.follow(self.session)
        return self.session

    def load(self) -> None:
        """Put magics, transformer, events and displays into the shell."""
        for magics in self.magics:
            self.shell.register_magics(magics)
        self.shell.input_transformers_cleanup.append(self.transformer)
        self.shell.configurables.append(self.config)
        register(self.shell)
        self.cells.register()
        self.gate.follow(self.session)
        if self.companion is not None:
            self.companion.start()
            self.cells.when_begun.append(self.sources.begin)
            self.cells.when_over.append(self.companion.switched)

    def _shown(self, change: Bunch) -> None:
        """What is to be shown under every cell is metered in every cell."""
        if change["new"]:
            self.cells.enabled = True

    def unload(self) -> None:
        """Take everything out again and end the session."""
        self.cells.unregister()
        self.gate.close()
        unregister(self.shell)
        if self.config in self.shell.configurables:
            self.shell.configurables.remove(self.config)
        transformers = self.shell.input_transformers_cleanup
        if self.transformer in transformers:
            transformers.remove(self.transformer)
        for kind, name in (
            ("line", "energy"),
            ("cell", "energy"),
            ("line", BEGIN),
            ("line", "energyit"),
            ("cell", "energyit"),
            ("line", "baseline"),
            ("line", "budget"),
            ("line", HOLD),
            *(("line", name) for name in (*SHRINKING, *CHOOSING)),
        ):
            self.shell.magics_manager.magics[kind].pop(name, None)
        for magics in self.magics:
            self.shell.magics_manager.registry.pop(type(magics).__name__, None)
            if magics in self.shell.configurables:
                self.shell.configurables.remove(magics)
        end()
        if self.companion is not None:
            self.companion.close()


def load(shell: Any, companion: MakeCompanion | None = None) -> None:
    """Load the extension into a shell and print one line; wrong settings are one sentence, nothing is loaded."""
    from IPython.core.error import UsageError

    if getattr(shell, _ATTRIBUTE, None) is not None:
        return
    try:
        extension = Extension(shell, companion)
    except (ValueError, TraitError) as error:
        raise UsageError(f"jupyter_green was not loaded: {error}") from None
    extension.load()
    setattr(shell, _ATTRIBUTE, extension)
    if extension.config.announce:
        print(load_line(extension.session), file=sys.stdout)


def unload(shell: Any) -> None:
    """Take the extension out of a shell."""
    extension = getattr(shell, _ATTRIBUTE, None)
    if extension is not None:
        extension.unload()
        delattr(shell, _ATTRIBUTE)

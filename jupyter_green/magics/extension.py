"""Loads the extension into an IPython shell and removes it again completely."""

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
from .budget.budget import BudgetMagics
from .budget.commands import BudgetCommands
from .budget.guard import HOLD, BudgetGuard
from .cells.cell_meter import CellMeter
from .cells.header_transform import BEGIN, begin_metering
from .cells.sources import Sources
from .compare_label_disclose import NAMES as CHOOSING
from .compare_label_disclose import CompareLabelDiscloseMagics
from .config import JupyterGreen
from .energy.energy import EnergyMagics
from .energy.energyit import EnergyItMagics
from .energy.status import load_line
from .shrink import NAMES as SHRINKING
from .shrink import ShrinkMagics

_ATTRIBUTE = "_jupyter_green"


class Companion(Protocol):
    """Publishes live figures to a front end; implemented by `live.LivePublisher`."""

    def start(self) -> None:
        """Start; called when the extension is loaded."""

    def follow(self, session: Session) -> None:
        """Switch to a new session."""

    def switched(self) -> None:
        """Check whether metering was turned on or off; called after each cell."""

    def close(self) -> None:
        """Stop; called after the session has ended."""


MakeCompanion = Callable[[Session, CellMeter, Callable[[EnergyRecord], str], BudgetCommands], Companion]
"""Makes a companion from session, cell meter, function for the first source line of a record, and budget commands."""


class Extension:
    """Everything that is registered in one shell."""

    def __init__(self, shell: Any, companion: MakeCompanion | None = None) -> None:
        self.shell = shell
        self.config = JupyterGreen(parent=shell)
        self.session = current(self.config.settings())
        self.config.follow(self.session)
        self.cells = CellMeter(shell, self.current_session, self.config)
        self.config.observe(self._shown, "show")
        self.gate = BudgetGuard(shell, self.current_session)
        self.cells.gate = self.gate
        self.budget_commands = BudgetCommands(self.gate, self.current_session)
        self.magics = [
            EnergyMagics(shell, self.cells),
            EnergyItMagics(shell, self.cells),
            BaselineMagics(shell, self.cells),
            ShrinkMagics(shell, self.cells),
            CompareLabelDiscloseMagics(shell, self.cells),
            BudgetMagics(shell, self.cells, self.gate, self.budget_commands),
        ]
        self.transformer = begin_metering  # stored as registered: after a module reload it would be another object
        self.sources = Sources(shell)
        self.companion = (
            None
            if companion is None
            else companion(self.session, self.cells, self.sources.line_of, self.budget_commands)
        )

    def current_session(self) -> Session:
        """Return the session; a new one if it has ended."""
        if not self.session.alive and not self.session.forked:
            self.session = current(self.config.settings())
            self.config.follow(self.session)
            self.gate.follow(self.session)
            if self.companion is not None:
                self.companion.follow(self.session)
        return self.session

    def load(self) -> None:
        """Register magics, input transformer, events and formatters."""
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
        """Turn metering on when records are to be shown under every cell."""
        if change["new"]:
            self.cells.enabled = True

    def unload(self) -> None:
        """Unregister everything and end the session."""
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
    """Load the extension into a shell and print one line; raises UsageError if settings are invalid."""
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
    """Unload the extension from a shell."""
    extension = getattr(shell, _ATTRIBUTE, None)
    if extension is not None:
        extension.unload()
        delattr(shell, _ATTRIBUTE)

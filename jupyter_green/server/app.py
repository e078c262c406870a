"""The Jupyter Server extension: settings, routes, the event schema, and shutdown.

Its settings share the kernel extension's config section, so that one line configures the ledger for both. Modules of
the ledger are imported at the first request, so that the server's start is not slowed down.
"""

from __future__ import annotations

from pathlib import Path

from jupyter_events import EventLogger
from jupyter_server.extension.application import ExtensionApp
from traitlets import Bool, Unicode

from .change_notifier import SCHEMA_ID, ChangeNotifier
from .handlers import routes
from .ledger_client import LedgerClient
from .record_counts import Change

_HERE = Path(__file__).parent
EVENT = _HERE / "ledger_event.yaml"


class JupyterGreen(ExtensionApp):
    """Serves figures of the ledger over HTTP."""

    name = "jupyter_green"
    description = "Energy records and baselines, over HTTP."

    ledger = Unicode("", help="Database URL of the ledger; empty: JUPYTER_GREEN_LEDGER, else a local file.").tag(
        config=True
    )
    whole_ledger = Bool(
        False,
        help="Show all records of a ledger that others could write to as well; only where it is one person's.",
    ).tag(config=True)

    def initialize_handlers(self) -> None:
        """Register the routes."""
        self._source = LedgerClient(self.ledger, self.whole_ledger)
        self._watch = ChangeNotifier(self._source, self._tell, self.log)
        self.handlers.extend(routes({"source": self._source, "watch": self._watch}))
        self._events.register_event_schema(EVENT)

    async def stop_extension(self) -> None:
        """Stop the change notifier and close the ledger."""
        self._watch.stop()
        self._source.close()

    def _tell(self, change: Change) -> None:
        self._events.emit(schema_id=SCHEMA_ID, data=dict(change))

    @property
    def _events(self) -> EventLogger:
        assert self.serverapp is not None
        assert self.serverapp.event_logger is not None
        return self.serverapp.event_logger

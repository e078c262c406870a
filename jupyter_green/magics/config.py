"""Settings as traitlets, so that a profile's config file or ``%config JupyterGreen`` can hold them.

An empty trait means "as the environment says". A changed region, tariff or PUE counts from the next
settled record on.
"""

from __future__ import annotations

from dataclasses import replace

from traitlets import Bool, TraitError, Unicode, observe, validate
from traitlets.config import Configurable
from traitlets.utils.bunch import Bunch

from jupyter_green.impact import Valuation
from jupyter_green.session import Session, Settings


class JupyterGreen(Configurable):
    """Settings of jupyter_green."""

    ledger = Unicode("", help="Database URL of the ledger; empty: JUPYTER_GREEN_LEDGER, else a local file.").tag(
        config=True
    )
    project = Unicode("", help="Name under which records are grouped; empty: the git root's name.").tag(config=True)
    region = Unicode("", help="Where the electricity comes from (FRA, Germany, …); empty: no CO2e.").tag(config=True)
    pue = Unicode("", help="Power usage effectiveness of the building, 1 to 5; empty: 1.").tag(config=True)
    tariff = Unicode("", help="Price of electricity, such as '0.25 EUR/kWh'; empty: no cost.").tag(config=True)
    show = Bool(False, help="Show the record under every cell.").tag(config=True)
    announce = Bool(True, help="Print one line when the extension is loaded.").tag(config=True)

    _session: Session | None = None

    def settings(self) -> Settings:
        """What these traits and the environment say; raises ValueError with one sentence."""
        given = {name: getattr(self, name) for name in ("ledger", "project", "region", "pue", "tariff")}
        return Settings.from_environment(**given)

    def follow(self, session: Session) -> None:
        """Have later changes of region, PUE and tariff reach a session."""
        self._session = session

    @validate("region", "tariff", "pue")
    def _sensible(self, proposal: Bunch) -> str:
        try:
            Valuation(**({proposal["trait"].name: proposal["value"]} if proposal["value"] else {}))
        except ValueError as error:
            raise TraitError(str(error)) from None
        return str(proposal["value"])

    @observe("region", "tariff", "pue")
    def _revalue(self, _change: Bunch) -> None:
        if self._session is not None:
            self._session.settings = replace(self._session.settings, valuation=self.settings().valuation)

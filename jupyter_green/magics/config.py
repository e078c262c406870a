"""Settings as traitlets, so that a profile's config file or ``%config JupyterGreen`` can hold them.

An empty trait means "as the environment says". A changed region, tariff or PUE counts from the next
settled record on. One that makes no sense is refused where a person sets it, and the old one stays; in a file or the
environment it is left out and said, because metering needs none of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from traitlets import Bool, TraitError, Unicode, observe, validate
from traitlets.config import Configurable
from traitlets.utils.bunch import Bunch

from jupyter_green.impact import Valuation
from jupyter_green.session import Session, Settings

FACTORS = ("region", "pue", "tariff")


class Figures(Unicode[str, Any]):
    """A text that may be given as a number."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Return a number as its text."""
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return super().validate(obj, str(value) if number else value)


class JupyterGreen(Configurable):
    """Settings of jupyter_green."""

    ledger = Unicode("", help="Database URL of the ledger; empty: JUPYTER_GREEN_LEDGER, else a local file.").tag(
        config=True
    )
    project = Unicode("", help="Name under which records are grouped; empty: the git root's name.").tag(config=True)
    region = Unicode("", help="Where the electricity comes from (FRA, Germany, …); empty: no CO2e.").tag(config=True)
    pue = Figures("", help="Power usage effectiveness of the building, 1 to 5; empty: 1.").tag(config=True)
    tariff = Unicode("", help="Price of electricity, such as '0.25 EUR/kWh'; empty: no cost.").tag(config=True)
    show = Bool(False, help="Show the record under every cell.").tag(config=True)
    announce = Bool(True, help="Print one line when the extension is loaded.").tag(config=True)

    _session: Session | None = None

    def __init__(self, **given: Any) -> None:
        self._faults: dict[str, str] = {}
        super().__init__(**given)

    def settings(self) -> Settings:
        """What these traits and the environment say, and what is wrong with them.

        Raises
        ------
        ValueError
            If the ledger can be none; one sentence.
        """
        given = {name: getattr(self, name) for name in ("ledger", "project", *FACTORS)}
        found = Settings.from_environment(sound=True, **given)
        said = [*self._faults.values(), *([found.problem] if found.problem else [])]
        if not said:
            return found
        wrong = [name for name in FACTORS if name in self._faults or name in found.faulty]
        mend = " and ".join(f"%config JupyterGreen.{name} = '…'" for name in wrong)
        hint = f" (In this kernel: {mend}.)" if mend else ""
        return replace(found, problem=f"{' '.join(said)}{hint}")

    def follow(self, session: Session) -> None:
        """Have later changes of region, PUE and tariff reach a session."""
        self._session = session

    @validate(*FACTORS)
    def _sensible(self, proposal: Bunch) -> str:
        name, value = proposal["trait"].name, str(proposal["value"])
        try:
            Valuation(**({name: value} if value else {}))
        except ValueError as error:
            if self._session is not None:
                raise TraitError(str(error)) from None
            self._faults[name] = f"c.JupyterGreen.{name} is not used: {error}"
            return ""
        self._faults.pop(name, None)
        return value

    @observe(*FACTORS)
    def _revalue(self, _change: Bunch) -> None:
        if self._session is not None:
            told = self.settings()
            self._session.settings = replace(self._session.settings, valuation=told.valuation, problem=told.problem)

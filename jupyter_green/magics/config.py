"""Settings as traitlets, set in a profile's config file or by ``%config JupyterGreen``.

An empty trait takes the environment variable, if there is one. A changed region, tariff or PUE applies from the next
final record on. An invalid value set interactively is rejected and the old one stays; in a config file or the
environment it is ignored and reported, because metering works without it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from traitlets import Bool, TraitError, Unicode, observe, validate
from traitlets.config import Configurable
from traitlets.utils.bunch import Bunch

from jupyter_green.impact import Valuation
from jupyter_green.reporting import numbers
from jupyter_green.session import Session, Settings

FACTORS = ("region", "pue", "tariff")


class Figures(Unicode[str, Any]):
    """A string trait that also accepts numbers."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Convert a number to a string."""
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
    unit = Unicode("", help="Unit of energies: J, Wh or kWh; empty: J or kJ, whichever suits.").tag(config=True)
    show = Bool(False, help="Show the record under every cell.").tag(config=True)
    announce = Bool(True, help="Print one line when the extension is loaded.").tag(config=True)

    _session: Session | None = None

    def __init__(self, **given: Any) -> None:
        self._faults: dict[str, str] = {}
        super().__init__(**given)
        self._choose_unit()

    def settings(self) -> Settings:
        """Return the settings from these traits and the environment, with what is invalid in `problem`.

        Raises
        ------
        ValueError
            If the ledger URL is invalid; one sentence.
        """
        values = {name: getattr(self, name) for name in ("ledger", "project", *FACTORS)}
        settings = Settings.from_environment(sound=True, **values)
        problems = [*self._faults.values(), *([settings.problem] if settings.problem else [])]
        if not problems:
            return settings
        invalid = [name for name in (*FACTORS, "unit") if name in self._faults or name in settings.faulty]
        commands = " and ".join(f"%config JupyterGreen.{name} = '…'" for name in invalid)
        hint = f" (In this kernel: {commands}.)" if commands else ""
        return replace(settings, problem=f"{' '.join(problems)}{hint}")

    def follow(self, session: Session) -> None:
        """Apply later changes of region, PUE and tariff to this session."""
        self._session = session

    @validate(*FACTORS)
    def _sensible(self, proposal: Bunch) -> str:
        name, value = proposal["trait"].name, str(proposal["value"])
        try:
            Valuation(**({name: value} if value else {}))
        except ValueError as error:
            return self._refused(name, str(error))
        self._faults.pop(name, None)
        return value

    @validate("unit")
    def _known_unit(self, proposal: Bunch) -> str:
        value = str(proposal["value"])
        if value not in numbers.UNIT_CHOICES:
            return self._refused("unit", f"{value!r} is not a unit of energies here; take J, Wh or kWh.")
        self._faults.pop("unit", None)
        return value

    def _refused(self, name: str, reason: str) -> str:
        """Raise TraitError for a value set interactively; one of a config file is reported, and the default is used."""
        if self._session is not None:
            raise TraitError(reason)
        self._faults[name] = f"c.JupyterGreen.{name} is not used: {reason}"
        return ""

    @observe("unit")
    def _choose_unit(self, _change: Bunch | None = None) -> None:
        numbers.choose_unit(self.unit)

    @observe(*FACTORS)
    def _revalue(self, _change: Bunch) -> None:
        if self._session is not None:
            new = self.settings()
            self._session.settings = replace(self._session.settings, valuation=new.valuation, problem=new.problem)

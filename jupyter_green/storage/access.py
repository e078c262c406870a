"""Which rows of a ledger a process may read, add up, export and delete.

A ledger is *private* if no other user can write it: an SQLite file owned by this user, without write permission for
group or others (`location.is_private`). All its records count as this user's. Any other ledger is *shared*: PostgreSQL,
or a file that others own or can write. There a row is this user's if its owner column has the user's name, or the
pseudonym of the name (see `privacy`). A row without an owner belongs to the file's owner in SQLite, and to nobody in
PostgreSQL, where only older versions wrote such rows. All rows of a shared ledger are read only on explicit request.

This separates the figures of users. It is no protection against somebody who can open the database directly.
"""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .location import is_file_owner, is_private
from .privacy import SHARE_VARIABLE, Privacy, plain

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Table

HUB_VARIABLE = "JUPYTERHUB_USER"


def user_name() -> str | None:
    """Return this user's name; None in a container without a passwd entry for the user."""
    try:
        return getpass.getuser() or None
    except (KeyError, OSError, ImportError):
        return None


@dataclass(frozen=True)
class AccessScope:
    """Whose rows may be read."""

    whole: bool
    """All rows: the ledger is private, or everyone's records were requested."""
    owners: tuple[str, ...] = ()
    """Values of the owner column for this user's rows. If empty, no row can be identified as this user's."""
    writes: str | None = None
    """Owner value of new rows; None for no owner."""
    unowned: bool = False
    """Whether rows without an owner are this user's too."""
    everyone: bool = False
    """Whether everyone's records of a shared ledger were requested."""
    sentence: str | None = None
    """A message for the user about the scope."""

    def own(self, table: Table) -> ColumnElement[bool]:
        """Return the condition for this user's rows of a table with an owner column."""
        from sqlalchemy import or_

        owner = table.c.owner
        is_own = owner.in_(self.owners)
        return or_(is_own, owner.is_(None), owner == "") if self.unowned else is_own

    def readable(self, table: Table) -> list[ColumnElement[bool]]:
        """Return the conditions for the readable rows of a table with an owner column; empty for all rows."""
        return [] if self.whole else [self.own(table)]


def access(url: str, privacy: Privacy, everyone: bool = False) -> AccessScope:
    """Return which rows of a ledger this process may read now. Permissions and the environment may change later."""
    private = is_private(url)
    name = user_name()
    named, token = owner_forms(name, privacy, private)
    sentence = None
    if not private and not everyone:
        if names_are_alike(name):
            sentence = (
                f"Records under the name {name!r} are not shown, because everybody here is called {name!r}; "
                "have the hub set LOGNAME to each person's name."
            )
        elif token is None and not privacy.keeps("owner"):
            sentence = (
                "Records of this shared ledger can't be identified as yours, because no key can be kept in your data "
                f"folder; make that folder writable, or set {SHARE_VARIABLE}=owner."
            )
    return AccessScope(
        whole=private or everyone,
        owners=tuple(form for form in (token, named) if form),
        writes=named if named and privacy.keeps("owner") else token,
        unowned=private or is_file_owner(url),
        everyone=everyone and not private,
        sentence=sentence,
    )


def names_are_alike(name: str | None) -> bool:
    """Whether all users of this hub share one system user name, so that it identifies nobody."""
    hub = os.environ.get(HUB_VARIABLE)
    return bool(name and hub and hub.casefold() != name.casefold())


def owner_forms(name: str | None, privacy: Privacy, private: bool) -> tuple[str | None, str | None]:
    """Return a user's name and its pseudonym, as they may appear in rows; None where not usable.

    In a private ledger names need not identify users.
    """
    named = plain(name) if name and (private or not names_are_alike(name)) else None
    return named, privacy.token(name, make=not private)

"""Whose rows of a ledger a process may read, sum, export and delete.

A ledger is *private* where nobody else can write it: an SQLite file of this person's, without write permission for a
group or for others (`location.is_private`). All records in it are this person's, whatever they say. Every other ledger
is *shared*: PostgreSQL, or a file that others can write or that is somebody else's. There a row is this person's where
its owner is this person's name, or the token that stands for the name where names stay on the machine (see
`privacy`). A row without an owner is the file owner's in an SQLite file, and nobody's in PostgreSQL, where only older
versions wrote such rows. All of a shared ledger is read where somebody asked for everyone's by name.

This keeps people from mixing up their figures. It is no wall against somebody who may open the database itself.
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
    """Return this person's name; None in a container without an entry for its user."""
    try:
        return getpass.getuser() or None
    except (KeyError, OSError, ImportError):
        return None


@dataclass(frozen=True)
class AccessScope:
    """Whose rows may be read.

    Parameters
    ----------
    whole : bool
        Every record: the ledger is this person's alone, or everyone's were asked for.
    owners : tuple of str
        What the owner column of this person's rows may say; empty: no row can be told to be this person's.
    writes : str or None
        What new rows say of their owner; None: nothing.
    unowned : bool
        Whether rows without an owner are this person's too.
    everyone : bool
        Whether everyone's records were asked for by name, on a shared ledger.
    sentence : str or None
        What a person should know about it.
    """

    whole: bool
    owners: tuple[str, ...] = ()
    writes: str | None = None
    unowned: bool = False
    everyone: bool = False
    sentence: str | None = None

    def own(self, table: Table) -> ColumnElement[bool]:
        """Return the condition for this person's own rows of a table with an owner column."""
        from sqlalchemy import or_

        owner = table.c.owner
        own = owner.in_(self.owners)
        return or_(own, owner.is_(None), owner == "") if self.unowned else own

    def readable(self, table: Table) -> list[ColumnElement[bool]]:
        """Return the conditions for the rows of a table with an owner column that may be read; none where all may."""
        return [] if self.whole else [self.own(table)]


def access(url: str, privacy: Privacy, everyone: bool = False) -> AccessScope:
    """Return whose rows of a ledger this process may read now; permissions and the environment may change.

    Parameters
    ----------
    url : str
        In the form of `ledger_url`.
    privacy : Privacy
        What the ledger is told.
    everyone : bool
        Whether everyone's records were asked for by name.
    """
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
                "Records of this shared ledger can't be told to be yours, because no key can be kept in your data "
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
    """Whether everybody on this hub works under one name, so that it tells nobody apart."""
    hub = os.environ.get(HUB_VARIABLE)
    return bool(name and hub and hub.casefold() != name.casefold())


def owner_forms(name: str | None, privacy: Privacy, private: bool) -> tuple[str | None, str | None]:
    """Return a person's name and the token that stands for it, as rows may say them; None where it says nothing.

    Parameters
    ----------
    name : str or None
        The person's name.
    privacy : Privacy
        What the ledger is told.
    private : bool
        Whether the ledger is one person's alone, so that names need tell nobody apart.
    """
    named = plain(name) if name and (private or not names_are_alike(name)) else None
    return named, privacy.token(name, make=not private)

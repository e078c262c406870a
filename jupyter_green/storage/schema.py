"""The tables, and the one way by which a database gets them.

The whole record is kept as a JSON document, so that it comes back as it was; the columns beside it exist
to be searched and added up. The course of power lies in a column of its own, because
few readers want it and it is most of the size. Fresh and old databases go through the same Alembic
revisions; their version table and all tables have names of our own, so that a PostgreSQL database may
be shared with other programs. Times are seconds since 1970 in 64-bit floats, energies joules.
"""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    inspect,
    select,
)

VERSION_TABLE = "green_schema"
version = Table(VERSION_TABLE, MetaData(), Column("version_num", Text))
"""Alembic's own note of the revision; not among our tables, which a migration makes."""
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
"""Revisions this version knows, oldest first; a database at any other was written by a newer one."""

metadata = MetaData()
_upgrading = threading.Lock()

records = Table(
    "green_records",
    metadata,
    Column("id", Text, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("span", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("joules", Double),
    Column("uncertainty", Double),
    Column("quality", Text, nullable=False),
    Column("measured_share", Double),
    Column("below_resolution", Boolean, nullable=False),
    Column("cell_id", Text),
    Column("execution_count", Integer),
    Column("code_hash", Text),
    Column("notebook", Text),
    Column("project", Text),
    Column("label", Text),
    Column("units", Double),
    Column("unit", Text),
    Column("co2e_grams", Double),
    Column("co2e_source", Text),
    Column("cost", Double),
    Column("currency", Text),
    Column("overhead_seconds", Double),
    Column("owner", Text),
    Column("host", Text),
    Column("document", Text, nullable=False),
    Column("trace", Text),
    # Kept apart from real figures; also true of a record without a reading whose sensors are simulated.
    Column("simulated", Boolean, nullable=False),
    # The record that holds this one's energy too; totals leave the inner one out.
    Column("parent", Text),
    Column("purpose", Text),
    Index("green_records_started_at", "started_at"),
    Index("green_records_run", "run_id", "started_at"),
    Index("green_records_notebook", "notebook", "started_at"),
    Index("green_records_project", "project", "started_at"),
    Index("green_records_parent", "parent"),
    Index("green_records_code", "code_hash"),
    Index("green_records_cell", "cell_id"),
)

components = Table(
    "green_components",
    metadata,
    Column("record_id", Text, ForeignKey("green_records.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("joules", Double),
    Column("uncertainty", Double),
    Column("gain_uncertainty", Double),
    Column("method", Text, nullable=False),
    Column("quality", Text, nullable=False),
    Column("scope", Text, nullable=False),
    # What comparing runs needs besides. `throttle` is empty where no clock was lowered, NULL where that is not known.
    Column("cpu_seconds", Double),
    Column("others_busy", Double),
    Column("celsius", Double),
    Column("clock_mhz", Double),
    Column("clock_spread_mhz", Double),
    Column("shared", Boolean),
    Column("throttle", Text),
)

# Sums of records, see `rollup`: by run, hour (NULL: all of the run) and what else may be asked for. What begins with
# `around` is of the record around, NULL where there is none in the ledger.
rollups = Table(
    "green_rollups",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("hour", Double),
    Column("run_id", Text, nullable=False),
    # Whether they name a record around them, in the ledger or not.
    Column("nested", Boolean, nullable=False),
    Column("owner", Text),
    Column("project", Text),
    Column("notebook", Text),
    Column("span", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("around_run_id", Text),
    Column("around_owner", Text),
    Column("around_project", Text),
    Column("around_notebook", Text),
    Column("around_span", Text),
    Column("around_status", Text),
    Column("around_hour", Double),
    Index("green_rollups_run", "run_id", "hour"),
    Index("green_rollups_hour", "hour"),
)

# What such records add up to: all of them, by kind of device, by source and quality, and in how many a device was not
# read. `squares` are those of the random half-widths in joules²; `boundless` counts readings without a half-width.
rollup_lines = Table(
    "green_rollup_lines",
    metadata,
    Column("rollup_id", Integer, ForeignKey("green_rollups.id"), nullable=False),
    Column("line", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("quality", Text, nullable=False),
    Column("records", Integer, nullable=False),
    Column("unread", Integer),
    Column("seconds", Double),
    Column("began", Double),
    Column("ended", Double),
    Column("joules", Double),
    Column("squares", Double),
    Column("gains", Double),
    Column("boundless", Integer),
    Index("green_rollup_lines_of", "rollup_id"),
)

# What of each journal is in the ledger already. Rows of closed journals stay for a while, so that a
# second process that read the file just before it was deleted can't write its records again.
journals = Table(
    "green_journals",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text),
    Column("settled", Integer, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("drained_at", Double, nullable=False),
)

# What a person keeps to compare runs with. `owner` is empty where nobody has a name: a key can't be NULL.
# The head is the document without its cells, so that a list of baselines reads no cells.
baselines = Table(
    "green_baselines",
    metadata,
    Column("notebook", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("made_at", Double, nullable=False),
    Column("kept_at", Double, nullable=False),
    Column("head", Text, nullable=False),
    Column("document", Text, nullable=False),
)

# Which baseline a notebook is compared with, as JSON.
choices = Table(
    "green_choices",
    metadata,
    Column("notebook", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("choice", Text, nullable=False),
)

# What was decided and granted: budgets, tariffs, overrides, baselines, credits. Rows are only ever added; what holds
# now is the newest of its kind. `owner` is empty where nobody has a name.
postings = Table(
    "green_postings",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("project", Text),
    Column("notebook", Text),
    Column("made_at", Double, nullable=False),
    Column("document", Text, nullable=False),
    Index("green_postings_made_at", "kind", "made_at"),
)


def revision(connection: Connection) -> str | None:
    """Return the revision a database is at; None where it has none of our tables."""
    if VERSION_TABLE not in inspect(connection).get_table_names():
        return None
    found = connection.execute(select(version.c.version_num)).scalars().all()
    return str(found[0]) if found else None


def upgrade(connection: Connection, to: str = "head") -> None:
    """Bring a database to a revision, inside the caller's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection, "version_table": VERSION_TABLE})
    folder = str(Path(__file__).with_name("migrations"))
    config.set_main_option("script_location", folder.replace("%", "%%"))
    with _upgrading:  # Alembic holds the revision at work in a global
        command.upgrade(config, to)

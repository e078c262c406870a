"""Tables of the ledger and their migrations.

The whole record is stored as a JSON document, so that it can be restored exactly; the other columns exist for searching
and adding up. The power trace has its own column, because it is most of the size and rarely read. New and old databases
go through the same Alembic revisions. Table names start with ``green_``, so that a PostgreSQL database may be shared
with other programs. Times are seconds since 1970 (64-bit floats), energies are joules.
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
"""Alembic's version table; not in `metadata`, whose tables are created by migrations."""
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
"""Revisions known to this version, oldest first. A database at any other was written by a newer version."""

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
    # See `records.is_simulated`.
    Column("simulated", Boolean, nullable=False),
    # Id of the record that includes this one's energy.
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
    # For comparisons of runs. `throttle`: empty if the clock was not lowered, NULL if unknown.
    Column("cpu_seconds", Double),
    Column("others_busy", Double),
    Column("celsius", Double),
    Column("clock_mhz", Double),
    Column("clock_spread_mhz", Double),
    Column("shared", Boolean),
    Column("throttle", Text),
)

# Groups of the sums of records (see `rollups`): by run, hour (NULL: the whole run) and the fields of filters. Columns
# `around_*` are those of the parent record, NULL if it is not in the ledger.
rollups = Table(
    "green_rollups",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("hour", Double),
    Column("run_id", Text, nullable=False),
    # Whether the records have a parent, in the ledger or not.
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

# Sums of a group: over all records, by kind of device, by source and quality, and the number of records without a
# reading of a device. `squares`: sum of squared random half-widths in J²; `boundless`: readings without a half-width.
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

# Import state of each journal. Rows of closed journals are kept for a while: a second process may have read
# the file just before it was deleted, and must not import it again.
journals = Table(
    "green_journals",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text),
    Column("settled", Integer, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("drained_at", Double, nullable=False),
)

# Named baselines. `owner` is empty if unknown, because a key can't be NULL. `head` is the document without its cells,
# for lists of baselines.
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

# The baseline chosen for a notebook, as JSON.
choices = Table(
    "green_choices",
    metadata,
    Column("notebook", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("choice", Text, nullable=False),
)

# Events: budgets, tariffs, overrides, baselines, credits. Append-only; the newest event of a kind is in effect.
# `owner` is empty if unknown.
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
    """Return the revision of a database; None if it has no version table."""
    if VERSION_TABLE not in inspect(connection).get_table_names():
        return None
    versions = connection.execute(select(version.c.version_num)).scalars().all()
    return str(versions[0]) if versions else None


def upgrade(connection: Connection, to: str = "head") -> None:
    """Migrate a database to a revision, inside the caller's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection, "version_table": VERSION_TABLE})
    folder = str(Path(__file__).with_name("migrations"))
    config.set_main_option("script_location", folder.replace("%", "%%"))
    with _upgrading:  # Alembic keeps the running migration in a global
        command.upgrade(config, to)

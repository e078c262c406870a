"""Tables for records, their components, and the import state of journals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "green_records",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("span", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("joules", sa.Double),
        sa.Column("uncertainty", sa.Double),
        sa.Column("quality", sa.Text, nullable=False),
        sa.Column("measured_share", sa.Double),
        sa.Column("below_resolution", sa.Boolean, nullable=False),
        sa.Column("cell_id", sa.Text),
        sa.Column("execution_count", sa.Integer),
        sa.Column("code_hash", sa.Text),
        sa.Column("notebook", sa.Text),
        sa.Column("project", sa.Text),
        sa.Column("label", sa.Text),
        sa.Column("units", sa.Double),
        sa.Column("unit", sa.Text),
        sa.Column("co2e_grams", sa.Double),
        sa.Column("co2e_source", sa.Text),
        sa.Column("cost", sa.Double),
        sa.Column("currency", sa.Text),
        sa.Column("overhead_seconds", sa.Double),
        sa.Column("owner", sa.Text),
        sa.Column("host", sa.Text),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("trace", sa.Text),
    )
    op.create_index("green_records_started_at", "green_records", ["started_at"])
    op.create_index("green_records_run", "green_records", ["run_id", "started_at"])
    op.create_index("green_records_notebook", "green_records", ["notebook", "started_at"])
    op.create_index("green_records_project", "green_records", ["project", "started_at"])
    op.create_table(
        "green_components",
        sa.Column("record_id", sa.Text, sa.ForeignKey("green_records.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("device", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("joules", sa.Double),
        sa.Column("uncertainty", sa.Double),
        sa.Column("gain_uncertainty", sa.Double),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("quality", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
    )
    op.create_table(
        "green_journals",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text),
        sa.Column("settled", sa.Integer, nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False),
        sa.Column("drained_at", sa.Double, nullable=False),
    )

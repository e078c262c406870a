"""Tables for the sums of records by run and hour, filled by the next revision, and their indexes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision: str | None = "0005"


def upgrade() -> None:
    """Add the indexes and the tables."""
    op.create_index("green_records_parent", "green_records", ["parent"])
    op.create_index("green_records_code", "green_records", ["code_hash"])
    op.create_index("green_records_cell", "green_records", ["cell_id"])
    op.create_table(
        "green_rollups",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("hour", sa.Double),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("nested", sa.Boolean, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("project", sa.Text),
        sa.Column("notebook", sa.Text),
        sa.Column("span", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("simulated", sa.Boolean, nullable=False),
        sa.Column("around_run_id", sa.Text),
        sa.Column("around_owner", sa.Text),
        sa.Column("around_project", sa.Text),
        sa.Column("around_notebook", sa.Text),
        sa.Column("around_span", sa.Text),
        sa.Column("around_status", sa.Text),
        sa.Column("around_hour", sa.Double),
    )
    op.create_index("green_rollups_run", "green_rollups", ["run_id", "hour"])
    op.create_index("green_rollups_hour", "green_rollups", ["hour"])
    op.create_table(
        "green_rollup_lines",
        sa.Column("rollup_id", sa.Integer, sa.ForeignKey("green_rollups.id"), nullable=False),
        sa.Column("line", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("device", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("quality", sa.Text, nullable=False),
        sa.Column("records", sa.Integer, nullable=False),
        sa.Column("unread", sa.Integer),
        sa.Column("seconds", sa.Double),
        sa.Column("began", sa.Double),
        sa.Column("ended", sa.Double),
        sa.Column("joules", sa.Double),
        sa.Column("squares", sa.Double),
        sa.Column("gains", sa.Double),
        sa.Column("boundless", sa.Integer),
    )
    op.create_index("green_rollup_lines_of", "green_rollup_lines", ["rollup_id"])

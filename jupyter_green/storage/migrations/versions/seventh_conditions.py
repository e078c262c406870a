"""Columns for the conditions of a device, filled from the documents of existing records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from jupyter_green.storage import record_rows, schema
from jupyter_green.storage import rollups as rollup

revision = "0007"
down_revision: str | None = "0006"


def upgrade() -> None:
    """Add and fill the columns, and compute the sums of a ledger that has none yet."""
    for name in ("cpu_seconds", "others_busy", "celsius", "clock_mhz", "clock_spread_mhz"):
        op.add_column("green_components", sa.Column(name, sa.Double))
    op.add_column("green_components", sa.Column("shared", sa.Boolean))
    op.add_column("green_components", sa.Column("throttle", sa.Text))
    connection = op.get_bind()
    record_rows.fill_conditions(connection)
    if connection.execute(sa.select(schema.rollups.c.id).limit(1)).first() is None:
        rollup.build(connection)

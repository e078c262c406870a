"""Column `simulated`, filled for existing records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    """Add and fill the column."""
    op.add_column("green_records", sa.Column("simulated", sa.Boolean, nullable=False, server_default=sa.false()))
    op.execute(
        "UPDATE green_records SET simulated = (1 = 1) WHERE quality = 'simulated' OR (joules IS NULL AND EXISTS "
        "(SELECT 1 FROM green_components AS c WHERE c.record_id = green_records.id AND c.quality = 'simulated'))"
    )

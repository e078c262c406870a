"""Column `parent`, filled from the documents of existing records."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    """Add and fill the column."""
    op.add_column("green_records", sa.Column("parent", sa.Text))
    rows = op.get_bind().execute(
        sa.text("SELECT id, document FROM green_records WHERE document LIKE :named"), {"named": '%"parent":"%'}
    )
    parents = [{"id": row[0], "parent": json.loads(row[1]).get("parent")} for row in rows]
    if parents:
        op.get_bind().execute(sa.text("UPDATE green_records SET parent = :parent WHERE id = :id"), parents)

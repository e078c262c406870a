"""Append-only table of events (budgets, tariffs, overrides, baselines, credits), and the column `purpose`."""

from __future__ import annotations

import json
import uuid

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    """Add the table and the column, and store the existing baselines as events."""
    postings = op.create_table(
        "green_postings",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("project", sa.Text),
        sa.Column("notebook", sa.Text),
        sa.Column("made_at", sa.Double, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("green_postings_made_at", "green_postings", ["kind", "made_at"])
    op.add_column("green_records", sa.Column("purpose", sa.Text))
    rows = op.get_bind().execute(
        sa.text("SELECT notebook, name, owner, made_at, kept_at, head, document FROM green_baselines ORDER BY kept_at")
    )
    events = [
        {
            "id": uuid.uuid4().hex,
            "kind": "baseline",
            "owner": owner,
            "project": None,
            "notebook": notebook,
            "made_at": kept_at,
            "document": json.dumps(
                {"name": name, "made_at": made_at, "head": json.loads(head), "baseline": json.loads(document)},
                separators=(",", ":"),
            ),
        }
        for notebook, name, owner, made_at, kept_at, head, document in map(tuple, rows)
    ]
    if events:
        op.bulk_insert(postings, events)

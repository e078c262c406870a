"""Alembic environment: runs revisions on the connection and in the transaction of `schema.upgrade`."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    # All revisions run in the caller's transaction: all or none are applied.
    transaction_per_migration=False,
)
context.run_migrations()

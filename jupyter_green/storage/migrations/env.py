"""Runs revisions on the connection and in the transaction that `schema.upgrade` hands over; no files, no settings."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    # The caller's transaction holds all revisions: either the database is at the new one or untouched.
    transaction_per_migration=False,
)
context.run_migrations()

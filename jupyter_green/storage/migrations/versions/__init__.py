"""Alembic revisions of the ledger's tables; run by `schema.upgrade`."""

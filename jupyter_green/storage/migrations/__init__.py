"""Alembic's revisions of the ledger's tables; run by `schema.upgrade`, never by hand."""

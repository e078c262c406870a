"""Floor 7: the ledger behind a Jupyter Server, for pages and programs that read figures over HTTP.

Nothing of Jupyter Server is imported before it asks for the extension: the package is in every kernel too.
"""

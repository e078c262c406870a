"""The Jupyter Server extension: the ledger over HTTP, for pages and programs.

Nothing of Jupyter Server is imported here, because this package is also installed in every kernel.
"""

"""Inserts a statement before a cell's code: a pending interrupt, or the budget check.

IPython prints an exception raised in `pre_run_cell` and still runs the cell, so an interrupt would be lost there. Code
that may be slow or may prompt must also run inside the cell. We rewrite the AST, so line numbers survive. The
transformer is registered only while a cell needs it.
"""

from __future__ import annotations

import ast
import threading
from typing import Any

INTERRUPT = "raise KeyboardInterrupt"


class CellStart:
    """An AST transformer that is registered only while a cell needs it."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._statements: dict[int, str] = {}

    def put(self, statement: str) -> None:
        """Set the first statement of the cell that begins on this thread; replaces an earlier one."""
        self._statements[threading.get_ident()] = statement
        if self not in self._shell.ast_transformers:
            self._shell.ast_transformers.append(self)

    def clear(self) -> None:
        """Remove the statement of this thread: its cell has begun or ended."""
        self._statements.pop(threading.get_ident(), None)
        if not self._statements and self in self._shell.ast_transformers:
            self._shell.ast_transformers.remove(self)

    def close(self) -> None:
        """Remove the transformer from the shell."""
        self._statements.clear()
        self.clear()

    def visit(self, tree: ast.Module) -> ast.Module:
        """Insert the statement into the tree of a cell; called by IPython."""
        statement = self._statements.pop(threading.get_ident(), None)
        if statement is None:
            return tree
        # __future__ imports must stand first.
        future = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
        statements = [node for node in tree.body if node not in future]
        tree.body = [*future, *ast.parse(statement).body, *statements]
        return tree

"""What is done at the start of a cell's own code: an interrupt that came too early for it, or a look at budgets.

IPython prints what a callback of `pre_run_cell` raises, and runs the cell: an interrupt would be lost there. In the
cell's own code it does what a person expects of it, and so does whatever may take a while. So a statement is put in
front of the cell's. The tree is changed, not the text, so line numbers stay. It is put there only where it is needed,
and nothing is left in the shell afterwards.
"""

from __future__ import annotations

import ast
import threading
from typing import Any

INTERRUPT = "raise KeyboardInterrupt"


class CellStart:
    """An AST transformer that is in the shell only while a cell needs it.

    Parameters
    ----------
    shell : InteractiveShell
        The shell.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._statements: dict[int, str] = {}

    def put(self, statement: str) -> None:
        """Have the cell that begins on this thread start with a statement; an interrupt goes before all else."""
        self._statements[threading.get_ident()] = statement
        if self not in self._shell.ast_transformers:
            self._shell.ast_transformers.append(self)

    def clear(self) -> None:
        """The cell on this thread has begun, or is over."""
        self._statements.pop(threading.get_ident(), None)
        if not self._statements and self in self._shell.ast_transformers:
            self._shell.ast_transformers.remove(self)

    def close(self) -> None:
        """Leave the shell."""
        self._statements.clear()
        self.clear()

    def visit(self, tree: ast.Module) -> ast.Module:
        """Put the statement into the tree of the cell that it is about; IPython calls it."""
        statement = self._statements.pop(threading.get_ident(), None)
        if statement is None:
            return tree
        # What comes from the future must stand first.
        future = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
        rest = [node for node in tree.body if node not in future]
        tree.body = [*future, *ast.parse(statement).body, *rest]
        return tree

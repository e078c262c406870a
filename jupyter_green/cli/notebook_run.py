"""Executes a notebook with nbclient, every cell metered.

The kernel loads the extension before the first cell, unless that cell does; environment variables set the
run id, so the notebook is not changed. Each execute request carries the cell id, which nbclient otherwise
omits, so that records can be matched with cells. Records are read from the ledger, so they are available
even if a cell failed or the kernel died.
"""

from __future__ import annotations

import os
import re
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_green.records import EnergyRecord
from jupyter_green.reporting.sanitize import one_line

from .errors import CommandError
from .transfer import opened

if TYPE_CHECKING:
    from nbclient import NotebookClient
    from nbformat import NotebookNode

LOAD = "--IPKernelApp.extra_extensions=jupyter_green"
QUIET = "--IPKernelApp.log_level=CRITICAL"
"""Nobody reads this kernel's terminal; output of cells goes into the notebook."""
LOADS_ITSELF = re.compile(r"\s*%(re)?load_ext\s+jupyter_green\b")
STARTUP_SECONDS = 60


@dataclass
class NotebookRun:
    """The result of running a notebook."""

    notebook: NotebookNode
    """The notebook with the outputs of the cells that ran."""
    run_id: str
    """Id of its records in the ledger."""
    failure: str | None = None
    """One sentence with the cell and its error; None if all cells ran."""
    interrupted: bool = False
    """Whether the user interrupted it."""
    at: int = 0
    """Index of the cell that started last."""

    @property
    def current(self) -> str:
        """Name of the cell that ran last: its prompt, else its position."""
        count = self.notebook.cells[self.at].get("execution_count") if self.notebook.cells else None
        return f"[{count}]" if count else str(self.at + 1)

    def cells(self) -> dict[str, tuple[int, NotebookNode]]:
        """Return the code cells by id, each with its position counted from 1."""
        numbered = enumerate(self.notebook.cells, start=1)
        return {identity(cell, n): (n, cell) for n, cell in numbered if cell.cell_type == "code"}

    def records(self) -> list[EnergyRecord]:
        """Return the records of this run from the ledger, oldest first."""
        with opened() as ledger:
            return [self.placed(record) for record in ledger.records(run=self.run_id)]

    def placed(self, record: EnergyRecord) -> EnergyRecord:
        """Return a record with its cell id filled in, which a remote ledger does not store."""
        if record.span != "cell" or record.cell_id is not None:
            return record
        names = (name for name, (_, cell) in self.cells().items() if cell.execution_count == record.execution_count)
        return record.with_(cell_id=next(names, None))


def identity(cell: NotebookNode, position: int) -> str:
    """Return the cell's id, or its position if the notebook's format has no ids."""
    return str(cell.get("id") or f"cell-{position}")


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook of any format that nbformat supports.

    Raises CommandError if there is no such file or it is no notebook (one sentence).
    """
    import nbformat

    if path.is_dir():
        raise CommandError(f"{path} is a folder; name the notebook in it.")
    try:
        notebook: NotebookNode = nbformat.read(path, as_version=4)
    except FileNotFoundError:
        raise CommandError(f"There is no notebook {path}.") from None
    except OSError as error:
        raise CommandError(f"{path} can't be read: {error.strerror or error}.") from None
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, UnicodeDecodeError, AttributeError, KeyError):
        raise CommandError(f"{path} is not a readable notebook; open and save it in JupyterLab.") from None
    return notebook


def execute(path: Path, kernel: str | None = None, timeout: float | None = None) -> NotebookRun:
    """Run a notebook with its folder as working directory; the file is not changed.

    The kernel is by default the notebook's; `timeout` is in seconds per cell. Raises CommandError if the file is no
    notebook, or its kernel is missing or not a Python kernel.
    """
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook = read_notebook(path)
    name = kernel or notebook.metadata.get("kernelspec", {}).get("name") or "python3"
    _check_kernel(name)
    execution = NotebookRun(notebook, run_id=uuid.uuid4().hex)
    environment = {**os.environ, "JUPYTER_GREEN_RUN": execution.run_id, "JUPYTER_GREEN_NOTEBOOK": path.name}
    with tempfile.TemporaryDirectory(prefix="green-") as sockets:
        client = _client(execution, name, path, timeout, sockets)
        try:
            client.execute(env=environment)
        except CellExecutionError as error:
            execution.failure = f"Cell {execution.current} failed: {_error_line(error)}."
        except CellTimeoutError:
            execution.failure = f"Cell {execution.current} took longer than the {timeout:g} s allowed and was stopped."
        except DeadKernelError:
            execution.failure = f"The kernel died in cell {execution.current}."
        except AssertionError:
            if client.km is not None:
                raise
            # On Ctrl-C nbclient shuts the kernel down, then fails an assertion on it.
            execution.interrupted = True
            execution.failure = f"Interrupted in cell {execution.current}."
        except (RuntimeError, OSError) as error:  # the kernel did not answer, or its program is missing
            execution.failure = f"The kernel {name!r} did not start: {one_line(str(error)).rstrip('.')}."
    return execution


def _client(execution: NotebookRun, kernel: str, path: Path, timeout: float | None, sockets: str) -> NotebookClient:
    from nbclient import NotebookClient
    from traitlets.config import Config

    def mark(cell: NotebookNode, cell_index: int) -> None:
        assert client.kc is not None
        execution.at = cell_index
        client.kc.session.metadata = {"cellId": identity(cell, cell_index + 1)}

    # Loading twice would print a message in the notebook.
    first = next((cell.source for cell in execution.notebook.cells if cell.cell_type == "code"), "")
    # Unix sockets instead of TCP ports: no collisions between concurrent runs, no access for other users.
    private = {"transport": "ipc", "ip": str(Path(sockets) / "kernel")} if os.name == "posix" else {}
    client = NotebookClient(
        execution.notebook,
        config=Config({"KernelManager": private}),
        kernel_name=kernel,
        timeout=timeout,
        startup_timeout=STARTUP_SECONDS,
        interrupt_on_timeout=False,
        record_timing=False,
        resources={"metadata": {"path": str(path.resolve().parent)}},
        extra_arguments=[QUIET] if LOADS_ITSELF.match(first) else [QUIET, LOAD],
        on_cell_execute=mark,
    )
    return client


def _check_kernel(name: str) -> None:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    specs = KernelSpecManager()
    try:
        language = specs.get_kernel_spec(name).language
    except NoSuchKernel:
        names = ", ".join(sorted(specs.find_kernel_specs())) or "none"
        raise CommandError(
            f"There is no kernel {name!r} here; choose one with --kernel (there are: {names})."
        ) from None
    if language.lower() != "python":
        raise CommandError(
            f"The kernel {name!r} runs {language}; jupyter_green meters Python kernels, so choose one with --kernel."
        )


def _error_line(error: Any) -> str:
    value = one_line(str(error.evalue), 200)
    return (f"{error.ename}: {value}" if value else str(error.ename)).rstrip(".")

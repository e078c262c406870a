"""The executed notebook as an HTML page, with the record of each metered cell below it.

Records are added to a copy. A cell that already shows one (with a ``%%energy`` header) is unchanged.
"""

from __future__ import annotations

import copy
import errno
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_green.records import EnergyRecord
from jupyter_green.reporting import MIME, bundle
from jupyter_green.storage.atomic_file import write_whole

from .errors import CommandError

if TYPE_CHECKING:
    from nbformat import NotebookNode


def check_exporter() -> None:
    """Raise `CommandError` if nbconvert is not installed."""
    if find_spec("nbconvert") is None:
        raise CommandError("--html needs nbconvert, which is not installed; `pip install nbconvert` brings it.")


def with_records(notebook: NotebookNode, records: dict[int, EnergyRecord]) -> NotebookNode:
    """Return a copy of a notebook with records added as outputs; keys are cell positions from 1."""
    from nbformat.v4 import new_output

    copied = copy.deepcopy(notebook)
    for position, record in records.items():
        cell = copied.cells[position - 1]
        if not any(MIME in output.get("data", {}) for output in cell.outputs):
            cell.outputs.append(new_output("display_data", data=bundle(record)))
    return copied


def write_page(notebook: NotebookNode, records: dict[int, EnergyRecord], name: str, target: Path) -> None:
    """Write the page. Raises OSError if the file can't be written."""
    from nbconvert.exporters import HTMLExporter

    # A page that is opened asks no network for formulas or diagrams.
    exporter = HTMLExporter(**{name: "" for name in HTMLExporter.class_trait_names() if name.endswith("_url")})
    page, _ = exporter.from_notebook_node(with_records(notebook, records), {"metadata": {"name": name}})
    write_whole(target, page)


def check_writable(target: Path) -> None:
    """Raise `CommandError` if a file can't be written, tested with a temporary file in the nearest existing folder."""
    try:
        if target.exists() and not target.is_file():
            raise CommandError(f"{target} is not a regular file; name another one.")
        folder = next(parent for parent in target.absolute().parents if parent.exists())
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise CommandError(f"{target} can't be written: {error.strerror or error}; name another file.") from None

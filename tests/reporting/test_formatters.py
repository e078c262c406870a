"""Objects show themselves in a real IPython shell, and no longer once that is undone."""

from __future__ import annotations

import atexit
import subprocess
import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell

from jupyter_green.reporting import MIME, Doctor, Table, Totals, register, sentence, unregister
from tests.support.record_states import CPU, FINDINGS, GPU, TRACE, TRAITS, record


@pytest.fixture
def shell():
    made = InteractiveShell()
    yield made
    atexit.unregister(made.atexit_operations)
    made.atexit_operations()


def test_records_show_themselves_and_stop(shell):
    drawn = record(GPU, CPU)
    before = shell.display_formatter.format(drawn)[0]
    register(shell)
    register(shell)
    shown, metadata = shell.display_formatter.format(drawn)
    assert set(shown) == {MIME, "text/html", "text/plain"}
    assert shown["text/plain"] == sentence(drawn)
    assert metadata == {}
    unregister(shell)
    unregister(shell)
    assert shell.display_formatter.format(drawn)[0] == before


@pytest.mark.parametrize(
    ("thing", "types"),
    [
        (TRACE, {"text/plain", "text/html", "image/svg+xml"}),
        (Table([record(GPU)]), {"text/plain", "text/html"}),
        (Totals([record(GPU)]), {"text/plain", "text/html"}),
        (Doctor(FINDINGS, TRAITS), {"text/plain", "text/html"}),
    ],
)
def test_the_other_objects_show_themselves(shell, thing, types):
    register(shell)
    shown, _ = shell.display_formatter.format(thing)
    assert set(shown) == types
    only, _ = shell.display_formatter.format(thing, include={"text/plain"})
    assert set(only) == {"text/plain"}


def test_drawing_needs_the_standard_library_only():
    program = (
        "import sys; import jupyter_green.reporting; "
        "heavy = {'IPython', 'sqlalchemy', 'pandas', 'torch', 'psutil', 'traitlets', 'nbformat', 'jsonschema'}; "
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr

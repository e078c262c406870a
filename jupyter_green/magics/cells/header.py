"""The ``%%energy`` header as an input transformer: the cell runs as a plain cell.

A cell magic that ran its body itself would lose the value, ``_``, top-level await, line numbers or the
interrupt. So the header line is replaced, on the same line, by a call that says "this cell was asked
for"; options are checked there, before the body. The transformer is pure text: IPython calls it several
times for one cell, also for completeness checks.
"""

from __future__ import annotations

import linecache
import re
from types import FrameType

HEADER = re.compile(r"^%%energy(?=\s|$)")
BEGIN = "_energy_begin"
_CALL = f"get_ipython().run_line_magic({BEGIN!r}, "


def begin_metering(lines: list[str]) -> list[str]:
    """Replace a ``%%energy`` first line by the call that begins metering; other cells pass unchanged."""
    if not lines or not HEADER.match(lines[0]):
        return lines
    options = lines[0][len("%%energy") :].strip()
    call = f"{_CALL}{options!r})"
    rest = cleaned(lines[1:])
    filled = next((index for index, line in enumerate(rest) if line.strip()), 0)
    if rest and rest[filled].startswith("%%"):
        from IPython.core.inputtransformer2 import cell_magic

        # A second header (%%time, %%bash) takes the whole rest as its text; ours goes before it.
        return [f"{call}; {''.join(cell_magic(begin_metering(rest[filled:])))}"]
    return [f"{call}\n", *rest]


def show_source_as_typed(frame: FrameType | None, options: str) -> None:
    """Have tracebacks show the header as it was typed, in place of the call that stands for it; called by that call.

    Parameters
    ----------
    frame : FrameType or None
        Somewhere below the cell's own.
    options : str
        What was typed behind ``%%energy``.
    """
    while frame is not None:
        name = frame.f_code.co_filename
        entry = linecache.cache.get(name)
        if entry is not None and len(entry) == 4 and entry[2] and entry[2][0].startswith(_CALL):
            size, modified, lines, path = entry
            # A comment, so that what shows tracebacks can still read the rest as Python.
            typed = f"# %%energy {options}".rstrip()
            _, _, rest = lines[0].partition(f"{options!r}); ")
            linecache.cache[name] = size, modified, [rest or f"{typed}\n", *lines[1:]], path
            return
        frame = frame.f_back


def cleaned(body: list[str]) -> list[str]:
    """Clean the cell below the header as IPython cleans a cell: its indent, and prompts pasted with it."""
    from IPython.core.inputtransformer2 import classic_prompt, ipython_prompt, leading_indent

    for clean in (leading_indent, classic_prompt, ipython_prompt):
        body = clean(body)
    return body

"""The ``%%energy`` header as an input transformer: the cell runs as a plain cell.

A cell magic that runs its body itself loses the value, ``_``, top-level await, line numbers or the
interrupt. So the header line is replaced by a call on the same line, which checks the options before
the body runs. The transformer only changes text: IPython calls it several times for one cell, also for
completeness checks.
"""

from __future__ import annotations

import linecache
import re
from types import FrameType

HEADER = re.compile(r"^%%energy(?=\s|$)")
BEGIN = "_energy_begin"
_CALL = f"get_ipython().run_line_magic({BEGIN!r}, "


def begin_metering(lines: list[str]) -> list[str]:
    """Replace a ``%%energy`` first line by the call that begins metering; other cells are unchanged."""
    if not lines or not HEADER.match(lines[0]):
        return lines
    options = lines[0][len("%%energy") :].strip()
    call = f"{_CALL}{options!r})"
    body = cleaned(lines[1:])
    first_code = next((index for index, line in enumerate(body) if line.strip()), 0)
    if body and body[first_code].startswith("%%"):
        from IPython.core.inputtransformer2 import cell_magic

        # A second header (%%time, %%bash) takes all lines below it; our call goes before it.
        return [f"{call}; {''.join(cell_magic(begin_metering(body[first_code:])))}"]
    return [f"{call}\n", *body]


def show_source_as_typed(frame: FrameType | None, options: str) -> None:
    """Make tracebacks show the typed header, with the text after ``%%energy``, instead of the call that replaced it.

    `frame` is one that was called from the cell.
    """
    while frame is not None:
        name = frame.f_code.co_filename
        entry = linecache.cache.get(name)
        if entry is not None and len(entry) == 4 and entry[2] and entry[2][0].startswith(_CALL):
            size, modified, lines, path = entry
            # A comment, so that the rest still parses as Python.
            typed = f"# %%energy {options}".rstrip()
            _, _, rest = lines[0].partition(f"{options!r}); ")
            linecache.cache[name] = size, modified, [rest or f"{typed}\n", *lines[1:]], path
            return
        frame = frame.f_back


def cleaned(body: list[str]) -> list[str]:
    """Remove indent and pasted prompts from the lines below the header, as IPython does for a cell."""
    from IPython.core.inputtransformer2 import classic_prompt, ipython_prompt, leading_indent

    for clean in (leading_indent, classic_prompt, ipython_prompt):
        body = clean(body)
    return body

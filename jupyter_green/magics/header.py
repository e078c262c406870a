"""The ``%%energy`` header as an input transformer: the cell runs as a plain cell.

A cell magic that ran its body itself would lose the value, ``_``, top-level await, line numbers or the
interrupt. So the header line is replaced, on the same line, by a call that says "this cell was asked
for"; options are checked there, before the body. The transformer is pure text: IPython calls it several
times for one cell, also for completeness checks.
"""

from __future__ import annotations

import re

HEADER = re.compile(r"^%%energy(?=\s|$)")
BEGIN = "_energy_begin"


def begin_metering(lines: list[str]) -> list[str]:
    """Replace a ``%%energy`` first line by the call that begins metering; other cells pass unchanged."""
    if not lines or not HEADER.match(lines[0]):
        return lines
    options = lines[0][len("%%energy") :].strip()
    call = f"get_ipython().run_line_magic({BEGIN!r}, {options!r})"
    rest = cleaned(lines[1:])
    filled = next((index for index, line in enumerate(rest) if line.strip()), 0)
    if rest and rest[filled].startswith("%%"):
        from IPython.core.inputtransformer2 import cell_magic

        # A second header (%%time, %%bash) takes the whole rest as its text; ours goes before it.
        return [f"{call}; {''.join(cell_magic(begin_metering(rest[filled:])))}"]
    return [f"{call}\n", *rest]


def cleaned(body: list[str]) -> list[str]:
    """Clean the cell below the header as IPython cleans a cell: its indent, and prompts pasted with it."""
    from IPython.core.inputtransformer2 import classic_prompt, ipython_prompt, leading_indent

    for clean in (leading_indent, classic_prompt, ipython_prompt):
        body = clean(body)
    return body

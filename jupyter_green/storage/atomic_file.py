"""Atomic file writing: a file appears under its name only when it is complete."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path, *, mode: int | None = None) -> Iterator[Path]:
    """Yield a temporary path in the same folder; when the block ends without an error, it replaces `path`.

    After an error the temporary file is deleted and `path` is left as it was. Nothing is synchronized to the disk. The
    folder must exist; `mode` are the permissions, such as 0o600, by default those of any new file. Raises OSError if
    the file can't be replaced.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if mode is not None:
            temporary.touch(mode)
        yield temporary
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):  # would hide the error of the block
            temporary.unlink(missing_ok=True)


def write_whole(path: Path, text: str, *, mode: int | None = None) -> None:
    """Write a text file (UTF-8) atomically; missing folders are made. `mode` is as for `replacing`.

    Raises OSError if a folder can't be made or the file can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, mode=mode) as temporary:
        temporary.write_text(text, encoding="utf-8")

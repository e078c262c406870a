"""The hash that identifies a cell's source in records."""

from __future__ import annotations

import hashlib


def code_hash(source: str) -> str:
    """Return the hash of a cell's source, 16 hexadecimal digits of SHA-256.

    A first line ``%%energy``, trailing spaces and blank lines around the source do not change it.
    """
    lines = source.strip().splitlines()
    if lines and lines[0].startswith("%%energy"):
        lines = lines[1:]
    text = "\n".join(line.rstrip() for line in lines).strip()
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]

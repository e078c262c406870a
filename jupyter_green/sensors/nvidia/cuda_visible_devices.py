"""GPUs that this process may use: CUDA_VISIBLE_DEVICES, interpreted as CUDA does.

Only GPUs that the notebook can use are metered. An entry that matches no GPU ends the list, a repeated entry
empties it. Both are reported, because CUDA itself reports neither.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    """A physical GPU: the driver's index, its UUID, and the UUIDs of its MIG slices."""

    number: int
    uuid: str
    slices: tuple[str, ...] = ()


@dataclass(frozen=True)
class VisibleDevices:
    """GPUs that a process may use."""

    boards: tuple[Device, ...]
    """In CUDA's order, if CUDA orders GPUs as the driver does."""
    problem: str | None = None
    """One sentence if an entry was ignored."""
    numbered: bool = True
    """Whether GPUs were selected by index, which depends on CUDA's own order."""


def choose(boards: Sequence[Device], wanted: str | None) -> VisibleDevices:
    """Return the GPUs that a value of CUDA_VISIBLE_DEVICES leaves visible; None means that it is not set."""
    if wanted is None:
        return VisibleDevices(tuple(boards))
    entries = [entry.strip() for entry in wanted.split(",")]
    kind = _kind(entries[0])
    chosen: list[Device] = []
    identities: set[str] = set()
    problem = None
    for entry in entries:
        match = _find(boards, entry) if _kind(entry) == kind else None
        if match is None:
            # "-1" and an empty value are the usual ways to hide GPUs: not a problem.
            if entry and not entry.startswith("-"):
                problem = f"CUDA_VISIBLE_DEVICES names {entry!r}, which is not here; CUDA ignores it and what follows."
            break
        gpu, identity = match
        if identity in identities:
            problem = f"CUDA_VISIBLE_DEVICES names {entry!r} twice; CUDA shows no GPU at all then."
            return VisibleDevices((), problem, kind == "number")
        identities.add(identity)
        if gpu not in chosen:
            chosen.append(gpu)
    return VisibleDevices(tuple(chosen), problem, kind == "number")


def _kind(entry: str) -> str:
    return next((kind for kind in ("GPU-", "MIG-") if entry.startswith(kind)), "number")


def _find(boards: Sequence[Device], entry: str) -> tuple[Device, str] | None:
    """Return the GPU that an entry selects, and the UUID of the GPU or slice; None unless exactly one matches."""
    if entry.startswith("GPU-"):
        return _only([(board, board.uuid) for board in boards if board.uuid.startswith(entry)])
    if entry.startswith("MIG-GPU-"):  # before driver 470: MIG-GPU-<board>/<instance>/<instance>
        parent = entry.removeprefix("MIG-").partition("/")[0]
        return _only([(board, entry) for board in boards if board.uuid == parent])
    if entry.startswith("MIG-"):
        return _only([(board, part) for board in boards for part in board.slices if part.startswith(entry)])
    # CUDA parses leading digits, as the C library does: "1abc" is 1.
    digits = re.match(r"\+?(\d+)", entry)
    if digits is None or int(digits[1]) >= len(boards):
        return None
    board = boards[int(digits[1])]
    return board, board.uuid


def _only(found: list[tuple[Device, str]]) -> tuple[Device, str] | None:
    return found[0] if len(found) == 1 else None

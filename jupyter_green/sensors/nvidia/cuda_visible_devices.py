"""Which of a machine's NVIDIA boards this process may use, read from CUDA_VISIBLE_DEVICES as CUDA reads it.

Only boards that the notebook can use are metered: a neighbour's work on a hidden board is not ours. An entry
that names nothing ends the list, a repeated one empties it; both are said, because CUDA itself is silent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    """A physical board as the driver lists it: its number there, its identity and its MIG slices' identities."""

    number: int
    uuid: str
    slices: tuple[str, ...] = ()


@dataclass(frozen=True)
class VisibleDevices:
    """What a process may use.

    Parameters
    ----------
    boards : tuple of Device
        In the order in which CUDA numbers them, if it orders boards as the driver does.
    problem : str or None
        One sentence where an entry was ignored.
    numbered : bool
        Whether boards were told apart by number, which depends on CUDA's own order.
    """

    boards: tuple[Device, ...]
    problem: str | None = None
    numbered: bool = True


def choose(boards: Sequence[Device], wanted: str | None) -> VisibleDevices:
    """Return the boards that the value of CUDA_VISIBLE_DEVICES leaves visible; None is an unset variable."""
    if wanted is None:
        return VisibleDevices(tuple(boards))
    entries = [entry.strip() for entry in wanted.split(",")]
    kind = _kind(entries[0])
    chosen: list[Device] = []
    seen: set[str] = set()
    problem = None
    for entry in entries:
        found = _find(boards, entry) if _kind(entry) == kind else None
        if found is None:
            # "-1" and an empty value are the usual ways to hide boards: nothing to complain about.
            if entry and not entry.startswith("-"):
                problem = f"CUDA_VISIBLE_DEVICES names {entry!r}, which is not here; CUDA ignores it and what follows."
            break
        board, identity = found
        if identity in seen:
            problem = f"CUDA_VISIBLE_DEVICES names {entry!r} twice; CUDA shows no GPU at all then."
            return VisibleDevices((), problem, kind == "number")
        seen.add(identity)
        if board not in chosen:
            chosen.append(board)
    return VisibleDevices(tuple(chosen), problem, kind == "number")


def _kind(entry: str) -> str:
    return next((kind for kind in ("GPU-", "MIG-") if entry.startswith(kind)), "number")


def _find(boards: Sequence[Device], entry: str) -> tuple[Device, str] | None:
    """Return the one board that an entry names, and the identity of the board or slice."""
    if entry.startswith("GPU-"):
        return _only([(board, board.uuid) for board in boards if board.uuid.startswith(entry)])
    if entry.startswith("MIG-GPU-"):  # before driver 470: MIG-GPU-<board>/<instance>/<instance>
        parent = entry.removeprefix("MIG-").partition("/")[0]
        return _only([(board, entry) for board in boards if board.uuid == parent])
    if entry.startswith("MIG-"):
        return _only([(board, part) for board in boards for part in board.slices if part.startswith(entry)])
    # CUDA reads the digits at the front, as the C library does: "1abc" is 1.
    digits = re.match(r"\+?(\d+)", entry)
    if digits is None or int(digits[1]) >= len(boards):
        return None
    board = boards[int(digits[1])]
    return board, board.uuid


def _only(found: list[tuple[Device, str]]) -> tuple[Device, str] | None:
    return found[0] if len(found) == 1 else None

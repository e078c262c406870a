"""Atomic writes: a file is replaced whole or left as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_green.storage.atomic_file import replacing, write_whole


def fail_half_way(path: Path) -> None:
    with replacing(path) as temporary:
        temporary.write_text("sec", encoding="utf-8")
        raise RuntimeError("half-way")


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_file_is_written_in_a_new_folder_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.md"
    write_whole(path, "first ±\n")
    write_whole(path, "second ±\n")
    assert path.read_text(encoding="utf-8") == "second ±\n"
    assert names(path.parent) == ["report.md"]


def test_an_error_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    write_whole(path, "first")
    with pytest.raises(RuntimeError, match="half-way"):
        fail_half_way(path)
    assert path.read_text(encoding="utf-8") == "first"
    assert names(tmp_path) == ["report.md"]


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_permissions_of_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "cache.json"
    path.touch(mode=0o644)
    write_whole(path, "{}", mode=0o600)
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_error_of_the_block_is_not_hidden_by_the_clean_up(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RuntimeError, match="half-way"):
        fail_half_way_without_writing(tmp_path / "file" / "report.md")
    with pytest.raises(OSError, match="file"):
        write_whole(tmp_path / "file" / "report.md", "text")


def fail_half_way_without_writing(path: Path) -> None:
    with replacing(path):
        raise RuntimeError("half-way")

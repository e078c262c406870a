"""Memory that is free: the machine's, within the limits of this process' control groups, of either version."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
import torch

from jupyter_green.compression.process import memory

MB = 1 << 20
V2 = ("memory.max", "memory.current", "inactive_file")
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def group(folder: Path, names: tuple[str, str, str], limit: int | str, used: int, cache: int | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    if cache is not None:
        (folder / "memory.stat").write_text(f"anon 5\n{names[2]} {cache}\n")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(memory, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "PROC", tmp_path / "self")
    return tmp_path / "cgroup"


def free(root: Path, groups: str) -> tuple[int, int]:
    memory.PROC.write_text(groups)
    return memory.free_bytes(torch.device("cpu"))


def test_the_tightest_group_above_the_process_counts(root: Path) -> None:
    group(root / "user.slice/kernel.scope", V2, 900 * MB, 100 * MB)
    group(root / "user.slice", V2, 500 * MB, 450 * MB, cache=30 * MB)
    group(root / "other.slice", V2, 1 * MB, 1 * MB)
    assert free(root, "0::/user.slice/kernel.scope\n") == (80 * MB, 500 * MB)


def test_a_container_of_either_version(root: Path) -> None:
    group(root, V2, 300 * MB, 100 * MB)
    assert free(root, "0::/\n") == (200 * MB, 300 * MB)
    # The path is the host's, of which only the container's own group is mounted.
    group(root / "memory", V1, 250 * MB, 150 * MB, cache=50 * MB)
    assert free(root, "9:cpu,cpuacct:/docker/abc\n5:memory:/docker/abc\n") == (150 * MB, 250 * MB)


@pytest.mark.parametrize("limit", ["max", 9_223_372_036_854_771_712])
def test_no_limit_is_the_machines(root: Path, limit: int | str) -> None:
    group(root / "a", V2, limit, 100 * MB)
    assert free(root, "0::/a\n")[1] == psutil.virtual_memory().total


def test_without_control_groups_it_is_the_machines(root: Path) -> None:
    total = psutil.virtual_memory().total
    assert memory.free_bytes(torch.device("cpu"))[1] == total
    assert free(root, "0::/gone\nnonsense\n")[1] == total
    group(root / "broken", V2, "many", 1)
    assert free(root, "0::/broken\n")[1] == total

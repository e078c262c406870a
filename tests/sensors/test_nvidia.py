"""The NVIDIA sensor on the simulated driver, through the real pynvml, in a process of its own each."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from jupyter_green.sensors.nvidia import diagnostics, nvml
from jupyter_green.sensors.nvidia.cuda_visible_devices import Device, choose
from tests.support.driver import SimulatedDriver
from tests.support.peer import Peer, PeerError

SETUP = """
import os, sys, time
from dataclasses import asdict
from jupyter_green.sensors import Attributing, Sensor, SensorFault
from jupyter_green.sensors.nvidia import discover
from jupyter_green.sensors.nvidia.nvml import Connection, connection
Connection.FIRST_WAIT = 0.01
connection._wait = 0.01

def look():
    global found, sensors
    found = discover()
    sensors = found.sensors
    return [asdict(sensor.traits) for sensor in sensors]

def findings():
    return [asdict(finding) for finding in found.findings]

def read(number=0):
    try:
        return asdict(sensors[number].read())
    except SensorFault as fault:
        return str(fault)

def read_again(number=0):
    # Reopening waits a moment between attempts: ask until it was tried.
    while isinstance(answer := read(number), str):
        time.sleep(0.005)
    return answer
"""

Start = Callable[..., Peer]


@pytest.fixture
def driver(tmp_path: Path) -> SimulatedDriver:
    return SimulatedDriver(tmp_path / "driver")


@pytest.fixture
def start(driver: SimulatedDriver) -> Iterator[Start]:
    with ExitStack() as stack:

        def one(**variables: str | None) -> Peer:
            clean = {"CUDA_VISIBLE_DEVICES": None, "CUDA_DEVICE_ORDER": "PCI_BUS_ID", **driver.environment()}
            peer = stack.enter_context(Peer({**clean, **variables}))
            peer.run(SETUP)
            return peer

        yield one


# ---- what a board offers --------------------------------------------------------------------------------------


def test_the_energy_counter_is_read_in_joules(driver: SimulatedDriver, start: Start) -> None:
    driver.board("A10", limit=300.0, ripple=0.0)
    peer = start()
    (traits,) = peer.ask("look()")
    assert traits["key"] == "nvidia:GPU-51000000-0000-4000-8000-000000000000"
    assert traits["device"] == "GPU 0, Simulated GPU A10"
    assert (traits["method"], traits["quality"], traits["scope"]) == ("counter", "simulated", "whole board")
    assert (traits["gain"], traits["power_limit"], traits["averaging"]) == (0.05, 300.0, 0.0)
    (finding,) = peer.ask("findings()")
    assert finding["works"]
    assert "simulated" in finding["detail"]
    before, reading, after = peer.ask("(time.perf_counter(), read(), time.perf_counter())")
    assert before <= reading["time"] <= after
    joules = reading["value"] - 12_345.678
    assert driver.truth(0, driver.origin, before - 0.1) - 0.001 <= joules <= driver.truth(0, driver.origin, after)
    assert peer.ask("isinstance(sensors[0], Sensor) and isinstance(sensors[0], Attributing)")


@pytest.mark.parametrize(
    ("board", "expected", "said"),
    [
        ({"unsupported": ["energy call"]}, ("counter", 0.0), None),
        ({"unsupported": ["energy"]}, ("power", 1.0), None),
        ({"unsupported": ["energy", "average"]}, ("power", 1.0), None),
        ({"unsupported": ["energy", "average", "power call"]}, ("power", 0.1), None),
        ({"unsupported": ["energy", "fields"], "chip": "turing"}, ("power", 0.1), None),
        ({"unsupported": ["energy"], "chip": "ga100"}, ("power", 0.025), "a quarter of the time"),
        ({"chip": "pascal"}, ("power", 0.01), "half of the time"),
        ({"unsupported": ["energy", "average", "power call"], "chip": "hopper"}, ("power", 0.025), "a quarter"),
        ({"unsupported": ["power", "limit", "processes", "mig", "fields"]}, ("counter", 0.0), None),
    ],
)
def test_the_best_way_that_answers_is_taken(
    driver: SimulatedDriver, start: Start, board: dict[str, Any], expected: tuple[str, float], said: str | None
) -> None:
    driver.board(idle=90.0, noise=0.0, ripple=0.0, **board)
    peer = start()
    (traits,) = peer.ask("look()")
    assert (traits["method"], traits["averaging"]) == expected
    assert traits["quality"] == "simulated"
    if said is None:
        assert traits["note"] is None
    else:
        assert said in traits["note"]
    assert (traits["power_limit"] is None) == ("limit" in board.get("unsupported", []))
    value = peer.ask("read()['value']")
    assert value > 12_345 if expected[0] == "counter" else value == pytest.approx(90.0, abs=0.01)


@pytest.mark.parametrize("missing", [["energy", "power"], ["all"], ["identity"]])
def test_a_board_without_any_reading_is_a_finding(driver: SimulatedDriver, start: Start, missing: list[str]) -> None:
    driver.board(unsupported=missing)
    driver.board()
    peer = start()
    assert [traits["device"][:5] for traits in peer.ask("look()")] == ["GPU 1"]
    broken, _ = peer.ask("findings()")
    assert not broken["works"]
    assert broken["subject"].startswith("GPU 0")
    assert "does not offer the reading" in broken["detail"]


def test_a_counter_that_stands_at_zero_is_not_believed(driver: SimulatedDriver, start: Start) -> None:
    driver.board(tick=3600.0)
    driver.fault("reset", at=time.perf_counter())
    (traits,) = start().ask("look()")
    assert traits["method"] == "power"


def test_a_counter_that_may_not_be_read_is_told_from_none(driver: SimulatedDriver, start: Start) -> None:
    driver.board()
    driver.fault("permission", what="energy")
    peer = start()
    driver.board()
    driver.fault("permission", board=1, what="energy call")
    barred, by_field = peer.ask("look()")
    assert (barred["method"], by_field["method"]) == ("power", "counter")
    assert barred["note"] == "Its energy counter can't be read: this user may not read it."
    assert by_field["note"] is None


def test_grace_covers_the_module_and_says_so(driver: SimulatedDriver, start: Start) -> None:
    driver.board("GH200", chip="hopper", grace="module")
    driver.board("GH200", chip="hopper", grace="module", unsupported=["energy call"])
    driver.board("GH200", chip="hopper", grace="module", unsupported=["energy field"])
    driver.board("GH200", chip="hopper", grace="module", unsupported=["energy"])
    driver.board("GH200", chip="hopper", grace="both")
    driver.board("GH200", chip="hopper", grace="both", unsupported=["energy field"])
    driver.board("GH200", chip="hopper", grace="both", processor=50.0)
    driver.board("H100", chip="hopper")
    peer = start()
    *modules, both, board = peer.ask("look()")
    assert [traits["method"] for traits in modules] == ["counter", "counter", "counter", "power", "counter", "counter"]
    for number, traits in enumerate(modules):
        assert traits["scope"] == "whole module (CPU and GPU)"
        assert traits["power_limit"] is None
        assert traits["covers"] == ["processor:model"]
        assert traits["covers_memory"]
        assert peer.ask(f"read({number})['value']") > 0
    for traits in (both, board):
        assert (traits["method"], traits["scope"], traits["covers"]) == ("counter", "whole board", [])
        assert not traits["covers_memory"]


# ---- which boards ---------------------------------------------------------------------------------------------

UUIDS = ("GPU-aa11", "GPU-aa22", "GPU-bb33")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (None, [0, 1, 2]),
        ("0,1,2", [0, 1, 2]),
        ("2,0", [2, 0]),
        (" 1 , 2 ", [1, 2]),
        ("", []),
        ("-1", []),
        ("0,-1,2", [0]),
        ("1,9,2", [1]),
        ("GPU-bb33", [2]),
        ("GPU-b", [2]),
        ("GPU-aa", []),
        ("GPU-aa22,GPU-bb", [1, 2]),
        ("GPU-zz,GPU-bb", []),
        ("NoDevFiles", []),
    ],
)
def test_only_visible_boards_are_metered(
    driver: SimulatedDriver, start: Start, wanted: str | None, expected: list[int]
) -> None:
    for uuid in UUIDS:
        driver.board(uuid=uuid)
    peer = start(CUDA_VISIBLE_DEVICES=wanted)
    found = peer.ask("look()")
    assert [traits["key"] for traits in found] == [f"nvidia:{UUIDS[number]}" for number in expected]
    assert [traits["device"] for traits in found] == [f"GPU {i}, Simulated GPU A10" for i in range(len(expected))]
    findings = peer.ask("findings()")
    assert [finding["works"] for finding in findings if finding["subject"].startswith("GPU ")] == [True] * len(expected)
    said = [finding for finding in findings if finding["subject"] == "NVIDIA GPUs"]
    assert bool(said) == (not expected or wanted == "1,9,2")
    assert all("CUDA_VISIBLE_DEVICES" in finding["detail"] and finding["advice"] for finding in said)


BOARDS = [Device(0, "GPU-a"), Device(1, "GPU-b", ("MIG-b1", "MIG-b2")), Device(2, "GPU-c", ("MIG-c1",))]


@pytest.mark.parametrize(
    ("wanted", "expected", "problem"),
    [
        ("MIG-b1", [1], None),
        ("MIG-b1,MIG-b2", [1], None),
        ("MIG-b2,MIG-c1", [1, 2], None),
        ("MIG-b", [], "not here"),
        ("MIG-GPU-c/1/0", [2], None),
        ("MIG-GPU-z/1/0", [], "not here"),
        ("MIG-b1,MIG-b1", [], "twice"),
        ("0,0", [], "twice"),
        ("0,GPU-b", [0], "not here"),
        ("GPU-a,1", [0], "not here"),
        ("1abc", [1], None),
        ("1.5", [1], None),
        ("abc", [], "not here"),
        ("+2", [2], None),
        ("0,,1", [0], None),
        ("99999999999999999999", [], "not here"),
    ],
)
def test_entries_are_read_as_cuda_reads_them(wanted: str, expected: list[int], problem: str | None) -> None:
    choice = choose(BOARDS, wanted)
    assert [board.number for board in choice.boards] == expected
    assert (choice.problem is None) == (problem is None)
    assert problem is None or problem in (choice.problem or "")


def test_slices_are_metered_by_their_whole_board(driver: SimulatedDriver, start: Start) -> None:
    driver.board("A100", chip="ga100", slices=["MIG-1111", "MIG-2222"])
    driver.board("A100", chip="ga100")
    for wanted in ("MIG-2222", "MIG-1111,MIG-2222", "0"):
        (traits,) = start(CUDA_VISIBLE_DEVICES=wanted).ask("look()")
        assert traits["device"] == "GPU 0, Simulated GPU A100"
        assert traits["scope"] == "whole GPU; MIG slices have no energy sensor of their own"
        assert (traits["method"], traits["quality"]) == ("counter", "simulated")


@pytest.mark.parametrize(
    ("order", "wanted", "warned"),
    [(None, "1", True), ("FASTEST_FIRST", None, True), ("PCI_BUS_ID", "1", False), (None, "GPU-aa22", False)],
)
def test_the_order_of_boards_is_told_when_it_may_differ(
    driver: SimulatedDriver, start: Start, order: str | None, wanted: str | None, warned: bool
) -> None:
    driver.board(uuid="GPU-aa11")
    driver.board(uuid="GPU-aa22")
    peer = start(CUDA_DEVICE_ORDER=order, CUDA_VISIBLE_DEVICES=wanted)
    peer.ask("look()")
    said = [finding for finding in peer.ask("findings()") if "export CUDA_DEVICE_ORDER=PCI_BUS_ID" in finding["fix"]]
    assert bool(said) == warned


# ---- faults ---------------------------------------------------------------------------------------------------


def test_a_reset_begins_a_new_epoch(driver: SimulatedDriver, start: Start) -> None:
    driver.board()
    peer = start()
    peer.ask("look()")
    first, second = peer.ask("(read(), read())")
    assert first["epoch"] == second["epoch"]
    driver.fault("reset", at=time.perf_counter())
    third, fourth = peer.ask("(read(), read())")
    assert third["value"] < second["value"]
    assert third["epoch"] > second["epoch"]
    assert fourth["epoch"] == third["epoch"]


def test_a_lost_board_comes_back_in_a_new_epoch(driver: SimulatedDriver, start: Start) -> None:
    driver.board()
    driver.board()
    peer = start()
    peer.ask("look()")
    before = peer.ask("read()")
    driver.fault("lost", at=time.perf_counter())
    for _ in range(3):
        said = peer.ask("read()")
        assert said.startswith("It could not be read: the NVIDIA driver lost the GPU")
        assert said.count(".") == 1
    assert isinstance(peer.ask("read(1)"), dict)
    driver.mend()
    after = peer.ask("read_again()")
    assert after["epoch"] > before["epoch"]
    assert after["value"] >= before["value"]
    assert peer.ask("read()")["epoch"] == after["epoch"]
    assert isinstance(peer.ask("read(1)"), dict)


def test_a_reloaded_driver_is_opened_again(driver: SimulatedDriver, start: Start) -> None:
    driver.board()
    peer = start()
    peer.ask("look()")
    before = peer.ask("read()")
    driver.unload()
    assert "not loaded" in peer.ask("read()")
    assert "not loaded" in peer.ask("read()")
    driver.load()
    after = peer.ask("read_again()")
    assert after["value"] < before["value"]
    assert after["epoch"] > before["epoch"]


@pytest.mark.parametrize(
    ("kind", "words", "breaks"),
    [
        ("permission", "may not read", False),
        ("unsupported", "does not offer", False),
        ("timeout", "did not answer in time", False),
        ("unknown", "unknown error", True),
        ("needs reset", "must be reset", True),
    ],
)
@pytest.mark.parametrize("missing", [[], ["energy"]], ids=["counter", "power"])
def test_each_refusal_is_one_sentence_and_passes(
    driver: SimulatedDriver, start: Start, *, kind: str, words: str, breaks: bool, missing: list[str]
) -> None:
    driver.board(unsupported=missing)
    peer = start()
    peer.ask("look()")
    before = peer.ask("read()")
    driver.fault(kind, at=time.perf_counter(), what="fields" if missing else "energy")
    said = peer.ask("read()")
    assert words in said
    assert said.endswith(".")
    driver.mend()
    after = peer.ask("read_again()")
    # A counter goes on unseen; power that was not seen is not known.
    assert (after["epoch"] > before["epoch"]) is (breaks or bool(missing))


def test_a_hanging_call_costs_a_reading_only(driver: SimulatedDriver, start: Start) -> None:
    driver.board()
    peer = start()
    peer.ask("look()")
    driver.fault("hang", until=time.perf_counter() + 0.2, what="energy")
    assert "in time" in peer.ask("read()")
    assert isinstance(peer.ask("read_again()"), dict)


def test_attempts_to_reopen_get_rarer(driver: SimulatedDriver, start: Start) -> None:
    driver.board()
    peer = start()
    peer.ask("look()")
    peer.run(
        "from unittest.mock import patch\n"
        "shut = []\n"
        "real = Connection._shut\n"
        "patched = patch.object(Connection, '_shut', lambda self: (shut.append(1), real(self)))\n"
        "patched.start(); connection._wait = 3600.0"
    )
    driver.fault("lost", at=time.perf_counter())
    for _ in range(20):
        peer.ask("read()")
    assert peer.ask("len(shut)") == 1


def test_a_library_closed_by_others_is_opened_again(driver: SimulatedDriver, start: Start) -> None:
    driver.board()
    peer = start()
    peer.ask("look()")
    peer.run("import pynvml; pynvml.nvmlShutdown()")
    assert "closed by another part" in peer.ask("read()")
    assert isinstance(peer.ask("read_again()"), dict)


def test_closing_twice_is_harmless_and_leaves_others_their_library(driver: SimulatedDriver, start: Start) -> None:
    driver.board()
    peer = start()
    peer.run("import pynvml; pynvml.nvmlInit()")
    peer.ask("look()")
    peer.run("sensors[0].close(); sensors[0].close()")
    assert isinstance(peer.ask("read()"), str)
    assert peer.ask("pynvml.nvmlDeviceGetCount()") == 1
    peer.run("pynvml.nvmlShutdown()")
    with pytest.raises(PeerError, match="Uninitialized"):
        peer.ask("pynvml.nvmlDeviceGetCount()")
    assert len(peer.ask("look()")) == 1


def test_a_forked_child_reads_for_itself(driver: SimulatedDriver, start: Start) -> None:
    driver.board()
    peer = start()
    peer.ask("look()")
    peer.run(
        "import json\n"
        "connection._lock.acquire()\n"  # as if another thread were opening the library at this moment
        "ear, mouth = os.pipe()\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    answer = [read(), connection._process == os.getpid()]\n"
        "    os.write(mouth, json.dumps(answer).encode()); os._exit(0)\n"
        "connection._lock.release()\n"
        "os.waitpid(child, 0)\n"
        "answer = json.loads(os.read(ear, 65536))"
    )
    reading, opened = peer.ask("answer")
    assert isinstance(reading, dict)
    assert opened
    assert isinstance(peer.ask("read()"), dict)


def test_the_doctor_sees_a_board_that_came_back(driver: SimulatedDriver, start: Start) -> None:
    driver.board()
    driver.board()
    peer = start()
    driver.fault("lost", board=1)
    assert len(peer.ask("look()")) == 1
    assert "lost" in peer.ask("findings()")[1]["detail"]
    driver.mend()
    peer.run("kept = sensors\nwhile len(look()) < 2: time.sleep(0.005)")
    assert isinstance(peer.ask("read(1)"), dict)


# ---- no driver ------------------------------------------------------------------------------------------------


def test_without_a_driver_there_is_one_sentence_and_no_noise(driver: SimulatedDriver, start: Start) -> None:
    peer = start(SIMULATED_NVML_STATE=None)
    assert peer.ask("look()") == []
    (finding,) = peer.ask("findings()")
    assert not finding["works"]
    assert finding["detail"]
    assert peer.printed == []


def test_without_the_library(start: Start) -> None:
    peer = start(LD_LIBRARY_PATH=None)
    peer.run("import pynvml, ctypes\ndef absent(name): raise OSError(name)\npynvml.CDLL = absent")
    assert peer.ask("look()") == []
    assert len(peer.ask("findings()")) == 1


def test_without_the_package(start: Start) -> None:
    peer = start()
    peer.run("sys.modules['pynvml'] = None")
    assert peer.ask("look()") == []
    (finding,) = peer.ask("findings()")
    assert finding["fix"] == [f"{shlex.quote(sys.executable)} -m pip install nvidia-ml-py"]


def test_a_package_that_lacks_a_call_is_an_old_driver(driver: SimulatedDriver, start: Start) -> None:
    driver.board()
    peer = start()
    peer.run("import pynvml; del pynvml.nvmlDeviceGetFieldValues, pynvml.nvmlDeviceGetTotalEnergyConsumption")
    (traits,) = peer.ask("look()")
    assert traits["method"] == "power"


def test_a_driver_without_boards(start: Start) -> None:
    peer = start()
    assert peer.ask("look()") == []
    (finding,) = peer.ask("findings()")
    assert "lists no GPU" in finding["detail"]


@pytest.mark.parametrize(
    ("kind", "words"), [("permission", "may not"), ("mismatch", "updated"), ("unknown", "unknown")]
)
def test_a_driver_that_refuses_to_open(driver: SimulatedDriver, start: Start, kind: str, words: str) -> None:
    driver.board()
    driver.fault(kind, board=None, what="init")
    peer = start()
    assert peer.ask("look()") == []
    (finding,) = peer.ask("findings()")
    assert words in finding["detail"]
    assert finding["fix"] or finding["advice"]
    driver.mend()
    assert len(peer.ask("look()")) == 1


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand on a file system of our own, without any device."""
    monkeypatch.setattr(diagnostics, "ROOT", tmp_path)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return tmp_path


def add_board(machine: Path, vendor: str = "0x10de", kind: str = "0x030000") -> None:
    folder = machine / "sys/bus/pci/devices/0000:01:00.0"
    folder.mkdir(parents=True)
    (folder / "vendor").write_text(vendor + "\n")
    (folder / "class").write_text(kind + "\n")


def test_advice_fits_the_machine(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent, unloaded = nvml.NvmlError(nvml.LIBRARY_NOT_FOUND), nvml.NvmlError(nvml.DRIVER_NOT_LOADED)
    assert "No NVIDIA GPU" in diagnostics.explain(absent).detail
    add_board(machine)
    monkeypatch.setattr(diagnostics.platform, "freedesktop_os_release", lambda: {"ID": "debian"})
    told = diagnostics.explain(absent)
    assert told.fix == ("sudo apt install nvidia-driver", "sudo reboot")
    assert "non-free" in (told.advice or "")
    monkeypatch.setattr(
        diagnostics.platform, "freedesktop_os_release", lambda: {"ID": "pop", "ID_LIKE": "ubuntu debian"}
    )
    assert diagnostics.explain(absent).fix[0] == "sudo ubuntu-drivers install"
    assert diagnostics.explain(unloaded).fix == ("sudo modprobe nvidia",)
    (machine / ".dockerenv").touch()
    for refusal in (absent, unloaded):
        assert "--gpus all" in (diagnostics.explain(refusal).advice or "")
    assert diagnostics.explain(nvml.NvmlError(nvml.VERSION_MISMATCH)).fix == ("sudo reboot",)


@pytest.mark.parametrize(("vendor", "kind"), [("0x1002", "0x030000"), ("0x10de", "0x040300")])
def test_other_devices_are_no_board(machine: Path, vendor: str, kind: str) -> None:
    add_board(machine, vendor, kind)
    assert not diagnostics.has_gpu()


def test_permission_names_the_group_or_the_administrator(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = nvml.NvmlError(nvml.NO_PERMISSION)
    assert "administrator" in (diagnostics.explain(refusal).advice or "")
    (machine / "dev").mkdir()
    device = machine / "dev/nvidiactl"
    device.touch(mode=0o600)
    assert diagnostics.explain(refusal).fix == ()
    device.chmod(0o660)
    group = next((entry for entry in os.getgroups() if entry), None)
    if os.geteuid() == 0:
        import grp

        group = grp.getgrnam("video").gr_gid if _has_group("video") else None
    if group is None:
        pytest.skip("this account has no group of its own to try it with")
    os.chown(device, -1, group)
    (command,) = diagnostics.explain(refusal).fix
    assert command.startswith("sudo usermod -aG ")


def _has_group(name: str) -> bool:
    import grp

    with contextlib.suppress(KeyError):
        return bool(grp.getgrnam(name))
    return False


# ---- who uses it ----------------------------------------------------------------------------------------------


def test_processes_and_their_shares(driver: SimulatedDriver, start: Start) -> None:
    driver.board()
    peer = start()
    peer.ask("look()")
    driver.processes({41: 0.75, 42: 0.25})
    assert peer.ask("sorted(sensors[0].processes())") == [41, 42]
    usage = peer.ask("asdict(sensors[0].usage(time.perf_counter() - 2))")
    assert usage["shares"] == {"41": 0.75, "42": 0.25}
    assert usage["method"]
    driver.processes({}, visible=False)
    assert peer.ask("sorted(sensors[0].processes())") == []
    assert peer.ask("sensors[0].usage(time.perf_counter() - 2)") is None


def test_who_uses_it_is_unknown_where_the_driver_does_not_tell(driver: SimulatedDriver, start: Start) -> None:
    driver.board(unsupported=["processes", "utilisation"])
    driver.board(chip="hopper", slices=["MIG-1"])
    driver.board()
    for number in range(3):
        driver.processes({7: 0.5}, board=number)
    peer = start()
    peer.ask("look()")
    assert peer.ask("[sensors[n].processes() for n in (0, 1)]") == [None, "frozenset({7})"]
    assert peer.ask("[sensors[n].usage(time.perf_counter() - 2) for n in (0, 1)]") == [None, None]
    driver.fault("lost", board=2)
    assert peer.ask("(sensors[2].processes(), sensors[2].usage(0.0))") == [None, None]


def test_samples_before_the_moment_do_not_count(driver: SimulatedDriver, start: Start) -> None:
    driver.board()
    driver.processes({7: 0.5})
    peer = start()
    peer.ask("look()")
    peer.run("from types import SimpleNamespace as S\nimport pynvml\nstamp = int(time.time() * 1e6)")
    peer.run(
        "rows = [S(pid=7, timeStamp=stamp - 9_000_000, smUtil=90), S(pid=7, timeStamp=stamp, smUtil=20),"
        " S(pid=7, timeStamp=stamp, smUtil=40), S(pid=8, timeStamp=stamp, smUtil=101), S(pid=0, timeStamp=0, smUtil=0)]"
    )
    peer.run("pynvml.nvmlDeviceGetProcessUtilization = lambda handle, since: rows")
    usage = peer.ask("asdict(sensors[0].usage(time.perf_counter() - 5))")
    assert usage["shares"] == {"7": pytest.approx(0.3)}


def test_no_framework_is_loaded(driver: SimulatedDriver, start: Start) -> None:
    driver.board()
    peer = start()
    peer.ask("look()")
    assert peer.ask("sorted({'torch', 'numpy', 'jax', 'cupy'} & set(sys.modules))") == []

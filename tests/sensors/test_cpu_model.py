"""The processor model: every CPU second of the tree once, never backwards, and never closer than ±40 %."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jupyter_green.sensors import Sensor, core_power
from jupyter_green.sensors.cpu_model import OTHERS, BusyShare, ProcessorModel, cpu_seconds_fast, discover
from jupyter_green.sensors.host import Chip, Host, chip_of_brand, chip_of_cpuinfo, chip_of_identifier, here, place_of

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    *core_power.EPYC.values(),
    *core_power.XEON.values(),
    core_power.SERVER,
    core_power.ARM_SERVER,
    core_power.LAPTOP,
    core_power.DESKTOP,
    core_power.WORKSTATION,
    core_power.APPLE,
    core_power.BOARD,
    core_power.UNKNOWN,
]
BURN = """
import sys, time
end = time.process_time() + float(sys.argv[1])
while time.process_time() < end:
    pass
if len(sys.argv) > 2:
    sys.stdin.read(1)
"""

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes the way Linux shows them")


ONE_WATT = core_power.CoreWatts("one watt", 0.5, 1.5, "made for the test")


@pytest.fixture
def model() -> ProcessorModel:
    """A model whose joules are CPU seconds."""
    return ProcessorModel(row=ONE_WATT)


def burning(seconds: float, *, stay: bool = False) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", BURN, str(seconds), *(["stay"] if stay else [])], stdin=subprocess.PIPE
    )


def own_seconds(model: ProcessorModel) -> float:
    """What the tree used apart from this process itself, in CPU seconds."""
    return model.read().value - time.process_time()


def wait_for(model: ProcessorModel, seconds: float) -> None:
    """Wait until the children have used about so much; a machine may be slow, never stuck."""
    seconds -= 0.05  # shown in whole ticks of 10 ms, user and system each cut
    limit = time.monotonic() + 600
    while model.live_children_seconds() < seconds and time.monotonic() < limit:
        time.sleep(0.02)


# ---- counting --------------------------------------------------------------------------------------------


def test_it_is_a_sensor_and_says_what_it_is(model: ProcessorModel) -> None:
    assert isinstance(model, Sensor)
    assert model.traits.method == "model"
    assert model.traits.quality == "estimated"
    assert model.traits.scope == "this kernel and its children"
    assert model.watts_per_busy_core == 1.0
    model.close()
    model.close()


def test_own_work_is_counted(model: ProcessorModel) -> None:
    before, began = model.read(), cpu_seconds_fast()
    sum(i * i for i in range(300_000))
    ended, after = cpu_seconds_fast(), model.read()
    assert after.value - before.value >= ended - began > 0.0


@needs_proc
def test_a_childs_second_is_counted_once_while_it_lives_and_when_it_is_reaped(model: ProcessorModel) -> None:
    start = own_seconds(model)
    child = burning(0.4, stay=True)
    wait_for(model, 0.4)
    alive = own_seconds(model) - start
    beside = model.live_children_seconds()
    fast = cpu_seconds_fast() - time.process_time()
    child.communicate(b"x")
    reaped = own_seconds(model) - start
    assert alive >= 0.34
    assert beside >= 0.34
    # Ticks of 10 ms while it lives, exact once it is reaped; its last steps lie between.
    assert alive - 0.02 <= reaped <= alive + 0.25
    assert cpu_seconds_fast() - time.process_time() - fast == pytest.approx(reaped, abs=0.2)
    assert model.live_children_seconds() == pytest.approx(0.0, abs=0.05)


@needs_proc
def test_the_count_never_falls_while_children_come_and_go(model: ProcessorModel) -> None:
    values = [model.read().value]
    children = [burning(0.05 * (1 + number % 3)) for number in range(6)]
    limit = time.monotonic() + 600
    while children and time.monotonic() < limit:
        values += [model.read().value, model.joules_at(cpu_seconds_fast(), time.perf_counter())]
        children = [child for child in children if child.poll() is None]
        time.sleep(0.003)
    values.append(model.read().value)
    assert values == sorted(values)
    assert values[-1] - values[0] >= 0.58
    assert not children


@needs_proc
def test_an_edge_taken_before_a_child_was_reaped_does_not_bill_it_twice(model: ProcessorModel) -> None:
    child = burning(0.4, stay=True)
    wait_for(model, 0.4)
    before = model.read().value
    edge, taken = cpu_seconds_fast(), time.perf_counter()
    child.communicate(b"x")
    after_reaping = model.joules_at(edge, taken)
    late = model.joules_at(cpu_seconds_fast(), time.perf_counter())
    assert after_reaping - before < 0.2
    assert late - before < 0.3


ADOPTER = """
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans below come to this process, as to init
script = subprocess.Popen([sys.executable, "-c", sys.argv[1]])
while True:
    pid, status = os.wait()
    if pid == script.pid:
        raise SystemExit(os.waitstatus_to_exitcode(status))
"""
ORPHANED = """
import os, subprocess, sys, time
from jupyter_green.sensors.cpu_model import ProcessorModel
from tests.sensors.test_cpu_model import BURN, ONE_WATT, burning, own_seconds, wait_for
model = ProcessorModel(row=ONE_WATT)
start = own_seconds(model)
parent = subprocess.Popen(
    [sys.executable, "-c", "import subprocess, sys, os\\n"
     "child = subprocess.Popen([sys.executable, '-c', sys.argv[1], '0.3', 'stay'], stdin=subprocess.PIPE)\\n"
     "print(child.pid, flush=True)\\n"
     "sys.stdin.read(1)\\n"
     "os._exit(0)\\n", BURN],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE,
)
orphan = int(parent.stdout.readline())
wait_for(model, 0.3)
both = own_seconds(model) - start
parent.communicate(b"x")  # its end of the pipe closes, so the grandchild ends, with nobody of ours to wait for it
limit = time.monotonic() + 600
while os.path.exists(f"/proc/{orphan}") and time.monotonic() < limit:
    own_seconds(model)
    time.sleep(0.02)
gone = own_seconds(model) - start
burning(0.3).communicate()
print(both, gone, own_seconds(model) - start)
"""


@needs_proc
def test_a_grandchild_whose_parent_has_died_stays_in_the_count() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ADOPTER, ORPHANED],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    both, gone, later = (float(number) for number in done.stdout.split())
    assert both >= 0.24
    assert gone >= both - 0.02
    assert later >= gone + 0.25, "the orphan's seconds stay beside the next child's"


@needs_proc
def test_an_edge_taken_after_a_child_was_reaped_does_not_bill_it_twice(model: ProcessorModel) -> None:
    child = burning(0.4, stay=True)
    wait_for(model, 0.4)
    before = model.read().value
    child.communicate(b"x")
    assert model.joules_at(cpu_seconds_fast(), time.perf_counter()) - before < 0.3


@needs_proc
def test_what_a_living_child_inherited_is_counted(model: ProcessorModel) -> None:
    script = (
        "import subprocess, sys\n"
        f"subprocess.run([sys.executable, '-c', {BURN!r}, '0.4'])\n"
        "print('done', flush=True)\n"
        "sys.stdin.read(1)\n"
    )
    start = own_seconds(model)
    child = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"done\n"
    alive = own_seconds(model) - start
    child.communicate(b"x")
    assert alive >= 0.35
    assert own_seconds(model) - start <= alive + 0.25


@needs_proc
def test_ignored_children_are_kept_at_what_was_seen(tmp_path: Path) -> None:
    """A process that ignores SIGCHLD inherits no time, so it has to be remembered."""
    script = (
        "import signal, subprocess, sys, time\n"
        "from jupyter_green.sensors.cpu_model import ProcessorModel\n"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "model = ProcessorModel()\n"
        f"child = subprocess.Popen([sys.executable, '-c', {BURN!r}, '0.3', 'stay'], stdin=subprocess.PIPE)\n"
        "limit = time.monotonic() + 600\n"
        "while model.live_children_seconds() < 0.25 and time.monotonic() < limit: time.sleep(0.02)\n"
        "child.stdin.close()\n"
        "child.wait()\n"
        "print(model.live_children_seconds())\n"
        f"child = subprocess.Popen([sys.executable, '-c', {BURN!r}, '0.3', 'stay'], stdin=subprocess.PIPE)\n"
        "while model.live_children_seconds() < 0.5 and time.monotonic() < limit: time.sleep(0.02)\n"
        "print(model.live_children_seconds())\n"
        "child.communicate()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    one, both = (float(line) for line in done.stdout.split())
    assert one >= 0.24
    assert both >= 0.49


def test_what_metering_itself_spent_is_left_out(model: ProcessorModel) -> None:
    before = model.read().value
    model.exclude(1000.0)
    assert model.read().value == before, "the count waits, it does not fall"
    fresh = ProcessorModel(row=model.row)
    fresh.exclude(0.5)
    assert fresh.read().value == pytest.approx(max(0.0, cpu_seconds_fast() - 0.5), abs=0.3)


def test_what_metering_spends_after_an_edge_is_no_part_of_it(model: ProcessorModel) -> None:
    """Edges are booked a moment after they were; records of other cells are made meanwhile."""
    model.exclude(0.0)
    edges = [(cpu_seconds_fast(), time.perf_counter())]
    end = time.process_time() + 0.02
    while time.process_time() < end:
        pass
    edges.append((cpu_seconds_fast(), time.perf_counter()))
    used = edges[1][0] - edges[0][0]
    opened = model.joules_at(*edges[0])
    model.exclude(0.0)
    model.exclude(0.015)
    assert model.joules_at(*edges[1]) - opened == pytest.approx(used * model.row.watts, rel=0.02)


@pytest.mark.parametrize("seconds", [-0.1, math.nan, math.inf])
def test_only_seconds_can_be_left_out(model: ProcessorModel, seconds: float) -> None:
    with pytest.raises(ValueError, match="must be a number from 0 up"):
        model.exclude(seconds)


# ---- our share of the machine ----------------------------------------------------------------------------


def test_shares_are_of_the_busy_time(model: ProcessorModel) -> None:
    share = BusyShare()
    began = time.perf_counter()
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass
    usage = share.usage(began)
    assert usage is not None
    assert set(usage.shares) == {os.getpid(), OTHERS}
    assert sum(usage.shares.values()) == pytest.approx(1.0)
    assert 0.0 < usage.shares[os.getpid()] <= 1.0


def test_no_share_is_told_of_what_was_not_watched() -> None:
    assert BusyShare().usage(time.perf_counter() - 100.0) is None


# ---- the table -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_no_row_claims_more_than_it_knows(row: core_power.CoreWatts) -> None:
    assert row.band >= 0.40
    assert row.watts * (1 - row.band) <= row.low * (1 + 1e-9)
    assert row.watts * (1 + row.band) >= row.high * (1 - 1e-9)
    assert row.basis


def test_an_unknown_processor_is_the_least_certain() -> None:
    assert max(ROWS, key=lambda row: row.band) is core_power.UNKNOWN


@pytest.mark.parametrize(
    ("chip", "row"),
    [
        (Chip("amd", 23, 1, 2, name="AMD EPYC 7601"), core_power.EPYC[1]),
        (Chip("amd", 23, 49, 0, name="AMD EPYC 7742"), core_power.EPYC[2]),
        (Chip("amd", 25, 17, 1, name="AMD EPYC 9654"), core_power.EPYC[4]),
        (Chip("amd", 26, 2, 1, name="AMD EPYC"), core_power.EPYC[5]),
        (Chip("hygon", 24, 0, 1), core_power.EPYC[1]),
        (Chip("intel", 6, 85, 4), core_power.XEON["Skylake"]),
        (Chip("intel", 6, 85, 7), core_power.XEON["Cascade Lake"]),
        (Chip("intel", 6, 143, 8), core_power.XEON["Sapphire Rapids"]),
        (Chip("intel", 6, 158, 10, name="Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz"), core_power.DESKTOP),
        (Chip("intel", 6, 158, 10, name="Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz"), core_power.LAPTOP),
        (Chip("intel", 6, 94, 3, name="Intel(R) Xeon(R) CPU E3-1240 v5 @ 3.50GHz"), core_power.DESKTOP),
        (Chip("intel", 6, 140, 1, name="11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz"), core_power.LAPTOP),
        (Chip("amd", 25, 33, 0, name="AMD Ryzen 9 5950X 16-Core Processor"), core_power.DESKTOP),
        (Chip("amd", 25, 80, 0, name="AMD Ryzen 7 5800U with Radeon Graphics"), core_power.LAPTOP),
        (Chip("intel", 6, 222, 0, name="Intel(R) Xeon(R) 9999P"), core_power.SERVER),
        (Chip("intel", 6, 42, 1, name="Intel Xeon E312xx (Sandy Bridge)"), core_power.SERVER),
        (Chip("intel", 6, 60, 1, name="Intel(R) Xeon(R) Processor @ 2.50GHz"), core_power.SERVER),
        (Chip("intel", 6, 165, 5, name="Intel(R) Xeon(R) W-1290P CPU @ 3.70GHz"), core_power.DESKTOP),
        (Chip("intel", 6, 94, 3, name="Intel(R) Xeon(R) CPU E3-1505M v5 @ 2.80GHz"), core_power.LAPTOP),
        (Chip("intel", 6, 85, 4, name="Intel(R) Core(TM) i9-7900X CPU @ 3.30GHz"), core_power.DESKTOP),
        (Chip("intel", 19, 1, 1, name="Intel(R) Xeon(R) 7999P"), core_power.SERVER),
        (Chip("intel", 6, 60, 1, name="Intel Core Processor (Haswell, no TSX)"), core_power.UNKNOWN),
        (Chip("", 15, 6, 1, name="Common KVM processor"), core_power.UNKNOWN),
        (Chip("intel", 6, 122, 8, name="Intel(R) Celeron(R) J4125 CPU @ 2.00GHz"), core_power.LAPTOP),
        (Chip("intel", 6, 44, 2, name="Intel(R) Xeon(R) CPU X5650 @ 2.67GHz"), core_power.UNKNOWN),
        (Chip("intel", 6, 85, 7, name="Intel(R) Xeon(R) W-2295 CPU @ 3.00GHz"), core_power.WORKSTATION),
        (Chip("intel", 6, 143, 8, name="Intel(R) Xeon(R) w9-3495X"), core_power.WORKSTATION),
        (Chip("intel", name="Intel(R) Xeon(R) W-2140B CPU @ 3.20GHz"), core_power.WORKSTATION),
        (Chip("intel", 6, 141, 1, name="Intel(R) Xeon(R) W-11955M CPU @ 2.60GHz"), core_power.LAPTOP),
        (Chip("intel", 6, 198, 2, name="Intel(R) Core(TM) Ultra 9 275HX"), core_power.LAPTOP),
        (Chip("intel", 6, 198, 2, name="Intel(R) Core(TM) Ultra 9 285K"), core_power.DESKTOP),
        (Chip("amd", 25, 24, 1, name="AMD Ryzen Threadripper 7980X 64-Cores"), core_power.WORKSTATION),
        (Chip("amd", 25, 97, 2, name="AMD Ryzen 9 7945HX3D with Radeon Graphics"), core_power.LAPTOP),
        (Chip("amd", 25, 97, 2, name="AMD EPYC 4564P 16-Core Processor"), core_power.DESKTOP),
        (Chip("amd", 26, 112, 0, name="AMD RYZEN AI MAX+ 395 w/ Radeon 8060S"), core_power.LAPTOP),
        (Chip("amd", 25, 116, 1, name="AMD Ryzen Z1 Extreme"), core_power.LAPTOP),
        (Chip("amd", 23, 32, 1, name="AMD Athlon Silver 3050U with Radeon Graphics"), core_power.LAPTOP),
        (Chip("amd", 23, 32, 1, name="AMD Ryzen Embedded R1600 with Radeon Vega Gfx"), core_power.LAPTOP),
        (Chip("arm", part="0xd08"), core_power.UNKNOWN),
        (Chip(name="VirtualApple @ 2.50GHz processor"), core_power.APPLE),
        (Chip(), core_power.UNKNOWN),
        (Chip("apple", name="Apple M3 Max"), core_power.APPLE),
        (Chip("arm", part="0xd40"), core_power.ARM_SERVER),
        (Chip("arm", part="0xd08", name="Raspberry Pi 4 Model B"), core_power.BOARD),
        (Chip("arm", part="0xfff"), core_power.UNKNOWN),
    ],
)
def test_a_chip_finds_its_row(chip: Chip, row: core_power.CoreWatts) -> None:
    assert core_power.look_up(chip) is row


CPUINFO_X86 = """processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 85
model name\t: Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz
stepping\t: 7
flags\t\t: fpu vme hypervisor sse2

processor\t: 1
vendor_id\t: GenuineIntel
stepping\t: 9
"""
CPUINFO_ARM = """processor\t: 0
BogoMIPS\t: 108.00
CPU implementer\t: 0x41
CPU architecture: 8
CPU part\t: 0xd08

Hardware\t: BCM2835
Model\t\t: Raspberry Pi 4 Model B Rev 1.4
"""


def test_cpuinfo_of_linux_is_read() -> None:
    chip = chip_of_cpuinfo(CPUINFO_X86)
    assert (chip.vendor, chip.family, chip.model, chip.stepping) == ("intel", 6, 85, 7)
    assert chip.name.startswith("Intel(R) Xeon(R) Platinum")
    board = chip_of_cpuinfo(CPUINFO_ARM)
    assert (board.vendor, board.part, board.name) == ("arm", "0xd08", "Raspberry Pi 4 Model B Rev 1.4")
    assert chip_of_cpuinfo("") == Chip()


def test_names_of_windows_and_macos_are_read() -> None:
    chip = chip_of_identifier("Intel64 Family 6 Model 165 Stepping 2, GenuineIntel")
    assert (chip.vendor, chip.family, chip.model, chip.stepping) == ("intel", 6, 165, 2)
    assert chip_of_identifier("AMD64 Family 25 Model 80 Stepping 0, AuthenticAMD").vendor == "amd"
    assert chip_of_identifier("ARMv8 (64-bit) Family 8 Model 1 Revision 201, Qualcomm Technologies Inc").vendor == "arm"
    assert chip_of_identifier("").vendor == ""
    assert chip_of_brand("Apple M2 Pro").vendor == "apple"
    assert chip_of_brand("Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz").vendor == "intel"


def test_where_we_run_is_told(tmp_path: Path) -> None:
    nothing: dict[str, str] = {}
    assert place_of("", "6.1.0-amd64", nothing, tmp_path) == "machine"
    assert place_of(CPUINFO_X86, "6.1.0-amd64", nothing, tmp_path) == "virtual machine"
    assert place_of(CPUINFO_X86, "5.15.90.1-microsoft-standard-WSL2", nothing, tmp_path) == "WSL"
    assert place_of(CPUINFO_X86, "6.1.0-amd64", {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, tmp_path) == "container"
    (tmp_path / ".dockerenv").touch()
    assert place_of("", "6.1.0-amd64", nothing, tmp_path) == "container"


def test_the_finding_says_why_it_is_an_estimate() -> None:
    (sensor,), (finding,) = discover().sensors, discover().findings
    assert finding.works
    assert "Estimated as CPU time" in finding.detail
    assert "±" not in finding.detail, "the line on the sensor has it, rounded as records round it"
    assert sensor.traits.gain >= 0.40


def test_a_host_of_another_system_gets_the_model_too() -> None:
    model = ProcessorModel(Host("Darwin", "machine", chip_of_brand("Apple M2")))
    assert model.row is core_power.APPLE
    assert "Apple M2" in model.traits.device
    assert here().system in {"Linux", "Darwin", "Windows"}


ELSEWHERE = """
import os, signal, sys
import psutil, subprocess, platform, importlib.metadata, pathlib, tempfile, threading, uuid  # they look at the platform
sys.platform = {platform!r}
if {platform!r} == "win32":
    sys.modules["resource"] = None
    for name in ("pread", "sysconf", "getppid"):
        delattr(os, name)
    del signal.SIGCHLD
    os.environ["PROCESSOR_IDENTIFIER"] = "AMD64 Family 25 Model 80 Stepping 0, AuthenticAMD"
from jupyter_green.sensors import discover
found = discover()
(model,) = found.sensors
first = model.read().value
sum(range(1_000_000))
assert model.read().value > first > 0
import time
from jupyter_green.sensors.cpu_model import cpu_seconds_fast
assert model.joules_at(cpu_seconds_fast(), time.perf_counter()) > 0
broken = [f.detail for f in found.findings if "could not be asked" in f.detail]
assert not broken, broken
print(model.traits.key, model.row.name)
"""


@pytest.mark.parametrize(("name", "row"), [("win32", "unknown processor"), ("darwin", "unknown processor")])
def test_without_any_counter_the_model_is_there_on_other_systems(name: str, row: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE.format(platform=name)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("processor:model")
    assert row in done.stdout

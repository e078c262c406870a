"""RAPL on a powercap tree whose truth is known: what is added up, what is left out, and what a step back means."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_green.metering.validation import ValidatedSensor
from jupyter_green.records import clock
from jupyter_green.sensors import Attributing, Diagnostic, Discovery, SensorFault, discover
from jupyter_green.sensors.cpu_model import KEY as MODEL_KEY
from jupyter_green.sensors.cpu_model import OTHERS
from jupyter_green.sensors.host import Chip, Host
from jupyter_green.sensors.rapl import discovery as rapl
from jupyter_green.sensors.rapl import powercap
from jupyter_green.sensors.rapl.counter import RaplDomain
from tests.support.powercap import UNIT_15, UNIT_61, Domain, PowercapTree

ROOT = Path(__file__).resolve().parents[2]
INTEL = Host("Linux", "machine", Chip("intel", 6, 85, 4, name="Intel(R) Xeon(R) Gold 6148 CPU @ 2.40GHz"))
AMD = Host("Linux", "machine", Chip("amd", 25, 1, 1, name="AMD EPYC 7763 64-Core Processor"))

pytestmark = pytest.mark.skipif(not hasattr(os, "pread"), reason="the counters are files of Linux")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PowercapTree:
    monkeypatch.setenv(powercap.VARIABLE, str(tmp_path / "powercap"))
    return PowercapTree(tmp_path / "powercap")


@pytest.fixture
def real(tree: PowercapTree, monkeypatch: pytest.MonkeyPatch) -> PowercapTree:
    """The same tree, taken for the machine's own."""
    monkeypatch.delenv(powercap.VARIABLE)
    monkeypatch.setattr(powercap, "ROOT", tree.root)
    return tree


def found(host: Host = INTEL) -> Discovery:
    return rapl.discover(host)


def keys(discovery: Discovery) -> list[str]:
    return [sensor.traits.key for sensor in discovery.sensors]


def said(discovery: Discovery, word: str) -> Diagnostic:
    (finding,) = [finding for finding in discovery.findings if word in finding.detail]
    return finding


def patient(domain: Domain) -> RaplDomain:
    """A counter that takes any step and any silence, for what would take hours on hardware."""
    (zone,) = [zone for zone in powercap.zones(domain.folder.parent) if zone.path == domain.folder]
    (sensor,) = [sensor for sensor in found().sensors if sensor.traits.key == f"rapl:{zone.identity}"]
    return RaplDomain(zone, replace(sensor.traits, power_limit=1e12, span=1e6))


# ---- counting --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", [UNIT_61, UNIT_15])
def test_a_wrap_inside_a_short_window_costs_nothing(tree: PowercapTree, unit: int) -> None:
    package = tree.package(unit=unit)
    package.add(package.range_joules - package.joules - 4.0)
    (sensor,) = found().sensors
    before = sensor.read()
    package.add(10.0)
    after = sensor.read()
    assert int(package.folder.joinpath("energy_uj").read_text()) < 7e6
    assert after.value - before.value == pytest.approx(10.0, abs=2e-4)
    assert after.epoch == before.epoch


def test_several_wraps_in_a_long_window(tree: PowercapTree) -> None:
    package = tree.package(unit=UNIT_15)
    sensor = patient(package)
    before = sensor.read()
    for _ in range(9):
        package.add(30_000.0)
        after = sensor.read()
    assert package.true_joules > 4 * package.range_joules
    assert after.value - before.value == pytest.approx(270_000.0, abs=1e-3)
    assert after.epoch == before.epoch


def test_a_schedule_of_power_is_followed(tree: PowercapTree) -> None:
    package = tree.package()
    package.power(50.0, at=0.0)
    package.power(120.0, at=2.0)
    sensor = patient(package)
    begin = sensor.read().value
    tree.set(1.0)
    assert sensor.read().value - begin == pytest.approx(50.0, abs=2e-4)
    tree.set(4.0)
    assert sensor.read().value - begin == pytest.approx(340.0, abs=2e-4)


@pytest.mark.parametrize(("shown", "again"), [(8.0, 1.0), (8.0, 0.0), (200_000.0, 3.0)])
def test_a_reset_is_unknown_and_not_a_wrap(tree: PowercapTree, shown: float, again: float) -> None:
    package = tree.package(joules=shown)
    (sensor,) = found().sensors
    before = sensor.read()
    package.reset(again)
    after = sensor.read()
    assert after.epoch == before.epoch + 1
    package.add(5.0)
    later = sensor.read()
    assert later.epoch == after.epoch
    assert later.value - after.value == pytest.approx(5.0, abs=2e-4)


def test_a_step_that_no_package_could_draw_breaks_the_count(tree: PowercapTree) -> None:
    package = tree.package()
    tree.limit(package, 100.0)
    (sensor,) = found().sensors
    before = sensor.read()
    package.add(5000.0)
    assert sensor.read().epoch == before.epoch + 1


def test_a_silence_in_which_it_may_have_wrapped_twice_breaks_the_count(tree: PowercapTree) -> None:
    package = tree.package()
    usual = found().sensors[0].traits
    sensor = RaplDomain(powercap.zones(tree.root)[0], replace(usual, span=0.02))
    before = sensor.read()
    time.sleep(0.03)
    package.add(1.0)
    assert sensor.read().epoch == before.epoch + 1


@pytest.mark.parametrize(("due", "told"), [(True, 0), (False, 1)])
def test_unread_for_long_a_fall_is_a_wrap_only_where_the_end_of_the_range_was_due(
    tree: PowercapTree, monkeypatch: pytest.MonkeyPatch, due: bool, told: int
) -> None:
    package = tree.package(unit=UNIT_15, joules=65_000.0 if due else 30_000.0)
    (sensor,) = found().sensors
    now = [time.perf_counter()]
    monkeypatch.setattr(clock, "perf_counter", lambda: now[0])
    sensor.read()
    now[0] += 0.1
    package.add(10.0)  # 100 W
    before = sensor.read()
    now[0] += 17.0  # a sampler that got no turn
    if due:
        package.add(1700.0)
    else:
        package.reset(1700.0)
    after = sensor.read()
    assert after.epoch - before.epoch == told
    if due:
        assert after.value - before.value == pytest.approx(1700.0, abs=1e-3)


def test_span_comes_from_range_and_power(tree: PowercapTree) -> None:
    tree.limit(tree.package(unit=UNIT_15), 250.0)
    tree.package(1)
    small, large = (sensor.traits for sensor in found().sensors)
    assert small.power_limit == pytest.approx(500.0)
    assert small.span == pytest.approx(65_532.6 / 500.0, rel=1e-4)
    assert large.span == pytest.approx(262_143.3 / 1000.0, rel=1e-4)
    assert small.resolution == pytest.approx(15.3e-6, rel=0.01)
    assert large.resolution == pytest.approx(61e-6, rel=0.01)


def test_a_placeholder_is_no_limit(tree: PowercapTree) -> None:
    package = tree.package()
    tree.limit(package, 4095.9)
    tree.limit(package, 0.0, number=1)
    assert found().sensors[0].traits.power_limit == rapl.BOUND_WATTS["package"]


def test_a_closed_range_is_not_guessed_into_a_wrap(tree: PowercapTree) -> None:
    package = tree.package(joules=8.0)
    (package.folder / "max_energy_range_uj").unlink()
    (sensor,) = found().sensors
    assert sensor.traits.span == pytest.approx(rapl.SMALLEST_SPAN_JOULES / 1000.0)
    before = sensor.read()
    package.reset(7.9)
    assert sensor.read().epoch == before.epoch + 1


# ---- faults ----------------------------------------------------------------------------------------------


def test_unreadable_mid_run_is_a_fault_and_the_count_goes_on(tree: PowercapTree) -> None:
    package = tree.package()
    (sensor,) = found().sensors
    before = sensor.read()
    package.spoil("")
    with pytest.raises(SensorFault, match=r"^It could not be read \(.*\)\.$"):
        sensor.read()
    package.vanish()
    with pytest.raises(SensorFault, match="could not be read"):
        sensor.read()
    with pytest.raises(SensorFault, match="No such file"):
        sensor.read()
    package.add(3.0)
    after = sensor.read()
    assert after.value - before.value == pytest.approx(3.0, abs=2e-4)
    assert after.epoch == before.epoch, "so short a gap can be told"


def test_a_counter_that_comes_back_as_another_one_is_not_joined(tree: PowercapTree) -> None:
    package = tree.package()
    (sensor,) = found().sensors
    before = sensor.read()
    package.vanish()
    with pytest.raises(SensorFault):
        sensor.read()
    (package.folder / "max_energy_range_uj").write_text("65532610987\n")
    package.add(1.0)
    assert sensor.read().epoch > before.epoch


def test_a_counter_without_a_number_at_the_start_is_a_finding(tree: PowercapTree) -> None:
    tree.package().spoil("energy\n")
    tree.package(1)
    discovery = found()
    assert keys(discovery) == ["rapl:package-1"]
    assert not said(discovery, "holds no number").works


def test_files_stay_open_and_are_released(tree: PowercapTree) -> None:
    tree.package()
    tree.part(0, "dram")
    handles = Path("/proc/self/fd")
    before = len(list(handles.iterdir()))
    sensors = found().sensors
    for _ in range(20):
        for sensor in sensors:
            sensor.read()
    assert len(list(handles.iterdir())) == before + 2
    for sensor in sensors:
        sensor.close()
        sensor.close()
    assert len(list(handles.iterdir())) == before


# ---- what may be added up --------------------------------------------------------------------------------


def test_package_and_memory_are_counted_and_their_parts_never(tree: PowercapTree) -> None:
    for number in (0, 1):
        tree.package(number)
        for name in ("core", "uncore", "dram"):
            tree.part(number, name)
    discovery = found()
    assert keys(discovery) == ["rapl:package-0", "rapl:package-0/dram", "rapl:package-1", "rapl:package-1/dram"]
    assert [sensor.traits.kind for sensor in discovery.sensors] == ["cpu", "dram", "cpu", "dram"]
    assert "core" in said(discovery, "parts of a package").subject


def test_platform_is_not_added_to_packages(tree: PowercapTree) -> None:
    tree.platform()
    tree.package(1)
    discovery = found()
    assert keys(discovery) == ["rapl:package-1"]
    assert said(discovery, "contains the packages").works


def test_platform_alone_is_used(tree: PowercapTree) -> None:
    tree.platform()
    (sensor,) = found().sensors
    assert sensor.traits.key == "rapl:psys"
    assert sensor.traits.kind == "other"
    assert sensor.traits.covers_memory
    assert MODEL_KEY in sensor.traits.covers


def test_the_mmio_twin_is_dropped(tree: PowercapTree) -> None:
    package = tree.package()
    memory = tree.part(0, "dram")
    tree.twin(package)
    tree.twin(memory)
    discovery = found()
    assert keys(discovery) == ["rapl:package-0", "rapl:package-0/dram"]
    assert [finding.subject for finding in discovery.findings if "second interface" in finding.detail] == [
        "CPU package 0 (intel-rapl-mmio)",
        "DRAM of package 0 (intel-rapl-mmio)",
    ]


def test_the_twin_is_used_where_the_first_is_broken(tree: PowercapTree) -> None:
    package = tree.package()
    twin = tree.twin(package)
    package.spoil("")
    (sensor,) = found().sensors
    before = sensor.read()
    package.shown_in = [twin]
    package.add(2.0)
    assert sensor.read().value - before.value == pytest.approx(2.0, abs=2e-4)


def test_dies_that_show_one_counter_count_once(tree: PowercapTree) -> None:
    package = tree.package()
    tree.die(package, 1)
    tree.package(2)
    discovery = found()
    assert keys(discovery) == ["rapl:package-0", "rapl:package-2"]
    assert said(discovery, "the very counter").subject == "CPU package 1"


def test_two_packages_with_like_counts_are_two(tree: PowercapTree) -> None:
    tree.package(0, joules=1000.0)
    tree.package(1, joules=1000.001)
    assert len(found().sensors) == 2


def test_dies_with_counters_of_their_own_are_kept(tree: PowercapTree) -> None:
    tree.package(0, name="package-0-die-0")
    tree.package(1, name="package-0-die-1")
    assert keys(found()) == ["rapl:package-0-die-0", "rapl:package-0-die-1"]


def test_zones_inside_their_parents_are_found(tree: PowercapTree) -> None:
    tree.package()
    tree.part(0, "dram")
    inner = tree.root / "intel-rapl" / "intel-rapl:0"
    shutil.move(tree.root / "intel-rapl:0", inner)
    shutil.move(tree.root / "intel-rapl:0:0", inner / "intel-rapl:0:0")
    assert keys(found()) == ["rapl:package-0", "rapl:package-0/dram"]


def test_the_model_stands_by_where_a_package_is_read(tree: PowercapTree) -> None:
    tree.package()
    discovery = discover()
    assert MODEL_KEY not in keys(discovery)
    assert "rapl:package-0" in keys(discovery)
    (finding,) = [finding for finding in discovery.findings if finding.source == "processor"]
    assert "Not added: CPU package 0 counts this energy" in finding.detail


def test_memory_alone_does_not_replace_the_model(tree: PowercapTree) -> None:
    tree.package().spoil("")
    tree.part(0, "dram")
    assert {"rapl:package-0/dram", MODEL_KEY} <= set(keys(discover()))


# ---- what it may be called -------------------------------------------------------------------------------


def test_another_tree_is_always_simulated(tree: PowercapTree) -> None:
    tree.package()
    tree.part(0, "dram")
    for host in (INTEL, AMD):
        assert {sensor.traits.quality for sensor in found(host).sensors} == {"simulated"}


def test_a_counter_that_is_a_model_is_called_estimated(real: PowercapTree) -> None:
    real.package()
    real.part(0, "dram")
    assert [sensor.traits.quality for sensor in found(INTEL).sensors] == ["measured", "measured"]
    assert [sensor.traits.quality for sensor in found(AMD).sensors] == ["estimated", "estimated"]
    laptop = Host("Linux", "machine", Chip("intel", 6, 140, 1, name="11th Gen Intel(R) Core(TM) i7-1165G7"))
    assert [sensor.traits.quality for sensor in found(laptop).sensors] == ["measured", "estimated"]
    assert all(sensor.traits.gain >= 0.1 for sensor in found(INTEL).sensors)


# ---- whose it was ----------------------------------------------------------------------------------------


def test_our_share_of_the_machine_is_told(tree: PowercapTree) -> None:
    tree.package()
    tree.part(0, "dram")
    package, memory = found().sensors
    assert isinstance(package, Attributing)
    assert not isinstance(memory, Attributing)
    assert package.processes() == frozenset({os.getpid(), OTHERS})
    began = time.perf_counter()
    package.read()
    subprocess.run([sys.executable, "-c", "sum(i * i for i in range(4_000_000))"], check=True)
    usage = package.usage(began)
    assert usage is not None
    assert sum(usage.shares.values()) == pytest.approx(1.0)
    assert 0.0 < usage.shares[os.getpid()] <= 1.0
    assert "busy CPU time" in usage.method


# ---- nothing to read -------------------------------------------------------------------------------------

AS_NOBODY = """
import json, os, sys
from jupyter_green.sensors import discover
discover()  # an interpreter in root's own folder could not be imported from later
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
found = discover()
print(json.dumps([[s.traits.key for s in found.sensors],
                  [[f.source, f.works, f.detail, f.fix, f.advice] for f in found.findings]]))
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter, unlike the test's own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become somebody else")
def test_closed_counters_come_with_the_commands_that_open_them(open_folder: Path) -> None:
    tree = PowercapTree(open_folder / "powercap")
    for domain in (tree.package(), tree.part(0, "dram")):
        domain.close_to_others()
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY],
        cwd=ROOT,
        env={**os.environ, powercap.VARIABLE: str(tree.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    sensors, findings = json.loads(done.stdout)
    assert MODEL_KEY in sensors
    assert not [key for key in sensors if key.startswith("rapl")]
    ((_, works, detail, fix, advice),) = [finding for finding in findings if finding[0] == "rapl"]
    assert not works
    assert "CVE-2020-8694" in detail
    assert "package-0" in detail
    assert "package-0/dram" in detail
    assert advice
    assert fix


def test_the_commands_are_commands(tmp_path: Path) -> None:
    rule, reload, trigger = rapl.permission.OPEN_TO_ALL
    written = tmp_path / "70-jupyter-green.rules"
    elsewhere = rule.replace("sudo tee /etc/udev/rules.d/70-jupyter-green.rules", f"tee {shlex.quote(str(written))}")
    assert elsewhere != rule
    subprocess.run(["sh", "-c", elsewhere], check=True, capture_output=True)
    (line,) = written.read_text().splitlines()
    keys = [part.strip() for part in line.split(", ")]
    assert keys[:3] == ['SUBSYSTEM=="powercap"', 'KERNEL=="intel-rapl*:*"', 'ACTION=="add"']
    assert keys[3].startswith('RUN+="/bin/chmod a+r /sys%p/energy_uj')
    for command in (reload, trigger, *rapl.permission.LOAD_MODULE):
        assert "\n" not in command
        assert subprocess.run(["sh", "-n", "-c", command], check=False).returncode == 0
    assert shlex.split(reload)[:2] == ["sudo", "udevadm"]
    assert "--action=add" in shlex.split(trigger)


@pytest.mark.parametrize(
    ("host", "words"),
    [
        (Host("Linux", "container", INTEL.chip), "container shows none"),
        (Host("Linux", "virtual machine", INTEL.chip), "virtual machine"),
        (Host("Linux", "WSL", INTEL.chip), "WSL"),
        (Host("Linux", "machine", Chip("arm", part="0xd08")), "no RAPL counters"),
        (Host("Darwin", "machine", Chip("apple", name="Apple M2")), "Darwin"),
        (Host("Windows", "machine", INTEL.chip), "Windows"),
    ],
)
def test_absence_is_explained(host: Host, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(powercap, "ROOT", tmp_path / "none")
    discovery = found(host)
    assert not discovery.sensors
    (finding,) = discovery.findings
    assert not finding.works
    assert words in finding.detail
    assert finding.detail.endswith(".")


def test_a_machine_without_the_module_is_told_to_load_it(real: PowercapTree) -> None:
    (finding,) = found(INTEL).findings
    assert finding.fix[-1] == "sudo modprobe intel_rapl_msr"


def test_a_container_that_masks_the_counters_is_told_apart(real: PowercapTree) -> None:
    (real.root / "intel-rapl:0").symlink_to(real.root / "masked" / "intel-rapl:0")
    (finding,) = found(Host("Linux", "container", INTEL.chip)).findings
    assert "hides what is in them" in finding.detail


def test_a_named_tree_without_zones_is_said(tree: PowercapTree) -> None:
    (finding,) = found().findings
    assert powercap.VARIABLE in finding.detail


# ---- the writer of the tests -----------------------------------------------------------------------------


def test_the_live_writer_keeps_its_power(tree: PowercapTree) -> None:
    package = tree.package()
    sensor = patient(package)
    began, limit = time.perf_counter(), time.monotonic() + 600
    first = last = sensor.read()
    with tree.live("--watts", "200", "--tick", "0.005"):
        while last.value - first.value < 20.0 and time.monotonic() < limit:
            time.sleep(0.02)
            last = sensor.read()
    assert 20.0 <= last.value - first.value <= 200.0 * (last.time - began)
    assert last.epoch == first.epoch


# ---- limits and names ------------------------------------------------------------------------------------


def test_a_raised_limit_is_read_before_a_step_is_called_impossible(tree: PowercapTree) -> None:
    package = tree.package()
    tree.limit(package, 10.0)
    (sensor,) = found().sensors
    gate = ValidatedSensor(sensor)
    before = gate.read()
    tree.limit(package, 3000.0)
    for _ in range(2):
        package.add(500.0)
        after = gate.read()
    assert after.value - before.value == pytest.approx(1000.0, abs=2e-4)
    assert (after.epoch, gate.complaint) == (before.epoch, None)
    tree.limit(package, 10.0)  # what it could draw a moment ago is no fault now
    package.add(500.0)
    assert gate.read().epoch == before.epoch
    package.add(50_000.0)
    assert gate.read().epoch == before.epoch + 1


def test_two_memory_domains_of_one_name_are_two(tree: PowercapTree) -> None:
    tree.package()
    first, second = tree.part(0, "dram"), tree.part(0, "dram")
    for domain in (first, second):
        tree.twin(domain)
    memory = [sensor for sensor in found().sensors if sensor.traits.kind == "dram"]
    assert len({sensor.traits.key for sensor in memory}) == len({sensor.traits.device for sensor in memory}) == 2
    begins = [sensor.read().value for sensor in memory]
    first.add(1.0)
    second.add(2.0)
    used = [sensor.read().value - begin for sensor, begin in zip(memory, begins, strict=True)]
    assert used == pytest.approx([1.0, 2.0], abs=2e-4)

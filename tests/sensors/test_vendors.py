"""AMD and Apple behind packages of the same names and calls: real modules on the path, no hardware behind them."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from jupyter_green.sensors import SensorFault, amd, apple
from jupyter_green.sensors.cpu_model import KEY as MODEL_KEY
from jupyter_green.sensors.host import Chip, Host

MAC = Host("Darwin", "machine", Chip("apple", name="Apple M2 Pro"))
AMDSMI = '''
"""Names and shapes as in amdsmi 7.0.2."""

class AmdSmiLibraryException(Exception):
    pass

STATE = {"count": 1_000_000, "fault": False, "boards": 2}

def amdsmi_init(flag=None):
    pass

def amdsmi_get_processor_handles():
    return [f"handle {number}" for number in range(STATE["boards"])]

def amdsmi_get_energy_count(handle):
    if STATE["fault"] or (handle == "handle 1" and STATE.get("second") != "fine"):
        raise AmdSmiLibraryException("Error code:\\n\\t2 | AMDSMI_STATUS_NOT_SUPPORTED - Feature not supported")
    return {"energy_accumulator": STATE["count"], "counter_resolution": 15.259, "timestamp": 1}

def amdsmi_get_gpu_asic_info(handle):
    return {"market_name": "AMD Instinct MI300X", "vendor_name": "AMD"}

def amdsmi_get_gpu_device_uuid(handle):
    return "aaff74a1-0000-1000-80e9-ddd1d0000001"
'''
ZEUS = '''
"""Names and shapes as in zeus-apple-silicon 1.1."""

class AppleEnergyMetrics:
    cpu_total_mj = 5_000
    dram_mj = None
    gpu_mj = 2_000
    gpu_sram_mj = 10
    ane_mj = 0

SEEN = AppleEnergyMetrics()

class AppleEnergyMonitor:
    def get_cumulative_energy(self):
        if SEEN is None:
            raise RuntimeError("no channels")
        return SEEN
'''


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path for packages that are not installed."""
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("amdsmi", "zeus_apple_silicon"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    importlib.invalidate_caches()
    yield tmp_path
    for name in ("amdsmi", "zeus_apple_silicon"):
        sys.modules.pop(name, None)


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with ROCm's device."""
    (tmp_path / "kfd").touch()
    monkeypatch.setattr(amd, "DEVICE", tmp_path / "kfd")


def test_nothing_is_said_without_such_hardware(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(amd, "DEVICE", tmp_path / "none")
    assert amd.discover() == apple.discover(Host("Linux", "machine", Chip()))
    assert not amd.discover().findings
    assert not apple.discover(Host("Darwin", "machine", Chip("intel"))).findings
    assert not {"amdsmi", "zeus_apple_silicon"} & set(sys.modules)


def test_amd_counts_in_steps_of_its_resolution(place: Path, board: None) -> None:
    (place / "amdsmi.py").write_text(AMDSMI)
    discovery = amd.discover()
    (sensor,) = discovery.sensors
    library = sys.modules["amdsmi"]
    assert sensor.traits.key == "amd:aaff74a1-0000-1000-80e9-ddd1d0000001"
    assert sensor.traits.device == "AMD GPU 0, AMD Instinct MI300X"
    assert (sensor.traits.kind, sensor.traits.method, sensor.traits.quality) == ("gpu", "counter", "measured")
    assert sensor.traits.resolution == pytest.approx(15.259e-6)
    before = sensor.read()
    library.STATE["count"] += 1_000_000
    after = sensor.read()
    assert after.value - before.value == pytest.approx(15.259)
    assert after.epoch == before.epoch
    library.STATE["count"] = 5
    assert sensor.read().epoch == before.epoch + 1
    library.STATE["fault"] = True
    with pytest.raises(SensorFault, match="NOT_SUPPORTED"):
        sensor.read()
    sensor.close()


def test_an_amd_board_without_a_counter_is_a_finding(place: Path, board: None) -> None:
    (place / "amdsmi.py").write_text(AMDSMI)
    findings = amd.discover().findings
    assert [(finding.subject, finding.works) for finding in findings] == [
        ("AMD GPU 0, AMD Instinct MI300X", True),
        ("AMD GPU 1", False),
    ]
    assert all("ntested on hardware" in finding.detail and "\n" not in finding.detail for finding in findings)


def test_the_older_name_of_amds_accumulator_is_read(place: Path, board: None) -> None:
    (place / "amdsmi.py").write_text(AMDSMI.replace('"energy_accumulator"', '"power"'))
    assert amd.discover().sensors[0].read().value == pytest.approx(15.259)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("print('Unable to find libamd_smi.so')\nraise KeyError('libamd_smi.so')", "KeyError"),
        (
            AMDSMI.replace("    pass\n\ndef amdsmi_get_proc", "    raise OSError('no driver')\n\ndef amdsmi_get_proc"),
            "no driver",
        ),
    ],
)
def test_a_rocm_library_that_fails_is_told_quietly(
    place: Path, board: None, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    (place / "amdsmi.py").write_text(text)
    discovery = amd.discover()
    assert not discovery.sensors
    (finding,) = discovery.findings
    assert words in finding.detail
    assert capsys.readouterr().out == ""


def test_absent_packages_are_named_where_the_hardware_is(place: Path, board: None) -> None:
    (finding,) = amd.discover().findings
    assert finding.fix == ("pip install 'jupyter_green[amd]'",)
    (finding,) = apple.discover(MAC).findings
    assert finding.fix == ("pip install 'jupyter_green[apple]'",)
    assert not finding.works


def test_apples_counters_are_called_estimated(place: Path) -> None:
    (place / "zeus_apple_silicon.py").write_text(ZEUS)
    discovery = apple.discover(MAC)
    by_key = {sensor.traits.key: sensor for sensor in discovery.sensors}
    assert list(by_key) == ["apple:cpu", "apple:gpu", "apple:ane"], "memory gives no reading, so there is no sensor"
    assert {sensor.traits.quality for sensor in discovery.sensors} == {"estimated"}
    assert by_key["apple:cpu"].traits.covers == (MODEL_KEY,)
    assert by_key["apple:cpu"].read().value == pytest.approx(5.0)
    assert by_key["apple:gpu"].read().value == pytest.approx(2.01)
    assert all("ntested on hardware" in finding.detail for finding in discovery.findings)


def test_apples_faults_and_resets(place: Path) -> None:
    (place / "zeus_apple_silicon.py").write_text(ZEUS)
    (sensor, *_) = apple.discover(MAC).sensors
    library = sys.modules["zeus_apple_silicon"]
    first = sensor.read()
    library.SEEN.cpu_total_mj = 100
    assert sensor.read().epoch == first.epoch + 1
    library.SEEN.cpu_total_mj = None
    with pytest.raises(SensorFault, match="no reading"):
        sensor.read()
    library.SEEN = None
    with pytest.raises(SensorFault, match="no channels"):
        sensor.read()
    (finding,) = apple.discover(MAC).findings
    assert not finding.works

"""Discovery: third parties are asked, broken ones are told, and no energy is added twice."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_green.sensors import Discovery, discover
from jupyter_green.sensors.cpu_model import KEY as MODEL_KEY
from jupyter_green.sensors.discovery import GROUP

ROOT = Path(__file__).resolve().parents[2]
SOURCE = """
from jupyter_green.sensors import Discovery, Diagnostic, Reading, SensorInfo

CLOSED = []


class Meter:
    def __init__(self, key, covers=()):
        self._traits = SensorInfo(
            key=key, kind="other", device=f"Meter {key}", method="power", quality="measured",
            scope="a plug", source="plugs", covers=covers,
        )

    @property
    def traits(self):
        return self._traits

    def read(self):
        return Reading(0.0, 1.0)

    def close(self):
        CLOSED.append(self._traits.key)


def discover():
    return Discovery((Meter("demo:plug"),), (Diagnostic("plugs", "plug", True, "A plug."),))


def twins():
    return Discovery((Meter("demo:plug"), Meter("demo:other")))


def again():
    one = Meter("demo:once")
    return Discovery((one, one))


def nested():
    return Discovery((
        Meter("demo:core"), Meter("demo:package", ("demo:core",)), Meter("demo:platform", ("demo:package",)),
    ))


def mutual():
    return Discovery((Meter("demo:a", ("demo:b",)), Meter("demo:b", ("demo:a",))))


def replaces_the_model():
    return Discovery((Meter("demo:plug", ("processor:model",)),))


def raises():
    raise RuntimeError("the plug\\n is on fire")


def leaves():
    raise SystemExit(3)


def wrong():
    return [Meter("demo:plug")]


def half():
    return Discovery((Meter("demo:plug"), object()))
"""


@pytest.fixture
def offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Install a package that registers sources, the way pip leaves one behind."""
    place = tmp_path / "site"
    place.mkdir()
    (place / "demo_plugs.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(place))
    sys.modules.pop("demo_plugs", None)
    count = 0

    def install(**points: str) -> None:
        nonlocal count
        count += 1
        folder = place / f"demo_plugs_{count}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: demo-plugs-{count}\nVersion: 1.0\n")
        lines = "".join(f"{name} = {target}\n" for name, target in points.items())
        (folder / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}")
        importlib.invalidate_caches()

    return install


def demo(discovery: Discovery) -> list[str]:
    return [sensor.traits.key for sensor in discovery.sensors if sensor.traits.key.startswith("demo:")]


def told(discovery: Discovery, source: str) -> list[str]:
    return [finding.detail for finding in discovery.findings if finding.source == source]


def test_a_third_partys_sensor_is_found(offer) -> None:
    offer(plugs="demo_plugs:discover")
    discovery = discover()
    assert demo(discovery) == ["demo:plug"]
    assert told(discovery, "plugs") == ["A plug."]
    assert any(sensor.traits.key == MODEL_KEY for sensor in discovery.sensors)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("demo_plugs:raises", "RuntimeError: the plug is on fire"),
        ("demo_plugs:leaves", "SystemExit: 3"),
        ("demo_plugs:wrong", "list where a Discovery was expected"),
        ("demo_plugs:half", "AttributeError"),
        ("demo_plugs:nothing", "AttributeError"),
        ("demo_plugs:SOURCE", "can't be called"),
        ("demo_absent:discover", "ModuleNotFoundError"),
    ],
)
def test_a_broken_source_is_a_finding_and_breaks_nothing(offer, target: str, words: str) -> None:
    Path(sys.path[0], "demo_plugs.py").write_text(SOURCE + "\nSOURCE = 1\n")
    offer(good="demo_plugs:discover", bad=target)
    discovery = discover()
    assert demo(discovery) == ["demo:plug"]
    (detail,) = told(discovery, "bad")
    assert words in detail
    assert detail.endswith("its devices are not metered.")
    assert "\n" not in detail


def test_of_two_sensors_with_one_key_the_first_counts(offer) -> None:
    offer(a="demo_plugs:discover", b="demo_plugs:twins")
    discovery = discover()
    assert demo(discovery) == ["demo:plug", "demo:other"]
    assert any("already offers a sensor with the key 'demo:plug'" in detail for detail in told(discovery, "plugs"))
    assert sys.modules["demo_plugs"].CLOSED == ["demo:plug"]


def test_one_sensor_named_twice_is_one(offer) -> None:
    offer(a="demo_plugs:again")
    assert demo(discover()) == ["demo:once"]
    assert sys.modules["demo_plugs"].CLOSED == []


def test_what_another_sensor_covers_is_not_added(offer) -> None:
    offer(a="demo_plugs:nested")
    discovery = discover()
    assert demo(discovery) == ["demo:platform"]
    assert sorted(sys.modules["demo_plugs"].CLOSED) == ["demo:core", "demo:package"]
    assert sum("Not added" in detail for detail in told(discovery, "plugs")) == 2


def test_two_that_cover_each_other_leave_one(offer) -> None:
    offer(a="demo_plugs:mutual")
    assert demo(discover()) == ["demo:a"]


def test_a_third_party_may_replace_the_model(offer) -> None:
    offer(a="demo_plugs:replaces_the_model")
    discovery = discover()
    assert demo(discovery) == ["demo:plug"]
    assert not any(sensor.traits.key == MODEL_KEY for sensor in discovery.sensors)


def test_a_source_that_is_listed_and_registered_runs_once(offer) -> None:
    offer(processor="jupyter_green.sensors.cpu_model:discover", model=" jupyter_green.sensors.cpu_model : discover")
    discovery = discover()
    assert [sensor.traits.key for sensor in discovery.sensors].count(MODEL_KEY) == 1
    assert not any("already offers" in finding.detail for finding in discovery.findings)


def test_no_heavy_module_is_needed() -> None:
    code = (
        "import sys\n"
        "from jupyter_green.sensors import discover\n"
        "discover()\n"
        "heavy = {'numpy', 'pandas', 'torch', 'sqlalchemy', 'amdsmi', 'zeus_apple_silicon', 'asyncio'}\n"
        "print(*sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []

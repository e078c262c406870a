"""The table as CodeCarbon writes it, read by pandas as its readers do."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_green.disclose import DiscloseError, emissions_csv
from jupyter_green.disclose.codecarbon_csv import COLUMNS
from jupyter_green.impact import Valuation
from tests.disclose.sample import cpu, gpu, record

# CodeCarbon 3.3.2, codecarbon/output_methods/emissions_data.py, in the order of its fields.
THEIRS = (
    "timestamp project_name run_id experiment_id duration emissions emissions_rate cpu_power gpu_power ram_power "
    "cpu_energy gpu_energy ram_energy energy_consumed water_consumed country_name country_iso_code region "
    "cloud_provider cloud_region os python_version codecarbon_version cpu_count cpu_model gpu_count gpu_model "
    "longitude latitude ram_total_size tracking_mode cpu_utilization_percent gpu_utilization_percent "
    "ram_utilization_percent ram_used_gb on_cloud pue wue"
)


def test_the_columns_are_codecarbons() -> None:
    assert list(COLUMNS) == THEIRS.split()


def test_read_by_pandas(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    records = [
        record(gpu(), cpu(), id="one"),
        record(gpu(), cpu(), id="two", started_at=1_750_000_100.0),
        record(gpu(), id="inner", parent="two"),
        record(cpu(), run_id="run-2"),
    ]
    emissions_csv(records, tmp_path / "emissions.csv", valuation=Valuation("FRA", 1.5), version="0.1.0")
    table = pandas.read_csv(tmp_path / "emissions.csv", parse_dates=["timestamp"])
    assert list(table.columns) == list(COLUMNS)
    assert list(table.run_id) == ["run-1", "run-2"]
    first = table.iloc[0]
    assert first.energy_consumed == pytest.approx(2 * 5400 / 3.6e6 * 1.5)
    assert first.gpu_energy + first.cpu_energy == pytest.approx(first.energy_consumed)
    assert first.emissions == pytest.approx(first.energy_consumed * 56.039 / 1000)
    assert first.emissions_rate == pytest.approx(first.emissions / first.duration)
    assert first.gpu_power == pytest.approx(360), "theirs is the power read: PUE is in the energies"
    assert (first.country_iso_code, first.country_name, first.pue) == ("FRA", "France", 1.5)
    # Absent is absent.
    assert pandas.isna(first.ram_energy)
    assert pandas.isna(table.iloc[1].gpu_energy)
    assert first.codecarbon_version == "jupyter_green 0.1.0"
    assert list(table.tracking_mode) == ["machine", "process"]


def test_no_region_no_emissions() -> None:
    text = emissions_csv([record(gpu())])
    row = dict(zip(COLUMNS, text.splitlines()[1].split(","), strict=False))
    assert row["emissions"] == ""
    assert row["emissions_rate"] == ""
    assert row["pue"] == "", "none was told"


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DiscloseError, match="simulated"):
        emissions_csv([record(gpu(quality="simulated"))])
    with pytest.raises(DiscloseError, match="no records"):
        emissions_csv([])
    (tmp_path / "there.csv").write_text("mine")
    with pytest.raises(DiscloseError, match="exists already"):
        emissions_csv([record(gpu())], tmp_path / "there.csv")
    assert (tmp_path / "there.csv").read_text() == "mine"

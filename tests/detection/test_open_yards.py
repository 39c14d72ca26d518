"""The study of open yards: one command from an empty folder to the table, and what the table counts."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.stockpiles import open_yards
from benchmarks.stockpiles.layouts import layout
from benchmarks.stockpiles.open_yards import main, matched, table
from imagery.simulate.params import SimulationParams


def rows() -> pd.DataFrame:
    """Two sites, one off by a tenth of a hectare; a look without a figure."""
    return pd.DataFrame(
        {
            "site": ["a", "a", "b", "b"],
            "zone": "yard",
            "date": ["2024-05-01", "2024-06-01", "2024-05-03", "2024-06-01"],
            "calibration": "family",
            "area_ha": [1.1, 2.1, 1.0, None],
            "area_ha_low": [1.05, 1.9, 0.9, None],
            "area_ha_high": [1.2, 2.3, 1.1, None],
        }
    )


def readings() -> pd.DataFrame:
    """Two readers, who agree but on one date."""
    told = [("a", "2024-05-01", 1.0, 1.0), ("a", "2024-06-01", 2.0, 2.0)]
    told += [("b", "2024-05-01", 1.0, 1.0), ("b", "2024-06-01", 1.0, 2.0)]
    return pd.DataFrame(
        [
            {"site": site, "zone": "yard", "date": date, "reader": reader, "area_ha": area}
            for site, date, *areas in told
            for reader, area in zip("xy", areas, strict=True)
        ]
    )


def test_the_table_counts_every_declared_date_and_takes_sites_as_the_unit() -> None:
    (line,) = table(pd.DataFrame(list(matched(rows(), readings()))))[2:]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[:5] == ["family", "2", "4", "25", "25"]
    bias, half = map(float, re.findall(r"[+\d.]+", cells[5]))
    assert bias == pytest.approx(0.05)
    assert half > 0.5
    assert cells[7].startswith("67 (")


def test_a_reading_without_a_look_within_five_days_is_not_compared() -> None:
    late = rows().assign(date="2024-09-01")
    assert list(matched(late, readings())) == []


def small(seed: int) -> SimulationParams:
    return replace(layout(seed), size_px=90, until=dt.date(2018, 9, 1))


def test_one_command_from_an_empty_folder_to_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_yards, "layout", small)
    main([str(tmp_path / "new"), "--stand-ins", "3"])
    told = capsys.readouterr().out
    assert told.startswith("Stand-ins: 3 simulated sites and simulated readers, not real.")
    lines = [line for line in told.splitlines() if line.startswith(("| family", "| calibrated"))]
    assert [line.split("|")[1].strip() for line in lines] == ["calibrated", "family"]
    assert int(lines[0].split("|")[2]) == 2
    assert int(lines[1].split("|")[2]) == 2, "the first is refused for shade"
    assert int(lines[1].split("|")[4]) > 0
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"rows.csv", "readings.csv"}

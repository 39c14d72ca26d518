"""Korba, a real mine on two dates, through the product's own path: figures or reasons, never nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.stockpiles.korba_run import lines_of_run


@pytest.mark.shared
def test_a_run_on_korba_gives_a_figure_or_a_reason(shared_data: Path, tmp_path: Path) -> None:
    zone, searched, bare, hint, radar = lines_of_run(shared_data / "korba", tmp_path)
    assert zone.startswith("probable coal in korba-with-zone/pit on 2023-01-10: not assessable: too little")
    for site, line in (("korba-with-zone", searched), ("korba-without-zone", bare)):
        assert line.startswith(f"{site}: probable coal outside the zones by 2023-01-10: found 0.00 to 0.00")
        missed = float(line.split("may have been missed 0.00 to ")[1].split(" ")[0])
        assert missed > 100.0
    assert "campwatch calibrate" in hint
    assert radar.startswith("radar on korba-with-zone/pit: silent (")

"""Maps of a simulated camp mine, measured as a real one would be: for pictures and for sizes.

    python -m benchmarks.maps.simulated_maps FOLDER [--years 2] [--side 200] [--seed 4]

Everything in them is simulated and says so.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detection.coal.measure import measure_stockpiles
from detection.coal.records import SERIES, STOCKPILE_AREAS, STOCKPILES, StockpileArea
from detection.ground.measure import measure_ground
from detection.ground.records import FOOTPRINTS, Footprint
from evidence.layers import LayerSpec, by_name
from evidence.record_reading import read_record
from imagery.simulate import SimulationParams, simulate_site
from maps.overview import write_overview
from maps.records import Profile, RunInfo, SiteMapData, SiteSummary
from maps.site_map import write_site_map

VERSION = "benchmark"


def measured(side: int, years: int, seed: int) -> SiteMapData:
    """The simulated site with the records of the project's own detectors."""
    until = dt.date(2022, 1, 1)
    params = SimulationParams(size_px=side, since=dt.date(until.year - years, 1, 1), until=until)
    simulated = simulate_site(params, seed=seed)
    cube = simulated.cube()
    piles = measure_stockpiles(cube, simulated.site)
    records: dict[LayerSpec, Sequence[Any]] = {
        FOOTPRINTS: measure_ground(cube, simulated.site).footprints,
        STOCKPILE_AREAS: piles.areas,
        STOCKPILES: piles.piles,
        SERIES: piles.series,
    }
    return SiteMapData(
        site=simulated.site,
        run=RunInfo(
            run_id=f"simulation-{seed}", as_of=dt.datetime(2022, 1, 1, tzinfo=dt.UTC), version=VERSION
        ),
        cube=cube,
        layers=by_name(records),
        rows={
            spec.name: tuple(spec.row(record, site_id=simulated.site.id) for record in held)
            for spec, held in records.items()
        },
        profile=Profile(),
        simulated=True,
        time_zone="Asia/Tokyo",
    )


def summary(data: SiteMapData, page: Path) -> SiteSummary:
    """The site's line on the first page."""
    footprints = [read_record(Footprint, row) for row in data.rows[FOOTPRINTS.name]]
    areas = [read_record(StockpileArea, row) for row in data.rows[STOCKPILE_AREAS.name]]
    last = next((f for f in reversed(footprints) if f.area_ha.value is not None), None)
    area = next((a for a in reversed(areas) if a.area_ha.value is not None), None)
    assert data.cube is not None
    newest = dt.datetime.fromtimestamp(
        int(data.cube["time"].values[-1].astype("datetime64[s]").astype(int)), tz=dt.UTC
    )
    return SiteSummary(
        site=data.site,
        map_path=page.name,
        last_look=newest,
        last_attempt=newest,
        stockpile_ha=area.area_ha if area else None,
        stockpile_date=area.datetime.date() if area else None,
        footprint_ha=last.area_ha if last else None,
        footprint_epoch=str(last.epoch_start.year) if last else None,
        outside_ha=last.outside_ha if last else None,
    )


def main() -> None:
    """Write the pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--years", type=int, default=2)
    parser.add_argument("--side", type=int, default=200)
    parser.add_argument("--seed", type=int, default=4)
    chosen = parser.parse_args()
    data = measured(chosen.side, chosen.years, chosen.seed)
    page = write_site_map(chosen.folder / f"{data.site.id}.html", data)
    first = write_overview(chosen.folder / "index.html", [summary(data, page)], run=data.run, simulated=True)
    for path in (page, first):
        print(f"{path} {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()

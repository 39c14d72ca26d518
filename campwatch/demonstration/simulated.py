"""The demo's simulated site: a camp mine that does not exist, with everything that is true of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from campwatch.workspace import Workspace
from detection.coal.records import STOCKPILE_AREAS
from detection.ground.records import FOOTPRINTS
from evidence.files import write_text
from evidence.ledger import Ledger
from evidence.quantity import Quantity, combine
from imagery.simulate import (
    CLEAN_HABITS,
    CoalParams,
    SensorParams,
    SimulatedSite,
    SimulationParams,
    simulate_site,
)
from imagery.simulate.spectra import GREEN, Material

CATALOG = "source-simulated/catalog.json"
SEED = 2016
PIXEL_HA = 0.01
"""Of 10 m. Defined."""
PARAMS = SimulationParams(
    size_px=120,
    since=dt.date(2018, 5, 1),
    until=dt.date(2019, 11, 1),
    months=(5, 6, 7, 8, 9, 10),
    coal=CoalParams(n_piles=3),
    sensor=SensorParams(bands=("blue", "green", "red", "nir", "swir16", "swir22")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A measured figure beside what is true."""

    what: str
    when: str
    measured: Quantity
    truth_ha: float

    @property
    def covered(self) -> bool:
        """Whether the interval holds the truth."""
        low, high = self.measured.low, self.measured.high
        return low is not None and high is not None and low <= self.truth_ha <= high


def simulated_mine() -> SimulatedSite:
    """The demo's site; the same on every machine."""
    return simulate_site(PARAMS, seed=SEED)


def make_simulated(folder: Path) -> None:
    """Write the site's catalogue, site file and truth below `folder`."""
    site = simulated_mine()
    site.write_site_file(folder / "sites" / f"{site.site.id}.geojson")
    draft = folder / Path(CATALOG).parent
    site.write_catalog(draft, habits=CLEAN_HABITS)


def against_truth(workspace: Workspace) -> list[Comparison]:
    """Every figure of the simulated site that has a truth, beside it; empty where it was not measured."""
    site = simulated_mine()
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        areas = ledger.current(STOCKPILE_AREAS.name, site_id=site.site.id)
        footprints = ledger.current(FOOTPRINTS.name, site_id=site.site.id)
    return [
        *_stockpiles(site, [dict(stored.row.data) for stored in areas]),
        *_footprints(site, [dict(stored.row.data) for stored in footprints]),
    ]


def _stockpiles(site: SimulatedSite, rows: list[dict[str, Any]]) -> Iterator[Comparison]:
    for data in rows:
        if data["area_ha"]["value"] is None:
            continue
        day = dt.date.fromisoformat(data["datetime"][:10])
        yield Comparison(
            what=f"coal in {data['zone_id']}",
            when=day.isoformat(),
            measured=Quantity.from_dict(data["area_ha"]),
            truth_ha=site.truth.pile_area_ha(day),
        )


def _footprints(site: SimulatedSite, rows: list[dict[str, Any]]) -> Iterator[Comparison]:
    """Ground that was green: what was bare before is never new. What waits stands beside what is told."""
    since = site.params.since
    green = site.truth.material_fraction(since, [m for m in Material if GREEN[m]])
    before = site.truth.disturbed_fraction(since)
    for data in rows:
        if data["area_ha"]["value"] is None or data["boundary_role"] != "in_force":
            continue
        day = dt.date.fromisoformat(data["account_date"])
        new = np.clip(site.truth.disturbed_fraction(day) - before, 0, None) * green
        truth_ha = float(new.sum()) * PIXEL_HA
        told, waits = (Quantity.from_dict(data[name]) for name in ("area_ha", "waiting_ha"))
        what = "green ground disturbed since the first look"
        yield Comparison(what=what, when=day.isoformat(), measured=told, truth_ha=truth_ha)
        yield Comparison(
            what=f"{what}, with what waits",
            when=day.isoformat(),
            measured=combine([(1.0, told), (1.0, waits)]),
            truth_ha=truth_ha,
        )


def write_comparison(comparisons: list[Comparison], path: Path) -> Path:
    """The comparison as CSV, plainly labelled."""
    lines = [["what (SIMULATED)", "when", "measured_ha", "low", "high", "truth_ha", "truth in interval"]]
    for item in comparisons:
        figures = (item.measured.value, item.measured.low, item.measured.high, item.truth_ha)
        texts = [f"{figure:.3f}" for figure in figures if figure is not None]
        lines.append([item.what, item.when, *texts, "yes" if item.covered else "no"])
    text = "".join(",".join(line) + "\n" for line in lines)
    write_text(path, text)
    return path

"""Painted coal through the whole pipeline: catalogue, archive, offset, registration, masks, cube, areas.

Half of every pile is called dark, shadow or water by the scene classification; from mid-series on the
numbers carry the +1000 of baseline 05.00. Real Sentinel-2 dates, painted coal. Three runs of every layout:
`switched`, as said; `control`, the same numbers without the +1000, so that what the switch does is a
difference look by look; `bare`, switched, with the zones and no coal in them.

    python -m benchmarks.stockpiles.painted_pipeline --seeds 300 301 --folder FOLDER [--write]
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from aoi.site_file import write_site
from benchmarks.manual import write_table
from benchmarks.stockpiles.painting import BANDS_10, BANDS_20, Painted, paint, random_piles, romania
from campwatch.demonstration.romania import CATALOG, romania_files, write_romania_catalog
from campwatch.run.site_bench import cube_cache, load_site_cube
from campwatch.run.site_job import fetch_site, site_work
from campwatch.run.sources import build_sources
from campwatch.run.stopwatch import Stopwatch
from campwatch.workspace import Workspace, create_workspace, open_workspace
from detection.coal.measure import StockpileParams, StockpileResult, measure_stockpiles
from imagery.radiometry.offset import RAW_ADD_DN

SIZES_HA = (0.1, 0.2, 0.4, 0.8, 1.5)
CLEAR = 0.9
NOTICED_HA = 0.25
DATE, ZONE, _, LARGEST, ERROR, COVERED = range(6)
"""Columns of a look."""
HEAD = (
    "| run and looks | number | RMSE ha | bias ha | largest error ha | intervals that cover, % |\n"
    "|---|---|---|---|---|---|"
)
Floats = NDArray[np.float64]


class Run(StrEnum):
    """What is painted, and how it is written."""

    SWITCHED = "switched"
    CONTROL = "control"
    BARE = "bare"


def painted_files(painted: Painted, folder: Path, switched: int) -> tuple[Path, Path]:
    """The cube's two files with painted numbers; +1000 from date `switched` on."""
    out = []
    for source, bands, values in zip(
        romania_files(), (BANDS_10, BANDS_20), (painted.fine, painted.coarse), strict=True
    ):
        with xr.open_dataset(source, engine="h5netcdf") as opened:
            cube = opened.load()
        for name, band in bands.items():
            numbers = np.rint(values[band] * 1e4)
            numbers[switched:] -= RAW_ADD_DN
            cube[name] = (cube[name].dims, np.where(np.isfinite(cube[name].values), numbers, np.nan))
        if "B2" in bands:
            cube["SCL"] = (cube["SCL"].dims, painted.scl)
        out.append(folder / source.name)
        cube.to_netcdf(out[-1], engine="h5netcdf")
    return out[0], out[1]


def state_baselines(catalog: Path, switched: int) -> None:
    """Say in every item of which baseline it is."""
    for number, path in enumerate(sorted(catalog.parent.glob("*/*/*.json"))):
        item = json.loads(path.read_text("utf-8"))
        item["properties"]["s2:processing_baseline"] = "05.00" if number >= switched else "02.08"
        path.write_text(json.dumps(item), encoding="utf-8")


def prepared(folder: Path, painted: Painted, switched: int) -> Workspace:
    """A workspace that has fetched the painted dates; their numbers carry +1000 from date `switched` on."""
    if (folder / "campwatch.toml").exists():
        return open_workspace(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_romania_catalog(painted_files(painted, folder, switched), folder / CATALOG)
    state_baselines(folder / CATALOG, switched)
    workspace = create_workspace(folder, settings_text=f'[[source]]\nkind = "stac"\nurl = "{CATALOG}"\n')
    path = workspace.sites_folder / f"{painted.site.id}.geojson"
    write_site(path, painted.site)
    fetch_site(
        workspace,
        painted.site,
        build_sources(workspace),
        since=dt.date(2015, 1, 1),
        until=dt.date(2022, 1, 1),
        progress=lambda _: None,
        watch=Stopwatch(),
    )
    return workspace


def measured(workspace: Workspace) -> tuple[xr.Dataset, StockpileResult]:
    """The cube as the pipeline loads it, and its areas."""
    work = site_work(workspace, workspace.sites_folder / "painted.geojson")
    if work is None:
        raise FileNotFoundError("nothing was fetched")
    cube = load_site_cube(workspace, work, cache=cube_cache(workspace, work.site))
    return cube, measure_stockpiles(cube, work.site, params=StockpileParams(find_piles=False))


def looks(painted: Painted, result: StockpileResult) -> Floats:
    """(date's position, zone, truth, largest truth of the zone, error, covered) of every judged look."""
    at = {str(when)[:10]: t for t, when in enumerate(painted.cube["time"].values)}
    numbers = {zone: number for number, zone in enumerate(painted.truth_ha)}
    out = []
    for area in result.areas:
        t, quantity = at[area.datetime.date().isoformat()], area.area_ha
        if quantity.value is None or quantity.low is None or quantity.high is None:
            continue
        if area.valid_fraction >= CLEAR:
            truth = painted.truth_ha[area.zone_id]
            hit = quantity.low <= truth[t] <= quantity.high
            error = quantity.value - truth[t]
            out.append((t, numbers[area.zone_id], truth[t], truth.max(), error, hit))
    return np.array(out, dtype=np.float64)


def row(name: str, part: Floats) -> str:
    """One row of the table."""
    error = part[:, ERROR]
    rmse, largest = np.sqrt(np.mean(error**2)), np.abs(error).max()
    covered = 100 * part[:, COVERED].mean()
    return f"| {name} | {len(part)} | {rmse:.3f} | {error.mean():+.3f} | {largest:.3f} | {covered:.1f} |"


def table(found: dict[Run, list[Floats]], switched: int) -> list[str]:
    """Every run's looks, by size of the pile and on either side of the switch; what the switch does."""
    lines = HEAD.split("\n")
    for run, parts in found.items():
        every = np.concatenate(parts)
        late = every[:, DATE] >= switched
        subsets = {"all": every}
        if run is Run.SWITCHED:
            large = every[:, LARGEST] >= NOTICED_HA
            subsets |= {
                "zones that never hold 0.25 ha": every[~large],
                "zones of 0.25 ha and more": every[large],
            }
        subsets |= {"dates before the switch": every[~late], "dates after it": every[late]}
        lines += [row(f"{run}: {name}", part) for name, part in subsets.items() if len(part)]
    return [*lines, "", step_text(found, switched)]


def step_text(found: dict[Run, list[Floats]], switched: int) -> str:
    """The difference that the switch makes: look by look between the two runs, then after it less before."""
    both = zip(found[Run.SWITCHED], found[Run.CONTROL], strict=True)
    pairs = np.concatenate([paired(one, other) for one, other in both])
    late = pairs[:, 0] >= switched
    parts = [by_date(pairs[part]) for part in (late, ~late)]
    error = np.hypot(*(part.std(ddof=1) / np.sqrt(len(part)) for part in parts))
    step = parts[0].mean() - parts[1].mean()
    return (
        f"With the switch less without it, {len(pairs)} looks that both runs have: {parts[1].mean():+.4f} ha "
        f"before it, {parts[0].mean():+.4f} ha after it; step {step:+.4f} ha (standard error {error:.4f}, "
        f"dates counted once). Largest difference of one look {np.abs(pairs[:, 1]).max():.3f} ha."
    )


def paired(switched: Floats, control: Floats) -> Floats:
    """(date's position, difference of the areas) of every look that both runs of one layout have."""
    told = {(look[DATE], look[ZONE]): look[ERROR] for look in control}
    keys = [(look[DATE], look[ZONE]) for look in switched]
    return np.array(
        [(key[0], look[ERROR] - told[key]) for key, look in zip(keys, switched, strict=True) if key in told]
    )


def by_date(pairs: Floats) -> Floats:
    """Mean difference of every date: the zones of a date share what is done to it."""
    return np.array([pairs[pairs[:, 0] == t, 1].mean() for t in np.unique(pairs[:, 0])])


def painted_of(seed: int, run: Run) -> Painted:
    """The painted dates of a seed."""
    piles = random_piles(seed, count=len(SIZES_HA), sizes=SIZES_HA)
    painted = paint(piles, seed=seed, shift_sd_px=0.2)
    if run is not Run.BARE:
        return painted
    nothing = {zone: np.zeros_like(truth) for zone, truth in painted.truth_ha.items()}
    return replace(paint([], seed=seed), site=painted.site, truth_ha=nothing)


def judged(seed: int, run: Run, folder: Path) -> Floats:
    """The looks of one run, measured unless they are kept."""
    kept = folder / f"{seed}-{run}.npy"
    if not kept.exists():
        painted = painted_of(seed, run)
        dates = painted.cube.sizes["time"]
        workspace = prepared(folder / kept.stem, painted, dates if run is Run.CONTROL else dates // 2)
        np.save(kept, looks(painted, measured(workspace)[1]))
        print(kept.name, flush=True)
    return np.asarray(np.load(kept))


def main() -> None:
    """Paint, run, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[300])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    found = {run: [judged(seed, run, options.folder) for seed in options.seeds] for run in Run}
    lines = table(found, len(romania().times) // 2)
    told = f"Layouts {', '.join(map(str, options.seeds))}."
    print("\n".join([*lines, told]))
    if options.write:
        write_table(
            "stockpiles.md",
            "pipeline table",
            [*lines, "", told],
            method=["measured_rows"],
            seeds=f"seeds {options.seeds}, painted on real imagery",
        )


if __name__ == "__main__":
    main()

"""Painted coal through the whole pipeline: catalogue, archive, offset, registration, masks, cube, areas.

Half of every pile is called dark, shadow or water by the scene classification; from mid-series on the
numbers carry the +1000 of baseline 05.00. Real Sentinel-2 dates, painted coal.

    python -m benchmarks.stockpiles.painted_pipeline --seeds 300 301 --folder FOLDER [--write]
    python -m benchmarks.stockpiles.painted_pipeline --bare --seeds 300 --folder FOLDER [--write]
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from aoi.site_file import write_site
from benchmarks.manual import write_between
from benchmarks.stockpiles.painting import BANDS_10, BANDS_20, Painted, paint, random_piles
from campwatch.demonstration.romania import CATALOG, romania_files, write_romania_catalog
from campwatch.site_job import fetch_site, site_work
from campwatch.sources import build_sources
from campwatch.stopwatch import Stopwatch
from campwatch.workshop import cube_cache, load_site_cube
from campwatch.workspace import Workspace, create_workspace, open_workspace
from detection.stockpiles import StockpileParams, StockpileResult, measure_stockpiles
from imagery.offset import RAW_ADD_DN

SIZES_HA = (0.1, 0.2, 0.4, 0.8, 1.5)
CLEAR = 0.9
HEAD = "| looks | number | RMSE ha | bias ha | intervals that cover, % |\n|---|---|---|---|---|"
Floats = NDArray[np.float64]


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


def prepared(folder: Path, painted: Painted) -> Workspace:
    """A workspace that has fetched the painted dates."""
    if (folder / "campwatch.toml").exists():
        return open_workspace(folder)
    folder.mkdir(parents=True, exist_ok=True)
    switched = painted.cube.sizes["time"] // 2
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
    """(date's position, truth, largest truth of the zone, error, covered) of every judged look."""
    at = {str(when)[:10]: t for t, when in enumerate(painted.cube["time"].values)}
    out = []
    for area in result.areas:
        t, quantity = at[area.datetime.date().isoformat()], area.area_ha
        if quantity.value is None or quantity.low is None or quantity.high is None:
            continue
        if area.valid_fraction >= CLEAR:
            truth = painted.truth_ha[area.zone_id]
            hit = quantity.low <= truth[t] <= quantity.high
            out.append((t, truth[t], truth.max(), quantity.value - truth[t], hit))
    return np.array(out, dtype=np.float64)


def row(name: str, part: Floats) -> str:
    """One row of the table."""
    error = part[:, 3]
    rmse = np.sqrt(np.mean(error**2))
    return f"| {name} | {len(part)} | {rmse:.3f} | {error.mean():+.3f} | {100 * part[:, 4].mean():.1f} |"


def table(found: Floats, switched: int) -> list[str]:
    """All looks, by size of the pile, and on either side of the switch of the offset."""
    late = found[:, 0] >= switched
    step = found[late, 3].mean() - found[~late, 3].mean()
    error = np.hypot(*(found[part, 3].std() / np.sqrt(part.sum()) for part in (late, ~late)))
    parts = {
        "all": found,
        "zones that never hold 0.25 ha": found[found[:, 2] < 0.25],
        "zones of 0.25 ha and more": found[found[:, 2] >= 0.25],
        "before the switch to +1000": found[~late],
        "after it": found[late],
    }
    rows = [row(name, part) for name, part in parts.items() if len(part)]
    told = f"Mean error after the switch less before: {step:+.4f} ha (standard error {error:.4f})."
    return [*HEAD.split("\n"), *rows, "", told]


def painted_of(seed: int, *, bare: bool) -> Painted:
    """The painted dates of a seed; `bare`: its zones, and nothing painted in them."""
    piles = random_piles(seed, count=len(SIZES_HA), sizes=SIZES_HA)
    painted = paint(piles, seed=seed, shift_sd_px=0.2)
    if not bare:
        return painted
    nothing = {zone: np.zeros_like(truth) for zone, truth in painted.truth_ha.items()}
    return replace(paint([], seed=seed), site=painted.site, truth_ha=nothing)


def main() -> None:
    """Paint, run, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[300])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--bare", action="store_true", help="the same zones without coal")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    parts = []
    for seed in options.seeds:
        kept = options.folder / f"{seed}{'-bare' if options.bare else ''}.npy"
        painted = painted_of(seed, bare=options.bare)
        if not kept.exists():
            _, result = measured(prepared(options.folder / kept.stem, painted))
            np.save(kept, looks(painted, result))
        parts.append(np.load(kept))
        print(seed, len(parts[-1]), flush=True)
    lines = table(np.concatenate(parts), painted.cube.sizes["time"] // 2)
    print("\n".join(lines))
    if options.write:
        write_between("stockpiles.md", "bare pipeline table" if options.bare else "pipeline table", lines)


if __name__ == "__main__":
    main()

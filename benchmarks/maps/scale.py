"""Size, load and memory of a site's page by looks and findings.

    python -m benchmarks.maps.scale [--cases 140x40 700x200] [--write]

A simulated textured site of 3 × 3 km seen every fifth day, a third of the looks under cloud, with that many
disturbances and as many piles on one look in ten. *Heap* is what the page's programs hold once it is open,
and after it was stepped through every usable look; pictures are let go on the way.
"""

from __future__ import annotations

import argparse
import datetime as dt
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr
from playwright.sync_api import Browser, sync_playwright
from shapely import Polygon, box

from benchmarks.manual import write_table
from benchmarks.maps.pages import CHROMIUM, READY, big_cube, big_site, load_seconds
from detection.coal.records import STOCKPILES, Stockpile
from detection.ground.records import DISTURBANCES, Disturbance
from evidence.layers import by_name
from evidence.quantity import Quantity
from maps.records import SiteMapData
from maps.site_map import write_site_map

SIDE = 300
HEAD = "| looks | findings | page, MB | beside, MB | made in, s | usable, s | heap, MB | heap after all, MB |"


def many_looks(n: int) -> xr.Dataset:
    """Two textured looks repeated with noise and cloud."""
    two = big_cube(SIDE, 2)
    rng = np.random.default_rng(2)
    cube = two.isel(time=np.arange(n) % 2)
    start = np.datetime64("2016-01-01T02:36", "ns")
    cube = cube.assign_coords(time=start + np.arange(n) * np.timedelta64(5, "D"))
    noise = rng.normal(0, 0.004, (n, SIDE, SIDE)).astype(np.float32)
    cube = cube.map(lambda band: band if band.dtype == bool else band + noise)
    valid = np.ones((n, SIDE, SIDE), dtype=bool)
    for i in np.flatnonzero(rng.random(n) < 1 / 3):
        x, y = rng.integers(0, SIDE // 2, 2)
        valid[i, y : y + SIDE // 2, x : x + SIDE // 2] = False
    seen = valid.mean(axis=(1, 2))
    cube["valid"] = (("time", "y", "x"), valid)
    cube["cloud"] = (("time", "y", "x"), ~valid)
    return cube.assign_coords(
        scene_id=("time", [f"LOOK_{i:04d}" for i in range(n)]),
        status=("time", ["used"] * n),
        detail=("time", [""] * n),
        valid_fraction=("time", seen),
    )


def with_findings(data: SiteMapData, n: int) -> SiteMapData:
    """As many disturbances, and as many piles at every tenth look."""
    rng = np.random.default_rng(3)
    west, south, east, north = data.site.aoi.bounds
    area = Quantity.measured(0.6, sd_random=0.1)
    assert data.cube is not None
    times = data.cube["time"].values

    def patch(size: float) -> Polygon:
        x, y = rng.uniform(west, east - 0.002), rng.uniform(south, north - 0.002)
        ring = box(x, y, x + size, y + size)
        return Polygon([ring.exterior.interpolate(k / 40, normalized=True) for k in range(40)])

    disturbances, piles = [], []
    for k in range(n):
        day = dt.date(2016, 6, 1) + dt.timedelta(days=int(rng.integers(0, 3000)))
        disturbances.append(
            Disturbance(
                disturbance_id=f"d-{k:04d}", parents=(), kind="vegetation_loss", first_seen=day,
                first_seen_low=day - dt.timedelta(days=20), first_seen_high=day, machine_status="persistent",
                persistent_since=day + dt.timedelta(days=30), cause=None, boundary_id=None,
                relation="no_boundary", area_ha=area, outside_ha=area, advance_m=area, bearing_deg=None,
                scene_ids=("LOOK_0001", "LOOK_0002"), geometry=patch(0.001),
            )
        )  # fmt: skip
        outline = patch(0.0005)
        piles += [
            Stockpile(
                pile_id=f"big/yard/{k:03d}", parents=(), datetime=_moment(when), area_ha=area,
                first_seen=day, last_seen=day, geometry=outline,
            )
            for when in times[::10]
        ]  # fmt: skip
    specs = (DISTURBANCES, STOCKPILES)
    rows = {
        spec.name: tuple(spec.row(record, site_id="big") for record in records)
        for spec, records in zip(specs, (disturbances, piles), strict=True)
    }
    return replace(data, layers=by_name(specs), rows=rows)


def _moment(when: np.datetime64) -> dt.datetime:
    return when.astype("datetime64[s]").item().replace(tzinfo=dt.UTC)


def heaps(browser: Browser, path: Path) -> tuple[float, float]:
    """Megabytes held by the page once it is open, and after every usable look was shown."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, offline=True)
    page = context.new_page()
    page.goto(path.as_uri())
    page.wait_for_function(READY)
    client = context.new_cdp_session(page)

    def held() -> float:
        client.send("HeapProfiler.collectGarbage")
        return float(client.send("Runtime.getHeapUsage")["usedSize"]) / 1e6

    first = held()
    for i in page.evaluate("CW.usableDates"):
        page.evaluate(f"CW.change({{ date: {i} }})")
        page.wait_for_timeout(15)
    page.wait_for_timeout(1500)
    last = held()
    context.close()
    return first, last


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", default=["140x40", "700x40", "700x200"])
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    lines = [HEAD, "|---|---|---|---|---|---|---|---|"]
    print("\n".join(lines), flush=True)
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as temporary:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        for case in chosen.cases:
            looks, findings = map(int, case.split("x"))
            data = with_findings(big_site(many_looks(looks)), findings)
            begun = time.perf_counter()
            path = write_site_map(Path(temporary) / f"{case}.html", data)
            made = time.perf_counter() - begun
            beside = sum(p.stat().st_size for p in path.with_name(f"{path.stem}.files").glob("*.js")) / 1e6
            seconds = load_seconds(browser, path, READY)
            first, last = heaps(browser, path)
            size = path.stat().st_size / 1e6
            usable = "never" if seconds is None else f"{seconds:.1f}"
            cells = [looks, findings, f"{size:.1f}", f"{beside:.1f}", f"{made:.0f}", usable]
            cells += [f"{first:.0f}", f"{last:.0f}"]
            lines.append(f"| {' | '.join(map(str, cells))} |")
            print(lines[-1], flush=True)
        browser.close()
    if chosen.write:
        seeds = "textures 1, cloud 2, findings 3"
        write_table("maps.md", "scale", "\n".join(lines), method=["write_site_map"], seeds=seeds)


if __name__ == "__main__":
    main()

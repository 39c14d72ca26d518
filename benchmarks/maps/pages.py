"""Size and load time of map pages, beside folium's plain ImageOverlay of the same dates.

    python -m benchmarks.maps.pages [--side 2350] [--looks 3] [--maps FOLDER]

Prints a table; `--write` puts it into docs/maps.md. Load time: from opening the file until the newest look is
drawn and the slider answers, in Debian's chromium without a network. `--maps` adds pages made elsewhere.
"""

from __future__ import annotations

import argparse
import base64
import datetime as dt
import io
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import folium
import numpy as np
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from PIL import Image
from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import Error as PlaywrightError
from scipy.ndimage import zoom
from shapely import box

from aoi.records import Sensitivity, Site
from benchmarks.manual import write_table
from maps import composites
from maps.images import geobox_of, mercator_grid, to_mercator
from maps.records import RunInfo, SiteMapData
from maps.site_map import write_site_map

CHROMIUM = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
DAYS = (0, 5, 360, 365, 725, 730)
"""Same-season looks of three years; the last two are within the newest 90 days."""
READY = "document.documentElement.dataset.ready === 'yes' && CW.after.shown.length > 0"


def textured(side: int, rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Ground with structure at every scale and sensor noise: as hard to compress as imagery."""
    plane = np.zeros((side, side), dtype=np.float32)
    for octave in range(3, 11):
        cells = min(2**octave, side)
        coarse = rng.normal(0, 1, (cells, cells)).astype(np.float32) / (octave - 1)
        plane += zoom(coarse, side / cells, order=1, grid_mode=True, mode="nearest")[:side, :side]
    return plane + rng.normal(0, 0.05, plane.shape).astype(np.float32)


def big_cube(side: int, looks: int) -> xr.Dataset:
    """A cube of `looks` looks of a textured site with bands of plausible size."""
    rng = np.random.default_rng(1)
    ground = textured(side, rng)
    levels = {"blue": 0.04, "green": 0.07, "red": 0.08, "nir": 0.25, "swir16": 0.2}
    grid = GeoBox((side, side), Affine(10, 0, 248_000, 0, -10, 4_384_000), "EPSG:32652")
    data: dict[str, Any] = {}
    for band, level in levels.items():
        noise = rng.normal(0, 0.002, (looks, side, side)).astype(np.float32)
        data[band] = (
            ("time", "y", "x"),
            np.clip(level * (1 + 0.25 * ground) + noise, 0, 1, dtype=np.float32),
        )
    data["valid"] = (("time", "y", "x"), np.ones((looks, side, side), dtype=bool))
    start = np.datetime64("2022-06-01T02:36", "ns")
    times = start + np.array(DAYS[-looks:]) * np.timedelta64(1, "D")
    return xr.Dataset(data, coords={"time": times}).assign_coords(xr_coords(grid))


def big_site(cube: xr.Dataset) -> SiteMapData:
    """The site around such a cube."""
    west, south, east, north = mercator_grid(geobox_of(cube)).bounds()
    site = Site(
        id="big", name="Large site", aoi=box(west, south, east, north), sensitivity=Sensitivity.PUBLIC
    )
    return SiteMapData(
        site=site,
        run=RunInfo(run_id="b", as_of=dt.datetime(2024, 7, 1, tzinfo=dt.UTC), version="b"),
        cube=cube,
        simulated=True,
    )


def plain_folium(cube: xr.Dataset, path: Path) -> Path:
    """The same dates and views as folium's own ImageOverlay writes them: one PNG each, all in the page."""
    grid = mercator_grid(geobox_of(cube))
    west, south, east, north = grid.bounds()
    page = folium.Map([(south + north) / 2, (west + east) / 2], zoom_start=12, tiles=None)
    stretches = {b.id: composites.common_stretch(cube, b) for b in composites.available(cube)}
    for i in range(cube.sizes["time"]):
        for band_set in composites.available(cube):
            stack = np.stack([cube[band].isel(time=i).values for band in band_set.bands])
            colours = composites.paint(to_mercator(stack, geobox_of(cube), grid), stretches[band_set.id])
            out = io.BytesIO()
            Image.fromarray(colours).save(out, "PNG")
            uri = "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
            folium.raster_layers.ImageOverlay(
                uri, [[south, west], [north, east]], name=f"{i} {band_set.id}", show=False
            ).add_to(page)
    folium.LayerControl().add_to(page)
    page.save(str(path))
    return path


def load_seconds(browser: Browser, path: Path, ready: str) -> float | None:
    """Seconds until the page can be used; the best of three, None where it never can."""
    best = None
    for _ in range(3):
        context = browser.new_context(viewport={"width": 1440, "height": 900}, offline=True)
        page = context.new_page()
        begun = time.perf_counter()
        page.goto(path.as_uri(), wait_until="commit")
        seconds = _until(page.evaluate, ready, begun)
        context.close()
        if seconds is not None:
            best = seconds if best is None else min(best, seconds)
    return best


def _until(evaluate: Callable[[str], Any], ready: str, begun: float) -> float | None:
    while time.perf_counter() - begun < 20:
        with suppress(PlaywrightError):  # the page may be between two documents
            if evaluate(f"(() => {{ try {{ return Boolean({ready}); }} catch (e) {{ return false; }} }})()"):
                return time.perf_counter() - begun
        time.sleep(0.02)
    return None


def row(name: str, path: Path, made: float | None, seconds: float | None) -> str:
    """One line of the table."""
    folder = path.with_name(f"{path.stem}.files")
    beside = sum(p.stat().st_size for p in folder.glob("*.js")) / 1e6 if folder.is_dir() else 0.0
    made_text = "–" if made is None else f"{made:.0f}"
    text = "never (needs the network)" if seconds is None else f"{seconds:.2f}"
    text_of_row = f"| {name} | {path.stat().st_size / 1e6:.1f} | {beside:.1f} | {made_text} | {text} |"
    print(text_of_row, flush=True)
    return text_of_row


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=2350)
    parser.add_argument("--looks", type=int, default=3, choices=range(2, 7))
    parser.add_argument("--maps", type=Path)
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    lines = ["| page | page, MB | beside, MB | made in, s | usable after, s |", "|---|---|---|---|---|"]
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as temporary:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        for path in sorted(chosen.maps.glob("*.html")) if chosen.maps else []:
            ready = READY if "index" not in path.name else "document.documentElement.dataset.ready === 'yes'"
            lines.append(row(f"demo: {path.name}", path, None, load_seconds(browser, path, ready)))
        cube = big_cube(chosen.side, chosen.looks)
        begun = time.perf_counter()
        ours = write_site_map(Path(temporary) / "big.html", big_site(cube))
        made = time.perf_counter() - begun
        name = f"{chosen.side} × {chosen.side} pixels, {chosen.looks} looks"
        lines.append(row(f"{name}: campwatch", ours, made, load_seconds(browser, ours, READY)))
        begun = time.perf_counter()
        plain = plain_folium(cube, Path(temporary) / "plain.html")
        made = time.perf_counter() - begun
        lines.append(
            row(
                f"{name}: folium ImageOverlay",
                plain,
                made,
                load_seconds(
                    browser,
                    plain,
                    "typeof L !== 'undefined' && document.querySelector('.leaflet-container') !== null",
                ),
            )
        )
        browser.close()
    table = "\n".join(lines)

    if chosen.write:
        write_table("maps.md", "pages", table, method=["write_site_map"], seeds="simulated sites")


if __name__ == "__main__":
    main()

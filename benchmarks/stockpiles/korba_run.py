"""The product's own path at a real mine: Korba through `run`, with a zone and without, and its radar.

Two Sentinel-2 dates (the second without blue and green) and three of Sentinel-1, exports at about 18 m and
3 m, become a static catalogue; a workspace is run on it as a user's would be. Every line that is printed is a
figure or the reason why there is none.

    python -m benchmarks.stockpiles.korba_run ../shared/data/korba [--write]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.warp import Resampling, calculate_default_transform, reproject
from shapely.geometry import Polygon, box, mapping

from aoi.site_file import read_site
from benchmarks.manual import write_table
from campwatch.cli.summaries import search_lines, zone_lines
from campwatch.questions.radar_looks import zone_opinions
from campwatch.run.pipeline import RunOptions, run_workspace
from campwatch.workspace import open_workspace
from detection.coal.records import COAL_SEARCH, STOCKPILE_AREAS, StockpileArea
from detection.radar.second_opinion import RadarParams
from evidence.ledger import Ledger
from evidence.record_reading import record_from

Numbers = NDArray[np.uint16]
CRS, STEP_M = "EPSG:32644", 10.0
OPTICAL = MappingProxyType(
    {"2023-01-10": ("B02", "B03", "B04", "B08", "B11"), "2023-01-30": ("B04", "B08", "B11")}
)
RADAR = ("2023-01-10", "2023-01-29", "2023-02-27")
NAMES = MappingProxyType({"B02": "blue", "B03": "green", "B04": "red", "B08": "nir", "B11": "swir16"})
FULL = 65535.0
"""Number of the exports that stands for 1."""
GREEN_INDEX = 0.3
"""NDVI from which the stand-in for the scene classification, which was not exported, says plants."""
AOI = box(82.5290, 22.3300, 82.5640, 22.3490)
YARD = box(82.5405, 22.3355, 82.5475, 22.3405)
"""Part of the pit, drawn for this run: nobody has marked coal there."""
SITES = ("korba-with-zone", "korba-without-zone")


def on_lattice(path: Path) -> tuple[NDArray[np.float32], Affine]:
    """An export on a lattice of 10 m, 0..1, zero where there is none."""
    with rasterio.open(path) as opened:
        to, width, height = calculate_default_transform(
            opened.crs, CRS, opened.width, opened.height, *opened.bounds, resolution=STEP_M
        )
        snapped = Affine(
            STEP_M, 0.0, STEP_M * np.floor(to.c / STEP_M), 0.0, -STEP_M, STEP_M * np.ceil(to.f / STEP_M)
        )
        out = np.zeros((height + 1, width + 1), np.float32)
        reproject(
            opened.read(1).astype(np.float32) / FULL,
            out,
            src_transform=opened.transform,
            src_crs=opened.crs,
            dst_transform=snapped,
            dst_crs=CRS,
            resampling=Resampling.average,
        )
    return out, snapped


def write_plane(path: Path, pixels: NDArray[np.generic], transform: Affine) -> None:
    """One GeoTIFF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = pixels.shape
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=height, width=width, dtype=pixels.dtype.name, crs=CRS,
        transform=transform, nodata=0, tiled=True, blockxsize=128, blockysize=128,
    ) as raster:  # fmt: skip
        raster.write(pixels, 1)


def optical_item(source: Path, day: str, folder: Path) -> dict[str, Any]:
    """One Sentinel-2 date as a STAC item."""
    planes = {NAMES[band]: on_lattice(source / f"s2_l2a_{day}_{band}.tif") for band in OPTICAL[day]}
    (red, transform), (nir, _) = planes["red"], planes["nir"]
    green = nir - red > GREEN_INDEX * (nir + red)
    classes = np.where(red > 0.0, np.where(green, 4, 5), 0).astype(np.uint8)
    assets: dict[str, Any] = {}
    for band, (values, at) in planes.items():
        write_plane(folder / f"{band}.tif", np.rint(values * 1e4).astype(np.uint16), at)
        assets[band] = asset(band, scaled=True)
    write_plane(folder / "scl.tif", classes, transform)
    assets["scl"] = asset("scl", scaled=False)
    return item(f"S2A_KORBA_{day.replace('-', '')}_L2A", "sentinel-2-l2a", "sentinel-2a", day, assets)


def radar_item(source: Path, day: str, folder: Path) -> dict[str, Any]:
    """One Sentinel-1 date as a STAC item; the exports are GRD, so that slopes are left in."""
    assets = {}
    for band in ("VV", "VH"):
        values, transform = on_lattice(source / f"s1_grd_{day}_{band}.tif")
        write_plane(folder / f"{band.lower()}.tif", values, transform)
        assets[band.lower()] = asset(band.lower(), scaled=False)
    one = item(f"S1A_KORBA_{day.replace('-', '')}", "sentinel-1-rtc", "sentinel-1a", day, assets)
    one["properties"] |= {"sat:relative_orbit": 1, "sar:instrument_mode": "IW"}
    return one


def asset(band: str, *, scaled: bool) -> dict[str, Any]:
    """One file of an item."""
    raster = {"nodata": 0} | ({"scale": 0.0001, "offset": 0.0} if scaled else {})
    return {
        "href": f"./{band}.tif",
        "type": "image/tiff; application=geotiff",
        "roles": ["data"],
        "eo:bands": [{"name": band, "common_name": band}],
        "raster:bands": [raster],
    }


def item(name: str, collection: str, platform: str, day: str, assets: Mapping[str, Any]) -> dict[str, Any]:
    """A STAC item; the hour is not in the exports."""
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": collection,
        "geometry": mapping(AOI.buffer(0.005)),
        "bbox": list(AOI.buffer(0.005).bounds),
        "properties": {"datetime": f"{day}T05:00:00Z", "platform": platform, "proj:epsg": 32644},
        "links": [],
        "assets": dict(assets),
    }


def write_catalog(source: Path, folder: Path) -> Path:
    """All dates as a static catalogue; returns its path."""
    links = []
    dated = [(day, optical_item) for day in OPTICAL] + [(day, radar_item) for day in RADAR]
    for day, made in dated:
        name = f"{made.__name__.split('_', maxsplit=1)[0]}-{day}"
        document = made(source, day, folder / name)
        (folder / name / "item.json").write_text(json.dumps(document), encoding="utf-8")
        links.append({"rel": "item", "href": f"./{name}/item.json"})
    path = folder / "catalog.json"
    head = {"type": "Catalog", "stac_version": "1.0.0", "id": "korba", "description": "Korba exports"}
    path.write_text(json.dumps(head | {"links": links}), encoding="utf-8")
    return path


def site_document(site_id: str, zones: Sequence[Polygon]) -> dict[str, Any]:
    """A site file around the mine."""
    told = [(AOI, {"role": "aoi", "id": site_id, "name": f"Korba, India ({site_id})"})]
    told += [(zone, {"role": "zone", "id": "pit", "kind": "stockyard"}) for zone in zones]
    return {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": properties, "geometry": mapping(geometry)}
            for geometry, properties in told
        ],
    }


def lines_of_run(source: Path, folder: Path) -> list[str]:
    """What `run` and the radar say of Korba, as lines for people.

    Args:
        source: of the exports.
        folder: empty; gets the catalogue and the workspace.
    """
    catalog = write_catalog(source, folder / "catalog")
    home = folder / "watch"
    (home / "sites").mkdir(parents=True)
    collections = '["sentinel-2-l2a", "sentinel-1-rtc"]'
    (home / "campwatch.toml").write_text(
        f'[[source]]\nkind = "stac"\nurl = {json.dumps(catalog.as_posix())}\ncollections = {collections}\n',
        encoding="utf-8",
    )
    for site_id, zones in zip(SITES, ((YARD,), ()), strict=True):
        (home / "sites" / f"{site_id}.geojson").write_text(
            json.dumps(site_document(site_id, zones)), encoding="utf-8"
        )
    workspace = open_workspace(home)
    run_workspace(workspace, RunOptions())
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        areas = ledger.current(STOCKPILE_AREAS.name)
        told = [*zone_lines(areas), *search_lines(ledger.current(COAL_SEARCH.name))]
    site = read_site(home / "sites" / f"{SITES[0]}.geojson")
    records = [record_from(StockpileArea, stored.row.data) for stored in areas]
    for zone, opinion in zone_opinions(workspace, site, ["pit"], records).items():
        told.append(
            f"radar on {SITES[0]}/{zone}: {opinion.verdict} ({opinion.pairs} pairs of looks; "
            f"{RadarParams().least_pairs} are needed)"
        )
    return told


def main() -> None:
    """Run, print, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines = [f"- {line}" for line in lines_of_run(options.folder, Path(folder))]
    print("\n".join(lines))
    if options.write:
        write_table("stockpiles.md", "korba run", lines, method=["measure_stockpiles"], seeds="real imagery")


if __name__ == "__main__":
    main()

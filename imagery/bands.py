"""Bands by meaning. `B11` and friends exist only at the border, where they are mapped once."""

from __future__ import annotations

from types import MappingProxyType

OPTICAL_BANDS = (
    "blue",
    "green",
    "red",
    "rededge1",
    "rededge2",
    "rededge3",
    "nir",
    "nir08",
    "swir16",
    "swir22",
)
"""Reflectance bands in the order of wavelength; `nir` is B08 (10 m), `nir08` is B8A (20 m)."""

REQUIRED_BANDS = ("blue", "green", "red", "nir")
"""Without these a product cannot be measured; every other band is used when there."""

MEASURED_BANDS = (*OPTICAL_BANDS, "scl")
"""Of a whole product of Sentinel-2; one that lacks some is taken from elsewhere, or completed."""

RADAR_BANDS = ("vv", "vh")
CLASS_BANDS = ("scl",)
LANDSAT_QUALITY = ("qa_pixel", "qa_radsat")
"""Assets beside the bands of Landsat: pixel quality, radiometric saturation."""
BANDS = (*OPTICAL_BANDS, *CLASS_BANDS, *RADAR_BANDS)

SENTINEL2_BANDS = MappingProxyType(
    {
        "B02": "blue",
        "B03": "green",
        "B04": "red",
        "B05": "rededge1",
        "B06": "rededge2",
        "B07": "rededge3",
        "B08": "nir",
        "B8A": "nir08",
        "B11": "swir16",
        "B12": "swir22",
        "SCL": "scl",
    }
)
"""Sentinel-2 names to names by meaning."""

NATIVE_RESOLUTION_M = MappingProxyType(
    {"blue": 10, "green": 10, "red": 10, "nir": 10, "vv": 10, "vh": 10}
    | dict.fromkeys(("rededge1", "rededge2", "rededge3", "nir08", "swir16", "swir22", "scl"), 20)
)
"""Ground sampling distance of each band as Sentinel delivers it."""

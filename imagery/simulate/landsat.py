"""Landsat 8 and 9, Collection 2 Level 2: passes, scenes at 30 m, QA_PIXEL with its habits, items, a cube.

The lattice is Landsat's own: edges of pixels lie on odd multiples of 15 m. `nir08` is the only near infrared.
QA_PIXEL follows CFMask (Zhu and Woodcock 2012): its water test takes coal for water, bright roofs are called
cloud, thin cloud and edges are missed, shadows are found in part; cirrus comes from a band of its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from scipy.ndimage import binary_dilation

from evidence.arrays import Bools, Floats32
from imagery.simulate.atmosphere import Sky, block_mean, seen_through
from imagery.simulate.frame import CELL_M, Frame
from imagery.simulate.params import SimulationParams
from imagery.simulate.passes import Pass
from imagery.simulate.scene import scene_sky
from imagery.simulate.sensor import sampled, with_noise
from imagery.simulate.terrain import Stream, smooth_field, stream, sun_position
from imagery.simulate.world import World

PIXEL_M = 30
HALF_M = 15
CELLS = round(PIXEL_M / CELL_M)
BANDS = ("blue", "green", "red", "nir08", "swir16", "swir22")
SCALE, OFFSET = 2.75e-05, -0.2
"""Reflectance of a digital number (USGS, Landsat 8-9 Collection 2 Level 2 Science Product Guide)."""
CYCLE_DAYS = 16
FIRST = {"landsat-8": dt.date(2013, 4, 11), "landsat-9": dt.date(2021, 11, 3)}
"""First day of each over the site; 9 (launched 2021-09-27) flies half a cycle after 8."""
SOLAR_HOURS = 10.2
"""Mean local time of the descending node (USGS: 10:11)."""
WRS_PATH, WRS_ROW = 99, 33
"""Invented for a place at sea."""
GAIN = {"landsat-8": 1.0, "landsat-9": 1.002}
"""Calibration of the satellites against each other (assumed; USGS finds them within half a per cent)."""
BANDPASS = {
    "blue": (0.9778, -0.0040),
    "green": (1.0053, -0.0009),
    "red": (0.9765, 0.0009),
    "nir08": (0.9983, -0.0001),
    "swir16": (0.9987, -0.0011),
    "swir22": (1.0030, -0.0012),
}
"""Slope and offset from Sentinel-2A's reflectance to OLI's (Claverie et al. 2018, HLS v2)."""
BANDPASS_SPREAD = 0.01
"""Sd of ln reflectance by which single materials depart from that line (assumed)."""
NOISE = 0.5
"""Sensor noise relative to Sentinel-2's (assumed: OLI's 12 bits and wide pixels)."""
MTF_NYQUIST = 0.30
"""Modulation at the Nyquist frequency of 30 m (assumed; OLI's requirement is on edge slope)."""
SHIFT_M = 4.0
"""Geolocation error per axis, sd (assumed; USGS states within 12 m, CE90, for Tier 1)."""
TIER_2 = 0.04
"""Share of scenes that end as Tier 2: too cloudy to be registered, off by three times as much (assumed)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LandsatPass:
    """One scene over the site: a `Pass` with what is Landsat's own."""

    one: Pass
    tier: str
    published: dt.datetime

    @property
    def item_id(self) -> str:
        """As Planetary Computer names it, and plainly simulated."""
        number = int(self.one.platform[-1])
        place = f"{WRS_PATH:03d}{WRS_ROW:03d}"
        return f"LC{number:02d}_L2SP_{place}_{self.one.day:%Y%m%d}_02_{self.tier}_SIMULATED"


def landsat_passes(params: SimulationParams, seed: int) -> tuple[LandsatPass, ...]:
    """All passes of both satellites in the period, the missing ones marked."""
    found = []
    for platform, first in FIRST.items():
        for step in range(max((params.until - first).days // CYCLE_DAYS + 1, 0)):
            day = first + dt.timedelta(days=CYCLE_DAYS * step)
            if params.since <= day < params.until and day.month in params.months:
                found.append(_pass(params, seed, platform, step, day))
    return tuple(sorted(found, key=lambda one: one.one.datetime))


def _pass(params: SimulationParams, seed: int, platform: str, step: int, day: dt.date) -> LandsatPass:
    index = 10_000 * int(platform[-1]) + step
    rng = stream(seed, Stream.LANDSAT, index)
    midnight = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
    hours = SOLAR_HOURS - params.lon / 15
    when = (midnight + dt.timedelta(hours=hours, seconds=float(rng.integers(-20, 20)))).replace(microsecond=0)
    tier = "T2" if rng.random() < TIER_2 else "T1"
    shift = SHIFT_M * (3.0 if tier == "T2" else 1.0) * rng.standard_normal(2)
    error = 3.0 * rng.standard_normal(2)
    one = Pass(
        index=index,
        datetime=when,
        platform=platform,
        absolute_orbit=step,
        sun=sun_position(when, lon=params.lon, lat=params.lat),
        raw_shift_m=(float(shift[0]), float(shift[1])),
        estimate_error_m=(float(error[0]), float(error[1])),
        missing=bool(rng.random() < params.missing),
        gain=GAIN[platform],
    )
    return LandsatPass(one=one, tier=tier, published=when + dt.timedelta(days=16))


def landsat_grid(frame: Frame, *, margin_m: float = 0.0) -> GeoBox:
    """The pixels on Landsat's lattice that lie within the site and a margin (at most 150 m)."""
    west, south, east, north = frame.bounds_m
    left, bottom = (_odd(edge - margin_m, np.ceil) for edge in (west, south))
    right, top = (_odd(edge + margin_m, np.floor) for edge in (east, north))
    shape = (round((top - bottom) / PIXEL_M), round((right - left) / PIXEL_M))
    return GeoBox(shape, Affine(PIXEL_M, 0, left, 0, -PIXEL_M, top), f"EPSG:{frame.epsg}")


def _odd(edge: float, whole: Any) -> float:
    """The next odd multiple of 15 m."""
    return float(whole((edge - HALF_M) / PIXEL_M) * PIXEL_M + HALF_M)


@dataclass(frozen=True, slots=True, kw_only=True)
class LandsatImage:
    """What the satellite delivers over a grid at 30 m, with the sky's truth."""

    reflectance: dict[str, Floats32]
    qa_pixel: NDArray[np.uint16]
    qa_radsat: NDArray[np.uint16]
    sky: Sky
    """On the grid's pixels."""
    snow: Floats32
    """True snow cover of open ground."""


def landsat_image(world: World, one: Pass, grid: GeoBox, *, shift_m: tuple[float, float]) -> LandsatImage:
    """Make one scene over a grid of Landsat's lattice, the same whichever other scenes are made."""
    frame = world.frame
    start = _first_cell(frame, grid)
    shape = (int(grid.shape[0]), int(grid.shape[1]))
    fine = world.reflectance(one.day, one.sun, BANDS, response=_response(world))
    seen = sampled(fine, PIXEL_M, shift_m=shift_m, origin_cells=start, shape=shape, mtf_nyquist=MTF_NYQUIST)
    for row, band in enumerate(BANDS):
        slope, offset = BANDPASS[band]
        seen[row] = (slope * seen[row] + offset) * np.float32(one.gain)
    sky = _sky_on(scene_sky(world, one, margin_px=frame.margin_cells // 2), start, shape)
    seen = seen_through(seen, sky, BANDS, step=1)
    seen = with_noise(
        seen,
        BANDS,
        stream(world.seed, Stream.LANDSAT, one.index + 1),
        factor=NOISE * world.params.sensor.noise,
    )
    planes = dict(zip(BANDS, np.clip(seen, -0.19, 1.6), strict=True))
    cover = world.snow_cover(world.weather.on(one.day))
    snow = np.zeros(shape, np.float32) if cover is None else _mean_on(cover, start, shape)
    rng = stream(world.seed, Stream.LANDSAT, one.index + 2)
    qa = quality(planes, sky, rng)
    return LandsatImage(
        reflectance=planes,
        qa_pixel=qa,
        qa_radsat=_saturated(planes),
        sky=sky,
        snow=snow,
    )


def _response(world: World) -> Floats32:
    """How single rows of the palette depart from the line between the two instruments: (row, band)."""
    rng = stream(world.seed, Stream.LANDSAT)
    drawn = rng.standard_normal((256, len(BANDS)))[: len(world.land.palette.materials)]
    return np.exp(BANDPASS_SPREAD * drawn).astype(np.float32)


def _first_cell(frame: Frame, grid: GeoBox) -> tuple[int, int]:
    """(row, column) of the fine cell in the first pixel's corner."""
    world = frame.world_transform
    return round((world.f - grid.transform.f) / CELL_M), round((grid.transform.c - world.c) / CELL_M)


def _mean_on(cells: Floats32, start: tuple[int, int], shape: tuple[int, int]) -> Floats32:
    """Mean of the fine cells of each pixel."""
    rows, columns = (slice(first, first + CELLS * size) for first, size in zip(start, shape, strict=True))
    return block_mean(np.ascontiguousarray(cells[rows, columns], np.float32), CELLS)


def _sky_on(sky: Sky, start: tuple[int, int], shape: tuple[int, int]) -> Sky:
    """A sky over the whole world on the pixels of a grid."""
    cloud, shadow, cirrus, haze = (
        _mean_on(np.kron(field, np.ones((2, 2), np.float32)), start, shape)
        for field in (sky.cloud, sky.shadow, sky.cirrus, sky.haze)
    )
    return replace(sky, cloud=cloud, shadow=shadow, cirrus=cirrus, haze=haze)


FILL, DILATED, CIRRUS, CLOUD, SHADOW, SNOW, CLEAR, WATER = (1 << bit for bit in range(8))
LOW, MEDIUM, HIGH = 1, 2, 3
BRIGHTEST = 1.55
"""Reflectance from which a band counts as saturated; real ones are in radiance and rare (assumed)."""


def _saturated(planes: dict[str, Floats32]) -> NDArray[np.uint16]:
    """QA_RADSAT: bit 1 for blue to bit 6 for swir22."""
    bits = np.zeros(planes["red"].shape, np.uint16)
    for bit, band in enumerate(BANDS, start=1):
        bits[planes[band] > BRIGHTEST] |= np.uint16(1 << bit)
    return bits


def quality(seen: dict[str, Floats32], sky: Sky, rng: np.random.Generator) -> NDArray[np.uint16]:
    """QA_PIXEL of one scene: (y, x), bits as USGS documents them for Landsat 8-9 Collection 2.

    Args:
        seen: reflectance by band.
        sky: the truth, for what CFMask takes from other bands and from geometry.
        rng: thresholds wander from scene to scene.
    """
    wander = rng.normal(0, 1, 5)
    patch = smooth_field(rng, sky.cloud.shape, slope=0.7, step=2)
    red, nir, green, swir = seen["red"], seen["nir08"], seen["green"], seen["swir16"]
    ndvi = (nir - red) / np.maximum(nir + red, 0.01)
    ndsi = (green - swir) / np.maximum(green + swir, 0.01)
    white = np.abs(np.stack([seen[b] for b in ("blue", "green", "red")]) / np.mean(
        [seen[b] for b in ("blue", "green", "red")], axis=0
    ) - 1).sum(axis=0)  # fmt: skip
    roof = (seen["blue"] > 0.25 + 0.02 * wander[0]) & (white < 0.3) & (ndsi < 0.15)  # noqa: PLR2004
    cloud = (sky.cloud > np.maximum(0.38 + 0.06 * wander[1] + 0.15 * patch, 0.1)) | roof
    cirrus = sky.cirrus > max(0.05 + 0.015 * wander[2], 0.02)
    dilated = binary_dilation(cloud, iterations=3) & ~cloud if cloud.any() else np.zeros_like(cloud)
    shadow = (sky.shadow > 0.4 + 0.08 * wander[3]) & (nir < 0.2) & (patch < 0.7 + 0.3 * wander[4])  # noqa: PLR2004
    snow = (ndsi > 0.15) & (nir > 0.11) & (green > 0.1)  # noqa: PLR2004 - Zhu and Woodcock (2012), equation 20
    water = ((ndvi < 0.01) & (nir < 0.11)) | ((ndvi < 0.1) & (nir < 0.05))  # noqa: PLR2004 - the same, equation 5
    clear = ~(cloud | dilated | cirrus)
    bits = np.zeros(cloud.shape, np.uint16)
    for flag, where in (
        (DILATED, dilated), (CIRRUS, cirrus), (CLOUD, cloud), (SHADOW, shadow & ~cloud),
        (SNOW, snow & ~cloud), (CLEAR, clear), (WATER, water & ~cloud),
    ):  # fmt: skip
        bits[where] |= flag
    for first, where in ((8, cloud), (10, shadow & ~cloud), (12, snow & ~cloud), (14, cirrus)):
        bits |= np.where(where, HIGH << first, LOW << first).astype(np.uint16)
    middling = dilated & (sky.cloud > 0.1)  # noqa: PLR2004
    bits[middling] = (bits[middling] & ~np.uint16(HIGH << 8)) | np.uint16(MEDIUM << 8)
    return bits


TRUE_CLOUD, TRUE_CIRRUS, TRUE_SHADOW = 0.15, 0.06, 0.25
UNUSABLE_BELOW = 0.02


def landsat_cube(world: World, passes: Sequence[LandsatPass]) -> xr.Dataset:
    """The fast path: Tier 1 scenes as the cube at 30 m that `load_cube` would give, without files.

    `nir` is `nir08`; `valid` follows QA_PIXEL.
    """
    grid = landsat_grid(world.frame)
    seen = [one for one in passes if not one.one.missing and one.tier == "T1"]
    shape = (len(seen), *(int(side) for side in grid.shape))
    bands = {band: np.empty(shape, np.float32) for band in BANDS}
    masks = {name: np.empty(shape, bool) for name in ("valid", "cloud", "shadow", "snow", "water")}
    for k, one in enumerate(seen):
        left = (-one.one.estimate_error_m[0], -one.one.estimate_error_m[1])
        image = landsat_image(world, one.one, grid, shift_m=left)
        for band in BANDS:
            bands[band][k] = image.reflectance[band]
        qa = image.qa_pixel
        masks["cloud"][k] = (qa & (CLOUD | DILATED | CIRRUS)) > 0
        masks["shadow"][k] = (qa & SHADOW) > 0
        masks["snow"][k], masks["water"][k] = (qa & SNOW) > 0, (qa & WATER) > 0
    masks["valid"] = ~(masks["cloud"] | masks["shadow"])
    return _dataset(world, grid, [one.one for one in seen], bands, masks)


def _dataset(
    world: World, grid: GeoBox, passes: Sequence[Pass], bands: dict[str, Floats32], masks: dict[str, Bools]
) -> xr.Dataset:
    dims = ("time", "y", "x")
    fraction = masks["valid"].mean(axis=(1, 2))
    masks["valid"][fraction < UNUSABLE_BELOW] = False
    chosen = [band for band in BANDS if band in {*world.params.sensor.bands, "nir08"}]
    variables = {band: xr.Variable(dims, bands[band], {"native_resolution_m": PIXEL_M}) for band in chosen}
    variables["nir"] = xr.Variable(dims, bands["nir08"], {"native_resolution_m": PIXEL_M})
    variables |= {name: xr.Variable(dims, mask) for name, mask in masks.items()}
    columns: dict[str, Any] = {
        "time": np.array([one.datetime.replace(tzinfo=None) for one in passes], "datetime64[ns]"),
        "scene_id": [f"simulated-{one.platform}-{one.day:%Y%m%d}" for one in passes],
        "platform": [one.platform for one in passes],
        "relative_orbit": np.full(len(passes), WRS_PATH),
        "baseline": ["02" for _ in passes],
        "dx_m": [one.raw_shift_m[0] + one.estimate_error_m[0] for one in passes],
        "dy_m": [one.raw_shift_m[1] + one.estimate_error_m[1] for one in passes],
        "residual_px": [float(np.hypot(*one.estimate_error_m) / PIXEL_M) for one in passes],
        "offset_applied": np.full(len(passes), OFFSET),
        "status": np.where(fraction >= UNUSABLE_BELOW, "used", "unusable"),
        "detail": np.where(fraction >= UNUSABLE_BELOW, "", "cloud"),
        "valid_fraction": fraction,
        "snow_fraction": masks["snow"].mean(axis=(1, 2)),
        "sun_elevation_deg": [one.sun.elevation_deg for one in passes],
        "sun_azimuth_deg": [one.sun.azimuth_deg for one in passes],
    }
    coords = dict(xr_coords(grid)) | {
        name: xr.Variable(("time",), np.asarray(values)) for name, values in columns.items()
    }
    return xr.Dataset(variables, coords=coords).assign_attrs(simulated="true", seed=world.seed)


COLLECTION = "landsat-c2-l2"
FILES = {
    "blue": "SR_B2",
    "green": "SR_B3",
    "red": "SR_B4",
    "nir08": "SR_B5",
    "swir16": "SR_B6",
    "swir22": "SR_B7",
}
CENTRES_UM = dict(zip(BANDS, (0.48, 0.56, 0.65, 0.86, 1.6, 2.2), strict=True))
EXTENSIONS = (
    "https://landsat.usgs.gov/stac/landsat-extension/v1.1.1/schema.json",
    "https://stac-extensions.github.io/classification/v1.0.0/schema.json",
)
"""Besides the optical ones."""
BITFIELDS = (
    ("fill", 0, 1), ("dilated_cloud", 1, 1), ("cirrus", 2, 1), ("cloud", 3, 1), ("cloud_shadow", 4, 1),
    ("snow", 5, 1), ("clear", 6, 1), ("water", 7, 1), ("cloud_confidence", 8, 2),
    ("cloud_shadow_confidence", 10, 2), ("snow_confidence", 12, 2), ("cirrus_confidence", 14, 2),
)  # fmt: skip


def landsat_numbers(image: LandsatImage) -> dict[str, NDArray[np.uint16]]:
    """Digital numbers of the files, by asset: 0 is fill in bands, 1 in QA_PIXEL."""
    bands = {
        band: np.clip(np.rint((plane - OFFSET) / SCALE), 1, 65535).astype(np.uint16)
        for band, plane in image.reflectance.items()
    }
    return bands | {"qa_pixel": image.qa_pixel, "qa_radsat": image.qa_radsat}


def landsat_properties(one: LandsatPass, grid: GeoBox, cloud_percent: float) -> dict[str, Any]:
    """Properties of an item, with the names that Planetary Computer uses."""
    sun = one.one.sun
    number = one.one.platform[-1]
    return {
        "datetime": one.one.datetime.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "created": one.published.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "platform": one.one.platform,
        "instruments": ["oli", "tirs"],
        "gsd": 30,
        "eo:cloud_cover": round(cloud_percent, 2),
        "view:off_nadir": 0,
        "view:sun_elevation": round(sun.elevation_deg, 6),
        "view:sun_azimuth": round(sun.azimuth_deg, 6),
        "proj:epsg": int(str(grid.crs).rsplit(":", maxsplit=1)[-1]),
        "proj:shape": [int(side) for side in grid.shape],
        "proj:transform": list(grid.transform)[:6],
        "landsat:cloud_cover_land": round(cloud_percent, 2),
        "landsat:wrs_type": "2",
        "landsat:wrs_path": f"{WRS_PATH:03d}",
        "landsat:wrs_row": f"{WRS_ROW:03d}",
        "landsat:scene_id": f"LC{number}{WRS_PATH:03d}{WRS_ROW:03d}{one.one.day:%Y%j}SIM00",
        "landsat:correction": "L2SP",
        "landsat:collection_number": "02",
        "landsat:collection_category": one.tier,
    }


def landsat_assets() -> dict[str, dict[str, Any]]:
    """Assets of an item; files lie beside it."""
    geotiff = "image/tiff; application=geotiff; profile=cloud-optimized"
    found: dict[str, dict[str, Any]] = {
        band: {
            "href": f"./{name}.TIF",
            "type": geotiff,
            "title": f"{band} (simulated)",
            "eo:bands": [
                {"name": f"OLI_{name[3:]}", "common_name": band, "center_wavelength": CENTRES_UM[band]}
            ],
            "raster:bands": [
                {"nodata": 0, "data_type": "uint16", "spatial_resolution": PIXEL_M}
                | {"scale": SCALE, "offset": OFFSET}
            ],
            "roles": ["data", "reflectance"],
        }
        for band, name in FILES.items()
    }  # fmt: skip
    found["qa_pixel"] = {
        "href": "./QA_PIXEL.TIF",
        "type": geotiff,
        "title": "Pixel Quality Assessment Band (simulated)",
        "classification:bitfields": [
            {"name": name, "offset": first, "length": length} for name, first, length in BITFIELDS
        ],
        "raster:bands": [{"nodata": 1, "data_type": "uint16", "spatial_resolution": 30, "unit": "bit index"}],
        "roles": ["cloud", "cloud-shadow", "snow-ice", "water-mask"],
    }
    found["qa_radsat"] = {
        "href": "./QA_RADSAT.TIF",
        "type": geotiff,
        "title": "Radiometric Saturation and Terrain Occlusion Quality Assessment Band (simulated)",
        "raster:bands": [{"data_type": "uint16", "spatial_resolution": 30, "unit": "bit index"}],
        "roles": ["saturation"],
    }
    return found

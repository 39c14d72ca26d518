"""Sentinel-1: linear gamma0 in VV and VH with correlated speckle, two tracks, the fleet as it was."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from odc.geo.xr import xr_coords
from scipy.ndimage import gaussian_filter

from evidence.arrays import Floats32
from imagery.simulate.atmosphere import block_mean
from imagery.simulate.params import SimulationParams
from imagery.simulate.spectra import Material, forest_greenness
from imagery.simulate.terrain import Stream, stream
from imagery.simulate.world import World

LOOKS = 5
"""Looks of a ground-range product (5 in range, 1 in azimuth)."""
RESOLUTION_SIGMA_PX = 0.85
"""Blur of 10 m pixels that 20 m × 22 m resolution amounts to; it correlates neighbouring speckle."""
GAMMA0_DB = {
    Material.DECIDUOUS: (-9.5, -15.0),
    Material.DECIDUOUS_LATE: (-9.5, -15.0),
    Material.CONIFER: (-9.0, -14.5),
    Material.CROP: (-11.0, -18.0),
    Material.PADDY: (-12.0, -19.0),
    Material.GRASS: (-11.5, -18.5),
    Material.SOIL: (-12.5, -20.5),
    Material.YARD: (-12.0, -20.0),
    Material.SPOIL: (-10.0, -18.5),
    Material.PIT: (-9.5, -18.0),
    Material.COAL: (-13.5, -22.0),
    Material.ASPHALT: (-17.0, -25.0),
    Material.BRIGHT_ROOF: (-3.0, -12.0),
    Material.DARK_ROOF: (-4.0, -13.0),
    Material.WATER: (-20.0, -28.0),
    Material.BURNT: (-10.5, -17.5),
    Material.WET_SOIL: (-10.5, -19.5),
}
"""Mean gamma0 (VV, VH) in dB; assumed, typical of C band at 35–40° incidence, no source read."""
BARE = (Material.SOIL, Material.YARD, Material.SPOIL, Material.PIT, Material.CROP, Material.COAL)
TRACKS = (("descending", 105, 6.0), ("ascending", 68, 18.0))
"""Orbit state, relative orbit and local solar hour of the two tracks over the site."""
EPOCH = dt.date(2015, 7, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RadarPass:
    """One frame of Sentinel-1 over the site."""

    index: int
    datetime: dt.datetime
    platform: str
    relative_orbit: int
    orbit_state: str


def radar_passes(params: SimulationParams) -> tuple[RadarPass, ...]:
    """Both tracks: every 12 days, every 6 while two satellites fly."""
    found = []
    for track, (state, orbit, hours) in enumerate(TRACKS):
        for step in range((params.until - EPOCH).days // 6 + 1):
            day = EPOCH + dt.timedelta(days=6 * step + 2 * track)
            platform = _platform(step, day)
            if platform is None or not params.since <= day < params.until or day.month not in params.months:
                continue
            midnight = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
            when = midnight + dt.timedelta(hours=hours - params.lon / 15)
            found.append(
                RadarPass(
                    index=2 * step + track,
                    datetime=when.replace(microsecond=0),
                    platform=platform,
                    relative_orbit=orbit,
                    orbit_state=state,
                )
            )
    return tuple(sorted(found, key=lambda one: one.datetime))


def _platform(step: int, day: dt.date) -> str | None:
    """Who flies; the second satellite was lost on 2021-12-23 and replaced by March 2025."""
    if step % 2 == 0:
        return "sentinel-1a"
    if dt.date(2016, 9, 26) <= day < dt.date(2021, 12, 23):
        return "sentinel-1b"
    return "sentinel-1c" if day >= dt.date(2025, 3, 26) else None


def speckle(shape: tuple[int, int], rng: np.random.Generator) -> Floats32:
    """Multi-look intensity of mean 1 with the correlation that the resolution gives: (y, x)."""
    total = np.zeros(shape)
    for _ in range(LOOKS):
        for _part in range(2):
            total += gaussian_filter(rng.standard_normal(shape), RESOLUTION_SIGMA_PX, mode="wrap") ** 2
    kernel = np.zeros((15, 15))
    kernel[7, 7] = 1
    power = float((gaussian_filter(kernel, RESOLUTION_SIGMA_PX) ** 2).sum())
    return (total / (2 * LOOKS * power)).astype(np.float32)


def gamma0(world: World, one: RadarPass) -> dict[str, Floats32]:
    """VV and VH of one frame over the site: (y, x), linear."""
    day, state = one.datetime.date(), world.weather.on(one.datetime.date())
    labels, coal = world.labels(day), world.coal_cover(day)
    margin = world.frame.margin_cells
    rng = stream(world.seed, Stream.RADAR, one.index)
    leafed = forest_greenness(day.timetuple().tm_yday - state.phenology_shift_days, delay_days=0)
    found: dict[str, Floats32] = {}
    for k, band in enumerate(("vv", "vh")):
        table = np.array([GAMMA0_DB[material][k] for material in Material])
        table[list(BARE)] += 2.0 * state.wetness
        table[[Material.DECIDUOUS, Material.DECIDUOUS_LATE]] += (-0.4, 0.8)[k] * leafed
        linear = (10 ** (table / 10)).astype(np.float32)
        fine = linear[labels] * (1 - coal) + linear[Material.COAL] * coal
        mean = block_mean(np.ascontiguousarray(fine[margin:-margin, margin:-margin]), 2)
        found[band] = gaussian_filter(mean, RESOLUTION_SIGMA_PX) * speckle(mean.shape, rng)
    return found


def radar_cube(world: World, passes: Sequence[RadarPass]) -> xr.Dataset:
    """Linear gamma0 `vv vh` and `valid`, (time, y, x), with the coordinates of a radar cube."""
    size = world.frame.size_px
    planes = {band: np.empty((len(passes), size, size), np.float32) for band in ("vv", "vh")}
    for k, one in enumerate(passes):
        for band, values in gamma0(world, one).items():
            planes[band][k] = values
    dims = ("time", "y", "x")
    columns = {
        "time": np.array([one.datetime.replace(tzinfo=None) for one in passes], "datetime64[ns]"),
        "scene_id": np.array([f"simulated-{one.platform}-{one.datetime:%Y%m%dT%H%M%S}" for one in passes]),
        "platform": np.array([one.platform for one in passes]),
        "relative_orbit": np.array([one.relative_orbit for one in passes]),
        "orbit_state": np.array([one.orbit_state for one in passes]),
        "status": np.array(["used" for _ in passes]),
    }
    coords = dict(xr_coords(world.frame.geobox)) | {
        name: xr.Variable(("time",), values) for name, values in columns.items()
    }
    variables = {
        band: xr.Variable(dims, values, {"native_resolution_m": 10}) for band, values in planes.items()
    }
    variables["valid"] = xr.Variable(dims, np.ones((len(passes), size, size), bool))
    return xr.Dataset(variables, coords=coords).assign_attrs(simulated="true", seed=world.seed)

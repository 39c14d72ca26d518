"""Takes the looks of a cube into a disturbance state, one after the other, in order of time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from detection.disturbance_season import (
    ORDER,
    SeasonParams,
    fit_leaf_on,
    fit_whole_year,
    hold_look,
    leaf_on,
    prediction,
)
from detection.disturbance_state import BANDS, Bools, DisturbanceState, Floats, blank
from detection.harmonics import MAD_TO_SD
from detection.indices import bareness
from detection.monitor import PERSISTENT, MonitorParams, update_monitor

Planes = NDArray[np.float32]
Checkpoints = MutableMapping[str, DisturbanceState]
BLOCK = 16
"""Looks that are read at once."""


def _monitor_params() -> MonitorParams:
    return MonitorParams(
        order=ORDER,
        shewhart=3.8,
        ewma_limit=3.8,
        mosum_limit=4.0,
        cusum_limit=7.0,
        outlier=14.0,
        ceiling=0.15,
        winsor=6.0,
        persist_looks=3,
        persist_days=10,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LookParams:
    """Knobs of how looks are compared with the history, saved with the result."""

    history_days: int = 365
    """Shortest stable history: one whole season."""
    history_looks: int = 12
    """Leaf-on looks with at least half of the site clear that the history must hold."""
    season: SeasonParams = field(default_factory=SeasonParams)
    snow_at_most: float = 0.1
    """Share of clear ground under snow above which the whole look is left out."""
    looks_after: int = 16
    """Looks after an alert that describe the change."""
    forget: float = 0.15
    """How much less each of them weighs than the next: a clearing takes weeks to be whole."""
    bare: float = 0.0
    """Index of bare ground; looks on which it would not stand out tell nothing about when it came."""
    back_looks: int = 6
    """Looks in a row as the history predicts after which a persistent pixel has grown over again."""
    back_days: int = 60
    """Days over which they must lie."""
    monitor: MonitorParams = field(default_factory=_monitor_params)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look in arrays of (pixel,)."""

    scene_id: str
    day: float
    values: Planes
    """The index, NaN where nothing is compared."""
    bands: dict[str, Planes]
    clear: bool
    """Whether anything was clear at all."""


def look_keys(cube: xr.Dataset, params: LookParams) -> list[str]:
    """The key of the state after each look of the cube, in order of time.

    A hash chain over the parameters and every look so far: its time, its id and its content, which is the
    coordinate `content` where the cube has one (a digest of all that its pixels follow from) and a digest of
    the pixels themselves where it has not.
    """
    digest = hashlib.sha256(f"{params!r}|{cube.odc.geobox!r}|{_names(cube)}".encode())
    contents = cube["content"].to_numpy() if "content" in cube.coords else _pixel_digests(cube)
    times = cube["time"].to_numpy().astype("datetime64[s]").astype(str)
    keys = []
    for scene, when, content in zip(cube["scene_id"].to_numpy(), times, contents, strict=True):
        digest.update(f"|{scene}|{when}|{content}".encode())
        keys.append(digest.copy().hexdigest())
    return keys


def in_order(cube: xr.Dataset) -> xr.Dataset:
    """The cube by time, then by scene id."""
    order = np.lexsort((cube["scene_id"].to_numpy().astype(str), cube["time"].to_numpy()))
    return cube if (np.diff(order) == 1).all() else cube.isel(time=order)


def run_looks(
    cube: xr.Dataset, *, params: LookParams, checkpoints: Checkpoints | None = None
) -> DisturbanceState | None:
    """The state after all looks; None where they are too few to make a history and one look more.

    Args:
        cube: (time, y, x), lazy or not; with a checkpoint only the looks after it are read.
        params: knobs.
        checkpoints: states by key; read, and extended at the end of every year and of the cube.
    """
    cube = in_order(cube)
    if checkpoints is None:
        done, state = _start(cube, params)
        return (
            state if state is None else advance_state(state, cube.isel(time=slice(done, None)), params=params)
        )
    keys = look_keys(cube, params)
    done = next((k + 1 for k in range(len(keys) - 1, -1, -1) if keys[k] in checkpoints), 0)
    state = checkpoints[keys[done - 1]].copy() if done else None
    if state is None:
        done, state = _start(cube, params)
    if state is None:
        return None
    for end in _year_ends(cube, done):
        advance_state(state, cube.isel(time=slice(done, end)), params=params)
        checkpoints[keys[end - 1]] = state.copy()
        done = end
    return state


def _year_ends(cube: xr.Dataset, done: int) -> list[int]:
    """Where the looks of each year end, after the first `done`."""
    years = cube["time"].dt.year.to_numpy()
    ends = [*(np.flatnonzero(np.diff(years)) + 1), years.size]
    return [int(end) for end in ends if end > done]


def _start(cube: xr.Dataset, params: LookParams) -> tuple[int, DisturbanceState | None]:
    """How many looks the history takes, and the state at its end."""
    held: list[Look] = []
    good, first = 0, None
    for k, look in enumerate(read_looks(cube, params)):
        share = np.isfinite(look.values).mean() if leaf_on(look.day, params.season) else 0.0
        if first is None and share > 0:
            first = look.day
        enough = (
            good >= params.history_looks and first is not None and look.day - first >= params.history_days
        )
        if enough and share > 0:
            return k, _fitted(held, cube.odc.geobox.shape, params)
        good += int(share >= 0.5)  # noqa: PLR2004 - half of the site
        held.append(replace(look, bands={}))
    return len(held), None


def _fitted(held: list[Look], shape: tuple[int, int], params: LookParams) -> DisturbanceState:
    used = [look for look in held if np.isfinite(look.values).any()]
    days = np.array([look.day for look in used], np.float64)
    values = np.stack([look.values for look in used])
    beta, sigma, spread = fit_leaf_on(values, days, params.season)
    state = blank(beta, sigma, shape, params.monitor)
    state.first_day, state.history_end, state.spread = float(days[0]), float(days[-1]), spread
    state.held, state.held_days = values, days
    fit_whole_year(state, params.season)
    _remember(state, held)
    return state


def advance_state(state: DisturbanceState, cube: xr.Dataset, *, params: LookParams) -> DisturbanceState:
    """Take all looks of `cube`, which come after those that the state knows, into account, in place."""
    for look in read_looks(cube, params):
        if np.isfinite(look.values).any():
            _take(state, look, params)
            hold_look(state, look.values, look.day, params.season)
        _remember(state, [look])
    return state


def _remember(state: DisturbanceState, looks: list[Look]) -> None:
    clear = [look for look in looks if look.clear]
    if clear:
        state.scene_ids = np.append(state.scene_ids, np.array([look.scene_id for look in clear]))
        state.scene_days = np.append(state.scene_days, np.array([look.day for look in clear], np.int64))


def _take(state: DisturbanceState, look: Look, params: LookParams) -> None:
    """One look: the monitor first, then what describes changes."""
    monitor, p = state.monitor, params.monitor
    fit, scale = prediction(state, look.day, params.season)
    departure = _without_scene(np.where(np.isfinite(scale), look.values - fit, np.nan), scale)
    before = monitor.status > 0
    scaled = np.asarray(fit + departure * (monitor.sigma / scale), np.float32)
    update_monitor(monitor, scaled, look.day, params=p)
    new = (monitor.status > 0) & ~before
    state.plain_before[new] = state.last_plain[new]
    z = departure / scale
    plain = (z <= p.agree) & (params.bare - fit > 2.0 * p.agree * scale) & ~before & ~new
    state.last_plain[plain] = int(look.day)
    _describe(state, look, departure, np.maximum(params.bare - fit, 0.0), new, params)
    _returns(state, look.day, z, params)


def _without_scene(departure: Floats, scale: Floats) -> Floats:
    """Departures whose median, and spread beyond what is expected, over the scene are taken out."""
    z = departure / scale
    seen = z[np.isfinite(z)]
    if seen.size == 0:
        return departure
    centre = float(np.median(seen))
    spread = max(1.0, MAD_TO_SD * float(np.median(np.abs(seen - centre))))
    return scale * (z - centre) / spread


def _describe(
    state: DisturbanceState, look: Look, departure: Floats, bare: Floats, new: Bools, params: LookParams
) -> None:
    """Add the look to what is known of pixels that changed, and of their neighbours."""
    alert = state.monitor.status > 0
    if not alert.any():
        return
    state.pull[new], state.power[new], state.pull_looks[new] = 0.0, 0.0, 0
    state.reflectance[:, new], state.reflectance_looks[new] = 0.0, 0
    near = np.asarray(binary_dilation(alert.reshape(state.shape), np.ones((3, 3), np.bool_))).ravel()
    taken = near & np.isfinite(departure) & (state.pull_looks < params.looks_after)
    state.pull_looks[taken] += 1
    kept, contrast = 1.0 - params.forget, bare[taken]
    state.pull[taken] = kept * state.pull[taken] + departure[taken] * contrast
    state.power[taken] = kept * state.power[taken] + contrast**2
    if leaf_on(look.day, params.season):
        _reflect(state, look, alert & np.isfinite(departure), params)


def _reflect(state: DisturbanceState, look: Look, here: Bools, params: LookParams) -> None:
    index = np.flatnonzero(here & (state.reflectance_looks < params.looks_after))
    for k, band in enumerate(BANDS):
        state.reflectance[k, index] += look.bands[band][index] if band in look.bands else np.nan
    state.reflectance_looks[index] += 1


def _returns(state: DisturbanceState, day: float, z: Floats, params: LookParams) -> None:
    """Count looks on which persistent pixels are as their history predicts."""
    index = np.flatnonzero((state.monitor.status == PERSISTENT) & np.isfinite(z))
    normal = z[index] <= params.monitor.agree
    state.back[index] = np.where(normal, state.back[index] + 1, 0)
    state.back_from[index] = np.where(normal & (state.back[index] == 1), int(day), state.back_from[index])
    long = (
        normal & (state.back[index] >= params.back_looks) & (day - state.back_from[index] >= params.back_days)
    )
    fresh = long & (state.returned_day[index] < 0)
    state.returned_day[index[fresh]] = int(day)
    state.returned_day[index[~normal]] = -1


def _names(cube: xr.Dataset) -> tuple[str, ...]:
    return tuple(band for band in BANDS if band in cube)


def read_looks(cube: xr.Dataset, params: LookParams | None = None) -> Iterator[Look]:
    """All looks of the cube in blocks, snow and unclear ground taken out."""
    params = params or LookParams()
    for start in range(0, cube.sizes["time"], BLOCK):
        part = cube.isel(time=slice(start, start + BLOCK))
        bands = {band: part[band].to_numpy() for band in _names(cube)}
        clear = part["valid"].to_numpy()
        snow = part["snow"].to_numpy() & clear
        days = part["time"].to_numpy().astype("datetime64[D]").astype(np.int64)
        for k, scene in enumerate(part["scene_id"].to_numpy()):
            planes = {band: np.asarray(values[k], np.float32).ravel() for band, values in bands.items()}
            used = _compared(clear[k], snow[k], params)
            values = np.full(used.size, np.nan, np.float32) if not used.any() else bareness(planes)[0]
            yield Look(
                scene_id=str(scene),
                day=float(days[k]),
                values=np.where(used, values, np.float32(np.nan)),
                bands=planes,
                clear=bool(clear[k].any()),
            )


def _compared(clear: Bools, snow: Bools, params: LookParams) -> Bools:
    """Pixels of a look that are compared with the history: (pixel,)."""
    if snow.sum() > params.snow_at_most * clear.sum():
        return np.zeros(clear.size, np.bool_)
    return (clear & ~snow).ravel()


def _pixel_digests(cube: xr.Dataset) -> list[str]:
    """A digest of the pixels of each look."""
    made = []
    names = (*_names(cube), "valid", "snow")
    for start in range(0, cube.sizes["time"], BLOCK):
        part = cube.isel(time=slice(start, start + BLOCK))
        planes = {name: np.ascontiguousarray(part[name].to_numpy()) for name in names}
        for k in range(part.sizes["time"]):
            digest = hashlib.sha256()
            for name in names:
                digest.update(planes[name][k].tobytes())
            made.append(digest.hexdigest())
    return made

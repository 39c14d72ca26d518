"""Takes the looks of a cube into a disturbance state, one after the other, in order of time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from detection.disturbance_state import BANDS, Bools, DisturbanceState, Floats, blank
from detection.harmonics import MAD_TO_SD, design, fit_harmonics
from detection.indices import bareness
from detection.monitor import PERSISTENT, MonitorParams, update_monitor

Planes = NDArray[np.float32]
Checkpoints = MutableMapping[str, DisturbanceState]
BLOCK = 16
"""Looks that are read at once."""


def _monitor_params() -> MonitorParams:
    return MonitorParams(
        floor=0.035, ceiling=0.15, persist_looks=4, min_history=6, winsor=6.0, persist_days=20
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LookParams:
    """Knobs of how looks are compared with the history, saved with the result."""

    months: tuple[int, int] = (5, 10)
    """First and last month that is compared: leaf-on season, since winter ground differs from year to year
    by more than what is sought."""
    leaf_on: tuple[int, int] = (5, 10)
    """Months whose reflectance decides the kind."""
    history_days: int = 365
    """Shortest stable history: one whole season."""
    history_looks: int = 12
    """Looks with at least half of the site clear that the history must hold."""
    season_shift_days: float = 6.0
    """How early or late a year is, sd: the steeper the season, the less a departure means."""
    snow_at_most: float = 0.1
    """Share of clear ground under snow above which the whole look is left out."""
    looks_after: int = 12
    """Looks after an alert that describe the change."""
    back_looks: int = 6
    """Looks in a row as the history predicts after which a persistent pixel has grown over again."""
    back_days: int = 60
    """Days over which they must lie."""
    monitor: MonitorParams = field(default_factory=_monitor_params)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
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
    held: list[_Look] = []
    good, first = 0, None
    for k, look in enumerate(_looks(cube, params)):
        share = np.isfinite(look.values).mean()
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


def _fitted(held: list[_Look], shape: tuple[int, int], params: LookParams) -> DisturbanceState:
    used = [look for look in held if np.isfinite(look.values).any()]
    days = np.array([look.day for look in used], np.float64)
    p = params.monitor
    regressors = design(days, order=p.order, trend=p.trend)
    values = np.stack([look.values for look in used])
    beta, sigma, _ = fit_harmonics(values, regressors, min_looks=p.min_history, floor=p.floor)
    state = blank(beta, sigma, shape, p)
    state.first_day, state.history_end = float(days[0]), float(days[-1])
    _remember(state, held)
    return state


def advance_state(state: DisturbanceState, cube: xr.Dataset, *, params: LookParams) -> DisturbanceState:
    """Take all looks of `cube`, which come after those that the state knows, into account, in place."""
    for look in _looks(cube, params):
        if np.isfinite(look.values).any():
            _take(state, look, params)
        _remember(state, [look])
    return state


def _remember(state: DisturbanceState, looks: list[_Look]) -> None:
    clear = [look for look in looks if look.clear]
    if clear:
        state.scene_ids = np.append(state.scene_ids, np.array([look.scene_id for look in clear]))
        state.scene_days = np.append(state.scene_days, np.array([look.day for look in clear], np.int64))


def _take(state: DisturbanceState, look: _Look, params: LookParams) -> None:
    """One look: the monitor first, then what describes changes."""
    monitor, p = state.monitor, params.monitor
    fit, scale = _prediction(state, look.day, params)
    departure = _without_scene(look.values - fit, scale)
    before = monitor.status > 0
    scaled = np.asarray(fit + departure * (monitor.sigma / scale), np.float32)
    update_monitor(monitor, scaled, look.day, params=p)
    alert = monitor.status > 0
    _describe(state, look, departure, alert & ~before, params)
    _returns(state, look.day, departure / scale, params)


def _prediction(state: DisturbanceState, day: float, params: LookParams) -> tuple[Floats, Floats]:
    """What the history predicts for a day, and how far looks scatter about it then: (pixel,) each.

    A year that is `season_shift_days` early or late departs by that times the slope of the season.
    """
    monitor, p = state.monitor, params.monitor
    days = np.array([day - 1.0, day, day + 1.0])
    x = design(days, order=p.order, trend=p.trend)
    slope = (x[2] - x[0]) @ monitor.beta / 2.0
    scale = np.hypot(monitor.sigma, params.season_shift_days * slope)
    return x[1] @ monitor.beta, scale


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
    state: DisturbanceState, look: _Look, departure: Floats, new: Bools, params: LookParams
) -> None:
    """Add the look to what is known of pixels that changed, and of their neighbours."""
    alert = state.monitor.status > 0
    if not alert.any():
        return
    state.departure[new], state.departure_looks[new] = 0.0, 0
    state.reflectance[:, new], state.reflectance_looks[new] = 0.0, 0
    near = np.asarray(binary_dilation(alert.reshape(state.shape), np.ones((3, 3), np.bool_))).ravel()
    taken = near & np.isfinite(departure) & (state.departure_looks < params.looks_after)
    state.departure[taken] += departure[taken]
    state.departure_looks[taken] += 1
    if params.leaf_on[0] <= _month(look.day) <= params.leaf_on[1]:
        _reflect(state, look, alert & np.isfinite(departure), params)


def _reflect(state: DisturbanceState, look: _Look, here: Bools, params: LookParams) -> None:
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


def _month(day: float) -> int:
    return int(np.datetime64(int(day), "D").astype("datetime64[M]").astype(int) % 12) + 1


def _names(cube: xr.Dataset) -> tuple[str, ...]:
    return tuple(band for band in BANDS if band in cube)


def _looks(cube: xr.Dataset, params: LookParams) -> Iterator[_Look]:
    """All looks of the cube in blocks, snow and unclear ground taken out."""
    for start in range(0, cube.sizes["time"], BLOCK):
        part = cube.isel(time=slice(start, start + BLOCK))
        bands = {band: part[band].to_numpy() for band in _names(cube)}
        clear = part["valid"].to_numpy()
        snow = part["snow"].to_numpy() & clear
        days = part["time"].to_numpy().astype("datetime64[D]").astype(np.int64)
        for k, scene in enumerate(part["scene_id"].to_numpy()):
            planes = {band: np.asarray(values[k], np.float32).ravel() for band, values in bands.items()}
            used = _compared(clear[k], snow[k], float(days[k]), params)
            values = np.full(used.size, np.nan, np.float32) if not used.any() else bareness(planes)[0]
            yield _Look(
                scene_id=str(scene),
                day=float(days[k]),
                values=np.where(used, values, np.float32(np.nan)),
                bands=planes,
                clear=bool(clear[k].any()),
            )


def _compared(clear: Bools, snow: Bools, day: float, params: LookParams) -> Bools:
    """Pixels of a look that are compared with the history: (pixel,)."""
    out_of_season = not params.months[0] <= _month(day) <= params.months[1]
    if out_of_season or snow.sum() > params.snow_at_most * clear.sum():
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

"""Takes the looks of a cube into a disturbance state, one after the other, in order of time."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field, replace

import numpy as np
import xarray as xr
from scipy.ndimage import binary_dilation

from detection.disturbance_cover import common_departure
from detection.disturbance_fields import green_again
from detection.disturbance_reading import Look, Planes, ReadParams, look_keys, read_looks
from detection.disturbance_season import (
    COEFFICIENTS,
    ORDER,
    SeasonParams,
    field_limits,
    fit_leaf_on,
    fit_whole_year,
    hold_look,
    leaf_on,
    note_green,
    prediction,
)
from detection.disturbance_state import BANDS, LAYOUT, Bools, DisturbanceState, Floats, blank
from detection.looks import in_order
from detection.monitor import PERSISTENT, MonitorParams, judge_look

Checkpoints = MutableMapping[str, DisturbanceState]


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
        persist_looks=2,
        persist_evidence=14.0,
        persist_days=5,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LookParams:
    """Knobs of how looks are compared with the history, saved with the result."""

    history_days: int = 365
    """Shortest stable history: one whole season."""
    history_looks: int = 12
    """Leaf-on looks with at least half of the site clear that the history must hold."""
    reading: ReadParams = field(default_factory=ReadParams)
    season: SeasonParams = field(default_factory=SeasonParams)
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
    keys = look_keys(cube, (LAYOUT, params))
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
    before = _Mean(int(np.prod(cube.odc.geobox.shape)))
    good, first = 0, None
    for k, look in enumerate(read_looks(cube, params.reading)):
        share = np.isfinite(look.values).mean() if leaf_on(look.day, params.season) else 0.0
        if first is None and share > 0:
            first = look.day
        enough = (
            good >= params.history_looks and first is not None and look.day - first >= params.history_days
        )
        if enough and share > 0:
            return k, _fitted(held, before.value, cube.odc.geobox.shape, params)
        good += int(share >= 0.5)  # noqa: PLR2004 - half of the site
        if share > 0:
            before.add(look)
        held.append(replace(look, bands={}))
    return len(held), None


class _Mean:
    """Mean reflectance of the looks that saw each pixel, band by band."""

    def __init__(self, pixels: int) -> None:
        self._sums = np.zeros((len(BANDS), pixels), np.float32)
        self._looks = np.zeros(pixels, np.float32)

    def add(self, look: Look) -> None:
        seen = np.isfinite(look.values)
        for k, band in enumerate(BANDS):
            self._sums[k, seen] += look.bands[band][seen] if band in look.bands else np.float32(np.nan)
        self._looks += seen

    @property
    def value(self) -> Planes:
        """(band, pixel), NaN where nothing was seen."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self._sums / self._looks, np.float32)


def _fitted(held: list[Look], before: Planes, shape: tuple[int, int], params: LookParams) -> DisturbanceState:
    used = [look for look in held if np.isfinite(look.values).any()]
    days = np.array([look.day for look in used], np.float64)
    values = np.stack([look.values for look in used])
    state = blank((COEFFICIENTS, values.shape[1]), shape, params.monitor)
    state.first_day, state.before = float(days[0]), before
    state.held, state.held_days = values, days
    fit_leaf_on(state, params.season)
    fit_whole_year(state, params.season)
    for look in used:
        if leaf_on(look.day, params.season):
            fit, departure, scale = _compared_with_cover(state, look, params)
            _mark_plain(state, look.day, departure, scale, _contrast(fit, params), agree=params.monitor.agree)
    _remember(state, held)
    return state


def advance_state(state: DisturbanceState, cube: xr.Dataset, *, params: LookParams) -> DisturbanceState:
    """Take all looks of `cube`, which come after those that the state knows, into account, in place."""
    for look in read_looks(cube, params.reading):
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
    fit, departure, scale = _compared_with_cover(state, look, params)
    before = monitor.status > 0
    z = departure / scale
    contrast = _contrast(fit, params)
    told = np.where(contrast >= p.agree * scale, z, np.nan)
    doubtful = (z > p.outlier if look.bright is None else look.bright) | (look.values > p.ceiling)
    note_green(state, look.values)
    limits = field_limits(state)
    in_leaf = look.values <= green_again(state.height_below, limits)
    telling = (fit <= state.height_below) & ((told > p.agree) | in_leaf)
    green = look.values <= limits.in_use
    judge_look(monitor, told, doubtful, look.day, params=p, telling=telling, green=green)
    new = (monitor.status > 0) & ~before
    state.plain_before[new] = state.last_plain[new]
    _mark_plain(state, look.day, departure, scale, contrast, agree=p.agree)
    _describe(state, look, departure, contrast, new, params)
    _returns(state, look.day, told, params)


def _contrast(fit: Floats, params: LookParams) -> Floats:
    """How far bare ground would depart from what is predicted."""
    return np.maximum(params.bare - fit, 0.0)


def _mark_plain(
    state: DisturbanceState, day: float, departure: Floats, scale: Floats, contrast: Floats, *, agree: float
) -> None:
    """Note the look where nothing departed and bare ground would have shown: a change came after it."""
    shows = contrast > 2.0 * agree * scale
    plain = (departure <= agree * scale) & shows & (state.monitor.status == 0)
    state.last_plain[plain] = int(day)


def _compared_with_cover(
    state: DisturbanceState, look: Look, params: LookParams
) -> tuple[Floats, Floats, Floats]:
    """What is predicted of a look given what its cover does, the departure from it and its scatter."""
    fit, scale = prediction(state, look.day, params.season)
    departure = np.where(np.isfinite(scale), look.values - fit, np.nan)
    quiet = state.monitor.status == 0
    middle, spread, hidden = common_departure(departure, scale, state.cover, quiet, params.season.cover)
    unknown = np.append(np.where(hidden, state.cover_spread, 0.0), 0.0)[state.cover]
    known, beyond = state.follows * _within(middle[state.cover], state.followed)
    doubt = np.hypot(unknown, state.follows_sd * middle[state.cover])
    rest = _explained(departure - known, beyond)
    return fit + known, rest, np.hypot(scale * spread[state.cover], doubt)


def _within(moved: Floats, followed: Planes) -> Floats:
    """The part of a cover's departure that its pixels have been seen to follow, and the rest: (2, pixel)."""
    known = np.clip(moved, -followed, followed)
    return np.stack([known, moved - known])


def _explained(departure: Floats, beyond: Floats) -> Floats:
    """What is left of departures when any part of `beyond` may explain them: it only excuses."""
    less = np.clip(departure, np.minimum(beyond, 0.0), np.maximum(beyond, 0.0))
    return np.asarray(departure - less, np.float64)


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

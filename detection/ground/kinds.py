"""What disturbed ground looks like after the change: a kind, from its own later spectra."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from scipy.ndimage import binary_erosion

from detection.ground.events import Event
from detection.ground.history import History
from detection.ground.params import YEAR_DAYS, EventParams, Kind
from evidence.arrays import Bools, Ints

COAL = {"visible": 0.06, "nir": 0.09, "ndvi": 0.2}
"""Upper limits of coal in the mean of a patch, measured: midway between dusty coal (visible 0.047, near
infrared 0.069 at Korba) and damp spoil (0.073, 0.117 on simulated sites). Single pixels of coal are
`detection.coal`'s."""
BARE_NDVI = 0.35
"""Mean NDVI below which no closed vegetation is left. Assumed."""
GREY = 0.1
"""Largest ``(red − blue) / (red + blue)`` of roofs and concrete; soil and spoil are redder. Assumed."""
BUILT_VISIBLE = 0.12
"""Least visible reflectance of what is called built: darker grey ground may as well be rock or spoil.
Assumed."""
BLACK = 0.16
"""Largest gain of red for each unit of near infrared lost of ground that went black and shows no soil
(measured on simulated sites: scars up to 0.14 with what is green between, thinned forest on soil from 0.27, a
pit 0.23)."""
CHAR = 0.065
"""Upper limit of its visible reflectance: damp spoil on grass, whose red was hardly lower, has 0.084.
Measured on simulated sites."""
DARK = 0.02
"""Least loss of near infrared that tells it. Assumed."""
DARKER = 0.8
"""Share of what it was, in red and near infrared, below which ground became darker. Assumed."""
HAZE = 0.004
"""Gain of red that haze makes. Assumed."""
FLAT = 0.1
"""Largest ``(swir16 − nir) / (swir16 + nir)`` of what is called built; soil rises further. Assumed."""


def ground_kind(seen: Mapping[str, float]) -> str:
    """What the ground is, from its mean leaf-on reflectance by band."""
    if not {"blue", "green", "red", "nir"} <= set(seen):
        return "vegetation_loss"
    total = seen["nir"] + seen["red"]
    ndvi = (seen["nir"] - seen["red"]) / total if total > 0 else 0.0
    swir = seen.get("swir16", 0.0)
    if seen["green"] > seen["nir"] and seen["green"] > swir:
        return "water"
    visible = float(np.mean([seen[band] for band in ("blue", "green", "red")]))
    if visible < COAL["visible"] and seen["nir"] < COAL["nir"] and ndvi < COAL["ndvi"]:
        return "coal"
    if ndvi >= BARE_NDVI:
        return "vegetation_loss"
    return "built" if _is_built(seen, visible) else "soil_spoil"


def went_black(before: Mapping[str, float], after: Mapping[str, float]) -> bool:
    """Whether plants are gone and no soil has come to light: char, or coal.

    Mixing leaves the ratio as it is, so that a scar in which much is green tells as well as a black one.

    Args:
        before: mean leaf-on reflectance by band, of the history.
        after: of the looks after the change.
    """
    if not {"red", "nir"} <= (set(before) & set(after)):
        return False
    lost = before["nir"] - after["nir"]
    dark = max(after["red"], after.get("green", 0.0), after.get("blue", 0.0)) < CHAR
    return dark and lost >= DARK and after["red"] - before["red"] <= BLACK * lost + HAZE


def darkened(before: Mapping[str, float], after: Mapping[str, float]) -> bool:
    """Whether ground became darker in red and near infrared than in the same months of other years.

    Plants that burn leave black; bared soil is brighter in red than what grew there, dry grass too. So that
    a slope of which half burns before sowing is told from one that is dug up.

    Args:
        before: mean reflectance by band, of the same months.
        after: of the first looks after the change.
    """
    if not {"red", "nir"} <= (set(before) & set(after)):
        return False
    return all(after[band] < DARKER * before[band] for band in ("red", "nir"))


def _is_built(seen: Mapping[str, float], visible: float) -> bool:
    redness = (seen["red"] - seen["blue"]) / (seen["red"] + seen["blue"])
    rises = (seen["swir16"] - seen["nir"]) / (seen["swir16"] + seen["nir"]) if "swir16" in seen else 0.0
    return visible >= BUILT_VISIBLE and redness < GREY and rises < FLAT


def event_kind(  # noqa: PLR0911 - one answer after another
    history: History, cube: xr.Dataset, event: Event, window: tuple[slice, slice], mask: Bools, share: float
) -> str:
    """What the ground of an event became, from its reflectance before and after on looks in leaf.

    Args:
        history: of the site.
        cube: (time, y, x) with reflectance, `valid` and `snow`.
        event: of the history.
        window: rows and columns about the event.
        mask: (y, x) of the window: its pixels.
        share: how bare it is at last.
    """
    p, series = history.params.events, history.series
    days = series.day
    covered = -np.log(1.0 - p.level) / history.params.rates.bar_covered * YEAR_DAYS
    brief = (event.end >= 0) & (days[event.end] - days[event.onset] <= covered)
    if history.water.beside[event.pixels].mean() > p.likely and brief.mean() > p.likely:
        return Kind.RIVER
    core = np.asarray(binary_erosion(mask)) if binary_erosion(mask).any() else mask
    part = cube.isel(y=window[0], x=window[1])
    days = part["time"].to_numpy().astype("datetime64[D]").astype(np.int64)
    month = part["time"].dt.month.to_numpy()
    leaf = (month >= p.leaf_months[0]) & (month <= p.leaf_months[1])
    earlier = (days < event.first_seen_low) & (days > event.first_seen_low - p.before_days)
    later = (days >= event.first_seen_high) & (days <= event.first_seen_high + p.kind_days)
    after = _reflectance(part, np.flatnonzero(later & leaf), core)
    found = ground_kind(after) if after else ""
    if found == "water":
        return Kind.WATER
    soon = (days >= event.first_seen) & (days <= event.first_seen + p.black_days)
    alike = earlier & np.isin(month, month[soon])
    old = int(series.day[-1]) - event.first_seen > p.kind_days
    grown = (event.end >= 0).mean() >= 0.5  # noqa: PLR2004 - by majority
    if (grown or not old) and darkened(*(_reflectance(part, np.flatnonzero(w), core) for w in (alike, soon))):
        return Kind.BURNT
    if not after:
        return Kind.THINNED if share < 0.5 else Kind.SOIL_SPOIL  # noqa: PLR2004 - by majority
    before = _reflectance(part, np.flatnonzero(earlier & leaf), core)
    total = after["nir"] + after["red"]
    ndvi = (after["nir"] - after["red"]) / total if total > 0 else 0.0
    if ndvi < BARE_NDVI and before and went_black(before, after):
        return Kind.COAL if old and not grown else Kind.BURNT
    if found in {"coal", "built"}:
        return Kind.COAL if found == "coal" else Kind.BUILT
    if _grows_over(event, share, p):
        return Kind.GROWN_OVER
    return Kind.SOIL_SPOIL if ndvi < BARE_NDVI or share >= p.mostly_bare else Kind.THINNED


def _grows_over(event: Event, share: float, p: EventParams) -> bool:
    """Whether what is still disturbed was twice as bare in the first half of its looks."""
    told = event.share[(event.sd < p.informative_sd) & (event.looks >= event.onset.min())]
    first = np.median(told[: len(told) // 2 + 1]) if told.size else 0.0
    return bool(event.end.min() < 0 and share < p.grown_over <= first / 2)


def _reflectance(part: xr.Dataset, looks: Ints, core: Bools) -> dict[str, float]:
    """Mean reflectance of the inside on some looks, by band."""
    if looks.size == 0:
        return {}
    chosen = part.isel(time=looks)
    clear = chosen["valid"].to_numpy() & ~chosen["snow"].to_numpy() & core
    if not clear.any():
        return {}
    bands = [band for band in ("blue", "green", "red", "nir", "swir16") if band in part]
    found = {band: float(np.nanmedian(chosen[band].to_numpy()[clear])) for band in bands}
    return {band: value for band, value in found.items() if np.isfinite(value)}

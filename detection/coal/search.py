"""Piles that nobody has drawn a zone around: dark ground that stays coal look after look."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label

from detection.coal.areas import LEAST_VARIANCE, plausible_mixture
from detection.coal.blocks import Block, Window, block_of, tiles, within
from detection.coal.burn_scars import Looks, burn_scars, leaf_season, may_be_burnt
from detection.coal.family import FamilyFit, FamilyParams, is_near, like_family
from detection.coal.fraction import Fractions, block_fractions, first_fraction
from detection.coal.ground import FractionParams
from detection.coal.onset import LEAST_RISE, SURE_SD, coal_onset, standing_out
from detection.coal.smoothing import EIGHT, TINY, nan_median, smooth_time
from detection.coal.water import WaterParams, water_objects, watery_looks

Floats = NDArray[np.float64]

Bools = NDArray[np.bool_]
CANDIDATE = 0.7
"""Share of the fraction of a core from which a plain matched filter makes a candidate. Assumed."""
COLOUR_SD, COLOUR_RELATIVE_SD = 0.008, 0.1
"""Error of the median spectrum of a core, reflectance and share of it. Assumed."""

NEWEST = 3
"""Looks at a pixel that say what is there now. Assumed."""

MOST = 2
"""Of these, looks like coal that count; the very newest alone is enough: a pile may be one look old.
Assumed."""

STANDS_OUT = 0.25
"""Fraction beyond the ground around from which a look may show half a pixel of coal: full ones read 0.5 and
more, not 1, because their ground is darker than most of the ground around. Assumed."""

READS = 0.4
"""The same by itself, where piles fill the ground around. Assumed."""

WATCHED_DAYS = 365.0
"""Days before the last look beyond which a look says nothing of today. Assumed."""


def may_hold_coal(first: Floats, like: Bools, days: Floats) -> Bools:
    """(y, x) ground that its newest looks show like coal, or that was not seen for a year.

    Args:
        first: (time, y, x) matched fraction of each look by itself, NaN where not seen.
        like: (time, y, x) looks whose reflectance can be coal's.
        days: (time,).
    """
    seen = np.isfinite(first) & (days > days[-1] - WATCHED_DAYS)[:, None, None]
    age = np.where(seen, seen[::-1].cumsum(axis=0)[::-1], NEWEST + 1)
    with np.errstate(invalid="ignore"):
        dark = like & ((standing_out(first) > STANDS_OUT) | (first > READS))
    now = ((age == 1) & dark).any(axis=0)
    return np.asarray(now | (((age <= NEWEST) & dark).sum(axis=0) >= MOST) | ~seen.any(axis=0))


def patches(mask: Bools, least_px: int) -> Bools:
    """(y, x) without the pieces that are smaller than `least_px`."""
    parts, _ = label(mask, structure=EIGHT)
    sizes = np.bincount(parts.ravel())
    return np.asarray(mask & (sizes >= least_px)[parts])


SEARCH = FractionParams(rounds=2, controls=1200, own_spectrum=False, texture=0.13, brightness=0.28)

"""What decides where to measure may be coarser; the prior's own spread stands in for a learned spectrum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundParams:
    """Knobs of the search; the operating point is the mean fraction that a pile's core must reach."""

    core_fraction: float = 0.55
    """With `changed_share` the operating point, see `OPERATING_POINTS`. Assumed."""
    tau_days: float = 60.0
    """Over how long looks speak together. Assumed."""
    sure_sd: float = 4.0
    """Standard errors by which the mean must exceed half of `core_fraction`. Assumed."""
    looks: int = 3
    """Clear looks before coal is called found. Assumed."""
    minimum_px: int = 4
    """Pixels of the smallest core. Assumed."""
    misfit_limit: float = 4.0
    """Mean square misfit above which dark ground is no mixture of coal and ground. Assumed."""
    spectrum_limit: float = 3.0
    """Mean square distance from the prior, in its standard deviations, beyond which it is not coal.
    Assumed."""
    greenest: float = 0.4
    """NDVI above which dark ground is conifers. Assumed."""
    was_green: float = 0.5
    """NDVI of living plants: ground that held them may have burnt. Assumed."""
    unwatched: bool = False
    """Whether dark ground may be a pile that no season of leaves has shown without coal, and without plants,
    and that was not yet dark in two of them: it may have burnt."""
    changed_share: float = 0.15
    """Share of a pile's core that must have been without coal in other looks; 0 takes steady dark ground too:
    asphalt, slate roofs and marshy soil can have the reflectance of coal, but they stay as they are.
    Assumed."""
    onset_step: float = LEAST_RISE
    """Least rise of what a pixel reads beyond its surroundings that says coal came, in fractions of coal."""
    onset_px: int = 12
    """Pixels of the smallest piece on which coal came: fields and wet ground do the same by the few.
    Assumed."""
    onset_sd: float = SURE_SD
    """Standard errors that the rise must have."""
    bare_below: float = 0.2
    """Mean fraction under which ground counts as without coal. Assumed."""
    tile_px: int = 112
    """About the side of the tiles that are searched one by one. Assumed."""
    margin_px: int = 16
    """Overlap of the tiles. Assumed."""
    widest_px: int = 60
    """Longest side of a found pile; wider dark ground is a surface, not a pile. Assumed."""


OPERATING_POINTS = MappingProxyType(
    {
        "high recall": FoundParams(core_fraction=0.4, changed_share=0.0, unwatched=True),
        "balanced": FoundParams(),
        "high precision": FoundParams(core_fraction=0.7, changed_share=0.3, onset_step=0.4),
    }
)

"""Settings of the search by what they are for; high recall takes dark ground that never changed, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Materials:
    """What coal and water look like."""

    family: FamilyParams
    water: WaterParams
    prior: FamilyFit
    """Of coal, before any ground was seen."""


def found_supports(
    cube: xr.Dataset,
    closed: Bools,
    params: FoundParams,
    materials: Materials,
    kept: KeptTiles | None = None,
) -> tuple[list[Bools], Bools]:
    """Ground around every found pile, and all ground that may hold coal.

    Args:
        cube: (time, y, x).
        closed: (y, x) where not to look: zones, exclusions, outside the aoi.
        params: of the search.
        materials: what coal and water look like.
        kept: tiles that were searched before, of these looks and with these parameters.

    Returns:
        masks (y, x), each around one pile or several that touch; (y, x) ground that may hold coal now, piles
        among it: steady, small, wide or new dark ground, and what nobody saw.
    """
    core, changed, burnt, dark = (np.zeros_like(closed) for _ in "cbbd")
    for tile in open_tiles(closed, params):
        told = searched(cube, tile, closed, params, materials, kept)
        own, of_tile = tile[0], (told.core, told.changed, told.burnt, told.dark)
        for whole, part in zip((core, changed, burnt, dark), of_tile, strict=True):
            whole[own.rows, own.columns] |= part
    sure = core & ~burnt & ~burn_scars(core, burnt)
    parts, count = label(binary_dilation(sure & ~closed, structure=EIGHT, iterations=2), structure=EIGHT)
    masks = [(parts == i) & ~closed for i in range(1, count + 1)]
    piles = [mask for mask in masks if _is_pile(mask, sure, changed, params)]
    return piles, (core | dark) & ~closed


Tile = tuple[Window, Window]
"""A piece of the grid that is searched by itself, without and with its margin."""


def open_tiles(closed: Bools, params: FoundParams) -> Iterator[Tile]:
    """The tiles that hold ground to be searched.

    Args:
        closed: (y, x) where not to look.
        params: of the search.
    """
    for own, wide in tiles(*closed.shape, about_px=params.tile_px, margin_px=params.margin_px):
        if not closed[own.rows, own.columns].all():
            yield own, wide


def searched(
    cube: xr.Dataset,
    tile: Tile,
    closed: Bools,
    params: FoundParams,
    materials: Materials,
    kept: KeptTiles | None = None,
) -> Searched:
    """What a search says of one tile; arguments as those of `found_supports`."""
    held = None if kept is None else kept.get(tile)
    if held is None:
        own, wide = tile
        block = block_of(cube, wide, materials.prior.bands, closed)
        held = found_in_block(block, within(own, wide), params, materials)
        if kept is not None:
            kept.keep(tile, held)
    return held


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """What a witness says of one piece of ground, each (y, x)."""

    core: Bools
    """Ground that stays coal look after look."""
    changed: Bools
    """Which of it was without coal in other looks."""
    burnt: Bools
    """Which of it may be burnt plants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched(_Judged):
    """What a search says of one tile, each (y, x)."""

    dark: Bools
    """Ground that may hold coal now."""

    def encoded(self) -> bytes:
        """For keeping: an npz file, the masks as bits."""
        masks = np.stack([self.core, self.changed, self.burnt, self.dark])
        buffer = io.BytesIO()
        np.savez(buffer, shape=np.array(masks.shape), masks=np.packbits(masks))
        return buffer.getvalue()

    @classmethod
    def decoded(cls, held: bytes) -> Searched:
        """The inverse of `encoded`."""
        with np.load(io.BytesIO(held)) as opened:
            shape = tuple(opened["shape"].tolist())
            bits = np.unpackbits(opened["masks"], count=int(np.prod(shape)))
        core, changed, burnt, dark = bits.astype(bool).reshape(shape)
        return cls(core=core, changed=changed, burnt=burnt, dark=dark)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTiles:
    """What was searched before of some looks, with some parameters."""

    key: str
    """Digest of all that a search of these looks follows from."""
    held: MutableMapping[str, Searched]
    """By digest of that and of the tile; read, and extended."""

    def get(self, tile: Tile) -> Searched | None:
        """What is held of a tile; None where it was not searched."""
        return self.held.get(self._name(tile))

    def keep(self, tile: Tile, told: Searched) -> None:
        """Hold what was found in a tile."""
        self.held[self._name(tile)] = told

    def _name(self, tile: Tile) -> str:
        return hashlib.sha256(f"{self.key}|{tile}".encode()).hexdigest()


def found_in_block(
    block: Block, own: tuple[slice, slice], params: FoundParams, materials: Materials
) -> Searched:
    """Cores of piles in one tile, from two witnesses; what either of them is sure of counts.

    Candidates come from the ground's own reflectance. One witness is the full estimate of what a matched
    filter picks among them, the other what they were before. Water by its history is neither.

    Args:
        block: the tile with its margin.
        own: rows and columns of the tile in the block; what is found in the margin is the next tile's.
        params: of the search.
        materials: what coal and water look like.
    """
    bands = materials.prior.bands
    mean, covariance = materials.prior.spectrum("coal", materials.family).select(bands)
    like = _like_looks(block, bands, params, materials.family)
    often = (like.sum(axis=0) >= params.looks) & ~block.suspect
    first = first_fraction(replace(block, suspect=np.zeros_like(often)), mean)
    witnesses = [_onset(block, bands, first, like, often, params)]
    candidates = often & _candidates(first, block, params)
    near = binary_dilation(candidates, structure=EIGHT, iterations=2)
    found = None
    if candidates[own].any():
        found = block_fractions(replace(block, suspect=near), mean, covariance, SEARCH)
    if found is not None:
        witnesses.append((candidates, *_estimated(found, block.days, params)))
    told = [_judged(block, bands, mean, covariance, params, *witness) for witness in witnesses]
    large = patches(told[0].core & ~told[0].burnt, params.onset_px)
    told[0] = _Judged(core=large, changed=told[0].changed & large, burnt=told[0].burnt & large)
    dark = may_hold_coal(np.where(block.seen, first, np.nan), like, block.days)
    wetness = watery_looks(block, np.ones(len(block.days), dtype=bool), materials.water)
    water = water_objects(*wetness, dark | (2 * like.sum(axis=0) > block.seen.sum(axis=0)), materials.water)
    whole = _joined(told, near_family(block, dark, materials), water)
    parts = (whole.core, whole.changed, whole.burnt, whole.dark)
    core, changed, burnt, dark = (part[own].copy() for part in parts)
    return Searched(core=core, changed=changed, burnt=burnt, dark=dark)


def near_family(block: Block, dark: Bools, materials: Materials) -> Bools:
    """(y, x) of dark ground: what is near the coal family by its medians, with its rim, and what nobody saw.

    A look by itself lets most dark ground pass. Medians are held against the family as a zone's dark ground
    is: of the newest looks, of the year (one look may be shade), and the newest look where it is near coal
    and the one before is not: a pile may be one look old. Pixels at the rim of coal are mixed and like
    nothing: they go with what they lie beside.
    """
    seen, pixels = block.seen[:, dark], block.pixels[:, dark]
    age = np.where(seen, seen[::-1].cumsum(axis=0)[::-1], 0)
    of_year = seen & (block.days > block.days[-1] - WATCHED_DAYS)[:, None]

    def near(looks: Bools) -> Bools:
        return is_near(materials.prior, _medians(pixels, looks), materials.family)

    came = near(seen & (age == 1)) & ~near(seen & (age == 2))  # noqa: PLR2004 - the look before
    out = np.zeros_like(dark)
    out[dark] = near(seen & (age <= NEWEST)) | near(of_year) | came | ~of_year.any(axis=0)
    return np.asarray(dark & binary_dilation(out, structure=EIGHT))


def _medians(pixels: Floats, looks: Bools) -> Floats:
    """(n, band) over some looks (time, n) of pixels (time, n, band); NaN where there are none."""
    out = np.full(pixels.shape[1:], np.nan)
    some = looks.any(axis=0)
    out[some] = nan_median(np.where(looks[:, some, None], pixels[:, some], np.nan))
    return out


def _onset(
    block: Block, bands: tuple[str, ...], first: Floats, like: Bools, often: Bools, params: FoundParams
) -> tuple[Bools, Bools, Bools]:
    """Candidates where coal came, looks with coal and looks without; water tells nothing.

    Most looks that stand out must have a reflectance that can be coal: ripe crops are too bright.
    """
    with np.errstate(invalid="ignore"):
        land = block.seen & (block.pixels[..., bands.index("nir")] > block.pixels[..., bands.index("green")])
    came = coal_onset(
        np.where(land, first, np.nan),
        np.where(land, block.pixels.mean(axis=-1), np.nan),
        block.days,
        step=params.onset_step,
        sure_sd=params.onset_sd,
        fewest=params.looks,
    )
    coal = came.coal & like
    mostly = 2 * coal.sum(axis=0) >= came.coal.sum(axis=0)
    return often & came.mask & mostly, coal, came.bare


def _estimated(found: Fractions, days: Floats, params: FoundParams) -> tuple[Bools, Bools]:
    """Looks with coal and looks without, each (time, y, x), in the light of the looks around them."""
    value, error = smooth_time(found.value, found.variance + LEAST_VARIANCE, days, tau_days=params.tau_days)
    told = np.isfinite(found.value) & plausible_mixture(
        found.misfit, days, tau_days=params.tau_days, limit=params.misfit_limit
    )
    least = np.maximum(params.core_fraction, 0.5 * params.core_fraction + params.sure_sd * error)
    return told & (value > least), told & (value < params.bare_below)


def _judged(
    block: Block,
    bands: tuple[str, ...],
    mean: Floats,
    covariance: Floats,
    params: FoundParams,
    candidates: Bools,
    coal: Bools,
    bare: Bools,
) -> _Judged:
    """Which candidates are coal on enough looks, were bare on others, and may be burnt, by one witness."""
    core = candidates & (coal.sum(axis=0) >= params.looks)
    core &= _coloured_like_coal(block, core, coal, bands, mean, covariance, params)
    red, nir = block.pixels[..., bands.index("red")], block.pixels[..., bands.index("nir")]
    with np.errstate(invalid="ignore"):
        green = block.seen & (nir - red > params.was_green * (nir + red))
    looks = Looks(coal=coal, bare=bare, green=green, seen=block.seen, days=block.days)
    in_leaf = leaf_season(green, looks.seen, fewest=params.looks)
    burnt = may_be_burnt(looks, in_leaf, fewest=params.looks, doubt_unwatched=not params.unwatched)
    changed = bare.sum(axis=0) >= params.looks
    return _Judged(core=core, changed=core & changed, burnt=core & burnt)


def _joined(parts: Sequence[_Judged], dark: Bools, water: Bools) -> Searched:
    """Ground that any witness calls a core, no water; burnt only where none is sure that it is not."""
    core = np.any([part.core for part in parts], axis=0)
    sure = np.any([part.core & ~part.burnt for part in parts], axis=0)
    changed = np.any([part.changed & ~part.burnt for part in parts], axis=0)
    core &= ~water
    return Searched(core=core, changed=changed & core, burnt=core & ~sure, dark=dark & ~water)


def _like_looks(block: Block, bands: tuple[str, ...], params: FoundParams, family: FamilyParams) -> Bools:
    """(time, y, x) looks whose own reflectance could be coal: cheap, and most ground fails it."""
    red, nir = block.pixels[..., bands.index("red")], block.pixels[..., bands.index("nir")]
    with np.errstate(invalid="ignore"):
        like = block.seen & (nir - red < params.greenest * (nir + red))
    out = np.zeros_like(like)
    out[like] = like_family(block.pixels[like], bands, family)
    return out


def _candidates(first: Floats, block: Block, params: FoundParams) -> Bools:
    """Pixels that a plain matched filter calls coal for several looks."""
    value, error = smooth_time(first, np.ones(1), block.days, tau_days=params.tau_days)
    dark = (value > CANDIDATE * params.core_fraction) & (error < 1.0 / np.sqrt(params.looks - 1.0))
    return np.asarray(dark.any(axis=0))


def _coloured_like_coal(
    block: Block,
    core: Bools,
    good: Bools,
    bands: tuple[str, ...],
    mean: Floats,
    covariance: Floats,
    params: FoundParams,
) -> Bools:
    """Cores whose own median spectrum is coal's: green matter and open water are not."""
    out = np.zeros_like(core)
    precision = np.linalg.inv(covariance + np.diag((COLOUR_SD + COLOUR_RELATIVE_SD * mean) ** 2))
    for row, column in np.argwhere(core):
        looks = block.pixels[good[:, row, column] & block.seen[:, row, column], row, column]
        if len(looks) == 0:
            continue
        spectrum = np.median(looks, axis=0)
        away = spectrum - mean
        green = (spectrum[bands.index("nir")] - spectrum[bands.index("red")]) / (
            spectrum[bands.index("nir")] + spectrum[bands.index("red")] + TINY
        )
        out[row, column] = (
            away @ precision @ away / len(mean) < params.spectrum_limit and green < params.greenest
        )
    return out


def _is_pile(mask: Bools, core: Bools, changed: Bools, params: FoundParams) -> bool:
    """Large enough to be told from noise, small enough to be a pile, and not the same all the time."""
    rows, columns = np.nonzero(mask)
    size = int((mask & core).sum())
    if size < params.minimum_px or int((mask & changed).sum()) < params.changed_share * size:
        return False
    return int(max(np.ptp(rows), np.ptp(columns))) < params.widest_px

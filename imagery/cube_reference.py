"""What a scene is held against: composites of the site's earliest clear scenes of the same season.

The members of a season are frozen once there are enough: a new scene then costs one scene, and an old
one that comes late only rebuilds what hangs on it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from evidence.hashing import sha256_json
from imagery.cube_packing import packed, unpacked
from imagery.cube_read import Prior, SourceProduct, kind_of, read_scene
from imagery.cube_scenes import ArchivedScene
from imagery.masks import SCL_CLOUD, SCL_NODATA, History
from imagery.masks_spectra import spectral_cloud
from imagery.registration import (
    Chips,
    RegistrationParams,
    Shift,
    aligned,
    block_windows,
    chips,
    composite,
    estimate_shift,
    inner_support,
)
from imagery.resample import Image, classes_to_grid, shape_of, to_grid

SEASONS = 4
"""Three months each, from December."""
HISTORY_BANDS = ("blue", "red", "nir")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceParams:
    """Knobs of the reference."""

    most_members: int = 7
    """Clear scenes in a season's composite: the median of seven rides out three that are wrong somewhere."""
    least_members: int = 2
    """With fewer a season borrows from the season nearest to it that has enough."""
    least_clear: float = 0.9
    """Share of the grid that a member shows free of cloud."""
    registration: RegistrationParams = field(default_factory=RegistrationParams)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Frozen composites by season."""

    windows: tuple[tuple[slice, slice], ...]
    members: Mapping[int, tuple[str, ...]]
    """Scene ids by season."""
    member_chips: Mapping[str, Chips]
    """By scene id, moved back by the member's own shift."""
    composites: Mapping[int, Chips]
    """By season, of all members."""
    histories: Mapping[int, History]
    prior: Prior
    digest: str
    """Of the members' bytes; what hangs on the reference hangs on it."""
    support: NDArray[np.bool_]
    examined: Mapping[int, tuple[str, ...]]
    """Digests of the candidates that were looked at, by season, in order of time."""
    full: frozenset[int]
    """Seasons that take no more members."""

    def season(self, scene: ArchivedScene) -> int | None:
        """The scene's own season, else the nearest that has members; None where no season has."""
        own = season_of(scene)
        known = [season for season, members in self.members.items() if members]
        return min(known, key=lambda s: (min((s - own) % SEASONS, (own - s) % SEASONS), s), default=None)

    def history(self, scene: ArchivedScene) -> History | None:
        """The usual brightness of the ground in the scene's own season; None where that is not known."""
        return self.histories.get(season_of(scene))

    def shift(self, scene: ArchivedScene, image: Chips, params: RegistrationParams) -> Shift | None:
        """How far the scene lies from the others of its season; None where there are no others."""
        season = self.season(scene)
        if season is None:
            return None
        others = [m for m in self.members[season] if m != scene.id]
        if not others:
            return None
        own = len(others) == len(self.members[season])
        held = self.composites[season] if own else self._without(others)
        return estimate_shift(image, held, params)

    def _without(self, others: Sequence[str]) -> Chips:
        return composite([self.member_chips[m] for m in others], support=self.support)


def season_of(scene: ArchivedScene) -> int:
    """0 for December to February, and so on."""
    return scene.datetime.month % 12 // 3


def scene_chips(
    sources: Sequence[SourceProduct],
    grid: GeoBox,
    windows: Sequence[tuple[slice, slice]],
    bands: Sequence[str],
) -> tuple[Chips, dict[str, Image]]:
    """Blocks for registration, and the bands that they were cut from, unshifted on the grid."""
    images = {band: on_grid(sources, band, grid) for band in bands}
    usable = clear_ground(sources, images, grid)
    return chips([np.nan_to_num(image) for image in images.values()], usable, windows), images


def clear_ground(
    sources: Sequence[SourceProduct], images: Mapping[str, Image], grid: GeoBox
) -> NDArray[np.bool_]:
    """A first guess at what is neither cloud nor missing."""
    classes = classes_on_grid(sources, grid)
    seen = ~np.any([np.isnan(image) for image in images.values()], axis=0)
    if classes is None:
        return np.asarray(seen & ~spectral_cloud(images))
    return np.asarray(seen & ~np.isin(classes, (*SCL_CLOUD, SCL_NODATA)))


def on_grid(
    sources: Sequence[SourceProduct], band: str, grid: GeoBox, *, shift_m: tuple[float, float] = (0.0, 0.0)
) -> Image:
    """The band on the grid: the first product's pixels, the others' only where it has none."""
    fused: Image | None = None
    for source in sources:
        if band not in source.bands or source.offset is None:
            continue
        if fused is not None and not np.isnan(fused).any():
            break
        own = source.bands[band]
        values = to_grid(
            own.dn,
            source.missing(band),
            own.transform,
            own.crs_wkt,
            grid,
            shift_m=shift_m,
            scale=source.scale(band),
            offset=source.offset,
        )
        fused = values if fused is None else np.where(np.isnan(fused), values, fused)
    return np.full(grid.shape, np.nan, np.float32) if fused is None else fused


def classes_on_grid(
    sources: Sequence[SourceProduct], grid: GeoBox, *, shift_m: tuple[float, float] = (0.0, 0.0)
) -> NDArray[np.uint8] | None:
    """Scene classes on the grid, 0 where there are none; None where no product has any."""
    fused: NDArray[np.uint8] | None = None
    for source in sources:
        if "scl" in source.bands:
            own = source.bands["scl"]
            classes = classes_to_grid(own.dn, own.transform, own.crs_wkt, grid, shift_m=shift_m)
            fused = classes if fused is None else np.where(fused == SCL_NODATA, classes, fused)
    return fused


def build_reference(
    scenes: Sequence[ArchivedScene],
    grid: GeoBox,
    params: ReferenceParams,
) -> Reference:
    """Choose the members, register them against each other, and remember what the ground looks like."""
    windows, support = reference_frame(grid, params)
    seasons: dict[int, list[ArchivedScene]] = {}
    cut: dict[str, Chips] = {}
    histories: dict[int, History] = {}
    votes: dict[tuple[str, str, str], Counter[float]] = defaultdict(Counter)
    examined: dict[int, tuple[str, ...]] = {}
    for season in range(SEASONS):
        candidates = [scene for scene in scenes if season_of(scene) == season]
        members, history, looked_at = _season(candidates, grid, windows, params, votes)
        examined[season] = tuple(scene.digest for scene in candidates[:looked_at])
        seasons[season] = [scene for scene, _ in members]
        cut |= {scene.id: chip for scene, chip in members}
        if history is not None:
            histories[season] = history
    ids = {s: tuple(scene.id for scene in members) for s, members in seasons.items()}
    shifts = _group_shifts(ids, cut, support, params.registration)
    moved = {name: aligned(chip, shifts[name]) for name, chip in cut.items()}
    lent = _lend(ids, params.least_members)
    digests = [scene.digest for members in seasons.values() for scene in members]
    return Reference(
        windows=windows,
        members=lent,
        member_chips=moved,
        composites={s: composite([moved[m] for m in names], support=support) for s, names in lent.items()},
        histories=histories,
        prior={kind: count.most_common(1)[0][0] for kind, count in votes.items() if len(count) == 1},
        digest=sha256_json(digests),
        support=support,
        examined=examined,
        full=frozenset(s for s, names in ids.items() if len(names) == params.most_members),
    )


def reference_frame(
    grid: GeoBox, params: ReferenceParams
) -> tuple[tuple[tuple[slice, slice], ...], NDArray[np.bool_]]:
    """Windows of the blocks, and where they may be used."""
    windows = tuple(block_windows(shape_of(grid), params.registration))
    return windows, inner_support(shape_of(grid), windows, params.registration)


def _season(
    candidates: Sequence[ArchivedScene],
    grid: GeoBox,
    windows: Sequence[tuple[slice, slice]],
    params: ReferenceParams,
    votes: dict[tuple[str, str, str], Counter[float]],
) -> tuple[list[tuple[ArchivedScene, Chips]], History | None, int]:
    """The season's members with their blocks, its history, and how many candidates it took."""
    members: list[tuple[ArchivedScene, Chips]] = []
    stack: list[list[NDArray[np.int16]]] = []
    looked_at = 0
    bands = tuple(dict.fromkeys((*params.registration.bands, *HISTORY_BANDS)))
    for scene in candidates:
        if len(members) == params.most_members:
            break
        looked_at += 1
        if not looks_clear(scene, grid, params):
            continue
        sources = [s for s in read_scene(scene, grid, bands) if s.offset is not None]
        if not sources:
            continue
        found, images = scene_chips(sources, grid, windows, params.registration.bands)
        rest = {b: on_grid(sources, b, grid) for b in HISTORY_BANDS if b not in images}
        if clear_ground(sources, images | rest, grid).mean() < params.least_clear:
            continue
        for source in sources:
            votes[kind_of(source.product)][float(source.offset or 0.0)] += 1
        members.append((scene, found))
        stack.append([packed((images | rest)[band]) for band in HISTORY_BANDS])
    enough = len(members) > params.least_members
    return members, _median_history(stack) if enough else None, looked_at


def looks_clear(scene: ArchivedScene, grid: GeoBox, params: ReferenceParams) -> bool:
    """By the scene classes alone, which are quick to read; True where there are none."""
    sources = read_scene(scene, grid, ("red", "scl")) if _has_classes(scene) else []
    classes = classes_on_grid(sources, grid)
    if classes is None:
        return not _has_classes(scene)
    return float(np.isin(classes, (*SCL_CLOUD, SCL_NODATA)).mean()) <= 1.0 - params.least_clear


def _has_classes(scene: ArchivedScene) -> bool:
    return any("scl" in product.bands for product in scene.products)


def _median_history(stack: Sequence[Sequence[NDArray[np.int16]]]) -> History:
    """Median of each band, in bands of rows to stay small."""
    medians = []
    for images in zip(*stack, strict=True):
        median = np.empty(images[0].shape, np.float32)
        for start in range(0, median.shape[0], 256):
            rows = slice(start, start + 256)
            median[rows] = np.median([unpacked(image[rows]) for image in images], axis=0)
        medians.append(median)
    blue, red, nir = medians
    return History(blue=blue, red=red, nir=nir)


def _lend(ids: Mapping[int, tuple[str, ...]], least: int) -> dict[int, tuple[str, ...]]:
    """Seasons with too few members are left to their neighbours, unless nobody has enough."""
    rich = {season: members for season, members in ids.items() if len(members) >= max(least, 2)}
    return rich or {season: members for season, members in ids.items() if members}


def _group_shifts(
    ids: Mapping[int, tuple[str, ...]],
    cut: Mapping[str, Chips],
    support: NDArray[np.bool_],
    params: RegistrationParams,
) -> dict[str, tuple[float, float]]:
    """Shift of every member against the mean of all: within its season, then season against season."""
    shifts = dict.fromkeys(cut, (0.0, 0.0))
    for members in ids.values():
        for name in members:
            others = [cut[m] for m in members if m != name]
            found = estimate_shift(cut[name], composite(others, support=support), params) if others else None
            if found is not None and found.accepted:
                shifts[name] = (found.dx_px, found.dy_px)
    anchor = max(ids, key=lambda season: (len(ids[season]), season == SEASONS // 2), default=None)
    for season, members in ids.items():
        if not members or season == anchor or anchor is None or not ids[anchor]:
            continue
        step = estimate_shift(
            _aligned(members, cut, shifts), _aligned(ids[anchor], cut, shifts, support), params
        )
        if step.accepted:
            for name in members:
                shifts[name] = (shifts[name][0] + step.dx_px, shifts[name][1] + step.dy_px)
    centre = np.median(list(shifts.values()), axis=0) if shifts else np.zeros(2)
    return {name: (dx - float(centre[0]), dy - float(centre[1])) for name, (dx, dy) in shifts.items()}


def _aligned(
    names: Sequence[str],
    cut: Mapping[str, Chips],
    shifts: Mapping[str, tuple[float, float]],
    support: NDArray[np.bool_] | None = None,
) -> Chips:
    return composite([aligned(cut[name], shifts[name]) for name in names], support=support)

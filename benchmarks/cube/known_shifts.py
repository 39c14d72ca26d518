"""Known shifts put into real dates, measured by the cube's own registration against the other dates.

Each scene of a real place is measured as the cube measures it; then its pixels, and what is known of its
cloud, are moved by up to two pixels and it is measured again. On clear dates the difference should be the
shift that was put in. On cloudy dates it should be that, or the scene should be refused: never anything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy import ndimage

from benchmarks.cube.real_sites import Place
from imagery.cube import CubeParams, load_cube
from imagery.cube_fusion import clear_ground, on_grid
from imagery.cube_read import SourceProduct, read_scene
from imagery.cube_reference import Reference, ReferenceParams, build_reference
from imagery.cube_scenes import ArchivedScene, group_archived
from imagery.registration import Chips, Shift, chips

CLEAR, SNOWY = 0.95, 0.05
"""Least share of valid ground, and most snow, of a date that counts as clear."""
MOST_PX = 2.0
"""Shifts are drawn up to this, per axis."""
WILD_PX = 0.5
"""An estimate that follows a known shift no better than this is wild."""
Pair = tuple[float, float]


@dataclass
class Outcome:
    """What became of the shifts of one kind of dates."""

    dates: int = 0
    refused: int = 0
    errors: list[Pair] = field(default_factory=list)
    """Difference of the estimates less what was put in (dx, dy), pixels; where both were accepted."""
    sizes: list[float] = field(default_factory=list)
    """Of the shifts measured before anything was put in, pixels."""

    def cells(self) -> list[str]:
        errors = np.array(self.errors).reshape(-1, 2)
        rmse = np.sqrt((errors**2).mean(axis=0)) if len(errors) else (np.nan, np.nan)
        largest = np.hypot(*errors.T).max(initial=0.0)
        wild = int((np.hypot(*errors.T) > WILD_PX).sum())
        shares = [str(self.dates), str(self.refused), str(len(errors))]
        lengths = [f"{rmse[0]:.3f}", f"{rmse[1]:.3f}", f"{largest:.2f}"]
        return [*shares, *lengths, str(wild), f"{max(self.sizes, default=np.nan):.2f}"]


HEADS = (
    "place",
    "dates that are",
    "dates",
    "refused as they are",
    "shifts followed",
    "RMSE dx, px",
    "RMSE dy, px",
    "largest error, px",
    f"wild (over {WILD_PX} px)",
    "largest shift of a date as it is, px",
)


def known_rows(name: str, place: Place, *, seed: int, rounds: int) -> Iterator[str]:
    """Two lines of the table: clear dates and others."""
    products, grid = place
    bands = ("blue", *ReferenceParams().registration.bands)
    cube = load_cube(products, grid, params=CubeParams(bands=bands))
    seen, snow = cube["valid_fraction"].values, cube["snow_fraction"].values
    clear = dict(zip(cube["scene_id"].values, (seen >= CLEAR) & (snow < SNOWY), strict=True))
    scenes = group_archived(products)
    reference = build_reference(scenes, grid, ReferenceParams())
    rng = np.random.default_rng(seed)
    kinds = {True: Outcome(), False: Outcome()}
    for scene in scenes:
        put = rng.uniform(-MOST_PX, MOST_PX, (rounds, 2))
        _tried(scene, grid, reference, put, kinds[bool(clear[scene.id])])
    for is_clear, outcome in kinds.items():
        kind = "clear" if is_clear else "cloudy or snowy"
        yield "| " + " | ".join([name, kind, *outcome.cells()]) + " |"


def _tried(
    scene: ArchivedScene, grid: GeoBox, reference: Reference, put: NDArray[np.float64], outcome: Outcome
) -> None:
    """One scene as it is, and with each shift of `put` (n, 2) in it."""
    outcome.dates += 1
    sources = [s for s in read_scene(scene, grid, ("blue", "green", "red", "nir")) if s.offset is not None]
    images, usable = _gridded(sources, grid)
    before = _measured(scene, reference, images, usable)
    if before is None or not before.accepted:
        outcome.refused += 1
        return
    outcome.sizes.append(float(np.hypot(before.dx_px, before.dy_px)))
    for dx, dy in put:
        moved = [ndimage.shift(image, (dy, dx), order=3, mode="nearest") for image in images]
        hidden = ndimage.shift((~usable).astype(np.float32), (dy, dx), order=1, cval=1.0) > 0.01
        after = _measured(scene, reference, moved, ~hidden)
        if after is not None and after.accepted:
            outcome.errors.append((after.dx_px - before.dx_px - dx, after.dy_px - before.dy_px - dy))


def _gridded(
    sources: Sequence[SourceProduct], grid: GeoBox
) -> tuple[list[NDArray[np.float32]], NDArray[np.bool_]]:
    """The registration's bands on the grid, and what is usable of them."""
    wanted = ReferenceParams().registration.bands
    images = {band: on_grid(sources, band, grid) for band in wanted}
    return [np.nan_to_num(image) for image in images.values()], clear_ground(sources, images, grid)


def _measured(
    scene: ArchivedScene,
    reference: Reference,
    images: Sequence[NDArray[np.float32]],
    usable: NDArray[np.bool_],
) -> Shift | None:
    cut: Chips = chips(images, usable, reference.windows)
    return reference.shift(scene, cut, ReferenceParams().registration)

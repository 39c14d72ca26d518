"""Known shifts put into real dates, measured by the cube's own registration against the other dates.

Each scene of a real place is measured as the cube measures it; then its files are taken as if they lay up to
two pixels elsewhere, clouds and all, and it is measured again. On clear dates the difference should be the
shift that was put in. On cloudy dates it should be that, or the scene should be refused: never anything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from benchmarks.cube.real_sites import Place
from imagery.cube.fusion import SourceBand, SourceProduct, read_scene
from imagery.cube.loading import load_cube
from imagery.cube.reference import Reference, ReferenceParams, build_references
from imagery.cube.scene import CubeParams, measure_shift
from imagery.cube.scenes import ArchivedScene, group_archived
from imagery.resampling import wkt_of

BANDS = ("blue", "green", "red", "nir")
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
    cube = load_cube(products, grid, params=CubeParams(bands=BANDS))
    seen, snow = cube["valid_fraction"].values, cube["snow_fraction"].values
    clear = dict(zip(cube["scene_id"].values, (seen >= CLEAR) & (snow < SNOWY), strict=True))
    scenes = group_archived(products)
    references = build_references(scenes, grid, ReferenceParams())
    rng = np.random.default_rng(seed)
    kinds = {True: Outcome(), False: Outcome()}
    for scene in scenes:
        put = rng.uniform(-MOST_PX, MOST_PX, (rounds, 2))
        is_clear = bool(clear[scene.id])
        refusal = _tried(scene, grid, references.at(scene), put, kinds[is_clear])
        if is_clear and refusal:
            print(f"{scene.id}: {refusal}")
    for is_clear, outcome in kinds.items():
        kind = "clear" if is_clear else "cloudy or snowy"
        yield "| " + " | ".join([name, kind, *outcome.cells()]) + " |"


def _tried(
    scene: ArchivedScene, grid: GeoBox, reference: Reference, put: NDArray[np.float64], outcome: Outcome
) -> str:
    """One scene as it is, and with each shift of `put` (n, 2) in it; why it is refused, if it is."""
    outcome.dates += 1
    sources = [s for s in read_scene(scene, grid, BANDS) if s.offset is not None]
    before = measure_shift(scene, sources, grid, ReferenceParams(), reference)
    if before is None or not before.accepted:
        outcome.refused += 1
        return "nothing to register" if before is None else before.reason
    outcome.sizes.append(float(np.hypot(before.dx_px, before.dy_px)))
    for dx, dy in put:
        moved = [_moved(source, grid, (dx, dy)) for source in sources]
        after = measure_shift(scene, moved, grid, ReferenceParams(), reference)
        if after is not None and after.accepted:
            outcome.errors.append((after.dx_px - before.dx_px - dx, after.dy_px - before.dy_px - dy))
    return ""


def _moved(source: SourceProduct, grid: GeoBox, by_px: Pair) -> SourceProduct:
    """The product as if its pixels lay `by_px` columns and rows of the grid further."""
    bands = {
        name: replace(band, transform=_translated(band, grid, by_px)) for name, band in source.bands.items()
    }
    return replace(source, bands=bands)


def _translated(band: SourceBand, grid: GeoBox, by_px: Pair) -> Affine:
    """The lattice moved by as many of the grid's pixels, in its own reference system."""
    to_source = Transformer.from_crs(wkt_of(grid), band.crs_wkt, always_xy=True)
    height, width = grid.shape
    here, there = ((width / 2 + k * by_px[0], height / 2 + k * by_px[1]) for k in (0, 1))
    (x0, y0), (x1, y1) = (to_source.transform(*(grid.transform * place)) for place in (here, there))
    return Affine.translation(x1 - x0, y1 - y0) * band.transform

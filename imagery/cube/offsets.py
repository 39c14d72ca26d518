"""Offsets that a product's own numbers leave open: by the ground of its seasons, then by its like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from odc.geo.geobox import GeoBox

from imagery.cube.fusion import Kind, Prior, SourceProduct, classes_on_grid, coarse_grid, kind_of, on_grid
from imagery.masks.cells import grow
from imagery.masks.scene_masks import SCL_CLOUD, SCL_NODATA, SCL_SNOW, cells_per_side
from imagery.masks.season import Usual
from imagery.radiometry.offset import GroundParams, offset_from_ground


def settled(
    sources: Sequence[SourceProduct],
    grid: GeoBox,
    usual: Usual | None,
    prior: Prior,
    *,
    margin_cells: float,
    params: GroundParams,
) -> list[SourceProduct]:
    """The products of a scene, those whose numbers proved nothing settled as well as it can be.

    Clear ground decides first. Where it leaves the offset open too, what clear products of the same kind
    turned out to need is taken; where these differ among themselves, their metadata are worth nothing and the
    product is refused. An offset that rests on lifted dark ground is open where products of the same kind
    need another: thin cloud over the site lifts dark ground too.

    Args:
        sources: of one scene.
        grid: of the site.
        usual: how the ground looks on the day, where that is known.
        prior: by kind.
        margin_cells: by which cloud is widened, cells of 20 m.
        params: of the comparison.
    """
    return [
        _settled(source, grid, usual, prior, margin_cells, params) if is_open(source, prior) else source
        for source in sources
    ]


def is_open(source: SourceProduct, prior: Prior) -> bool:
    """Whether a product's numbers leave its offset open, or what its like need speaks against them."""
    kind = kind_of(source.product)
    return not source.proven or speaks_against(prior, kind, source.offset, lifted=source.lifted)


def speaks_against(prior: Prior, kind: Kind, offset: float | None, *, lifted: bool) -> bool:
    """Whether products of a kind need another offset than lifted dark ground tells of."""
    return lifted and prior.get(kind) not in {None, offset}


def _settled(
    source: SourceProduct,
    grid: GeoBox,
    usual: Usual | None,
    prior: Prior,
    margin_cells: float,
    params: GroundParams,
) -> SourceProduct:
    told = source.evidence
    if usual is not None:
        add, words = _by_ground(source, grid, usual, margin_cells, params)
        told = f"{told}; {words}"
        if add is not None:
            return replace(source, offset=add / 10000, evidence=told, proven=True)
    kind = kind_of(source.product)
    if kind not in prior:
        return replace(source, evidence=told)
    known = prior[kind]
    words = "products of its kind differ" if known is None else "as its like"
    return replace(source, offset=known, evidence=f"{told}; {words}")


def _by_ground(
    source: SourceProduct, grid: GeoBox, usual: Usual, margin_cells: float, params: GroundParams
) -> tuple[int | None, str]:
    """The offset by invariant, snow-free ground of the scene."""
    cells = coarse_grid(grid, cells_per_side(abs(float(grid.resolution.x))))
    bands = [band for band in usual.basis if band in source.bands and band in params.haze]
    bare = replace(source, offset=0.0)
    seen = {band: on_grid([bare], band, cells) for band in bands}
    expected = {band: usual.prior(band) for band in bands}
    classes = classes_on_grid([bare], cells)
    if classes is None or not bands:
        return None, "ground: no classes"
    cloud, snow = np.isin(classes, (*SCL_CLOUD, SCL_NODATA)), classes == SCL_SNOW
    known = np.logical_and.reduce([np.isfinite(seen[b]) & np.isfinite(expected[b]) for b in bands])
    clear = known & ~grow(cloud, margin_cells) & ~snow
    span = np.max([np.ptp(usual.basis[band], axis=0) for band in bands], axis=0)
    steady = clear & (span <= np.nanquantile(span, params.steady_share)) if np.isfinite(span).any() else clear
    chosen = steady if steady.sum() >= params.least_cells else clear
    return offset_from_ground(
        {band: seen[band][chosen] for band in bands},
        {band: expected[band][chosen] for band in bands},
        snow_share=float(snow.mean()),
        params=params,
    )

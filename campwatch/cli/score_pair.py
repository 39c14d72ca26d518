"""`campwatch pair BEFORE AFTER --out score.tif`: a change score from two dates only."""

from __future__ import annotations

import math
from pathlib import Path

from affine import Affine
from odc.geo.geobox import GeoBox

from aoi.pixels import pixel_area_ha
from detection.pairs.score import PIXEL_M, PairParams, PairScore, score_pair
from imagery.cube.pairs import read_pair, write_score


def pair(before: Path, after: Path, out: Path, *, false_alarm_rate: float = 0.01) -> PairScore:
    """Score change between two dates and write it as a GeoTIFF.

    Args:
        before: folder or STAC item (.json) of single-band files of the earlier date.
        after: the same for the later date.
        out: GeoTIFF to write: 1 is the scene's median, NaN where not seen; its tags hold the threshold.
        false_alarm_rate: share of unchanged pixels that may lie above the threshold.
    """
    one, two, grid = read_pair(before, after)
    params = PairParams(false_alarm_rate=false_alarm_rate).at(pixel_side_m(grid))
    result = score_pair(one, two, params=params)
    tags = {
        "threshold": f"{result.threshold:.4f}",
        "false_alarm_rate": f"{result.false_alarm_rate:g}",
        "bands": " ".join(result.bands),
    }
    write_score(out, result.score, grid, tags)
    return result


def pixel_side_m(grid: GeoBox) -> float:
    """Side of the pixels on the ground, in metres; Sentinel-2's where files do not tell where they lie."""
    known = grid.crs is not None and grid.affine != Affine.identity()
    return math.sqrt(pixel_area_ha(grid) * 10_000.0) if known else PIXEL_M

"""`campwatch pair BEFORE AFTER --out score.tif`: a change score from two dates only."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from campwatch.cli.session import say

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

    from detection.pairs.score import PairScore


def pair(
    context: typer.Context,
    before: Annotated[Path, typer.Argument(help="Folder or STAC item of single-band files, earlier date.")],
    after: Annotated[Path, typer.Argument(help="The same, later date.")],
    *,
    out: Annotated[Path, typer.Option(help="GeoTIFF to write.", metavar="score.tif")],
    false_alarm_rate: Annotated[
        float, typer.Option(help="Share of unchanged pixels that may lie above the threshold.")
    ] = 0.01,
) -> None:
    """Score change between two dates only; says where to look first, carries no claim."""
    result = score_files(before, after, out, false_alarm_rate=false_alarm_rate)
    say(f"{out}: threshold {result.threshold:.3f} at a false-alarm rate of {result.false_alarm_rate:g}")
    context.obj.report(
        {
            "score": str(out),
            "threshold": result.threshold,
            "false_alarm_rate": result.false_alarm_rate,
            "bands": list(result.bands),
        }
    )


def score_files(before: Path, after: Path, out: Path, *, false_alarm_rate: float = 0.01) -> PairScore:
    """Score change between two dates and write it as a GeoTIFF.

    Args:
        before: folder or STAC item (.json) of single-band files of the earlier date.
        after: the same for the later date.
        out: GeoTIFF to write: 1 is the scene's median, NaN where not seen; its tags hold the threshold.
        false_alarm_rate: share of unchanged pixels that may lie above the threshold.
    """
    from detection.pairs.score import PairParams, score_pair  # noqa: PLC0415 - start-up stays quick
    from imagery.cube.pairs import read_pair, write_score  # noqa: PLC0415

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
    from affine import Affine  # noqa: PLC0415 - start-up stays quick

    from aoi.pixels import pixel_area_ha  # noqa: PLC0415
    from detection.pairs.score import PIXEL_M  # noqa: PLC0415

    known = grid.crs is not None and grid.affine != Affine.identity()
    return math.sqrt(pixel_area_ha(grid) * 10_000.0) if known else PIXEL_M

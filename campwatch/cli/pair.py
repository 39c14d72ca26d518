"""The command `pair`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from campwatch.cli.session import say


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
    from campwatch.cli.score_pair import pair as score_files  # noqa: PLC0415 - start-up stays quick

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

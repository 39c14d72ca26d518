"""Two dated perimeters over the newest look: what was gained, what was lost, with the interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import shapely
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from shapely.geometry.base import BaseGeometry

from aoi.geodesy import parts
from aoi.records import Boundary, Site
from campwatch.exports.figure_page import (
    WIDTH_IN,
    draw_foot,
    draw_title,
    figure_word,
    foot_height,
    foot_lines,
    new_figure,
)
from campwatch.exports.figure_pair import draw_coordinates, draw_north, draw_outline, draw_scale_bar, panel
from campwatch.exports.imagery import projected, stack
from campwatch.exports.stamp import Stamp
from detection.pairs.looks import LookChoice
from evidence.layers import BLUE, PURPLE, VERMILION, Style
from maps.composites import TRUE_COLOUR, common_stretch, paint
from maps.images import geobox_of

_WIDE = 4.4
"""Width of the picture, inches; the words stand beside it."""
_GAP_IN, _FRAME_IN, _HEAD_IN = 0.12, 0.2, 0.45


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundaryFigure:
    """What the figure shows."""

    site: Site
    cube: xr.Dataset
    """The look."""
    look: LookChoice
    earlier: Boundary
    later: Boundary
    gained: BaseGeometry
    lost: BaseGeometry
    told: Sequence[str]
    """Gained, lost and net with their intervals, as they are printed."""
    stamp: Stamp
    attribution: str
    language: str = "en"
    bare: bool = False


def draw_boundary_change(data: BoundaryFigure) -> Figure:
    """The two versions, and the ground that only one of them encloses."""
    geobox = geobox_of(data.cube)
    rows, columns = geobox.shape
    height = _WIDE * min(rows / columns, 1.2)
    foot = [] if data.bare else foot_lines(data.stamp, [f"{data.attribution}. {_sources(data)}"])
    foot_in = 0.0 if data.bare else foot_height(foot)
    head = 0.24 if data.bare else _HEAD_IN
    total = head + height + _FRAME_IN + _GAP_IN + foot_in
    figure = new_figure(total)
    if not data.bare:
        draw_title(figure, data.site)
    left, bottom = _GAP_IN + _FRAME_IN, foot_in + _FRAME_IN + _GAP_IN / 2
    axes = figure.add_axes((left / WIDTH_IN, bottom / total, _WIDE / WIDTH_IN, height / total))
    picture = data.cube.isel(time=0)
    colours = paint(stack(picture, TRUE_COLOUR.bands), common_stretch(data.cube, TRUE_COLOUR))
    local = figure_word("local", data.language)
    panel(axes, colours, geobox, f"{data.look.local_date} ({local})")
    draw_coordinates(axes, geobox, latitudes=True)
    for shape, colour, hatch in ((data.gained, VERMILION, "////"), (data.lost, PURPLE, "xxxx")):
        for part in parts(projected(shape, geobox)) if not shape.is_empty else ():
            if not isinstance(part, shapely.Polygon):
                continue
            x, y = part.exterior.xy
            axes.fill(x, y, facecolor=colour, alpha=0.25, linewidth=0)
            axes.fill(x, y, facecolor="none", edgecolor=colour, hatch=hatch, linewidth=0.0)
    lines = ((data.earlier, BLUE), (data.later, VERMILION))
    for version, colour in lines:
        draw_outline(axes, version.geometry, Style(line=colour, width_mm=0.6), geobox)
    draw_scale_bar(axes, geobox)
    draw_north(axes, geobox)
    handles = [
        *(
            Line2D([], [], color=colour, linewidth=1.8, label=figure_word(
                "version_line", data.language, id=version.boundary_id, since=version.valid_from))
            for version, colour in lines
        ),
        Patch(facecolor=VERMILION, alpha=0.4, hatch="////", label=figure_word("gained", data.language)),
        Patch(facecolor=PURPLE, alpha=0.4, hatch="xxxx", label=figure_word("lost", data.language)),
    ]  # fmt: skip
    beside = (left + _WIDE + 0.12) / WIDTH_IN
    top = (bottom + height) / total
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(beside - 0.01, top), handlelength=1.6)
    figure.text(
        beside,
        top - 0.95 / total,
        "\n".join(data.told),
        fontsize=7.5,
        va="top",
        linespacing=1.6,
    )
    if not data.bare:
        draw_foot(figure, foot, data.stamp)
    return figure


def _sources(data: BoundaryFigure) -> str:
    return " ".join(
        f"Boundary version {b.boundary_id}: {b.source or 'source not stated'}."
        for b in (data.earlier, data.later)
    )

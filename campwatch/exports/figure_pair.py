"""Before and after: two looks of one season in one stretch, with dates, scale, north and outlines."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import shapely
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from odc.geo.geobox import GeoBox
from pyproj import Proj, Transformer
from shapely.geometry.base import BaseGeometry

from aoi.geodesy import parts
from aoi.records import Site
from aoi.versions import version_in_force
from campwatch.exports.figure_page import WIDTH_IN, draw_foot, foot_height, foot_lines, new_figure, site_title
from campwatch.exports.imagery import epsg_of, projected, stack
from campwatch.exports.site_tables import BOUNDARIES, SITES, ZONES
from campwatch.exports.stamp import Stamp
from detection.pairs.looks import LookChoice
from evidence.layers import Style
from maps.composites import TRUE_COLOUR, common_stretch, paint
from maps.disclosure import coarse
from maps.images import geobox_of

_GAP_IN = 0.12
_HEAD_IN = 0.62
_LEGEND_IN = 0.3
_LEGEND_LINE_IN = 0.17
_POINTS_PER_MM = 72 / 25.4
_LABEL_ROOM = 0.7
"""Share of the picture beyond which a number stands on the other side of its outline."""
_INSET_IN = 1.0
"""Side of the picture that says where a finding lies."""
_UNSEEN = (0.87, 0.87, 0.87)
_BAR_SHARE = 0.3
"""The scale bar is the longest round length below this share of the width."""
_TALLEST = 1.4
"""Height of a panel over its width at most."""
_ARROW = 0.1
"""Length of the north arrow over the width of the panel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFinding:
    """The finding that a pair straddles."""

    number: str
    """Its id, as it is printed beside the outline."""
    label: str
    style: Style
    geometry: BaseGeometry
    """EPSG:4326."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFigure:
    """What the figure shows."""

    site: Site
    cube: xr.Dataset
    """The two looks."""
    looks: tuple[LookChoice, LookChoice]
    stamp: Stamp
    attribution: str
    finding: ShownFinding | None = None
    """Drawn with its number in both pictures; an inset says where it lies."""


def draw_pair(pair: PairFigure) -> Figure:
    """The two looks side by side."""
    geobox = geobox_of(pair.cube)
    rows, columns = geobox.shape
    width = (WIDTH_IN - 3 * _GAP_IN) / 2
    height = width * min(rows / columns, _TALLEST)
    foot = foot_lines(pair.stamp, _notes(pair))
    columns_of_legend = 2 if pair.finding is None else 1
    lines = math.ceil(len(_legend_entries(pair)) / columns_of_legend)
    legend = max(_LEGEND_IN, lines * _LEGEND_LINE_IN + _GAP_IN)
    if pair.finding is not None:
        legend = max(legend, _INSET_IN + 2 * _GAP_IN)
    total = _HEAD_IN + height + legend + foot_height(foot)
    figure = new_figure(total)
    figure.text(_GAP_IN / WIDTH_IN, 1 - _GAP_IN / total, site_title(pair.site), fontsize=10, va="top")
    if pair.finding is not None:
        told = f"{pair.finding.label}: the last clear look before, the first clear look of that season after"
        figure.text(_GAP_IN / WIDTH_IN, 1 - 0.29 / total, told, fontsize=7, va="top", color="#333333")
    stretch = common_stretch(pair.cube, TRUE_COLOUR)
    bottom = (foot_height(foot) + legend) / total
    for i, look in enumerate(pair.looks):
        left = (_GAP_IN + i * (width + _GAP_IN)) / WIDTH_IN
        axes = figure.add_axes((left, bottom, width / WIDTH_IN, height / total))
        colours = paint(stack(pair.cube.isel(time=i), TRUE_COLOUR.bands), stretch)
        _panel(
            axes, colours, geobox, f"{'ab'[i]}  {look.local_date} (local), {look.datetime:%Y-%m-%d %H:%M} UTC"
        )
        for _, geometry, style in _outlines(pair, look):
            _draw_outline(axes, geometry, style, geobox)
        if pair.finding is not None:
            _draw_number(axes, pair.finding, geobox)
    if pair.finding is not None:
        _draw_inset(
            figure, pair, geobox, (WIDTH_IN - _GAP_IN - _INSET_IN, foot_height(foot) + _GAP_IN / 2), total
        )
    _draw_legend(figure, _legend_entries(pair), bottom - legend / 2 / total, columns=columns_of_legend)
    _draw_scale_bar(figure.axes[0], geobox)
    _draw_north(figure.axes[1], geobox)
    draw_foot(figure, foot, pair.stamp)
    return figure


def _notes(pair: PairFigure) -> list[str]:
    centre = (pair.site.aoi if pair.finding is None else pair.finding.geometry).centroid
    decimals = 3 if pair.stamp.coordinate_decimals is None else pair.stamp.coordinate_decimals
    seen_of = "the site" if pair.finding is None else "the ground around it"
    seen = "; ".join(
        f"{'ab'[i]}: scene {look.scene_id}, {look.valid_fraction:.0%} of {seen_of} seen clearly"
        for i, look in enumerate(pair.looks)
    )
    return [
        (
            f"True colour (red, green, blue), one stretch for both dates, "
            f"EPSG:{epsg_of(geobox_of(pair.cube))}, "
            f"centre {centre.y:.{decimals}f}° N, {centre.x:.{decimals}f}° E. {seen}. Grey: no data."
        ),
        f"{pair.attribution}. {_boundary_sources(pair)}",
    ]


def _boundary_sources(pair: PairFigure) -> str:
    inside = (version_in_force(pair.site, look.datetime.date()) for look in pair.looks)
    told = {b.boundary_id: b.source or "source not stated" for b in inside if b is not None}
    return " ".join(f"Boundary version {name}: {source}." for name, source in told.items())


def _panel(axes: Axes, colours: np.ndarray, geobox: GeoBox, title: str) -> None:
    box = geobox.extent.boundingbox
    axes.set_facecolor(_UNSEEN)
    axes.imshow(
        colours, extent=(box.left, box.right, box.bottom, box.top), interpolation="nearest", aspect="auto"
    )
    axes.set(xlim=(box.left, box.right), ylim=(box.bottom, box.top), xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(True)
    axes.set_title(title, loc="left", pad=4)


def _outlines(pair: PairFigure, look: LookChoice) -> Iterator[tuple[str, BaseGeometry, Style]]:
    """(legend, geometry, style) of what is drawn over one look."""
    boundary = version_in_force(pair.site, look.datetime.date())
    if boundary is not None:
        yield f"boundary version {boundary.boundary_id}", boundary.geometry, BOUNDARIES.style
    for zone in pair.site.zones:
        yield f"zone {zone.id} ({zone.kind.value})", zone.geometry, ZONES.style
    if pair.finding is not None:
        yield pair.finding.label, pair.finding.geometry, pair.finding.style


def _draw_outline(axes: Axes, geometry: BaseGeometry, style: Style, geobox: GeoBox) -> None:
    projected = gpd.GeoSeries([geometry], crs="EPSG:4326").to_crs(str(geobox.crs)).iloc[0]
    for part in parts(shapely.boundary(projected) if projected.area else projected):
        x, y = shapely.get_coordinates(part).T
        width = style.width_mm * _POINTS_PER_MM
        axes.plot(x, y, color="white", linewidth=width + 1.2, solid_joinstyle="miter", alpha=0.8)
        axes.plot(x, y, color=style.line, linewidth=width, solid_joinstyle="miter")


def _legend_entries(pair: PairFigure) -> list[tuple[str, Style]]:
    """Each outline once; one that only one of the pictures shows is named with its letter."""
    panels: dict[str, list[str]] = {}
    styles: dict[str, Style] = {}
    for letter, look in zip("ab", pair.looks, strict=True):
        for label, _, style in _outlines(pair, look):
            panels.setdefault(label, []).append(letter)
            styles[label] = style
    return [
        (label if len(letters) == len(pair.looks) else f"{label} ({letters[0]})", styles[label])
        for label, letters in panels.items()
    ]


def _draw_number(axes: Axes, finding: ShownFinding, geobox: GeoBox) -> None:
    """The finding's number beside its outline."""
    west, south, east, north = projected(finding.geometry, geobox).bounds
    box = geobox.extent.boundingbox
    at_right = (east - box.left) / (box.right - box.left) > _LABEL_ROOM
    at_top = (north - box.bottom) / (box.top - box.bottom) > _LABEL_ROOM
    axes.annotate(
        finding.number, xy=(west if at_right else east, south if at_top else north),
        xytext=(-3 if at_right else 3, -3 if at_top else 3), textcoords="offset points", fontsize=7,
        ha="right" if at_right else "left", va="top" if at_top else "bottom", color="black", zorder=7,
        bbox={"boxstyle": "round,pad=0.2", "facecolor": "white", "alpha": 0.85, "linewidth": 0},
    )  # fmt: skip


def _draw_inset(
    figure: Figure, pair: PairFigure, geobox: GeoBox, at: tuple[float, float], total: float
) -> None:
    """Where the pictures lie within the site: its box, boundary and zones, and a red frame."""
    left, bottom = at
    axes = figure.add_axes((left / WIDTH_IN, bottom / total, _INSET_IN / WIDTH_IN, _INSET_IN / total))
    axes.set(xticks=[], yticks=[], aspect="equal")
    axes.set_facecolor("white")
    for spine in axes.spines.values():
        spine.set_visible(True)
    look = pair.looks[-1]
    _draw_outline(axes, pair.site.aoi, SITES.style, geobox)
    for _, geometry, style in _outlines(replace(pair, finding=None), look):
        _draw_outline(axes, geometry, replace(style, width_mm=style.width_mm / 2), geobox)
    box = geobox.extent.boundingbox
    frame = Rectangle(
        (box.left, box.bottom), box.right - box.left, box.top - box.bottom, fill=False, edgecolor="#D00000",
        linewidth=1.2, zorder=8,
    )  # fmt: skip
    axes.add_patch(frame)
    if pair.finding is not None:
        x, y = projected(pair.finding.geometry.centroid, geobox).coords[0]
        axes.plot(x, y, marker="+", color="#D00000", markersize=6, zorder=9)
    figure.text(
        (left - 0.06) / WIDTH_IN, (bottom + _INSET_IN / 2) / total, "where in\nthe site", fontsize=6.5,
        ha="right", va="center",
    )  # fmt: skip


def _draw_legend(figure: Figure, entries: list[tuple[str, Style]], y: float, *, columns: int) -> None:
    handles = [
        Line2D([], [], color=style.line, linewidth=style.width_mm * _POINTS_PER_MM, label=label)
        for label, style in entries
    ]
    if handles:
        figure.legend(
            handles=handles, loc="center left", bbox_to_anchor=(0.005, y), ncols=columns, handlelength=1.6
        )


def round_length_m(width_m: float) -> float:
    """The longest of 1, 2, 5 · 10ⁿ metres that fits into the share of the width given to the scale bar."""
    room = width_m * _BAR_SHARE
    power = 10.0 ** math.floor(math.log10(room))
    return max(step * power for step in (1.0, 2.0, 5.0) if step * power <= room)


def _draw_scale_bar(axes: Axes, geobox: GeoBox) -> None:
    box = geobox.extent.boundingbox
    metres_per_unit = _ground_scale(geobox)
    length = round_length_m((box.right - box.left) * metres_per_unit)
    share = length / metres_per_unit / (box.right - box.left)
    text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"  # noqa: PLR2004 - metres in a kilometre
    pane = Rectangle(
        (0.02, 0.02), share + 0.06, 0.1, transform=axes.transAxes, color="white", alpha=0.85, zorder=5
    )
    axes.add_patch(pane)
    for start, colour in ((0.0, "black"), (0.5, "white")):
        axes.add_patch(
            Rectangle(
                (0.05 + start * share, 0.04), share / 2, 0.015, transform=axes.transAxes,
                facecolor=colour, edgecolor="black", linewidth=0.6, zorder=6,
            )
        )  # fmt: skip
    axes.text(
        0.05 + share / 2,
        0.06,
        text,
        transform=axes.transAxes,
        ha="center",
        va="bottom",
        fontsize=7.5,
        zorder=6,
    )


def _ground_scale(geobox: GeoBox) -> float:
    """Metres on the ground per unit of the grid, along its rows, in the middle."""
    factors = Proj(str(geobox.crs)).get_factors(*_centre(geobox))
    return 1.0 / float(factors.parallel_scale)


def _centre(geobox: GeoBox) -> tuple[float, float]:
    box = geobox.extent.boundingbox
    to_degrees = Transformer.from_crs(str(geobox.crs), "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform((box.left + box.right) / 2, (box.bottom + box.top) / 2)
    return float(lon), float(lat)


def _draw_north(axes: Axes, geobox: GeoBox) -> None:
    """An arrow to true north: the grid's own north may be degrees off at the edge of a zone."""
    factors = Proj(str(geobox.crs)).get_factors(*_centre(geobox))
    turn = -math.radians(float(factors.meridian_convergence))
    box = geobox.extent.boundingbox
    aspect = (box.right - box.left) / (box.top - box.bottom)
    dx, dy = _ARROW * math.sin(turn), _ARROW * math.cos(turn) * aspect
    x, y = 0.94, 0.83
    pane = Rectangle((0.895, 0.8), 0.09, 0.185, transform=axes.transAxes, color="white", alpha=0.85, zorder=5)
    axes.add_patch(pane)
    axes.annotate(
        "", xy=(x + dx, y + dy), xytext=(x, y), xycoords="axes fraction", zorder=6,
        arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0},
    )  # fmt: skip
    axes.text(
        x + dx, y + dy + 0.005, "N", transform=axes.transAxes, ha="center", va="bottom", fontsize=8, zorder=6
    )


def coarse_site(site: Site, decimals: int | None) -> Site:
    """The site with its outlines rounded as the profile says."""
    if decimals is None:
        return site
    return replace(
        site,
        boundaries=tuple(replace(b, geometry=coarse(b.geometry, decimals)) for b in site.boundaries),
        zones=tuple(
            replace(z, geometry=shaped)
            for z in site.zones
            if isinstance(shaped := coarse(z.geometry, decimals), shapely.Polygon | shapely.MultiPolygon)
        ),
    )

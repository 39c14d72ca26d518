"""Before and after: two looks of one season in one stretch, with dates, scale, north and outlines."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import shapely
import shapely.ops
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
from campwatch.exports.figure_page import (
    WIDTH_IN,
    draw_foot,
    figure_word,
    foot_height,
    foot_lines,
    new_figure,
    site_title,
)
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
_FRAME_IN = 0.2
"""Room for coordinates at the left and the foot of the pictures."""
_TICKS = 3
KOREA = (
    (
        (130.6, 42.4), (130.4, 42.3), (129.7, 41.6), (129.7, 40.9), (129.0, 40.5), (128.0, 40.0),
        (127.5, 39.8), (127.4, 39.2), (127.8, 39.1), (128.3, 38.6), (127.8, 38.3), (127.1, 38.3),
        (126.7, 37.8), (126.2, 37.7), (125.3, 37.7), (124.7, 38.1), (125.2, 38.7), (125.4, 39.4),
        (124.3, 39.9), (125.1, 40.6), (126.2, 41.1), (126.9, 41.8), (128.2, 41.5), (128.1, 42.0),
        (129.6, 42.4), (130.0, 43.0), (130.6, 42.4),
    ),
    (
        (126.2, 37.7), (126.7, 37.8), (127.1, 38.3), (127.8, 38.3), (128.3, 38.6), (129.2, 37.4),
        (129.5, 36.8), (129.5, 35.6), (129.1, 35.1), (128.2, 34.9), (127.4, 34.5), (126.5, 34.4),
        (126.4, 34.9), (126.6, 35.7), (126.1, 36.7), (126.9, 36.9), (126.2, 37.7),
    ),
)  # fmt: skip
"""Outlines for the locator, lon and lat to 0.1°: Natural Earth 1:110 million, public domain."""
_KOREA_BOX = (124.0, 33.8, 131.2, 43.3)


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
class NumberedArea:
    """A place with its number and what was measured there on either look."""

    number: int
    name: str
    geometry: BaseGeometry
    """EPSG:4326."""
    values: tuple[str | None, str | None] = (None, None)
    """Printed on the picture; None where that look measured nothing here."""


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
    areas: tuple[NumberedArea, ...] = ()
    """Numbered with arrows in both pictures."""
    focus: BaseGeometry | None = None
    """What the pictures were cut to, where they do not show the whole site (EPSG:4326)."""
    language: str = "en"
    bare: bool = False
    """Without title and foot: a report says the same in its caption."""


def draw_pair(pair: PairFigure) -> Figure:
    """The two looks side by side."""
    geobox = geobox_of(pair.cube)
    rows, columns = geobox.shape
    width = (WIDTH_IN - 3 * _GAP_IN - _FRAME_IN) / 2
    height = width * min(rows / columns, _TALLEST)
    foot = [] if pair.bare else foot_lines(pair.stamp, _notes(pair))
    foot_in = 0.0 if pair.bare else foot_height(foot)
    head = 0.24 if pair.bare else _HEAD_IN
    entries = _legend_entries(pair)
    lines = math.ceil(len(entries) / (2 if _inset_of(pair) is None else 1))
    legend = max(_LEGEND_IN, lines * _LEGEND_LINE_IN + _GAP_IN) + _FRAME_IN
    if _inset_of(pair) is not None:
        legend = max(legend, _INSET_IN + 2 * _GAP_IN + _FRAME_IN)
    total = head + height + legend + foot_in
    figure = new_figure(total)
    if not pair.bare:
        figure.text(_GAP_IN / WIDTH_IN, 1 - _GAP_IN / total, site_title(pair.site), fontsize=10, va="top")
        if pair.finding is not None:
            told = figure_word("before_after", pair.language, label=pair.finding.label)
            figure.text(_GAP_IN / WIDTH_IN, 1 - 0.29 / total, told, fontsize=7, va="top", color="#333333")
    stretch = common_stretch(pair.cube, TRUE_COLOUR)
    bottom = (foot_in + legend) / total
    for i, look in enumerate(pair.looks):
        left = (_GAP_IN + _FRAME_IN + i * (width + _GAP_IN)) / WIDTH_IN
        axes = figure.add_axes((left, bottom, width / WIDTH_IN, height / total))
        colours = paint(stack(pair.cube.isel(time=i), TRUE_COLOUR.bands), stretch)
        local = figure_word("local", pair.language)
        title = f"{'ab'[i]}  {look.local_date} ({local}), {look.datetime:%Y-%m-%d %H:%M} UTC"
        panel(axes, colours, geobox, title)
        draw_coordinates(axes, geobox, latitudes=i == 0)
        _draw_over(axes, pair, i, geobox)
    inset_at = (WIDTH_IN - _GAP_IN - _INSET_IN, foot_in + _GAP_IN / 2)
    inset = {"site": _draw_inset, "country": _draw_locator}.get(_inset_of(pair) or "")
    if inset is not None:
        inset(figure, pair, geobox, inset_at, total)
    middle = bottom - ((legend - _FRAME_IN) / 2 + _FRAME_IN) / total
    _draw_legend(figure, entries, middle, columns=2 if _inset_of(pair) is None else 1)
    draw_scale_bar(figure.axes[0], geobox)
    draw_north(figure.axes[1], geobox)
    if not pair.bare:
        draw_foot(figure, foot, pair.stamp)
    return figure


def _draw_over(axes: Axes, pair: PairFigure, i: int, geobox: GeoBox) -> None:
    """Outlines, numbers and values of the picture of look `i`."""
    for _, geometry, style in _outlines(pair, pair.looks[i]):
        draw_outline(axes, geometry, style, geobox)
    for area in pair.areas:
        _draw_area(axes, area, geobox)
    _draw_values(axes, [(area.number, area.values[i]) for area in pair.areas])
    if pair.finding is not None:
        _draw_number(axes, pair.finding, geobox)


def _inset_of(pair: PairFigure) -> str | None:
    """Which inset: where in the site, where in the country, or none."""
    if pair.finding is not None or pair.focus is not None:
        return "site"
    west, south, east, north = _KOREA_BOX
    centre = pair.site.aoi.centroid
    inside = west < centre.x < east and south < centre.y < north
    return "country" if inside else None


def draw_coordinates(axes: Axes, geobox: GeoBox, *, latitudes: bool) -> None:
    """Round degrees on the frame, where their meridian or parallel meets it."""
    box = geobox.extent.boundingbox
    to_degrees = Transformer.from_crs(str(geobox.crs), "EPSG:4326", always_xy=True)
    west, south = to_degrees.transform(box.left, box.bottom)
    east, _ = to_degrees.transform(box.right, box.bottom)
    _, north = to_degrees.transform(box.left, box.top)
    x = [(lon - west) / (east - west) for lon in round_degrees(west, east)]
    axes.set_xticks(
        [box.left + share * (box.right - box.left) for share in x],
        [degrees(lon, "EW") for lon in round_degrees(west, east)],
    )
    axes.tick_params(length=2.0, pad=1.5, labelsize=6.0)
    if latitudes:
        told = round_degrees(south, north)
        y = [box.bottom + (lat - south) / (north - south) * (box.top - box.bottom) for lat in told]
        axes.set_yticks(y, [degrees(lat, "NS") for lat in told], rotation=90, va="center")


def round_degrees(low: float, high: float) -> list[float]:
    """At most four round values of one step, 1, 2 or 5 · 10ⁿ degrees, between two."""
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1.0, 2.0, 5.0, 10.0) if s * power >= rough)
    first = math.ceil(low / step)
    return [round(k * step, 9) for k in range(first, math.floor(high / step) + 1)]


def degrees(value: float, letters: str) -> str:
    """`126.08° E` with as many decimals as the value has."""
    decimals = max(2, len(f"{abs(value):.6f}".rstrip("0").split(".")[1]))
    return f"{abs(value):.{decimals}f}° {letters[value < 0]}"


def _draw_area(axes: Axes, area: NumberedArea, geobox: GeoBox) -> None:
    """The number beside the place, with an arrow to its outline."""
    shape = projected(area.geometry, geobox)
    west, south, east, north = shape.bounds
    box = geobox.extent.boundingbox
    if not (west < box.right and east > box.left and south < box.top and north > box.bottom):
        return
    at_right = (east - box.left) / (box.right - box.left) > _LABEL_ROOM
    at_top = (north - box.bottom) / (box.top - box.bottom) > _LABEL_ROOM
    corner = (west if at_right else east, south if at_top else north)
    near, _ = shapely.ops.nearest_points(shape, shapely.Point(corner))
    axes.annotate(
        str(area.number), xy=(near.x, near.y),
        xytext=(-13 if at_right else 13, -13 if at_top else 13), textcoords="offset points", fontsize=8,
        ha="center", va="center", zorder=8,
        bbox={"boxstyle": "circle,pad=0.25", "facecolor": "white", "edgecolor": "black", "linewidth": 0.7},
        arrowprops={"arrowstyle": "-|>", "color": "white", "linewidth": 1.4, "shrinkA": 5, "shrinkB": 0},
    )  # fmt: skip


def _draw_values(axes: Axes, values: list[tuple[int, str | None]]) -> None:
    """What was measured on this look, by number."""
    told = [f"{number}: {text}" for number, text in values if text is not None]
    if told:
        axes.text(
            0.98, 0.02, "\n".join(told), transform=axes.transAxes, ha="right", va="bottom", fontsize=7,
            zorder=8,
            bbox={"boxstyle": "round,pad=0.25", "facecolor": "white", "alpha": 0.88, "linewidth": 0},
        )  # fmt: skip


def _draw_locator(
    figure: Figure,
    pair: PairFigure,
    geobox: GeoBox,  # noqa: ARG001 - as the other inset
    at: tuple[float, float],
    total: float,
) -> None:
    """Where the site lies on the peninsula."""
    left, bottom = at
    axes = figure.add_axes((left / WIDTH_IN, bottom / total, _INSET_IN / WIDTH_IN, _INSET_IN / total))
    west, south, east, north = _KOREA_BOX
    centre = pair.site.aoi.centroid
    axes.set(xticks=[], yticks=[], xlim=(west, east), ylim=(south, north), facecolor="#EAF2F8")
    axes.set_aspect(1.0 / math.cos(math.radians((south + north) / 2)))
    for ring in KOREA:
        x, y = zip(*ring, strict=True)
        axes.fill(x, y, facecolor="#F4F1E8", edgecolor="#777777", linewidth=0.6)
    axes.plot(centre.x, centre.y, marker="s", color="#D00000", markersize=4)
    for spine in axes.spines.values():
        spine.set_visible(True)
    figure.text(
        (left - 0.02) / WIDTH_IN, (bottom + _INSET_IN / 2) / total, figure_word("locator", pair.language),
        fontsize=6.5, ha="right", va="center",
    )  # fmt: skip


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


def panel(axes: Axes, colours: np.ndarray, geobox: GeoBox, title: str) -> None:
    """One look as a picture with its title."""
    box = geobox.extent.boundingbox
    axes.set_facecolor(_UNSEEN)
    axes.imshow(
        colours, extent=(box.left, box.right, box.bottom, box.top), interpolation="nearest", aspect="auto"
    )
    axes.set(xlim=(box.left, box.right), ylim=(box.bottom, box.top), xticks=[], yticks=[])
    axes.autoscale(enable=False)
    for spine in axes.spines.values():
        spine.set_visible(True)
    axes.set_title(title, loc="left", pad=4)


def _outlines(pair: PairFigure, look: LookChoice) -> Iterator[tuple[str, BaseGeometry, Style]]:
    """(legend, geometry, style) of what is drawn over one look."""
    boundary = version_in_force(pair.site, look.datetime.date())
    if boundary is not None:
        label = figure_word("boundary_version", pair.language, id=boundary.boundary_id)
        yield label, boundary.geometry, BOUNDARIES.style
    numbers = {area.name: f"{area.number}  " for area in pair.areas}
    for zone in pair.site.zones:
        label = figure_word("zone", pair.language, id=zone.id, kind=zone.kind.value)
        yield numbers.get(zone.id, "") + label, zone.geometry, ZONES.style
    if pair.finding is not None:
        yield pair.finding.label, pair.finding.geometry, pair.finding.style


def draw_outline(axes: Axes, geometry: BaseGeometry, style: Style, geobox: GeoBox) -> None:
    """An outline (EPSG:4326) with a white rim, so that it is seen on any ground."""
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
    draw_outline(axes, pair.site.aoi, SITES.style, geobox)
    for _, geometry, style in _outlines(replace(pair, finding=None), look):
        draw_outline(axes, geometry, replace(style, width_mm=style.width_mm / 2), geobox)
    box = geobox.extent.boundingbox
    frame = Rectangle(
        (box.left, box.bottom), box.right - box.left, box.top - box.bottom, fill=False, edgecolor="#D00000",
        linewidth=1.2, zorder=8,
    )  # fmt: skip
    axes.add_patch(frame)
    centre = pair.finding.geometry if pair.finding is not None else pair.focus
    if centre is not None:
        x, y = projected(centre.centroid, geobox).coords[0]
        axes.plot(x, y, marker="+", color="#D00000", markersize=6, zorder=9)
    figure.text(
        (left - 0.06) / WIDTH_IN, (bottom + _INSET_IN / 2) / total, figure_word("where", pair.language),
        fontsize=6.5, ha="right", va="center",
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


def draw_scale_bar(axes: Axes, geobox: GeoBox) -> None:
    """A bar of a round length in metres on the ground."""
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


def draw_north(axes: Axes, geobox: GeoBox) -> None:
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

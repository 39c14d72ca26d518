"""Plan area of probable coal: every look with its interval, the smoothed series, gaps left empty."""

from __future__ import annotations

import datetime as dt
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, DateFormatter, YearLocator
from matplotlib.figure import Figure
from numpy.typing import NDArray

from aoi.records import Site
from campwatch.exports.figure_page import (
    WIDTH_IN,
    draw_foot,
    draw_title,
    figure_word,
    foot_height,
    foot_lines,
    new_figure,
)
from campwatch.exports.stamp import Stamp
from evidence.layers import BLUE, GREY

_PANEL_IN = 1.9
_HEAD_IN = 0.5
_BETWEEN_IN = 0.55
_LEFT_IN = 0.7
_MOST_PANELS = 4
_LONGEST_TITLE = 75
_YEARS_ALONE = 3.0
"""Of a longer record the axis names years alone."""
_YEARS_BY_DAY = 0.7
"""Below it ticks would fall into one month (assumed)."""
GAP_DAYS = 60
"""The smoothed line is not drawn across longer times without a figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesFigure:
    """What the figure shows."""

    site: Site
    areas: pd.DataFrame
    """Rows of `stockpile_areas` of the site."""
    series: pd.DataFrame | None
    """Rows of `series` of the site, where there are any."""
    looks: pd.DataFrame
    """Rows of `observations` of the site."""
    stamp: Stamp
    attribution: str
    language: str = "en"
    bare: bool = False
    """Without title and foot: a report says the same in its caption."""


def draw_series(data: SeriesFigure, zone_ids: Sequence[str]) -> Figure:
    """One panel per zone, at most four."""
    shown = list(zone_ids)[:_MOST_PANELS]
    foot = [] if data.bare else foot_lines(data.stamp, _notes(data))
    head = 0.3 if data.bare else _HEAD_IN
    total = head + len(shown) * (_PANEL_IN + _BETWEEN_IN) + (0.0 if data.bare else foot_height(foot))
    figure = new_figure(total)
    if not data.bare:
        draw_title(figure, data.site)
    first: Axes | None = None
    for i, zone_id in enumerate(shown):
        bottom = total - head - (i + 1) * (_PANEL_IN + _BETWEEN_IN) + 0.3
        place = (_LEFT_IN / WIDTH_IN, bottom / total, 1 - (_LEFT_IN + 0.15) / WIDTH_IN, _PANEL_IN / total)
        axes = figure.add_axes(place, sharex=first)
        first = first or axes
        _panel(axes, data, zone_id)
    if not data.bare:
        draw_foot(figure, foot, data.stamp)
    return figure


def _notes(data: SeriesFigure) -> list[str]:
    levels = sorted({float(level) for level in data.areas["level"].dropna()})
    said = " and ".join(f"{level:.0%}" for level in levels) or "95%"
    method = ", ".join(sorted(set(data.areas["method"].dropna())))
    checked = "; ".join(sorted(set(data.areas["validation"].dropna())))
    return [
        (
            f"Bars and band: {said} intervals. Open circles: below the floor, not to be told from none. "
            f"Ticks at the foot: looks that showed nothing usable. The line is left out where there was no "
            f"figure for {GAP_DAYS} days. "
            f"Method {method}. What stands behind the intervals: {checked}."
        ),
        f"{data.attribution}.",
    ]


def _panel(axes: Axes, data: SeriesFigure, zone_id: str) -> None:
    zone = next((zone for zone in data.site.zones if zone.id == zone_id), None)
    own = data.areas[(data.areas["zone_id"] == zone_id) & data.areas["area_ha"].notna()]
    _draw_looks(axes, own, data.language)
    _draw_smoothed(axes, data.series, zone_id, data.language)
    blind = data.looks[data.looks["status"] != "used"]
    ticks = times(blind["datetime"])
    axes.plot(
        ticks, np.zeros(len(ticks)), "|", color=GREY, markersize=5, transform=axes.get_xaxis_transform()
    )
    axes.axhline(0.0, color="black", linewidth=0.5)
    axes.set_ylabel(figure_word("probable_coal", data.language))
    told = zone_id + (f": {zone.name}" if zone and zone.name else "")
    name = figure_word("zone_title", data.language, name=told)
    axes.set_title(textwrap.shorten(name, _LONGEST_TITLE, placeholder=" …"), loc="left")
    if own.empty:
        reasons = data.areas.loc[data.areas["zone_id"] == zone_id, "reason"].dropna()
        reason = reasons.mode().iloc[0] if len(reasons) else "–"
        told = textwrap.fill(figure_word("no_figures", data.language, reason=reason), _LONGEST_TITLE)
        axes.text(0.5, 0.5, told, transform=axes.transAxes, ha="center", va="center", color="#666666")
        axes.set_ylim(0.0, 1.0)
        axes.set_yticks([])
    _date_axis(axes, own["datetime"], blind["datetime"])
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, borderaxespad=0.1)


def _date_axis(axes: Axes, *columns: pd.Series) -> None:
    """Dates whose year is always told: years alone over long records, days over short ones, else months."""
    moments = np.concatenate([times(column) for column in columns])
    years = (moments.max() - moments.min()) / np.timedelta64(365, "D") if moments.size else 0.0
    long, short = years > _YEARS_ALONE, years < _YEARS_BY_DAY
    locator = YearLocator() if long else AutoDateLocator(minticks=4, maxticks=6 if short else 9)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    shown = "%Y" if long else "%Y-%m-%d" if short else "%Y-%m"
    axes.xaxis.set_major_formatter(DateFormatter(shown))  # type: ignore[no-untyped-call]


def times(column: pd.Series) -> NDArray[np.datetime64]:
    """ISO times as matplotlib takes them, UTC."""
    moments = [
        dt.datetime.fromisoformat(str(value)).astimezone(dt.UTC).replace(tzinfo=None) for value in column
    ]
    return np.array(moments, dtype="datetime64[ms]")


def _draw_looks(axes: Axes, own: pd.DataFrame, language: str) -> None:
    below_floor = own["below_floor"].fillna(value=False).astype(bool)
    for below, marker, key in ((False, BLUE, "one_look"), (True, "white", "below_floor")):
        part = own[below_floor == below]
        if part.empty:
            continue
        value, low, high = (part[name].to_numpy(float) for name in ("area_ha", "area_ha_low", "area_ha_high"))
        axes.errorbar(
            times(part["datetime"]), value, yerr=(np.maximum(value - low, 0), np.maximum(high - value, 0)),
            fmt="o", markersize=2.6, markerfacecolor=marker, markeredgecolor=BLUE, markeredgewidth=0.7,
            ecolor="#9FC5E8", elinewidth=0.6, label=figure_word(key, language), zorder=2,
        )  # fmt: skip


def _draw_smoothed(axes: Axes, series: pd.DataFrame | None, zone_id: str, language: str) -> None:
    if series is None:
        return
    own = series[(series["subject_kind"] == "zone") & (series["subject_id"] == zone_id)]
    known = own[own["value"].notna()].sort_values("datetime")
    for number, part in enumerate(stretches(times(known["datetime"]))):
        when = times(known["datetime"])[part]
        value, low, high = (
            known[name].to_numpy(float)[part] for name in ("value", "value_low", "value_high")
        )
        axes.fill_between(when, np.maximum(low, 0.0), high, color="black", alpha=0.18, linewidth=0, zorder=3)
        label = None if number else figure_word("smoothed", language)
        axes.plot(when, value, color="black", linewidth=1.2, label=label, zorder=4)


def stretches(when: NDArray[np.datetime64]) -> list[NDArray[np.intp]]:
    """Positions of figures between which no longer time passed than `GAP_DAYS`, stretch by stretch."""
    if when.size == 0:
        return []
    apart = np.flatnonzero(np.diff(when) > np.timedelta64(GAP_DAYS, "D"))
    return np.split(np.arange(when.size), apart + 1)

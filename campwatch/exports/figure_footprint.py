"""Disturbed ground by year, inside and outside the boundary version in force."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

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
from detection.ground.records import TWO_FIGURES
from evidence.layers import BLUE, GREY, ORANGE

_PANEL_IN = 2.4
_HEAD_IN = 0.55
_AXIS_IN = 0.52
_LEFT_IN = 0.6
_GROUPS = (
    ("inside_ha", "inside", BLUE, -0.26),
    ("outside_ha", "outside", ORANGE, 0.0),
    ("area_ha", "whole", GREY, 0.26),
)
_BAR = 0.24


@dataclass(frozen=True, slots=True, kw_only=True)
class FootprintFigure:
    """What the figure shows."""

    site: Site
    footprints: pd.DataFrame
    """Rows of the site, without geometry."""
    stamp: Stamp
    attribution: str
    language: str = "en"
    bare: bool = False
    """Without title and foot: a report says the same in its caption."""


def draw_footprint(data: FootprintFigure) -> Figure:
    """Bars with intervals for each epoch; an epoch that could not be assessed says so."""
    foot = [] if data.bare else foot_lines(data.stamp, _notes(data))
    foot_in = 0.0 if data.bare else foot_height(foot)
    total = _HEAD_IN + _PANEL_IN + _AXIS_IN + foot_in
    figure = new_figure(total)
    if not data.bare:
        draw_title(figure, data.site)
    bottom = (_AXIS_IN + foot_in) / total
    axes = figure.add_axes((_LEFT_IN / WIDTH_IN, bottom, 1 - (_LEFT_IN + 0.15) / WIDTH_IN, _PANEL_IN / total))
    _draw(axes, data.footprints.sort_values(["epoch_start", "boundary_id"]), data.language)
    if not data.bare:
        draw_foot(figure, foot, data.stamp)
    return figure


def _notes(data: FootprintFigure) -> list[str]:
    versions = ", ".join(sorted(set(data.footprints["boundary_id"].dropna()))) or "none in force"
    missing = data.footprints[data.footprints["area_ha"].isna() & data.footprints["reason"].notna()]
    reasons = [
        f"{str(row['epoch_start'])[:4]}: {row['reason']}"
        for row in missing.sort_values("epoch_start").to_dict("records")
    ]
    method = ", ".join(sorted(set(data.footprints["method"].dropna())))
    checked = "; ".join(sorted(set(data.footprints["validation"].dropna())))
    return [
        (
            f"Disturbed ground on 1 August. {TWO_FIGURES} Whiskers: "
            f"{data.footprints['level'].iloc[0]:.0%} intervals. "
            f"Boundary versions: {versions}. n: looks that the figure rests on. Method {method}. "
            f"What stands behind the intervals: {checked}."
        ),
        *([f"Not assessable: {'; '.join(reasons)}."] if reasons else []),
        f"{data.attribution}.",
    ]


def _draw(axes: Axes, frame: pd.DataFrame, language: str) -> None:
    places = np.arange(len(frame), dtype=float)
    for name, key, colour, shift in _GROUPS:
        value, low, high = (
            frame[f"{name}{end}"].to_numpy(float, na_value=np.nan) for end in ("", "_low", "_high")
        )
        seen = np.isfinite(value)
        if not seen.any():
            continue
        errors = (np.maximum(value - low, 0.0)[seen], np.maximum(high - value, 0.0)[seen])
        axes.bar(
            places[seen] + shift, value[seen], _BAR, yerr=errors, color=colour,
            label=figure_word(key, language),
            error_kw={"elinewidth": 0.8, "capsize": 2.0, "capthick": 0.8},
        )  # fmt: skip
    for place, value in zip(places, frame["area_ha"], strict=True):
        if pd.isna(value):
            axes.axvspan(place - 0.42, place + 0.42, color="#F2F2F2", zorder=0)
            axes.text(
                place, 0.5, figure_word("not_assessable", language), rotation=90,
                transform=axes.get_xaxis_transform(), ha="center", va="center", fontsize=7, color="#666666",
            )  # fmt: skip
    axes.axhline(0.0, color="black", linewidth=0.5)
    several = len(set(frame["boundary_id"].dropna())) > 1
    axes.set_xticks(places, [_epoch_label(row, several=several) for row in frame.itertuples()])
    axes.set_xlim(-0.6, len(frame) - 0.4)
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel(figure_word("disturbed", language))
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, borderaxespad=0.2)


def _epoch_label(row: object, *, several: bool) -> str:
    """The year, the looks, and the boundary version where there are several."""
    start, end, scenes = (str(getattr(row, name)) for name in ("epoch_start", "epoch_end", "scene_ids"))
    looks = 0 if scenes in ("<NA>", "None", "") else len(scenes.split())
    whole_year = start[4:] == "-01-01" and end == f"{int(start[:4]) + 1}-01-01"
    told = f"{start[:4] if whole_year else f'{start} to {end}'}\nn = {looks}"
    return f"{told}\n{getattr(row, 'boundary_id', '')}" if several else told

"""One answer: the asked change with its interval beside how far ordinary years lie from each other."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from matplotlib.figure import Figure

from campwatch.exports.figure_page import figure_word, new_figure
from evidence.layers import BLUE, GREY
from evidence.quantity import Quantity

_HEIGHT_IN = 1.55


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFigure:
    """What the figure shows."""

    placebos: tuple[tuple[str, float], ...]
    """Ordinary years, and how far each lies from the others, hectares."""
    change: Quantity
    asked: str
    """Name of the asked window."""
    margin_ha: float | None
    language: str = "en"


def draw_answer(data: AnswerFigure) -> Figure:
    """A strip: ordinary years as grey dots, the asked window as a blue one with its interval."""
    figure = new_figure(_HEIGHT_IN)
    axes = figure.add_axes((0.36, 0.27, 0.61, 0.56))
    names = [name for name, _ in data.placebos]
    axes.axvline(0.0, color="black", linewidth=0.6)
    if data.margin_ha is not None:
        axes.axvspan(
            -data.margin_ha,
            data.margin_ha,
            color="#EEEEEE",
            zorder=0,
            label=figure_word("margin", data.language),
        )
    for k, (name, value) in enumerate(sorted(data.placebos, key=lambda placebo: placebo[1])):
        axes.plot(value, 1.0, "o", color=GREY, markersize=4.5)
        axes.annotate(
            name[:4],
            (value, 1.0),
            xytext=(0, 4 + 6 * (k % 2)),
            textcoords="offset points",
            fontsize=6,
            ha="center",
        )
    change = data.change
    rows = [(1.0, figure_word("ordinary", data.language))] if names else []
    if change.value is not None and change.low is not None and change.high is not None:
        ends = ([change.value - change.low], [change.high - change.value])
        axes.errorbar(
            [change.value], [0.0], xerr=ends, fmt="o", color=BLUE, markersize=5, capsize=3, linewidth=1.4
        )
        rows.append((0.0, figure_word("judged", data.language, name=textwrap.shorten(data.asked, 34))))
    axes.set_yticks([place for place, _ in rows], [text for _, text in rows], fontsize=7)
    axes.set_ylim(-0.6, 1.9)
    axes.set_xlabel(figure_word("change_axis", data.language))
    if data.margin_ha is not None:
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.1)
    return figure

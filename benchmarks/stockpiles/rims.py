"""Rims of dark bodies: how much more reads as coal than was dark for long, and how much mixed pixels explain.

What reads as coal beyond that is shade: the rule of `detection.coal.verdicts` that says so has no number of
its own, only the blur of the instrument and the tests of dark ground (`rim_width_px`).

python -m benchmarks.stockpiles.rims --keep FOLDER [--write]
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.manual import write_table
from benchmarks.stockpiles.layouts import CLEAR, MADE_WITH, ONLY_ZONES
from benchmarks.stockpiles.painting import clear_dates, romania
from benchmarks.stockpiles.rank_table import seeds_of
from benchmarks.stockpiles.real_places import RANKS, painted
from benchmarks.stockpiles.yards import (
    CONDITIONS,
    HEIGHTS_KNOWN,
    JUDGED,
    keep_options,
    kept_result,
    result_of,
    yard_of,
    years_path,
)
from detection.coal.measure import StockpileResult
from detection.coal.verdicts import MORE_THAN_DARK, Verdict
from detection.coal.years import year_from

HILLS = "relief 600 m"
SLOPES = tuple(range(540, 554))
"""Seeds of hilly sites beside those that judge."""
LEFT_OUT = ("lignite", "half-coal yard", HEIGHTS_KNOWN)
"""Hardly darker than its yard; full of dark ground; one that repeats another."""
LAYOUTS = (330, 331)
Truth = Mapping[tuple[str, Any], float]


def zones_of(
    name: str, group: str, result: StockpileResult, truth: Truth, keep: Path
) -> Iterator[dict[str, Any]]:
    """One row per zone: what reads as coal, what was dark, and what rims explain."""
    _, _, held = pickle.loads(years_path(name, keep).read_bytes())  # noqa: S301 - written by kept_result
    years = [year_from(one) for one in held]
    for zone, who in result.identities.items():
        own = [year.subjects[zone] for year in years if zone in year.subjects]
        looks = [
            (area.dark_ha.value, area.dark_ha.low, area.dark_ha.high, truth[zone, area.datetime.date()])
            for area in result.areas
            if area.zone_id == zone
            and area.valid_fraction >= CLEAR
            and area.dark_ha is not None
            and area.dark_ha.value is not None
            and (zone, area.datetime.date()) in truth
        ]
        if not own or not looks:
            continue
        value, low, high, true = np.array(looks).T
        yield {
            "group": group,
            "seed": name.rsplit("-", 1)[1],
            "beyond": float(np.median(value)) - max(year.dark_ha for year in own),
            "rims": max(year.rim_ha for year in own),
            "holds": float(np.mean((low <= true) & (true <= high))) > 0.5,
            "error": float(np.sqrt(np.mean((value - true) ** 2))),
            "refused": who.reason == MORE_THAN_DARK,
            "changing": who.verdict is Verdict.COAL_CHANGING,
        }


def measured(keep: Path, *, kept: bool) -> Iterator[dict[str, Any]]:
    """Rows of all sites; of those that the folder has where `kept`."""
    sites = [(name, seed) for name in CONDITIONS if name not in LEFT_OUT for seed in JUDGED]
    for condition, seed in [*sites, *((HILLS, seed) for seed in SLOPES)]:
        name = f"{condition}-{seed}"
        if kept and not years_path(name, keep).exists():
            continue
        yard = yard_of(condition, seed, keep)
        group = HILLS if condition == HILLS else "plain yards"
        yield from zones_of(name, group, result_of(yard, keep, ONLY_ZONES), yard.truth_ha, keep)
    clear = clear_dates(romania())
    for rank, layout in ((rank, layout) for rank in RANKS for layout in LAYOUTS):
        name = f"painted-{rank}-{layout}"
        if kept and not years_path(name, keep).exists():
            continue
        made = painted(rank, layout)
        days = made.cube["time"].values.astype("datetime64[D]").tolist()
        truth = {
            (zone, day): float(area)
            for zone, areas in made.truth_ha.items()
            for day, area, shown in zip(days, areas, clear, strict=True)
            if shown
        }
        yield from zones_of(name, "painted forest", kept_painted(name, rank, layout, keep), truth, keep)


def kept_painted(name: str, rank: str, layout: int, keep: Path) -> StockpileResult:
    """What the method says of a painted layout."""

    def made() -> tuple[Any, Any]:
        one = painted(rank, layout)
        return one.cube, one.site

    return kept_result(name, keep, made)


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """One row per kind of ground, zones whose area holds and zones whose area does not."""
    lines = [
        (
            "| ground | zones | area holds on most looks | reads beyond what was dark, most, ha "
            "| of what rims explain, most, % | refused as shade | their RMSE, ha | RMSE of the others, ha |"
        ),
        "|---|---|---|---|---|---|---|---|",
    ]
    for group in dict.fromkeys(row["group"] for row in rows):
        for holds in (True, False):
            part = [row for row in rows if row["group"] == group and row["holds"] is holds]
            if not part:
                continue
            share = max(row["beyond"] / max(row["rims"], 1e-6) for row in part)
            refused = [row["error"] for row in part if row["refused"]]
            others = [row["error"] for row in part if not row["refused"]]
            lines.append(
                f"| {group} | {len(part)} | {'yes' if holds else 'no'} "
                f"| {max(row['beyond'] for row in part):+.2f} | {100 * share:.0f} | {len(refused)} "
                f"| {_mean_square(refused)} | {_mean_square(others)} |"
            )
    return lines


def _mean_square(errors: Sequence[float]) -> str:
    return f"{np.sqrt(np.mean(np.square(errors))):.3f}" if errors else "–"


def main() -> None:
    """Measure what is not kept, and print the table."""
    options = keep_options(__doc__)
    rows = list(measured(options.keep, kept=options.kept))
    lines = table(rows)
    print("\n".join(lines))
    if options.write:
        seeds = f"seeds and layouts {seeds_of(rows)}"
        write_table("stockpiles.md", "rims", lines, method=MADE_WITH, seeds=seeds)


if __name__ == "__main__":
    main()

"""How often 95 % intervals of boundary changes hold the truth, over 1,000 simulated pairs of digitisations.

    python -m benchmarks.boundary_change.coverage [--cases 1000] [--write]

Prints the table; with --write puts it into docs/boundary-change.md between its marks.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from statistics import fmean

import numpy as np
import shapely

from benchmarks.boundary_change.digitisations import MODELS, Case, simulate_case
from benchmarks.manual import write_table
from detection.boundary.change import boundary_area, measure_boundary_change, sector_advances
from detection.boundary.comparison import sector_wedge
from detection.boundary.errors import BoundaryChangeParams
from evidence.quantity import Quantity

SEED = 61_000_000
HECTARE = 1e4
COLUMNS = ("area", "gained", "lost", "net", "sectors", "advance")


def holds(quantity: Quantity, truth: float) -> bool:
    assert quantity.low is not None
    assert quantity.high is not None
    return quantity.low - 1e-9 <= truth <= quantity.high + 1e-9


def true_advances(case: Case, bearings: list[float], params: BoundaryChangeParams) -> list[float]:
    """Ground truly gained in each sector by the true earlier perimeter's length there."""
    before, after = case.truth.before, case.truth.after
    centre = np.asarray(before.centroid.coords[0])
    gained = shapely.difference(after, before)
    found = []
    for bearing in bearings:
        wedge = sector_wedge(centre, round(bearing * params.sectors / 360.0 - 0.5), params.sectors)
        length = shapely.intersection(before.exterior, wedge).length
        found.append(shapely.intersection(gained, wedge).area / length)
    return found


def score(case: Case) -> dict[str, float]:
    """Whether each interval holds the truth, and how far off the estimate is."""
    params = BoundaryChangeParams()
    change = measure_boundary_change(case.before, case.after, params=params)
    before, after = case.truth.before, case.truth.after
    gained = shapely.difference(after, before).area / HECTARE
    lost = shapely.difference(before, after).area / HECTARE
    sectors = sector_advances(case.before, case.after, params=params)
    advances = true_advances(case, [s.bearing_deg for s in sectors], params)
    assert change.gained_ha.value is not None
    assert change.overlay_gained_ha is not None
    return {
        "area": holds(boundary_area(case.before, params=params), before.area / HECTARE),
        "gained": holds(change.gained_ha, gained),
        "lost": holds(change.lost_ha, lost),
        "net": holds(change.net_ha, gained - lost),
        "sectors": all(
            s.low_m - 1e-9 <= t <= s.high_m + 1e-9 for s, t in zip(sectors, advances, strict=True)
        ),
        "advance": not advances or holds(change.max_advance_m, max(advances)),
        "error": change.gained_ha.value - gained,
        "overlay": change.overlay_gained_ha - gained,
        "found": change.gained_ha.value > 0.0,
        "none": gained == 0.0,
    }


def run(cases: int, *, seed: int = SEED) -> dict[str, list[dict[str, float]]]:
    """Scores by model; the models take turns."""
    scores: dict[str, list[dict[str, float]]] = defaultdict(list)
    for number in range(cases):
        model = MODELS[number % len(MODELS)]
        scores[model].append(score(simulate_case(model, seed=seed + number)))
    return scores


def row(name: str, scores: list[dict[str, float]]) -> str:
    shares = [100.0 * fmean(s[column] for s in scores) for column in COLUMNS]
    rms = [math.sqrt(fmean(s[key] ** 2 for s in scores)) for key in ("error", "overlay")]
    return (
        f"| {name} | {len(scores)} | "
        + " | ".join(f"{s:.1f}" for s in shares)
        + f" | {rms[0]:.1f} | {rms[1]:.1f} |"
    )


def table(scores: dict[str, list[dict[str, float]]]) -> str:
    everything = [one for group in scores.values() for one in group]
    quiet = [one for one in everything if one["none"]]
    lines = [
        (
            "| error of the hand | pairs | area | gained | lost | net | all sectors | max advance "
            "| RMSE of gained, ha | of the plain overlay, ha |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|",
        *(row(model, scores[model]) for model in MODELS),
        row("**all**", everything),
        "",
        (
            f"Where nothing was gained ({len(quiet)} pairs) a gain was reported in "
            f"{sum(one['found'] for one in quiet):.0f}."
        ),
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    text = table(run(options.cases, seed=options.seed))
    print(text)
    if options.write:
        write_table(
            "boundary-change.md",
            "coverage",
            text,
            method=["measure_boundary_change", "boundary_area"],
            seeds=f"seeds from {options.seed}",
        )


if __name__ == "__main__":
    main()

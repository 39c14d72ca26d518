"""New ground 2013 to 2024 by Landsat alone, read by the ground history at 30 m, beside the truth. Simulated.

    python -m benchmarks.expansion.landsat OUT 401 402 403     # measures sites, one JSON each
    python -m benchmarks.expansion.landsat OUT --write         # the table of all that is kept

The engine is that of 10 m with its own numbers; nothing was fitted at 30 m. A site is a farmed valley with
a mine that grows, clearings and tracks; what was opened by the end of 2016 and after it is counted from the
cells of persistent events by the day on which each was first disturbed, weighted by the share that changed.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import numpy as np

from benchmarks.manual import judge_seeds
from detection.ground.events import find_events
from detection.ground.history import fit_history
from detection.ground.params import GroundParams
from detection.ground.series import read_series
from imagery.simulate import MineParams, farmed_site, simulate_site

SINCE, UNTIL = dt.date(2013, 4, 1), dt.date(2025, 1, 1)
SPLIT = dt.date(2016, 12, 31)
PIXEL_HA = 0.09
GROUND = ("pit", "spoil", "clearing", "track", "perimeter")
"""Events of the truth that are ground newly taken by the mine."""


def measured(seed: int) -> dict[str, Any]:
    mine = MineParams(pit_ha=(1.0, 5.0), spoil_ha=(1.5, 6.0), clearings=5, clearing_ha=(0.3, 2.5))
    site = simulate_site(farmed_site(size_px=120, since=SINCE, until=UNTIL, mine=mine), seed=seed)
    cube = site.landsat_cube()
    clock = time.process_time()
    series = read_series(cube)
    history = fit_history(series, GroundParams(), side_m=30.0)
    grid = cube.odc.geobox
    weights = np.full(series.shape, PIXEL_HA)
    events = [one for one in find_events(history, grid, "simulated", weights) if one.is_persistent]
    days = series.day
    seen = {"before": 0.0, "after": 0.0}
    for event in events:
        for onset, weight in zip(
            [*event.onset, *event.rim_onset], [*event.weight, *event.rim_weight], strict=True
        ):
            side = "before" if days[onset] <= (SPLIT - dt.date(1970, 1, 1)).days else "after"
            seen[side] += float(weight) * PIXEL_HA
    last = UNTIL - dt.timedelta(days=1)
    truth = {
        side: site.truth.accounts(start, end, kinds=GROUND)["all"]["disturbed_opened"]
        for side, start, end in (("before", SINCE, SPLIT), ("after", SPLIT, last))
    }
    return {
        "seed": seed,
        "looks": len(days),
        "pixels": int(series.index.shape[2]),
        "events": len(events),
        "seen_ha": seen,
        "true_ha": truth,
        "cpu_s": time.process_time() - clock,
    }


def table(found: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| seed | looks | events | to 2016: seen / true, ha | after 2016: seen / true, ha |",
        "|---|---|---|---|---|",
    ]
    for one in found:
        cells = [f"{one['seen_ha'][k]:.2f} / {one['true_ha'][k]:.2f}" for k in ("before", "after")]
        lines.append(f"| {one['seed']} | {one['looks']} | {one['events']} | {' | '.join(cells)} |")
    seen, true = (np.array([one[k]["after"] for one in found]) for k in ("seen_ha", "true_ha"))
    error = np.sqrt(np.mean((seen - true) ** 2))
    lines.append(f"| all | | | | {seen.sum():.2f} / {true.sum():.2f}, RMSE {error:.2f} |")
    return lines


def main() -> None:
    """Measure the seeds that are not in the folder yet; print the table of all, or write it."""
    judge_seeds(
        __doc__,
        measured,
        table,
        page="imagery-cube.md",
        name="landsat ground",
        method=["fit_history", "simulate_site"],
    )


if __name__ == "__main__":
    main()

"""Mixed, missing and wrong offset flags: what every scene of a messy simulated catalogue ends with.

``python -m benchmarks.cube.offsets [--write]``. Products from before and after January 2022, with the offset
stated, taken out, taken out with a flag that denies it, or not mentioned at all.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

from benchmarks.cube.simulated_archive import ArchivedSite, archive_site
from benchmarks.manual import write_table
from imagery.cube.loading import load_cube
from imagery.cube.scene import CubeParams
from imagery.simulate import CatalogHabits, SensorParams, SimulationParams

SEEDS = (541, 542)
PARAMS = SimulationParams(
    size_px=96,
    since=dt.date(2021, 9, 1),
    until=dt.date(2022, 9, 1),
    sensor=SensorParams(bands=("blue", "green", "red", "nir")),
)
HABITS = CatalogHabits(
    harmonised=0.3, wrong_flag=0.2, silent=0.2, reprocessed=0.5, late_days=(0, 0), radar=False
)
CLEAR = 0.9
NEAR = 1e-6


def truths(folder: Path) -> dict[str, tuple[str, float]]:
    """Item id to habit and the reflectance that must really be added."""
    with (folder / "catalog/truth/scenes.csv").open(encoding="utf-8") as file:
        return {
            row["item_id"]: (row["habit"], -float(row["true_offset_dn"]) / 10000)
            for row in csv.DictReader(file)
        }


def outcomes(archived: ArchivedSite, truth: dict[str, tuple[str, float]]) -> dict[str, Counter[str]]:
    """Counts by habit: right, refused, wrong, clear, clear refused."""
    cube = load_cube(archived.products, archived.grid, params=CubeParams(register=False))
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for k, time in enumerate(cube["time"].values):
        day = archived.on(time).day
        product = next(p for p in archived.products if p.datetime.date() == day)
        habit, wanted = truth[product.id]
        cloud, shadow = archived.sky(time)
        clear = bool((~cloud & ~shadow).mean() >= CLEAR)
        applied, status = float(cube["offset_applied"].values[k]), str(cube["status"].values[k])
        right = abs(applied - wanted) < NEAR
        refused = status != "used"
        outcome = "right" if right else "refused" if refused else "wrong"
        found[habit].update([outcome, "scenes"])
        found[habit].update(["clear"] * clear + ["clear refused"] * (clear and refused))
    return found


HEADS = ("scenes", "right", "refused", "wrong", "clear", "clear refused")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS))
    args = parser.parse_args()
    total: dict[str, Counter[str]] = defaultdict(Counter)
    for seed in args.seeds:
        with tempfile.TemporaryDirectory() as name:
            archived = archive_site(PARAMS, seed, Path(name), habits=HABITS)
            for habit, counts in outcomes(archived, truths(Path(name))).items():
                total[habit] += counts
    total["all"] = sum(total.values(), Counter())
    lines = ["| what the provider did | " + " | ".join(HEADS) + " |", "|" + "---|" * (len(HEADS) + 1)]
    for habit, counts in total.items():
        lines.append(f"| {habit} | " + " | ".join(str(counts[head]) for head in HEADS) + " |")
    print("\n".join(lines))
    if args.write:
        write_table(
            "imagery-cube.md",
            "offsets table",
            lines,
            method=["load_cube", "simulate_site"],
            seeds=f"seeds {args.seeds}",
        )


if __name__ == "__main__":
    main()

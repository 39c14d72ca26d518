"""Coal of several ranks under several conditions, on simulated yards: what is said, and how well it holds.

Simulated, not real: one assumption of the simulator is changed at a time (`benchmarks.stockpiles.yards`).

python -m benchmarks.stockpiles.rank_table --keep FOLDER [--conditions judged wet] [--seeds 802 803] [--write]
"""

from __future__ import annotations

import argparse
import itertools
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.manual import write_table
from benchmarks.stockpiles.layouts import CLEAR, MADE_WITH, ONLY_ZONES
from benchmarks.stockpiles.yards import CONDITIONS, JUDGED, Yard, result_of, yard_of, years_path
from detection.coal.measure import StockpileParams
from detection.coal.verdicts import Verdict
from evidence.quantity import coverage_factor


def looks_of(yard: Yard, folder: Path, params: StockpileParams = ONLY_ZONES) -> list[dict[str, Any]]:
    """Every clear look of every stockyard of one site; its years are kept in a folder."""
    result = result_of(yard, folder, params)
    rows = []
    for area in result.areas:
        claimed, dark = area.area_ha, area.dark_ha
        if area.valid_fraction < CLEAR or dark is None:
            continue
        rows.append(
            {
                "condition": yard.condition,
                "seed": yard.seed,
                "zone": area.zone_id,
                "day": area.datetime.timestamp() / 86400.0,
                "truth": yard.truth_ha[area.zone_id, area.datetime.date()],
                "verdict": area.verdict,
                "family": area.family,
                "bands": len(area.bands),
                "swir": any(band.startswith("swir") for band in area.bands),
                "area": [claimed.value, claimed.low, claimed.high],
                "dark": [dark.value, dark.low, dark.high],
                "sd_random": dark.sd_random,
                "shared": dict(dark.shared),
            }
        )
    return rows


def main() -> None:
    """Measure sites that are not kept, and print the table of all that are."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--conditions", nargs="*", default=tuple(CONDITIONS), choices=tuple(CONDITIONS))
    parser.add_argument("--seeds", type=int, nargs="*", default=JUDGED)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--kept", action="store_true", help="only sites that the folder has")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if not set(options.seeds) <= set(JUDGED):
        parser.error(f"judged on seeds {JUDGED}")
    rows = [
        row
        for seed in options.seeds
        for condition in options.conditions
        if not options.kept or years_path(f"{condition}-{seed}", options.keep).exists()
        for row in measured([condition], [seed], options.keep)
    ]
    lines = [*table(rows), "", *pair_table(rows)]
    print("\n".join(lines))
    if options.write:
        write_table(
            "stockpiles.md",
            "rank table",
            lines,
            method=MADE_WITH,
            seeds=f"seeds {seeds_of(rows)}; {LOOKED_AT}",
        )


def measured(
    conditions: Sequence[str], seeds: Sequence[int], keep: Path, params: StockpileParams = ONLY_ZONES
) -> list[dict[str, Any]]:
    """Rows of all these sites, simulated and measured unless the folder has them."""
    return [
        row
        for seed in seeds
        for condition in conditions
        for row in looks_of(yard_of(condition, seed, keep), keep, params)
    ]


def seeds_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """The seeds of some rows in words."""
    return ", ".join(map(str, sorted({row["seed"] for row in rows})))


def clustered(values: Sequence[float], sites: Sequence[int | str]) -> tuple[float, float, float]:
    """Mean and its 95 % interval, whole sites drawn again (cluster bootstrap, 2000 draws)."""
    rng = np.random.default_rng(20)
    own: dict[int | str, list[float]] = defaultdict(list)
    for value, site in zip(values, sites, strict=True):
        own[site].append(value)
    sums = np.array([[sum(part), len(part)] for part in own.values()])
    drawn = sums[rng.integers(len(sums), size=(2000, len(sums)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return float(np.mean(values)), float(low), float(high)


LOOKED_AT = (
    "nothing was fitted on them; 802 to 804 and 1122 judged earlier methods as well, 800 and 801 were looked "
    "at while those changed; lignite of 803, the half-coal yard of 1124 and the hills of 1126 and 1135 while "
    "this one did"
)
HEAD = (
    "| condition | sites | clear looks | no figure, % | RMSE ha | bias ha | width ha | truth ha "
    "| dark_ha covers, % | area_ha covers, % | changing, % | looks like |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """One row per condition; errors and widths are those of `dark_ha` on looks that have a figure."""
    lines = HEAD.split("\n")
    for name in CONDITIONS:
        part = [row for row in rows if row["condition"] == name]
        if part:
            sites = len({row["seed"] for row in part})
            lines.append(f"| {name} | {sites} | {len(part)} {_numbers(part)}")
    for name, least, most in (
        ("truth under .25 ha", 0.0, 0.25),
        (".25 to 1 ha", 0.25, 1.0),
        ("over 1 ha", 1.0, 99.0),
    ):
        part = [row for row in rows if least <= row["truth"] < most]
        if part:
            lines.append(
                f"| all, {name} | {len({row['seed'] for row in part})} | {len(part)} {_numbers(part)}"
            )
    return lines


def _numbers(part: Sequence[Mapping[str, Any]]) -> str:
    told = [row for row in part if row["area"][0] is not None]
    ends = [row for row in part if row["area"][2] is not None]
    held = (
        clustered(
            [float(row["area"][1] <= row["truth"] <= row["area"][2]) for row in ends],
            [row["seed"] for row in ends],
        )
        if ends
        else None
    )
    of_area = "–" if held is None else f"{100 * held[0]:.0f} ({100 * held[1]:.0f}–{100 * held[2]:.0f})"
    refused = 100 * (1 - len(told) / len(part))
    if not told:
        verdicts = ", ".join(sorted({row["verdict"] for row in part}))
        return f"| {refused:.0f} | – | – | – | – | – | {of_area} | – | {verdicts} |"
    error = np.array([row["dark"][0] - row["truth"] for row in told])
    width = float(np.mean([row["dark"][2] - row["dark"][1] for row in told]))
    sites = [row["seed"] for row in told]
    dark = clustered([float(row["dark"][1] <= row["truth"] <= row["dark"][2]) for row in told], sites)
    changing = np.mean([row["verdict"] == Verdict.COAL_CHANGING for row in told])
    families = Counter(row["family"] or "none" for row in told)
    return (
        f"| {refused:.0f} | {np.sqrt((error**2).mean()):.3f} | {error.mean():+.3f} | {width:.2f} "
        f"| {np.mean([row['truth'] for row in told]):.2f} "
        f"| {100 * dark[0]:.0f} ({100 * dark[1]:.0f}–{100 * dark[2]:.0f}) | {of_area} "
        f"| {100 * changing:.0f} | {', '.join(f'{k} {v}' for k, v in families.most_common(2))} |"
    )


def pairs(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Differences of any two looks of one zone, what both share taken off as `difference` does."""
    by_zone: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["dark"][0] is not None and row["area"][0] is not None:
            by_zone[row["condition"], row["seed"], row["zone"]].append(row)
    out = []
    for own in by_zone.values():
        for one, other in itertools.combinations(own, 2):
            groups = set(one["shared"]) | set(other["shared"])
            shared = [other["shared"].get(g, 0.0) - one["shared"].get(g, 0.0) for g in groups]
            half = coverage_factor(0.95) * float(
                np.hypot(np.hypot(one["sd_random"], other["sd_random"]), np.linalg.norm(shared))
            )
            error = (other["dark"][0] - one["dark"][0]) - (other["truth"] - one["truth"])
            out.append({"condition": one["condition"], "seed": one["seed"], "error": error, "half": half})
    return out


def pair_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Differences of looks of one zone, all conditions together."""
    told = pairs(rows)
    error, half = (np.array([one[key] for one in told]) for key in ("error", "half"))
    share, low, high = clustered(
        (np.abs(error) <= half).astype(float).tolist(), [one["seed"] for one in told]
    )
    return [
        "| differences of looks of one zone | RMSE ha | width ha | cover, % |",
        "|---|---|---|---|",
        (
            f"| {len(told)} | {np.sqrt((error**2).mean()):.3f} | {2 * half.mean():.2f} "
            f"| {100 * share:.0f} ({100 * low:.0f}–{100 * high:.0f}) |"
        ),
    ]


if __name__ == "__main__":
    main()

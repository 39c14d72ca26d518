"""How often is a change claimed where nothing happened, and what change is found where one did?

    python -m benchmarks.answers.null --seeds 100 1099 --json
    python -m benchmarks.answers.null --seeds 100 1099 --tests step
    python -m benchmarks.answers.null --write a.json b.json    # their tables into docs/answers.md

Simulated stocks with a mean of 1.5 hectares, a season, and no change: autoregressive with memories from ten
days to a year, a fresh level each month, levels that jump each month and are remembered, piles that fill and
are shipped, a random walk, and (hardest, beside the aim) levels that jump at each turn of the asked year.
Looks as over Korea: fifteen clear ones a year, half as many in the first two years, few in the monsoon, each
with an error that is not the same for all, and one error that all looks share. Each series is judged as a
declared question is: the last year against the year before it, in a record of 2, 3, 5 or 9 years; then as a
trend and for steps at any date. Ground has one figure a year and is judged by it; presence is asked of a
yard without coal, whose looks share an error. The same series with a step of 30 per cent and of 100 per cent
at the asked date, and with a rise that takes half a year, tell the power. False claims are counted over all
series and over those that were answered.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import lfilter

from benchmarks.manual import write_table
from detection.answers.activity import FLOOR_HA, judge_presence
from detection.answers.judgement import (
    DEFAULT_PARAMS,
    Verdict,
    find_steps,
    judge_step,
    judge_trend,
    judge_years,
)
from evidence.arrays import Floats
from evidence.quantity import Quantity

MEAN_HA = 1.5
LOOK_SD_HA = 0.08
SHARED_SD_HA = 0.1
LOOKS_A_YEAR = 15
YEAR = 365
LAST = dt.date(2025, 1, 1)
"""The asked year ends here."""
EFFECTS = tuple(np.round(np.arange(0.05, 4.01, 0.05), 2).tolist())
"""Steps at which power is computed for the smallest detectable change, hectares."""
LENGTHS = (2, 3, 5, 9)
CLAIMS = (Verdict.INCREASED, Verdict.DECREASED)
AIM = 0.07
"""False claims that no cell may exceed."""
COMMAND = "python -m benchmarks.answers.null"


def autoregressive(rng: np.random.Generator, days: int, sd: float, memory: float) -> Floats:
    """A first-order autoregressive series by the day."""
    kept = np.exp(-1.0 / memory)
    noise = rng.normal(0.0, sd * np.sqrt(1.0 - kept**2), days)
    noise[0] = rng.normal(0.0, sd)
    return np.asarray(lfilter([1.0], [1.0, -kept], noise))


def seasonal(rng: np.random.Generator, days: int, sd: float, memory: float, *, varied: bool) -> Floats:
    """The same with a yearly course, whose size may differ between years."""
    t = np.arange(days)
    size = 0.4 * (1.0 + 0.4 * varied * rng.normal(size=days // YEAR + 2))[t // YEAR]
    phase = rng.uniform(0.0, 2.0 * np.pi, 2)
    course = size * np.sin(2 * np.pi * t / 365.25 + phase[0]) + 0.15 * np.sin(
        4 * np.pi * t / 365.25 + phase[1]
    )
    return autoregressive(rng, days, sd, memory) + course


def monthly(rng: np.random.Generator, days: int, sd: float, kept: float) -> Floats:
    """A level that jumps each month, and is remembered by `kept` from one month to the next."""
    months = autoregressive(rng, days // 30 + 2, sd, -1.0 / np.log(max(kept, 1e-9)))
    return np.repeat(months, 30)[:days]


def shipments(rng: np.random.Generator, days: int, between: float) -> Floats:
    """A pile that fills at a varying rate and is shipped at random times."""
    rate, out, level, due = rng.gamma(4.0, 0.25, days // 5 + 1), np.empty(days), 0.0, rng.exponential(between)
    for day in range(days):
        level += rate[day // 5] / between
        if day >= due:
            level *= rng.uniform(0.0, 0.5)
            due = day + max(5.0, rng.exponential(between))
        out[day] = level
    return out - out.mean()


def yearly(rng: np.random.Generator, days: int, sd: float) -> Floats:
    """Levels that jump at each turn of the asked year, on a short memory."""
    year = (np.arange(days) - days) // YEAR
    return autoregressive(rng, days, 0.1, 30.0) + rng.normal(0.0, sd, 20)[year]


def walk(rng: np.random.Generator, days: int, step: float) -> Floats:
    """A random walk by the day."""
    return np.cumsum(rng.normal(0.0, step, days))


Process = Callable[[np.random.Generator, int], Floats]
PROCESSES: dict[str, Process] = {
    **{
        f"autoregressive, sd {sd} ha, memory {memory} d": lambda rng, n, sd=sd, memory=memory: (  # type: ignore[misc]
            autoregressive(rng, n, sd, memory)
        )
        for sd, memory in ((0.2, 10), (0.2, 30), (0.2, 90), (0.2, 180), (0.2, 365), (0.5, 90), (0.5, 365))
    },
    "season, sd 0.2 ha, memory 60 d": lambda rng, n: seasonal(rng, n, 0.2, 60, varied=False),
    "season of varying size": lambda rng, n: seasonal(rng, n, 0.2, 60, varied=True),
    "fresh level each month, sd 0.3 ha": lambda rng, n: monthly(rng, n, 0.3, 0.0),
    "remembered jumps each month, sd 0.3 ha": lambda rng, n: monthly(rng, n, 0.3, 0.8),
    "piles filled and shipped": lambda rng, n: shipments(rng, n, 60),
    "random walk, 0.01 ha a day": lambda rng, n: walk(rng, n, 0.01),
    "random walk, 0.03 ha a day": lambda rng, n: walk(rng, n, 0.03),
    "jumps at each turn of the asked year, sd 0.2 ha": lambda rng, n: yearly(rng, n, 0.2),
    "jumps at each turn of the asked year, sd 0.5 ha": lambda rng, n: yearly(rng, n, 0.5),
}
OUTSIDE = tuple(name for name in PROCESSES if name.startswith("jumps at each turn"))
"""Hardest cells, beside those that the aim of 7 per cent is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """Looks at one stock without a change."""

    days: tuple[dt.date, ...]
    values: Floats
    sds: Floats
    after: Floats
    """(look,) 1 in the asked year."""
    ramp: Floats
    """(look,) from 0 to 1 over half a year, the asked date in its middle."""

    def looks(self, added: Floats | float = 0.0) -> list[tuple[dt.date, Quantity]]:
        """Looks with something added."""
        values = self.values + added
        return [
            (day, Quantity.measured(float(v), sd_random=float(sd), shared={"coal": SHARED_SD_HA}))
            for day, v, sd in zip(self.days, values, self.sds, strict=True)
        ]


def simulated(process: Process, years: int, seed: int) -> Simulated:
    """Looks at one stock."""
    rng = np.random.default_rng([seed, years])
    days = years * YEAR
    stock = np.maximum(MEAN_HA + process(rng, days), 0.0)
    passes = np.arange(int(rng.integers(0, 5)), days, 5)
    first = LAST - dt.timedelta(days=days)
    of_year = np.array([(first + dt.timedelta(days=int(d))).timetuple().tm_yday for d in passes])
    chance = np.where(np.abs(of_year - 200) < 40, 0.35, 1.0) * np.where(passes < 2 * YEAR, 0.5, 1.0)
    count = min(max(int(rng.poisson(LOOKS_A_YEAR * years)), 5 * years), len(passes))
    at = np.sort(rng.choice(passes, count, replace=False, p=chance / chance.sum()))
    sds = LOOK_SD_HA * np.exp(0.3 * rng.normal(size=count))
    start = days - YEAR
    return Simulated(
        days=tuple(first + dt.timedelta(days=int(d)) for d in at),
        values=stock[at] + rng.normal(size=count) * sds + rng.normal(0.0, SHARED_SD_HA),
        sds=sds,
        after=(at >= start).astype(np.float64),
        ramp=np.clip((at - start + YEAR / 4) / (YEAR / 2), 0.0, 1.0),
    )


def _shifted_power(found: list[tuple[float, float, float, float, bool]], effect: float) -> float:
    """Share claimed with a step added: interval and contrast move with it, placebos do not."""
    claimed = 0
    for low, high, contrast, placebo, answered in found:
        up = low + effect > 0.0 and contrast + effect > placebo
        down = high + effect < 0.0 and -(contrast + effect) > placebo
        claimed += answered and (up or down)
    return claimed / max(len(found), 1)


def step_cell(process: Process, years: int, seeds: Iterable[int]) -> dict[str, float | int | None]:
    """Before and after: false claims, refusals, smallest detectable change and power."""
    asked = (LAST - dt.timedelta(days=YEAR), LAST)
    before = (LAST - dt.timedelta(days=2 * YEAR), asked[0])
    false = answered = covered = ramped = 0
    found = []
    for seed in seeds:
        one = simulated(process, years, seed)
        judged = judge_step(one.looks(), before, asked)
        told = judged.change.value is not None
        answered += told
        false += judged.verdict in CLAIMS
        low, high = judged.change.low or 0.0, judged.change.high or 0.0
        covered += told and low <= 0.0 <= high
        placebo = max((abs(v) for _, v in judged.placebos), default=0.0)
        found.append((low, high, judged.contrast or 0.0, placebo, told))
        if told and seed % 10 == 0:
            rise = judge_step(one.looks(one.ramp), before, asked)
            ramped += rise.verdict is Verdict.INCREASED
    n = len(found)
    detectable = next((e for e in EFFECTS if _shifted_power(found, e) >= 0.8), None)
    return {
        "series": n,
        "false": false / n,
        "false_of_answered": false / answered if answered else 0.0,
        "refused": 1.0 - answered / n,
        "interval_covers": covered / answered if answered else None,
        "detectable_ha": detectable,
        "power_30": _shifted_power(found, 0.3 * MEAN_HA),
        "power_100": _shifted_power(found, MEAN_HA),
        "power_ramp_1ha": 10 * ramped / n,
    }


def trend_cell(process: Process, years: int, seeds: Iterable[int]) -> dict[str, float | int | None]:
    """Trend: false claims, refusals, power for a doubling over the record."""
    false = answered = found = n = 0
    for seed in seeds:
        one = simulated(process, years, seed)
        judged = judge_trend(one.looks())
        n, answered = n + 1, answered + (judged.change.value is not None)
        false += judged.verdict in CLAIMS
        time_years = np.array([(day - one.days[0]).days / 365.25 for day in one.days])
        if seed % 5 == 0:
            found += judge_trend(one.looks(MEAN_HA * time_years / years)).verdict is Verdict.INCREASED
    return {
        "series": n,
        "false": false / n,
        "false_of_answered": false / answered if answered else 0.0,
        "refused": 1.0 - answered / n,
        "power_100": 5 * found / n,
    }


def change_point_cell(process: Process, years: int, seeds: Iterable[int]) -> dict[str, float | int | None]:
    """Steps at no named date: series with a false one, power for a doubling in the last but one year."""
    false = answered = found = n = 0
    for seed in seeds:
        one = simulated(process, years, seed)
        judged, steps = find_steps(one.looks())
        n, answered, false = n + 1, answered + (judged.change.value is not None), false + bool(steps)
        if seed % 5 == 0:
            asked = LAST - dt.timedelta(days=2 * YEAR)
            _, steps = find_steps(one.looks(MEAN_HA * np.array([day >= asked for day in one.days])))
            found += any(step.earliest <= asked <= step.latest for step in steps)
    return {
        "series": n,
        "false": false / n,
        "false_of_answered": false / answered if answered else 0.0,
        "refused": 1.0 - answered / n,
        "power_100": 5 * found / n,
    }


def years_cell(process: Process, years: int, seeds: Iterable[int]) -> dict[str, float | int | None]:
    """Ground newly disturbed a year, the last year against all others: the process makes its logarithm."""
    false = answered = found_30 = found_100 = n = 0
    for seed in seeds:
        rng = np.random.default_rng([seed, years, 1])
        figures = np.exp(process(rng, years))
        ordinary = [(k, float(v)) for k, v in enumerate(figures[:-1])]
        last = float(figures[-1])
        judged = judge_years([(years - 1, last)], ordinary)
        n, answered = n + 1, answered + (judged.change.value is not None)
        false += judged.verdict in CLAIMS
        for effect in (0.3, 1.0):
            more = judge_years([(years - 1, last * (1.0 + effect))], ordinary).verdict is Verdict.INCREASED
            found_30, found_100 = found_30 + (more and effect < 1.0), found_100 + (more and effect == 1.0)
    return {
        "series": n,
        "false": false / n,
        "false_of_answered": false / answered if answered else 0.0,
        "refused": 1.0 - answered / n,
        "power_30": found_30 / n,
        "power_100": found_100 / n,
    }


YEARLY: dict[str, Process] = {
    "independent years, sd 20 %": lambda rng, n: rng.normal(0.0, 0.2, n),
    "independent years, sd 60 %": lambda rng, n: rng.normal(0.0, 0.6, n),
    "remembered years (.5), sd 40 %": lambda rng, n: autoregressive(rng, n, 0.4, 1.0 / np.log(2.0)),
    "remembered years (.8), sd 40 %": lambda rng, n: autoregressive(rng, n, 0.4, 1.0 / np.log(1.25)),
    "random walk, 30 % a year": lambda rng, n: walk(rng, n, 0.3),
}


def presence_cell(shared: float, years: int, seeds: Iterable[int]) -> dict[str, float | int | None]:
    """A yard without coal: series called seen; power for 0.2 and 0.5 hectares."""
    false = answered = found = n = 0
    for seed in seeds:
        rng = np.random.default_rng([seed, years, 2])
        count = max(int(rng.poisson(LOOKS_A_YEAR * years)), 1)
        sds = LOOK_SD_HA * np.exp(0.3 * rng.normal(size=count))
        error = rng.normal(size=count) * sds + rng.normal(0.0, shared)
        verdicts = []
        for area in (0.0, 0.5):
            looks = [
                (LAST, Quantity.measured(float(area + e), sd_random=float(sd), shared={"coal": shared}))
                for e, sd in zip(error, sds, strict=True)
            ]
            verdicts.append(judge_presence(looks, floor=FLOOR_HA).verdict)
        n, answered = n + 1, answered + (count >= DEFAULT_PARAMS.looks_per_year)
        false += verdicts[0] is Verdict.SEEN
        found += verdicts[1] is Verdict.SEEN
    return {
        "series": n,
        "false": false / n,
        "false_of_answered": false / answered if answered else 0.0,
        "refused": 1.0 - answered / n,
        "power_half_hectare": found / n,
    }


SHARED: dict[str, float] = {
    "no shared error": 0.0,
    "shared error 0.05 ha": 0.05,
    "shared error 0.1 ha": 0.1,
    "shared error 0.2 ha": 0.2,
}
TESTS: dict[str, tuple[Callable[..., dict[str, float | int | None]], dict[str, Any]]] = {
    "step": (step_cell, PROCESSES),
    "trend": (trend_cell, PROCESSES),
    "change_points": (change_point_cell, PROCESSES),
    "years": (years_cell, YEARLY),
    "presence": (presence_cell, SHARED),
}
TITLES = {
    "step": "Before and after: the last year against the year before it",
    "trend": "Trend over the record",
    "change_points": "Steps at no named date",
    "years": "One figure a year (ground): the last year against the others",
    "presence": "Presence: a yard without coal",
}
HEADS = {
    "series": "series",
    "false": "false claims",
    "false_of_answered": "of those answered",
    "refused": "refused",
    "detectable_ha": "detectable, ha",
    "power_30": "found: +30 %",
    "power_100": "found: doubling",
    "power_half_hectare": "found: 0.5 ha",
}
METHOD = ["judge_step", "judge_trend", "find_steps", "judge_years", "judge_presence"]


def tables(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Markdown: a table for each test; records that are always refused in a sentence."""
    out: list[str] = []
    for test, title in TITLES.items():
        own = [row for row in rows if row["test"] == test]
        if not own:
            continue
        told = [row for row in own if row["refused"] < 1.0]
        silent = sorted({row["years"] for row in own} - {row["years"] for row in told})
        out += [f"**{title}.**", ""]
        if silent:
            count = sum(row["series"] for row in own if row["years"] in silent)
            out += [f"Records of {' and '.join(map(str, silent))} years: refused in all {count} series.", ""]
        keys = [key for key in HEADS if any(key in row for row in told)]
        out += ["| years | process | " + " | ".join(HEADS[key] for key in keys) + " |",
                "|---|---|" + "---|" * len(keys)]  # fmt: skip
        out += [
            f"| {row['years']} | {row['process']} | "
            + " | ".join(_cell(key, row[key]) for key in keys)
            + " |"
            for row in told
        ]
        out.append("")
    inside = [row for row in rows if row["process"] not in OUTSIDE]
    over = [f"{row['process']} ({TITLES[row['test']].lower()}, {row['years']} years: {row['false']:.1%})"
            for row in rows if row["false"] > AIM]  # fmt: skip
    hardest = [row["false"] for row in rows if row["process"] in OUTSIDE]
    beside = (
        f"; {max(hardest, default=0.0):.1%} in the hardest (levels that jump at each turn of the asked year)"
    )
    out.append(
        f"Worst cell: {max(row['false'] for row in inside):.1%} false claims, of at least "
        f"{min(row['series'] for row in rows)} series each{beside if hardest else ''}. Over {AIM:.0%}: "
        f"{'; '.join(over) or 'none'}."
    )
    return out


def _cell(key: str, value: float | None) -> str:
    if value is None:
        return "none to 4"
    return f"{value:.0f}" if key == "series" else f"{value:.2f}" if key.endswith("_ha") else f"{value:.1%}"


def write(files: Sequence[Path]) -> None:
    """The tables of some runs into the manual; each run's seeds are named."""
    runs = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    by_seeds: dict[tuple[int, int], set[str]] = {}
    for run in runs:
        first, last = run["summary"]["seeds"]
        by_seeds.setdefault((first, last), set()).update(row["test"] for row in run["cells"])
    rows = sorted(
        (row for run in runs for row in run["cells"]),
        key=lambda row: (list(TITLES).index(row["test"]), row["years"]),
    )
    told = "; ".join(
        f"{' and '.join(sorted(tests)).replace('_', ' ')} on seeds {first} to {last}"
        for (first, last), tests in sorted(by_seeds.items())
    )
    told += ", never used before"
    write_table("answers.md", "null", tables(rows), method=METHOD, seeds=told, by=COMMAND)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", nargs=2, type=int, default=(100, 1099), metavar=("FIRST", "LAST"))
    parser.add_argument("--tests", nargs="+", choices=tuple(TESTS), default=tuple(TESTS))
    parser.add_argument("--years", nargs="+", type=int, default=LENGTHS)
    parser.add_argument("--only", default="", help="processes whose name holds this")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", nargs="+", type=Path, metavar="JSON", help="what runs printed with --json")
    chosen = parser.parse_args()
    if chosen.write:
        write(chosen.write)
        return
    seeds = range(chosen.seeds[0], chosen.seeds[1] + 1)
    started, rows = time.monotonic(), []
    for test in chosen.tests:
        for years in chosen.years:
            cell_of, processes = TESTS[test]
            for name, process in processes.items():
                if chosen.only in name:
                    cell = cell_of(process, years, seeds)
                    rows.append({"test": test, "years": years, "process": name, **cell})
                    if not chosen.json:
                        print(json.dumps(rows[-1]), flush=True)
    inside = [row for row in rows if row["process"] not in OUTSIDE]
    summary = {
        "seeds": list(chosen.seeds),
        "worst_false": max(row["false"] for row in inside) if inside else None,
        "worst_false_hardest": max((row["false"] for row in rows if row["process"] in OUTSIDE), default=None),
        "cells_over_7_percent": [f"{r['test']}, {r['years']} years, {r['process']}" for r in rows
                                 if r["false"] > AIM],
        "seconds": round(time.monotonic() - started),
    }  # fmt: skip
    print(json.dumps({"summary": summary, "cells": rows} if chosen.json else summary, indent=1))


if __name__ == "__main__":
    main()

"""Alerts on simulated sites where nothing changes: every one is false. Simulated, not real.

    python -m benchmarks.runs.false_alerts --seeds 730 737 --folder F      seven; what is known stays in F
    python -m benchmarks.runs.false_alerts --seeds 730 744 --folder F --write

The rules are applied as runs would: once a month to the disturbances of a site of the simulator's usual size,
measured from the looks until then; after every look to the smoothed series of the yard of a smaller site. The
areas of the yard are those that the whole series gives, smoothed from the looks until then. An alert counts
when its condition begins to hold, again where it had ended. `no-usable-look` is true of a site and left out.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.manual import kept_in, write_table
from campwatch.alerts.rules import NO_LOOK, OUTSIDE, PERSISTENT, STOCKPILE, Condition, SiteState, conditions
from campwatch.settings import AlertSettings
from detection.coal.measure import measure_stockpiles
from detection.coal.series import smoothed_series
from detection.ground.measure import measure_ground
from imagery.simulate import SensorParams, SimulationParams, simulate_site, unchanged_site

SINCE, FIRST, UNTIL = dt.date(2017, 1, 1), dt.date(2018, 7, 1), dt.date(2021, 1, 1)
MONTH = dt.timedelta(days=30)
BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
GROUND_BANDS = BANDS[:5]
"""What the monitor looks at."""
YARD_SITE_PX = 120
SETTINGS = AlertSettings()
MADE_WITH = ["conditions", "measure_ground", "measure_stockpiles", "smoothed_series", "simulate_site"]
"""What decides which alerts are raised."""


def quiet(bands: tuple[str, ...], **more: int) -> SimulationParams:
    """A site where nothing changes."""
    return unchanged_site(since=SINCE, until=UNTIL, sensor=SensorParams(bands=bands), **more)


def raised(states: Iterable[tuple[dt.date, SiteState]]) -> list[str]:
    """Alerts that are raised as one state follows the other, in order, with their words."""
    holding: dict[str, Condition] = {}
    told: list[str] = []
    for day, state in states:
        opened = SiteState(
            site_id=state.site_id,
            disturbances=state.disturbances,
            series=state.series,
            open_keys=frozenset(holding),
        )
        found = {one.key: one for one in conditions(opened, SETTINGS, day) if one.rule != NO_LOOK}
        told += [f"{one.rule}: {day} {one.detail}" for key, one in found.items() if key not in holding]
        holding = found
    return told


def ground(seed: int) -> Iterator[tuple[dt.date, SiteState]]:
    """Disturbances at the end of every month."""
    simulated = simulate_site(quiet(GROUND_BANDS), seed=seed)
    site, cube = simulated.site, simulated.cube()
    day, found = FIRST, ()
    while day < UNTIL:
        looks = int((cube["time"].to_numpy() < np.datetime64(day)).sum())
        found = measure_ground(cube.isel(time=slice(0, looks)), site, earlier=found).disturbances
        yield day, SiteState(site_id=site.id, disturbances=found)
        day += MONTH


def yard(seed: int) -> Iterator[tuple[dt.date, SiteState]]:
    """The smoothed series of the yard after every look."""
    simulated = simulate_site(quiet(BANDS, size_px=YARD_SITE_PX), seed=seed)
    areas = measure_stockpiles(simulated.cube(), simulated.site).areas
    for look in sorted({area.datetime for area in areas}):
        if look.date() >= FIRST:
            series = smoothed_series([area for area in areas if area.datetime <= look])
            yield look.date(), SiteState(site_id=simulated.site.id, series=series)


def watched(seed: int) -> list[str]:
    """Every false alert of a seed."""
    return [*raised(ground(seed)), *raised(yard(seed))]


def known_of(folder: Path) -> dict[str, list[str]]:
    """What this code raised before, by seed."""
    path = kept_in(folder, MADE_WITH) / "raised.json"
    return dict(json.loads(path.read_text("utf-8"))) if path.exists() else {}


def keep(folder: Path, known: dict[str, list[str]]) -> None:
    path = kept_in(folder, MADE_WITH) / "raised.json"
    path.write_text(json.dumps(known, indent=1), encoding="utf-8")


def table(found: dict[int, list[str]]) -> list[str]:
    """The table of the docs."""
    told = Counter(line.split(":")[0] for lines in found.values() for line in lines)
    years = len(found) * (UNTIL - FIRST).days / 365.25
    area = (SimulationParams().size_px / 100) ** 2
    seeds = ", ".join(map(str, sorted(found)))
    silent = sum(not lines for lines in found.values())
    heading = (
        f"Simulated, seeds {seeds}: {years:.1f} unchanged site-years watched, sites of "
        f"{area:.1f} km² for disturbances, one yard each; {silent} of {len(found)} sites raised none."
    )
    return [
        heading,
        "",
        "| rule | false alerts | per site and year (aim 1 in all) |",
        "|---|---|---|",
        *(
            f"| `{rule}` | {told[rule]} | {told[rule] / years:.2f} |"
            for rule in dict.fromkeys((PERSISTENT, OUTSIDE, STOCKPILE, *sorted(told)))
        ),
        f"| all | {told.total()} | **{told.total() / years:.2f}** |",
    ]


def main() -> None:
    """Measure, print, and write the table where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", nargs=2, type=int, default=(730, 744), help="first, and first not taken")
    parser.add_argument("--folder", type=Path, help="keep what each seed raised here, and go on from it")
    parser.add_argument(
        "--known", action="store_true", help="measure none; the table of what the folder holds"
    )
    parser.add_argument("--write", action="store_true", help="write the table into docs/running.md")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="campwatch-false-alerts-"))
    known = known_of(folder)
    seeds = [seed for seed in range(*asked.seeds) if str(seed) in known or not asked.known]
    for seed in seeds:
        if str(seed) not in known:
            known[str(seed)] = watched(seed)
            keep(folder, known)
        print(seed, *known[str(seed)], sep="\n  ", flush=True)
    lines = table({seed: known[str(seed)] for seed in seeds})
    print("\n".join(lines))
    if asked.write:
        write_table(
            "running.md",
            "false-alerts",
            lines,
            method=MADE_WITH,
            seeds=f"seeds {seeds}",
        )


if __name__ == "__main__":
    main()

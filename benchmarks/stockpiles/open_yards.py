"""Bias, coverage and transfer of a calibration on yards that two readers outlined.

python -m benchmarks.stockpiles.open_yards FOLDER                  rows.csv and readings.csv of the folder
python -m benchmarks.stockpiles.open_yards FOLDER --stand-ins 4    simulated sites and readers
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import t as student

from aoi.records import Zone, ZoneKind
from benchmarks.stockpiles.layouts import CLEAR, ONLY_ZONES, layout, zone_truth
from benchmarks.stockpiles.rank_table import clustered
from detection.coal.calibration import calibrate_spectrum
from detection.coal.measure import measure_stockpiles
from detection.coal.spectra import CoalSpectrum
from imagery.simulate import SimulatedSite, simulate_site

FIRST_SEED = 900
"""Of the stand-ins: nothing was fitted on these."""
READER_ERROR = 0.05
"""How far an outline of a stand-in's reader is off, relative."""
NEAR_DAYS = 5
"""Between an image that was read and a look."""
READERS_DIFFER = 0.2
"""Relative difference of two readers from which a third is needed."""


def stand_ins(folder: Path, count: int) -> None:
    """Simulated sites, readers and figures, written as the real study's files.

    Args:
        folder: where `rows.csv` and `readings.csv` go.
        count: sites; the first also calibrates the others.
    """
    rng = np.random.default_rng(FIRST_SEED)
    rows: list[dict[str, Any]] = []
    readings: list[dict[str, Any]] = []
    calibration: CoalSpectrum | None = None
    for number in range(count):
        simulated = simulate_site(layout(FIRST_SEED + number), seed=FIRST_SEED + number)
        name, cube = f"stand-in-{number + 1}", simulated.cube()
        kinds = [("family", None)] if calibration is None else [("family", None), ("calibrated", calibration)]
        for method, spectrum in kinds:
            result = measure_stockpiles(cube, simulated.site, params=ONLY_ZONES, calibration=spectrum)
            for area in result.areas:
                if area.valid_fraction < CLEAR:
                    continue
                quantity, when = area.area_ha, area.datetime.date().isoformat()
                told = {"site": name, "zone": area.zone_id, "date": when, "calibration": method}
                rows.append(
                    told
                    | {"area_ha": quantity.value, "area_ha_low": quantity.low, "area_ha_high": quantity.high}
                )
                if method == "family":
                    truth = zone_truth(simulated, area.zone_id, area.datetime.date())
                    for reader in ("a", "b"):
                        read = truth * (1.0 + READER_ERROR * rng.normal())
                        readings.append(
                            {
                                "site": name,
                                "zone": area.zone_id,
                                "date": when,
                                "reader": reader,
                                "area_ha": read,
                            }
                        )
        calibration = calibration or calibrated_on(simulated, cube)
    pd.DataFrame(rows).to_csv(folder / "rows.csv", index=False)
    pd.DataFrame(readings).to_csv(folder / "readings.csv", index=False)


def calibrated_on(simulated: SimulatedSite, cube: xr.Dataset) -> CoalSpectrum:
    """The spectrum of the largest pile of a site, marked whole."""
    day = cube["time"].to_numpy()[-1].astype("datetime64[D]").item()
    pile = max(simulated.truth.piles, key=lambda pile: pile.area_ha(day))
    outline = simulated.truth.pile_outline(pile.pile_id, day)
    if outline is None:
        raise ValueError("the stand-in has no pile to calibrate on")
    zone = Zone(id="marked", kind=ZoneKind.COAL_REFERENCE, geometry=outline)
    marked = replace(simulated.site, id="stand-in-1", zones=(*simulated.site.zones, zone))
    return calibrate_spectrum(cube, marked)


def matched(rows: pd.DataFrame, readings: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Every declared reading with the nearest look within five days, per calibration."""
    read = readings.groupby(["site", "zone", "date"])["area_ha"].agg(["mean", "min", "max"]).reset_index()
    days = pd.to_datetime(rows["date"])
    for one in read.itertuples():
        far = abs(days - pd.to_datetime(one.date)).dt.days
        near = rows[(rows["site"] == one.site) & (rows["zone"] == one.zone) & (far <= NEAR_DAYS)]
        for method, part in near.groupby("calibration"):
            look = part.loc[far[part.index].idxmin()]
            yield {
                "site": one.site,
                "calibration": method,
                "truth": one.mean,
                "differ": one.max - one.min > READERS_DIFFER * one.mean,
                "value": look["area_ha"],
                "low": look["area_ha_low"],
                "high": look["area_ha_high"],
            }


HEAD = (
    "| calibration | sites | looks | no figure, % | readers differ, % | bias of a site, ha | RMSE, ha "
    "| intervals that cover, % |\n|---|---|---|---|---|---|---|---|"
)


def table(looks: pd.DataFrame) -> list[str]:
    """Bias with the site as a random effect, coverage over whole sites, by calibration."""
    lines = HEAD.split("\n")
    for method, part in looks.groupby("calibration"):
        told = part[part["value"].notna()]
        errors = (told["value"] - told["truth"]).groupby(told["site"]).mean()
        half = float("nan")
        if len(errors) > 1:
            half = float(student.ppf(0.975, len(errors) - 1) * errors.std(ddof=1) / np.sqrt(len(errors)))
        held = ((told["low"] <= told["truth"]) & (told["truth"] <= told["high"])).astype(float)
        names = {name: number for number, name in enumerate(sorted(set(told["site"])))}
        covers = clustered(held.tolist(), [names[name] for name in told["site"]])
        rmse = float(np.sqrt(((told["value"] - told["truth"]) ** 2).mean()))
        lines.append(
            f"| {method} | {len(errors)} | {len(part)} | {100 * part['value'].isna().mean():.0f} "
            f"| {100 * part['differ'].mean():.0f} | {errors.mean():+.3f} ± {half:.3f} | {rmse:.3f} "
            f"| {100 * covers[0]:.0f} ({100 * covers[1]:.0f} to {100 * covers[2]:.0f}) |"
        )
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill an empty folder with stand-ins where asked for, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stand-ins", type=int, default=0, metavar="N")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.stand_ins:
        stand_ins(options.folder, options.stand_ins)
        print(f"Stand-ins: {options.stand_ins} simulated sites and simulated readers, not real.\n")
    rows = pd.read_csv(options.folder / "rows.csv").rename(columns={"site_id": "site", "zone_id": "zone"})
    if "date" not in rows:
        rows["date"] = pd.to_datetime(rows["datetime"]).dt.strftime("%Y-%m-%d")
    if "calibration" not in rows:
        rows["calibration"] = "as measured"
    readings = pd.read_csv(options.folder / "readings.csv")
    print("\n".join(table(pd.DataFrame(list(matched(rows, readings))))))


if __name__ == "__main__":
    main()

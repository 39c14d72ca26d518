"""Looks of two orbits at the same ground within days, and what the c-factor takes out of their difference.

``python -m benchmarks.cube.view FOLDER --write`` (FOLDER: the static catalogue of Bolzano, June 2022). The
place lies where the swaths of two neighbouring orbits overlap, so that looks come from the east and from the
west in turn. Its items tell no view angles: each satellite's distance is taken as half of that between the
tracks, and the angles from it (the c-factor of a pair changes by a hundredth between one edge of the overlap
and the other). Which of the two is the eastern one is told by near infrared itself: the side of the sun is
the brighter one.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr

from benchmarks.cube.real_sites import bolzano
from benchmarks.manual import write_table
from evidence.arrays import Floats
from imagery.cube.loading import load_cube
from imagery.radiometry.sensors import c_factor

BANDS = ("blue", "green", "red", "nir")
CYCLE_DAYS = 5
"""After which one of the two satellites is in the same orbit again, documented."""
MOST_DAYS = 5
CLEAR = 0.7
VIEW_ZENITH_DEG = 7.5
"""Half of 193 km between two tracks at 46.5 degrees, seen from 786 km."""
EAST_DEG, WEST_DEG = 106.0, 286.0
"""Where the satellite stands, as recorded items of the Copernicus Data Space tell it."""


def pairs(cube: xr.Dataset) -> Iterator[tuple[int, int, int]]:
    """(look, later look, days between) of clear looks a few days apart."""
    clear = np.flatnonzero((cube["status"].values == "used") & (cube["valid_fraction"].values > CLEAR))
    day = cube["time"].values.astype("datetime64[D]").astype(int)
    for one, other in itertools.combinations(clear.tolist(), 2):
        if day[other] - day[one] <= MOST_DAYS:
            yield one, other, int(day[other] - day[one])


def log_ratio(cube: xr.Dataset, band: str, one: int, other: int) -> float:
    """Median of ln(later / earlier) of ground that both show."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(cube[band].values[other] / cube[band].values[one])
    return float(np.median(ratio[np.isfinite(ratio)]))


def to_nadir(cube: xr.Dataset, band: str, look: int, *, east: bool) -> float:
    """Logarithm of what the look is multiplied by."""
    zenith = 90.0 - float(cube["sun_elevation_deg"].values[look])
    azimuth = (EAST_DEG if east else WEST_DEG) - float(cube["sun_azimuth_deg"].values[look])
    return float(
        np.log(
            c_factor(
                band, sun_zenith_deg=zenith, view_zenith_deg=VIEW_ZENITH_DEG,
                relative_azimuth_deg=azimuth, to_sun_deg=zenith,
            )
        )
    )  # fmt: skip


def rms(values: list[float]) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(np.square(values))))


def greenness(cube: xr.Dataset, look: int) -> Floats:
    """(y, x) NDVI."""
    red, nir = (cube[band].values[look] for band in ("red", "nir"))
    return np.asarray((nir - red) / (nir + red))


def table(cube: xr.Dataset) -> list[str]:
    """A line a band, and NDVI."""
    day = cube["time"].values.astype("datetime64[D]").astype(int)
    found = list(pairs(cube))
    same = [(a, b) for a, b, days in found if days % CYCLE_DAYS == 0]
    cross = [(a, b) for a, b, days in found if days % CYCLE_DAYS]
    start = day[cross[0][0]]
    brighter = np.sum([
        log_ratio(cube, "nir", a, b) * (1 if (day[b] - start) % CYCLE_DAYS else -1) for a, b in cross
    ])  # fmt: skip

    def east(look: int) -> bool:
        return bool((day[look] - start) % CYCLE_DAYS) == (brighter > 0)

    held = f"one orbit ({len(same)} pairs) | two orbits ({len(cross)} pairs)"
    lines = [
        f"| band | {held} | after the c-factor | less |",
        "|---|---|---|---|---|",
    ]
    for band in BANDS:
        plain = [log_ratio(cube, band, a, b) for a, b in cross]
        told = [
            r + to_nadir(cube, band, b, east=east(b)) - to_nadir(cube, band, a, east=east(a))
            for r, (a, b) in zip(plain, cross, strict=True)
        ]
        alone = rms([log_ratio(cube, band, a, b) for a, b in same])
        less = 1 - rms(told) / rms(plain)
        lines.append(f"| {band} | {alone:.1%} | {rms(plain):.1%} | {rms(told):.1%} | {less:.0%} |")
    steps = [
        [float(np.nanmedian(greenness(cube, b) - greenness(cube, a))) for a, b in those]
        for those in (same, cross)
    ]
    lines.append(f"| NDVI, units of it | {rms(steps[0]):.3f} | {rms(steps[1]):.3f} | – | – |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bolzano", type=Path, help="folder of the static catalogue")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines = table(load_cube(*bolzano(asked.bolzano, Path(folder))))
    print("\n".join(lines))
    if asked.write:
        write_table(
            "imagery-cube.md", "view", lines, method=["load_cube", "c_factor"], seeds="real imagery",
            by="python -m benchmarks.cube.view",
        )  # fmt: skip


if __name__ == "__main__":
    main()

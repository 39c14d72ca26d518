"""What normalising on invariant ground is worth, measured on ground that had no say in it.

``python -m benchmarks.cube.normalisation [--bolzano FOLDER] [--write]``. Real cubes through the real path,
once for each way to normalise. A clear date is held against the mean of the clear dates before and after; the
scene-wide part of the difference is its median, the local part the spread around it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from benchmarks.cube.real_sites import Place, places
from benchmarks.manual import write_table
from imagery.cube.loading import load_cube
from imagery.cube.reference import ReferenceParams, build_references
from imagery.cube.scene import CubeParams
from imagery.cube.scenes import group_archived
from imagery.masks.cells import to_pixels
from imagery.masks.season import usual_on
from imagery.radiometry.normalise import NormaliseHow, NormaliseParams, invariant_ground
from imagery.robust import spread

BANDS = ("blue", "green", "red", "nir")
CLEAR = 0.95
MOST_DAYS = 40
SEASON_DAYS = (15, 105, 196, 288)


def had_no_say(place: Place) -> NDArray[np.bool_]:
    """(y, x) pixels that are invariant ground in no season of any edition of the reference."""
    products, grid = place
    scenes = group_archived(products)
    references = build_references(scenes, grid, ReferenceParams())
    height, width = (int(length) for length in grid.shape)
    free = np.ones((height, width), bool)
    for scene in {references.edition(one).digest: one for one in scenes}.values():
        reference = references.at(scene)
        seasons = sorted(reference.looks)
        days = [reference.looks[season].day for season in seasons]
        unsteady = np.stack([reference.looks[season].unsteady for season in seasons])
        for day in SEASON_DAYS:
            usual = usual_on(reference.basis, days, day, unsteady=unsteady)
            free &= ~to_pixels(invariant_ground(usual, NormaliseParams()), 2, height, width)
    return free


def differences(cube: xr.Dataset, where: NDArray[np.bool_], band: str) -> Iterator[NDArray[np.float32]]:
    """Each clear snow-free date less the mean of its clear neighbours in time, on `where`."""
    clear = (cube["valid_fraction"].values > CLEAR) & (cube["snow_fraction"].values < 1 - CLEAR)
    chosen = np.flatnonzero(clear & (cube["status"].values == "used"))
    days = cube["time"].values.astype("datetime64[D]").astype(int)
    for before, k, after in zip(chosen, chosen[1:], chosen[2:], strict=False):
        if days[after] - days[before] <= MOST_DAYS:
            values = cube[band].values
            left = values[k][where] - 0.5 * (values[before][where] + values[after][where])
            yield left[np.isfinite(left)]


def rows(name: str, place: Place) -> Iterator[str]:
    products, grid = place
    where = had_no_say(place)
    for how in NormaliseHow:
        cube = load_cube(products, grid, params=CubeParams(normalise=NormaliseParams(how=how)))
        cells = []
        for band in BANDS:
            found = list(differences(cube, where, band))
            wide = float(np.sqrt(np.mean([np.median(d) ** 2 for d in found])))
            local = float(np.median([spread(d - np.median(d)) for d in found]))
            cells.append(f"{wide:.4f} / {local:.4f}")
        residual = float(np.nanmedian(cube["invariant_residual"].values))
        yield "| " + " | ".join([name, how.value, str(len(found)), *cells, f"{residual:.4f}"]) + " |"
        if how is NormaliseHow.NONE:
            report_platforms(cube)


def report_platforms(cube: xr.Dataset) -> None:
    """Median level of invariant ground by platform and baseline, on the screen."""
    used = cube.isel(time=np.flatnonzero(cube["status"].values == "used"))
    kinds = [f"{p} {b}" for p, b in zip(used["platform"].values, used["baseline"].values, strict=True)]
    for kind in sorted(set(kinds)):
        ratio = used["invariant_ratio"].values[np.array(kinds) == kind]
        ratio = ratio[np.isfinite(ratio)]
        if ratio.size:
            error = 1.2533 * ratio.std() / np.sqrt(ratio.size)
            print(f"{kind}: {ratio.size} scenes, level {np.median(ratio):.3f} +- {error:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bolzano", type=Path, help="folder of the static catalogue")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    heads = ["place", "taken out", "dates", *(f"{band}, wide / local" for band in BANDS), "residual"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    with tempfile.TemporaryDirectory() as folder:
        for name, place in places(args.bolzano, Path(folder)).items():
            for line in rows(name, place):
                lines.append(line)
                print(line, flush=True)
    if args.write:
        write_table(
            "imagery-cube.md", "normalisation table", lines, method=["load_cube"], seeds="real imagery"
        )


if __name__ == "__main__":
    main()

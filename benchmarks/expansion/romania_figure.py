"""Clearings found on the Romania cube of the nrt wheel: prints their dates, draws them over the imagery.

python -m benchmarks.expansion.romania_figure docs/figures/romania-clearings.png
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import xarray as xr

from benchmarks.expansion.arguments import described
from detection.coal.coverage import to_grid
from detection.disturbances import measure_disturbances
from tests.conftest import nrt_data_folder
from tests.detection.test_disturbances import romania

YEARS = (2017, 2018, 2019, 2020)


def summer(cube: xr.Dataset, year: int) -> np.ndarray:
    """True colour of the clear looks of one summer."""
    chosen = (cube.time.dt.year == year) & (cube.time.dt.month >= 6) & (cube.time.dt.month <= 9)
    part = cube.isel(time=np.flatnonzero(chosen.to_numpy()))
    bands = [part[b].where(part["valid"]).median("time") for b in ("red", "green", "blue")]
    return np.clip(np.dstack(bands) / 0.12, 0, 1)


def main() -> None:
    parser = described(__doc__)
    parser.add_argument("figure", type=Path, help="file to write the figure to")
    target = parser.parse_args().figure
    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415 - after the backend is chosen

    cube, site = romania(nrt_data_folder())
    found = [d for d in measure_disturbances(cube, site) if d.machine_status == "persistent"]
    found = [d for d in found if d.kind != "recovery"]
    print("| first seen | interval | hectares | kind |\n|---|---|---|---|")
    for d in sorted(found, key=lambda d: d.first_seen):
        span = f"{d.first_seen_low} to {d.first_seen_high}"
        print(f"| {d.first_seen} | {span} | {d.area_ha.value:.2f} ± {1.96 * d.area_ha.sd:.2f} | {d.kind} |")
    grid = cube.odc.geobox
    figure, axes = plt.subplots(2, 2, figsize=(10, 10), layout="constrained")
    box = grid.extent.boundingbox
    for axis, year in zip(axes.flat, YEARS, strict=True):
        axis.imshow(summer(cube, year), extent=(box.left, box.right, box.bottom, box.top))
        for d in (d for d in found if d.first_seen.year == year):
            shape = to_grid(d.geometry, grid)
            for part in getattr(shape, "geoms", [shape]):
                axis.plot(*np.asarray(part.exterior.coords).T, color="magenta", linewidth=1)
        axis.set_title(f"first seen in {year}")
        axis.set_axis_off()
    figure.savefig(target, dpi=80)


if __name__ == "__main__":
    main()

"""Simulated sites that the benchmarks of stockpiles share: layouts by seed, and what is true of them.

Simulated, not real.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.manual import kept_in
from detection.coal.measure import StockpileParams
from imagery.simulate import SimulatedSite
from imagery.simulate.params import CoalParams, SensorParams, SimulationParams

CLEAR = 0.9
"""Share of a zone that a judged look has seen."""
BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
RESIDUALS_PX = (0.06, 0.15, 0.3)
"""Registration error per axis that the cube keeps, by seed."""
SHORT: dict[str, Any] = {
    "size_px": 120,
    "since": dt.date(2018, 4, 1),
    "until": dt.date(2019, 11, 1),
    "months": (4, 5, 6, 7, 8, 9, 10),
}
PIXEL_HA = 0.01
PER_25_KM2 = 25e4
"""Pixels."""
MADE_WITH = ["measure_stockpiles", "simulate_site"]
ONLY_ZONES = StockpileParams(find_piles=False)


def layout(seed: int) -> SimulationParams:
    """A small site whose piles, dust, haloes and registration differ from seed to seed."""
    coal = CoalParams(
        n_piles=(2, 3, 4, 6)[seed % 4],
        dustiness=(0.1, 0.3, 0.6)[seed % 3],
        halo_fraction=(0.05, 0.15, 0.25)[(seed // 2) % 3],
    )
    sensor = SensorParams(bands=BANDS, residual_shift_px=RESIDUALS_PX[(seed // 3) % 3])
    return SimulationParams(**SHORT, coal=coal, sensor=sensor)


def zone_truth(simulated: SimulatedSite, zone_id: str, day: dt.date) -> float:
    """Hectares of coal in a zone."""
    return float(sum(p.area_ha(day) for p in simulated.truth.piles if p.zone_id == zone_id))


def asked_rows(doc: str | None, name: str, measure: Callable[[int], Any]) -> tuple[list[Any], bool]:
    """Rows of the seeds that the command line names, measured where they are not kept.

    Args:
        doc: of the module, for its help.
        name: of the kept files.
        measure: rows of one seed, as JSON can hold them.

    Returns:
        the rows, and whether the table is to be written.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", required=True, metavar="FIRST AFTER")
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    folder, rows = kept_in(options.keep, MADE_WITH), []
    ranges = zip(options.seeds[::2], options.seeds[1::2], strict=True)
    for seed in itertools.chain.from_iterable(range(*ends) for ends in ranges):
        path = folder / f"{name}-{seed}.json"
        if not path.exists():
            path.write_text(json.dumps(measure(seed)), encoding="utf-8")
            print(path.name, flush=True)
        rows += json.loads(path.read_text("utf-8"))
    return rows, options.write

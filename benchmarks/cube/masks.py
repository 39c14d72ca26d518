"""What the masks keep of clear ground and let through of cloud, on simulated sites through the real path.

``python -m benchmarks.cube.masks [--seeds 514 515] [--size 120] [--keep FOLDER] [--write]``. The masks were
tuned on seeds 500 to 511; these are others. With `--keep` archives and rows stay, so that a sweep may be cut
short and taken up again.
"""

from __future__ import annotations

import argparse
import datetime as dt
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.cube.simulated_archive import ArchivedSite, archive_site
from benchmarks.manual import write_table
from imagery.cube.loading import load_cube
from imagery.simulate import SensorParams, SimulationParams

SEEDS = (524, 525, 514, 515, 516, 517, 520, 521)
LARGE_SEEDS = (518,)
SIZE_PX, LARGE_PX = 120, 240
PARAMS = SimulationParams(
    since=dt.date(2020, 1, 1),
    until=dt.date(2021, 1, 1),
    sensor=SensorParams(bands=("blue", "green", "red", "nir", "swir16")),
)
WHOLLY_CLEAR = 0.99
MOSTLY_CLEAR = 0.5
COAL_COVER = 0.5


@dataclass
class Count:
    """Pixels kept by the mask, of all."""

    kept: int = 0
    total: int = 0

    def add(self, valid: np.ndarray, where: np.ndarray) -> None:
        self.kept += int(valid[where].sum())
        self.total += int(where.sum())

    def kept_share(self) -> str:
        return f"{self.kept / self.total:.1%}" if self.total else "none"

    def hidden_share(self) -> str:
        return f"{1 - self.kept / self.total:.1%}" if self.total else "none"


def row(seed: int, archived: ArchivedSite) -> str:
    """One line of the table."""
    cube = load_cube(archived.products, archived.grid)
    counts = {name: Count() for name in ("coal", "coal off cloud", "clear", "wholly", "cloud", "shadow")}
    refused = usable = 0
    for k, time in enumerate(cube["time"].values):
        cloud, shadow = archived.sky(time)
        valid = cube["valid"].values[k]
        seen = ~cloud & ~shadow
        coal = archived.site.truth.pile_fraction(archived.on(time).day) > COAL_COVER
        wholly = seen.mean() >= WHOLLY_CLEAR
        counts["coal"].add(valid, coal & seen)
        counts["clear"].add(valid, seen)
        counts["wholly"].add(valid, seen & wholly)
        counts["cloud"].add(valid, cloud)
        counts["shadow"].add(valid, shadow & ~cloud)
        counts["coal off cloud"].add(valid, coal & seen & (seen.mean() >= MOSTLY_CLEAR))
        usable += int(wholly)
        refused += int(wholly and str(cube["status"].values[k]) != "used")
    used = int((cube["status"].values == "used").sum())
    kept = [counts[name].kept_share() for name in ("coal", "coal off cloud", "clear", "wholly")]
    hidden = [counts[name].hidden_share() for name in ("cloud", "shadow")]
    cells = [
        str(seed),
        str(archived.grid.shape[0]),
        str(cube.sizes["time"]),
        str(used),
        f"{refused} of {usable}",
        *kept,
        *hidden,
    ]
    return "| " + " | ".join(cells) + " |"


HEAD = (
    "| seed | side, px | scenes | used | wholly clear scenes refused | clear coal kept | clear coal kept, "
    "scenes mostly clear | clear ground kept | the same, wholly clear scenes | cloud hidden | shadow hidden |"
)


def kept_row(seed: int, size: int, folder: Path) -> str:
    """The row, from `folder` where it was made before."""
    note = folder / f"{seed}-{size}.txt"
    if not note.exists():
        place = folder / f"{seed}-{size}"
        place.mkdir(parents=True, exist_ok=True)
        archived = archive_site(replace(PARAMS, size_px=size), seed, place)
        note.write_text(row(seed, archived), encoding="utf-8")
    return note.read_text(encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--seeds", type=int, nargs="*", help="instead of the table's own")
    parser.add_argument("--size", type=int, default=SIZE_PX)
    parser.add_argument("--keep", type=Path, help="folder for archives and rows")
    args = parser.parse_args()
    cases = [(seed, SIZE_PX) for seed in SEEDS] + [(seed, LARGE_PX) for seed in LARGE_SEEDS]
    cases = [(seed, args.size) for seed in args.seeds] if args.seeds else cases
    lines = [HEAD, "|" + "---|" * (HEAD.count("|") - 1)]
    with tempfile.TemporaryDirectory() as temporary:
        for seed, size in cases:
            lines.append(kept_row(seed, size, args.keep or Path(temporary)))
            print(lines[-1], flush=True)
    if args.write:
        write_table(
            "imagery-cube.md",
            "masks table",
            lines,
            method=["load_cube", "simulate_site"],
            seeds=f"seeds and sides {cases}",
        )


if __name__ == "__main__":
    main()

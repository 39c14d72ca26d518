"""Radar t-test on OPERA RTC stacks without notable change: false alarms, and inserted 3 dB changes of 1 ha.

    python -m benchmarks.expansion.radar_stacks ../shared/data/rtc-s1

The null is the statistic of several splits of the stacks, where nothing notable changed. The threshold was
chosen on the odd looks; the even looks are other dates of the same ground.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio

from benchmarks.expansion.arguments import described
from detection.radar import RadarParams, radar_statistic

SIDE_PX = 3
"""100 m are three to four pixels of 30 m: a 3 × 3 block (0.8 ha) is what a change of 1 ha fills surely."""
DATES = {
    "odd looks (chosen on)": slice(0, None, 2),
    "even looks (held out)": slice(1, None, 2),
    "all": slice(None),
}


def read_stack(folder: Path, burst: str) -> dict[str, np.ndarray]:
    stacks = {}
    for pol in ("VV", "VH"):
        looks = []
        for path in sorted(folder.glob(f"{burst}_*_{pol}.tif")):
            with rasterio.open(path) as source:
                looks.append(source.read(1).astype(np.float64))
        stacks[pol.lower()] = np.stack(looks)
    return stacks


def splits(stack: dict[str, np.ndarray]) -> range:
    """Looks before the change: from five on, five or more left."""
    count = len(stack["vv"])
    return range(5, count - 4, 1 if count < 15 else 3)


def parts(stack: dict[str, np.ndarray], split: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    return {p: s[:split] for p, s in stack.items()}, {p: s[split:] for p, s in stack.items()}


def quiet(stack: dict[str, np.ndarray]) -> np.ndarray:
    return np.stack([radar_statistic(*parts(stack, split)) for split in splits(stack)])


def inserted(stack: dict[str, np.ndarray], seed: int, *, step_db: float = 3.0) -> np.ndarray:
    """Greatest magnitude inside each inserted block, over all splits."""
    rng, found = np.random.default_rng(seed), []
    for split in splits(stack):
        earlier, later = parts(stack, split)
        later = {p: s.copy() for p, s in later.items()}
        cells = [
            (r + int(rng.integers(6)), c + int(rng.integers(6)))
            for r in range(5, 85, 16)
            for c in range(5, 85, 16)
        ]
        for k, (r, c) in enumerate(cells):
            for stack_later in later.values():
                stack_later[:, r : r + SIDE_PX, c : c + SIDE_PX] *= 10 ** ((-1) ** k * step_db / 10)
        t = np.abs(radar_statistic(earlier, later))
        found += [t[r : r + SIDE_PX, c : c + SIDE_PX].max() for r, c in cells]
    return np.array(found)


def main() -> None:
    parser = described(__doc__)
    parser.add_argument("folder", type=Path, help="of the stacks")
    folder = parser.parse_args().folder
    bursts = sorted({path.name.split("_")[0] for path in folder.glob("*_VV.tif")})
    stacks = {burst: read_stack(folder, burst) for burst in bursts}
    threshold = RadarParams().threshold
    print("| burst | dates | 99.5th percentile of the null | flagged | inserted 3 dB, 1 ha found |")
    print("|---|---|---|---|---|")
    for burst, stack in stacks.items():
        for name, dates in DATES.items():
            held = {pol: looks[dates] for pol, looks in stack.items()}
            t = np.abs(quiet(held))
            flagged, found = (t > threshold).mean(), (inserted(held, 5) > threshold).mean()
            print(f"| {burst} | {name} | {np.nanquantile(t, 0.995):.2f} | {flagged:.2%} | {found:.0%} |")


if __name__ == "__main__":
    main()

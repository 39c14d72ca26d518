"""Pair mode beside its references when the pairs of OSCD are made worse: AP per city and perturbation.

    python -m benchmarks.expansion.pair_perturbed ../shared/data/oscd [--write]

Other sensors (fewer bands, half the resolution), misregistration of up to a pixel, another radiometry (gain,
offset, haze, noise), crops, swapped order. Every method gets the same perturbed bands.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.ndimage import shift as moved

from benchmarks.expansion.pair_mode import REFERENCES, average_precision, read_city
from benchmarks.manual import write_table
from detection.pairs.score import PIXEL_M, PairParams, score_pair

HAZE = {"blue": 0.05, "green": 0.04, "red": 0.03, "rededge1": 0.025, "rededge2": 0.02, "nir": 0.015}
"""Reflectance that the thickest haze adds."""
Side = Mapping[str, NDArray]
Case = tuple[Side, Side, NDArray[np.bool_]]


def only(*bands: str) -> Callable[[Side, Side, NDArray], Case]:
    return lambda a, b, label: ({k: a[k] for k in bands}, {k: b[k] for k in bands}, label)


def shifted(rows: float, columns: float) -> Callable[[Side, Side, NDArray], Case]:
    def case(a: Side, b: Side, label: NDArray) -> Case:
        later = {k: moved(v, (rows, columns), order=1, mode="nearest") for k, v in b.items()}
        return a, later, label

    return case


def regained(seed: int) -> Callable[[Side, Side, NDArray], Case]:
    """Another gain and offset in every band of the later date, as of another sensor or thin haze."""

    def case(a: Side, b: Side, label: NDArray) -> Case:
        rng = np.random.default_rng(seed)
        later = {k: v * rng.uniform(0.75, 1.3) + rng.uniform(-0.01, 0.03) for k, v in b.items()}
        return a, later, label

    return case


def hazy(a: Side, b: Side, label: NDArray) -> Case:
    """Thin haze over parts of the later date, thinner at longer wavelengths."""
    field = gaussian_filter(np.random.default_rng(4).normal(size=label.shape), 60)
    field = (field - field.min()) / np.ptp(field)
    later = {k: v + HAZE.get(k, 0.005) * field for k, v in b.items()}
    return a, later, label


def noisy(sd: float) -> Callable[[Side, Side, NDArray], Case]:
    def case(a: Side, b: Side, label: NDArray) -> Case:
        rng = np.random.default_rng(3)
        sides = ({k: v + rng.normal(0, sd, v.shape) for k, v in side.items()} for side in (a, b))
        return *sides, label

    return case


def halved(a: Side, b: Side, label: NDArray) -> Case:
    """Pixels of twice the side; changed where at least half of the ground is."""
    rows, columns = (n // 2 * 2 for n in label.shape)

    def half(v: NDArray) -> NDArray:
        return v[:rows, :columns].reshape(rows // 2, 2, columns // 2, 2).mean((1, 3))

    sides = ({k: half(v) for k, v in side.items()} for side in (a, b))
    return *sides, half(label.astype(float)) >= 0.5


def quarter(a: Side, b: Side, label: NDArray) -> Case:
    """The quarter of the city that holds most change."""
    rows, columns = (n // 2 for n in label.shape)
    corners = [(r, c) for r in (0, label.shape[0] - rows) for c in (0, label.shape[1] - columns)]
    r, c = max(corners, key=lambda k: label[k[0] : k[0] + rows, k[1] : k[1] + columns].sum())
    part = slice(r, r + rows), slice(c, c + columns)
    return {k: v[part] for k, v in a.items()}, {k: v[part] for k, v in b.items()}, label[part]


CASES: dict[str, Callable[[Side, Side, NDArray], Case]] = {
    "as they are": lambda a, b, label: (a, b, label),
    "blue green red nir": only("blue", "green", "red", "nir"),
    "blue green red": only("blue", "green", "red"),
    "green red nir": only("green", "red", "nir"),
    "later date half a pixel off": shifted(0.5, -0.5),
    "later date one pixel off": shifted(1, 1),
    "gain and offset per band": regained(1),
    "haze over parts": hazy,
    "noise of 0.01": noisy(0.01),
    "order swapped": lambda a, b, label: (b, a, label),
    "pixels of 20 m": halved,
    "quarter with most change": quarter,
    "four bands, one pixel off, gain": lambda a, b, label: regained(2)(
        *shifted(-1, 1)(*only("blue", "green", "red", "nir")(a, b, label))
    ),
}


PIXELS_M = {"pixels of 20 m": 20.0}


def rows(folder: Path) -> Iterator[str]:
    city = read_city(folder)
    for name, make in CASES.items():
        before, after, label = make(*city)
        one, two = (np.stack(list(side.values())) for side in (before, after))
        params = PairParams().at(PIXELS_M.get(name, PIXEL_M))
        ours = average_precision(score_pair(before, after, params=params).score, label)
        theirs = {method: average_precision(run(one, two), label) for method, run in REFERENCES.items()}
        best = max(theirs, key=lambda method: theirs[method])
        ratio = ours / theirs[best]
        yield f"| {folder.name} | {name} | {ours:.3f} | {theirs[best]:.3f} ({best}) | {ratio:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("oscd", type=Path, help="folder with one folder per city")
    parser.add_argument("--write", action="store_true", help="write the table into docs/expansion.md")
    chosen = parser.parse_args()
    lines = ["| city | pair | AP of pair mode | best reference | ratio |", "|---|---|---|---|---|"]
    for folder in sorted(p for p in chosen.oscd.iterdir() if p.is_dir()):
        for row in rows(folder):
            print(row, flush=True)
            lines.append(row)
    if chosen.write:
        write_table("expansion.md", "pair-perturbed", lines, method=["score_pair"], seeds="real image pairs")


if __name__ == "__main__":
    main()

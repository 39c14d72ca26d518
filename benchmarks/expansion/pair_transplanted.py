"""Pair mode beside its references where built and bare ground is moved onto plants: AP per real pair.

    python -m benchmarks.expansion.pair_transplanted ../shared/data [--write]

Pairs on which nothing was tuned: clear dates of June 2022 over Bolzano, and the three cities of OSCD
backwards in time with what is labelled as changed left out. Onto plants of the later date, pieces of the same
image that are built or bare are copied, of 0.1 to 2 ha, partly mixed with what was there, edges blurred
as the instrument does. Whatever else changed between the dates (fields that were cut, sun, haze) is false.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter

from benchmarks.expansion.pair_false_alarms import read_date
from benchmarks.expansion.pair_mode import REFERENCES, auroc, average_precision, read_city
from benchmarks.manual import write_table
from detection.pairs.score import score_pair

BOLZANO = (("20220610", "20220630"), ("20220612", "20220625"), ("20220615", "20220620"))
SEEDS = (1, 2, 3)
PATCHES = 25
REACH = 9
"""Half of the side of the window that a patch is cut from, pixels."""
SMALLEST_PX, LARGEST_PX = 10, 200
BLUR_PX = 0.5
BARE_NDVI, GREEN_NDVI = 0.3, 0.5
Side = dict[str, NDArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two dates of one place and where nothing may be put."""

    name: str
    before: Side
    after: Side
    barred: NDArray[np.bool_]


def pairs(data: Path) -> Iterator[Pair]:
    bolzano = data / "bolzano-stac"
    for days in BOLZANO:
        one, two = (read_date(next(bolzano.rglob(f"S2*_{day}_*"))) for day in days)
        barred = ~np.all([np.isfinite(v) for v in (*one.values(), *two.values())], axis=0)
        one, two = ({b: np.where(barred, np.nanmedian(v), v) for b, v in side.items()} for side in (one, two))
        yield Pair(name=f"Bolzano {days[0]} to {days[1]}", before=one, after=two, barred=barred)
    for city in sorted(p for p in (data / "oscd").iterdir() if p.is_dir()):
        before, after, label = read_city(city)
        yield Pair(
            name=f"{city.name}, backwards",
            before=after,
            after=before,
            barred=binary_dilation(label, iterations=10),
        )


def transplanted(pair: Pair, rng: np.random.Generator) -> tuple[Side, NDArray[np.bool_]]:
    """The later date with pieces of built or bare ground where plants were, and where they lie."""
    later = {band: values.astype(np.float64).copy() for band, values in pair.after.items()}
    label = np.zeros(pair.barred.shape, np.bool_)
    green, bare = (_inner(_ndvi_between(pair, *limits)) for limits in ((GREEN_NDVI, 1.0), (-0.1, BARE_NDVI)))
    for _ in range(PATCHES):
        shape = _blob(rng)
        free = green & ~binary_dilation(label, iterations=2 * REACH)
        to, of = (_somewhere(mask, rng) for mask in (free, bare))
        if to is None or of is None:
            break
        cover = gaussian_filter(shape.astype(np.float64), BLUR_PX) * rng.uniform(0.4, 1.0)
        for band, values in later.items():
            values[to] += cover * (pair.after[band][of] - values[to])
        label[to] |= shape
    return later, label


def _ndvi_between(pair: Pair, low: float, high: float) -> NDArray[np.bool_]:
    """Ground whose index lies between both limits on either date, so that it did not change between kinds."""
    sides = []
    for side in (pair.before, pair.after):
        index = (side["nir"] - side["red"]) / np.maximum(side["nir"] + side["red"], 1e-6)
        sides.append((index >= low) & (index < high) & (side["nir"] > 0.08))
    return np.asarray(sides[0] & sides[1] & ~pair.barred, np.bool_)


def _inner(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Centres of windows that lie within the image and whose middle is of the kind."""
    inner = binary_erosion(mask, iterations=2)
    inner[:REACH], inner[-REACH - 1 :], inner[:, :REACH], inner[:, -REACH - 1 :] = False, False, False, False
    return inner


def _somewhere(mask: NDArray[np.bool_], rng: np.random.Generator) -> tuple[slice, slice] | None:
    places = np.argwhere(mask)
    if not len(places):
        return None
    y, x = places[rng.integers(len(places))]
    return slice(y - REACH, y + REACH + 1), slice(x - REACH, x + REACH + 1)


def _blob(rng: np.random.Generator) -> NDArray[np.bool_]:
    """The largest values of a smooth field around the middle: as many pixels as the patch has."""
    side = 2 * REACH + 1
    y, x = np.mgrid[:side, :side] - REACH
    field = gaussian_filter(rng.normal(size=(side, side)), 2.0)
    field = field / field.std() - 0.35 * np.hypot(y, x)
    size = round(np.exp(rng.uniform(np.log(SMALLEST_PX), np.log(LARGEST_PX))))
    return np.asarray(field >= np.sort(field, axis=None)[-size], np.bool_)


def row(pair: Pair) -> str:
    """Means over seeds."""
    found: dict[str, list[tuple[float, float]]] = {}
    for seed in SEEDS:
        after, label = transplanted(pair, np.random.default_rng(seed))
        one, two = (np.stack(list(side.values())) for side in (pair.before, after))
        scores = {"pair mode": score_pair(pair.before, after).score}
        scores |= {name: run(one, two) for name, run in REFERENCES.items()}
        for name, score in scores.items():
            kept = ~pair.barred
            values = np.nan_to_num(score[kept])[None], label[kept][None]
            found.setdefault(name, []).append((average_precision(*values), auroc(*values)))
    means = {name: np.mean(values, axis=0) for name, values in found.items()}
    cells = [f"{precision:.3f} / {area:.3f}" for precision, area in means.values()]
    best = max(means[name][0] for name in REFERENCES)
    return f"| {pair.name} | {' | '.join(cells)} | {means['pair mode'][0] / best:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with bolzano-stac and oscd")
    parser.add_argument("--write", action="store_true", help="write the table into docs/expansion.md")
    chosen = parser.parse_args()
    lines = [f"| pair | pair mode | {' | '.join(REFERENCES)} | AP to the best reference |"]
    lines.append("|---|---|" + "---|" * (len(REFERENCES) + 1))
    for pair in pairs(chosen.data):
        lines.append(row(pair))
        print(lines[-1], flush=True)
    if chosen.write:
        seeds = f"real image pairs, draws {SEEDS}"
        write_table("expansion.md", "pair-transplanted", lines, method=["score_pair"], seeds=seeds)


if __name__ == "__main__":
    main()

"""Do sample-based areas cover the truth when reviewers err? 500 draws on each of several simulated maps.

A coverage of 500 draws is itself uncertain by a percent (one standard error): the draws of all maps together
say it to 0.3, and the span over the maps shows how far 500 draws scatter.

Run from the repository: python -m benchmarks.validation.simulated_reviewers [--draws 500] [--maps 8]
With --write the table goes into docs/how-do-you-know.md, between its markers.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter

from benchmarks.manual import write_table
from detection.sampling.accuracy import AccuracyReport, ReaderError, Stratum, estimate_accuracy
from detection.sampling.design import BUFFER, STABLE

PIXEL_HA = 0.01
SIDE = 1200
"""Pixels: 144 km² of 10 m pixels."""
PAGE, PLACE = "how-do-you-know.md", "simulated reviewers"
CLASSES = ("disturbed", STABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A map with known errors and readers with known errors."""

    name: str
    missed: float
    """Share of the truly disturbed patches that the map has not."""
    false_patches: float
    """Area of patches mapped where nothing is, as a share of the truth."""
    reader_error: float
    """Chance that one reader mislabels a unit."""
    n_stable: int = 300
    n_rare: int = 75


CASES = (
    Case(name="good map, readers never err", missed=0.05, false_patches=0.1, reader_error=0.0),
    Case(name="good map, readers err in 2 %", missed=0.05, false_patches=0.1, reader_error=0.02),
    Case(name="good map, readers err in 5 %", missed=0.05, false_patches=0.1, reader_error=0.05),
    Case(name="many false patches, readers never err", missed=0.05, false_patches=1.0, reader_error=0.0),
    Case(name="many false patches, readers err in 2 %", missed=0.05, false_patches=1.0, reader_error=0.02),
    Case(name="many missed patches, readers never err", missed=0.3, false_patches=0.1, reader_error=0.0),
    Case(name="many missed patches, 600 stable units", missed=0.3, false_patches=0.1, reader_error=0.0,
         n_stable=600),
)  # fmt: skip


def make_maps(case: Case, rng: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Truth and map (y, x): smooth patches over 2 % of the ground, rims wrong by a pixel."""
    truth = _patches(rng, 0.02)
    missed = truth & _patches(rng, case.missed)
    extra = _patches(rng, 0.02 * case.false_patches) & ~truth
    mapped = truth & ~missed
    grown = binary_dilation(mapped) & (rng.random(mapped.shape) < 0.5)
    shrunk = ~binary_erosion(mapped) & (rng.random(mapped.shape) < 0.5)
    return truth, ((mapped & ~shrunk) | grown | extra)


def _patches(rng: np.random.Generator, share: float) -> NDArray[np.bool_]:
    field = gaussian_filter(rng.standard_normal((SIDE, SIDE)), 8.0)
    return np.asarray(field > np.quantile(field, 1.0 - share))


def make_strata(mapped: NDArray[np.bool_]) -> tuple[NDArray[np.int8], tuple[Stratum, ...]]:
    """Codes (y, x) of change, buffer of six pixels and stable."""
    near = binary_dilation(mapped, iterations=6)
    codes = np.where(mapped, 0, np.where(near, 1, 2)).astype(np.int8)
    names = (("disturbed", "disturbed"), (BUFFER, STABLE), (STABLE, STABLE))
    return codes, tuple(
        Stratum(name=name, mapped=told, area_ha=float((codes == i).sum()) * PIXEL_HA)
        for i, (name, told) in enumerate(names)
    )


def read_labels(
    truth: NDArray[np.bool_], error: float, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], int]:
    """Labels of two independent readers, a third where they differ; and how often they did."""
    one, two, three = (truth ^ (rng.random(truth.shape) < error) for _ in range(3))
    return np.where(one == two, one, three), int((one != two).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What many draws on several maps came to."""

    truth_ha: float
    mapped_ha: float
    means_ha: tuple[float, ...]
    """By way of estimating: published, Wilson, Wilson and corrected for the readers."""
    halves_ha: tuple[float, ...]
    covered: tuple[float, ...]
    by_map: tuple[tuple[float, float], ...]
    """Smallest and largest coverage of one map's draws."""


def run_case(case: Case, *, draws: int, maps: int, seed: int) -> Outcome:
    """Draw, label, estimate; `draws` times on each map."""
    truths, mapped, means, halves, covered = [], [], [], [], []
    for k in range(maps):
        rng = np.random.default_rng([seed, k])
        truth, drawn = make_maps(case, rng)
        codes, strata = make_strata(drawn)
        pools = [truth[codes == i] for i in range(len(strata))]
        true_ha = float(truth.sum()) * PIXEL_HA
        sizes = (case.n_rare, case.n_rare, case.n_stable)
        found = np.array(list(_draws(pools, sizes, strata, case.reader_error, draws, rng)))
        truths.append(true_ha)
        mapped.append(float(drawn.sum()) * PIXEL_HA)
        means.append(found[:, :, 0].mean(axis=0))
        halves.append(((found[:, :, 2] - found[:, :, 1]) / 2).mean(axis=0))
        covered.append(((found[:, :, 1] <= true_ha) & (true_ha <= found[:, :, 2])).mean(axis=0))
    return Outcome(
        truth_ha=float(np.mean(truths)),
        mapped_ha=float(np.mean(mapped)),
        means_ha=tuple(np.mean(means, axis=0)),
        halves_ha=tuple(np.mean(halves, axis=0)),
        covered=tuple(np.mean(covered, axis=0)),
        by_map=tuple(zip(np.min(covered, axis=0), np.max(covered, axis=0), strict=True)),
    )


def _draws(
    pools: list[NDArray[np.bool_]],
    sizes: tuple[int, ...],
    strata: tuple[Stratum, ...],
    error: float,
    draws: int,
    rng: np.random.Generator,
) -> Iterator[list[tuple[float, float, float]]]:
    """(way of estimating, (value, low, high)) of each draw.

    How many units of a stratum are of the class is hypergeometric: what pixels without replacement come to.
    """
    hits = [int(pool.sum()) for pool in pools]
    for _ in range(draws):
        counts, disagreed = [], 0
        for pool, hit, n in zip(pools, hits, sizes, strict=True):
            units = np.arange(n) < rng.hypergeometric(hit, pool.size - hit, n)
            labels, differing = read_labels(units, error, rng)
            counts.append([int(labels.sum()), int((~labels).sum())])
            disagreed += differing
        plain = estimate_accuracy(strata, counts, CLASSES)
        readers = ReaderError.from_disagreement(disagreed, sum(sizes))
        corrected = estimate_accuracy(strata, counts, CLASSES, reader_error=readers)
        yield [_ends(plain, published=True), _ends(plain), _ends(corrected)]


def _ends(report: AccuracyReport, *, published: bool = False) -> tuple[float, float, float]:
    found = report.of("disturbed")
    area = found.published_ha if published else found.area_ha
    return float(area.value or 0), float(area.low or 0), float(area.high or 0)


HEADER = """\
Simulated maps of 144 km² and simulated readers, {draws} samples on each of {maps} maps. Written by
`python -m benchmarks.validation.simulated_reviewers --write`; nothing was fitted on these seeds.
"Corrected" is for the readers' errors, as their disagreements tell them. In brackets the smallest and largest
coverage of one map's {draws} samples, which scatter by a percent even where 95 % is exact.

| case | truth ha | pixels counted | sample, published interval | claimed interval | the same, corrected |
|---|---|---|---|---|---|
"""


def _cells(outcome: Outcome) -> str:
    told = zip(outcome.means_ha, outcome.halves_ha, outcome.covered, outcome.by_map, strict=True)
    return " | ".join(
        f"{mean:.0f} ± {half:.0f} ha, covers {share:.1%} ({low:.1%} to {high:.1%})"
        for mean, half, share, (low, high) in told
    )


def table(*, draws: int, maps: int, seed: int) -> str:
    """Markdown."""
    text = HEADER.format(draws=draws, maps=maps)
    for i, case in enumerate(CASES):
        out = run_case(case, draws=draws, maps=maps, seed=seed + i)
        counted = f"{out.mapped_ha:.0f} ha ({out.mapped_ha / out.truth_ha - 1:+.0%})"
        text += f"| {case.name} | {out.truth_ha:.0f} | {counted} | {_cells(out)} |\n"
    return text


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--maps", type=int, default=8)
    parser.add_argument("--seed", type=int, default=2014)
    parser.add_argument("--write", action="store_true", help="write the table into docs/")
    told = parser.parse_args()
    made = table(draws=told.draws, maps=told.maps, seed=told.seed)
    print(made)
    if told.write:
        write_table(PAGE, PLACE, made, method=["estimate_accuracy"], seeds=f"seeds from {told.seed}")

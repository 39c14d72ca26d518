"""Pair mode beside its three references on OSCD: average precision and AUROC per city.

python -m benchmarks.expansion.pair_mode ../shared/data/oscd [--write]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from scipy.stats import rankdata

from benchmarks.expansion.pair_references import change_vector, ir_mad, smoothed_pca
from benchmarks.manual import write_table
from detection.pairs.score import score_pair
from imagery.cube.pairs import BY_S2_NAME

REFERENCES = {"CVA": change_vector, "smoothed PCA difference": smoothed_pca, "IR-MAD": ir_mad}


def read_city(folder: Path) -> tuple[dict[str, NDArray], dict[str, NDArray], NDArray[np.bool_]]:
    """Both dates by band on the label's grid, and what is labelled as change."""
    with rasterio.open(next((folder / "labels" / "cm").glob("*-cm.tif"))) as source:
        label = source.read(1) == 2
    return _date(folder / "images" / "imgs_1", label), _date(folder / "images" / "imgs_2", label), label


def _date(folder: Path, label: NDArray[np.bool_]) -> dict[str, NDArray]:
    bands = {}
    for name, band in BY_S2_NAME.items():
        with rasterio.open(next(folder.glob(f"*_{name}.tif"))) as source:
            pixels = source.read(1, out_shape=label.shape, resampling=Resampling.bilinear)
        bands[band] = pixels / 1e4
    return bands


def average_precision(score: NDArray, label: NDArray[np.bool_]) -> float:
    ordered = label.ravel()[np.argsort(-score.ravel(), kind="stable")]
    precision = np.cumsum(ordered) / np.arange(1, ordered.size + 1)
    return float((precision * ordered).sum() / ordered.sum())


def auroc(score: NDArray, label: NDArray[np.bool_]) -> float:
    ranks, changed = rankdata(score.ravel()), label.ravel()
    n = int(changed.sum())
    return float((ranks[changed].sum() - n * (n + 1) / 2) / (n * (changed.size - n)))


def city_rows(folder: Path) -> dict[str, tuple[float, float]]:
    before, after, label = read_city(folder)
    one, two = (np.stack(list(side.values())) for side in (before, after))
    scores = {name: run(one, two) for name, run in REFERENCES.items()}
    scores = {"pair mode": score_pair(before, after).score} | scores
    return {name: (average_precision(s, label), auroc(s, label)) for name, s in scores.items()}


def alarm_row(folder: Path) -> str:
    before, after, label = read_city(folder)
    result = score_pair(before, after)
    false, found = result.changed[~label].mean(), result.changed[label].mean()
    return f"| {folder.name} | {result.false_alarm_rate:.1%} | {false:.1%} | {found:.0%} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("oscd", type=Path, help="folder with one folder per city")
    parser.add_argument("--write", action="store_true", help="write the table into docs/expansion.md")
    chosen = parser.parse_args()
    folders = sorted(p for p in chosen.oscd.iterdir() if p.is_dir())
    lines = ["| city | method | AP | AUROC |", "|---|---|---|---|"]
    for folder in folders:
        lines += [
            f"| {folder.name} | {method} | {precision:.3f} | {area:.3f} |"
            for method, (precision, area) in city_rows(folder).items()
        ]
    heads = "city | stated false-alarm rate | measured on unlabelled ground | labelled pixels found"
    lines += ["", f"| {heads} |", "|---|---|---|---|", *(alarm_row(folder) for folder in folders)]
    print("\n".join(lines))
    if chosen.write:
        write_table("expansion.md", "pair", lines, method=["score_pair"], seeds="real image pairs")


if __name__ == "__main__":
    main()

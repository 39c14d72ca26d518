"""Fits the bare share of `detection/footprint_evidence.py` on simulated sites and prints its coefficients.

python benchmarks/expansion/footprint_fit.py 910 919

Target: share of each pixel without vegetation, roads and villages too; burnt ground and water left out.
"""

from __future__ import annotations

import datetime as dt
import sys

import numpy as np
from footprint_table import PARAMS
from scipy.optimize import minimize
from scipy.special import expit

from detection.footprint_evidence import median, read_season
from imagery.simulate import SimulatedSite, simulate_site
from imagery.simulate.spectra import Material
from imagery.simulate.world import GREEN

MIN_LOOKS = 3


def samples(made: SimulatedSite, year: int) -> tuple[np.ndarray, np.ndarray]:
    """NDVI and BSI of pixels, and their true bare share."""
    margin = made.world.frame.margin_cells
    cells = made.world.labels(dt.date(year, 8, 1))[margin:-margin, margin:-margin]
    side = cells.shape[0] // 2
    blocks = cells.reshape(side, 2, side, 2)
    bare = ~np.isin(blocks, [*np.flatnonzero(GREEN), Material.WATER])
    season = read_season(made.cube(), year, (6, 9))
    known = ~np.isin(blocks, [Material.BURNT, Material.WATER]).any(axis=(1, 3)) & (season.looks >= MIN_LOOKS)
    features = np.stack([median(season.green)[known], median(season.soil)[known]], axis=1)
    return features, bare.mean(axis=(1, 3))[known]


def fitted(features: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Intercept and slopes of the logistic quasi-likelihood."""
    middle, scale = features.mean(axis=0), features.std(axis=0)
    design = np.column_stack([np.ones(len(features)), (features - middle) / scale])

    def loss(c: np.ndarray) -> tuple[float, np.ndarray]:
        score = design @ c
        value = np.mean(np.logaddexp(0, score) - share * score)
        return float(value), design.T @ (expit(score) - share) / len(share)

    c = minimize(loss, np.zeros(design.shape[1]), jac=True).x
    return np.array([c[0] - (c[1:] * middle / scale).sum(), *(c[1:] / scale)])


def main() -> None:
    first, last = int(sys.argv[1]), int(sys.argv[2])
    sites = (simulate_site(PARAMS, seed=seed) for seed in range(first, last + 1))
    parts = [samples(made, year) for made in sites for year in (2018, 2019, 2020)]
    features, share = (np.concatenate(part) for part in zip(*parts, strict=True))
    for name, columns in (("NDVI and BSI", 2), ("NDVI", 1)):
        c = fitted(features[:, :columns], share)
        error = expit(c[0] + features[:, :columns] @ c[1:]) - share
        print(f"{name}: {np.round(c, 3).tolist()}, rms error {np.sqrt(np.mean(error**2)):.3f}")


if __name__ == "__main__":
    main()

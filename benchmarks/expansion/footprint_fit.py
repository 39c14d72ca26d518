"""Fits the bare share of `detection/footprint_evidence.py` on simulated sites and prints its coefficients.

    python -m benchmarks.expansion.footprint_fit 910 919 950 969

Arguments: first and last seed of one range or more. Target: share of each pixel without vegetation, roads and
villages too; burnt ground and water left out.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from benchmarks.expansion.arguments import described
from benchmarks.expansion.footprint_table import PARAMS
from detection.footprint import FootprintParams
from detection.footprint_evidence import Season, Window, read_season, share_terms
from imagery.simulate import SimulatedSite, simulate_site
from imagery.simulate.spectra import Material
from imagery.simulate.world import GREEN

MIN_LOOKS = 3
YEARS = (2018, 2019, 2020)
SETS = {"SHARE": ("ndvi", "ndvi2", "red", "nir", "green"), "SHARE_WITHOUT_GREEN": ("ndvi", "ndvi2", "red")}


def window(params: FootprintParams) -> Window:
    return Window(months=params.season, middle=params.middle, width_days=params.width_days)


def samples(made: SimulatedSite, year: int, season: Season) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Terms of pixels, and their true bare share."""
    margin = made.world.frame.margin_cells
    cells = made.world.labels(dt.date(year, 8, 1))[margin:-margin, margin:-margin]
    side = cells.shape[0] // 2
    blocks = cells.reshape(side, 2, side, 2)
    bare = ~np.isin(blocks, [*np.flatnonzero(GREEN), Material.WATER])
    known = ~np.isin(blocks, [Material.BURNT, Material.WATER]).any(axis=(1, 3)) & (season.looks >= MIN_LOOKS)
    terms = share_terms(season.bands, season.weight)
    return {name: term[known] for name, term in terms.items()}, bare.mean(axis=(1, 3))[known]


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
    parser = described(__doc__)
    parser.add_argument("ends", type=int, nargs="+", help="first and last seed of each range")
    ends = parser.parse_args().ends
    seeds = [seed for a, b in zip(ends[::2], ends[1::2], strict=True) for seed in range(a, b + 1)]
    parts = []
    for seed in seeds:
        made = simulate_site(PARAMS, seed=seed)
        cube = made.cube()
        parts += [samples(made, year, read_season(cube, year, window(FootprintParams()))) for year in YEARS]
    share = np.concatenate([target for _, target in parts])
    for name, columns in SETS.items():
        features = np.column_stack([np.concatenate([terms[k] for terms, _ in parts]) for k in columns])
        c = fitted(features, share)
        error = np.sqrt(np.mean((expit(c[0] + features @ c[1:]) - share) ** 2))
        slopes = dict(zip(("constant", *columns), c.round(3).tolist(), strict=True))
        print(f"{name}: {slopes}, rms error {error:.3f}")


if __name__ == "__main__":
    main()

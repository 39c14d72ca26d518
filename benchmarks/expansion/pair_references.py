"""The three references of pair mode: change-vector analysis, smoothed PCA difference, IR-MAD."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.ndimage import gaussian_filter
from scipy.stats import chi2

Floats = NDArray[np.float64]


def standardised(stack: Floats) -> Floats:
    flat = stack.reshape(len(stack), -1)
    return (stack - flat.mean(axis=1)[:, None, None]) / flat.std(axis=1)[:, None, None]


def change_vector(one: Floats, two: Floats) -> Floats:
    """Length of the difference of standardised bands (Malila 1980)."""
    return np.sqrt(((standardised(two) - standardised(one)) ** 2).sum(axis=0))


def smoothed_pca(one: Floats, two: Floats, *, width: float = 2.0, kept: int = 3) -> Floats:
    """Length of the first components of the smoothed difference (after Deng et al. 2008)."""
    difference = np.stack([gaussian_filter(d, width) for d in standardised(two) - standardised(one)])
    flat = difference.reshape(len(difference), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    _, vectors = np.linalg.eigh(np.cov(flat))
    parts = vectors[:, ::-1][:, :kept].T @ flat
    return np.sqrt((parts**2).sum(axis=0)).reshape(one.shape[1:])


def ir_mad(one: Floats, two: Floats, *, steps: int = 30) -> Floats:
    """Iteratively reweighted multivariate alteration detection (Nielsen 2007): the chi-square statistic."""
    bands, shape = len(one), one.shape[1:]
    x, y = (s.reshape(bands, -1) for s in (one, two))
    weight = np.ones(x.shape[1])
    statistic = weight
    for _ in range(steps):
        mean = [(s * weight).sum(axis=1, keepdims=True) / weight.sum() for s in (x, y)]
        u, v = x - mean[0], y - mean[1]
        sxx, syy, sxy = ((p * weight) @ q.T / weight.sum() for p, q in ((u, u), (v, v), (u, v)))
        ridge = 1e-9 * np.trace(sxx) / bands * np.eye(bands)
        values, a = linalg.eigh(sxy @ np.linalg.solve(syy + ridge, sxy.T), sxx + ridge)
        rho = np.sqrt(np.clip(values, 0, 1 - 1e-9))
        b = np.linalg.solve(syy + ridge, sxy.T) @ a / np.maximum(rho, 1e-6)
        mad = a.T @ u - b.T @ v
        statistic = (mad**2 / np.maximum(2 * (1 - rho), 1e-9)[:, None]).sum(axis=0)
        weight = chi2.sf(statistic, bands)
    return statistic.reshape(shape)

"""Many small symmetric systems at once, along the last axis: one loop over bands, none over pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def cholesky(matrices: Floats) -> Floats:
    """Lower factors (band, band, n) of positive definite ones (band, band, n), whose lower half is read."""
    size = len(matrices)
    lower = np.zeros_like(matrices)
    for j in range(size):
        rest = matrices[j:, j] - np.einsum("ikn,kn->in", lower[j:, :j], lower[j, :j])
        lower[j, j] = np.sqrt(rest[0])
        lower[j + 1 :, j] = rest[1:] / lower[j, j]
    return lower


def whitened(lower: Floats, vectors: Floats) -> Floats:
    """``L⁻¹ v`` (band, n): in these coordinates the covariance ``L Lᵀ`` is the identity."""
    out = np.empty_like(vectors)
    for i in range(len(vectors)):
        out[i] = (vectors[i] - np.einsum("kn,kn->n", lower[i, :i], out[:i])) / lower[i, i]
    return out

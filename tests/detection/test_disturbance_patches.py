from __future__ import annotations

import numpy as np
import pytest

from detection.disturbance_patches import EDGE_GAIN, Patch, inner_pixels, shares
from detection.indices import bareness

BANDS = ("blue", "red", "nir", "swir16")
FOREST = (0.022, 0.023, 0.395, 0.192)
BARED = {
    "roof": (0.36, 0.39, 0.395, 0.38),
    "soil": (0.075, 0.14, 0.215, 0.3),
    "spoil": (0.085, 0.115, 0.148, 0.19),
}
INSIDE = np.s_[5:11, 5:11]
EDGE = np.s_[5:11, 11]


def index(spectra: np.ndarray) -> np.ndarray:
    return np.asarray(
        bareness({band: spectra[..., k].astype(np.float32) for k, band in enumerate(BANDS)})[0], float
    )


def departures(bared: tuple[float, ...], part: float) -> np.ndarray:
    """Of a patch whose right-hand column is only partly bared."""
    share = np.zeros((16, 16))
    share[INSIDE], share[EDGE] = 1.0, part
    mixed = share[..., None] * np.array(bared) + (1.0 - share[..., None]) * np.array(FOREST)
    return index(mixed) - index(np.broadcast_to(np.array(FOREST), mixed.shape))


def patch() -> Patch:
    mask = np.zeros((16, 16), bool)
    mask[5:11, 5:12] = True
    return Patch(window=(slice(0, 16), slice(0, 16)), mask=mask)


@pytest.mark.parametrize("kind", BARED)
@pytest.mark.parametrize("part", [0.25, 0.5, 0.75])
def test_the_share_of_an_edge_pixel_is_that_of_its_area(kind: str, part: float) -> None:
    departure, taken = departures(BARED[kind], part), np.zeros((16, 16), bool)
    lighter = np.full((16, 16), sum(BARED[kind]) / sum(FOREST))
    found = shares(patch(), departure, taken, lighter)[EDGE].mean() / EDGE_GAIN
    assert abs(found - part) <= 0.12
    unaware = shares(patch(), departure, taken, np.full((16, 16), np.nan))[EDGE].mean() / EDGE_GAIN
    assert abs(found - part) < abs(unaware - part) or abs(unaware - part) <= 0.05


def test_noise_about_a_patch_adds_nothing() -> None:
    departure = departures(BARED["soil"], 0.5)
    noise = np.random.default_rng(3).normal(0, 0.05, departure.shape)
    around = np.ones((16, 16), bool)
    around[4:12, 4:13] = False
    ring = ~patch().mask & ~around
    lighter = np.ones((16, 16))
    found = shares(patch(), departure + noise, patch().mask, lighter)
    assert found[around].sum() == 0.0
    assert abs(found[ring].sum()) <= 0.7
    assert (found[ring] < 0).any()


def test_the_inside_of_a_thin_patch_is_all_of_it() -> None:
    thin = np.zeros((5, 9), bool)
    thin[2, 1:8] = True
    assert (inner_pixels(thin) == thin).all()
    thick = np.ones((5, 5), bool)
    assert inner_pixels(thick).sum() == 9

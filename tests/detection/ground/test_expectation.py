"""What is expected of pixels of one cover, of two, and of a cover and bare ground in an odd year."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detection.ground.expectation import Covers, fit_expectation, fit_seasons, held_against, season_covers
from detection.ground.params import GroundParams
from detection.ground.series import GroundSeries

TWO = replace(GroundParams().expectation, covers=2)
BARE = GroundParams().bare.ndvi
LEARNT, LOOKS = 75, 100
WOOD, MEADOW, EDGE, TRACK = 0, 700, 1300, 1320
"""First pixels of a wood, a meadow, the wood's edge (half meadow) and a track through it (half bare)."""
SIZE = 1340
DAY = 17167 + np.arange(LOOKS) * 14


def courses():
    """(look, cover) NDVI of wood and meadow; in the fourth year leaves fall five weeks early."""
    early = np.where(DAY[LEARNT] <= DAY, 35.0, 0.0)
    wood = 0.55 + 0.3 * np.cos(2 * np.pi * (DAY + early - 17167 - 200) / 365.25)
    meadow = 0.5 + 0.1 * np.cos(2 * np.pi * (DAY - 17167 - 160) / 365.25)
    return np.stack([wood, meadow], axis=1)


def made():
    rng = np.random.default_rng(4)
    wood, meadow = courses().T
    ndvi = np.empty((LOOKS, SIZE))
    ndvi[:, WOOD:MEADOW] = wood[:, None]
    ndvi[:, MEADOW:EDGE] = meadow[:, None]
    ndvi[:, EDGE:TRACK] = 0.5 * (wood + meadow)[:, None]
    ndvi[:, TRACK:] = 0.5 * (wood + BARE)[:, None]
    index = np.round((ndvi + rng.normal(0, 0.015, ndvi.shape)) / 1e-4).astype(np.int16)[None]
    return GroundSeries(
        index=index, haze=np.zeros(ndvi.shape, np.uint8), day=DAY,
        scene_ids=tuple(f"s{k}" for k in range(LOOKS)), shape=(1, SIZE),
        early=np.full((3, SIZE), np.nan, np.float32),
    )  # fmt: skip


def expected(covers, series):
    """(look, pixel) of the looks that nothing was learnt from."""
    first = series.first(LEARNT)
    sure = np.full(first.index.shape[1:], 255, np.uint8)
    learnt = fit_expectation(first, sure, TWO, covers=covers)
    held = held_against(learnt, series, np.ones(SIZE, bool), TWO)
    g = (held.course[0][:, held.ends] * held.parts).sum(axis=1)
    return (held.beta[0, 0] + g * held.beta[0, 1] + held.terms @ held.beta[0, 2:])[LEARNT:]


@pytest.fixture(scope="module")
def told():
    series = made()
    sure = np.full(series.first(LEARNT).index.shape[1:], 255, np.uint8)
    season, _ = fit_seasons(series.first(LEARNT), sure, TWO)
    return series, season_covers(season, BARE, TWO)


def test_parts_are_those_that_pixels_are_made_of(told):
    _, covers = told
    in_meadow = np.isin(covers.ends, covers.cover[MEADOW:EDGE])
    meadow = (covers.parts * in_meadow).sum(axis=0)
    wood = covers.parts.sum(axis=0) - meadow
    assert np.median(meadow[EDGE:TRACK]) == pytest.approx(0.5, abs=0.1)
    assert np.median(wood[EDGE:TRACK]) == pytest.approx(0.5, abs=0.1)
    assert np.median(wood[TRACK:]) == pytest.approx(0.5, abs=0.1)
    assert np.median(covers.parts[:, TRACK:].sum(axis=0)) == pytest.approx(0.5, abs=0.1)
    assert np.median(covers.parts[:, :EDGE].sum(axis=0)) == pytest.approx(1.0, abs=1e-6)


def test_an_early_autumn_of_the_wood_is_expected_of_its_edge_and_of_its_tracks(told):
    series, covers = told
    wood, meadow = courses()[LEARNT:].T
    alone = Covers(
        covers.cover,
        np.stack([covers.cover, covers.cover]),
        np.stack([np.ones(SIZE), np.zeros(SIZE)]).astype(np.float32),
    )
    error = {}
    for name, those in (("in parts", covers), ("of one cover", alone)):
        fit = expected(those, series)
        error[name] = (
            np.abs(fit[:, EDGE:TRACK] - 0.5 * (wood + meadow)[:, None]).max(axis=0).mean(),
            np.abs(fit[:, TRACK:] - 0.5 * (wood + BARE)[:, None]).max(axis=0).mean(),
        )
    assert max(error["in parts"]) < 0.04
    assert max(error["in parts"]) < 0.5 * min(error["of one cover"])

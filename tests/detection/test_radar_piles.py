"""Radar agrees, disagrees or stays silent where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from detection.radar_piles import AGREE, DISAGREE, SILENT, radar_contrast_db, radar_opinion


@pytest.mark.parametrize(("sign", "verdict"), [(1.0, AGREE), (-1.0, DISAGREE)])
def test_radar_that_moves_with_the_area_agrees(sign: float, verdict: str) -> None:
    rng = np.random.default_rng(0)
    days = np.arange(40) * 10.0
    area = np.linspace(0, 2, 40)
    contrast = sign * area + rng.normal(0, 0.3, 40)
    assert radar_opinion(days, area, days + 2.0, contrast).verdict == verdict


def test_few_or_distant_passes_say_nothing() -> None:
    days, area = np.arange(20) * 10.0, np.linspace(0, 2, 20)
    assert radar_opinion(days, area, days[:5], area[:5]).verdict == SILENT
    assert radar_opinion(days, area, days + 1000.0, area).pairs == 0


def test_contrast_is_the_ratio_in_decibel() -> None:
    gamma0 = np.full((2, 4, 4), 0.1)
    inside = np.zeros((4, 4))
    inside[1:3, 1:3] = 1.0
    gamma0[0, 1:3, 1:3] = 1.0
    gamma0[1] = np.nan
    found = radar_contrast_db(gamma0, inside, 1.0 - inside)
    assert found[0] == pytest.approx(10.0)
    assert np.isnan(found[1])

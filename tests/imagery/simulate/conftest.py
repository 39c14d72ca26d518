from __future__ import annotations

import datetime as dt

import pytest

from imagery.simulate import LandParams, SimulatedSite, SimulationParams, simulate_site

SMALL = SimulationParams(
    size_px=120,
    since=dt.date(2021, 11, 1),
    until=dt.date(2022, 7, 1),
    land=LandParams(villages=1, burn_scars=1),
)


@pytest.fixture(scope="session")
def small() -> SimulatedSite:
    """A small site with both baselines, read only."""
    return simulate_site(SMALL, seed=7)

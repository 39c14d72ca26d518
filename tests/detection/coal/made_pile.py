"""A simulated pile alone on a bare yard, for the tests of coal."""

from __future__ import annotations

import datetime as dt

from imagery.simulate import (
    CoalParams,
    MineParams,
    PilePlan,
    SensorParams,
    SimulatedSite,
    SimulationParams,
    simulate_site,
)


def one_pile(seed: int, since: dt.date, hectares: float, size_px: int) -> SimulatedSite:
    params = SimulationParams(
        size_px=size_px,
        since=dt.date(2018, 6, 1),
        until=dt.date(2019, 10, 1),
        months=(6, 7, 8, 9),
        coal=CoalParams(plans=(PilePlan(areas=((since, hectares),)),)),
        mine=MineParams(active=False),
        sensor=SensorParams(bands=("blue", "green", "red", "nir", "swir16", "swir22")),
    )
    return simulate_site(params, seed=seed)

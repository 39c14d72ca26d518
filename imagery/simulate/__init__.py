"""A camp mine at Sentinel sampling with exact truth, for judging what methods can and cannot see.

Everything that comes out is simulated and says so.
"""

from imagery.simulate.params import (
    TEN_METRE_BANDS,
    CoalParams,
    FieldParams,
    LandParams,
    MaskHabit,
    MineParams,
    PilePlan,
    SensorParams,
    SimulationParams,
    WeatherParams,
    unchanged_site,
)
from imagery.simulate.products import CLEAN_HABITS, CatalogHabits, Habit
from imagery.simulate.simulated import SimulatedSite, simulate_site
from imagery.simulate.truth import SkyTruth, Truth

__all__ = [
    "CLEAN_HABITS",
    "TEN_METRE_BANDS",
    "CatalogHabits",
    "CoalParams",
    "FieldParams",
    "Habit",
    "LandParams",
    "MaskHabit",
    "MineParams",
    "PilePlan",
    "SensorParams",
    "SimulatedSite",
    "SimulationParams",
    "SkyTruth",
    "Truth",
    "WeatherParams",
    "simulate_site",
    "unchanged_site",
]

"""A camp mine at Sentinel sampling with exact truth, for judging what methods can and cannot see.

Everything that comes out is simulated and says so.
"""

from imagery.simulate.params import (
    TEN_METRE_BANDS,
    CoalParams,
    CoalRank,
    FieldParams,
    LandParams,
    MaskHabit,
    MineParams,
    PatchPlan,
    PilePlan,
    PondPlan,
    SensorParams,
    SimulationParams,
    WeatherParams,
    farmed_site,
    unchanged_site,
    with_conditions,
)
from imagery.simulate.products import CLEAN_HABITS, CatalogHabits, Habit
from imagery.simulate.simulated import SimulatedSite, simulate_site
from imagery.simulate.spectra import measured_materials, measured_spectra
from imagery.simulate.truth import SkyTruth, Truth

__all__ = [
    "CLEAN_HABITS",
    "TEN_METRE_BANDS",
    "CatalogHabits",
    "CoalParams",
    "CoalRank",
    "FieldParams",
    "Habit",
    "LandParams",
    "MaskHabit",
    "MineParams",
    "PatchPlan",
    "PilePlan",
    "PondPlan",
    "SensorParams",
    "SimulatedSite",
    "SimulationParams",
    "SkyTruth",
    "Truth",
    "WeatherParams",
    "farmed_site",
    "measured_materials",
    "measured_spectra",
    "simulate_site",
    "unchanged_site",
    "with_conditions",
]

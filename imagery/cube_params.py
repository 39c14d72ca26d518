"""Knobs of the cube; saved in its attributes."""

from __future__ import annotations

from dataclasses import dataclass, field

from imagery.bands import OPTICAL_BANDS
from imagery.cube_reference import ReferenceParams
from imagery.masks import MaskParams
from imagery.radiometry import NormaliseParams
from imagery.terrain import TerrainParams


@dataclass(frozen=True, slots=True, kw_only=True)
class CubeParams:
    """How scenes become a cube."""

    bands: tuple[str, ...] = OPTICAL_BANDS
    """Bands to load; what no product has is left out."""
    min_valid_fraction: float = 0.02
    """Scenes with less to see are kept as unusable."""
    register: bool = True
    """Measure and correct each scene's shift."""
    use_history: bool = True
    """Hold masks against the season's usual brightness."""
    masks: MaskParams = field(default_factory=MaskParams)
    reference: ReferenceParams = field(default_factory=ReferenceParams)
    normalise: NormaliseParams = field(default_factory=NormaliseParams)
    terrain: TerrainParams = field(default_factory=TerrainParams)
    """Used where a DEM is given."""

"""One look for all formats: colours by layer, colour-blind safe (Okabe and Ito 2008)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
GREY = "#7F7F7F"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerStyle:
    """Outline and filling of one layer."""

    line: str
    """#RRGGBB."""
    width_mm: float = 0.5
    fill_opacity: float = 0.0
    dashed: bool = False

    def rgb(self) -> tuple[int, int, int]:
        """The line's colour, 0 to 255."""
        return int(self.line[1:3], 16), int(self.line[3:5], 16), int(self.line[5:7], 16)


STYLES: Mapping[str, LayerStyle] = MappingProxyType(
    {
        "sites": LayerStyle(line=GREY, width_mm=0.4, dashed=True),
        "boundaries": LayerStyle(line=VERMILION, width_mm=0.8),
        "zones": LayerStyle(line=BLUE, width_mm=0.5),
        "points": LayerStyle(line=BLACK, width_mm=0.5, fill_opacity=1.0),
        "footprints": LayerStyle(line=ORANGE, width_mm=0.3, fill_opacity=0.35),
        "disturbances": LayerStyle(line=PURPLE, width_mm=0.6, fill_opacity=0.25),
        "ground_changes": LayerStyle(line=PURPLE, width_mm=0.3, fill_opacity=0.1, dashed=True),
        "stockpiles": LayerStyle(line=BLACK, width_mm=0.4, fill_opacity=0.4),
        "boundary_changes": LayerStyle(line=GREEN, width_mm=0.5, fill_opacity=0.3),
        "manual_observations": LayerStyle(line=SKY, width_mm=0.5),
    }
)
"""By layer with geometry."""

"""What was seen: sources, archive, masks, registration, cubes, simulator.

The public names; they load when they are first asked for (PEP 562). What is not here may move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from imagery.archive.store import Archive
    from imagery.cube.loading import load_cube
    from imagery.simulate import SimulationParams, simulate_site


__all__ = ["Archive", "SimulationParams", "load_cube", "simulate_site"]
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "archive.store": ["Archive"],
        "cube.loading": ["load_cube"],
        "simulate": ["SimulationParams", "simulate_site"],
    },
)

"""What the estimate of coal fractions takes and gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class FractionParams:
    """Knobs of the fraction, chosen on painted layouts that are not used for judging."""

    rank: int = 6
    """Loadings per pixel. Assumed."""
    rounds: int = 3
    """Turns of background, fraction and spectrum. Assumed."""
    own_spectrum: bool = True
    """Whether the cores of piles say what coal looks like here; in a search rivers may be among them."""
    came_alone: bool = False
    """Whether coal that came is taken for all the coal there is, and what was there before for free of it: in
    found ground that lies alone, where wet ground of another year would else pass for more of it."""
    controls: int = 2500
    """Coal-free pixels that the background is fitted to."""
    temper: float = 0.3
    """Share of a look's information that counts: residuals of one pixel resemble each other. Assumed."""
    neighbours_px: float = 4.0
    """Distance over which loadings of neighbours tell about a pixel. Assumed."""
    haze_px: float = 6.0
    """Distance over which residuals of one date are smooth. Assumed."""
    free_below: float = 0.2
    """Smoothed fraction under which a look counts as coal-free. Assumed."""
    sure_above: float = 0.6
    """Smoothed fraction above which a look counts as coal at once. Assumed."""
    spell_days: float = 120.0
    """Over how long a lower fraction must last to count as coal: ground is wet for weeks. Assumed."""
    partly_below: float = 0.4
    """Smoothed fraction above which a look no longer speaks of the ground below: it would confirm itself.
    Assumed."""
    steadiness: float = 0.1
    """How far a fraction moves between neighbouring looks, one standard deviation. Assumed."""
    tau_days: float = 25.0
    """Over how long neighbouring looks count for that. Assumed."""
    texture: float = 0.03
    """How far one band of one pile's coal differs from the site's, relative. Assumed."""
    brightness: float = 0.1
    """How far the coal of one pile is brighter or darker as a whole, relative: wet, dusty, lit otherwise.
    Assumed."""
    widening: float = 1.5
    """Factor on the spread of loadings between neighbours: piles stand on unusual ground. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A piece of ground with everything that was seen of it."""

    pixels: Floats
    """(time, y, x, band) reflectance, NaN where missing."""
    seen: Bools
    """(time, y, x) clear and free of snow."""
    suspect: Bools
    """(y, x) where coal may lie."""
    days: Floats
    """(time,) days since any epoch."""
    bands: tuple[str, ...]
    """Names of the bands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fractions:
    """Coal fractions of one block."""

    value: Floats
    """(time, y, x) unclipped, NaN where not suspect or not seen."""
    variance: Floats
    """(time, y, x)."""
    misfit: Floats
    """(time, y, x) mean square of what the mixture leaves, in its own standard deviations."""
    usable: Bools
    """(time,) dates with enough coal-free ground."""
    control_sd: Floats
    """(time,) robust spread of the same estimate over coal-free pixels."""
    spectrum: Floats
    """(band,) the site's coal."""
    relative_sd: Floats
    """(time,) error of every fraction from what is unknown of the spectrum, relative."""
    contrast: float
    """Infrared of the ground below over that of coal: about 2 on bare yards, 4 and more on plants."""
    core_looks: int
    """Looks at pixels full of coal that the spectrum was learned from."""

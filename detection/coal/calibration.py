"""A site's own coal spectrum, from zones that a user marks as coal."""

from __future__ import annotations

import hashlib

import numpy as np
import xarray as xr

from aoi.records import Site, ZoneKind
from detection.coal.coverage import coverage
from detection.coal.site_blocks import bands_of
from detection.coal.spectra import CoalSpectrum
from evidence.errors import MeasurementError

WHOLE = 0.99
"""Coverage from which a pixel lies inside a zone; pixels on its edge are mixed with other ground."""
FEWEST_DATES = 3


def calibrate_spectrum(cube: xr.Dataset, site: Site) -> CoalSpectrum:
    """Median spectrum of the pixels inside the site's `coal_reference` zones, and how far dates differ.

    Args:
        cube: (time, y, x) of the site that holds the zones.
        site: with at least one zone of kind `coal_reference`.

    Returns:
        a spectrum whose id carries a digest of its numbers: another calibration has another id.

    Raises:
        MeasurementError: where there is no such zone, or fewer than three dates show it.
    """
    bands = bands_of(cube)
    inside = np.zeros(cube.odc.geobox.shape, dtype=bool)
    for zone in site.zones_of(ZoneKind.COAL_REFERENCE):
        inside |= coverage(zone.geometry, cube.odc.geobox) > WHOLE
    if not inside.any():
        raise MeasurementError(f"site {site.id}: no coal_reference zone holds a whole pixel")
    valid = cube["valid"].values[:, inside]
    if "snow" in cube:
        valid &= ~cube["snow"].values[:, inside]
    pixels = np.stack([cube[band].values[:, inside].astype(np.float64) for band in bands], axis=-1)
    pixels[~valid] = np.nan
    dates = np.flatnonzero(np.isfinite(pixels).all(axis=2).mean(axis=1) > 0.5)  # noqa: PLR2004 - most of it
    if len(dates) < FEWEST_DATES:
        raise MeasurementError(f"site {site.id}: {len(dates)} dates show the coal_reference zones, not 3")
    looks = np.nanmedian(pixels[dates], axis=1)
    mean = np.median(looks, axis=0)
    spread = 1.4826 * np.median(np.abs(looks - mean), axis=0)
    sd = np.maximum(spread, 0.05 * mean + 0.002)
    digest = hashlib.sha256(np.round(np.r_[mean, sd], 5).tobytes()).hexdigest()[:8]
    return CoalSpectrum(
        id=f"{site.id}-{digest}",
        bands=bands,
        mean=tuple(float(v) for v in mean),
        sd=tuple(float(v) for v in sd),
        calibrated=True,
    )

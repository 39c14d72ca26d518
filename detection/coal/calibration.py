"""A site's own coal spectrum, from zones that a user marks as coal."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from aoi.pixels import coverage
from aoi.records import Site, Zone, ZoneKind
from detection.coal.blocks import WHOLE, bands_of
from detection.coal.spectra import CoalSpectrum
from evidence.errors import MeasurementError
from imagery.robust import MAD_TO_SD

RELATIVE_SD, LEAST_SD = 0.05, 0.002
"""Least standard deviation of marked coal: share of its reflectance, and reflectance. Assumed."""
CORRELATION = 0.8
"""Between bands where a site file does not say. Assumed."""
DECIMALS = 6
"""Of reflectance in a site file. A choice of notation."""

FEWEST_DATES = 3
"""Dates that must show marked coal, under which it is not calibrated. Assumed."""
PROPERTY = "coal_spectrum"
"""Where a site file keeps the site's spectrum, among its extra properties: it is part of what is measured."""


def spectrum_document(coal: CoalSpectrum) -> dict[str, Any]:
    """The spectrum as a site file keeps it."""
    return {
        "id": coal.id,
        "bands": list(coal.bands),
        "mean": [round(value, DECIMALS) for value in coal.mean],
        "sd": [round(value, DECIMALS) for value in coal.sd],
        "correlation": coal.correlation,
        "documented": coal.documented,
    } | ({} if coal.measured_at is None else {"measured_at": coal.measured_at})


def spectrum_of(site: Site) -> CoalSpectrum | None:
    """The spectrum that the site file keeps; None where it was never calibrated.

    Raises:
        MeasurementError: where what it keeps is no spectrum.
    """
    told = site.extra.get(PROPERTY)
    if told is None:
        return None
    if not isinstance(told, Mapping):
        raise MeasurementError(f"site {site.id}: {PROPERTY} is no object")
    try:
        bands = tuple(str(band) for band in told["bands"])
        mean, sd = (tuple(float(value) for value in told[name]) for name in ("mean", "sd"))
        known = str(told["id"]), float(told.get("correlation", CORRELATION))
    except (KeyError, TypeError, ValueError) as error:
        raise MeasurementError(f"site {site.id}: {PROPERTY} cannot be read ({error})") from error
    if not (len(bands) == len(mean) == len(sd) > 2 and all(0.0 < value < 1.0 for value in mean + sd)):  # noqa: PLR2004 - fewer bands tell nothing
        raise MeasurementError(f"site {site.id}: {PROPERTY} has not one mean and sd in 0..1 for each band")
    if not 0.0 <= known[1] < 1.0:
        raise MeasurementError(f"site {site.id}: {PROPERTY} has a correlation of {known[1]}")
    return CoalSpectrum(
        id=known[0],
        bands=bands,
        mean=mean,
        sd=sd,
        correlation=known[1],
        calibrated=True,
        measured_at=None if told.get("measured_at") is None else str(told["measured_at"]),
        documented=told.get("documented") is True,
    )


def identity_documented(coal: CoalSpectrum, site: Site, subject: str) -> bool:
    """Whether a calibration says what a zone's dark ground is, and not only how large it is.

    A zone that was calibrated on itself would confirm itself: that supports size and change, not presence.
    And marked coal counts only where somebody saw it: on a named image of a metre or finer, by two reviewers.

    Args:
        coal: spectrum of the marked coal.
        site: that is measured.
        subject: id of a zone of it, or of found ground.
    """
    if not coal.documented:
        return False
    if coal.measured_at not in (None, site.id):
        return True
    own = next((zone.geometry for zone in site.zones if zone.id == subject), None)
    marked = site.zones_of(ZoneKind.COAL_REFERENCE)
    return bool(marked) and (own is None or not any(own.intersects(zone.geometry) for zone in marked))


FINEST_IMAGE_M = 1.0
"""Pixels of an image, m, on which a pile can be told from a roof. Assumed."""
REVIEWERS = 2
"""People who must agree that marked ground is coal. A choice of protocol."""


def is_documented(zone: Zone) -> bool:
    """Whether a `coal_reference` names the image it was marked on, fine enough, and two reviewers."""
    image, reviewers = zone.extra.get("image"), zone.extra.get("reviewers")
    if not isinstance(image, Mapping) or not isinstance(reviewers, Sequence) or isinstance(reviewers, str):
        return False
    try:
        fine = 0.0 < float(image["resolution_m"]) <= FINEST_IMAGE_M
    except (KeyError, TypeError, ValueError):
        return False
    named = all(str(image.get(name) or "").strip() for name in ("provider", "id", "date"))
    return named and fine and len({str(one).strip() for one in reviewers} - {""}) >= REVIEWERS


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
    marked = site.zones_of(ZoneKind.COAL_REFERENCE)
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
    spread = MAD_TO_SD * np.median(np.abs(looks - mean), axis=0)
    sd = np.maximum(spread, RELATIVE_SD * mean + LEAST_SD)
    digest = hashlib.sha256(np.round(np.r_[mean, sd], 5).tobytes()).hexdigest()[:8]
    return CoalSpectrum(
        id=f"{site.id}-{digest}",
        bands=bands,
        mean=tuple(float(v) for v in mean),
        sd=tuple(float(v) for v in sd),
        calibrated=True,
        measured_at=site.id,
        documented=all(is_documented(zone) for zone in marked),
    )

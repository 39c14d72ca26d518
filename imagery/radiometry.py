"""From digital numbers to reflectance: scale and offset, verified from pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DigitalNumbers = NDArray[np.integer[Any]]

BOA_OFFSET = -0.1
"""What baselines from 04.00 on add to digital numbers, as reflectance (BOA_ADD_OFFSET -1000, scale 1e-4)."""

OFFSET_BASELINE = (4, 0)
"""First processing baseline that carries the offset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetDecision:
    """What to add to ``DN * scale``, or None where it cannot be decided, and why."""

    value: float | None
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetParams:
    """Bounds of the pixel test; digital numbers at scale 1e-4."""

    floor_dn: float = 950.0
    """A scene that carries +1000 has next to nothing below it (it would be a reflectance under -0.005)."""
    floor_share: float = 0.002
    """More than this share below the floor is not noise."""
    dark_dn: float = 1700.0
    """A dark percentile above this is cloud, snow or haze and says nothing about the offset."""


def reflectance_offset(
    properties: Mapping[str, Any],
    offset_from_metadata: float | None,
    pixels: Mapping[str, DigitalNumbers],
    *,
    baseline: str | None = None,
    params: OffsetParams | None = None,
) -> OffsetDecision:
    """Decide a product's offset from its metadata, then verify it from its pixels.

    Args:
        properties: the item's STAC properties.
        offset_from_metadata: as the asset states it, or None.
        pixels: digital numbers of valid pixels by band; the darkest band decides.
        baseline: processing baseline, where known.
        params: bounds of the test.
    """
    params = params or OffsetParams()
    stated = _stated(properties, offset_from_metadata, baseline)
    seen = _from_pixels(pixels, params)
    if seen is None:
        return stated if stated.value is not None else OffsetDecision(value=None, evidence=stated.evidence)
    if stated.value is None or stated.value == seen.value:
        return OffsetDecision(value=seen.value, evidence=f"{stated.evidence}; {seen.evidence}")
    return OffsetDecision(value=seen.value, evidence=f"{stated.evidence}, overruled: {seen.evidence}")


def _stated(properties: Mapping[str, Any], offset: float | None, baseline: str | None) -> OffsetDecision:
    if properties.get("earthsearch:boa_offset_applied") is True:
        return OffsetDecision(value=0.0, evidence="metadata: offset already applied")
    carries = _carries_offset(baseline)
    if carries is False:
        return OffsetDecision(value=0.0, evidence=f"baseline {baseline} has no offset")
    if offset is not None and (offset != 0.0) == bool(carries):
        return OffsetDecision(value=offset, evidence=f"metadata and baseline {baseline} agree on {offset:g}")
    if carries is None:
        return OffsetDecision(value=offset, evidence=f"baseline unknown, metadata say {offset}")
    return OffsetDecision(
        value=None, evidence=f"metadata say {offset}, baseline {baseline} says {BOA_OFFSET}"
    )


def _carries_offset(baseline: str | None) -> bool | None:
    try:
        major, minor = (int(part) for part in (baseline or "").split(".")[:2])
    except ValueError:
        return None
    if major == 99:  # noqa: PLR2004 - ESA's reprocessing campaigns before Collection-1 carry no order
        return None
    return (major, minor) >= OFFSET_BASELINE


def _from_pixels(pixels: Mapping[str, DigitalNumbers], params: OffsetParams) -> OffsetDecision | None:
    """What the darkest band says; None where the scene is too bright to say anything."""
    seen = {band: dn[dn > 0] for band, dn in pixels.items()}
    seen = {band: dn for band, dn in seen.items() if dn.size}
    if not seen:
        return None
    below = max(float(np.mean(dn < params.floor_dn)) for dn in seen.values())
    if below > params.floor_share:
        return OffsetDecision(value=0.0, evidence=f"{below:.1%} of pixels below DN {params.floor_dn:.0f}")
    dark = min(float(np.percentile(dn, 1)) for dn in seen.values())
    if dark < params.dark_dn:
        return OffsetDecision(
            value=BOA_OFFSET, evidence=f"dark pixels at DN {dark:.0f}, none below the floor"
        )
    return None

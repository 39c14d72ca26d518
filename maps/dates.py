"""The looks of a cube as the page lists them: date, status, quality, pictures."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np
import shapely
import xarray as xr
from shapely.geometry.base import BaseGeometry

from detection.boundary.records import BOUNDARY_CHANGES, BoundaryChange
from detection.coal.records import STOCKPILE_AREAS, STOCKPILES, StockpileArea
from detection.ground.records import DISTURBANCES
from detection.pairs.looks import Finding, LookChoice, LookPair, event_span, straddling_pair
from evidence.record_reading import read_record
from imagery.cube.observations import sensing_time, told_of_looks
from maps import composites
from maps.images import PicturePlan, geobox_of, window_slices
from maps.payload import Payload
from maps.pictures import PictureStore, look_pictures
from maps.records import ImageRule, SiteMapData

PAIR_MARGIN_M = 150.0
"""Ground around a finding that has to be clear for a look to show it."""
NUMBERS = {
    "valid_fraction": "valid",
    "snow_fraction": "snow",
    "dx_m": "dx_m",
    "dy_m": "dy_m",
    "residual_px": "residual_px",
    "relative_orbit": "orbit",
    "sun_elevation_deg": "sun_elevation",
}
TEXTS = {
    "scene_id": "scene",
    "platform": "platform",
    "baseline": "baseline",
    "status": "status",
    "detail": "detail",
    "offset_applied": "offset",
}


def _facts(told: Mapping[str, np.ndarray[Any, Any]], time: int) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for source, target in NUMBERS.items():
        if source in told:
            value = float(told[source][time])
            facts[target] = round(value, 4) if math.isfinite(value) else None
    facts |= {target: str(told[source][time]) for source, target in TEXTS.items() if source in told}
    return facts


def _seen(cube: xr.Dataset) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(cube["valid"].mean(dim=("y", "x")).values, dtype=np.float64)


def list_dates(
    cube: xr.Dataset,
    plan: PicturePlan,
    payload: Payload,
    store: PictureStore,
    rule: ImageRule,
    *,
    drawn: MutableMapping[str, bytes] | None = None,
) -> tuple[list[dict[str, Any]], dict[str, composites.Stretch]]:
    """Draw every look, newest first so that the page's budget goes to it; returned oldest first.

    Args:
        cube: the looks.
        plan: which are native and which are thinned.
        payload: how moments are told.
        store: where pictures go.
        rule: of the images.
        drawn: pictures of earlier maps; extended.
    """
    stretches = {b.id: composites.common_stretch(cube, b) for b in composites.available(cube)}
    seen, told = _seen(cube), told_of_looks(cube)
    times = cube["time"].values
    entries = []
    for time in sorted(plan.picture_times, reverse=True):
        before = composites.season_looks(times, seen, time) if seen[time] >= rule.min_valid_fraction else []
        entry = {
            **payload.moment(sensing_time(times[time])),
            "valid": round(float(seen[time]), 4),
            "status": "used" if seen[time] > 0 else "unusable",
            **_facts(told, time),
            "compared": before,
            "pictures": {"true": [], "false": [], "change": [], "mask": []},
        }
        pictures = look_pictures(cube, time, plan, stretches=stretches, before=before, drawn=drawn)
        copied = {picture.view for picture in pictures if picture.role == "copy"}
        for picture in pictures:
            spare = picture.view == "change" or (picture.role == "native" and picture.view in copied)
            told_of = store.add(picture, spare=spare)
            if told_of is not None:
                entry["pictures"][picture.view].append(told_of)
        entries.append(entry)
    return entries[::-1], stretches


def finding_pairs(
    cube: xr.Dataset, plan: PicturePlan, entries: Sequence[Mapping[str, Any]], data: SiteMapData
) -> dict[str, dict[str, Any]]:
    """The two dates on either side of each finding, by kind and id; or why there are none.

    Args:
        cube: the looks.
        plan: whose picture times are `entries`, oldest first.
        entries: the page's dates.
        data: the findings.
    """
    shown = _shown_findings(data)
    geobox = geobox_of(cube)
    windows = {
        key: window_slices(geobox, shape, margin_m=PAIR_MARGIN_M)
        for key, (_, shape) in shown.items()
        if shape is not None and not shape.is_empty
    }
    used = [i for i, entry in enumerate(entries) if entry["status"] == "used"]
    shares: dict[str, list[float]] = {key: [] for key in windows}
    times = sorted(plan.picture_times)
    for i in used:
        valid = np.asarray(cube["valid"].isel(time=times[i]).values)
        for key, (rows, columns) in windows.items():
            shares[key].append(float(valid[rows, columns].mean()))
    return {
        key: _pair(straddling_pair(_choices(entries, used, shares.get(key)), event_span(found, data.site)))
        for key, (found, _) in shown.items()
    }


def _shown_findings(data: SiteMapData) -> dict[str, tuple[Finding, BaseGeometry | None]]:
    """What has a card with pictures: by kind and id, the newest record of each and where it lies."""
    shown: dict[str, tuple[Finding, BaseGeometry | None]] = {}
    zones = {zone.id: zone.geometry for zone in data.site.zones}
    for spec in (DISTURBANCES, STOCKPILES, STOCKPILE_AREAS, BOUNDARY_CHANGES):
        for row in sorted(data.rows.get(spec.name, ()), key=lambda row: row.time):
            found: Finding = read_record(spec.record, row)
            if isinstance(found, StockpileArea):
                if found.area_ha.value is not None and found.zone_id in zones:
                    shown[f"zone:{row.subject}"] = (found, zones[found.zone_id])
                continue
            kind = "change" if isinstance(found, BoundaryChange) else str(spec.reviewed_as)
            shape = None if row.geometry is None else shapely.from_wkb(row.geometry)
            shown[f"{kind}:{row.subject}"] = (found, shape)
    return shown


def _choices(
    entries: Sequence[Mapping[str, Any]], used: Sequence[int], shares: Sequence[float] | None
) -> list[LookChoice]:
    return [
        LookChoice(
            scene_id=str(i),
            datetime=dt.datetime.fromisoformat(entries[i]["utc"]),
            local_date=str(entries[i]["local"])[:10],
            valid_fraction=float(entries[i]["valid"]) if shares is None else shares[k],
            snow_fraction=float(entries[i].get("snow") or 0.0),
        )
        for k, i in enumerate(used)
    ]


def _pair(pair: LookPair) -> dict[str, Any]:
    if pair.looks is None:
        return {"refused": pair.code, "why": pair.refused}
    before, after = pair.looks
    return {"before": int(before.scene_id), "after": int(after.scene_id)}

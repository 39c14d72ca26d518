"""Where the sun stands, for scenes whose metadata do not say.

The low-precision solar coordinates of the Astronomical Almanac (1950-2050, within 0.01 degree), which is a
hundred times finer than a shadow's edge on a 10 m pixel needs.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from evidence.hashing import sha256_json
from imagery.records import ArchivedProduct
from imagery.scenes import group_passes, platform_of, scene_id

_J2000 = dt.datetime(2000, 1, 1, 12, tzinfo=dt.UTC)


def sun_position(time: dt.datetime, lon_deg: float, lat_deg: float) -> tuple[float, float]:
    """Elevation and azimuth of the sun, degrees, without refraction (Astronomical Almanac, low precision).

    Args:
        time: UTC.
        lon_deg: east.
        lat_deg: north.

    Returns:
        Elevation above the horizon, azimuth clockwise from north.
    """
    days = (time - _J2000).total_seconds() / 86400.0
    declination, right_ascension = _equatorial(days)
    sidereal_deg = (280.46062 + 360.98564737 * days + lon_deg) % 360.0
    hour_angle = math.radians(sidereal_deg) - right_ascension
    return _horizontal(hour_angle, declination, math.radians(lat_deg))


def _equatorial(days: float) -> tuple[float, float]:
    """Declination and right ascension in radians, `days` after J2000."""
    mean_longitude = math.radians((280.460 + 0.9856474 * days) % 360.0)
    anomaly = math.radians((357.528 + 0.9856003 * days) % 360.0)
    longitude = mean_longitude + math.radians(1.915 * math.sin(anomaly) + 0.020 * math.sin(2.0 * anomaly))
    obliquity = math.radians(23.439 - 0.0000004 * days)
    declination = math.asin(math.sin(obliquity) * math.sin(longitude))
    return declination, math.atan2(math.cos(obliquity) * math.sin(longitude), math.cos(longitude))


def _horizontal(hour_angle: float, declination: float, latitude: float) -> tuple[float, float]:
    up = math.sin(latitude) * math.sin(declination)
    up += math.cos(latitude) * math.cos(declination) * math.cos(hour_angle)
    east = -math.cos(declination) * math.sin(hour_angle)
    north = math.cos(latitude) * math.sin(declination)
    north -= math.sin(latitude) * math.cos(declination) * math.cos(hour_angle)
    elevation = math.degrees(math.asin(max(-1.0, min(1.0, up))))
    return elevation, math.degrees(math.atan2(east, north)) % 360.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedScene:
    """Everything the archive holds of one pass of one platform."""

    id: str
    platform: str
    datetime: dt.datetime
    """Earliest sensing time, UTC."""
    products: tuple[ArchivedProduct, ...]

    @property
    def relative_orbit(self) -> int | None:
        """The first relative orbit that a product states."""
        return next((p.relative_orbit for p in self.products if p.relative_orbit is not None), None)

    @property
    def baseline(self) -> str:
        """Processing baselines of the products, joined where they differ."""
        return "+".join(sorted({p.baseline for p in self.products if p.baseline}))

    @property
    def digest(self) -> str:
        """Of the scene's identity and the bytes of every band."""
        files = [
            sorted((band, p.sha256.get(band, str(path))) for band, path in p.bands.items())
            for p in self.products
        ]
        return sha256_json([self.id, files])


def group_archived(products: Iterable[ArchivedProduct]) -> list[ArchivedScene]:
    """Scenes in order of time; products in the order of their ids."""
    return [
        ArchivedScene(
            id=scene_id(group),
            platform=platform_of(group),
            datetime=group[0].datetime,
            products=tuple(sorted(group, key=lambda p: p.id)),
        )
        for group in group_passes(products)
    ]


def sun_angles(scene: ArchivedScene, lon_deg: float, lat_deg: float) -> tuple[float, float]:
    """Sun elevation and azimuth in degrees: as the metadata say, else computed from time and place."""
    for product in scene.products:
        stated = _stated_sun(product.properties)
        if stated is not None:
            return stated
    return sun_position(scene.datetime, lon_deg, lat_deg)


def _stated_sun(properties: Mapping[str, Any]) -> tuple[float, float] | None:
    elevation, azimuth = properties.get("view:sun_elevation"), properties.get("view:sun_azimuth")
    zenith = properties.get("s2:mean_solar_zenith")
    if elevation is None and zenith is not None:
        elevation, azimuth = 90.0 - float(zenith), properties.get("s2:mean_solar_azimuth", azimuth)
    if elevation is None or azimuth is None:
        return None
    return float(elevation), float(azimuth)

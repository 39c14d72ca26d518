"""Where the sun stands, for scenes whose metadata do not say.

The low-precision solar coordinates of the Astronomical Almanac (1950-2050, within 0.01 degree), which is a
hundred times finer than a shadow's edge on a 10 m pixel needs.
"""

from __future__ import annotations

import datetime as dt
import math

_J2000 = dt.datetime(2000, 1, 1, 12, tzinfo=dt.UTC)


def sun_position(time: dt.datetime, lon_deg: float, lat_deg: float) -> tuple[float, float]:
    """Elevation and azimuth (clockwise from north) of the sun in degrees, without refraction."""
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

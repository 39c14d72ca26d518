"""Which archived products are one look, and where the sun stood."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from evidence.hashing import sha256_json
from imagery.records import ArchivedProduct
from imagery.scenes import group_passes, platform_of, scene_id
from imagery.sun import sun_position


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

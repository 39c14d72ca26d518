"""Which archived products are one look: one platform, one pass over the site."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imagery.records import ArchivedProduct
from imagery.sun import sun_position

SAME_PASS = dt.timedelta(minutes=10)
"""Tiles of one pass over one site are sensed within a minute; a platform is back after 99."""


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


def group_archived(products: Iterable[ArchivedProduct]) -> list[ArchivedScene]:
    """Scenes in order of time; products in the order of their ids."""
    scenes: list[list[ArchivedProduct]] = []
    last: dict[str, list[ArchivedProduct]] = {}
    for product in sorted(products, key=lambda p: (p.datetime, p.id)):
        open_scene = last.get(product.platform)
        if open_scene is not None and product.datetime - open_scene[0].datetime <= SAME_PASS:
            open_scene.append(product)
            continue
        last[product.platform] = [product]
        scenes.append(last[product.platform])
    return [_scene(group) for group in scenes]


def _scene(group: Sequence[ArchivedProduct]) -> ArchivedScene:
    first = group[0]
    identity = next((p.datatake for p in group if p.datatake), None) or f"{first.datetime:%Y%m%dT%H%M%S}"
    return ArchivedScene(
        id=f"{first.platform}_{identity}",
        platform=first.platform,
        datetime=first.datetime,
        products=tuple(sorted(group, key=lambda p: p.id)),
    )


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

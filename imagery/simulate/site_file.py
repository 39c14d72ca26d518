"""Writes a simulated site as a site file: GeoJSON with roles, as analysts bring them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from aoi.records import Boundary, Site, Zone
from imagery.simulate.catalog import write_json


def write_site_file(site: Site, path: Path) -> Path:
    """Write `site` to `path`; returns the path."""
    features = [_feature(site.aoi, _aoi_properties(site))]
    features += [_feature(boundary.geometry, _boundary_properties(boundary)) for boundary in site.boundaries]
    features += [_feature(zone.geometry, _zone_properties(zone)) for zone in site.zones]
    write_json(path, {"type": "FeatureCollection", "features": features})
    return path


def _feature(geometry: BaseGeometry, properties: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in properties.items() if value is not None}
    return {"type": "Feature", "properties": kept, "geometry": mapping(geometry)}


def _aoi_properties(site: Site) -> dict[str, Any]:
    return {
        "role": "aoi",
        "id": site.id,
        "name": site.name,
        "kind": site.kind,
        "status": site.status,
        "source": site.source,
        "note": site.note,
        "sensitivity": site.sensitivity.value,
    }


def _boundary_properties(boundary: Boundary) -> dict[str, Any]:
    image = boundary.image
    return {
        "role": "boundary",
        "boundary_id": boundary.boundary_id,
        "valid_from": boundary.valid_from,
        "valid_to": boundary.valid_to,
        "extent": boundary.extent.value,
        "source": boundary.source,
        "image": None
        if image is None
        else {
            "provider": image.provider,
            "id": image.id,
            "date": image.date,
            "resolution": image.resolution_m,
        },
        "accuracy_m": boundary.accuracy_m,
        "accuracy_kind": boundary.accuracy_kind,
        "basis": boundary.basis,
        "digitised_by": boundary.digitised_by,
        "note": boundary.note,
        "sensitivity": boundary.sensitivity.value,
    }


def _zone_properties(zone: Zone) -> dict[str, Any]:
    return {
        "role": "zone",
        "id": zone.id,
        "kind": zone.kind.value,
        "name": zone.name,
        "sensitivity": zone.sensitivity.value,
    }

"""Schemas of the STAC extensions that the archive uses, registered with pystac, which would fetch them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pystac.validation
from pystac.validation.stac_validator import JsonSchemaSTACValidator

from imagery.archive.items import EXTENSIONS

COMMON_NAMES = [
    *("blue", "green", "red", "nir", "nir08", "swir16", "swir22", "rededge071", "rededge075", "rededge078"),
]
ASSET_RULES: dict[str, dict[str, Any]] = {
    "eo": {
        "bands": {
            "type": "array",
            "items": {"properties": {"eo:common_name": {"enum": COMMON_NAMES}, "name": {"type": "string"}}},
        }
    },
    "file": {
        "file:checksum": {"type": "string", "pattern": "^1220[0-9a-f]{64}$"},
        "file:size": {"type": "integer", "minimum": 1},
    },
    "projection": {
        "proj:shape": {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "integer"}},
        "proj:transform": {"type": "array", "minItems": 6, "maxItems": 9, "items": {"type": "number"}},
    },
    "raster": {"raster:scale": {"type": "number"}, "raster:offset": {"type": "number"}},
    "version": {},
}
"""What the extensions ask of an asset, as far as the archive uses them; written from their texts."""
PROPERTY_RULES: dict[str, dict[str, Any]] = {
    "projection": {
        "proj:code": {"type": ["string", "null"], "pattern": "^[A-Z]+:[0-9]+$"},
        "proj:epsg": False,
    },
    "version": {"version": {"type": "string"}, "deprecated": {"type": "boolean"}},
    "eo": {"eo:cloud_cover": {"type": "number", "minimum": 0, "maximum": 100}},
}


def schema_of(uri: str) -> dict[str, Any]:
    name = uri.split("/")[3]
    required = {"projection": ["proj:code"], "version": ["version"]}.get(name, [])
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": f"{uri}#",
        "type": "object",
        "properties": {
            "stac_extensions": {"contains": {"const": uri}},
            "properties": {"properties": PROPERTY_RULES.get(name, {}), "required": required},
            "assets": {"additionalProperties": {"properties": ASSET_RULES[name]}},
        },
    }


@contextmanager
def registered() -> Iterator[None]:
    """Inside, pystac validates against these."""
    validator = JsonSchemaSTACValidator()
    for uri in EXTENSIONS:
        validator.schema_cache[uri] = schema_of(uri)
    previous = pystac.validation.RegisteredValidator.get_validator()
    pystac.validation.set_validator(validator)
    try:
        yield
    finally:
        pystac.validation.set_validator(previous)

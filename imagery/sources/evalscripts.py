"""The scripts that Sentinel Hub runs: source numbers of one tile of one pass, nothing computed from them."""

from __future__ import annotations

import json
from collections.abc import Sequence

MASK = "dataMask"
"""1 where the tile was seen; free of charge."""


def optical_script(bands: Sequence[str], keys: Sequence[str]) -> str:
    """Digital numbers of Sentinel-2 bands (B02 … SCL, CLP) as 16 bit, 0 where nothing was seen.

    Args:
        bands: as Sentinel Hub names them, dataMask among them or not.
        keys: the tile's data path holds one of these.
    """
    return _script(bands, keys, units="DN", sample="UINT16")


def radar_script(bands: Sequence[str], keys: Sequence[str]) -> str:
    """Linear backscatter as 32-bit floats, 0 where nothing was seen."""
    return _script(bands, keys, units="LINEAR_POWER", sample="FLOAT32")


def _script(bands: Sequence[str], keys: Sequence[str], *, units: str, sample: str) -> str:
    inputs = [*(band for band in bands if band != MASK), MASK]
    spelled = [units if band != MASK else "DN" for band in inputs]
    return f"""//VERSION=3
function setup() {{
  return {{
    input: [{{ bands: {json.dumps(inputs)}, units: {json.dumps(spelled)} }}],
    output: [{{ id: "bands", bands: {len(bands)}, sampleType: "{sample}", nodataValue: 0 }}],
    mosaicking: "TILE"
  }};
}}
var KEYS = {json.dumps(list(keys))};
function wanted(tile) {{
  return KEYS.some(function (key) {{ return String(tile.dataPath).indexOf(key) >= 0; }});
}}
function preProcessScenes(collections) {{
  var chosen = collections.scenes.tiles.filter(wanted);
  if (chosen.length > 0) collections.scenes.tiles = chosen;
  return collections;
}}
function evaluatePixel(samples) {{
  for (var i = 0; i < samples.length; i++) {{
    var s = samples[i];
    if (s.dataMask) return {{ bands: [{", ".join(f"s.{band}" for band in bands)}] }};
  }}
  return {{ bands: [{", ".join("0" for _ in bands)}] }};
}}
function updateOutputMetadata(scenes, inputMetadata, outputMetadata) {{
  var paths = scenes.tiles.map(function (tile) {{ return tile.dataPath; }});
  outputMetadata.userData = {{ tiles: paths, chosen: paths.some(function (path) {{
    return KEYS.some(function (key) {{ return String(path).indexOf(key) >= 0; }});
  }}) }};
}}
"""

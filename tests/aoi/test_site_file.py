from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from shapely import LineString, Polygon

from aoi.records import Extent, Sensitivity, ZoneKind
from aoi.site_file import read_site, read_site_file, site_of, write_site
from evidence.errors import AoiError

SQUARE = [[126.0, 39.5], [126.1, 39.5], [126.1, 39.6], [126.0, 39.6], [126.0, 39.5]]
INNER = [[126.03, 39.53], [126.07, 39.53], [126.07, 39.57], [126.03, 39.57], [126.03, 39.53]]
BOW_TIE = [[126.0, 39.5], [126.1, 39.6], [126.1, 39.5], [126.0, 39.6], [126.0, 39.5]]

LINE = {"type": "LineString", "coordinates": INNER}


def feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def collection(*features: Any, **members: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features), **members}


AOI = feature(polygon(SQUARE), role="aoi", id="camp-a", name="Camp A")


def boundary(**properties: Any) -> dict[str, Any]:
    return feature(
        polygon(INNER), **({"role": "boundary", "boundary_id": "v1", "valid_from": "2016"} | properties)
    )


def written(folder: Path, document: Any, name: str = "site.geojson") -> Path:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


def test_a_plain_polygon_is_an_aoi_named_after_its_file(tmp_path: Path) -> None:
    site = read_site(written(tmp_path, polygon(SQUARE), "봉창리 East.geojson"))
    assert (site.id, site.name) == ("bongchangri-east", "봉창리 East")
    assert site.aoi.equals(Polygon(SQUARE))
    assert site.sensitivity is Sensitivity.RESTRICTED
    assert site.boundaries == ()


def test_roles_become_records(tmp_path: Path) -> None:
    site = read_site(
        written(
            tmp_path,
            collection(
                AOI,
                boundary(
                    valid_to="2018-05",
                    image={"provider": "x", "id": "i", "date": "2016-02-07"},
                    accuracy_m=12,
                ),
                feature(polygon(INNER), role="zone", id="yard", kind="stockyard", sensitivity="public"),
                feature({"type": "Point", "coordinates": [126.05, 39.55, 120.0]}, role="point", id="p"),
                feature(
                    {"type": "LineString", "coordinates": INNER[:3]},
                    role="boundary",
                    boundary_id="w",
                    valid_from="2019~",
                    extent="partial",
                ),
            ),
        )
    )
    assert [b.boundary_id for b in site.boundaries] == ["v1", "w"]
    assert site.boundaries[0].accuracy_m == 12.0
    assert site.boundaries[0].image is not None
    assert site.boundaries[0].image.id == "i"
    assert site.boundaries[1].extent is Extent.PARTIAL
    assert isinstance(site.boundaries[1].geometry, LineString)
    assert site.zones[0].kind is ZoneKind.STOCKYARD
    assert site.zones[0].sensitivity is Sensitivity.PUBLIC
    assert not site.points[0].geometry.has_z


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("", "empty"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        (collection(), "no features"),
        ({"type": "Topology"}, "not a FeatureCollection"),
        ({"type": ["FeatureCollection"]}, "not a FeatureCollection"),
        ([1, 2], "not a GeoJSON object"),
        (polygon(BOW_TIE), "crosses itself"),
        (collection(AOI, boundary() | {"geometry": polygon(BOW_TIE)}), r"feature 2 \(v1\): .*crosses itself"),
        (polygon([["126.0", "39.5"], *SQUARE[1:]]), "is text, not a number"),
        (collection(boundary()), "0 features have the role aoi"),
        (collection(AOI, AOI), "2 features have the role aoi"),
        (collection(AOI, feature(polygon(INNER))), "no role"),
        (collection(AOI, feature(polygon(INNER), role="fence")), "'fence' is not one of"),
        (collection(AOI, boundary(valid_from=None)), "valid_from is missing"),
        (collection(AOI, boundary(valid_from="spring 2016")), "not an EDTF date"),
        (collection(AOI, boundary(valid_from="2016-02-31")), "not a day of the calendar"),
        (collection(AOI, boundary(valid_to="2015")), "not after valid_from"),
        (collection(AOI, boundary(accuracy_m=-3)), "not a length"),
        (collection(AOI, feature(polygon(INNER), role="zone", id="z", kind="coal")), "'coal' is not one of"),
        (polygon([[39.5, 126.0], [39.6, 126.0], [39.6, 126.1], [39.5, 126.0]]), "swapped"),
        (polygon([[5e5, 437e4], [51e4, 437e4], [51e4, 438e4], [5e5, 437e4]]), "out of range"),
        (polygon([[126, 39], [126.1, 39]]), "encloses nothing"),
        (polygon([[126, 39], [126.1, 39], [126.2, 39], [126, 39]]), "no area|less than one pixel"),
        (polygon([[126, 39], [126, 39.1], [float("nan"), 39], [126, 39]]), "nan"),
        ({"type": "Polygon", "coordinates": None}, "not a list"),
        (feature(None), "no geometry"),
        (feature({"type": "LineString", "coordinates": SQUARE}), "LineString where a polygon"),
        (collection(AOI, boundary() | {"geometry": LINE}), "open path"),
        (collection(AOI, crs={"type": "name", "properties": {"name": "EPSG:99999"}}), "not known"),
        (feature(polygon(SQUARE), id="Camp A"), "not a slug"),
        (feature(polygon(SQUARE), name=["x"]), "name is list"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_in_one_line(tmp_path: Path, document: Any, reason: str) -> None:
    with pytest.raises(AoiError, match=reason) as caught:
        read_site(written(tmp_path, document))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("site.geojson")


def test_a_missing_file_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(AoiError, match=r"nowhere\.geojson: cannot be read"):
        read_site(tmp_path / "nowhere.geojson")


def test_a_site_comes_back_as_it_was_written(tmp_path: Path) -> None:
    document = collection(
        AOI, boundary(extra={"survey": 4}), feature(polygon(INNER), role="zone", id="yard", kind="stockyard")
    )
    site = read_site(written(tmp_path, document))
    write_site(tmp_path / "again.geojson", site)
    again = read_site_file(tmp_path / "again.geojson")
    assert again.site == site
    assert again.notices == ()
    assert site.boundaries[0].extra == {"survey": 4}


def test_an_id_that_names_a_device_on_windows_is_refused() -> None:
    document = collection(feature(polygon(SQUARE), role="aoi", id="con"))
    with pytest.raises(AoiError, match="device on Windows"):
        site_of(document, name="con")

"""What providers deliver: halves of a granule, products without some bands, private processings.

After public reports: Element84/earth-search#36 (items without some assets), microsoft/PlanetaryComputer#468
(single files gone), senbox-org/sen2like#23 (99.33), eu-cdse/documentation PR 272 (N9999).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from imagery.archive.fetch import FetchReport, fetch_new
from imagery.archive.gaps import GapKind
from imagery.archive.store import Archive
from imagery.cube.observations import gap_observations
from imagery.scenes import is_private, version_rank
from imagery.sources.static import StaticCatalog
from tests.servers import tiny

SITE = tiny.site(size_m=400)
ALL = {"since": dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "until": dt.datetime(2025, 1, 1, tzinfo=dt.UTC)}
BANDS = tiny.BANDS_10M | tiny.BANDS_20M
DAYS = tiny.days(4)
Edit = Callable[[NDArray[Any]], NDArray[Any]]


def made(
    folder: Path, name: str, when: dt.datetime, *, edit: Edit | None = None, **options: Any
) -> dict[str, Any]:
    """An item with its files below `folder`."""
    seed = options.pop("seed", 0)
    for band in BANDS:
        pixels = tiny.numbers(band, seed=seed, offset=1000)
        pixel = 10 if band in tiny.BANDS_10M else 20
        tiny.write_tif(folder / name / f"{band}.tif", pixels if edit is None else edit(pixels), pixel=pixel)
    return tiny.item(when, {band: f"./{name}/{band}.tif" for band in BANDS}, **options)


def listed(folder: Path, items: list[dict[str, Any]], name: str = "items.json") -> StaticCatalog:
    path = folder / name
    path.write_text(json.dumps({"type": "FeatureCollection", "features": items}), encoding="utf-8")
    return StaticCatalog(path, name=f"static:{folder.name}")


def run(tmp_path: Path, *sources: StaticCatalog) -> tuple[FetchReport, Archive]:
    archive = Archive(tmp_path / "archive")
    return fetch_new(SITE, archive, sources, bands=(*BANDS,), **ALL), Archive(tmp_path / "archive")


def bands_by_day(archive: Archive) -> dict[int, set[str]]:
    return {product.datetime.day: set(product.bands) for product in archive.products("tiny")}


def half(*, left: bool) -> Edit:
    def edit(pixels: NDArray[Any]) -> NDArray[Any]:
        kept = pixels.copy()
        middle = pixels.shape[1] // 2
        kept[:, middle:] = 0 if left else kept[:, middle:]
        kept[:, :middle] = kept[:, :middle] if left else 0
        return kept

    return edit


def footprint(*, left: bool) -> dict[str, Any]:
    west, south, east, north = tiny.tile_bounds()
    x0, y0 = tiny.ORIGIN[0], tiny.ORIGIN[1]
    from pyproj import Transformer

    middle, _ = Transformer.from_crs(tiny.EPSG, 4326, always_xy=True).transform(
        x0 + tiny.SIDE_M / 2, y0 - tiny.SIDE_M / 2
    )
    west, east = (west, middle) if left else (middle, east)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def halves(
    folder: Path, *, told: bool, baselines: tuple[str, str] = ("05.10", "05.10")
) -> list[dict[str, Any]]:
    """A granule in two halves; their footprints say so, or the whole tile."""
    pair = []
    for left, baseline in zip((True, False), baselines, strict=True):
        name = f"half-{'left' if left else 'right'}"
        item = made(folder, name, DAYS[0], edit=half(left=left), identifier=f"S2A_{name}", baseline=baseline)
        if told:
            item["geometry"] = footprint(left=left)
        pair.append(item)
    return pair


@pytest.mark.parametrize("told", [True, False], ids=["footprints say so", "footprints say nothing"])
@pytest.mark.parametrize("baselines", [("05.10", "05.10"), ("05.00", "05.10")], ids=["one baseline", "two"])
def test_halves_of_a_granule_are_both_fetched_and_fused(
    *, told: bool, baselines: tuple[str, str], tmp_path: Path
) -> None:
    source = listed(tmp_path, halves(tmp_path, told=told, baselines=baselines))
    report, archive = run(tmp_path, source)
    assert (len(report.fetched), report.failed) == (2, [])
    held = archive.products("tiny")
    assert {product.properties["campwatch:product_id"] for product in held} == {
        "S2A_half-left",
        "S2A_half-right",
    }
    fused: NDArray[Any] | None = None
    for product in held:
        with rasterio.open(product.bands["red"]) as dataset:
            pixels = dataset.read(1)
        assert 0.3 < (pixels == 0).mean() < 0.7
        fused = pixels if fused is None else np.where(fused == 0, pixels, fused)
    assert fused is not None
    assert (fused > 0).all()
    again, _ = run(tmp_path, listed(tmp_path, halves(tmp_path, told=told, baselines=baselines)))
    assert (again.fetched, again.failed) == ([], [])


def test_what_another_product_wholly_covers_is_a_duplicate(tmp_path: Path) -> None:
    items = [
        made(tmp_path, "old", DAYS[0], identifier="S2A_old", baseline="02.09"),
        made(tmp_path, "new", DAYS[0], identifier="S2A_new", baseline="05.10"),
    ]
    report, archive = run(tmp_path, listed(tmp_path, items))
    assert [product.properties["campwatch:product_id"] for product in report.fetched] == ["S2A_new"]
    assert len(archive.products("tiny")) == 1


def test_a_whole_product_that_comes_later_stands_before_the_halves(tmp_path: Path) -> None:
    pair = halves(tmp_path, told=True)
    run(tmp_path, listed(tmp_path, pair))
    whole = made(tmp_path, "whole", DAYS[0], identifier="S2A_whole", baseline="05.11")
    report, archive = run(tmp_path, listed(tmp_path, [*pair, whole]))
    assert len(report.fetched) == 1
    first = max(archive.products("tiny"), key=lambda p: not p.properties.get("campwatch:complement"))
    assert first.properties["campwatch:product_id"] == "S2A_whole"


LACKS: Mapping[int, tuple[str, ...]] = {1: ("swir16", "swir22", "scl"), 2: ("swir16",)}
"""Bands that the first source's items of a day do not list."""


def incomplete(folder: Path, lacks: Mapping[int, tuple[str, ...]]) -> list[dict[str, Any]]:
    items = [made(folder, f"d{n}", day, seed=n, orbit=43879 + n) for n, day in enumerate(DAYS)]
    for n, names in lacks.items():
        for name in names:
            items[n]["assets"].pop(name)
    return items


@pytest.mark.parametrize("lacks", [LACKS, {3: ("swir22",)}, {0: ("scl", "swir16")}])
def test_a_product_without_some_bands_is_taken_from_the_next_source(
    lacks: Mapping[int, tuple[str, ...]], tmp_path: Path
) -> None:
    first = listed(tmp_path / "c1", incomplete(_folder(tmp_path, "c1"), lacks))
    second = listed(tmp_path / "l2a", incomplete(_folder(tmp_path, "l2a"), {}))
    report, archive = run(tmp_path, first, second)
    assert (len(report.fetched), report.failed, report.lacking) == (4, [], [])
    assert all(bands == set(BANDS) for bands in bands_by_day(archive).values())
    sources = {product.datetime: product.source for product in archive.products("tiny")}
    assert [sources[day] == first.name for day in sorted(sources)] == [n not in lacks for n in range(4)]


@pytest.mark.parametrize("lacks", [LACKS, {3: ("swir22",)}])
def test_where_nobody_has_them_the_lack_is_a_gap_and_asked_for_again(
    lacks: Mapping[int, tuple[str, ...]], tmp_path: Path
) -> None:
    folder = _folder(tmp_path, "c1")
    report, archive = run(tmp_path, listed(folder, incomplete(folder, lacks)))
    assert (len(report.fetched), report.failed, report.incomplete) == (4, [], False)
    gaps = {gap.datetime.day: gap for gap in archive.gaps("tiny")}
    assert {day: set(gap.values["bands"]) for day, gap in gaps.items()} == {
        DAYS[n].day: set(names) for n, names in lacks.items()
    }
    assert {gap.kind for gap in gaps.values()} == {GapKind.BANDS}
    assert gap_observations(gaps.values(), known=()) == []  # no look was lost
    again, archive = run(tmp_path, listed(folder, incomplete(folder, lacks)))
    assert again.fetched == []
    old = {product.id: product.sha256["red"] for product in archive.products("tiny")}
    healed, archive = run(tmp_path, listed(folder, incomplete(folder, {})))  # the provider mends the items
    assert (len(healed.fetched), healed.failed) == (len(lacks), [])
    assert all(bands == set(BANDS) for bands in bands_by_day(archive).values())
    assert archive.gaps("tiny") == []
    assert archive.verify(deep=True) == []
    assert {product.sha256["red"] for product in archive.products("tiny")} == set(old.values())


@pytest.mark.parametrize("gone", ["swir22", "scl", "swir16"])
def test_an_auxiliary_file_that_is_gone_costs_no_look(gone: str, tmp_path: Path) -> None:
    folder = _folder(tmp_path, "c1")
    items = incomplete(folder, {})
    path = folder / "d2" / f"{gone}.tif"
    held = path.read_bytes()
    path.unlink()
    report, archive = run(tmp_path, listed(folder, items))
    assert (len(report.fetched), report.failed, report.incomplete) == (4, [], False)
    assert bands_by_day(archive)[DAYS[2].day] == set(BANDS) - {gone}
    (gap,) = archive.gaps("tiny")
    assert (gap.kind, gap.values["bands"], gap.attempts) == (GapKind.BANDS, [gone], 1)
    again, archive = run(tmp_path, listed(folder, items))
    assert (again.fetched, again.incomplete, archive.gaps("tiny")[0].attempts) == ([], False, 2)
    path.write_bytes(held[: len(held) // 2])  # cut short
    again, archive = run(tmp_path, listed(folder, items))
    assert (again.fetched, again.incomplete) == ([], False)
    path.write_bytes(held)
    healed, archive = run(tmp_path, listed(folder, items))
    assert (len(healed.fetched), archive.gaps("tiny")) == (1, [])
    assert bands_by_day(archive)[DAYS[2].day] == set(BANDS)


def test_a_required_file_that_is_gone_is_a_gap(tmp_path: Path) -> None:
    folder = _folder(tmp_path, "c1")
    items = incomplete(folder, {})
    (folder / "d2" / "red.tif").unlink()
    report, archive = run(tmp_path, listed(folder, items))
    assert (len(report.fetched), report.incomplete) == (3, True)
    (gap,) = archive.gaps("tiny")
    assert gap.kind is GapKind.ERROR
    assert "red" in gap.detail


def test_a_file_that_is_gone_is_taken_from_the_next_source_s_product(tmp_path: Path) -> None:
    one, two = _folder(tmp_path, "c1"), _folder(tmp_path, "l2a")
    items, others = incomplete(one, {}), incomplete(two, {})
    (one / "d1" / "swir16.tif").unlink()
    report, archive = run(tmp_path, listed(one, items), listed(two, others))
    assert (len(report.fetched), report.failed, report.lacking) == (4, [], [])
    assert all(bands == set(BANDS) for bands in bands_by_day(archive).values())


@pytest.mark.parametrize("private", ["99.99", "99.33", "99.96"])
@pytest.mark.parametrize("order", [1, -1])
def test_an_official_baseline_outranks_a_private_one(private: str, order: int, tmp_path: Path) -> None:
    pair = [
        made(tmp_path, "a", DAYS[0], identifier="S2A_official", baseline="02.04"),
        made(tmp_path, "b", DAYS[0], identifier="S2A_private", baseline=private, seed=9),
    ]
    report, archive = run(tmp_path, listed(tmp_path, pair[::order]))
    assert [product.baseline for product in archive.products("tiny")] == ["02.04"]
    assert not [notice for notice in report.notices if "private" in notice]


def test_a_private_processing_is_taken_where_nothing_official_is_and_said(tmp_path: Path) -> None:
    private = made(tmp_path, "b", DAYS[0], identifier="S2A_private", baseline="99.99")
    report, archive = run(tmp_path, listed(tmp_path, [private]))
    assert [product.baseline for product in archive.products("tiny")] == ["99.99"]
    assert "private processing (99.99)" in " ".join(report.notices)
    official = made(tmp_path, "a", DAYS[0], identifier="S2A_official", baseline="02.04")
    later, archive = run(tmp_path, listed(tmp_path, [private, official]))
    assert len(later.fetched) == 1
    assert [product.baseline for product in archive.products("tiny")] == ["02.04"]


def test_baselines_are_told_apart_by_a_stated_rule() -> None:
    ordered = [
        "99.33",
        "99.99",
        None,
        "C02-T1",
        "02.04",
        "02.14",
        "04.00",
        "05.09",
        "05.10",
        "05.11",
        "10.00",
    ]
    turned = ordered[::-1]
    assert sorted(turned, key=version_rank) == ordered
    assert [name for name in ordered if is_private(name)] == ["99.33", "99.99"]


def _folder(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / name
    folder.mkdir(exist_ok=True)
    return folder


TIES: Mapping[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "private": ({"baseline": "02.04"}, {"baseline": "99.99"}, "a private processing, 99.99"),
    "older baseline": ({"baseline": "05.11"}, {"baseline": "05.09"}, "baseline 05.09, not 05.11"),
    "fewer bands": ({}, {"lacks": "swir22"}, "6 bands, not 7"),
    "made earlier": (
        {"made": "2024-06-01T00:00:00Z"},
        {"made": "2024-05-01T00:00:00Z"},
        "made 2024-05-01T00:00:00+00:00, not 2024-06-01",
    ),
    "of one make": ({}, {}, "the id decides"),
}
"""The one that counts, the one that does not, and why not."""


@pytest.mark.parametrize("name", TIES)
@pytest.mark.parametrize("order", [1, -1])
def test_ties_are_told_apart_by_a_stated_rule_and_the_archive_says_which(
    name: str, order: int, tmp_path: Path
) -> None:
    *pair, why = TIES[name]
    items = []
    for identifier, stated in zip(("S2A_b_counts", "S2A_a_not"), pair, strict=True):
        lacks, when = stated.get("lacks"), stated.get("made", "2024-07-01T00:00:00Z")
        item = made(
            tmp_path,
            identifier,
            DAYS[0],
            identifier=identifier,
            baseline=stated.get("baseline", "05.10"),
            properties={"s2:generation_time": when},
        )
        if lacks:
            item["assets"].pop(lacks)
        items.append(item)
    _, archive = run(tmp_path, listed(tmp_path, items[::order]))
    (held,) = archive.products("tiny")
    assert held.properties["campwatch:product_id"] == "S2A_b_counts"
    (told,) = archive.preferred("tiny")[held.id]
    assert told.startswith("S2A_a_not (static:")
    assert why in told


def test_a_later_version_is_preferred_to_the_one_that_was_held(tmp_path: Path) -> None:
    old = made(tmp_path, "old", DAYS[0], identifier="S2A_old", baseline="02.09")
    run(tmp_path, listed(tmp_path, [old]))
    new = made(tmp_path, "new", DAYS[0], identifier="S2A_new", baseline="05.10")
    _, archive = run(tmp_path, listed(tmp_path, [new]))
    (held,) = archive.products("tiny")
    assert held.baseline == "05.10"
    assert any(
        "S2A_old" in told and "baseline 02.09, not 05.10" in told
        for told in archive.preferred("tiny")[held.id]
    )

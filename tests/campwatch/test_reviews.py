"""Verdicts on a small ledger, reopening, places, samples; then the commands on a real small workspace."""

from __future__ import annotations

import csv
import datetime as dt
import json
import shutil
import zipfile
from dataclasses import asdict, replace

import numpy as np
import pytest
import shapely
from shapely.geometry import box

from aoi.geodesy import area_ha
from aoi.records import Site
from campwatch.reviews.findings import changed_evidence, findings_at, random_places
from campwatch.reviews.labels import THIRD, drawn_sample
from campwatch.reviews.validation import annotation
from campwatch.reviews.verdicts import import_review, kept_blind, queue, review_rates, review_states
from detection.sampling.accuracy import STABLE
from detection.sampling.references import NOT_VALIDATED
from evidence.errors import LedgerError
from evidence.ledger import Ledger
from evidence.quantity import Quantity
from evidence.rows import Row
from evidence.verify import verify_ledger
from maps.review_format import ReviewFileError, parse_review

from .conftest import site_document, write_workspace

SITE = "mine"
AOI = box(126.00, 39.50, 126.06, 39.55)


def clock():
    return dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def area(value, spread=0.1):
    return Quantity.measured(value, sd_random=spread).to_dict()


def disturbance(name, scenes, *, x=0.0, status="persistent", value=2.0, side=0.002, parents=()):
    shape = box(126.01 + x, 39.51, 126.01 + x + side, 39.512)
    data = {
        "disturbance_id": name, "machine_status": status, "relation": "outside", "boundary_id": "b",
        "area_ha": area(value), "scene_ids": list(scenes), "parents": list(parents),
        "first_seen": "2020-06-01",
    }  # fmt: skip
    return row("disturbances", name, data, "|".join(scenes), shapely.to_wkb(shape))


def row(layer, subject, data, inputs, wkb=None, time=""):
    return Row(
        layer=layer, site_id=SITE, subject=subject, time=time, method="m", params_hash="p",
        inputs_hash=inputs, data=data, geometry=wkb,
    )  # fmt: skip


def measure(ledger, run, rows, scenes):
    """What a run appends, with the digests of its scenes in custody."""
    ledger.append(
        rows, chain=SITE, run_id=run, time="2026-01-01T00:00:00Z", actor="campwatch", action="measure",
        details={"inputs": {"site": "s", "scenes": scenes}}, complete=("disturbances",),
    )  # fmt: skip


def review_file(*verdicts, reviewer="anna", run="r1", at="2026-01-02T00:00:00Z", kind="disturbance"):
    image = {"provider": "Maxar", "image_id": "104001", "date": "2025-12-01", "resolution_m": 0.5}
    told = [
        {
            "subject": subject, "subject_kind": kind, "verdict": verdict, "reason_code": "ground_works",
            "likelihood": "likely", "confidence": "moderate", "evidence_viewed": [image], "reviewed_at": at,
        }
        for subject, verdict in verdicts
    ]  # fmt: skip
    head = {"format": "campwatch-review/1", "site_id": SITE, "run_id": run, "map_version": "1"}
    return parse_review(json.dumps({**head, "reviewer": reviewer, "exported_at": at, "verdicts": told}))


SCENES = {"s1": "d1", "s2": "d2", "s3": "d3"}


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite", create=True) as opened:
        rows = [
            disturbance("one", ("s1", "s2")),
            disturbance("two", ("s2", "s3"), x=0.01),
            disturbance("three", ("s3",), x=0.02),
        ]
        measure(opened, "r1", rows, SCENES)
        yield opened
        assert verify_ledger(opened) == []


def states(ledger):
    return {state.subject: state for state in review_states(ledger, SITE)}


def review_all(ledger):
    for reviewer in ("anna", "bora"):
        told = review_file(("one", "accepted"), ("two", "accepted"), ("three", "rejected"), reviewer=reviewer)
        import_review(ledger, told, clock=clock)


def test_a_verdict_keeps_the_row_and_the_shape_that_were_seen(ledger):
    seen = findings_at(ledger, SITE)["disturbance", "one"]
    import_review(ledger, review_file(("one", "accepted")), clock=clock)
    (stored,) = ledger.current("reviews", site_id=SITE)
    assert stored.row.data["reviewed_row_id"] == seen.newest.row_id
    assert stored.row.data["evidence_sha256"] == seen.evidence_sha256
    assert stored.row.geometry == seen.newest.row.geometry
    assert states(ledger)["one"].review_status == "awaiting_second"
    assert states(ledger)["one"].machine_status == "persistent"


def test_the_same_file_twice_changes_nothing(ledger):
    told = review_file(("one", "accepted"))
    assert import_review(ledger, told, clock=clock).new == 1
    again = import_review(ledger, told, clock=clock)
    assert (again.new, again.unchanged) == (0, 1)


def test_a_reprocessed_scene_reopens_what_rests_on_it_and_nothing_else(ledger):
    review_all(ledger)
    rows = [
        replace(disturbance("one", ("s1", "s2")), inputs_hash="new"),
        disturbance("two", ("s2", "s3"), x=0.01),
        disturbance("three", ("s3",), x=0.02),
    ]
    measure(ledger, "r2", rows, SCENES | {"s1": "reprocessed"})
    now = states(ledger)
    assert now["one"].review_status == "reopened"
    assert now["one"].reopened_because == ("scene s1 was reprocessed",)
    assert now["two"].review_status == "accepted"
    assert now["three"].review_status == "rejected"


def test_a_scene_that_two_findings_share_reopens_both(ledger):
    review_all(ledger)
    measure(ledger, "r2", [
        disturbance("one", ("s1", "s2")), disturbance("two", ("s2", "s3"), x=0.01),
        disturbance("three", ("s3",), x=0.02),
    ], SCENES | {"s2": "reprocessed"})  # fmt: skip
    reopened = {name for name, state in states(ledger).items() if state.review_status == "reopened"}
    assert reopened == {"one", "two"}


def test_new_looks_and_a_new_note_in_the_site_file_reopen_nothing(ledger):
    review_all(ledger)
    rows = [
        replace(disturbance("one", ("s1", "s2", "s4")), inputs_hash="another site digest"),
        replace(disturbance("two", ("s2", "s3"), x=0.01), inputs_hash="another site digest"),
        disturbance("three", ("s3",), x=0.02),
    ]
    measure(ledger, "r2", rows, SCENES | {"s4": "d4"})
    assert not [s for s in states(ledger).values() if s.reopened_because]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"status": "withdrawn"}, "machine_status was persistent, is withdrawn"),
        ({"value": 2.5}, "area_ha left its interval"),
        ({"side": 0.0026}, "the outline moved"),
        ({"scenes": ("s1",)}, "scene s2 is no longer part of it"),
    ],
)
def test_what_was_judged_is_not_what_is_there(ledger, changed, why):
    review_all(ledger)
    told = {"scenes": ("s1", "s2")} | changed
    measure(ledger, "r2", [
        disturbance("one", **told), disturbance("two", ("s2", "s3"), x=0.01),
        disturbance("three", ("s3",), x=0.02),
    ], SCENES)  # fmt: skip
    assert states(ledger)["one"].reopened_because == (why,)
    assert states(ledger)["two"].review_status == "accepted"


def test_a_finding_that_is_gone_keeps_its_verdict_and_its_child_asks_for_one(ledger):
    review_all(ledger)
    rows = [
        disturbance("one-a", ("s1", "s2"), parents=("one",)),
        disturbance("two", ("s2", "s3"), x=0.01),
        disturbance("three", ("s3",), x=0.02),
    ]
    measure(ledger, "r2", rows, SCENES)
    now = states(ledger)
    assert now["one"].reopened_because == ("the finding is gone",)
    assert (now["one-a"].review_status, now["one-a"].parents) == ("awaiting_first", ("one",))


def test_a_verdict_given_again_on_the_new_evidence_closes_it(ledger):
    review_all(ledger)
    rows = [
        disturbance("one", ("s1", "s2"), value=2.5),
        disturbance("two", ("s2", "s3"), x=0.01),
        disturbance("three", ("s3",), x=0.02),
    ]
    measure(ledger, "r2", rows, SCENES)
    for reviewer in ("anna", "bora"):
        again = review_file(("one", "accepted"), reviewer=reviewer, run="r2", at="2026-02-01T00:00:00Z")
        import_review(ledger, again, clock=clock)
    state = states(ledger)["one"]
    assert state.review_status == "accepted"
    assert len(state.earlier) == 2


def test_an_older_file_that_comes_late_does_not_overturn_the_newer_verdict(ledger):
    import_review(ledger, review_file(("one", "accepted"), at="2026-03-01T00:00:00Z"), clock=clock)
    import_review(ledger, review_file(("one", "rejected"), at="2026-01-01T00:00:00Z"), clock=clock)
    assert [v.verdict for v in states(ledger)["one"].standing] == ["accepted"]


def test_dissent_is_kept_and_shown(ledger):
    import_review(ledger, review_file(("one", "accepted")), clock=clock)
    import_review(ledger, review_file(("one", "rejected"), reviewer="bora"), clock=clock)
    state = states(ledger)["one"]
    assert state.review_status == "disputed"
    assert state.dissent
    assert {v.reviewer for v in state.holding} == {"anna", "bora"}


def test_agreement_and_rates(ledger):
    review_all(ledger)
    rates = review_rates(review_states(ledger, SITE))
    assert (rates.agreement.value, rates.readers.n, rates.readers.alpha.value) == (1.0, 3, 1.0)
    assert rates.readers.alpha.low < 0.2  # three pairs say next to nothing
    assert rates.false_share.value == pytest.approx(1 / 3)
    assert rates.miss_share.value is None
    assert "nobody has judged" in rates.miss_share.reason


def test_no_count_tells_a_first_verdict(ledger):
    before = review_rates(review_states(ledger, SITE))
    for at, verdict in (("2026-01-02T00:00:00Z", "accepted"), ("2026-01-03T00:00:00Z", "rejected")):
        import_review(ledger, review_file(("one", verdict), at=at), clock=clock)
    assert review_rates(review_states(ledger, SITE)) == before
    state = states(ledger)["one"]
    assert [v.verdict for v in state.earlier] == ["accepted"]
    told = json.dumps(asdict(kept_blind(state)))
    assert not [word for word in ("accepted", "rejected", "ground_works", "Maxar") if word in told]
    assert "anna" in told  # the second must be another
    rows = annotation(ledger, [Site(id=SITE, name="Mine", aoi=AOI)])(ledger.current("reviews"))
    assert {stored.row.data["verdict"] for stored in rows} == {None}


def test_a_verdict_on_evidence_that_changed_is_not_shown_before_two_judged_it(ledger):
    import_review(ledger, review_file(("one", "accepted")), clock=clock)
    rows = [
        disturbance("one", ("s1", "s2"), value=2.5),
        disturbance("two", ("s2", "s3"), x=0.01),
        disturbance("three", ("s3",), x=0.02),
    ]
    measure(ledger, "r2", rows, SCENES)
    state = states(ledger)["one"]
    assert (state.review_status, len(state.stale)) == ("reopened", 1)
    assert "accepted" not in json.dumps(asdict(kept_blind(state)))


def boundary_change(ledger):
    data = {"from_boundary_id": "a", "to_boundary_id": "b", "cause": "undetermined", "scene_ids": []}
    made = row("boundary_changes", "a..b", data, "i", shapely.to_wkb(box(126.03, 39.51, 126.04, 39.52)))
    ledger.append(
        [made], chain=SITE, run_id="b1", time="2026-01-01T00:00:00Z", actor="campwatch", action="measure",
        details={"inputs": {"site": "s", "scenes": SCENES}},
    )  # fmt: skip


def cause_file(reviewer, cause, *, images=True, verdict="accepted"):
    told = review_file(("a..b", verdict), reviewer=reviewer, run="b1", kind="boundary_change")
    said = told.verdicts[0].model_dump(mode="json") | {"cause": cause}
    said |= {} if images else {"evidence_viewed": []}
    return parse_review(json.dumps(told.model_dump(mode="json") | {"verdicts": [said]}))


@pytest.mark.parametrize(
    ("second", "cause"),
    [
        ({"cause": "ground"}, "ground"),
        ({"cause": "registration"}, "undetermined"),
        ({"cause": None}, "undetermined"),
        ({"cause": "ground", "verdict": "undecided"}, "undetermined"),
        (None, "undetermined"),
    ],
)
def test_two_who_name_an_image_set_the_cause_of_a_boundary_change(ledger, second, cause):
    boundary_change(ledger)
    import_review(ledger, cause_file("anna", "ground"), clock=clock)
    if second is not None:
        import_review(ledger, cause_file("bora", **second), clock=clock)
    annotate = annotation(ledger, [Site(id=SITE, name="Mine", aoi=AOI)])
    (told,) = annotate(ledger.current("boundary_changes"))
    assert told.row.data["cause"] == cause


def test_a_cause_without_an_image_or_of_something_else_is_refused():
    with pytest.raises(ReviewFileError, match="names the image"):
        cause_file("anna", "ground", images=False, verdict="rejected")
    said = review_file(("one", "accepted")).model_dump(mode="json")
    said["verdicts"][0]["cause"] = "ground"
    with pytest.raises(ReviewFileError, match="that of a boundary change"):
        parse_review(json.dumps(said))


def test_places_keep_their_ids_avoid_detections_and_are_mixed_in(ledger):
    site = Site(id=SITE, name="Mine", aoi=AOI)
    places = random_places(site, [], count=6)
    assert places == random_places(site, [], count=6)
    left = random_places(site, [places[2].geometry], count=6)
    assert [p.place_id for p in left[:5]] == [p.place_id for p in places if p != places[2]]
    assert all(AOI.contains(place.geometry) for place in places)
    kinds = [state.kind for state in queue(review_states(ledger, SITE, places=places[:2]))]
    assert kinds == ["disturbance", "disturbance", "place", "disturbance", "place"]


def test_a_place_that_shows_something_counts_as_a_miss(ledger):
    places = random_places(Site(id=SITE, name="Mine", aoi=AOI), [], count=4)
    said = [(p.place_id, "accepted" if i == 0 else "rejected") for i, p in enumerate(places)]
    import_review(ledger, review_file(*said, kind="place"), clock=clock, places=places)
    assert review_rates(review_states(ledger, SITE, places=places)).miss_share.value is None
    second = review_file(*said, kind="place", reviewer="bora")
    import_review(ledger, second, clock=clock, places=places)
    rates = review_rates(review_states(ledger, SITE, places=places))
    assert rates.miss_share.value == pytest.approx(0.25)
    assert rates.false_share.value is None


def test_verdicts_on_what_was_never_there_are_refused(ledger):
    with pytest.raises(LedgerError, match="holds no disturbance four"):
        import_review(ledger, review_file(("four", "accepted")), clock=clock)
    with pytest.raises(LedgerError, match="holds no run r9"):
        import_review(ledger, review_file(("one", "accepted"), run="r9"), clock=clock)


def test_piles_rest_on_the_scene_of_their_own_date(ledger):
    def pile(time, value):
        data = {"pile_id": "p", "datetime": time, "area_ha": area(value), "parents": []}
        return row(
            "stockpiles", "p", data, f"all:{value}", shapely.to_wkb(box(126.03, 39.51, 126.04, 39.52)), time
        )

    def look(scene, time):
        return row(
            "observations", scene, {"scene_id": scene, "datetime": time, "status": "used"}, scene, time=time
        )

    def run(name, values, digests):
        days = ("2021-01-01T00:00:00Z", "2021-02-01T00:00:00Z", "2021-03-01T00:00:00Z")
        rows = [pile(day, value) for day, value in zip(days, values, strict=False)]
        rows += [look(f"s{i + 1}", day) for i, day in enumerate(days)]
        ledger.append(
            rows, chain=SITE, run_id=name, time="2026-01-01T00:00:00Z", actor="campwatch", action="measure",
            details={"inputs": {"site": "s", "scenes": digests}}, complete=("stockpiles", "observations"),
        )  # fmt: skip

    run("p1", [1.0, 1.1], SCENES)
    then = findings_at(ledger, SITE)["pile", "p"]
    run("p2", [1.0, 1.1, 1.6], SCENES)
    assert changed_evidence(then, findings_at(ledger, SITE)["pile", "p"]) == []
    run("p3", [1.0, 1.1, 1.6], SCENES | {"s2": "reprocessed"})
    assert changed_evidence(then, findings_at(ledger, SITE)["pile", "p"]) == ["scene s2 was reprocessed"]


# ---------------------------------------------------------------- on a real small workspace


@pytest.fixture(scope="module")
def ran(tmp_path_factory, catalog, command):
    folder = write_workspace(tmp_path_factory.mktemp("검토") / "watch", catalog, site_document())
    result = command("--json", "-C", folder, "run")
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture
def folder(ran, tmp_path):
    shutil.copytree(ran, tmp_path / "copy")
    return tmp_path / "copy"


def test_set_add_and_list_and_a_run_that_measures_again(folder, command):
    image = "Airbus,PNEO-1,2021-06-03,0.3"
    given = command(
        "-C", folder, "review", "set", "yard", "--site", "tiny", "--verdict", "accepted", "--reason",
        "probable_coal", "--likelihood", "likely", "--confidence", "low", "--evidence", image,
        "--reviewer", "anna",
    )  # fmt: skip
    assert given.returncode == 0, given.stderr
    seen = command(
        "-C", folder, "review", "add", "--site", "tiny", "--kind", "absent", "--label", "yard", "--image",
        image, "--reviewer", "anna",
    )  # fmt: skip
    assert seen.returncode == 0, seen.stderr
    listed = command("--json", "-C", folder, "review", "list")
    assert listed.returncode == 0, listed.stderr
    told = json.loads(listed.stdout)["tiny"]
    (zone,) = [state for state in told["queue"] if state["subject"] == "yard"]
    assert zone["review_status"] == "awaiting_second"
    assert any(state["kind"] == "place" for state in told["queue"])
    assert told["validation"]["stockpile_areas"].startswith(
        "interval from simulation; not validated at this site"
    )
    with Ledger(folder / "ledger.sqlite") as ledger:
        assert verify_ledger(ledger) == []
        assert len(ledger.current("manual_observations", site_id="tiny")) == 1
    document = site_document()
    document["features"][0]["properties"]["note"] = "a new note"
    (folder / "sites" / "tiny.geojson").write_text(json.dumps(document), encoding="utf-8")
    assert command("-C", folder, "run").returncode == 0
    listed = json.loads(command("--json", "-C", folder, "review", "list").stdout)["tiny"]
    (zone,) = [state for state in listed["queue"] if state["subject"] == "yard"]
    assert (zone["review_status"], zone["reopened_because"]) == ("awaiting_second", [])


def test_outlines_of_one_file_become_references_with_bias_and_coverage(folder, command, tmp_path):
    west, south, east, _ = shapely.geometry.shape(site_document()["features"][2]["geometry"]).bounds
    middle, step = (west + east) / 2, (east - west) / 10
    heaps = [box(west + step, south + step, west + 2 * step, south + 2 * step)]
    heaps.append(box(middle, south + step, middle + step, south + 2 * step))
    path = tmp_path / "더미 outlines.geojson"
    features = [{"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(g)} for g in heaps]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    for date, image in (("2024-03-02", "Maxar,1,2024-03-02,0.5"), ("2020-01-01", "Maxar,2,2020-01-01,0.5")):
        seen = command(
            "-C", folder, "review", "add", "--site", "tiny", "--kind", "outline", "--label", "yard",
            "--geometry", path, "--image", image, "--reviewer", "anna",
        )  # fmt: skip
        assert seen.returncode == 0, (date, seen.stderr)
        assert "2 new" in seen.stderr
    told = command("--json", "-C", folder, "review", "references", "tiny")
    assert told.returncode == 0, told.stderr
    assert "inside the interval" in told.stderr
    assert "not used: yard, 2020-01-01" in told.stderr
    document = json.loads(told.stdout)
    first, second = document["references"]
    assert (first["unused"], second["unused"]) == ("no figure of the zone within 5 days", None)
    assert second["reference_ha"] == pytest.approx(sum(map(area_ha, heaps)), rel=1e-6)
    assert [line["group"] for line in document["summaries"]][:2] == ["all", "spring"]
    assert document["validation"] == f"{NOT_VALIDATED} (1 of 30 references)"
    point = tmp_path / "point.geojson"
    point.write_text(
        '{"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [126, 39]}}'
    )
    refused = command(
        "-C", folder, "review", "add", "--site", "tiny", "--kind", "outline", "--label", "yard", "--geometry",
        point, "--image", "Maxar,1,2024-03-02,0.5", "--reviewer", "anna",
    )  # fmt: skip
    assert (refused.returncode, "an outline is a polygon" in refused.stderr) == (1, True)


def test_what_a_first_reviewer_said_is_not_listed_until_there_is_a_second(folder, command):
    given = command(
        "-C", folder, "review", "set", "yard", "--site", "tiny", "--verdict", "rejected", "--reason",
        "misregistration", "--likelihood", "likely", "--confidence", "low", "--reviewer", "anna",
        "--note", "what-anna-wrote",
    )  # fmt: skip
    assert given.returncode == 0, given.stderr
    told = command("--json", "-C", folder, "review", "list", "--all")
    assert "awaiting_second" in told.stdout
    assert not [
        word
        for word in ("rejected (", "misregistration", "what-anna-wrote")
        if word in told.stdout + told.stderr
    ]
    told = command("--json", "-C", folder, "review", "list", "--all", "--unblind")
    assert "what-anna-wrote" in told.stdout


def draw_footprint(folder):
    """Put a mapped disturbance of known shape into the ledger of the small workspace."""
    west, south, east, north = shapely.geometry.shape(site_document()["features"][0]["geometry"]).bounds
    step_x, step_y = (east - west) / 5, (north - south) / 5
    shape = box(west + step_x, south + step_y, west + 2 * step_x, south + 2 * step_y)
    made = disturbance("d", ("x",))
    with Ledger(folder / "ledger.sqlite") as ledger:
        ledger.append(
            [replace(made, site_id="tiny", geometry=shapely.to_wkb(shape))], chain="tiny", run_id="x",
            time="2026-01-01T00:00:00Z", actor="test", action="draw",
        )  # fmt: skip


def fill(path, say):
    with path.open(encoding="utf-8-sig", newline="") as stream:
        lines = list(csv.DictReader(stream))
    for line in lines:
        line["label"] = say(line["point"])
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    return [line["point"] for line in lines]


def test_a_sample_stays_blind_and_comes_to_areas_with_intervals(folder, command):
    draw_footprint(folder)
    drawn = command("--json", "-C", folder, "review", "sample", "tiny", "--n", "60", "--seed", "3")
    assert drawn.returncode == 0, drawn.stderr
    one, two = (folder.joinpath(name) for name in json.loads(drawn.stdout)["folders"])
    with Ledger(folder / "ledger.sqlite") as ledger:
        data = drawn_sample(ledger, "tiny").row.data
    truth = {
        code: data["strata"][[s["name"] for s in data["strata"]].index(data["units"][unit]["stratum"])][
            "mapped"
        ]
        for reader in data["codes"]
        for code, unit in data["codes"][reader].items()
    }
    for reader in (one, two):
        with zipfile.ZipFile(reader / "points.kmz") as archive:
            kml = archive.read("doc.kml").decode()
            assert any(name.startswith("chips/") for name in archive.namelist())
        for secret in ("stratum", "buffer", data["strata"][0]["name"] + "</name>"):
            assert secret not in kml
        told = json.loads((reader / "chips.json").read_text("utf-8"))
        assert {key for point in told["points"] for key in point} == {"point", "square", "chips"}
    wrong = set()

    def first(point):
        return truth[point]

    def second(point):
        if len(wrong) < 2:
            wrong.add(point)
            return "cannot_tell"
        return truth[point]

    points = fill(one / "labels.csv", first)
    assert set(fill(two / "labels.csv", second)).isdisjoint(points) or points != list(data["codes"]["B"])
    assert command("-C", folder, "review", "import", one / "labels.csv").returncode == 0
    assert command("-C", folder, "review", "import", two / "labels.csv").returncode == 0
    waiting = json.loads(command("--json", "-C", folder, "review", "sample", "tiny").stdout)
    assert waiting["waiting"] == 2
    third = folder / waiting["folder"]
    assert "cannot_tell" not in (third / "labels.csv").read_text("utf-8-sig")
    assert len(fill(third / "labels.csv", first)) == 2
    assert command("-C", folder, "review", "import", third / "labels.csv").returncode == 0
    done = command("--json", "-C", folder, "review", "sample", "tiny")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)["report"]
    assert report["overall"]["value"] == pytest.approx(1.0)
    (new,) = [by for by in report["by_class"] if by["name"].startswith("disturbed")]
    assert new["area_ha"]["low"] < new["mapped_ha"] < new["area_ha"]["high"]
    assert THIRD in data["codes"]
    assert not np.isnan(new["area_ha"]["value"])


def draw_rates(folder):
    """Put rates into the ledger of the small workspace: the days that a sample is asked for."""
    ha = area(1.0)
    data = {
        "boundary_role": "fixed", "boundary_id": None, "before_ha_a_year": ha,
        "since": "2014-12-31", "split": "2016-12-31", "until": "2020-12-31",
    }  # fmt: skip
    rates = replace(row("landsat_rates", "landsat fixed", data, "x"), site_id="tiny")
    with Ledger(folder / "ledger.sqlite") as ledger:
        ledger.append(
            [rates], chain="tiny", run_id="x", time="2026-01-01T00:00:00Z", actor="test", action="draw"
        )


def test_a_labelled_sample_is_the_row_to_cite_of_rates_before_and_after(folder, command):
    draw_footprint(folder)
    draw_rates(folder)
    drawn = json.loads(command("--json", "-C", folder, "review", "sample", "tiny", "--n", "60").stdout)
    with Ledger(folder / "ledger.sqlite") as ledger:
        data = drawn_sample(ledger, "tiny").row.data
    assert {f"disturbed_{year}" for year in range(2014, 2021)} < set(data["classes"])
    of_year = {
        code: data["units"][unit]["stratum"] for of in data["codes"].values() for code, unit in of.items()
    }
    for k, reader in enumerate(drawn["folders"]):
        path = folder / reader / "labels.csv"
        fill(path, lambda point: "disturbed_2015" if of_year[point].startswith("disturbed") else STABLE)
        with Ledger(folder / "ledger.sqlite") as ledger:
            assert ledger.current("sampled_rates", site_id="tiny") == [], "not before both have labelled"
        assert command("-C", folder, "review", "import", path).returncode == 0, k
    with Ledger(folder / "ledger.sqlite") as ledger:
        (stored,) = ledger.current("sampled_rates", site_id="tiny")
        entries = len(ledger.custody("tiny"))
    told = stored.row.data
    mapped = sum(s["area_ha"] for s in data["strata"] if s["mapped"] != STABLE)
    assert told["before_ha_a_year"]["value"] == pytest.approx(mapped / 2.0, rel=1e-3)
    assert told["after_ha_a_year"]["value"] == pytest.approx(0.0, abs=1e-6)
    assert told["labels"] == len(data["units"])
    lines = command("-C", folder, "review", "sample", "tiny").stderr
    assert "newly disturbed a year before 2016-12-31, by the sample" in lines
    with Ledger(folder / "ledger.sqlite") as ledger:
        assert len(ledger.custody("tiny")) == entries, "reading it again writes nothing"


def test_labels_of_another_sample_or_class_are_refused(folder, command):
    draw_footprint(folder)
    drawn = json.loads(command("--json", "-C", folder, "review", "sample", "tiny", "--n", "60").stdout)
    path = folder / drawn["folders"][0] / "labels.csv"
    fill(path, lambda _: "mine")
    refused = command("-C", folder, "review", "import", path)
    assert refused.returncode == 1
    assert "label 'mine' is none of" in refused.stderr

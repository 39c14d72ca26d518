"""What a first reviewer or reader said is in no file before the second one has spoken."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil

import numpy as np
import pytest

from campwatch.custody.release import make_release
from campwatch.custody.verification import verify_workspace
from campwatch.exports.write import ExportFormat, ExportOptions, export
from campwatch.pages.drawing import draw
from campwatch.reviews.desk import open_desk
from campwatch.reviews.labels import THIRD, Labels, drawn_sample
from campwatch.reviews.samples import draw_or_report
from campwatch.reviews.validation import WITHHELD, site_checks
from campwatch.run.rebuild import rebuild_tables
from campwatch.workspace import open_workspace, readable_sites
from detection.sampling.references import NOT_VALIDATED, CheckOutcome
from maps.review_format import parse_review

from .conftest import all_bytes

SECRETS = (b"what-anna-wrote", b"Anna-Imagery")
FORMATS = [kind for kind in ExportFormat if kind is not ExportFormat.BAG]


def clock():
    return dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


@pytest.fixture
def reviewed(workspace, tmp_path):
    """A copy of the workspace with one verdict on a disturbance."""
    shutil.copytree(workspace.folder, tmp_path / "watch")
    made = open_workspace(tmp_path / "watch")
    say(made, "anna", provider="Anna-Imagery", note="what-anna-wrote")
    return made


def say(workspace, reviewer, *, provider, note):
    image = {"provider": provider, "image_id": "1", "date": "2024-06-01", "resolution_m": 0.5}
    with desk_of(workspace) as desk:
        document = {
            "format": "campwatch-review/1", "site_id": "tiny", "run_id": desk.newest_run(),
            "map_version": "1", "reviewer": reviewer, "exported_at": "2026-01-01T00:00:00Z",
            "verdicts": [
                {
                    "subject": "d2", "subject_kind": "disturbance", "verdict": "rejected", "note": note,
                    "reason_code": "misregistration", "likelihood": "very_likely", "confidence": "low",
                    "evidence_viewed": [image], "reviewed_at": "2026-01-01T00:00:00Z",
                }
            ],
        }  # fmt: skip
        desk.take(parse_review(json.dumps(document)), clock)
        rebuild_tables(workspace, desk.ledger, readable_sites(workspace))


def desk_of(workspace):
    (site,) = readable_sites(workspace)
    return open_desk(workspace, site)


def everything_written(workspace, folder) -> bytes:
    """The bytes of every export, of the maps, of the results and of a release; archives unpacked."""
    options = {"restricted": True}
    paths = [
        path
        for kind in FORMATS
        for path in export(workspace, kind, ExportOptions(out=folder / kind.value, **options))
    ]
    paths += draw(workspace, (), restricted=True, progress=str)
    paths.append(workspace.results_path)
    paths += make_release(workspace, folder.name, restricted=True).folder.rglob("*.csv")
    return all_bytes(paths)


def test_a_first_verdict_is_in_no_file_until_the_second_is_given(reviewed, tmp_path):
    assert verify_workspace(reviewed).findings == ()
    told = everything_written(reviewed, tmp_path / "one")
    assert not [secret for secret in SECRETS if secret in told]
    assert WITHHELD.encode() in told
    assert b"awaiting_second" in told
    say(reviewed, "bora", provider="Bora-Imagery", note="what-bora-wrote")
    told = everything_written(reviewed, tmp_path / "two")
    assert b"what-anna-wrote" in told
    assert b"what-bora-wrote" in told


def take(workspace, drawn, reader, labels):
    with desk_of(workspace) as desk:
        told = {code: (labels(unit), "") for code, unit in drawn["codes"][reader].items()}
        desk.take_labels(
            Labels(site_id="tiny", sample_id=drawn["sample_id"], reader=reader, by_point=told), clock
        )
        rebuild_tables(workspace, desk.ledger, readable_sites(workspace))


def sampled(workspace):
    """A sample of the site's map, and what the map says of each unit."""
    with desk_of(workspace) as desk:
        draw_or_report(desk, n=150, seed=3)
        drawn = drawn_sample(desk.ledger, "tiny").row.data
    mapped = {stratum["name"]: stratum["mapped"] for stratum in drawn["strata"]}
    return drawn, {name: mapped[unit["stratum"]] for name, unit in drawn["units"].items()}


@pytest.mark.parametrize("same", [False, True], ids=["readers who guess", "readers who guess alike"])
def test_labels_filled_at_random_check_nothing(reviewed, tmp_path, same):
    """Two readers who guess agree too little; two who guess alike say otherwise than the map."""
    drawn, mapped = sampled(reviewed)
    rng = np.random.default_rng(11)
    classes = [str(name) for name in drawn["classes"]]
    guesses = {unit: str(rng.choice(classes)) for unit in mapped}
    take(reviewed, drawn, "A", guesses.__getitem__)
    take(reviewed, drawn, "B", guesses.__getitem__ if same else lambda _: str(rng.choice(classes)))
    if not same:
        take(reviewed, drawn, THIRD, guesses.__getitem__)
    written = everything_written(reviewed, tmp_path / "random")
    bag = export(
        reviewed,
        ExportFormat.BAG,
        ExportOptions(restricted=True, finding="d1", out=tmp_path / "bag"),
    )
    told = (written + all_bytes(bag)).decode("utf-8", errors="replace")
    assert "labels of a random sample" in told
    assert not re.search(r"checked against \d", told, re.IGNORECASE)
    assert "site_reference" not in re.sub(r"simulation, painted or site_reference", "", told)
    with desk_of(reviewed) as desk:
        checks = site_checks(desk.ledger, desk.site)
    check = checks["disturbances"]
    assert check.outcome is (CheckOutcome.CONTRADICTED if same else CheckOutcome.NOT_ASSESSABLE)
    assert ("contradicted by" if same else "Krippendorff's alpha") in check.text
    assert checks["footprints"].text == NOT_VALIDATED  # the sample is of the patches


def test_labels_that_agree_with_the_map_say_how_well(reviewed):
    drawn, mapped = sampled(reviewed)
    take(reviewed, drawn, "A", mapped.__getitem__)
    with desk_of(reviewed) as desk:
        half = site_checks(desk.ledger, desk.site)["disturbances"]
    assert half.outcome is CheckOutcome.NOT_ASSESSABLE
    assert "labelling of a random sample is not finished" in half.text
    assert not half.enough
    take(reviewed, drawn, "B", mapped.__getitem__)
    with desk_of(reviewed) as desk:
        check = site_checks(desk.ledger, desk.site)["disturbances"]
    assert check.outcome is CheckOutcome.CHECKED
    n = len(mapped)
    assert check.text.startswith(
        f"checked against {n} labels of a random sample of this site: disturbed ground"
    )
    for part in ("user's accuracy 100% [", "producer's 100% [", f"differed on 0 of {n} (0%)", "alpha 1.00 ["):
        assert part in check.text


def test_a_first_readers_labels_are_in_no_file(reviewed, tmp_path):
    with desk_of(reviewed) as desk:
        draw_or_report(desk, n=60, seed=3)
        drawn = drawn_sample(desk.ledger, "tiny").row.data
        told = dict.fromkeys(drawn["codes"]["A"], ("stable", "what-anna-wrote"))
        labels = Labels(site_id="tiny", sample_id=drawn["sample_id"], reader="A", by_point=told)
        desk.take_labels(labels, clock)
        rebuild_tables(reviewed, desk.ledger, readable_sites(reviewed))
    told = everything_written(reviewed, tmp_path / "three")
    assert b"what-anna-wrote" not in told
    assert drawn["sample_id"].encode() not in told
    folder = reviewed.exports_folder / "samples" / "tiny" / drawn["sample_id"] / "B"
    theirs = all_bytes([path for path in folder.iterdir() if path.is_file()])
    assert b"what-anna-wrote" not in theirs

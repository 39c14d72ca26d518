"""The review file: what imports, and what does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from maps.review_format import Likelihood, ReviewFileError, parse_review, read_review

IMAGE = {"provider": "Airbus", "image_id": "PNEO-1", "date": "2024-03-01", "resolution_m": 0.3}
VERDICT = {
    "subject": "D-1", "subject_kind": "disturbance", "verdict": "accepted", "reason_code": "ground_works",
    "likelihood": "very_likely", "confidence": "moderate", "evidence_viewed": [IMAGE],
    "reviewed_at": "2024-03-02T10:00:00Z",
}  # fmt: skip
OBSERVATION = {
    "kind": "count",
    "label": "houses",
    "value": 51,
    "image": IMAGE,
    "observed_at": "2024-03-02T10:00:00Z",
}


BOW_TIE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
OFF_EARTH = {"type": "Point", "coordinates": [500, 0]}


def review(**changes: Any) -> str:
    base = {
        "format": "campwatch-review/1", "site_id": "s", "run_id": "r", "map_version": "0.1", "reviewer": "K2",
        "exported_at": "2024-03-02T10:00:00Z", "verdicts": [VERDICT], "observations": [OBSERVATION],
    }  # fmt: skip
    return json.dumps({**base, **changes})


def test_reads_what_the_page_writes(tmp_path: Path) -> None:
    path = tmp_path / "검토.json"
    path.write_text(review(), encoding="utf-8")
    read = read_review(path)
    assert read.verdicts[0].likelihood is Likelihood.VERY_LIKELY
    assert read.observations[0].value == 51


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"verdicts": [{**VERDICT, "evidence_viewed": []}]}, "evidence_viewed"),
        ({"verdicts": [{**VERDICT, "confidence": None}]}, "confidence"),
        ({"verdicts": [{**VERDICT, "likelihood": "probable"}]}, "likelihood"),
        ({"verdicts": [VERDICT, VERDICT]}, "more than one verdict"),
        ({"verdicts": [{**VERDICT, "reviewed_at": "2024-03-02T10:00:00"}]}, "reviewed_at"),
        ({"verdicts": [{**VERDICT, "note": "a\x00b"}]}, "note"),
        ({"reviewer": "Kim Young-hee"}, "reviewer"),
        ({"format": "campwatch-review/9"}, "format"),
        ({"extra": 1}, "extra"),
        ({"observations": [{**OBSERVATION, "kind": "outline"}]}, "geometry"),
        ({"observations": [{**OBSERVATION, "value": None}]}, "value"),
        (
            {"observations": [{**OBSERVATION, "geometry": BOW_TIE}]},
            "crosses itself",
        ),
        ({"observations": [{**OBSERVATION, "geometry": OFF_EARTH}]}, "outside"),
    ],
)  # fmt: skip
def test_says_what_is_wrong(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ReviewFileError, match=told):
        parse_review(review(**changes))


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "{}"])
def test_other_files_are_refused(text: str) -> None:
    with pytest.raises(ReviewFileError):
        parse_review(text)


def test_undecided_needs_neither_word_nor_evidence() -> None:
    verdict = {
        **VERDICT,
        "verdict": "undecided",
        "likelihood": None,
        "confidence": None,
        "evidence_viewed": [],
    }
    assert parse_review(review(verdicts=[verdict])).verdicts[0].verdict.value == "undecided"


def test_absent_file_is_a_known_error(tmp_path: Path) -> None:
    with pytest.raises(ReviewFileError, match="cannot read"):
        read_review(tmp_path / "none.json")

"""Labels of a sample: files as Excel writes them, and points given to each reader blind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from campwatch.reviews.labels import THIRD, Labels, LabelsError, labelling, read_labels, take_labels
from evidence.ledger import Ledger
from evidence.rows import Row

from .test_site_edits import clock

LINES = [["site", "sample", "reader", "point", "label", "note"], ["tiny", "s-1", "A", "p1", "stable", "밭"]]


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "cp949", "utf-16"])
def test_a_file_that_excel_wrote_is_taken(tmp_path: Path, sign: str, encoding: str):
    path = tmp_path / "labels.csv"
    path.write_bytes("\r\n".join(sign.join(line) for line in LINES).encode(encoding))
    assert read_labels(path).by_point == {"p1": ("stable", "밭")}


def test_what_is_no_text_is_refused(tmp_path: Path):
    path = tmp_path / "labels.csv"
    path.write_bytes(bytes(range(128, 256)))
    with pytest.raises(LabelsError, match="cannot read"):
        read_labels(path)


@pytest.fixture
def ledger(tmp_path: Path):
    units = {f"u{k}": {"lon": 126.0 + k / 100, "lat": 39.5, "stratum": "secret"} for k in range(3)}
    codes = {
        "A": {"p7": "u1", "p3": "u0", "p9": "u2"}, "B": {"p1": "u2", "p2": "u0", "p4": "u1"},
        THIRD: {"p5": "u0", "p6": "u1", "p8": "u2"},
    }  # fmt: skip
    data = {
        "sample_id": "s-1", "readers": ["A", "B"], "units": units, "codes": codes,
        "classes": ["disturbed_2019", "stable"], "strata": [],
    }  # fmt: skip
    row = Row(
        layer="samples", site_id="tiny", subject="s-1", time="", method="m", params_hash="p", inputs_hash="i",
        data=data,
    )  # fmt: skip
    with Ledger(tmp_path / "l.sqlite", create=True) as opened:
        when = "2026-01-01T00:00:00Z"
        opened.append([row], chain="tiny", run_id="r", time=when, actor="t", action="sample")
        yield opened


def label(ledger: Ledger, reader: str, **said: str) -> None:
    by_point = {point: (text, "") for point, text in said.items()}
    labels = Labels(site_id="tiny", sample_id="s-1", reader=reader, by_point=by_point)
    take_labels(ledger, labels, clock=clock)


def test_each_reader_sees_only_its_own_codes_and_labels(ledger: Ledger):
    label(ledger, "A", p7="stable")
    task = labelling(ledger, "tiny", "A")
    assert [point["code"] for point in task["points"]] == ["p3", "p7", "p9"]
    assert task["done"] == {"p7": "stable"}
    other = labelling(ledger, "tiny", "B")
    assert other["done"] == {}
    assert "secret" not in json.dumps([task, other])
    assert labelling(ledger, "tiny", "C") is None
    assert labelling(ledger, "elsewhere", "A") is None


def test_the_third_is_given_what_the_two_differ_on(ledger: Ledger):
    label(ledger, "A", p7="stable", p3="stable", p9="disturbed_2019")
    assert labelling(ledger, "tiny", THIRD)["points"] == []
    label(ledger, "B", p1="stable", p2="stable", p4="stable")
    (point,) = labelling(ledger, "tiny", THIRD)["points"]
    assert point["code"] == "p8"
    label(ledger, THIRD, p8="stable")
    assert labelling(ledger, "tiny", THIRD)["done"] == {"p8": "stable"}


def test_a_label_can_be_given_anew(ledger: Ledger):
    label(ledger, "A", p7="stable")
    label(ledger, "A", p7="cannot_tell")
    assert labelling(ledger, "tiny", "A")["done"] == {"p7": "cannot_tell"}
    with pytest.raises(LabelsError, match="never given"):
        label(ledger, "A", p1="stable")

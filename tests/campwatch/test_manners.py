"""How the command line speaks: examples, `--json` anywhere, every fault at once, what a site lacks."""

from __future__ import annotations

import datetime as dt
import json
import shlex

import pytest
import typer
from typer.testing import CliRunner

from aoi.registry import shipped_sites
from campwatch.cli.app import app
from campwatch.cli.examples import EXAMPLES
from campwatch.run.lacking import fetching_cost, site_lacks
from campwatch.run.live import NOTHING, probe
from campwatch.settings import read_settings
from campwatch.workspace import open_workspace
from evidence.errors import SettingsError
from tests.servers import tiny
from tests.servers.loopback import Fault
from tests.servers.providers import environment, providers

from .conftest import site_document, write_workspace
from .test_providers import BANDS, BLOB

ROOT = typer.main.get_command(app)
CONTEXT = typer.Context(ROOT)


def command_of(words):
    """The command that an example calls, and what is left for it."""
    command, rest = ROOT, words
    if rest[0] == "-C":
        rest = rest[2:]
    while hasattr(command, "commands"):
        command, rest = command.get_command(CONTEXT, rest[0]), rest[1:]
    return command, rest


def test_every_command_has_an_example():
    names = []
    for name in ROOT.list_commands(CONTEXT):
        inner = getattr(ROOT.get_command(CONTEXT, name), "commands", None)
        names += [name] if inner is None else [f"{name} {sub}" for sub in inner]
    assert set(names) == set(EXAMPLES)


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines])
def test_examples_are_taken_by_their_commands(line):
    command, rest = command_of(shlex.split(line)[1:])
    command.make_context(command.name, rest, parent=CONTEXT)


def test_help_ends_with_the_example():
    told = CliRunner().invoke(app, ["sites", "show", "--help"]).output
    assert "campwatch sites show camp-18 --shipped" in told


@pytest.mark.parametrize("words", ["--json sites list --shipped", "sites list --shipped --json"])
def test_json_may_stand_anywhere(words):
    listed = json.loads(CliRunner().invoke(app, words.split()).stdout)
    assert "camp-18" in {site["id"] for site in listed}


def test_every_fault_of_a_settings_file_is_told_in_its_own_words(tmp_path):
    path = tmp_path / "campwatch.toml"
    path.write_text(
        '[limits]\nmemory_gb = -1\nmemry_gb = 3\n[privacy]\nmode = "bos"\n[monitor]\nsince = "then"\n'
        "[cdse]\npassword = 12345\n",
        encoding="utf-8",
    )
    with pytest.raises(SettingsError) as told:
        read_settings(path)
    said = str(told.value)
    assert "limits.memory_gb = -1: must be more than 0" in said
    assert "limits.memry_gb is not a setting; the nearest is memory_gb" in said
    assert "privacy.mode = 'bos': one of box, tile is needed; the nearest is box" in said
    assert "monitor.since = 'then': a day is needed" in said
    assert "12345" not in said
    assert "pydantic" not in said


def test_a_shipped_site_tells_what_it_lacks_and_what_fetching_takes(tmp_path):
    made = CliRunner().invoke(
        app, ["--json", "init", str(tmp_path / "w"), "--site", "camp-18", "--site", "tukchang"]
    )
    assert made.exit_code == 0, made.output
    lacking = {(lack["site_id"], lack["what"]) for lack in json.loads(made.stdout)["lacking"]}
    assert ("camp-18", "a stockyard") in lacking
    assert ("tukchang", "an accepted box") in lacking
    assert "no coal figure" in made.stderr
    status = CliRunner().invoke(app, ["-C", str(tmp_path / "w"), "status"], env={"COLUMNS": "200"})
    assert "camp-18 lacks a boundary: no inside and no outside" in status.stderr
    (site,) = (site for site in shipped_sites() if site.id == "camp-18")
    assert len(site_lacks(site)) == 2
    assert fetching_cost(site, dt.date(2024, 1, 1), dt.date(2024, 1, 1)).count(" 0 passes") == 1


SETTINGS = """
[[source]]
kind = "stac"
url = "https://planetarycomputer.microsoft.com/api/stac/v1"
collections = ["sentinel-2-l2a"]
[[source]]
kind = "stac"
url = "{catalog}"
"""


@pytest.mark.parametrize("fails", [False, True])
def test_each_provider_is_asked_once_and_the_table_tells_no_place(tmp_path, monkeypatch, fails):
    bucket = tmp_path / "bucket"
    catalog = tiny.write_catalog(bucket, dates=tiny.days(2))
    folder = write_workspace(tmp_path / "w", catalog, site_document())
    (folder / "campwatch.toml").write_text(SETTINGS.format(catalog=catalog.as_posix()), encoding="utf-8")
    with providers(bucket, tmp_path) as here:
        for key, value in environment(here, tmp_path).items():
            monkeypatch.setenv(key, value)
        hrefs = {band: f"{BLOB}/item%200/{band}.tif" for band in BANDS}
        here.stac.items += [tiny.item(tiny.days(1)[0], hrefs, collection="sentinel-2-l2a")]
        if fails:
            here.server.faults.append(Fault(path=r"scl\.tif", times=10_000, kind="404"))
        answers = probe(open_workspace(folder), "tiny", clock=lambda: dt.datetime(2024, 3, 20, tzinfo=dt.UTC))
        quiet = probe(open_workspace(folder), "tiny", clock=lambda: dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    hub, disk = answers
    assert (hub.listed, hub.answered) == (1, not fails)
    assert "HTTP 404" in hub.read if fails else hub.read.startswith("scl: ")
    assert (disk.listed, disk.answered) == (2, True)
    assert {one.read for one in quiet} == {NOTHING}
    assert not any(word in f"{answers}" for word in ("51SYD", "tiny", "sig=", "126."))
    assert not (folder / "archive").exists()


def test_what_goes_out_is_said_first_and_no_is_an_answer(tmp_path, catalog):
    folder = write_workspace(tmp_path / "w", catalog, site_document())
    refused = CliRunner().invoke(app, ["-C", str(folder), "doctor", "--live", "tiny"], input="n\n")
    assert refused.exit_code == 1
    assert "one search, one band of one product" in refused.stderr
    assert "To send back" not in refused.stderr


def test_the_doctor_finds_nothing_wrong_with_our_own_packages(tmp_path, catalog):
    folder = write_workspace(tmp_path / "w", catalog, site_document())
    told = CliRunner().invoke(app, ["-C", str(folder), "doctor", "--json"])
    assert [check["text"] for check in json.loads(told.stdout) if check["topic"] == "packages"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "--since", "2024-13-01"], "2024-13-01 is no day; write it as in 2024-05-31"),
        (["search", "--since", "2024-06-01", "--until", "2024-01-01"], "is before --since 2024-06-01"),
        (["export", "--format", "exel"], "the nearest is xlsx"),
        (["question", "yard-2024", "--actor", "Kim Min"], "'Kim Min' is no code"),
        (["report", "camp", "--analyst", "Kim Min"], "'Kim Min' is no code"),
    ],
)
def test_wrong_values_are_refused_in_plain_words(words, said):
    refused = CliRunner().invoke(app, words, env={"COLUMNS": "400"})
    assert refused.exit_code == 2
    assert said in refused.output
    assert "Value error" not in refused.output

from __future__ import annotations

import re
import tomllib

import pytest

from campwatch.run.inputs import with_overrides
from campwatch.settings import read_settings
from campwatch.workspace import create_workspace, default_settings_text
from detection.coal.measure import StockpileParams
from detection.ground.params import GroundParams
from evidence.errors import SettingsError, WorkspaceError


@pytest.fixture
def write(tmp_path):
    def write(text: str):
        path = tmp_path / "campwatch.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_commented_knobs_are_those_of_the_methods():
    lines = [line for line in default_settings_text().splitlines() if re.match(r"# (\[measure|  \w)", line)]
    told = tomllib.loads("\n".join(re.sub(r"^#\s*", "", line) for line in lines))
    for method, params in (("ground", GroundParams()), ("stockpile", StockpileParams())):
        overrides = told["measure"][method]
        assert overrides
        assert with_overrides(params, overrides, where=method) == params


def test_the_commented_settings_are_the_defaults(write):
    text = default_settings_text().split("# [alerts.email]")[0]
    uncommented = re.sub(r"^# (\w+ = )", r"\1", text, flags=re.MULTILINE)
    names = "base_url|coordinate_decimals|minutes|restricted|webhook|heartbeat|heartbeat_failed"
    unset = rf"^({names}|certificate|secrets) = .*$"
    uncommented = re.sub(unset, "", uncommented, flags=re.MULTILINE)
    assert len(re.findall(r"^\w+ = ", uncommented, re.MULTILINE)) > 20
    assert read_settings(write(uncommented)) == read_settings(write(text))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[limits]\nmemory = 2\n", "memory_gb"),
        ("[monitr]\nsince = 2015-06-23\n", "monitor"),
        ('[[source]]\nkind = "stac"\nulr = "x"\n', "url"),
        ("[limits]\nmemory_gb = -1\n", "memory_gb"),
        ("not toml", "not TOML"),
    ],
)
def test_what_is_not_known_is_an_error_that_names_the_nearest(write, text, told):
    with pytest.raises(SettingsError, match=told):
        read_settings(write(text))


def test_the_environment_overrides(write, monkeypatch):
    monkeypatch.setenv("CAMPWATCH_LIMITS__MEMORY_GB", "7.5")
    assert read_settings(write("[limits]\nmemory_gb = 3\ndisk_gb = 4\n")).limits.memory_gb == 7.5


def test_a_workspace_is_never_made_over_another(tmp_path):
    create_workspace(tmp_path / "감시")
    with pytest.raises(WorkspaceError, match="already"):
        create_workspace(tmp_path / "감시")

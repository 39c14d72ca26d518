"""A run against Copernicus Data Space without processing units, from the settings to the archive."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imagery.archive.store import Archive
from tests.servers import dataspace, tiny
from tests.servers.loopback import Loopback
from tests.servers.stac import StacServer
from tests.servers.store import object_store

from .conftest import Cli, site_document

DAYS = tiny.days(2)


@pytest.mark.parametrize("place", ["environment", "files"])
def test_keys_from_the_environment_or_from_files(place: str, tmp_path: Path, cli: Cli, command: Cli) -> None:
    bucket, workspace = tmp_path / "bucket", tmp_path / "watch"
    items = dataspace.write_products(bucket, DAYS)
    assert command("init", workspace).returncode == 0
    (workspace / "sites" / "tiny.geojson").write_text(json.dumps(site_document(size_m=600)), encoding="utf-8")
    with object_store(bucket) as store, Loopback(StacServer(items)) as search:
        settings = f'[[source]]\nkind = "cdse"\n\n[cdse]\nstac_url = "{search.url}"\ns3_url = "{store.url}"\n'
        environment = {
            "CAMPWATCH_CDSE__ACCESS_KEY": store.access_key,
            "CAMPWATCH_CDSE__SECRET_KEY": store.secret_key,
        }
        if place == "files":
            (tmp_path / "keys").mkdir()
            (tmp_path / "keys" / "access_key").write_text(f"{store.access_key}\n", encoding="utf-8")
            (tmp_path / "keys" / "secret_key").write_text(f"{store.secret_key}\n", encoding="utf-8")
            settings, environment = settings + 'secrets = "../keys"\n', {}
        (workspace / "campwatch.toml").write_text(
            settings + "\n[monitor]\nsince = 2024-01-01\n", encoding="utf-8"
        )
        doctor = cli("-C", workspace, "doctor", **environment)
        ran = cli("-C", workspace, "-v", "run", **environment)
        bare = cli("-C", workspace, "search")
    assert "S3 keys; the parts of files that windows touch are read" in doctor.stdout + doctor.stderr
    assert "your account; boxes snapped to 0.1 degrees" in doctor.stdout + doctor.stderr
    assert ran.returncode == 0, ran.stderr
    held = Archive(workspace / "archive").products("tiny")
    assert [set(product.bands) for product in held] == [set(dataspace.BANDS)] * 2
    assert {product.source for product in held} == {"cdse:127.0.0.1/sentinel-2-l2a"}
    said = "".join(
        [doctor.stdout, doctor.stderr, ran.stdout, ran.stderr, bare.stderr]
        + [path.read_text("latin-1") for path in workspace.rglob("*") if path.is_file()]
    )
    assert store.secret_key not in said
    assert store.access_key not in said
    if place == "environment":
        assert bare.returncode == 1
        assert "neither S3 keys nor an account" in bare.stderr


def test_half_a_pair_of_keys_is_said(tmp_path: Path, cli: Cli, command: Cli) -> None:
    workspace = tmp_path / "watch"
    assert command("init", workspace).returncode == 0
    (workspace / "campwatch.toml").write_text('[[source]]\nkind = "cdse"\n', encoding="utf-8")
    found = cli("-C", workspace, "search", CAMPWATCH_CDSE__ACCESS_KEY="AKIA")
    assert found.returncode == 1
    assert "access_key and secret_key together" in found.stderr

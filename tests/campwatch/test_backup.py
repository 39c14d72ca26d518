"""Backups: consistent while a ledger is written, verified when restored, opened by the right key alone."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import tarfile
import threading

import pytest

from campwatch.custody.backup import backup_workspace, new_key, read_identities, restore_workspace
from campwatch.workspace import create_workspace, open_workspace
from evidence.errors import WorkspaceError
from evidence.ledger import Ledger
from evidence.rows import Row
from evidence.verify import verify_ledger

NOON = dt.datetime(2026, 5, 31, 12, tzinfo=dt.UTC)


def row(number: int) -> Row:
    return Row(
        layer="observations",
        site_id="one",
        subject=f"s-{number}",
        time="2024-01-01T00:00:00Z",
        method="m/1",
        params_hash="p",
        inputs_hash="i",
        data={"number": number},
    )


def append(ledger, number):
    time = f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z"
    ledger.append([row(number)], chain="one", run_id=f"r{number}", time=time, actor="t", action="measure")


@pytest.fixture
def workspace(tmp_path):
    made = create_workspace(tmp_path / "w")
    (made.sites_folder / "one.geojson").write_text("{}", encoding="utf-8")
    item = made.archive_folder / "one" / "item"
    item.mkdir(parents=True)
    (item / "b04.tif").write_bytes(bytes(range(256)) * 5000)
    (item / ".tmp-abc-b08.tif").write_bytes(b"half")
    (made.archive_folder / "catalog.json").write_text("{}", encoding="utf-8")
    for name in ("state", "cache", "maps", "exports"):
        (made.folder / name).mkdir()
        (made.folder / name / "again.bin").write_bytes(b"again")
    with Ledger(made.ledger_path, create=True) as ledger:
        for number in range(5):
            append(ledger, number)
    return made


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_cannot_be_made_again_comes_back_as_it_was(workspace, tmp_path):
    made = backup_workspace(workspace, tmp_path / "out", clock=lambda: NOON)
    back = restore_workspace(made.path, tmp_path / "new")
    kept = {
        name: data
        for name, data in files(workspace.folder).items()
        if name.split("/")[0] not in {"state", "cache", "maps", "exports"} and ".tmp-" not in name
    }
    found = files(tmp_path / "new")
    assert {n: d for n, d in found.items() if n != "ledger.sqlite"} == {
        n: d for n, d in kept.items() if n != "ledger.sqlite"
    }
    with Ledger(tmp_path / "new" / "ledger.sqlite", read_only=True) as ledger:
        assert verify_ledger(ledger) == []
        assert [stored.row for stored in ledger.rows()] == [row(number) for number in range(5)]
    assert back.head == made.head
    assert open_workspace(tmp_path / "new").settings == workspace.settings
    without = backup_workspace(workspace, tmp_path / "small", with_archive=False, clock=lambda: NOON)
    assert "archive" not in {p.name for p in (tmp_path / "small").iterdir()}
    assert without.bytes < 200_000 < made.bytes


def test_a_backup_while_a_run_appends_is_one_state_of_the_ledger(workspace, tmp_path):
    stop, written = threading.Event(), []

    def run():
        with Ledger(workspace.ledger_path) as ledger:
            number = 5
            while not stop.is_set():
                append(ledger, number)
                written.append(number)
                number += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        while len(written) < 3:
            pass
        made = [
            backup_workspace(
                workspace, tmp_path / "out", clock=lambda k=k: NOON + k * dt.timedelta(seconds=1)
            )
            for k in range(3)
        ]
    finally:
        stop.set()
        thread.join()
    assert len(written) > 3
    for k, one in enumerate(made):
        restore_workspace(one.path, tmp_path / f"new-{k}")
        with Ledger(tmp_path / f"new-{k}" / "ledger.sqlite", read_only=True) as ledger:
            rows = [stored.row for stored in ledger.rows()]
        assert rows == [row(number) for number in range(len(rows))]


@pytest.mark.parametrize("damage", ["byte", "cut", "missing"])
def test_a_damaged_backup_is_refused_and_leaves_nothing(workspace, tmp_path, damage):
    made = backup_workspace(workspace, tmp_path / "out", clock=lambda: NOON)
    data = bytearray(made.path.read_bytes())
    if damage == "byte":
        data[data.index(bytes(range(256)) * 2) + 300] ^= 1
        made.path.write_bytes(data)
    elif damage == "cut":
        made.path.write_bytes(data[: len(data) // 2])
    else:
        with tarfile.open(made.path) as tar, tarfile.open(tmp_path / "less.tar", "w") as less:
            for entry in tar:
                if not entry.name.endswith("one.geojson"):
                    less.addfile(entry, tar.extractfile(entry))
        shutil.move(tmp_path / "less.tar", made.path)
    with pytest.raises(WorkspaceError):
        restore_workspace(made.path, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.glob(".tmp-restore-*"))


def test_an_entry_that_points_outside_is_refused(tmp_path):
    import io

    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        entry = tarfile.TarInfo("../outside.txt")
        entry.size = 1
        tar.addfile(entry, io.BytesIO(b"x"))
    with pytest.raises(WorkspaceError, match="cannot be restored"):
        restore_workspace(tmp_path / "evil.tar", tmp_path / "new")
    assert not (tmp_path / "outside.txt").exists()


def test_only_the_key_opens_an_encrypted_backup(workspace, tmp_path):
    pytest.importorskip("pyrage")
    public = new_key(tmp_path / "key.age", "a passphrase")
    other = new_key(tmp_path / "other.txt", None)
    assert b"AGE-SECRET-KEY" not in (tmp_path / "key.age").read_bytes()
    made = backup_workspace(workspace, tmp_path / "out", recipients=[public], clock=lambda: NOON)
    assert made.path.name.endswith(".tar.age")
    assert b"one.geojson" not in made.path.read_bytes()
    with pytest.raises(WorkspaceError, match="--identity"):
        restore_workspace(made.path, tmp_path / "new")
    wrong = read_identities(tmp_path / "other.txt", lambda: "")
    with pytest.raises(WorkspaceError, match="cannot be opened"):
        restore_workspace(made.path, tmp_path / "new", identities=wrong)
    with pytest.raises(WorkspaceError, match="gives no key"):
        read_identities(tmp_path / "key.age", lambda: "another")
    keys = read_identities(tmp_path / "key.age", lambda: "a passphrase")
    assert restore_workspace(made.path, tmp_path / "new", identities=keys).head == made.head
    assert other.startswith("age1")
    with pytest.raises(WorkspaceError, match="never overwritten"):
        new_key(tmp_path / "key.age", None)


def test_old_backups_go_and_one_of_each_month_stays(workspace, tmp_path):
    settings = workspace.folder / "campwatch.toml"
    text = (
        settings.read_text("utf-8")
        .replace("# keep = 14", "keep = 2")
        .replace("# keep_monthly = 12", "keep_monthly = 2")
    )
    settings.write_text(text, encoding="utf-8")
    keeping = open_workspace(workspace.folder)
    for day in range(0, 100, 10):
        backup_workspace(
            keeping,
            tmp_path / "out",
            with_archive=False,
            clock=lambda day=day: dt.datetime(2026, 1, 5, tzinfo=dt.UTC) + dt.timedelta(days=day),
        )
    left = sorted(path.name[17:25] for path in (tmp_path / "out").iterdir())
    assert left == ["20260326", "20260405"], "the newest of March and of April are the newest two"
    backup_workspace(
        keeping, tmp_path / "out", with_archive=False, clock=lambda: dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
    )
    left = sorted(path.name[17:25] for path in (tmp_path / "out").iterdir())
    assert left == ["20260326", "20260405", "20260420"]


def test_the_commands_speak_to_people_and_programs(workspace, tmp_path, command):
    inside = command("-C", workspace.folder, "backup", workspace.folder / "backups")
    assert inside.returncode == 1
    assert "elsewhere" in inside.stderr
    made = command("--json", "-C", workspace.folder, "backup", tmp_path / "out")
    assert made.returncode == 0, made.stderr
    assert "NOT encrypted" in made.stderr
    path = json.loads(made.stdout)["path"]
    back = command("--json", "restore", path, tmp_path / "new")
    assert back.returncode == 0, back.stderr
    assert json.loads(back.stdout)["head"] == json.loads(made.stdout)["head"]
    assert command("restore", path, tmp_path / "new").returncode == 1

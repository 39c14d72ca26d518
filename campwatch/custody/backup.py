"""Backup and restore: everything that cannot be computed again, in one file, consistent while a run writes.

The ledger is copied first, as one state; what it vouches for is in the archive before it is in the ledger,
and files of the archive are replaced whole or not at all, so that a backup never holds less than its ledger
names. A backup is a tar file whose last member tells the SHA-256 of every other and the heads of custody.
Encrypted it is an age file (https://age-encryption.org/v1), which the program `age` opens too.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from campwatch.extras import extra_module
from campwatch.identity import Clock, system_clock
from campwatch.workspace import Workspace
from evidence.custody import heads_digest
from evidence.errors import UnsafePathError, WorkspaceError
from evidence.files import atomic_path, below, is_temporary, write_text
from evidence.hashing import sha256_file
from evidence.ledger import Ledger, holds_ledger
from evidence.verify import verify_ledger

PREFIX, PLAIN, ENCRYPTED = "campwatch-backup-", ".tar", ".tar.age"
MANIFEST = "manifest.json"
LEDGER = "ledger.sqlite"
MADE_AGAIN = frozenset(
    {
        "state",
        "cache",
        "maps",
        "exports",
        "results.gpkg",
        "custody.jsonl",
        "alerts.jsonl",
        "alerts.atom",
        ".lock",
    }
)
"""What is computed from the rest."""
ARCHIVE = "archive"
PIECE = 1 << 20
INDEXES = frozenset({"catalog.json", "collection.json"})
"""Of the archive; they name items, which are there before, and go first for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A backup that was written."""

    path: Path
    files: int
    bytes: int
    """Of the file."""
    sha256: str
    """Of the file, as it is on disk."""
    head: str
    """Of custody: what to keep elsewhere."""
    removed: tuple[str, ...] = ()
    """Older backups that the settings no longer keep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A workspace that was restored and verified."""

    folder: Path
    files: int
    head: str


def backup_workspace(
    workspace: Workspace,
    folder: Path,
    *,
    recipients: Sequence[str] = (),
    with_archive: bool = True,
    clock: Clock = system_clock,
) -> Backup:
    """Write a backup of a workspace into `folder`; a run may be at work.

    Args:
        workspace: whose.
        folder: outside the workspace.
        recipients: age public keys; with none the file is not encrypted.
        with_archive: source pixels too; without them they are fetched again, from whoever still has them.
        clock: now; names the file.

    Raises:
        WorkspaceError: where it cannot be written, lies in the workspace, or a key is none.
        LedgerError: where the ledger cannot be read.
    """
    if workspace.folder.resolve() in (folder.resolve(), *folder.resolve().parents):
        raise WorkspaceError(f"{folder} lies in the workspace: a backup belongs elsewhere")
    end = ENCRYPTED if recipients else PLAIN
    path = folder / f"{PREFIX}{clock():%Y%m%dT%H%M%SZ}{end}"
    if path.exists():
        raise WorkspaceError(f"{path} is there already")
    try:
        with atomic_path(path) as temporary:
            with temporary.open("wb") as target, _sealed(target, recipients) as stream:
                files, head = _write(workspace, stream, with_archive=with_archive)
            sha256 = sha256_file(temporary)
        held = workspace.settings.backup
        removed = _forget(folder, keep=held.keep, keep_monthly=held.keep_monthly)
    except OSError as err:
        raise WorkspaceError(f"the backup {path} cannot be written: {err.strerror or err}") from err
    size = path.stat().st_size
    return Backup(path=path, files=files, bytes=size, sha256=sha256, head=head, removed=removed)


def _write(workspace: Workspace, stream: IO[bytes], *, with_archive: bool) -> tuple[int, str]:
    """Every file and the manifest; returns how many files, and the head of custody."""
    sums: dict[str, str] = {}
    heads: dict[str, str] = {}
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        if holds_ledger(workspace.ledger_path):
            with tempfile.TemporaryDirectory() as scratch:
                copy = Path(scratch) / LEDGER
                with Ledger(workspace.ledger_path, read_only=True) as ledger:
                    ledger.copy_to(copy)
                with Ledger(copy, read_only=True) as ledger:
                    heads = ledger.heads()
                sums[LEDGER] = _add(tar, copy, LEDGER)
        for relative in _members(workspace.folder, with_archive=with_archive):
            with suppress(FileNotFoundError):  # renamed away since it was listed
                sums[relative] = _add(tar, workspace.folder / relative, relative)
        document = {"files": sums, "heads": heads, "archive": with_archive}
        text = json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False).encode()
        entry = tarfile.TarInfo(MANIFEST)
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
    return len(sums), heads_digest(heads)


def _add(tar: tarfile.TarFile, path: Path, name: str) -> str:
    """Add a file as it is when it is opened; returns its SHA-256."""
    with path.open("rb") as source:
        entry = tarfile.TarInfo(name)
        held = os.fstat(source.fileno())
        entry.size, entry.mtime, entry.mode = held.st_size, int(held.st_mtime), 0o600
        reader = _Summing(source)
        tar.addfile(entry, reader)
    return reader.digest.hexdigest()


class _Summing:
    """A file that is summed while it is read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self.digest.update(data)
        return data


def _members(folder: Path, *, with_archive: bool) -> Iterator[str]:
    """Files that cannot be computed again, below `folder`; indexes of the archive before its items."""
    left_out = MADE_AGAIN if with_archive else MADE_AGAIN | {ARCHIVE}
    paths = []
    for where, folders, names in os.walk(folder):
        if Path(where) == folder:
            folders[:] = [name for name in folders if name not in left_out]
            names = [name for name in names if name not in left_out and not name.startswith(LEDGER)]  # noqa: PLW2901
        paths += [Path(where, name) for name in names if not is_temporary(Path(name))]
    paths.sort(key=lambda path: (path.name not in INDEXES, path))
    yield from (path.relative_to(folder).as_posix() for path in paths if path.is_file())


def _forget(folder: Path, *, keep: int | None, keep_monthly: int) -> tuple[str, ...]:
    """Delete all backups but the newest `keep` and the newest of each of `keep_monthly` months."""
    if keep is None:
        return ()
    names = sorted((path.name for path in folder.glob(f"{PREFIX}*{PLAIN}*")), reverse=True)
    month = len(PREFIX) + len("202601")
    newest_of = {name[:month]: name for name in reversed(names)}
    monthly = sorted(newest_of.values(), reverse=True)[:keep_monthly]
    gone = [name for name in names[keep:] if name not in monthly]
    for name in gone:
        (folder / name).unlink()
    return tuple(gone)


# ---------------------------------------------------------------- restore


def restore_workspace(path: Path, folder: Path, *, identities: Sequence[Any] = ()) -> Restored:
    """Make the workspace of a backup in `folder`; nothing is left where it is not whole.

    Args:
        path: of the backup.
        folder: of the workspace; not there, or empty.
        identities: age secret keys, for an encrypted one; from `read_identities`.

    Raises:
        WorkspaceError: where the folder is there, the backup is damaged or cut short, or no key opens it.
        LedgerError: where its ledger does not verify.
    """
    if folder.exists() and any(folder.iterdir()):
        raise WorkspaceError(f"{folder} is not empty: a workspace is restored into a folder of its own")
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".tmp-restore-", dir=folder.parent))
    try:
        document = _read(path, scratch, identities)
        _check(path, scratch, document)
        if folder.exists():
            folder.rmdir()
        scratch.rename(folder)
    except (OSError, tarfile.TarError, ValueError, KeyError, UnsafePathError) as err:
        raise WorkspaceError(f"the backup {path} cannot be restored: {err}") from err
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Restored(folder=folder, files=len(document["files"]), head=heads_digest(document["heads"]))


def _read(path: Path, scratch: Path, identities: Sequence[Any]) -> dict[str, Any]:
    """Unpack; returns the manifest."""
    document: dict[str, Any] | None = None
    with (
        path.open("rb") as source,
        _opened(source, path, identities, scratch.parent) as stream,
        tarfile.open(fileobj=stream, mode="r|") as tar,
    ):
        for entry in tar:
            if entry.name == MANIFEST:
                held = tar.extractfile(entry)
                document = json.loads(held.read()) if held else None
            else:
                _unpack(tar, entry, scratch)
    if document is None:
        raise WorkspaceError(f"the backup {path} is cut short: it has no {MANIFEST}")
    return document


def _unpack(tar: tarfile.TarFile, entry: tarfile.TarInfo, scratch: Path) -> None:
    """Write one file below `scratch`; filters of `tarfile` would do it, from Python 3.11.4 on."""
    held = tar.extractfile(entry) if entry.isreg() else None
    if held is None:
        raise ValueError(f"{entry.name} is no file")
    target = below(scratch, entry.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as out:
        shutil.copyfileobj(held, out)
    target.chmod(0o600)
    os.utime(target, (entry.mtime, entry.mtime))


def _check(path: Path, scratch: Path, document: dict[str, Any]) -> None:
    found = {p.relative_to(scratch).as_posix() for p in scratch.rglob("*") if p.is_file()}
    if found != set(document["files"]):
        raise WorkspaceError(f"the backup {path} holds other files than its {MANIFEST} names")
    for name, digest in document["files"].items():
        if sha256_file(scratch / name) != digest:
            raise WorkspaceError(f"the backup {path} is damaged: {name} is not as it was written")
    if LEDGER in found:
        with Ledger(scratch / LEDGER, read_only=True) as ledger:
            wrong = verify_ledger(ledger)
            if wrong or ledger.heads() != document["heads"]:
                told = wrong[0].what if wrong else "other heads than were told"
                raise WorkspaceError(f"the ledger of {path} does not verify: {told}")


# ---------------------------------------------------------------- encryption


def _age() -> Any:
    return extra_module("pyrage", "backup", "an encrypted backup")


def new_key(path: Path, passphrase: str | None) -> str:
    """Write a new secret key to `path`, under a passphrase where one is given; returns its public key.

    Raises:
        WorkspaceError: where the file is there already.
    """
    pyrage = _age()
    if path.exists():
        raise WorkspaceError(f"{path} is there already: a key is never overwritten")
    key = pyrage.x25519.Identity.generate()
    text = f"# public key: {key.to_public()}\n{key}\n"
    if passphrase:
        with atomic_path(path) as temporary:
            temporary.write_bytes(pyrage.passphrase.encrypt(text.encode(), passphrase))
    else:
        write_text(path, text)
    path.chmod(0o600)
    return str(key.to_public())


def read_identities(path: Path, passphrase: Callable[[], str]) -> list[Any]:
    """The secret keys of a file; `passphrase` is asked where it lies under one.

    Raises:
        WorkspaceError: where the file holds none, or the passphrase is another.
    """
    pyrage = _age()
    try:
        data = path.read_bytes()
        if data.startswith(b"age-encryption.org/"):
            data = pyrage.passphrase.decrypt(data, passphrase())
        lines = [line for line in data.decode().splitlines() if line and not line.startswith("#")]
        return [pyrage.x25519.Identity.from_str(line) for line in lines]
    except (OSError, UnicodeDecodeError, pyrage.DecryptError, pyrage.IdentityError) as err:
        raise WorkspaceError(f"{path} gives no key: {err}") from err


@contextmanager
def _sealed(target: IO[bytes], recipients: Sequence[str]) -> Iterator[IO[bytes]]:
    """A stream whose bytes arrive at `target` encrypted, or as they are where there are no recipients."""
    if not recipients:
        yield target
        return
    pyrage = _age()
    try:
        keys = [pyrage.x25519.Recipient.from_str(one) for one in recipients]
    except pyrage.RecipientError as err:
        raise WorkspaceError(f"[backup] recipients: {err}") from err
    with _piped(lambda reader: pyrage.encrypt_io(reader, target, keys)) as stream:
        yield stream


@contextmanager
def _piped(take: Callable[[IO[bytes]], None]) -> Iterator[IO[bytes]]:
    """A stream that another thread takes from."""
    read_end, write_end = os.pipe()
    failed: list[BaseException] = []

    def work() -> None:
        with os.fdopen(read_end, "rb") as reader:
            try:
                take(reader)
            except BaseException as err:  # noqa: BLE001 - it is raised where the stream is written
                failed.append(err)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        with os.fdopen(write_end, "wb") as stream:
            yield stream
    finally:
        thread.join()
    if failed:
        raise OSError(str(failed[0])) from failed[0]


@contextmanager
def _opened(source: IO[bytes], path: Path, identities: Sequence[Any], beside: Path) -> Iterator[IO[bytes]]:
    """What an encrypted file holds, laid down in a nameless file in `beside`; another file, as it is."""
    if path.suffix != ".age":
        yield source
        return
    if not identities:
        raise WorkspaceError(f"{path} is encrypted: --identity FILE names the secret key")
    pyrage = _age()
    with tempfile.TemporaryFile(dir=beside) as plain:
        try:
            pyrage.decrypt_io(source, plain, list(identities))
        except (pyrage.DecryptError, OSError) as err:
            raise WorkspaceError(f"{path} cannot be opened with this key: {err}") from err
        plain.seek(0)
        yield plain

"""A site's archived files by way of an object store, for workers that do not see the workspace's folder.

Every file is an object named by its SHA-256: what is there already is not sent again, and what arrives is
checked before it is read. The addresses are those of fsspec (`s3://`, `gs://`, `abfs://`, `sftp://`, `file://`,
…), and so is the way to give it keys; none is asked for or kept here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from campwatch.run.site_job import SiteWork
from campwatch.settings import LimitSettings, Settings
from campwatch.workspace import Workspace
from evidence.errors import WorkspaceError
from evidence.files import path_component, temporary_sibling
from evidence.hashing import sha256_bytes, sha256_file
from imagery.records import ArchivedProduct

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

WORKER_FOLDER = "CAMPWATCH_WORKER_FOLDER"
"""Variable of the environment that names where a worker keeps what it fetched, and what it computed."""
OF_WORKER = Path(".cache") / "campwatch-worker"
"""Where that is without it, in the home of who runs the worker."""


class ShareError(OSError):
    """An object store could not be reached, or holds other bytes than were sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedWork:
    """A site's work whose files lie in an object store."""

    share: str
    """Address of the store, with a folder in it."""
    work: SiteWork
    """With the paths of the machine that sent it."""
    files: Mapping[Path, str]
    """Each of those paths with the name of its object."""
    memory_gb: float
    """What measuring may take."""


def send(workspace: Workspace, work: SiteWork, share: str) -> SharedWork:
    """Put what the store lacks of a site's files there.

    Args:
        workspace: whose.
        work: what a run found of the site.
        share: address of the store.

    Raises:
        WorkspaceError: where it is no address, or what it needs is not installed.
        ShareError: where the store cannot be reached or written.
    """
    store, root = _store(share, work.site.id)
    files = {path: f"{digest}{path.suffix}" for path, digest in _files(work)}
    with _reaching(share):
        held = {Path(name).name: told["size"] for name, told in store.find(root, detail=True).items()}
        lacking = [path for path, name in files.items() if held.get(name) != path.stat().st_size]
        if lacking:
            store.makedirs(root, exist_ok=True)
            store.put([str(path) for path in lacking], [f"{root}/{files[path]}" for path in lacking])
    limits = workspace.settings.limits
    return SharedWork(share=share, work=work, files=files, memory_gb=limits.memory_gb)


def receive(shared: SharedWork) -> tuple[Workspace, SiteWork]:
    """What a worker measures, in a folder of its own: files that it has not yet are fetched and checked.

    Raises:
        ShareError: where the store cannot be read, or holds other bytes than were sent.
        WorkspaceError: where what the address needs is not installed here.
    """
    store, root = _store(shared.share, shared.work.site.id)
    folder = _worker_folder() / sha256_bytes(shared.share.encode())[:16]
    own = folder / "objects" / path_component(shared.work.site.id)
    own.mkdir(parents=True, exist_ok=True)
    lacking = [name for name in set(shared.files.values()) if not (own / name).exists()]
    if lacking:
        arriving = {name: temporary_sibling(own / name) for name in lacking}
        try:
            with _reaching(shared.share):
                store.get([f"{root}/{name}" for name in lacking], [str(path) for path in arriving.values()])
            for name, path in arriving.items():
                if sha256_file(path) != Path(name).stem:
                    raise ShareError(f"{name} in {_shown(shared.share)} holds other bytes than were sent")
                path.replace(own / name)
        finally:
            for path in arriving.values():
                path.unlink(missing_ok=True)
    settings = Settings(limits=LimitSettings(memory_gb=shared.memory_gb))
    return Workspace(folder=folder, settings=settings), _placed(shared, own)


def _placed(shared: SharedWork, own: Path) -> SiteWork:
    """The work with the paths of this machine."""
    work, files = shared.work, shared.files

    def here(products: Iterable[ArchivedProduct]) -> tuple[ArchivedProduct, ...]:
        return tuple(
            replace(one, bands={band: own / files[path] for band, path in one.bands.items()})
            for one in products
        )

    dem = tuple(own / files[path] for path in work.dem)
    return replace(work, products=here(work.products), landsat=here(work.landsat), dem=dem)


def _files(work: SiteWork) -> Iterable[tuple[Path, str]]:
    """Every file that is measured, with its SHA-256."""
    for product in (*work.products, *work.landsat):
        for band, path in product.bands.items():
            yield path, product.sha256.get(band) or sha256_file(path)
    for path in work.dem:
        yield path, sha256_file(path)


def _store(share: str, site_id: str) -> tuple[AbstractFileSystem, str]:
    """The store, and the folder of one site in it."""
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415 - an extra

        store, root = url_to_fs(share)
    except ImportError as err:
        raise WorkspaceError(f"--share {_shown(share)} needs a package that is not there: {err}") from err
    except ValueError as err:
        raise WorkspaceError(f"--share {_shown(share)}: {err}") from err
    store.invalidate_cache()
    return store, f"{root.rstrip('/')}/{path_component(site_id)}"


@contextmanager
def _reaching(share: str) -> Iterator[None]:
    """What goes wrong on the way to a store, in one kind: each has errors of its own."""
    try:
        yield
    except Exception as err:
        raise ShareError(f"{_shown(share)} could not be used ({type(err).__name__}: {err})") from err


def _shown(share: str) -> str:
    """An address without what may be a key in it."""
    scheme, _, rest = share.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if rest else share


def _worker_folder() -> Path:
    told = os.environ.get(WORKER_FOLDER)
    return Path(told) if told else Path.home() / OF_WORKER

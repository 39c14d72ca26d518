"""Whether a worker that sees no folder measures by way of an S3 store: the protocol itself, on loopback.

The store is moto's, which checks the signature of every request. `s3fs` is no dependency of campwatch and not
in its lock files (it wants a `botocore` of its own), so it is installed beside:

    pip install --target FOLDER s3fs
    PYTHONPATH=FOLDER python -m benchmarks.runs.share

Exits with 1 where rows differ, something is sent twice, or a wrong key is not told.
"""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from pathlib import Path

from campwatch.run.pipeline import RunOptions, run_workspace
from campwatch.run.share import WORKER_FOLDER, SharedWork, ShareError, send
from campwatch.run.site_job import site_work
from campwatch.run.workers import measure_shared
from campwatch.workspace import open_workspace
from evidence.ledger import Ledger
from tests.campwatch.conftest import site_document, write_workspace
from tests.servers import tiny
from tests.servers.store import BUCKET, Store, object_store


def use(store: Store, *, key: str) -> None:
    """Keys as users give them: by fsspec's own variables of the environment."""
    import fsspec  # noqa: PLC0415 - an extra
    import s3fs  # noqa: PLC0415 - not in the lock files

    told = {"ENDPOINT_URL": store.url, "KEY": key, "SECRET": store.secret_key}
    os.environ.update({f"FSSPEC_S3_{name}": value for name, value in told.items()})
    fsspec.config.conf.clear()
    fsspec.config.set_conf_env(fsspec.config.conf)
    s3fs.S3FileSystem.clear_instance_cache()


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="campwatch-share-") as temporary:
        base = Path(temporary)
        catalog = tiny.write_catalog(base / "source", dates=tiny.days(2, step=10))
        folder = write_workspace(base / "w", catalog, site_document())
        workspace = open_workspace(folder)
        run_workspace(workspace, RunOptions())
        with Ledger(workspace.ledger_path, read_only=True) as ledger:
            rows = {one.row_id for one in ledger.current() if one.row.layer != "alerts"}
        work = site_work(workspace, workspace.site_paths()[0])
        if work is None:
            raise SystemExit("the archive holds nothing")
        os.environ[WORKER_FOLDER] = str(base / "another machine")
        with object_store(base / "nothing") as store:
            use(store, key=store.access_key)
            shared = send(workspace, work, f"s3://{BUCKET}/share")
            held = stored(f"{BUCKET}/share")
            again = send(workspace, work, f"s3://{BUCKET}/share")
            (folder / "archive").rename(base / "out of sight")
            travelled: SharedWork = pickle.loads(pickle.dumps(shared))  # noqa: S301 - our own
            found = {row.row_id for row in measure_shared(travelled).rows}
            (base / "out of sight").rename(folder / "archive")
            use(store, key="WRONG")
            try:
                send(workspace, work, f"s3://{BUCKET}/share")
                refused = False
            except ShareError as err:
                refused = store.secret_key not in str(err)
            use(store, key=store.access_key)
            twice = stored(f"{BUCKET}/share") != held
    names = set(again.files.values())
    print(f"{len(held)} objects for {len(names)} different files; sent twice: {twice}")
    print(f"rows of the worker equal those of the run: {found == rows} ({len(rows)})")
    print(f"a wrong key is told, and shows no key: {refused}")
    return 0 if found == rows and not twice and refused and len(held) == len(names) else 1


def stored(where: str) -> dict[str, str]:
    """Objects, each with when it was written."""
    import s3fs  # noqa: PLC0415 - not in the lock files

    files = s3fs.S3FileSystem()
    files.invalidate_cache()
    return {name: str(told["LastModified"]) for name, told in files.find(where, detail=True).items()}


if __name__ == "__main__":
    sys.exit(main())

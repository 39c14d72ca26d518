"""Where sites are measured: in this process, in processes beside it, or by the workers of a Dask cluster.

All give the rows of one function, and only the process of the run appends them. A worker that dies, a message
that is lost, or a folder that two workers write at once cost time: the site is measured again, at last by the
run itself.
"""

from __future__ import annotations

import copyreg
import logging
import multiprocessing
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from campwatch.identity import code_identity, same_code
from campwatch.run.allocation import keep_freed_memory
from campwatch.run.share import SharedWork, ShareError, receive, send
from campwatch.run.site_job import SiteWork
from campwatch.workspace import Workspace, open_workspace
from evidence.errors import WatchError, WorkspaceError
from evidence.rows import Row

_log = logging.getLogger(__name__)

LOCAL = "local:"
"""Before a number: a cluster of so many processes on this machine, for as long as the run lasts."""
RETRIES = 2
"""Times that the cluster tries a site again that failed. Assumed: what stays is met by the run itself."""
CONNECT_S = 30
"""Seconds that a scheduler is waited for. Assumed."""


def _frozen(mapping: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(mapping)


def _thawed(mapping: MappingProxyType[Any, Any]) -> tuple[Any, ...]:
    """How a read-only mapping of a record travels."""
    return _frozen, (dict(mapping),)


copyreg.pickle(MappingProxyType, _thawed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a worker sends back."""

    rows: list[Row]
    code: Mapping[str, Any]
    """Identity of the code that measured."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Others that measure."""

    executor: Executor
    lost: tuple[type[BaseException], ...]
    """What is raised where a worker, or the way to it, is lost."""
    share: str | None = None
    """Address of an object store by way of which they get a site's files; None: they see the workspace."""

    def submit(self, workspace: Workspace, work: SiteWork) -> Future[Measured] | None:
        """Ask for the rows of a site; None where nobody is left to ask.

        Raises:
            WorkspaceError: where the object store's address cannot be used here.
        """
        try:
            if self.share is not None:
                return self.executor.submit(measure_shared, send(workspace, work, self.share))
            return self.executor.submit(measure_in_worker, str(workspace.folder), work)
        except self.lost as err:
            _log.warning("site %s is measured by the run itself: %s", work.site.id, _words(err))
            return None

    def rows(self, future: Future[Measured] | None, work: SiteWork) -> list[Row] | None:
        """The rows of a site; None where its worker was lost, and the run has to measure it itself.

        Raises:
            WatchError: what the worker met, or that it runs other code.
        """
        if future is None:
            return None
        try:
            measured = future.result()
        except self.lost as err:
            _log.warning("site %s is measured by the run itself: %s", work.site.id, _words(err))
            return None
        if not same_code(measured.code, code_identity()):
            raise WatchError(
                f"a worker runs other code than this run ({_version(measured.code)} there, "
                f"{_version(code_identity())} here): install the same version, Python and packages on both"
            )
        return measured.rows


def _words(error: BaseException) -> str:
    return str(error) if isinstance(error, ShareError) else f"a worker was lost ({type(error).__name__})"


def _version(code: Mapping[str, Any]) -> str:
    return f"campwatch {code['campwatch']}, code {code['source'][:12]}, Python {code['python']}"


def measure_in_worker(folder: str, work: SiteWork) -> Measured:
    """Measure one site away from the ledger; nothing is written but caches.

    Args:
        folder: the workspace, which the worker sees under the same path; its archive is read.
        work: what the run found there.
    """
    return _measured(open_workspace(Path(folder)), work)


def measure_shared(shared: SharedWork) -> Measured:
    """The same where the worker does not see the workspace: files come by way of an object store."""
    return _measured(*receive(shared))


def _measured(workspace: Workspace, work: SiteWork) -> Measured:
    from campwatch.run.site_bench import SiteBench  # noqa: PLC0415 - its libraries take seconds to load

    keep_freed_memory()
    return Measured(rows=SiteBench(workspace, work).rows(), code=code_identity())


@contextmanager
def open_workers(processes: int, dask: str | None, share: str | None = None) -> Iterator[Workers | None]:
    """Who measures beside the run; None where nobody does.

    Args:
        processes: of this machine.
        dask: address of a scheduler, or `local:N`.
        share: address of an object store, for workers of the scheduler that do not see the workspace.

    Raises:
        WorkspaceError: where the scheduler does not answer, or the extra is not installed.
    """
    if dask is not None:
        with _cluster(dask) as found:
            yield None if found is None else replace(found, share=share)
    elif processes > 1:
        with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
            yield Workers(pool, (BrokenProcessPool, CancelledError, OSError))
    else:
        yield None


@contextmanager
def _cluster(address: str) -> Iterator[Workers | None]:
    try:
        from distributed import Client, LocalCluster  # noqa: PLC0415 - an extra
        from distributed.comm import CommClosedError  # noqa: PLC0415
        from distributed.exceptions import WorkerStartTimeoutError  # noqa: PLC0415
        from distributed.scheduler import KilledWorker  # noqa: PLC0415
    except ImportError as err:
        raise WorkspaceError("--dask needs Dask: pip install 'campwatch[dask]'") from err
    lost = (KilledWorker, CommClosedError, WorkerStartTimeoutError, CancelledError, TimeoutError, OSError)
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # a lost worker is told once, by us
    if address.startswith(LOCAL):
        count = _count(address)
        try:
            cluster = LocalCluster(
                n_workers=count, threads_per_worker=1, processes=True, dashboard_address=None
            )
        except (RuntimeError, OSError) as err:  # a process ended while it started
            _log.warning("the run measures all sites itself, no cluster started: %s", err)
            yield None
            return
        with cluster, Client(cluster) as client:
            yield Workers(client.get_executor(pure=False, retries=RETRIES), lost)
        return
    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as err:
        raise WorkspaceError(f"no Dask scheduler answers at {address}: {err}") from err
    with client:
        yield Workers(client.get_executor(pure=False, retries=RETRIES), lost)


def _count(address: str) -> int:
    text = address.removeprefix(LOCAL)
    if not text.isdigit() or int(text) < 1:
        raise WorkspaceError(f"--dask {address}: local:N takes a number of processes")
    return int(text)

"""Where sites are measured: in this process, in processes beside it, or by the workers of a Dask cluster.

All give the rows of one function, and only the process of the run appends them. A worker that dies, a message
that is lost, or a folder that two workers write at once cost time: the site is measured again, at last by the
run itself. Processes of this machine also draw pages, from what the run has appended.

A large site is divided where workers see the workspace: first they put its scenes on the grid, then they
compute parts of its measurements, each into what is remembered between runs; at last one of them
measures it, and finds there what would take most of its time. What was lost is computed then.
"""

from __future__ import annotations

import copyreg
import logging
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from campwatch.identity import code_identity, same_code
from campwatch.run.allocation import keep_freed_memory
from campwatch.run.share import SharedWork, ShareError, receive, send
from campwatch.run.site_job import SiteWork
from campwatch.workspace import Workspace, open_workspace
from evidence.errors import WatchError, WorkspaceError
from evidence.ledger import Ledger
from evidence.rows import Row

if TYPE_CHECKING:
    from campwatch.run.site_bench import SiteBench

_log = logging.getLogger(__name__)

LOCAL = "local:"
"""Before a number: a cluster of so many processes on this machine, for as long as the run lasts."""
RETRIES = 2
"""Times that the cluster tries a site again that failed. Assumed: what stays is met by the run itself."""
RENEWALS = 3
"""Times that processes of this machine are started again in a run. Assumed: more is the fault of a site."""
PARTS_EACH = 2
"""Parts of a divided site for each process. Assumed: they take unequal time."""
DIVIDED_PX = 50_000
"""Pixels of a grid from which a site is worth dividing: 5 km². Assumed: four tiles of a search for coal."""
LARGE_PX = 250_000
"""Pixels from which a site is divided although there are others to measure: 25 km². Assumed."""
HERE = "127.0.0.1"
"""What a cluster of this machine listens on; its page of figures on any free port."""
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


@dataclass(slots=True)
class Asked:
    """What somebody was asked to do for a site."""

    site_id: str
    task: Callable[..., Any]
    arguments: tuple[Any, ...]
    future: Future[Any] | None = None
    """None where nobody took it."""

    def result(self) -> Any:
        """What came of it; waits for it, and raises what was raised over it."""
        if self.future is None:
            raise BrokenProcessPool
        return self.future.result()

    @property
    def is_lost(self) -> bool:
        """Whether it was not done, and will not be where the processes are gone."""
        if self.future is None or not self.future.done() or self.future.cancelled():
            return True
        return isinstance(self.future.exception(), BrokenProcessPool)


class Workers:
    """Others that measure, and where they are processes of this machine draw."""

    def __init__(
        self,
        executor: Executor,
        lost: tuple[type[BaseException], ...],
        *,
        processes: int = 1,
        share: str | None = None,
        here: bool = False,
        renew: Callable[[], Executor] | None = None,
    ) -> None:
        """Nobody is asked yet.

        Args:
            executor: whom to ask.
            lost: what is raised where a worker, or the way to it, is lost.
            processes: how many they are.
            share: address of an object store by way of which they get a site's files; None: they see the
                workspace.
            here: whether they are processes of this machine, which may read the ledger.
            renew: gives others where one was lost and took all with it.
        """
        self._executor, self._share, self.here = executor, share, here
        self.processes = processes
        self._lost: tuple[type[BaseException], ...] = (*lost, BrokenProcessPool)
        self._renew, self._renewals = renew, RENEWALS
        self._asked: list[Asked] = []

    def ask_rows(self, workspace: Workspace, work: SiteWork) -> Asked | None:
        """Ask for the rows of a site; None where its files cannot be handed over.

        Raises:
            WorkspaceError: where the object store's address cannot be used here.
        """
        if self._share is None:
            return self._ask(work.site.id, measure_in_worker, str(workspace.folder), work)
        try:
            return self._ask(work.site.id, measure_shared, send(workspace, work, self._share))
        except ShareError as err:
            _log.warning("site %s is measured by the run itself: %s", work.site.id, _words(err))
            return None

    def divides(self, size_px: int, sites: int) -> bool:
        """Whether a site is divided among them.

        Args:
            size_px: pixels of its grid.
            sites: that are to be measured in this run.
        """
        idle = sites < self.processes and size_px >= DIVIDED_PX
        return self._share is None and self.processes > 1 and (idle or size_px >= LARGE_PX)

    def compute_ahead(self, workspace: Workspace, work: SiteWork) -> None:
        """Have parts of a site computed, and wait for them: `ask_rows` then takes less.

        What fails or is lost is computed with the rows, which tell what is wrong.
        """
        parts = 1 + PARTS_EACH * self.processes
        for task, count in (
            (reference_in_worker, 1),
            (grid_in_worker, self.processes),
            (ahead_in_worker, parts),
        ):
            folder, site = str(workspace.folder), work.site.id
            for asked in [self._ask(site, task, folder, work, k, count) for k in range(count)]:
                try:
                    self._answer(asked)
                except self._lost as err:
                    _log.warning("a part of site %s is computed later: %s", site, _words(err))
                except Exception as err:  # noqa: BLE001 - met again, and told, where the rows are measured
                    _log.info("a part of site %s was not computed: %s", site, err)

    def ask_pages(self, workspace: Workspace, work: SiteWork, asked: Sequence[bool | None]) -> Asked:
        """Ask for pages of a site, from the ledger as it stands; `asked` as `SiteBench.draw` takes it."""
        return self._ask(work.site.id, draw_in_worker, str(workspace.folder), work, tuple(asked))

    def rows(self, asked: Asked | None) -> list[Row] | None:
        """The rows of a site; None where its worker was lost, and the run has to measure it itself.

        Raises:
            WatchError: what the worker met, or that it runs other code.
        """
        if asked is None:
            return None
        try:
            measured: Measured = self._answer(asked)
        except self._lost as err:
            _log.warning("site %s is measured by the run itself: %s", asked.site_id, _words(err))
            return None
        if not same_code(measured.code, code_identity()):
            raise WatchError(
                f"a worker runs other code than this run ({_version(measured.code)} there, "
                f"{_version(code_identity())} here): install the same version, Python and packages on both"
            )
        return measured.rows

    def pages(self, asked: Asked) -> list[Path] | None:
        """The pages that were drawn; None where the run has to draw them itself.

        Raises:
            WatchError: what the worker met.
        """
        try:
            drawn: list[Path] = self._answer(asked)
        except self._lost as err:
            _log.warning("the map of site %s is drawn by the run itself: %s", asked.site_id, _words(err))
            return None
        return drawn

    def _ask(self, site_id: str, task: Callable[..., Any], *arguments: Any) -> Asked:
        asked = Asked(site_id, task, arguments)
        self._asked.append(asked)
        self._submit(asked)
        return asked

    def _submit(self, asked: Asked) -> None:
        try:
            asked.future = self._executor.submit(asked.task, *asked.arguments)
        except self._lost:
            asked.future = None

    def _answer(self, asked: Asked) -> Any:
        """What came of it."""
        try:
            while True:
                try:
                    return asked.result()
                except BrokenProcessPool:
                    if not self._renewed():
                        raise
        finally:
            self._asked.remove(asked)

    def _renewed(self) -> bool:
        """Whether there are others again; what was lost is asked of them."""
        if self._renew is None or not self._renewals:
            return False
        self._renewals -= 1
        self._executor = self._renew()
        for asked in [one for one in self._asked if one.is_lost]:
            self._submit(asked)
        return True


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


def reference_in_worker(folder: str, work: SiteWork, _part: int, _parts: int) -> None:
    """Make what a site's scenes are held against; arguments as `grid_in_worker`."""
    _bench(open_workspace(Path(folder)), work).put_on_grid(slice(0))


def grid_in_worker(folder: str, work: SiteWork, part: int, parts: int) -> None:
    """Put a part of a site's scenes on its grid.

    Args:
        folder: the workspace, which the worker sees under the same path.
        work: what the run found there.
        part: from 0.
        parts: so many.
    """
    _bench(open_workspace(Path(folder)), work).put_on_grid(slice(part, None, parts))


def ahead_in_worker(folder: str, work: SiteWork, part: int, parts: int) -> None:
    """Compute a part of a site's measurements into what is remembered; arguments as `grid_in_worker`."""
    _bench(open_workspace(Path(folder)), work).measure_ahead(part, parts)


def measure_shared(shared: SharedWork) -> Measured:
    """The same where the worker does not see the workspace: files come by way of an object store."""
    return _measured(*receive(shared))


def draw_in_worker(folder: str, work: SiteWork, asked: Sequence[bool | None]) -> list[Path]:
    """Draw pages of one site in another process of the run's machine; the ledger is read.

    Args:
        folder: the workspace.
        work: what the run found there.
        asked: a page each, as `SiteBench.draw` takes it.
    """
    workspace = open_workspace(Path(folder))
    bench = _bench(workspace, work)
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        return [bench.draw(ledger, restricted=restricted) for restricted in asked]


def _measured(workspace: Workspace, work: SiteWork) -> Measured:
    return Measured(rows=_bench(workspace, work).rows(), code=code_identity())


def _bench(workspace: Workspace, work: SiteWork) -> SiteBench:
    from campwatch.run.site_bench import SiteBench  # noqa: PLC0415 - its libraries take seconds to load

    keep_freed_memory()
    return SiteBench(workspace, work)


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
        with _cluster(dask, share) as found:
            yield found
    elif processes > 1:
        with ExitStack() as pools:

            def pool() -> Executor:
                return pools.enter_context(
                    ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))
                )

            lost = (BrokenProcessPool, CancelledError, OSError)
            yield Workers(pool(), lost, processes=processes, here=True, renew=pool)
    else:
        yield None


@contextmanager
def _cluster(address: str, share: str | None) -> Iterator[Workers | None]:
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
                n_workers=count,
                threads_per_worker=1,
                processes=True,
                host=HERE,
                dashboard_address=f"{HERE}:0",
            )
        except (RuntimeError, OSError) as err:  # a process ended while it started
            _log.warning("the run measures all sites itself, no cluster started: %s", err)
            yield None
            return
        with cluster, Client(cluster) as client:
            executor = client.get_executor(pure=False, retries=RETRIES)
            yield Workers(executor, lost, processes=count, share=share, here=True)
        return
    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as err:
        raise WorkspaceError(f"no Dask scheduler answers at {address}: {err}") from err
    with client:
        executor = client.get_executor(pure=False, retries=RETRIES)
        yield Workers(executor, lost, processes=len(client.nthreads()), share=share)


def _count(address: str) -> int:
    text = address.removeprefix(LOCAL)
    if not text.isdigit() or int(text) < 1:
        raise WorkspaceError(f"--dask {address}: local:N takes a number of processes")
    return int(text)

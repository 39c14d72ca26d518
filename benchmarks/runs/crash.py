"""Crash a run at every write, fsync, rename and commit, and kill it at random: is it made whole again?

A small workspace on simulated products is run in a child process that ends itself, without any clean-up, at
the n-th such call (or is killed from outside after a random time). The next run must complete, its rows must
equal those of an undisturbed run row by row, and `verify` must be clean.

    python -m benchmarks.runs.crash                 every point, 100 random kills
    python -m benchmarks.runs.crash --points 8 --kills 3

POSIX only (fork); prints one line a failure and a summary; exits 1 where anything was lost.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from campwatch.pipeline import RunOptions, run_workspace  # noqa: E402
from campwatch.verification import verify_workspace  # noqa: E402
from campwatch.workspace import open_workspace  # noqa: E402
from evidence.ledger import Ledger  # noqa: E402
from tests.campwatch.conftest import site_document, write_workspace  # noqa: E402
from tests.servers import tiny  # noqa: E402

CRASHED = 99


class Trap:
    """Counts the calls that change the disk, and ends the process at one of them."""

    def __init__(self, at: int | None) -> None:
        self.at, self.count = at, 0

    def step(self) -> None:
        self.count += 1
        if self.count == self.at:
            os._exit(CRASHED)

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            self.step()
            result = function(*arguments, **options)
            self.step()
            return result

        return wrapped

    def install(self) -> None:
        for name in ("fsync", "replace", "rename", "mkdir", "unlink", "rmdir"):
            setattr(os, name, self.wrap(getattr(os, name)))
        Path.write_bytes = self.wrap(Path.write_bytes)  # type: ignore[method-assign]
        trap, connect = self, sqlite3.connect

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
                changes = sql.startswith(("COMMIT", "INSERT", "BEGIN"))
                if changes:
                    trap.step()
                cursor = super().execute(sql, *arguments)
                if changes:
                    trap.step()
                return cursor

        sqlite3.connect = lambda *a, **k: connect(*a, **k, factory=Connection)  # type: ignore[assignment]


def in_child(job: Callable[[], None]) -> int:
    """Start `job` in a child process; returns its pid."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            job()
            code = 0
        finally:
            os._exit(code)
    return pid


def ended(pid: int) -> int:
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def run(folder: Path) -> None:
    run_workspace(open_workspace(folder), RunOptions())


def rows(folder: Path) -> set[str]:
    with Ledger(folder / "ledger.sqlite", read_only=True) as ledger:
        return {stored.row_id for stored in ledger.current() if stored.row.layer != "alerts"}


def fresh(folder: Path, catalog: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return write_workspace(folder, catalog, site_document())


def whole(folder: Path, wanted: set[str]) -> str | None:
    """What the next run left wrong; None where it made everything whole."""
    if (code := ended(in_child(lambda: run(folder)))) != 0:
        return f"the next run ended with {code}"
    if rows(folder) != wanted:
        return "rows differ from those of an undisturbed run"
    findings = verify_workspace(open_workspace(folder), deep=True).findings
    return f"verify: {findings[0].where}: {findings[0].what}" if findings else None


def count_points(folder: Path) -> int:
    """How many points an undisturbed run passes; told through a file."""

    def job() -> None:
        trap = Trap(None)
        trap.install()
        run(folder)
        told = trap.count
        with Path(f"{folder}.count").open("w", encoding="utf-8") as stream:
            stream.write(str(told))

    if ended(in_child(job)) != 0:
        raise SystemExit("the undisturbed run failed")
    return int(Path(f"{folder}.count").read_text("utf-8"))


def crash_at(folder: Path, point: int) -> int:
    def job() -> None:
        Trap(point).install()
        run(folder)

    return ended(in_child(job))


def kill_after(folder: Path, seconds: float) -> None:
    pid = in_child(lambda: run(folder))
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    ended(pid)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=0, help="how many points, evenly spread; 0 for all")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--dates", type=int, default=3)
    options = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="campwatch-crash-"))
    catalog = tiny.write_catalog(base / "source", dates=tiny.days(options.dates, step=10))
    folder = fresh(base / "w", catalog)
    started = time.monotonic()
    total = count_points(folder)
    seconds = time.monotonic() - started
    wanted = rows(folder)
    step = max(1, total // options.points) if options.points else 1
    points = list(range(1, total + 1, step))
    lost = 0
    for point in points:
        code = crash_at(fresh(folder, catalog), point)
        problem = whole(folder, wanted) if code == CRASHED else f"did not crash but ended with {code}"
        if problem:
            lost += 1
            print(f"crash at {point} of {total}: {problem}")
    draw = random.Random(1)  # noqa: S311 - times, not secrets
    for number in range(options.kills):
        kill_after(fresh(folder, catalog), draw.uniform(0, seconds))
        if problem := whole(folder, wanted):
            lost += 1
            print(f"kill {number}: {problem}")
    shutil.rmtree(base)
    print(f"{len(points)} crashes at {total} points, {options.kills} random kills: {lost} not made whole")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())

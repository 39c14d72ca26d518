from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.errors import SourceError
from imagery.sources.budget import UnitBudget, catalog_units, processing_units
from imagery.sources.retry import QuotaError, Retrier, RetryableError, RetryPolicy, retry_after_s

NOW = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("side", "bands", "bits", "factor", "units"),
    [(100, 7, 16, 1, 0.089), (500, 7, 16, 1, 2.225), (1000, 11, 16, 1, 13.99), (500, 2, 32, 2.5, 3.179)],
)
def test_prices_are_the_published_ones(side: int, bands: int, bits: int, factor: float, units: float) -> None:
    assert processing_units(side, side, bands=bands, bits=bits, factor=factor) == pytest.approx(
        units, rel=5e-3
    )


def test_the_price_of_a_real_answer() -> None:
    assert processing_units(631, 1047, bands=3) == pytest.approx(2.5202064514160156)


def test_catalog_prices_are_bounded() -> None:
    assert catalog_units(1e8, 1) == 0.01
    assert catalog_units(1e14, 120) == 1.0
    assert catalog_units(1e8, 11.2) == pytest.approx(0.12)


def test_months_are_kept_apart_across_runs(tmp_path: Path) -> None:
    now = [NOW]
    for month in (11, 12):
        now[0] = NOW.replace(month=month)
        budget = UnitBudget(tmp_path / "b.json", units_per_month=10, now=lambda: now[0])
        with budget.purse(4) as purse:
            purse.take(3)
    assert (budget.spent("2026-11"), budget.spent("2026-12"), budget.remaining()) == (3, 3, 7)


def test_a_dead_process_leaves_its_units_charged(tmp_path: Path) -> None:
    budget = UnitBudget(tmp_path / "b.json", units_per_month=10, now=lambda: NOW)
    purse = budget.purse(4)
    purse.__enter__()
    assert UnitBudget(tmp_path / "b.json", units_per_month=10, now=lambda: NOW).remaining() == 6


def test_attempts_beyond_what_was_set_aside_are_paid_too(tmp_path: Path) -> None:
    budget = UnitBudget(tmp_path / "b.json", units_per_month=5, now=lambda: NOW)
    with budget.purse(2) as purse:
        purse.take(2)
        purse.take(2)
        with pytest.raises(QuotaError):
            purse.take(2)
    assert budget.spent() == 4


def test_a_spoiled_file_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text("{", encoding="utf-8")
    with pytest.raises(SourceError, match=r"b\.json"):
        UnitBudget(tmp_path / "b.json", units_per_month=5).spent()


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(0.01, 3), min_size=1, max_size=12))
def test_threads_together_never_exceed_it(
    tmp_path_factory: pytest.TempPathFactory, prices: list[float]
) -> None:
    budget = UnitBudget(tmp_path_factory.mktemp("b") / "b.json", units_per_month=5, now=lambda: NOW)

    def spend(price: float) -> float:
        try:
            with budget.purse(price) as purse:
                purse.take(price)
                return price
        except QuotaError:
            return 0.0

    with ThreadPoolExecutor(4) as pool:
        spent = sum(pool.map(spend, prices))
    assert spent <= 5 + 1e-9
    assert budget.spent() == pytest.approx(spent)


def spend_alone(path: Path, most: float) -> None:
    """One process among several; spends one unit at a time until there is none."""
    budget = UnitBudget(path, units_per_month=most, now=lambda: NOW)
    taken = 0
    while True:
        try:
            with budget.purse(1.0) as purse:
                purse.take(1.0)
        except QuotaError:
            break
        taken += 1
    (path.parent / f"taken-{os.getpid()}").write_text(str(taken), encoding="utf-8")


def test_processes_together_never_exceed_it_and_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    path = tmp_path / "b.json"
    crowd = [context.Process(target=spend_alone, args=(path, 60.0)) for _ in range(3)]
    for process in crowd:
        process.start()
    for process in crowd:
        process.join(120)
    taken = [int(found.read_text(encoding="utf-8")) for found in tmp_path.glob("taken-*")]
    assert (len(taken), sum(taken)) == (3, 60)
    assert UnitBudget(path, units_per_month=60, now=lambda: NOW).spent() == 60


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds


def failing(times: int, error: Exception):  # type: ignore[no-untyped-def]
    calls = []

    def action() -> int:
        calls.append(1)
        if len(calls) <= times:
            raise error
        return len(calls)

    return action


def test_waits_grow_are_scattered_and_capped() -> None:
    clock = Clock()
    policy = RetryPolicy(attempts=6, first_wait_s=1, factor=3, longest_wait_s=20)
    retrier = Retrier(policy, clock=clock, sleep=clock.sleep, jitter=lambda: 1.0)
    assert retrier.call(failing(5, RetryableError("x", status=503)), what="t") == 6
    assert clock.now == 1 + 3 + 9 + 20 + 20
    late = Clock()
    early = Retrier(policy, clock=late, sleep=late.sleep, jitter=lambda: 0.0)
    early.call(failing(5, RetryableError("x", status=503)), what="t")
    assert late.now == clock.now / 2


def test_it_ends_with_the_number_of_attempts() -> None:
    clock = Clock()
    retrier = Retrier(RetryPolicy(attempts=3), clock=clock, sleep=clock.sleep)
    with pytest.raises(SourceError, match="given up after 3 attempts") as caught:
        retrier.call(failing(99, RetryableError("busy", status=503)), what="t")
    assert caught.value.status == 503
    assert not isinstance(caught.value, RetryableError)


def test_what_is_not_worth_it_is_not_repeated() -> None:
    with pytest.raises(SourceError, match="gone"):
        Retrier(sleep=lambda _: pytest.fail("slept")).call(
            failing(1, SourceError("gone", status=404)), what="t"
        )


def test_a_pause_that_a_server_asks_for_holds_for_every_thread() -> None:
    clock = Clock()
    retrier = Retrier(RetryPolicy(first_wait_s=0.1), clock=clock, sleep=clock.sleep)
    retrier.call(failing(1, RetryableError("slow down", status=429, retry_after_s=40)), what="t")
    assert clock.now == 40
    retrier._not_before = 100
    retrier.call(lambda: 1, what="other thread")
    assert clock.now == 100


def test_a_run_that_is_broken_off_waits_for_nothing() -> None:
    retrier = Retrier(RetryPolicy(first_wait_s=300, longest_wait_s=300))
    threading.Timer(0.05, retrier.stop).start()
    started = time.monotonic()
    with pytest.raises(SourceError, match=r"broken off|given up after"):
        retrier.call(failing(9, RetryableError("x", status=503)), what="t")
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("value", "milliseconds", "seconds"),
    [
        (None, True, None),
        ("3398", True, 3.398),
        ("2", True, 2.0),
        ("2", False, 2.0),
        ("120", False, 120.0),
        ("Sun, 22 Nov 2026 00:00:30 GMT", True, 30.0),
        ("Wed, 21 Oct 2020 07:28:00 GMT", False, 0.0),
        ("soon", False, None),
        ("-5", False, None),
        ("nan", True, None),
    ],
)
def test_retry_after_is_read_in_every_unit(
    value: str | None, milliseconds: object, seconds: float | None
) -> None:
    assert retry_after_s(value, now=NOW, milliseconds=bool(milliseconds)) == seconds

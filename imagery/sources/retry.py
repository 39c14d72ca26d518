"""Trying again: the one place where anything is sent twice. Capped, jittered, clock and sleep injected."""

from __future__ import annotations

import datetime as dt
import email.utils
import logging
import math
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from evidence.errors import SourceError

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

RETRIED_STATUS = frozenset({408, 429, 500, 502, 503, 504})
SMALLEST_MILLISECONDS = 100
"""Sentinel Hub states Retry-After in milliseconds; a number below this can only be meant as seconds.
Assumed."""


class RetryableError(SourceError):
    """Worth another attempt.

    Args:
        message: what happened.
        status: HTTP status.
        url: without credentials.
        retry_after_s: what the server asked for.
    """

    def __init__(  # noqa: D107 - the class says it
        self,
        message: str,
        *,
        status: int | None = None,
        url: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, status=status, url=url)
        self.retry_after_s = retry_after_s


class NoAnswerError(RetryableError):
    """Nothing came back, or not in time: the connection was refused, cut or too slow."""


class GivenUpError(SourceError):
    """Tried as often and as long as is allowed, without an answer."""


class QuotaError(SourceError):
    """The month's budget or the provider's quota is spent; nothing is sent until the next month."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often, how long."""

    attempts: int = 5
    first_wait_s: float = 1.0
    factor: float = 3.0
    longest_wait_s: float = 60.0
    longest_asked_s: float = 300.0
    """A server that asks for more than this is not waited for."""
    total_s: float = 900.0
    """No new attempt later than this after the first."""


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """What is left of the run's own time; for ever where the settings name no limit."""

    until: float = math.inf
    """On `clock`."""
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def of_minutes(cls, minutes: float | None) -> TimeLeft:
        """From now on."""
        return cls() if minutes is None else cls(until=time.monotonic() + minutes * 60)

    def seconds(self) -> float:
        """None of it is left at 0."""
        return max(0.0, self.until - self.clock())


class Retrier:
    """Calls again what failed for a while; a pause that a server asked for holds for every thread."""

    def __init__(
        self,
        policy: RetryPolicy | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
        jitter: Callable[[], float] = random.random,
        time_left: TimeLeft | None = None,
    ) -> None:
        """Take the policy, what tells, spends and scatters time, and how much of it the run has left."""
        self.policy = policy or RetryPolicy()
        self.time_left = time_left or TimeLeft()
        self._stopped = threading.Event()
        self._clock, self._sleep, self._jitter = clock, sleep or self._stopped.wait, jitter
        self._lock = threading.Lock()
        self._not_before = -math.inf

    def call(self, action: Callable[[], Answer], *, what: str) -> Answer:
        """The answer of `action`, called as often as the policy allows.

        Raises:
            SourceError: the last failure, with the number of attempts; at once where trying again is useless.
        """
        started, attempt = self._clock(), 0
        while True:
            self._hold()
            if self._stopped.is_set():
                raise SourceError(f"{what}: broken off")
            if self.time_left.seconds() <= 0:
                raise SourceError(f"{what}: not asked for, the time of this run is up")
            attempt += 1
            try:
                return action()
            except RetryableError as error:
                wait = self._wait_s(error, attempt)
                if not self._again(error, attempt, wait, started):
                    raise _exhausted(error, attempt) from error
                log.info("%s: %s; attempt %d follows in %.1f s", what, error, attempt + 1, wait)
                self._pause(wait, shared=error.retry_after_s is not None)

    def stop(self) -> None:
        """End every wait and try nothing again: the run is being broken off."""
        self._stopped.set()

    def _again(self, error: RetryableError, attempt: int, wait: float, started: float) -> bool:
        policy = self.policy
        asked_too_much = (error.retry_after_s or 0.0) > policy.longest_asked_s
        in_time = self._clock() + wait - started <= policy.total_s
        in_time = in_time and wait < self.time_left.seconds()
        return attempt < policy.attempts and in_time and not asked_too_much and not self._stopped.is_set()

    def _wait_s(self, error: RetryableError, attempt: int) -> float:
        policy = self.policy
        own = min(policy.longest_wait_s, policy.first_wait_s * policy.factor ** (attempt - 1))
        scattered = own * (0.5 + 0.5 * self._jitter())
        return max(scattered, error.retry_after_s or 0.0)

    def _pause(self, wait: float, *, shared: bool) -> None:
        if shared:
            with self._lock:
                self._not_before = max(self._not_before, self._clock() + wait)
        else:
            self._sleep(wait)

    def _hold(self) -> None:
        with self._lock:
            rest = self._not_before - self._clock()
        if rest > 0:
            self._sleep(min(rest, self.time_left.seconds()))


def _exhausted(error: RetryableError, attempts: int) -> SourceError:
    if (error.retry_after_s or 0.0) > 0 and attempts == 1:
        message = f"{error}; asked to wait {error.retry_after_s:.0f} s, which is too long"
    else:
        message = f"{error}; given up after {attempts} attempts"
    kind = GivenUpError if isinstance(error, NoAnswerError) else SourceError
    return kind(message, status=error.status, url=error.url)


def retry_after_s(value: str | None, *, now: dt.datetime, milliseconds: bool = False) -> float | None:
    """A Retry-After header in seconds: a number or an HTTP date; None where it says nothing usable.

    Args:
        value: the header.
        now: to subtract from a date.
        milliseconds: the provider documents milliseconds; a number too small for that means seconds.
    """
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        return _until(value, now)
    if not math.isfinite(number) or number < 0:
        return None
    return number / 1000 if milliseconds and number >= SMALLEST_MILLISECONDS else number


def _until(value: str, now: dt.datetime) -> float | None:
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return max(0.0, (moment - now).total_seconds())

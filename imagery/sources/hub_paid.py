"""Exchanges with Sentinel Hub, each attempt paid for before it goes out and settled by what comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sentinelhub.config import SHConfig
from sentinelhub.exceptions import BaseSentinelHubException

from evidence.errors import SourceError
from imagery.budget import Purse, UnitBudget
from imagery.sources.http import Http
from imagery.sources.retry import Retrier
from imagery.sources.sentinelhub_client import Client, Tokens, plain_failure

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidLine:
    """Credentials, session, retries and budget of one deployment."""

    config: SHConfig
    tokens: Tokens
    http: Http
    retrier: Retrier
    budget: UnitBudget

    def client(self) -> Client:
        """The library's client with our limits; one per exchange, since its lock is per object."""
        return Client(self.config, tokens=self.tokens, http=self.http, on_quota=self.budget.refuse)

    def ask(
        self, action: Callable[[], tuple[Answer, float | None]], purse: Purse, *, units: float, what: str
    ) -> Answer:
        """The answer of `action`, tried as often as the retrier allows; an answer that is an error is free.

        Args:
            action: sends one request; gives its answer and the units that the provider says it took.
            purse: pays for each attempt.
            units: price of an attempt.
            what: is asked for, in words.

        Raises:
            QuotaError: where the purse cannot pay.
            SourceError: where no attempt succeeds.
        """

        def attempt() -> Answer:
            purse.take(units)
            try:
                answer, spent = action()
            except SourceError as error:
                if error.status is not None:
                    purse.give_back(units)  # only answers of 2xx cost
                raise
            except (BaseSentinelHubException, ValueError, KeyError, TypeError, AttributeError) as error:
                raise plain_failure(error) from error
            if spent is not None:
                purse.give_back(units - spent)
            return answer

        return self.retrier.call(attempt, what=what)

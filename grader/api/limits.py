"""Rate limits per person and per address.

Each process counts separately, so with several replicas the limits apply to each replica.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.requests import Request

from grader.api.connections import network_of
from grader.api.problems import HttpProblem
from grader.errors import BadCall
from grader.intake.turns import Turns
from grader.settings import Settings

REQUESTS, LOGINS, UPLOADS = "requests", "failed logins", "uploads"
ACCOUNT, ACCOUNT_HERE = "logins to one account", "logins to one account from one address"
LINKS = "login links"
_NETWORKS = 10
"""The limit of an account is this many times its limit from one address: who fails on purpose does not lock its person
out, and who guesses from many addresses is limited."""

STREAM_SECONDS = 10
"""Seconds in the header Retry-After of a response that refuses an event stream."""


class RateLimits:
    """Counters of requests, failed logins, uploads and event streams, by person or address."""

    def __init__(self, settings: Settings) -> None:
        """Create the counters. Raise `BadCall` if a setting is not a rate such as "30/minute"."""
        self._window = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._rates = {
            REQUESTS: _rate("GRADER_RATE_LIMIT", settings.rate_limit),
            LOGINS: _rate("GRADER_RATE_LIMIT_LOGINS", settings.rate_limit_logins),
            UPLOADS: _rate("GRADER_RATE_LIMIT_UPLOADS", settings.rate_limit_uploads),
            ACCOUNT: _rate("GRADER_RATE_LIMIT_ACCOUNT", settings.rate_limit_account, _NETWORKS),
            ACCOUNT_HERE: _rate("GRADER_RATE_LIMIT_ACCOUNT", settings.rate_limit_account),
            LINKS: _rate("GRADER_RATE_LIMIT_LINKS", settings.rate_limit_links),
        }
        self._most_streams = settings.streams_limit
        self._streams = Turns(settings.streams_limit)

    def hit(self, kind: str, key: str, *, counted: bool = True) -> None:
        """Count one event, such as an upload, for a person or an address. Raise 429 if the rate limit is exceeded. An
        event that is not counted is only checked."""
        rate = self._rates[kind]
        check = self._window.hit if counted else self._window.test
        if rate is None or check(rate, kind, key):
            return
        wait = max(1, math.ceil(self._window.get_window_stats(rate, kind, key).reset_time - time.time()))
        seconds = rate.get_expiry()
        period = f"{seconds} s" if seconds % 60 else f"{seconds // 60} min"
        detail = f"{kind} are limited to {rate.amount} in {period}; wait {wait} s"
        raise HttpProblem(429, "too-many", "Too many requests", detail, retry_seconds=wait)

    @asynccontextmanager
    async def stream(self, person: str) -> AsyncIterator[None]:
        """Count an event stream while it is open. Raise 429 if the person has too many open streams."""
        if self._streams.is_full(person):
            detail = f"you may watch {self._most_streams} gradings at the same time: close another one first"
            raise HttpProblem(429, "too-many-streams", "Too many streams", detail, retry_seconds=STREAM_SECONDS)
        async with self._streams.of(person):
            yield


def _rate(name: str, text: str, times: int = 1) -> RateLimitItem | None:
    """Parse the rate in the setting `name`, such as "30/minute"; None for an empty one, which means no limit. Return a
    rate that allows `times` as many events."""
    if not text.strip():
        return None
    try:
        rate = parse(text)
        return type(rate)(rate.amount * times, rate.multiples)
    except ValueError:
        raise BadCall(f'{name}={text} is not a rate: write "1200/minute", or leave it empty for no limit') from None


def limit(request: Request, kind: str, person: str | None = None, *, counted: bool = True) -> None:
    """Count an event, such as an upload, for the person with this id. If `person` is None, count it for the client's
    address. Raise 429 if the rate limit is exceeded. An event that is not counted is only checked."""
    limits: RateLimits = request.app.state.limits
    limits.hit(kind, person or network_of(request.client.host if request.client else ""), counted=counted)


def limit_account(request: Request, login: str) -> None:
    """Count a login, or a login link, for the account `login`. Raise 429 if there are too many from the client's
    address or from all addresses."""
    address = network_of(request.client.host if request.client else "")
    limit(request, ACCOUNT_HERE, f"{address} {login}")
    limit(request, ACCOUNT, login)

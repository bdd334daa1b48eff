"""Routes for operators: health, metrics and the queue."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

import structlog
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from grader.api.identity import Caller, TheCaller, TheService
from grader.api.metrics import Metrics
from grader.api.openapi import problem_responses
from grader.api.problems import HttpProblem, not_found
from grader.api.schemas import AliveOut, PartOfServiceOut, QueuedOut, QueueOut, ReadinessOut, UnservedOut, WorkerOut
from grader.errors import OurFailure, StoreUnavailable
from grader.service import Service
from grader.store import counts, facts, gradings, workers
from grader.store.database import now
from grader.store.records import Role

log = structlog.get_logger()
router = APIRouter(prefix="/api/v1", tags=["operations"])
open_router = APIRouter(tags=["operations"])
"""Routes that need no login."""

NO_LOGIN: dict[str, Any] = {"security": []}
"""Value of the argument `openapi_extra` for routes that need no login."""


@open_router.get("/healthz", openapi_extra=NO_LOGIN, summary="Does the process answer?")
def is_alive() -> AliveOut:
    """Report that the process responds; nothing else is checked. If this request fails, restart the service. If only
    /readyz fails, wait."""
    return AliveOut(ok=True)


@open_router.get(
    "/readyz",
    openapi_extra=NO_LOGIN,
    summary="Can the service accept and grade submissions?",
    responses={503: {"model": ReadinessOut, "description": "Not ready; the response has the reasons"}},
)
def is_ready(service: TheService, response: Response) -> ReadinessOut:
    """Report whether database, sandbox and queue are ready, and the reason if one of them is not. With PostgreSQL, also
    report whether a worker is alive. Without workers the service is still ready, because submissions wait in the
    queue."""
    parts = {
        "database": _readiness(lambda: _database_trouble(service)),
        "sandbox": _readiness(service.queue.trouble),
        "queue": _readiness(lambda: _queue_trouble(service)),
    }
    ok = all(part.ok for part in parts.values())
    if service.settings.has_postgresql:
        parts["workers"] = _readiness(lambda: _workers_trouble(service))
    response.status_code = 200 if ok else 503
    return ReadinessOut(ok=ok, parts=parts)


def _readiness(trouble: Callable[[], str]) -> PartOfServiceOut:
    try:
        why = trouble()
    except StoreUnavailable as failure:
        log.warning("not ready", why=str(failure))
        why = "the database cannot be used; the service's log says why"
    except OurFailure as failure:
        why = str(failure)
    return PartOfServiceOut(ok=not why, why=why)


def _database_trouble(service: Service) -> str:
    """Test whether the database can be written. Return "" if it can. Otherwise raise `StoreUnavailable`, for example
    because the disk is full."""
    with service.store.write() as tx:
        facts.touch(tx)
    return ""


def _queue_trouble(service: Service) -> str:
    with service.store.read() as tx:
        waiting = gradings.waiting(tx)
    limit = service.settings.queue_limit
    return "" if waiting < limit else f"{waiting} submissions are waiting; the limit is {limit} (GRADER_QUEUE_LIMIT)"


def _workers_trouble(service: Service) -> str:
    with service.store.read() as tx:
        return "" if workers.live(tx) else "no worker is alive: start one with `grader worker`"


_TEXT = {"schema": {"type": "string"}}


@open_router.get(
    "/metrics",
    openapi_extra=NO_LOGIN,
    summary="Metrics for Prometheus",
    response_class=Response,
    responses=problem_responses(401) | {200: {"content": {CONTENT_TYPE_LATEST: _TEXT}}},
)
def get_metrics(request: Request, service: TheService) -> Response:
    """Return the metrics. If GRADER_METRICS_TOKEN is set, requests must send it as a bearer token."""
    wanted = service.settings.metrics_token
    given = request.headers.get("authorization", "")
    if wanted and not hmac.compare_digest(given.encode(), f"Bearer {wanted}".encode()):
        detail = "send GRADER_METRICS_TOKEN as Authorization: Bearer …"
        raise HttpProblem(401, "unauthorized", "The metrics token is missing", detail, {"WWW-Authenticate": "Bearer"})
    metrics: Metrics = request.app.state.metrics
    return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


@router.get("/queue", summary="Show the queue", tags=["staff"])
def get_queue(service: TheService, caller: TheCaller) -> QueueOut:
    """Return the size of the whole queue, and the queued and running gradings of the caller's courses. Only for
    staff."""
    courses = _staffed_courses(caller)
    if courses == []:
        raise not_found("page")
    with service.store.read() as tx:
        waiting, listed = counts.waiting(tx), counts.queue_entries(tx, courses)
        alive, unserved = workers.live(tx), workers.unserved(tx)
    oldest = min((some.oldest for some in waiting), default=None)
    return QueueOut(
        waiting={some.priority.name.lower(): some.gradings for some in waiting},
        oldest_seconds=round((now() - oldest).total_seconds(), 1) if oldest else None,
        gradings=[QueuedOut.of(one) for one in listed],
        workers=[WorkerOut.model_validate(worker) for worker in alive],
        unserved=[UnservedOut.model_validate(found) for found in unserved],
    )


def _staffed_courses(caller: Caller) -> list[str] | None:
    """Return the ids of the courses in which the caller is staff; None for an admin, who may see all courses."""
    if caller.person.admin:
        return None
    return [course for course, role in caller.roles.items() if role is Role.STAFF]

"""For those who run the service: health, metrics, the queue."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

import structlog
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from grader.api.identity import Caller, TheCaller
from grader.api.metrics import Metrics
from grader.api.problems import Problem, not_found
from grader.api.schemas import AliveOut, PartOfServiceOut, QueuedOut, QueueOut, ReadinessOut, UnservedOut, WorkerOut
from grader.api.wiring import TheService
from grader.errors import OurFailure, StoreUnavailable
from grader.service import Service
from grader.store import counts, facts, gradings, workers
from grader.store.database import now
from grader.store.records import Role

log = structlog.get_logger()
router = APIRouter(tags=["operations"])


@router.get("/healthz", summary="Does the process answer?")
def is_alive() -> AliveOut:
    """It asks nobody else: what is not alive should be started anew, what is not ready should be waited for."""
    return AliveOut(ok=True)


@router.get(
    "/readyz",
    summary="Can it take and grade submissions?",
    responses={503: {"model": ReadinessOut, "description": "It cannot; each part says why"}},
)
def is_ready(service: TheService, response: Response) -> ReadinessOut:
    """The database, the sandbox and the queue, each with ok and why not. Where others grade, `workers` says whether any
    is alive; without one, submissions are kept and wait, so that this alone turns nobody away."""
    parts = {
        "database": _part(lambda: _database(service)),
        "sandbox": _part(service.queue.trouble),
        "queue": _part(lambda: _queue(service)),
    }
    ok = all(part.ok for part in parts.values())
    if service.settings.has_postgresql:
        parts["workers"] = _part(lambda: _workers(service))
    response.status_code = 200 if ok else 503
    return ReadinessOut(ok=ok, parts=parts)


def _part(trouble: Callable[[], str]) -> PartOfServiceOut:
    try:
        why = trouble()
    except StoreUnavailable as failure:
        log.warning("not ready", why=str(failure))
        why = "the database cannot be used; the service's log says why"
    except OurFailure as failure:
        why = str(failure)
    return PartOfServiceOut(ok=not why, why=why)


def _database(service: Service) -> str:
    """Written to, since a full disk can still be read."""
    with service.store.write() as tx:
        facts.touch(tx)
    return ""


def _queue(service: Service) -> str:
    with service.store.read() as tx:
        waiting = gradings.waiting(tx)
    limit = service.settings.queue_limit
    return "" if waiting < limit else f"{waiting} submissions wait, and {limit} may (GRADER_QUEUE_LIMIT)"


def _workers(service: Service) -> str:
    with service.store.read() as tx:
        return "" if workers.live(tx) else "no worker is alive: submissions wait until grader worker runs"


_TEXT = {"schema": {"type": "string"}}


@router.get(
    "/metrics",
    summary="Numbers for Prometheus",
    response_class=Response,
    responses={200: {"content": {CONTENT_TYPE_LATEST: _TEXT}}},
)
def get_metrics(request: Request, service: TheService) -> Response:
    """Where GRADER_METRICS_TOKEN is set, it must come as a bearer token."""
    wanted = service.settings.metrics_token
    given = request.headers.get("authorization", "")
    if wanted and not hmac.compare_digest(given.encode(), f"Bearer {wanted}".encode()):
        detail = "send GRADER_METRICS_TOKEN as Authorization: Bearer …"
        raise Problem(401, "unauthorized", "Not without the token", detail, {"WWW-Authenticate": "Bearer"})
    metrics: Metrics = request.app.state.metrics
    return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


@router.get("/api/v1/queue", summary="What waits and runs", tags=["staff"])
def get_queue(service: TheService, caller: TheCaller) -> QueueOut:
    """The whole queue in numbers, and one by one what is of courses that the caller is staff of."""
    courses = _courses(caller)
    if courses == []:
        raise not_found("page")
    with service.store.read() as tx:
        waiting, listed = counts.waiting(tx), counts.in_queue(tx, courses)
        alive, unserved = workers.live(tx), workers.unserved(tx)
    oldest: Any = min((some.oldest for some in waiting), default=None)
    return QueueOut(
        waiting={some.priority.name.lower(): some.gradings for some in waiting},
        oldest_seconds=round((now() - oldest).total_seconds(), 1) if oldest else None,
        gradings=[QueuedOut.of(one) for one in listed],
        workers=[WorkerOut.of(worker) for worker in alive],
        unserved=[UnservedOut.of(found) for found in unserved],
    )


def _courses(caller: Caller) -> list[str] | None:
    """None is all of them."""
    if caller.is_admin:
        return None
    return [course for course, role in caller.roles.items() if role is Role.STAFF]

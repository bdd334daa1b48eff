"""The service's health, metrics and queue, for operators and staff."""

from __future__ import annotations

import datetime as dt
import hmac
import shutil
import tempfile
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BeforeValidator

from grader.api.identity import TheCaller, TheService
from grader.api.metrics import Metrics
from grader.api.openapi import problem_responses
from grader.api.problems import HttpProblem, not_found
from grader.api.receipts import signing_key
from grader.api.rendering import page
from grader.api.schemas import Out
from grader.bounds import MAX_UPLOAD_BYTES, MIB
from grader.errors import OurFailure, StoreUnavailable
from grader.service import Service
from grader.settings import Settings
from grader.store import counts, installation, outbox, queue, workers
from grader.store.database import now
from grader.store.records import Kind, Role, State
from grader.store.submissions import authors_of

log = structlog.get_logger()
router = APIRouter(prefix="/api/v1", tags=["operations"])
open_router = APIRouter(tags=["operations"])
"""Routes that need no login."""
pages = APIRouter(include_in_schema=False)

LOOPBACK = ("127.0.0.1", "::1")
"""Addresses of this machine."""
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-proto", "x-real-ip")
"""Headers that proxies add to requests."""

NO_LOGIN: dict[str, Any] = {"security": []}
"""Value of the argument `openapi_extra` for routes that need no login."""


# ── health and metrics ───────────────────────────────────────────────────────────────────────────────


class PartOfServiceOut(Out):
    ok: bool
    why: str
    """Reason if not ok, otherwise empty."""


class ReadinessOut(Out):
    ok: bool
    parts: dict[str, PartOfServiceOut]
    """database, sandbox, queue, uploads; with PostgreSQL also workers."""


@open_router.get("/healthz", openapi_extra=NO_LOGIN)
def is_alive() -> dict[str, bool]:
    """Report that the process responds.

    Nothing else is checked. If this request fails, restart the service. If only /readyz fails, wait.
    """
    return {"ok": True}


@open_router.get(
    "/readyz",
    openapi_extra=NO_LOGIN,
    responses={503: {"model": ReadinessOut, "description": "Not ready; the response has the reasons"}},
)
def is_ready(service: TheService, response: Response) -> ReadinessOut:
    """Report whether the service can accept and grade submissions.

    Report whether database and sandbox are ready, and the reason if one of them is not. Also report whether the queue
    is full, whether the disk has room for the largest upload and, with PostgreSQL, whether a worker is ready. If not,
    the service is still ready, because it stores submissions, or at least small ones.
    """
    parts = _parts(service)
    ok = parts["database"].ok and parts["sandbox"].ok
    response.status_code = 200 if ok else 503
    return ReadinessOut(ok=ok, parts=parts)


def _parts(service: Service) -> dict[str, PartOfServiceOut]:
    """Return whether each part of the service is ready, by the part's name."""
    troubles: dict[str, Callable[[Service], str]] = {
        "database": _database_trouble,
        "sandbox": lambda service: service.queue.trouble(),
        "queue": _queue_trouble,
        "uploads": _uploads_trouble,
    }
    if service.settings.has_postgresql:
        troubles["workers"] = _workers_trouble
    return {name: _readiness(service, trouble) for name, trouble in troubles.items()}


def _readiness(service: Service, trouble: Callable[[Service], str]) -> PartOfServiceOut:
    """Return whether a part of the service is ready. `trouble` returns the reason if it is not, otherwise ""."""
    try:
        why = trouble(service)
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
        installation.check_writable(tx)
    return ""


def _queue_trouble(service: Service) -> str:
    with service.store.read() as tx:
        waiting = queue.waiting(tx)
    limit = service.settings.queue_limit
    if waiting < limit:
        return ""
    return f"{waiting} submissions are waiting; the limit is {limit} (GRADER_QUEUE_LIMIT)"


def _uploads_trouble(service: Service) -> str:
    """Return a reason if the disk on which uploads wait (`SpooledUploads`) has no room for the largest one."""
    settings = service.settings
    try:
        folder = tempfile.gettempdir() if settings.has_postgresql else settings.home
        free_mib = shutil.disk_usage(folder).free // MIB
    except OSError as missing:
        return f"uploads cannot be kept on disk ({missing.strerror}): check GRADER_HOME, or TMPDIR with PostgreSQL"
    if free_mib > MAX_UPLOAD_BYTES // MIB:
        return ""
    return f"the disk for uploads has {free_mib} MiB left: free some space in GRADER_HOME, or in TMPDIR with PostgreSQL"


def _workers_trouble(service: Service) -> str:
    with service.store.read() as tx:
        if workers.live(tx):
            return ""
    return "no worker is alive: start one with `grader worker`; one that runs leaves while its self-test fails"


_TEXT = {"schema": {"type": "string"}}


@open_router.get(
    "/metrics",
    openapi_extra=NO_LOGIN,
    response_class=Response,
    responses=problem_responses(401) | {200: {"content": {CONTENT_TYPE_LATEST: _TEXT}}},
)
def get_metrics(request: Request, service: TheService) -> Response:
    """Return metrics for Prometheus.

    Requests must send GRADER_METRICS_TOKEN as a bearer token. If it is not set, only programs on this machine may read
    the metrics, not through a proxy, and only if GRADER_URL is an address of this machine.
    """
    token = service.settings.metrics_token
    if token:
        authorization = request.headers.get("authorization", "")
        may_read = hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode())
    else:
        may_read = _is_sent_from_here(request, service.settings)
    if not may_read:
        detail = "set GRADER_METRICS_TOKEN, and send it as Authorization: Bearer …"
        raise HttpProblem(401, "unauthorized", "The metrics token is missing", detail, {"WWW-Authenticate": "Bearer"})
    metrics: Metrics = request.app.state.metrics
    for name, part in _parts(service).items():
        metrics.readiness(name, part.ok)
    return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


def _is_sent_from_here(request: Request, settings: Settings) -> bool:
    """Return whether a program on this machine sent a request, and no proxy on this machine passed it on. Not every
    proxy adds headers to requests, so return False if GRADER_URL is not an address of this machine."""
    if urlsplit(settings.url).hostname not in (None, "localhost", *LOOPBACK):
        return False
    if any(name in request.headers for name in _FORWARDED):
        return False
    return request.client is not None and request.client.host in LOOPBACK


@open_router.get("/.well-known/jwks.json", openapi_extra=NO_LOGIN)
def get_receipt_keys(service: TheService) -> dict[str, list[dict[str, Any]]]:
    """Get the public key that verifies the signatures of receipts, as a JSON Web Key Set."""
    return {"keys": [signing_key(service.store).as_dict(private=False)]}


# ── the queue ────────────────────────────────────────────────────────────────────────────────────────

PriorityName = Annotated[str, BeforeValidator(lambda priority: priority.name.lower())]


class QueuedOut(Out):
    grading: str
    submission: str
    course: str
    assignment: str
    kind: Kind
    state: State
    priority: PriorityName
    queued_at: dt.datetime
    started_at: dt.datetime | None
    worker: str | None


class WorkerOut(Out):
    name: str
    """Machine and process."""
    processes: int
    """Number of processes; one is for pre-checks only."""
    at_a_time: int
    """Number of gradings that run at the same time, without pre-checks."""
    sandbox: str
    since: dt.datetime
    compatibility_keys: list[str]
    """Compatibility keys of the gradings that the worker takes; empty for all."""


class UnservedOut(Out):
    compatibility_key: str
    gradings: int
    """Number of waiting gradings."""
    since: dt.datetime
    why: str
    """Reason, and what to do."""


class QueueOut(Out):
    waiting: dict[str, int]
    """Number of waiting gradings by priority."""
    oldest_seconds: float | None
    """Waiting time of the oldest grading."""
    gradings: list[QueuedOut]
    """At most 100 gradings of courses in which the caller is staff: first running, then waiting ones."""
    workers: list[WorkerOut]
    """Workers that are alive."""
    unserved: list[UnservedOut]
    """Waiting gradings that no live worker can take."""


@router.get("/queue", tags=["staff"])
def get_queue(caller: TheCaller) -> QueueOut:
    """Show the queue.

    Return the size of the whole queue, and the queued and running gradings of the caller's courses. Only for staff.
    """
    if not caller.is_staff_somewhere:
        raise not_found("page")
    staffed = [course for course, role in caller.roles.items() if role is Role.STAFF]
    with caller.read() as tx:
        waiting = counts.waiting(tx)
        entries = counts.queue_entries(tx, None if caller.person.admin else staffed)
        fields = {"gradings": entries, "workers": workers.live(tx), "unserved": workers.unserved(tx)}
    oldest = min((queued.oldest for queued in waiting), default=None)
    oldest_seconds = round((now() - oldest).total_seconds(), 1) if oldest else None
    lengths = {queued.priority.name.lower(): queued.gradings for queued in waiting}
    return QueueOut.model_validate(fields | {"waiting": lengths, "oldest_seconds": oldest_seconds})


@pages.get("/queue")
def show_queue(request: Request, caller: TheCaller) -> Response:
    """Show the size of the whole queue, and the gradings of the caller's courses."""
    queue = get_queue(caller)
    with caller.read() as tx:
        authors = authors_of(tx, [entry.submission for entry in queue.gradings])
        unsent = outbox.lengths(tx)["given_up"] if caller.person.admin else 0
    trouble = caller.service.queue.trouble()
    return page(request, "queue.html", queue=queue, authors=authors, trouble=trouble, unsent=unsent)

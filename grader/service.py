"""Create the service from the settings: its database, queue, events and workers.

The HTTP API and commands such as `grader serve` and `grader worker` use this module.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

import structlog

from grader.assignments import catalogue
from grader.assignments.catalogue import Assignment
from grader.errors import BadCall, GraderError, SandboxUnavailable, StoreUnavailable
from grader.intake.pool import IntakePool
from grader.settings import Settings
from grader.store import installation, people
from grader.store.database import Store, Tx
from grader.store.files import locked
from grader.store.queue import StoreQueue
from grader.store.records import Person, TokenKind
from grader.workers.compatibility import compatibility_keys, numpy_of
from grader.workers.events import Hub
from grader.workers.grading_process import Plan
from grader.workers.local import LocalWorkers
from grader.workers.server_tasks import ServerTasks
from grader.workers.shared_events import SharedHub

DEFAULT_URL = "http://127.0.0.1:8000"
TRY_AGAIN_SECONDS = 1.0

T = TypeVar("T")
log = structlog.get_logger()

if TYPE_CHECKING:
    from grader.workers.postgres import PostgresWorkers


@dataclass(frozen=True)
class Service:
    store: Store
    queue: StoreQueue
    events: Hub
    assignments: Mapping[str, Assignment]
    """Assignment id → assignment, for all installed assignments. Courses offer only some of them."""
    settings: Settings
    intake: IntakePool = field(default_factory=IntakePool)


def open_store(settings: Settings) -> Store:
    """Open the service's database and migrate it to the current schema. Report a new SQLite file on standard error."""
    if settings.database_url:
        store = Store(settings.database_url)
    else:
        make_home(settings)
        store = Store(f"sqlite:///{database_file(settings)}")
    try:
        if store.migrate():
            created = f"There was no database, so a new one was created: {store.url.database}"
            sys.stderr.write(f"{created}; if there should be one, set GRADER_HOME to its folder\n")
    except GraderError:
        store.close()
        raise
    return store


def retry_until_reachable(action: Callable[[], T]) -> T:
    """Call `action` and return its result. Retry while it raises `StoreUnavailable`."""
    reason = ""
    while True:
        try:
            return action()
        except StoreUnavailable as unreachable:
            if str(unreachable) != reason:
                log.warning("waiting for the database", why=str(unreachable))
            reason = str(unreachable)
            time.sleep(TRY_AGAIN_SECONDS)


def make_home(settings: Settings) -> Path:
    """Create the folder GRADER_HOME, if it does not exist, and return it. Raise `BadCall` if it cannot be used."""
    home = settings.home
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as wrong:
        raise BadCall(f"GRADER_HOME={home} cannot be created ({wrong.strerror})") from None
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        raise BadCall(f"GRADER_HOME={home} cannot be written to: check its permissions")
    return home


def database_file(settings: Settings) -> Path:
    return settings.home / "grader.db"


def lock_home(home: Path) -> AbstractContextManager[None]:
    """Lock the folder GRADER_HOME within a `with` block. Raise `BadCall` if another service has locked it."""
    return locked(home / "lock", f"another grader serve runs on GRADER_HOME={home}")


def single_machine(settings: Settings, sandbox: str) -> tuple[Service, LocalWorkers]:
    """Return the service for a single machine, and its workers. The workers are not started yet."""
    store = open_store(settings)
    events = Hub()
    assignments = _assignments(settings)
    secret = secret_of(settings, store)
    keys = compatibility_keys(assignments.values(), settings.runtime, secret)
    plan = Plan(settings.assignments, settings.runtime, sandbox)
    cores = (None,) * settings.workers
    workers = LocalWorkers(store, events, plan, secret, cores, keys, lease_of(settings))
    return Service(store, workers, events, assignments, settings), workers


def server_without_workers(settings: Settings) -> tuple[Service, ServerTasks]:
    """Return the service for one of several processes that serve HTTP, and the background tasks of this process. The
    tasks are not started yet. Workers run in other processes (`machine_workers`)."""
    store = retry_until_reachable(lambda: open_store(settings))
    events = SharedHub(store)
    assignments = _assignments(settings)
    secret = retry_until_reachable(lambda: secret_of(settings, store))
    queue = StoreQueue(compatibility_keys(assignments.values(), settings.runtime, secret))
    tasks = ServerTasks(store, queue, events, lease_of(settings))
    return Service(store, queue, events, assignments, settings), tasks


def machine_workers(settings: Settings, sandbox: str) -> tuple[Store, PostgresWorkers]:
    """Return the service's database, and the workers of this machine. The workers are not started yet. Raise `BadCall`
    if the database is not PostgreSQL."""
    if not settings.has_postgresql:
        raise BadCall("grader worker needs PostgreSQL: give --database postgresql://user:password@host/name")
    store = retry_until_reachable(lambda: open_store(settings))
    from grader.workers.postgres import PostgresWorkers  # an optional dependency

    secret = retry_until_reachable(lambda: secret_of(settings, store))
    keys = compatibility_keys(_assignments(settings).values(), settings.runtime, secret)
    plan = Plan(settings.assignments, settings.runtime, sandbox)
    cores = (None,) * settings.workers
    workers = PostgresWorkers(store, SharedHub(store), plan, secret, cores, keys, lease_of(settings))
    return store, workers


def _assignments(settings: Settings) -> dict[str, Assignment]:
    """Return the assignments by id. Log those that cannot be loaded, or whose own packages are not installed, and leave
    them out."""
    assignments = {}
    for assignment in catalogue.load_all(settings.assignments, log.error):
        try:
            numpy_of(assignment.runtime(settings.runtime))
        except SandboxUnavailable as missing:
            if assignment.lock is None:  # without the common environment, nothing can be graded
                raise
            log.error(f"{assignment.id} cannot be graded: {missing}")
        else:
            assignments[assignment.id] = assignment
    return assignments


def lease_of(settings: Settings) -> dt.timedelta:
    return dt.timedelta(seconds=settings.lease_seconds)


def secret_of(settings: Settings, store: Store) -> bytes:
    """Return the secret of the settings or, if they have none, of the database. Call it outside of transactions."""
    if settings.secret:
        return settings.secret.encode()
    with store.read() as tx:  # without the lock of writers, since each login needs it
        stored = installation.fact(tx, "secret")
    if stored:
        return stored.encode()
    with store.write() as tx:
        return installation.secret(tx).encode()


def login_link(tx: Tx, settings: Settings, person: Person, lasts: dt.timedelta, next: str = "/") -> str:
    """Return a one-time login link such as https://grader.example.edu/login#token=…. Browsers do not send the part
    after #, so the token appears in no log. The link leads to the page with the path `next`."""
    token = people.new_token(tx, person.id, TokenKind.LOGIN, "login link", lasts)
    address = settings.url.rstrip("/") or installation.url(tx) or DEFAULT_URL
    query = "" if next == "/" else f"?next={quote(next, safe='')}"
    return f"{address}/login{query}#token={token}"

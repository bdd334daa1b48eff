"""`grader serve`: from settings to a running service, and back down in order."""

from __future__ import annotations

import datetime as dt
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import uvicorn

from grader.api.app import create_app
from grader.api.connections import Connections, connection_limit, raise_descriptor_limit
from grader.errors import BadCall
from grader.sandbox import selftest
from grader.service import Service, alone, login_link, made_home, on_many_machines, on_one_machine, when_reachable
from grader.settings import Settings
from grader.store import facts, people
from grader.workers.local import LocalWorkers
from grader.workers.replica import Replica

FIRST_LINK_LASTS = dt.timedelta(days=1)
FIRST_ADMIN = "admin"
WAITING_CONNECTIONS = 2048
"""Connections that the kernel keeps until they are accepted."""
FIRST_LINK_FILE = "first-login"
"""In GRADER_HOME: the first administrator's login link, if there is no terminal."""


Meanwhile = Callable[[str], AbstractContextManager[object]]


def serve(
    settings: Settings,
    sandbox: str,
    host: str,
    port: int,
    say: Callable[[str], None],
    meanwhile: Meanwhile,
    *,
    on_terminal: bool,
) -> None:
    """Return when the service has been asked to end, and has. `say` prints a line for the operator, on a terminal or
    into a log; `meanwhile` shows one while something takes its time."""
    settings = settings.model_copy(update={"url": settings.url.rstrip("/") or f"http://{host}:{port}"})
    together = _put_together(settings, sandbox, meanwhile)
    with _listening(host, port) as listener, together as (service, behind, who_grades):
        # which raises for wrong settings before anything is started
        server = _Server(_config(service, Connections(connection_limit(raise_descriptor_limit()))))
        behind.start()
        try:
            service.intake.start()
            link = when_reachable(lambda: first_link(service)) if settings.has_postgresql else first_link(service)
            say(
                f"grader is at {settings.url} ({who_grades}){_first_login(settings, link, on_terminal) if link else ''}"
            )
            server.run(sockets=[listener])
        finally:
            service.intake.close()
            behind.stop(settings.grace_seconds)
            service.store.close()


@contextmanager
def _put_together(
    settings: Settings, sandbox: str, meanwhile: Meanwhile
) -> Iterator[tuple[Service, LocalWorkers | Replica, str]]:
    """The service, what is started and stopped with it, and a word on who grades. With PostgreSQL this is one of
    several doors, and grades nothing."""
    if settings.has_postgresql:
        yield *on_many_machines(settings), "grader worker grades"
        return
    with alone(made_home(settings)):
        service, here = on_one_machine(settings, sandbox)
        with meanwhile("trying what the sandbox promises"):
            selftest.prove(sandbox, settings.runtime)
        yield service, here, f"{settings.workers} at a time and one for pre-checks alone, {sandbox} sandbox"


def first_link(service: Service) -> str | None:
    """Return a link that logs the first administrator in, or None if there is an administrator. Also record the
    service's
    address, for links that `grader admin` makes."""
    with service.store.write() as tx:
        facts.put_address(tx, service.settings.url)
        admin = people.first_admin(tx, FIRST_ADMIN, "Administrator")
        return login_link(tx, service.settings, admin, FIRST_LINK_LASTS) if admin else None


def _first_login(settings: Settings, link: str, on_terminal: bool) -> str:
    """Return how the first administrator logs in. The link itself is in no log."""
    if on_terminal:
        return f"; its administrator logs in at {link}"
    try:
        file = made_home(settings) / FIRST_LINK_FILE
        file.unlink(missing_ok=True)
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as private:
            private.write(f"{link}\n")
    except (OSError, BadCall):
        return f"; its administrator logs in with a link that grader admin link {FIRST_ADMIN} makes"
    return f"; its administrator logs in with the link in {file}"


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """Taken before anything is started, so that a port in use is a clear error."""
    try:
        listener = socket.create_server((host, port), backlog=WAITING_CONNECTIONS)
    except OSError as wrong:
        raise BadCall(f"cannot listen at {host}:{port} ({wrong.strerror}): choose another --port") from None
    with listener:
        yield listener


class _Server(uvicorn.Server):
    """One whose end on SIGTERM or Ctrl-C is an ordinary end: uvicorn's own raises the signal again afterwards."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Give the kernel's queue its size: asyncio has one number for it and for what one iteration accepts."""
        await super().startup(sockets)
        for listener in sockets or []:
            listener.listen(WAITING_CONNECTIONS)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _config(service: Service, connections: Connections) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(service),
        **connections.options(),
        log_config=None,  # structlog writes the logs
        access_log=False,
        timeout_graceful_shutdown=5,  # those who watch a grading would stay for ever
        server_header=False,
    )

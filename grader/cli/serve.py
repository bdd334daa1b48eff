"""`grader serve`: start the service, and stop it without losing submissions."""

from __future__ import annotations

import ctypes
import datetime as dt
import gc
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Annotated

import structlog
import typer
import uvicorn

from grader.api.app import create_app
from grader.api.connections import Connections, connection_limit, raise_descriptor_limit
from grader.bounds import MIB
from grader.cli.common import ServiceSandboxOption, err, prepared, print_line, progress, signals_handled
from grader.cli.logs import configure_logging
from grader.cli.systemd import notify_systemd
from grader.errors import BadCall
from grader.sandbox import selftest
from grader.service import (
    Service,
    lock_home,
    login_link,
    make_home,
    retry_until_reachable,
    server_without_workers,
    single_machine,
)
from grader.settings import Settings
from grader.store import erasure, installation, people
from grader.store.files import write
from grader.workers.local import LocalWorkers
from grader.workers.periodic import Periodic
from grader.workers.server_tasks import ServerTasks

FIRST_LINK_LASTS = dt.timedelta(days=1)
DAY_SECONDS = 86_400
FIRST_ADMIN = "admin"
WAITING_CONNECTIONS = 2048
"""Number of connections that the kernel queues until the service accepts them."""
M_MMAP_THRESHOLD = -3
"""Option of the C function mallopt: the size from which a block of memory is returned to the system when it is
freed."""
FIRST_LINK_FILE = "first-login"
"""Name of the file in GRADER_HOME with the first administrator's login link. It is written if there is no terminal."""

log = structlog.get_logger()


def serve(
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen at.")] = 8000,
    sandbox: ServiceSandboxOption = "bubblewrap",
) -> None:
    """Run the grading service until SIGTERM or Ctrl-C. With PostgreSQL (GRADER_DATABASE_URL), this process does not
    grade: start grader worker too."""
    settings = Settings()
    configure_logging()
    _return_large_blocks()
    if not settings.has_postgresql:
        settings = prepared(settings, sandbox)
    settings = settings.model_copy(update={"url": settings.url.rstrip("/") or f"http://{host}:{port}"})
    assembled = _assemble(settings, sandbox)
    with _bound_socket(host, port) as listener, assembled as (service, background, graded_by):
        # before anything is started, since this raises for wrong settings
        connections = Connections(connection_limit(raise_descriptor_limit()))
        config = uvicorn.Config(
            create_app(service),
            **connections.options(),
            # by default, uvicorn would believe the addresses that any program on this machine claims
            forwarded_allow_ips=os.environ.get("FORWARDED_ALLOW_IPS", ""),
            log_config=None,  # structlog writes the logs
            access_log=False,
            timeout_graceful_shutdown=5,  # otherwise open event streams would block the shutdown
            server_header=False,
        )
        server = _Server(config)
        background.start()
        retention = Periodic(DAY_SECONDS, partial(_apply_retention, service))
        retention.start()
        try:
            service.intake.start()
            create_link = partial(first_link, service)
            link = retry_until_reachable(create_link) if settings.has_postgresql else create_link()
            login = _first_login(settings, link) if link else ""
            print_line(f"grader is at {settings.url} ({graded_by}){login}", console=err)
            gc.freeze()  # what is loaded stays: to look through it takes up to 0.2 s, several times on a large page
            server.run(sockets=[listener])
        finally:
            service.intake.close()
            retention.stop()
            background.stop(settings.grace_seconds)
            service.store.close()


def _apply_retention(service: Service) -> None:
    """Erase what is older than GRADER_KEEP_DAYS, if it is set, and log how many people were erased."""
    days = service.settings.keep_days
    if days is not None:
        erased = erasure.apply_retention(service.store, dt.timedelta(days))
        log.info("retention", days=days, erased=len(erased))


def _return_large_blocks() -> None:
    """Let the C library return large blocks to the system at once. Otherwise it keeps blocks of the size of uploads,
    for each thread. No-op unless the C library is glibc."""
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, MIB)


@contextmanager
def _assemble(settings: Settings, sandbox: str) -> Iterator[tuple[Service, LocalWorkers | ServerTasks, str]]:
    """Yield the service, its background tasks, and a phrase that tells the operator which processes grade."""
    if settings.has_postgresql:
        yield *server_without_workers(settings), "grader worker grades"
        return
    with lock_home(make_home(settings)):
        service, workers = single_machine(settings, sandbox)
        with progress("running the sandbox self-test"):
            selftest.prove(sandbox, settings.runtime)
        yield service, workers, f"{settings.workers} workers and one for pre-checks, {sandbox} sandbox"


def first_link(service: Service) -> str | None:
    """Create the first administrator and return their login link. Return None if there is an administrator already.
    Store the service's URL for `grader admin link`, and the channels of its messages for the workers."""
    with service.store.write() as tx:
        installation.put_url(tx, service.settings.url)
        installation.put_channels(tx, service.settings.channels)
        admin = people.first_admin(tx, FIRST_ADMIN, "Administrator")
        if admin is None:
            return None
        can_log_in_again = service.settings.oidc_issuer or not service.settings.passwords
        next = "/" if can_log_in_again else "/settings"  # to set a password
        return login_link(tx, service.settings, admin, FIRST_LINK_LASTS, next)


def _first_login(settings: Settings, link: str) -> str:
    """Return a sentence for the operator with the first administrator's login link. Without a terminal, write the link
    to a file and name the file instead, to keep the link out of logs."""
    if sys.stderr.isatty():  # not rich's `is_terminal`, which environment variables can change
        return f"; its administrator logs in at {link}"
    try:
        file = make_home(settings) / FIRST_LINK_FILE
        write(file, f"{link}\n", private=True)
    except (OSError, BadCall):
        return f"; its administrator logs in with a link that grader admin link {FIRST_ADMIN} makes"
    return f"; its administrator logs in with the link in {file}"


def _bound_socket(host: str, port: int) -> socket.socket:
    """Return a socket with this address. It does not listen yet, so that clients are refused, and not kept waiting,
    while the service waits for its database. Raise `BadCall` if the address cannot be used."""
    bound = socket.socket()
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as wrong:
        bound.close()
        raise BadCall(f"cannot listen at {host}:{port} ({wrong.strerror}): choose another --port") from None
    return bound


class _Server(uvicorn.Server):
    """A uvicorn server whose `run` returns normally after SIGTERM or Ctrl-C. It tells systemd when it is ready."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the server, let the kernel queue `WAITING_CONNECTIONS`, and exclude all present objects from garbage
        collection."""
        await super().startup(sockets)
        for listener in sockets or []:  # asyncio would queue as many connections as it accepts at once
            listener.listen(WAITING_CONNECTIONS)
        gc.collect()
        gc.freeze()  # garbage collection of these objects would block requests for 0.05 to 0.2 s
        notify_systemd("READY=1")

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop the server on a signal. Unlike uvicorn, do not raise the signal again after the server has stopped."""
        with signals_handled(self.handle_exit):
            yield

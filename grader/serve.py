"""`grader serve`: from settings to a running service, and back down in order."""

from __future__ import annotations

import datetime as dt
import fcntl
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from grader.api.app import create_app
from grader.errors import BadCall, SandboxUnavailable
from grader.sandbox import selftest
from grader.sandbox.choose import choose
from grader.service import Service, login_link, on_one_machine
from grader.settings import Settings
from grader.store import people

FIRST_LINK_LASTS = dt.timedelta(days=1)
FIRST_ADMIN = "admin"


def serve(settings: Settings, sandbox: str, host: str, port: int, say: Callable[[str], None]) -> None:
    """Returns when the service has been asked to end, and has. `say` prints a line for the operator."""
    prove(settings, sandbox)
    settings = settings.model_copy(update={"url": settings.url.rstrip("/") or f"http://{host}:{port}"})
    with _alone(settings.home), _listening(host, port) as listener:
        service, workers = on_one_machine(settings, sandbox)
        workers.start()
        try:
            say(f"grader is at {settings.url} ({settings.workers} at a time, {sandbox} sandbox)")
            if link := first_link(service):
                say(f"log in as the first administrator: {link}")
            _Server(_config(service)).run(sockets=[listener])
        finally:
            workers.stop(settings.grace_seconds)
            service.store.close()


def prove(settings: Settings, sandbox: str) -> None:
    """Tries every promise of the sandbox. Raises `SandboxUnavailable` where one fails, unless a sandbox that is known
    to keep fewer was asked for by its name."""
    room, _ = choose(sandbox, settings.runtime)
    try:
        broken = [finding.promise.text for finding in selftest.probe(room) if not finding.holds]
    finally:
        room.close()
    if broken and sandbox == "bubblewrap":
        raise SandboxUnavailable(
            f"the sandbox does not hold here ({'; '.join(broken)}): grader doctor shows it, and --sandbox landlock or "
            "plain grades without these promises"
        )


def first_link(service: Service) -> str | None:
    """Where nobody administers yet: a link that logs the first one in."""
    with service.store.write() as tx:
        if people.has_admin(tx):
            return None
        admin = people.put_person(tx, FIRST_ADMIN, "Administrator", admin=True)
        return login_link(tx, service.settings, admin, FIRST_LINK_LASTS)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """The one service that has this folder: a second one would take the first one's work for a dead one's."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadCall(f"another grader serve runs on GRADER_HOME={home}") from None
        yield


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """Taken before anything is started, so that a port in use is a clear error."""
    try:
        listener = socket.create_server((host, port), backlog=2048)
    except OSError as wrong:
        raise BadCall(f"cannot listen at {host}:{port} ({wrong.strerror}): choose another --port") from None
    with listener:
        yield listener


class _Server(uvicorn.Server):
    """One whose end on SIGTERM or Ctrl-C is an ordinary end: uvicorn's own raises the signal again afterwards."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _config(service: Service) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(service),
        log_config=None,  # structlog writes the logs
        access_log=False,
        timeout_graceful_shutdown=5,  # those who watch a grading would stay for ever
        server_header=False,
    )

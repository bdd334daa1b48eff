"""`grader worker`: grade for a service that uses PostgreSQL."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from grader.sandbox import selftest
from grader.service import machine_workers
from grader.settings import Settings


def work(settings: Settings, sandbox: str, say: Callable[[str], None]) -> None:
    """Run workers until SIGTERM or Ctrl-C.

    Args:
        settings: The settings.
        sandbox: Name of the sandbox.
        say: Prints a line for the operator.
    """
    selftest.prove(sandbox, settings.runtime)
    store, machine = machine_workers(settings, sandbox)
    with _asked_to_end() as asked:
        machine.start()
        try:
            say(f"{machine.worker.name} grades {settings.workers} at a time ({sandbox} sandbox), as:")
            for key in machine.worker.compatibility_keys:
                say(f"  {key}")
            asked.wait()
        finally:
            machine.stop(settings.grace_seconds)
            store.close()


@contextmanager
def _asked_to_end() -> Iterator[threading.Event]:
    asked = threading.Event()
    before = {n: signal.signal(n, lambda *_: asked.set()) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

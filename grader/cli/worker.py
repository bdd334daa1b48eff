"""`grader worker`: grade for a service that uses PostgreSQL."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from grader.sandbox import selftest
from grader.service import machine_workers
from grader.settings import Settings


def work(settings: Settings, sandbox: str, print_line: Callable[[str], None]) -> None:
    """Run workers until SIGTERM or Ctrl-C.

    Args:
        settings: The settings.
        sandbox: Name of the sandbox.
        print_line: Prints a line for the operator.
    """
    selftest.prove(sandbox, settings.runtime)
    store, machine = machine_workers(settings, sandbox)
    with _shutdown_signal() as shutdown:
        machine.start()
        try:
            print_line(f"{machine.worker.name} grades {settings.workers} at a time ({sandbox} sandbox), as:")
            for key in machine.worker.compatibility_keys:
                print_line(f"  {key}")
            shutdown.wait()
        finally:
            machine.stop(settings.grace_seconds)
            store.close()


@contextmanager
def _shutdown_signal() -> Iterator[threading.Event]:
    shutdown = threading.Event()
    before = {n: signal.signal(n, lambda *_: shutdown.set()) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield shutdown
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

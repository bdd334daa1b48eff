"""`grader worker`: grade the submissions of a service that uses PostgreSQL."""

from __future__ import annotations

import threading

from grader.cli.common import err, print_line, signals_handled
from grader.sandbox import selftest
from grader.service import machine_workers
from grader.settings import Settings


def work(settings: Settings, sandbox: str) -> None:
    """Grade submissions from the service's queue until SIGTERM or Ctrl-C."""
    selftest.prove(sandbox, settings.runtime)
    store, machine = machine_workers(settings, sandbox)
    shutdown = threading.Event()
    with signals_handled(lambda *_: shutdown.set()):
        machine.start()
        try:
            worker = machine.worker
            print_line(f"{worker.name} grades {settings.workers} at a time ({sandbox} sandbox), as:", console=err)
            for key in worker.compatibility_keys:
                print_line(f"  {key}", console=err)
            shutdown.wait()
        finally:
            machine.stop(settings.grace_seconds)
            store.close()

"""`grader worker`: grade the submissions of a service that uses PostgreSQL."""

from __future__ import annotations

import threading
from typing import Annotated

import typer

from grader.cli.common import ServiceSandboxOption, err, prepared, print_line, signals_handled
from grader.cli.logs import configure_logging
from grader.cli.systemd import notify_systemd
from grader.sandbox import selftest
from grader.service import machine_workers
from grader.settings import Settings


def worker(
    database: Annotated[
        str, typer.Option(envvar="GRADER_DATABASE_URL", help="The database: postgresql://user:password@host/name.")
    ] = "",
    sandbox: ServiceSandboxOption = "bubblewrap",
) -> None:
    """Grade on this machine for a service that uses PostgreSQL, until SIGTERM or Ctrl-C."""
    settings = Settings().model_copy(update={"database_url": database})
    configure_logging()
    settings = prepared(settings, sandbox)
    selftest.prove(sandbox, settings.runtime)
    store, machine = machine_workers(settings, sandbox)
    shutdown = threading.Event()
    with signals_handled(lambda *_: shutdown.set()):
        machine.start()
        try:
            print_line(
                f"{machine.worker.name} grades {settings.workers} at a time ({sandbox} sandbox), as:", console=err
            )
            for key in machine.worker.compatibility_keys:
                print_line(f"  {key}", console=err)
            notify_systemd("READY=1")
            shutdown.wait()
        finally:
            machine.stop(settings.grace_seconds)
            store.close()

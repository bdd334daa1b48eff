"""Commands for operators of the service: serve, worker, backup, restore, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from grader.cli.common import (
    JsonOption,
    SandboxOption,
    prepared,
    print_check,
    print_json,
    print_line,
    sandbox_for,
    status,
)
from grader.render.text import one_line
from grader.sandbox import selftest
from grader.settings import Settings

ServiceSandboxOption = Annotated[
    str, typer.Option("--sandbox", help="bubblewrap, or with weaker isolation: landlock, plain.")
]


def serve(
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen at.")] = 8000,
    sandbox: ServiceSandboxOption = "bubblewrap",
) -> None:
    """Run the grading service until SIGTERM or Ctrl-C. With PostgreSQL (GRADER_DATABASE_URL), this process does not
    grade: start grader worker too."""
    settings = Settings()  # first, to report wrong settings before the slow imports
    from grader.cli import logs
    from grader.cli.serve import serve as serve_until_stopped

    logs.configure_logging()
    if not settings.has_postgresql:
        settings = prepared(settings, sandbox)
    serve_until_stopped(settings, sandbox, host, port)


def worker(
    database: Annotated[
        str, typer.Option(envvar="GRADER_DATABASE_URL", help="The database: postgresql://user:password@host/name.")
    ] = "",
    sandbox: ServiceSandboxOption = "bubblewrap",
) -> None:
    """Grade on this machine for a service that uses PostgreSQL, until SIGTERM or Ctrl-C."""
    settings = Settings().model_copy(update={"database_url": database})
    from grader.cli import logs
    from grader.cli.worker import work

    logs.configure_logging()
    work(prepared(settings, sandbox), sandbox)


def backup(
    to: Annotated[Path, typer.Argument(metavar="FILE", help="Path of the copy; the file must not exist.")],
) -> None:
    """Copy the service's SQLite database into one file; the service may run."""
    from grader.cli.backup import backup as copy  # imports database libraries, which take a second

    settings = Settings()
    written = copy(settings, to)
    size = f"{written.size / (1 << 20):.1f} MiB"
    print_line(f"written: {written.file} ({written.submissions} submissions, {size})")
    if settings.secret:
        print_line("GRADER_SECRET is not in it: keep it too, or gradings cannot be repeated")


def restore(
    copy: Annotated[Path, typer.Argument(metavar="FILE", help="A copy made by grader backup.")],
) -> None:
    """Replace the service's database by a copy; the service must not run."""
    from grader.cli.backup import restore as put_back

    restored = put_back(Settings(), copy)
    print_line(f"restored: {restored.submissions} submissions")
    print_line("all people must log in again (grader admin link LOGIN makes a link)")
    if restored.tokens:
        print_line(
            f"API tokens in the copy: {restored.tokens}; those revoked since it was made are valid again, so revoke "
            "them again (grader admin tokens LOGIN)",
            "yellow",
        )
    if restored.aside:
        print_line(f"the previous database is kept: {restored.aside}", "dim")


def doctor(
    as_json: JsonOption = False,
    sandbox: SandboxOption = "bubblewrap",
) -> None:
    """Run the sandbox self-test; exit with 4 if any of its tests fails."""
    with status("running the sandbox self-test"), sandbox_for(sandbox) as chosen:
        results = selftest.probe(chosen)
    broken = [result for result in results if not result.holds]
    if as_json:
        rows = [{"id": r.promise.id, "promise": r.promise.text, "holds": r.holds, "seen": r.seen} for r in results]
        print_json(rows)
    else:
        for result in results:
            seen = one_line(result.seen, 120)
            print_check(result.promise.text, passed=result.holds, details=seen, details_style="dim")
        summary = f"{len(broken)} promises do not hold" if broken else "every promise holds"
        print_line(f"{chosen.name}: {summary}")
    raise typer.Exit(4 if broken else 0)

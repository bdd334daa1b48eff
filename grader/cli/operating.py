"""Commands for operators of the service: serve, worker, backup, restore, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from grader.cli.common import SandboxOption, out, prepared, print_json, sandbox_for, status
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
    made = copy(settings, to)
    out.print(f"written: {made.file} ({made.submissions} submissions, {made.size / (1 << 20):.1f} MiB)", markup=False)
    if settings.secret:
        out.print("GRADER_SECRET is not in it: keep it too, or gradings cannot be repeated", markup=False)


def restore(
    copy: Annotated[Path, typer.Argument(metavar="FILE", help="A copy made by grader backup.")],
) -> None:
    """Replace the service's database by a copy; the service must not run."""
    from grader.cli.backup import restore as put_back

    put = put_back(Settings(), copy)
    out.print(f"restored: {put.submissions} submissions", markup=False)
    out.print("all people must log in again (grader admin link LOGIN makes a link)", markup=False, soft_wrap=True)
    if put.tokens:
        out.print(
            f"API tokens in the copy: {put.tokens}; those revoked since it was made are valid again, so revoke them "
            "again (grader admin tokens LOGIN)",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
    if put.aside:
        out.print(f"the previous database is kept: {put.aside}", style="dim", markup=False, soft_wrap=True)


def doctor(
    as_json_: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    sandbox: SandboxOption = "bubblewrap",
) -> None:
    """Run the sandbox self-test; exit with 4 if any of its tests fails."""
    with status("running the sandbox self-test"), sandbox_for(sandbox) as chosen:
        results = selftest.probe(chosen)
    if as_json_:
        rows = [{"id": r.promise.id, "promise": r.promise.text, "holds": r.holds, "seen": r.seen} for r in results]
        print_json(rows)
    else:
        for r in results:
            sign, style = ("✓", "green") if r.holds else ("✗", "red")
            out.print(Text.assemble((f"{sign} {r.promise.text}", style), (f"  {one_line(r.seen, 120)}", "dim")))
        wrong = sum(not r.holds for r in results)
        out.print(f"{chosen.name}: {f'{wrong} promises do not hold' if wrong else 'every promise holds'}")
    raise typer.Exit(0 if all(r.holds for r in results) else 4)

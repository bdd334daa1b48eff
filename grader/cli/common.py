"""Options, consoles and helpers that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from grader.assignments import catalogue
from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.errors import BadCall
from grader.sandbox.choose import NAMES, choose
from grader.sandbox.contract import COMMON_IMPORTS, Sandbox
from grader.settings import Settings

_ASSIGNMENT = "Id or folder of the assignment. By default, GRADER_ASSIGNMENT."
AssignmentOption = Annotated[str, typer.Option("--assignment", "-a", help=_ASSIGNMENT)]
AssignmentArgument = Annotated[str, typer.Argument(help=_ASSIGNMENT)]
SandboxOption = Annotated[
    str,
    typer.Option(
        autocompletion=lambda: NAMES, help="auto, bubblewrap, landlock, or plain (no isolation, for your own code)."
    ),
]

FilesArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILES...", help="A Python file, a notebook, a zip, or a folder of them; several are one submission."
    ),
]

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)


def assignment_of(name: str) -> Assignment:
    """Return the assignment with this id or folder, or the default one of the settings."""
    settings = Settings()
    return catalogue.find(name or settings.assignment, settings.assignments)


def seed() -> Seed:
    """Return the seed of the settings."""
    secret = Settings().secret
    return Seed(secret.encode() if secret else None)


@contextmanager
def sandbox_for(
    name: str, templates: int = 1, assignment: Assignment | None = None, imports: Sequence[str] = COMMON_IMPORTS
) -> Iterator[Sandbox]:
    """Yield a sandbox, with the environment of this assignment or the common one."""
    common = Settings().runtime
    runtime = assignment.runtime(common) if assignment else common
    chosen, why_not_better = choose(name, runtime, templates, imports)
    if why_not_better:
        err.print(
            f"no isolation ({why_not_better}): grade only your own code, not other people's",
            style="yellow",
            markup=False,
        )
    try:
        yield chosen
    finally:
        chosen.close()


@contextmanager
def progress_bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on a terminal, and yield the function that advances it. A total of None is unknown."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda count: progress.advance(task, count)


@contextmanager
def status(what: str) -> Iterator[None]:
    """Show a spinner on a terminal, or print a line elsewhere."""
    if not err.is_terminal:
        err.print(f"{what} …", markup=False)
        yield
        return
    with err.status(f"{what} …"):
        yield


def require_writable(file: Path) -> None:
    """Raise `BadCall` if the file cannot be written, before any work is done for it."""
    folder = file.absolute().parent
    if not folder.is_dir():
        raise BadCall(f"there is no folder {file.parent} to write {file.name} into")
    if file.is_dir() or not os.access(file if file.exists() else folder, os.W_OK):
        raise BadCall(f"{file} cannot be written: choose another path")

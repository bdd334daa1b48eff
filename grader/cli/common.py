"""Options, consoles and helpers that several commands use."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from grader.assignments import catalogue
from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.errors import BadCall, GraderError, OurFailure, SandboxUnavailable
from grader.intake.modules import with_modules
from grader.sandbox import runtime as environment
from grader.sandbox.choose import NAMES, choose, needs_runtime
from grader.sandbox.contract import Sandbox
from grader.sandbox.launch import COMMON_IMPORTS
from grader.sandbox.plain import Plain
from grader.settings import Settings

_ASSIGNMENT = "Id or folder of the assignment. By default, GRADER_ASSIGNMENT."


def _assignment_ids() -> list[str]:
    return list(catalogue.folders(Settings().assignments))


def _ids_to_grade(context: typer.Context) -> list[str]:
    """Return the ids that --only may have for the assignment of an unfinished command, for completion."""
    with suppress(GraderError):  # completion must print nothing
        return assignment_of(context.params.get("assignment") or "").ids
    return []


AssignmentOption = Annotated[str, typer.Option("--assignment", "-a", autocompletion=_assignment_ids, help=_ASSIGNMENT)]
AssignmentArgument = Annotated[str, typer.Argument(autocompletion=_assignment_ids, help=_ASSIGNMENT)]
SandboxOption = Annotated[
    str,
    typer.Option(
        autocompletion=lambda: NAMES, help="auto, bubblewrap, landlock, or plain (no isolation, for your own code)."
    ),
]
ServiceSandboxOption = Annotated[
    str, typer.Option("--sandbox", help="bubblewrap, or with weaker isolation: landlock, plain.")
]
CourseArgument = Annotated[str, typer.Argument(help="The course's id.")]
OfferedArgument = Annotated[str, typer.Argument(help="The assignment's id.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")]
OnlyOption = Annotated[
    str | None,
    typer.Option(autocompletion=_ids_to_grade, help="A part or check (q2, q2.2.W1), or handout for its checks."),
]
QuickOption = Annotated[bool, typer.Option("--quick", help="Shorten long checks. The result is not the grade.")]
CodeOption = Annotated[bool, typer.Option("--code", help="Leave out long checks, as the service's pre-check does.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print only the result, as JSON.")]
FilesArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILES...", help="A Python file, a notebook, a zip, or a folder of them; several form one submission."
    ),
]

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)


def assignment_of(name: str) -> Assignment:
    """Return the assignment with this id or in this folder; the default assignment if `name` is empty."""
    return catalogue.find(name or default_assignment(), Settings().assignments)


def default_assignment() -> str:
    """Return the id of the default assignment: the one in GRADER_ASSIGNMENT, or else the catalogue's."""
    settings = Settings()
    return settings.assignment or catalogue.default(settings.assignments)


def part_of(only: str | None) -> str:
    """Return the value of the option --only; "" if it was left out."""
    if only == "":  # probably an unset variable of a script, which would silently grade everything
        raise BadCall("--only needs a part or a check (q2.2, q2.2.W1) or handout; leave it out to grade everything")
    return only or ""


def submitted(files: Sequence[Path]) -> list[Path]:
    """Return the files of a submission: those given, and the modules beside its notebooks that these import. Print the
    names of the modules."""
    paths = with_modules(files)
    modules = paths[len(files) :]
    if modules:
        names = ", ".join(module.name for module in modules)
        print_line(f"with {names}, which the notebook imports", "dim", err)
    return paths


def seed() -> Seed:
    """Return the seed from GRADER_SECRET, or the public seed if GRADER_SECRET is not set."""
    secret = Settings().secret
    return Seed(secret.encode() if secret else None)


@contextmanager
def sandbox_for(
    name: str,
    templates: int = 1,
    assignment: Assignment | None = None,
    imports: Sequence[str] = COMMON_IMPORTS,
    *,
    isolated: bool = False,
) -> Iterator[Sandbox]:
    """Yield a sandbox, and close it at the end of the `with` block. Print a warning if it does not isolate students'
    code.

    Args:
        name: Name of the sandbox, or "auto" for the best one that works on this machine.
        templates: Number of sessions that can be prepared at the same time.
        assignment: The assignment whose Python environment is used; None for the common environment.
        imports: Modules to import when the sandbox is warmed up.
        isolated: True if "auto" must not choose a sandbox without isolation.

    Raises:
        SandboxUnavailable: If the sandbox does not work on this machine.
    """
    try:
        common = prepared(Settings(), name).runtime
        runtime = assignment.runtime(common) if assignment else common
        chosen, fallback_reason = choose(name, runtime, templates, imports)
    except SandboxUnavailable as why:
        if name != "auto":
            raise
        chosen, fallback_reason = Plain(), str(why)
    if fallback_reason and isolated:
        raise SandboxUnavailable(f"{fallback_reason} (--sandbox plain has no isolation: for your own code only)")
    if fallback_reason:
        reason = "" if assignment and assignment.recorded else f" ({fallback_reason})"  # students need not fix it
        print_line(f"no isolation{reason}: grade only your own code, not other people's", "yellow", err)
    with closing(chosen):
        yield chosen


def prepared(settings: Settings, sandbox: str) -> Settings:
    """Return the settings with the path of the Python environment for students' code. Create the environment if it is
    missing.

    In the plain sandbox, students' code runs in the grader's environment.

    Raises:
        SandboxUnavailable: If the environment cannot be installed.
    """
    if sandbox == "plain":
        return settings.model_copy(update={"runtime": Path(sys.prefix)})
    if needs_runtime(sandbox) and environment.can_be_made(settings.runtime):
        make_runtime(settings.runtime)
    return settings


def make_runtime(folder: Path) -> None:
    """Create the Python environment for students' code in `folder`, with a progress display. Do nothing if the folder
    has one."""
    if environment.is_made(folder):
        return
    with progress(f"installing the environment of students' code into {folder}, once", None) as tick:
        environment.make(folder, tell=lambda _package: tick(1))


@contextmanager
def progress(text: str, total: int | None = 0) -> Iterator[Callable[[int], None]]:
    """Show a text with a spinner, or only print the text if there is no terminal. Yield a function that counts steps.

    Args:
        text: What is being done.
        total: Number of steps, for a progress bar; None if it is unknown, 0 for no progress bar.
    """
    if not err.is_terminal:
        print_line(f"{text} …", console=err)
    columns: list[ProgressColumn] = [SpinnerColumn(), TextColumn("{task.description} …", markup=False)]
    if total != 0:
        columns += [BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as display:
        task = display.add_task(text, total=total)
        yield partial(display.advance, task)


@contextmanager
def signals_handled(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Call the handler on SIGTERM and Ctrl-C within the `with` block."""
    previous_handlers = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, previous in previous_handlers.items():
            signal.signal(number, previous)


def print_line(line: str, style: str = "", console: Console = out) -> None:
    """Print a line. Do not interpret markup, and do not wrap the line."""
    console.print(line, style=style, markup=False, soft_wrap=True)


def print_check(title: str, details: str, *, passed: bool) -> None:
    """Print a tick or a cross, a title in this color, and details."""
    sign, style = ("✓", "green") if passed else ("✗", "red")
    line = Text(f"{sign} {title}", style)
    out.print(Text.assemble(line, f"  {details}"))


def print_json(value: Any) -> None:
    """Print a value as JSON, without the colors and line breaks that rich would add."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    sys.stdout.write(f"{text}\n")


def write_output(file: Path, content: str) -> None:
    """Write a file of results. If this fails, leave no half of it.

    Raises:
        OurFailure: If the file cannot be written, for example because the disk is full.
    """
    try:
        file.write_text(content, "utf-8")
    except OSError as wrong:
        if file.is_file():
            file.unlink()
        raise OurFailure(f"{file} cannot be written: {wrong.strerror}") from None


def require_writable(file: Path) -> None:
    """Raise `BadCall` if the file cannot be written. Call this before a long computation of the file's content."""
    folder = file.absolute().parent
    if not folder.is_dir():
        raise BadCall(f"there is no folder {file.parent} to write {file.name} into")
    if file.is_dir() or not os.access(file if file.exists() else folder, os.W_OK):
        raise BadCall(f"{file} cannot be written: choose another path")

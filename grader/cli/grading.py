"""Commands that grade one submission: check and replay."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from grader.cli.common import (
    AssignmentOption,
    CodeOption,
    FilesArgument,
    JsonOption,
    OnlyOption,
    QuickOption,
    SandboxOption,
    assignment_of,
    err,
    out,
    part_of,
    print_line,
    progress,
    require_writable,
    sandbox_for,
    seed,
    submitted,
    write_output,
)
from grader.cli.progress import GradingDisplay
from grader.engine.grade import Scope, grade
from grader.errors import BadCall
from grader.intake.receive import receive_paths
from grader.model import Report, show_points
from grader.render.terminal import Terminal
from grader.render.text import one_line
from grader.sandbox.launch import imports_of


def check(
    files: FilesArgument,
    assignment: AssignmentOption = "",
    quick: QuickOption = False,
    code: CodeOption = False,
    only: OnlyOption = None,
    as_json: JsonOption = False,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write the report with plots to this file.")] = None,
    gradescope_file: Annotated[
        Path | None, typer.Option("--gradescope", help="Write Gradescope's results.json to this file.")
    ] = None,
    github: Annotated[
        bool, typer.Option("--github", help="Print annotations and write the summary of a GitHub Action's run.")
    ] = False,
    fail_under: Annotated[
        float | None, typer.Option(help="Exit with 1 if the submission gets fewer points than this.")
    ] = None,
    sandbox: SandboxOption = "auto",
) -> None:
    """Grade one submission and explain lost points."""
    task = assignment_of(assignment)
    files = submitted(files)
    submission = receive_paths(files, task.files[0])
    scope = Scope(part_of(only), quick, code)
    written_files = [file for file in (html_file, gradescope_file) if file]
    for file in written_files:
        require_writable(file)
    # importing more modules would double the time of grading code
    imports = imports_of(submission.files, submission.notebooks)
    with (
        GradingDisplay(err, task, quick=quick) as display,
        sandbox_for(sandbox, assignment=task, imports=imports) as chosen,
    ):
        report = grade(submission, task, chosen, seed(), scope, display.watch)
    # the report comes first, so that it is not lost if a file cannot be written
    if as_json:
        from grader.render.as_json import dumps

        sys.stdout.write(dumps(report))
    elif github:
        from grader.cli.github import show

        show(report, files)
    else:
        out.print(Terminal(report))
    if html_file:
        from grader.render.html import html  # imports plotting libraries, which take a second

        write_output(html_file, html(report))
    if gradescope_file:
        from grader.render.gradescope import gradescope  # building the pydantic models takes a while

        write_output(gradescope_file, json.dumps(gradescope(report), indent=2) + "\n")
    if not as_json and not github:
        for file in written_files:
            print_line(f"written: {file}", "dim")
    if fail_under is not None and report.points < fail_under:
        raise typer.Exit(1)


def replay(
    report_file: Annotated[Path, typer.Argument(help="A report as JSON.")],
    check_id: Annotated[str, typer.Argument(metavar="CHECK", help="For example q2.2.W1.")],
    submission: Annotated[
        Path | None,
        typer.Option(help="Path of the submission. By default, found beside the report or in this folder."),
    ] = None,
    assignment: Annotated[
        str, typer.Option("--assignment", "-a", help="Id or folder of the assignment. By default, the report's.")
    ] = "",
    sandbox: SandboxOption = "auto",
) -> None:
    """Re-run one check of a report; exit with 1 if the verdict differs."""
    from grader.engine.replay import replay as replay_check

    report = _read_report(report_file)
    task = assignment_of(assignment or report.assignment.id)
    folders = [submission] if submission else [report_file.parent, Path.cwd()]
    with progress(f"grading {check_id} again"), sandbox_for(sandbox, assignment=task) as chosen:
        again = replay_check(report, check_id, task, folders, seed(), chosen)
    for title, verdict in (("then", again.then), ("now", again.now)):
        points = f"{show_points(verdict.points)}/{show_points(verdict.possible)}"
        print_line(one_line(f"{title}: {verdict.status} {points} {verdict.reason}", 600))
    if not again.is_same:
        print_line("a different verdict", "red")
        raise typer.Exit(1)
    print_line("the same verdict", "green")


def _read_report(file: Path) -> Report:
    from grader.render.as_json import loads

    try:
        return loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        raise BadCall(f"{file} cannot be read: make a report with grader check --json") from None

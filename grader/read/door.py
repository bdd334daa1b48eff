"""`grader read`: its commands for the service's database, and those for what a batch has written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from grader import catalogue
from grader.catalogue import Assignment
from grader.errors import BadCall
from grader.model import Points
from grader.read import sheet
from grader.read.folder import KEPT, TOTALS, Folder
from grader.read.form import form
from grader.read.service import app, out
from grader.settings import Settings

__all__ = ["app"]

FolderArgument = Annotated[Path, typer.Argument(help="What grader batch wrote, or a folder of JSON reports.")]
QuestionsArgument = Annotated[list[str] | None, typer.Argument(help="For example q1.1; none: all.")]
AssignmentOption = Annotated[str, typer.Option("--assignment", "-a", help="Id, or folder, of the assignment.")]
ToOption = Annotated[Path, typer.Option("--to", help="A .csv, or an .html for a page that works offline.")]


@app.command("export-reports")
def export_reports(
    folder: FolderArgument,
    to: ToOption,
    questions: QuestionsArgument = None,
    assignment: AssignmentOption = "ps4",
) -> None:
    """Write the answers of a folder of reports, without names and each once, into a file to fill in."""
    task = catalogue.find(assignment, Settings().assignments)
    wanted = _wanted(task, questions)
    if to.suffix not in (".csv", ".html"):
        raise BadCall(f"{to.name} is neither .csv nor .html")
    lines = Folder(task, folder).lines(wanted)
    if to.suffix == ".csv":
        content = sheet.write(lines)
    else:
        content = form(f"{task.title}: {', '.join(wanted)}", lines, wanted, f"{to.stem}.csv").encode()
    try:
        to.write_bytes(content)
    except OSError as wrong:
        raise BadCall(f"{to} cannot be written ({wrong.strerror})") from None
    read = sum(line.points is not None for line in lines)
    out.print(f"{to}: {len(lines)} answers, {read} of them read", markup=False, soft_wrap=True)


@app.command("import-reports")
def import_reports(
    folder: FolderArgument,
    file: Annotated[Path, typer.Argument(help="The CSV that was filled in, or that the page has saved.")],
    assignment: AssignmentOption = "ps4",
) -> None:
    """Take points and comments in, all or nothing. What was left empty stays unread; again changes nothing."""
    task = catalogue.find(assignment, Settings().assignments)
    place, worth = Folder(task, folder), _wanted(task, None)
    known = {(line.question, line.digest): worth[line.question] for line in place.lines(worth)}
    try:
        content = file.read_bytes()
    except OSError as wrong:
        raise BadCall(f"{file} cannot be read ({wrong.strerror})") from None
    given = sheet.read(content, known)
    changed = place.keep(given)
    out.print(f"{len(given)} readings, {changed} of them new or changed", markup=False)
    out.print(f"written: {folder / KEPT}, {folder / TOTALS}", style="dim", markup=False, soft_wrap=True)


def _wanted(task: Assignment, questions: list[str] | None) -> Mapping[str, Points]:
    """Question → points."""
    known = {id: points for part in task.parts for id, points in part.written.items()}
    unknown = [question for question in questions or () if question not in known]
    if unknown:
        raise BadCall(f"{task.id} has no written question {unknown[0]!r}: it has {', '.join(known)}")
    return {question: known[question] for question in questions} if questions else known

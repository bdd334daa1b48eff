"""Read written answers offline: a CSV for spreadsheets or a page for browsers goes out, and points come back in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from grader import catalogue
from grader.catalogue import Assignment
from grader.errors import BadCall
from grader.model import Points
from grader.read import sheet
from grader.read.database import Course
from grader.read.folder import KEPT, TOTALS, Folder
from grader.read.form import form
from grader.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)

QuestionsArgument = Annotated[list[str] | None, typer.Argument(help="For example q1.1; none: all.")]
FromOption = Annotated[
    Path | None, typer.Option("--from", help="What grader batch wrote, or a folder of JSON reports.")
]
IntoOption = Annotated[Path | None, typer.Option("--into", help="The folder that the answers came from.")]
CourseOption = Annotated[str, typer.Option(help="A course of the service's database, in the folder's place.")]
ReaderOption = Annotated[str, typer.Option(help="Who reads: the login of one of the course's staff.")]
AssignmentOption = Annotated[str, typer.Option("--assignment", "-a", help="Id, or folder, of the assignment.")]

out = Console(highlight=False)


@app.command("export")
def export(
    questions: QuestionsArgument = None,
    to: Annotated[Path, typer.Option(help="answers.csv, or answers.html for a page that works offline.")] = Path(
        "answers.csv"
    ),
    folder: FromOption = None,
    course: CourseOption = "",
    reader: ReaderOption = "",
    assignment: AssignmentOption = "ps4",
) -> None:
    """Write answers, without names and each once, into a file to fill in."""
    task = catalogue.find(assignment, Settings().assignments)
    wanted = _wanted(task, questions)
    if to.suffix not in (".csv", ".html"):
        raise BadCall(f"{to.name} is neither .csv nor .html")
    lines = _place(task, folder, course, reader).lines(wanted)
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


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="The CSV that export wrote, or that its page has saved.")],
    folder: IntoOption = None,
    course: CourseOption = "",
    reader: ReaderOption = "",
    assignment: AssignmentOption = "ps4",
) -> None:
    """Take points and comments in, all or nothing. What was left empty stays unread; again changes nothing."""
    task = catalogue.find(assignment, Settings().assignments)
    place = _place(task, folder, course, reader)
    worth = _wanted(task, None)
    known = {(line.question, line.digest): worth[line.question] for line in place.lines(worth)}
    try:
        content = file.read_bytes()
    except OSError as wrong:
        raise BadCall(f"{file} cannot be read ({wrong.strerror})") from None
    given = sheet.read(content, known)
    changed = place.keep(given)
    out.print(f"{len(given)} readings, {changed} of them new or changed", markup=False)
    if folder:
        out.print(f"written: {folder / KEPT}, {folder / TOTALS}", style="dim", markup=False, soft_wrap=True)


def _place(task: Assignment, folder: Path | None, course: str, reader: str) -> Folder | Course:
    if (folder is None) == (not course):
        raise BadCall("say where the answers are: a folder of reports, or --course (with --reader)")
    if folder:
        return Folder(task, folder)
    if not reader:
        raise BadCall("--reader is missing: whose readings they are")
    return Course(task, course, reader)


def _wanted(task: Assignment, questions: list[str] | None) -> Mapping[str, Points]:
    """Question → points."""
    known = {id: points for part in task.parts for id, points in part.written.items()}
    unknown = [question for question in questions or () if question not in known]
    if unknown:
        raise BadCall(f"{task.id} has no written question {unknown[0]!r}: it has {', '.join(known)}")
    return {question: known[question] for question in questions} if questions else known

"""`grader mark`: commands to mark answers of the service's database, or of a folder of reports."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from grader.batch.marks import MARKS_FILE
from grader.cli.admin import writing
from grader.cli.common import (
    AssignmentOption,
    CourseArgument,
    DryRunOption,
    OfferedArgument,
    assignment_of,
    print_line,
    require_writable,
)
from grader.course.csv_people import content_of
from grader.errors import BadCall
from grader.marking import actions
from grader.marking.offline import database, sheet
from grader.marking.offline.reports import TOTALS_FILE, ReportFolder
from grader.marking.offline.sheet import QuestionSheet
from grader.service import open_store
from grader.settings import Settings
from grader.store.rubrics import OfferedQuestion

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Mark written answers in a CSV file.")


def _require_csv(to: Path) -> Path:
    if to.suffix != ".csv":
        raise BadCall(f"{to.name} does not end with .csv: choose a name that does")
    require_writable(to)
    return to


MarkerOption = Annotated[str, typer.Option("--marker", help="Login of the marker (staff of the course).")]
ToOption = Annotated[Path, typer.Option("--to", callback=_require_csv, help="The CSV file to write.")]
FolderArgument = Annotated[Path, typer.Argument(help="The output folder of grader batch, or a folder of JSON reports.")]
FileArgument = Annotated[Path, typer.Argument(help="The CSV file that was filled in.")]


@app.command("export")
def export_(
    course: CourseArgument,
    assignment: OfferedArgument,
    question: Annotated[str, typer.Argument(help="For example q1.6.")],
    marker: MarkerOption,
    to: ToOption,
) -> None:
    """Export the answers to one question, without students' names, with the rubric and the marker's marks."""
    offered = OfferedQuestion(course, assignment, question)
    with closing(open_store(Settings())) as store, store.read() as tx:
        _write(to, [database.question_sheet(tx, offered, marker, Settings().assignments)])


@app.command("import")
def import_(
    file: FileArgument,
    marker: MarkerOption,
    dry_run: DryRunOption = False,
) -> None:
    """Import the marks of a filled file: points, rubric items and comments. Skip empty rows. Import nothing if a row is
    wrong."""
    rows = sheet.rows(content_of(file))
    question = database.offered_question(rows)
    with writing() as tx:
        answers = database.question_sheet(tx, question, marker, Settings().assignments)
        marks = sheet.read(rows, [answers])
        changed = database.changed_marks(answers, marks)
        if changed and not dry_run:
            actions.mark(tx, question, answers.marker, changed)
    marked = "would be marked" if dry_run else "marked"
    counts = f"{len(marks) - len(changed)} as they were, {len(rows) - len(marks)} left blank"
    print_line(f"{question.id}: {len(changed)} {marked}, {counts}")


@app.command("export-reports")
def export_reports(
    folder: FolderArgument,
    to: ToOption,
    questions: Annotated[list[str] | None, typer.Argument(help="For example q1.1. By default, all questions.")] = None,
    assignment: AssignmentOption = "",
) -> None:
    """Export the written answers of a folder of reports, without students' names. Equal answers are one row."""
    reports = ReportFolder(assignment_of(assignment), folder)
    _write(to, reports.sheets(questions))


@app.command("import-reports")
def import_reports(folder: FolderArgument, file: FileArgument, assignment: AssignmentOption = "") -> None:
    """Import the marks of a filled file: points and comments. Skip empty rows. Import nothing if a row is wrong."""
    reports = ReportFolder(assignment_of(assignment), folder)
    rows = sheet.rows(content_of(file))
    marks = sheet.read(rows, reports.sheets())
    changed = reports.keep(marks)
    print_line(f"{len(marks)} marks, {changed} of them new or changed")
    print_line(f"written: {folder / MARKS_FILE}, {folder / TOTALS_FILE}", "dim")
    print_line("Run grader batch again to include the marks in canvas.csv, moodle.csv and gradebook.csv.")


def _write(to: Path, sheets: Sequence[QuestionSheet]) -> None:
    """Write the sheets of one or more questions to one CSV file, and print how many answers are marked."""
    to.write_bytes(sheet.write(sheets))
    marks = [answer.mark_of(question.marker) for question in sheets for answer in question.answers]
    print_line(f"{to}: {len(marks)} answers, {len(marks) - marks.count(None)} of them marked")

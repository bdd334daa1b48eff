"""`grader read export` and `import`: one question's answers as a file to read anywhere, and the points from it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from grader import catalogue
from grader.batch.cells import as_written, dumps
from grader.csv_people import lines
from grader.errors import BadCall
from grader.model import Points, show_points
from grader.reading.form import form
from grader.reading.offline import Filled, bring_in, points_to_show
from grader.reading.papers import Paper, papers
from grader.service import open_store
from grader.settings import Settings
from grader.store import offerings, people, rubrics
from grader.store.answers import Suggestion
from grader.store.database import Tx
from grader.store.records import Person, Role
from grader.store.rubrics import Question, RubricItem

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Read written answers away from the service.")

ReaderOption = Annotated[str, typer.Option("--reader", help="The login of whoever reads: staff of the course.")]

COLUMNS = ("question", "answer", "text", "students", "suggested", "by machine", "points", "comment")
"""Before those of the rubric's items. Who wrote an answer is not in the file."""
_ITEM = re.compile(r"\[([0-9a-zA-Z_-]{1,40})\] .*", re.DOTALL)

out = Console(highlight=False)


@dataclass(frozen=True)
class _Task:
    """What one reader may read."""

    question: Question
    title: str
    worth: Points
    found: list[Paper]
    reader: Person


@app.command("export")
def export_(
    course: Annotated[str, typer.Argument(help="The course's id.")],
    assignment: Annotated[str, typer.Argument(help="The assignment's id.")],
    question: Annotated[str, typer.Argument(help="For example q1.6.")],
    reader: ReaderOption,
    to: Annotated[Path, typer.Option("--to", help="A .csv for a spreadsheet, or an .html to read and fill in.")],
) -> None:
    """Write one question's answers, without names, with the rubric and what the reader has given so far."""
    if to.suffix not in (".csv", ".html"):
        raise BadCall(f"{to.name}: --to takes a .csv or an .html")
    with _writing() as tx:
        task = _task(tx, Question(course, assignment, question), reader)
        items = rubrics.items(tx, task.question)
        rows = [[*COLUMNS, *(_heading(item) for item in items)], *(_row(task, paper, items) for paper in task.found)]
        phrases = [phrase.text for phrase in rubrics.phrases_of(tx, task.question)]
    page = to.suffix == ".html"
    text = form(task.question, task.title, task.worth, task.found, task.reader, items, phrases) if page else dumps(rows)
    to.write_text(text, "utf-8" if page else "utf-8-sig", newline="")
    out.print(f"written: {to} ({len(task.found)} answers)", markup=False)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="The .csv, filled in; or what the .html has saved.")],
    reader: ReaderOption,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would do.")] = False,
) -> None:
    """Take the points, items and comments from a file. All of it, or nothing; rows without any are left alone."""
    question, filled = _read(file)
    with _writing() as tx:
        task = _task(tx, question, reader)
        done = bring_in(tx, question, task.worth, task.found, task.reader.id, filled, keep=not dry_run)
    would = "would be " if dry_run else ""
    out.print(f"{question.id}: {done.read} {would}read, {done.unchanged} as they were, {done.blank} left blank")


# ── what there is to read ────────────────────────────────────────────────────────────────────────────


@contextmanager
def _writing() -> Iterator[Tx]:
    store = open_store(Settings())
    try:
        with store.write() as tx:
            yield tx
    finally:
        store.close()


def _task(tx: Tx, question: Question, login: str) -> _Task:
    reader = people.person_by_login(tx, login)
    if reader is None or not (reader.admin or people.role_of(tx, question.course, reader.id) is Role.STAFF):
        raise BadCall(f"{login[:60]} is not on the staff of {question.course[:60]}")
    offering = offerings.offering(tx, question.course, question.assignment)
    if offering is None:
        raise BadCall(f"{question.course[:60]} does not offer {question.assignment[:60]}")
    task = catalogue.find(question.assignment, Settings().assignments)
    for part in task.parts:
        if question.id in part.written:
            worth = part.written[question.id]
            found = papers(tx, question, worth, reader.id, offering.counts)
            return _Task(question, part.questions[question.id], worth, found, reader)
    known = ", ".join(id for part in task.parts for id in part.written)
    raise BadCall(f"{question.assignment[:60]} asks no question {question.id[:60]} in words (there are: {known})")


# ── the table ────────────────────────────────────────────────────────────────────────────────────────


def place(question: Question) -> str:
    return f"{question.course} {question.assignment} {question.id}"


def _heading(item: RubricItem) -> str:
    return f"[{item.id}] {show_points(item.points)} {item.text}"


def _row(task: _Task, paper: Paper, items: Sequence[RubricItem]) -> list[str]:
    own = paper.reading_of(task.reader.id)
    ticked = {item.id for item in own.items} if own else set()
    suggested = paper.suggestion.points if paper.suggestion else None
    return [
        place(task.question),
        paper.digest,
        paper.text,
        str(paper.students),
        "" if suggested is None else show_points(suggested),
        _said(paper.suggestion) if paper.suggestion else "",
        points_to_show(own, task.worth),
        own.comment if own else "",
        *("x" if item.id in ticked else "" for item in items),
    ]


def _said(suggestion: Suggestion) -> str:
    said = (part for ground in suggestion.grounds for part in (ground.words, ground.evidence, *ground.remarks))
    return " ".join(filter(None, said))


def _read(file: Path) -> tuple[Question, list[Filled]]:
    try:
        rows = lines(file.read_bytes())
    except OSError as wrong:
        raise BadCall(f"{file} cannot be read ({wrong.strerror})") from None
    except csv.Error as wrong:
        raise BadCall(f"{file.name} is no CSV ({wrong})") from None
    if len(rows) < 2:
        raise BadCall(f"{file.name} has no answers in it")
    header = [as_written(cell).strip() for cell in rows[0][1]]
    missing = [name for name in ("question", "answer", "points", "comment") if name not in header]
    if missing:
        raise BadCall(f"{file.name} has no column {missing[0]!r}: export it again, and leave the first line as it is")
    filled = [(number, _cells(header, row)) for number, row in rows[1:]]
    places = {cells["question"] for _, cells in filled}
    if len(places) != 1:
        raise BadCall(f"{file.name} has answers to several questions: one file is one question")
    course, _, rest = places.pop().partition(" ")
    assignment, _, question = rest.partition(" ")
    return Question(course, assignment, question), [_filled(number, cells) for number, cells in filled]


def _cells(header: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    """Spreadsheets leave out empty cells at the end of a row."""
    return {name: as_written(row[n]).strip() if n < len(row) else "" for n, name in enumerate(header)}


def _filled(row: int, cells: dict[str, str]) -> Filled:
    ticked = [(found[1], cell) for name, cell in cells.items() if (found := _ITEM.fullmatch(name))]
    return Filled(
        row, cells["answer"], _points(row, cells["points"]), tuple(id for id, cell in ticked if cell), cells["comment"]
    )


def _points(row: int, text: str) -> Points | None:
    """2.5, or 2,5 as half of Europe's spreadsheets write it."""
    if not text:
        return None
    if not re.fullmatch(r"\d{1,6}([.,]\d{1,2})?", text):
        raise BadCall(f"row {row}: {text[:20]!r} is no number of points")
    return Points(text.replace(",", "."))

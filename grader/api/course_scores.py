"""The gradebook of a course: the scores of its students for all assignments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from grader.api.files import download
from grader.api.lookup import ForCourse, known_offerings
from grader.api.rendering import page
from grader.api.schemas import SearchText
from grader.api.scores import counting_submissions
from grader.api.views import SubmissionView
from grader.batch import safe_csv
from grader.batch.gradebooks import points_cell
from grader.course.scores import SubmissionState
from grader.model import ZERO, Points, show_points
from grader.store import people, requests
from grader.store.database import Tx
from grader.store.records import Offering, Person, Role

pages = APIRouter(include_in_schema=False)

SHOWN = 100
"""Number of students on one page of a gradebook."""

Order = Literal["name", "total"]


class CellState(StrEnum):
    """The state of a student's score for one assignment, by which the gradebook can be filtered."""

    MISSING = "not submitted"
    LATE = "late"
    WAITING = "waiting"
    """Not graded yet, or some points await marking."""
    BROKEN = "needs attention"
    """The grading failed for a reason that is not the student's."""
    DISPUTED = "disputed"
    """The student has asked for a regrade and waits for the answer."""


@dataclass(frozen=True)
class Cell:
    """A student's score for one assignment."""

    view: SubmissionView | None
    """The submission that gives the score; None if there is none."""
    is_disputed: bool = False
    """True if the student waits for the answer to a request."""

    @property
    def final(self) -> Points | None:
        return self.view.final if self.view else None

    @property
    def states(self) -> list[CellState]:
        """The states that apply; empty for a score without anything to note."""
        states = [CellState.DISPUTED] if self.is_disputed else []
        if self.view is None:
            return [*states, CellState.MISSING]
        if self.view.late.is_late:
            states.append(CellState.LATE)
        if self.view.state is SubmissionState.BROKEN:
            states.append(CellState.BROKEN)
        elif self.view.state is not SubmissionState.GRADED:
            states.append(CellState.WAITING)
        return states


@dataclass(frozen=True)
class GradebookRow:
    """The scores of one student, in the order of the assignments."""

    person: Person
    cells: tuple[Cell, ...]

    @property
    def total(self) -> Points:
        """The sum of the scores so far."""
        return sum((cell.final or ZERO for cell in self.cells), ZERO)

    def has(self, state: CellState) -> bool:
        return any(state in cell.states for cell in self.cells)


_PATH = "/courses/{course}/gradebook"


@pages.get(_PATH)
def show_gradebook(
    staff: ForCourse,
    text: Annotated[SearchText, Query(alias="q")] = "",
    only: CellState | Literal[""] = "",
    order: Annotated[Order, Query(alias="by")] = "name",
    after: SearchText = "",
) -> Response:
    """Show the scores of the students of a course, `SHOWN` students a page.

    A page in the order of names reads the submissions of its students alone. With a filter or in the order of totals,
    all students are read.

    Args:
        staff: The request.
        text: Show only students whose name or login contains this text.
        only: Show only students with this state for some assignment; "" for all.
        order: The order of the students: by name, or by total with the highest first.
        after: Login of the last student on the page before; "" for the first page.
    """
    with staff.read() as (tx, course):
        offered = known_offerings(tx, staff.caller, course.id)
        if only or order == "total":
            rows = _chosen(_rows(tx, staff, offered, text.strip()), only, order, after)
        else:
            rows = _rows(tx, staff, offered, text.strip(), after, SHOWN + 1)
    tasks = staff.caller.service.assignments
    return page(
        staff.request,
        "gradebook.html",
        course=course,
        tasks=[tasks[offering.assignment] for offering in offered],
        rows=rows[:SHOWN],
        next_after=rows[SHOWN - 1].person.login if len(rows) > SHOWN else "",
        after=after,
        states=list(CellState),
        text=text,
        only=only,
        by=order,
    )


@pages.get(_PATH + ".csv")
def get_course_gradebook(staff: ForCourse) -> Response:
    """Return the scores of all students for all assignments as a CSV file, with the state of each score."""
    with staff.read() as (tx, course):
        offered = known_offerings(tx, staff.caller, course.id)
        rows = _rows(tx, staff, offered)
    titles = ["login", "name"]
    for offering in offered:
        task = staff.caller.service.assignments[offering.assignment]
        titles += [f"{task.id} (of {show_points(task.points)})", f"{task.id} state"]
    lines = [titles]
    for row in rows:
        line = [row.person.login, row.person.name]
        for cell in row.cells:
            line += [points_cell(cell.final), ", ".join(cell.states)]
        lines.append(line)
    return download(f"{course.id}-gradebook.csv", safe_csv.dumps(lines).encode())


def _rows(
    tx: Tx, staff: ForCourse, offered: Sequence[Offering], text: str = "", after: str = "", limit: int | None = None
) -> list[GradebookRow]:
    """Return the rows of students of a course, whom the last arguments choose as in `people.roster`."""
    members = people.roster(tx, staff.course, Role.STUDENT, text, after, limit)
    students = [member.person for member in members]
    ids = [student.id for student in students]
    counting = counting_submissions(tx, staff.caller, offered, ids) if offered else {}
    disputed = requests.disputed(tx, staff.course)
    rows = []
    for student in students:
        cells = []
        for offering in offered:
            key = (offering.assignment, student.id)
            cells.append(Cell(counting.get(key), key in disputed))
        rows.append(GradebookRow(student, tuple(cells)))
    return rows


def _chosen(
    rows: Sequence[GradebookRow], only: CellState | Literal[""], order: Order, after: str
) -> list[GradebookRow]:
    """Return the rows with a state, in an order, after the student with the login `after`."""
    chosen = [row for row in rows if not only or row.has(only)]
    if order == "total":
        chosen.sort(key=lambda row: -row.total)  # students with equal totals stay in the order of names
    logins = [row.person.login for row in chosen]
    begin = logins.index(after) + 1 if after in logins else 0
    return chosen[begin:]

"""Requests of students for a regrade of one question or check, and the answers of staff."""

from __future__ import annotations

from sqlalchemy import ColumnElement, select, update

from grader.model import Points
from grader.store.database import Tx, change, fetch, insert_new, next_id, now, record_of
from grader.store.people import person_of, select_with_person
from grader.store.records import CheckRecord, RegradeRequest, RegradeState, SubmissionRecord
from grader.store.tables import gradings, people, regrades, requests, results


def ask(tx: Tx, submission: SubmissionRecord, question: str, person: str, text: str) -> str | None:
    """Store a request and return its id. Return None if the question has an open request already."""
    id = next_id(tx, requests)
    place = {"course": submission.course, "assignment": submission.assignment, "submission": submission.id}
    row = place | {"id": id, "question": question, "person": person, "text": text}
    return id if insert_new(tx, requests, {**row, "created_at": now()}) else None


def answer(
    tx: Tx, id: str, text: str, answerer: str, earlier_points: Points | None = None, new_points: Points | None = None
) -> bool:
    """Answer a request. Return False if it was answered before.

    Args:
        tx: A transaction that writes.
        id: Id of the request.
        text: The answer.
        answerer: Id of the person who answers.
        earlier_points: The points before the answer, if the answer changes them.
        new_points: The points that the answer gives, if it changes them.
    """
    is_open = update(requests).filter_by(id=id, answered_at=None)
    row = {"answer": text, "by": answerer, "answered_at": now()}
    return change(tx, is_open.values(**row, earlier_points=earlier_points, new_points=new_points)) > 0


def get(tx: Tx, id: str) -> RegradeRequest | None:
    """Return the request with this id; None if there is none."""
    records = _read(tx, requests.c.id == id)
    return records[0] if records else None


def of_submission(tx: Tx, submission: str) -> list[RegradeRequest]:
    """Return the requests about a submission, the oldest first."""
    return _read(tx, requests.c.submission == submission)


def of_course(tx: Tx, course: str, *, is_open: bool, after: str = "", limit: int = 50) -> list[RegradeRequest]:
    """Return the open or the answered requests of a course, the oldest first: at most `limit` after the request with
    the id `after`."""
    state = requests.c.answered_at.is_(None) if is_open else requests.c.answered_at.is_not(None)
    return _read(tx, requests.c.course == course, state, requests.c.id > after, limit=limit)


def disputed(tx: Tx, course: str) -> set[tuple[str, str]]:
    """Return (assignment, id of the student) for each open request of a course."""
    rows = tx.execute(select(requests.c.assignment, requests.c.person).filter_by(course=course, answered_at=None))
    return {(row.assignment, row.person) for row in rows}


def _read(tx: Tx, *where: ColumnElement[bool], limit: int | None = None) -> list[RegradeRequest]:
    """Return the requests that meet all conditions, the oldest first."""
    answerers = people.alias()
    query = select_with_person(*requests.c, answerers.c.name.label("answered_by"), person=requests.c.person)
    query = query.outerjoin(answerers, answerers.c.id == requests.c.by)
    query = query.where(*where).order_by(requests.c.id).limit(limit)
    return [record_of(row, RegradeRequest, person=person_of(row)) for row in tx.execute(query)]


def shadow_results(tx: Tx, submission: str) -> dict[str, CheckRecord]:
    """Return the results of the submission's newest grading in a regrade that is not decided, by check id."""
    query = select(results).join(gradings, gradings.c.id == results.c.grading)
    query = query.join(regrades, regrades.c.id == gradings.c.regrade)
    query = query.where(gradings.c.submission == submission, regrades.c.state == RegradeState.SHADOW)
    query = query.order_by(gradings.c.id)  # the newest one replaces the others
    return {result.check: result for result in fetch(tx, query, CheckRecord)}

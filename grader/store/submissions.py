"""Submissions and their files."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Function, LargeBinary, Select, exists, func, insert, or_, select

from grader.model.grouping import grouped
from grader.store.database import Tx, among, fetch_one, fetch_pairs, next_id, now, record_of
from grader.store.people import PERSON, person_of, select_with_person
from grader.store.records import NEWEST, File, GradingPoints, Kind, Page, Person, State, SubmissionRecord, UploadRecord
from grader.store.scored import tell_scores_of
from grader.store.tables import authors, files, gradings, idempotency, people, submissions

_SUBMISSION = [submissions.c[field.name] for field in fields(SubmissionRecord) if field.name in submissions.c]
"""The SQL columns for the first fields of a `SubmissionRecord`, in their order."""
_GRADING = [gradings.c[field.name] for field in fields(GradingPoints)]
"""The SQL columns for the fields of a `GradingPoints`, in their order."""


@dataclass(frozen=True)
class NewSubmission:
    """A submission to be stored."""

    course: str
    assignment: str
    kind: Kind
    interface: str
    """The interface that was used: "api", "page" or "batch"."""
    digest: str
    by: str
    """Id of the person who submits: one of the authors, or a member of staff on their behalf."""
    authors: tuple[str, ...]
    files: tuple[tuple[str, bytes], ...]
    """Names and contents, in the order of the upload."""
    code_submitted: bool = True
    received_at: dt.datetime = field(default_factory=now)
    late_days: int = 0
    """The most late days that the student agrees to use."""


def add(tx: Tx, new: NewSubmission) -> str:
    """Store a submission and return its id. Callers may acknowledge it to the student only after the commit."""
    id = next_id(tx, submissions)
    row: dict[str, Any] = {"id": id}
    for column in submissions.c:
        if column is not submissions.c.id:
            row[column.name] = getattr(new, column.name)
    tx.execute(insert(submissions), row)
    distinct_authors = dict.fromkeys(new.authors)
    tx.execute(insert(authors), [{"submission": id, "person": person} for person in distinct_authors])
    for position, (name, content) in enumerate(new.files):
        sha256 = hashlib.sha256(content).hexdigest()
        file = {"submission": id, "position": position, "name": name, "sha256": sha256, "content": content}
        tx.execute(insert(files), file)
    tell_scores_of(tx, [id])
    return id


def get(tx: Tx, id: str) -> SubmissionRecord | None:
    """Return the submission with this id; None if there is none."""
    records = _read(tx, submissions.c.id == id)
    return records[0] if records else None


def contents(tx: Tx, id: str) -> list[tuple[str, bytes]]:
    """Return (name, content) of every file of a submission, in the order of the upload."""
    query = select(files.c.name, files.c.content).filter_by(submission=id)
    query = query.order_by(files.c.position)
    rows = tx.execute(query)
    return [(row.name, row.content) for row in rows]


def piece(tx: Tx, id: str, position: int, start: int, length: int) -> bytes:
    """Return at most `length` bytes of a submission's file, from the offset `start`. `position` is the file's place in
    the upload."""
    bytes_of_file: Function[bytes] = func.substr(files.c.content, start + 1, length, type_=LargeBinary)
    return tx.scalar(select(bytes_of_file).filter_by(submission=id, position=position)) or b""


def stored_bytes(tx: Tx, person: str) -> int:
    """Return the total size in bytes of all files that this person has submitted."""
    submitted = select(submissions.c.id).filter_by(by=person)
    total_size = select(func.sum(func.length(files.c.content)))
    return tx.scalar(total_size.where(files.c.submission.in_(submitted))) or 0


def of_offering(
    tx: Tx,
    course: str,
    assignments: Collection[str] | None = None,
    *,
    persons: Collection[str] | None = None,
    kind: Kind | None = Kind.SUBMISSION,
    state: State | None = None,
    page: Page = NEWEST,
) -> list[SubmissionRecord]:
    """Return submissions of a course, the newest first.

    Args:
        tx: The transaction.
        course: Id of the course.
        assignments: Ids of the assignments; None for all.
        persons: Ids of people of whom one is an author; None for all.
        kind: The kind; None for all.
        state: State of the grading that gives the points or, if there is none yet, of the first one; None for all.
        page: The page of the list.
    """
    where: list[ColumnElement[bool]] = [submissions.c.course == course]
    if assignments is not None:
        where.append(submissions.c.assignment.in_(assignments))
    if kind is not None:
        where.append(submissions.c.kind == kind)
    if persons is not None:
        of_persons = select(authors.c.submission).where(among(tx, authors.c.person, persons))
        where.append(submissions.c.id.in_(of_persons))
    if state is not None:
        where.append(submissions.c.id.in_(_in_state(state)))
    if page.before is not None:
        where.append(submissions.c.id < page.before)
    return _read(tx, *where, limit=page.limit)


def of_people(
    tx: Tx, course: str, persons: Collection[str], assignments: Collection[str] | None = None
) -> list[SubmissionRecord]:
    """Return the submissions of these people, the newest first, without pre-checks and withdrawn submissions.

    Args:
        tx: The transaction.
        course: Id of the course.
        persons: Ids of the people.
        assignments: Return submissions to these assignments; None for those to any assignment that may use late days.
    """
    own = select(authors.c.submission).where(among(tx, authors.c.person, persons))
    is_chosen = submissions.c.late_days > 0 if assignments is None else submissions.c.assignment.in_(assignments)
    of_course = (submissions.c.course == course) & (submissions.c.kind == Kind.SUBMISSION)
    return _read(tx, of_course, is_chosen, submissions.c.id.in_(own), submissions.c.id.not_in(withdrawn()))


def newest_of_each(
    tx: Tx, course: str, assignments: Collection[str], persons: Collection[str] | None = None
) -> list[SubmissionRecord]:
    """Return each author's newest submission to each assignment that is neither cancelled nor superseded. A submission
    with several authors is returned once.

    Args:
        tx: The transaction.
        course: Id of the course.
        assignments: Ids of the assignments.
        persons: Return only submissions of the people with these ids; None for all.
    """
    newest = select(func.max(submissions.c.id)).where(submissions.c.id.not_in(withdrawn()))
    if persons is None:
        newest = _of_authors(newest, submissions.c.course == course, assignments)
    else:
        # concatenated: by the index of the course, SQLite would look up each person in each submission
        in_course = submissions.c.course.concat("") == course
        newest = _of_authors(newest, in_course & among(tx, authors.c.person, persons), assignments)
    return _read(tx, submissions.c.id.in_(newest.group_by(authors.c.person, submissions.c.assignment)))


def count_after(tx: Tx, course: str, assignment: str, moment: dt.datetime) -> int:
    """Return the number of submissions to an assignment that were received after this time."""
    query = select(func.count()).select_from(submissions).where(submissions.c.received_at > moment)
    return tx.scalar(query.filter_by(course=course, assignment=assignment, kind=Kind.SUBMISSION)) or 0


def withdrawn() -> Select[str]:
    """Return a query for the ids of submissions that were cancelled or superseded before they were graded."""
    return _in_state(State.CANCELLED, State.SUPERSEDED)


def attempts_of_each(tx: Tx, course: str, assignment: str) -> list[tuple[Person, int]]:
    """Return each author with the number of the author's submissions. Pre-checks are not counted."""
    counted = select(*PERSON, func.count().label("attempts"))
    query = _of_authors(counted, submissions.c.course == course, [assignment])
    query = query.join(people, people.c.id == authors.c.person)
    query = query.group_by(*PERSON).order_by(people.c.login)
    rows = tx.execute(query)
    return [(person_of(row), row.attempts) for row in rows]


def attempts_by_assignment(tx: Tx, course: str, author: str) -> dict[str, int]:
    """Return the number of a person's submissions by assignment. Pre-checks are not counted."""
    query = select(submissions.c.assignment, func.count()).filter_by(course=course, kind=Kind.SUBMISSION)
    query = query.where(submissions.c.id.in_(select(authors.c.submission).filter_by(person=author)))
    return fetch_pairs(tx, query.group_by(submissions.c.assignment))


def _of_authors(query: Select[Any], where: ColumnElement[bool], assignments: Collection[str]) -> Select[Any]:
    """Let a query range over the pairs of an author and a submission of this author, without pre-checks."""
    query = query.select_from(authors).join(submissions, submissions.c.id == authors.c.submission)
    return query.where(where, submissions.c.kind == Kind.SUBMISSION, submissions.c.assignment.in_(assignments))


def _in_state(*states: State) -> Select[str]:
    """Return a query for the ids of submissions in one of these states. A submission has the state of the grading that
    gives the points or, if there is none yet, of the first grading."""
    counting = gradings.alias()
    # not IN: the database would read all gradings that give points
    has_points = exists().where(counting.c.submission == gradings.c.submission, counting.c.counts)
    is_first = gradings.c.regrade.is_(None) & ~has_points
    in_state = select(gradings.c.submission).where(gradings.c.state.in_(states))
    return in_state.where(or_(gradings.c.counts, is_first))


def _read(tx: Tx, *where: ColumnElement[bool], limit: int | None = None) -> list[SubmissionRecord]:
    """Return the submissions that meet all conditions, the newest first."""
    chosen = select(*_SUBMISSION).where(*where).order_by(submissions.c.id.desc()).limit(limit).subquery()
    of_submission = (gradings.c.submission == chosen.c.id) & or_(gradings.c.regrade.is_(None), gradings.c.counts)
    query = select(*chosen.c, *_GRADING, *PERSON).select_from(chosen).join(gradings, of_submission)
    query = query.join(authors, authors.c.submission == chosen.c.id).join(people, people.c.id == authors.c.person)
    query = query.order_by(chosen.c.id.desc(), gradings.c.counts.desc(), gradings.c.id.desc(), people.c.login)
    records = []
    end = len(_SUBMISSION)
    for _, rows_of_gradings in groupby(tx.execute(query), key=itemgetter(0)):
        rows = list(rows_of_gradings)
        grading = GradingPoints(*rows[0][end : -len(PERSON)])
        own_authors = tuple(Person(*row[-len(PERSON) :]) for row in rows if row[end] == grading.id)
        values: tuple[Any, ...] = (*rows[0][:end], own_authors, grading)
        records.append(SubmissionRecord(*values))  # by position, since a page reads thousands
    return records


def authors_of(tx: Tx, ids: Iterable[str]) -> Mapping[str, Sequence[Person]]:
    """Return the authors of each of these submissions, by submission id."""
    query = select_with_person(authors.c.submission, person=authors.c.person)
    query = query.where(among(tx, authors.c.submission, ids)).order_by(people.c.login)
    rows = tx.execute(query)
    return grouped((row.submission, person_of(row)) for row in rows)


def uploads_of(tx: Tx, ids: Iterable[str]) -> dict[str, UploadRecord]:
    """Return who uploaded each of these submissions, and its files, by submission id."""
    size = func.length(files.c.content).label("size")
    query = select(submissions.c.id, files.c.name, files.c.sha256, size, *PERSON).select_from(submissions)
    query = query.join(people, people.c.id == submissions.c.by)
    query = query.outerjoin(files, files.c.submission == submissions.c.id)
    query = query.where(among(tx, submissions.c.id, ids)).order_by(files.c.position)
    uploads = {}
    for id, rows in grouped((row.id, row) for row in tx.execute(query)).items():
        uploads[id] = UploadRecord(
            person_of(rows[0]), tuple(record_of(row, File) for row in rows if row.name is not None)
        )
    return uploads


# ── Idempotency-Key ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class UsedKey:
    submission: str
    fingerprint: str
    """The hash of the request's contents."""


def used_key(tx: Tx, person: str, key: str) -> UsedKey | None:
    """Return the submission that a person created with an idempotency key; None if the key is new."""
    query = select(idempotency).filter_by(person=person, key=key)
    return fetch_one(tx, query, UsedKey)


def by_keys(tx: Tx, person: str, keys: Sequence[str]) -> dict[str, str]:
    """Return the ids of the submissions that a person created with these idempotency keys, by key."""
    query = select(idempotency.c.key, idempotency.c.submission).filter_by(person=person)
    query = query.where(idempotency.c.key.in_(keys))
    return fetch_pairs(tx, query)


def remember_key(tx: Tx, person: str, key: str, fingerprint: str, submission: str) -> None:
    """Record the submission that a person created with an idempotency key."""
    row = {"person": person, "key": key, "fingerprint": fingerprint, "submission": submission, "created_at": now()}
    tx.execute(insert(idempotency), row)


def lock_people(tx: Tx, persons: Collection[str]) -> None:
    """Prevent other transactions from adding a submission of any of these people until the transaction ends."""
    query = select(people.c.id).where(people.c.id.in_(persons)).order_by(people.c.id)  # in one order, for no deadlock
    tx.execute(query.with_for_update())


def times_since(
    tx: Tx, course: str, assignment: str, person: str, since: dt.datetime, kind: Kind = Kind.SUBMISSION
) -> list[dt.datetime]:
    """Return the times of a person's attempts of one kind after `since`, the oldest first.

    A submission of a group is an attempt of each author. These submissions are not attempts: submissions
    without code, submissions by staff for a student, and submissions whose grading is broken, superseded, or was
    cancelled before it started.
    """
    is_accepted = gradings.c.state.in_((State.QUEUED, State.RUNNING, State.GRADED))
    is_cancelled_late = (gradings.c.state == State.CANCELLED) & (gradings.c.starts > 0)
    attempts = select(gradings.c.submission).where(or_(is_accepted, is_cancelled_late))
    own = select(authors.c.submission).filter_by(person=person)
    all_authors = select(authors.c.person).where(authors.c.submission == submissions.c.id)
    query = select(submissions.c.received_at).filter_by(course=course, assignment=assignment)
    query = query.filter_by(kind=kind, code_submitted=True)
    query = query.where(submissions.c.id.in_(own), submissions.c.by.in_(all_authors))
    query = query.where(submissions.c.received_at > since, submissions.c.id.in_(attempts))
    query = query.order_by(submissions.c.received_at)
    return list(tx.scalars(query))

"""Submissions and their files."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, insert, or_, select

from grader.model.grouping import grouped
from grader.store.database import Tx, now, record_of
from grader.store.people import PERSON, person_of
from grader.store.records import NEWEST, File, Kind, Page, Person, State, SubmissionRecord, new_id
from grader.store.tables import authors, files, gradings, idempotency, people, submissions


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


COLUMNS = ("course", "assignment", "kind", "interface", "digest", "by", "code_submitted")


def add(tx: Tx, new: NewSubmission) -> str:
    """Store a submission and return its id. Callers may acknowledge it to the student only after the commit."""
    id = new_id()
    row = {name: getattr(new, name) for name in COLUMNS}
    tx.execute(insert(submissions), row | {"id": id, "received_at": now()})
    tx.execute(insert(authors), [{"submission": id, "person": who} for who in dict.fromkeys(new.authors)])
    rows = [
        {"submission": id, "position": n, "name": name, "sha256": hashlib.sha256(bytes_).hexdigest(), "content": bytes_}
        for n, (name, bytes_) in enumerate(new.files)
    ]
    tx.execute(insert(files), rows)
    return id


def get(tx: Tx, id: str) -> SubmissionRecord | None:
    """Return the submission with this id; None if there is none."""
    return next(iter(_read(tx, submissions.c.id == id)), None)


def contents(tx: Tx, id: str) -> list[tuple[str, bytes]]:
    """Return (name, content) of every file of a submission, in the order of the upload."""
    rows = tx.execute(select(files.c.name, files.c.content).where(files.c.submission == id).order_by(files.c.position))
    return [(row.name, row.content) for row in rows]


def stored_bytes(tx: Tx, person: str) -> int:
    """Return the total size in bytes of all files that this person has submitted."""
    size = select(func.sum(func.length(files.c.content))).join(submissions, submissions.c.id == files.c.submission)
    return tx.scalar(size.where(submissions.c.by == person)) or 0


def of_offering(
    tx: Tx,
    course: str,
    assignment: str | None = None,
    *,
    author: str | None = None,
    kind: Kind | None = Kind.SUBMISSION,
    state: State | None = None,
    page: Page = NEWEST,
) -> list[SubmissionRecord]:
    """Return submissions of a course, the newest first.

    Args:
        tx: The transaction.
        course: Id of the course.
        assignment: Id of the assignment; None for all.
        author: Id of an author; None for all.
        kind: The kind; None for all.
        state: State of the grading that gives the points or, if there is none yet, of the first one; None for all.
        page: The page of the list.
    """
    where: list[ColumnElement[bool]] = [submissions.c.course == course]
    if assignment is not None:
        where.append(submissions.c.assignment == assignment)
    if kind is not None:
        where.append(submissions.c.kind == kind)
    if author is not None:
        where.append(submissions.c.id.in_(select(authors.c.submission).where(authors.c.person == author)))
    if state is not None:
        where.append(submissions.c.id.in_(_in_state(state)))
    if page.before is not None:
        where.append(submissions.c.id < page.before)
    return _read(tx, *where, limit=page.limit)


def newest_of_each(tx: Tx, course: str, assignment: str, author: str | None = None) -> list[SubmissionRecord]:
    """Return each author's newest submission that is neither cancelled nor superseded. A submission with several
    authors is returned once.

    Args:
        tx: The transaction.
        course: Id of the course.
        assignment: Id of the assignment.
        author: Return only the submission of this author; None for all.
    """
    gone = [submissions.c.id.not_in(_in_state(state)) for state in (State.CANCELLED, State.SUPERSEDED)]
    newest = _of_authors(select(func.max(submissions.c.id)), course, assignment, author).where(*gone)
    return _read(tx, submissions.c.id.in_(newest.group_by(authors.c.person)))


def attempts_of_each(tx: Tx, course: str, assignment: str) -> list[tuple[Person, int]]:
    """Return each author with the number of the author's submissions. Pre-checks are not counted."""
    counted = _of_authors(select(*PERSON, func.count().label("attempts")), course, assignment)
    rows = tx.execute(counted.join(people, people.c.id == authors.c.person).group_by(*PERSON).order_by(people.c.login))
    return [(person_of(row), row.attempts) for row in rows]


def _of_authors(query: Select[Any], course: str, assignment: str, author: str | None = None) -> Select[Any]:
    found = (
        query.select_from(authors)
        .join(submissions, submissions.c.id == authors.c.submission)
        .where(
            submissions.c.course == course,
            submissions.c.assignment == assignment,
            submissions.c.kind == Kind.SUBMISSION,
        )
    )
    return found if author is None else found.where(authors.c.person == author)


def _in_state(state: State) -> Any:
    """Return a query for the ids of submissions in a state. A submission has the state of the grading that gives
    the points or, if there is none yet, of the first grading."""
    counted = select(gradings.c.submission).where(gradings.c.counts)
    own = gradings.c.regrade.is_(None) & gradings.c.submission.not_in(counted)
    return select(gradings.c.submission).where(gradings.c.state == state, or_(gradings.c.counts, own))


def _read(tx: Tx, *where: ColumnElement[bool], limit: int | None = None) -> list[SubmissionRecord]:
    rows = tx.execute(
        select(*submissions.c, *PERSON)
        .join(people, people.c.id == submissions.c.by)
        .where(*where)
        .order_by(submissions.c.id.desc())
        .limit(limit)
    ).all()
    ids = [row.id for row in rows]
    who, what = authors_of(tx, ids), _files(tx, ids)
    return [
        record_of(
            row,
            SubmissionRecord,
            by=person_of(row),
            authors=tuple(who.get(row.id, ())),
            files=tuple(what.get(row.id, ())),
        )
        for row in rows
    ]


def authors_of(tx: Tx, ids: Iterable[str]) -> Mapping[str, Sequence[Person]]:
    """Return the authors of each of these submissions, by submission id."""
    rows = tx.execute(
        select(authors.c.submission, *PERSON)
        .join(people, people.c.id == authors.c.person)
        .where(authors.c.submission.in_(list(ids)))
        .order_by(people.c.login)
    )
    return grouped((row.submission, person_of(row)) for row in rows)


def _files(tx: Tx, ids: Iterable[str]) -> Mapping[str, Sequence[File]]:
    rows = tx.execute(
        select(files.c.submission, files.c.name, files.c.sha256, func.length(files.c.content).label("size"))
        .where(files.c.submission.in_(list(ids)))
        .order_by(files.c.submission, files.c.position)
    )
    return grouped((row.submission, record_of(row, File)) for row in rows)


# ── Idempotency-Key ──────────────────────────────────────────────────────────────────────────────────


class UsedKey(NamedTuple):
    submission: str
    fingerprint: str
    """The hash of the request's contents."""


def used_key(tx: Tx, person: str, key: str) -> UsedKey | None:
    """Return the submission that a person created with an idempotency key; None if the key is new."""
    where = (idempotency.c.person == person) & (idempotency.c.key == key)
    row = tx.execute(select(idempotency.c.submission, idempotency.c.fingerprint).where(where)).one_or_none()
    return UsedKey(*row) if row else None


def by_keys(tx: Tx, person: str, keys: Sequence[str]) -> dict[str, str]:
    """Return the ids of the submissions that a person created with these idempotency keys, by key."""
    found = select(idempotency.c.key, idempotency.c.submission)
    rows = tx.execute(found.where(idempotency.c.person == person, idempotency.c.key.in_(keys)))
    return {row.key: row.submission for row in rows}


def remember_key(tx: Tx, person: str, key: str, fingerprint: str, submission: str) -> None:
    """Record the submission that a person created with an idempotency key."""
    row = {"person": person, "key": key, "fingerprint": fingerprint, "submission": submission, "created_at": now()}
    tx.execute(insert(idempotency), row)


def lock_person(tx: Tx, person: str) -> None:
    """Prevent other transactions from adding a submission of this person until the transaction ends."""
    tx.execute(select(people.c.id).where(people.c.id == person).with_for_update())


def times_since(tx: Tx, course: str, assignment: str, person: str, since: dt.datetime) -> list[dt.datetime]:
    """Return the times of a person's attempts after `since`, the oldest first.

    These submissions are not attempts: pre-checks, submissions without code, submissions by staff for a student, and
    submissions whose grading is broken, superseded, or was cancelled before it started.
    """
    begun = (gradings.c.state == State.CANCELLED) & (gradings.c.starts > 0)
    counts = or_(gradings.c.state.in_((State.QUEUED, State.RUNNING, State.GRADED)), begun)
    attempt = select(gradings.c.submission).where(counts)
    rows = tx.execute(
        select(submissions.c.id, submissions.c.received_at)
        .where(
            submissions.c.course == course,
            submissions.c.assignment == assignment,
            submissions.c.kind == Kind.SUBMISSION,
            submissions.c.code_submitted,
            submissions.c.received_at > since,
            submissions.c.by == person,
            submissions.c.id.in_(attempt),
        )
        .order_by(submissions.c.received_at)
    )
    return [row.received_at for row in rows]

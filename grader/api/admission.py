"""Admission of submissions, for the API and for pages: from uploaded bytes to a receipt."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import structlog
from starlette.concurrency import run_in_threadpool

from grader.api.identity import Caller, require_member, require_scope
from grader.api.problems import HttpProblem, not_found, unavailable
from grader.api.waiting import QueuePlace, place
from grader.bounds import MIB
from grader.course.late import Lateness, lateness
from grader.intake.pool import SubmissionFacts
from grader.render.text import file_name
from grader.service import Service
from grader.store import gradings, offerings, people, submissions
from grader.store.database import Tx, now
from grader.store.records import Kind, Offering, Priority, SubmissionRecord, TokenScope

_HOUR = dt.timedelta(hours=1)
FULL_SECONDS = 30
"""Retry-After if the queue is full."""
STORAGE_SECONDS = 3_600
"""Retry-After for a student over the storage limit, which only the operator can raise."""
STAFF_TIMES = 10
"""Staff may have this many times what a student may have waiting and stored."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Receipt:
    """The confirmation that a submission is stored and will be graded."""

    submission: SubmissionRecord
    late: Lateness
    place: QueuePlace | None
    """None if it no longer waits."""
    remarks: tuple[str, ...] = ()
    """Messages about the files, shown on the receipt."""


async def submit(
    service: Service,
    caller: Caller,
    course: str,
    assignment: str,
    files: list[tuple[str, bytes]],
    kind: Kind,
    door: str,
    authors: Sequence[str] = (),
    key: str = "",
    supersede: bool = False,
) -> Receipt:
    """Store a submission and queue it for grading.

    Args:
        service: The service.
        caller: The submitter.
        course: Id of the course.
        assignment: Id of the assignment.
        files: Names and contents.
        kind: Submission or pre-check.
        door: The interface that was used, "api" or "page".
        authors: Logins of the authors; empty for the caller alone.
        key: The Idempotency-Key. A repeated request with the same key is stored once.
        supersede: Whether earlier submissions that still wait are superseded.

    Returns:
        The receipt.

    Raises:
        HttpProblem: The submission is not accepted now.
        Refused: The files cannot be read.
    """
    require_member(caller, course, "assignment")
    require_scope(caller, TokenScope.SUBMIT)
    if assignment not in service.assignments:
        raise not_found("assignment")
    key = _bare_key(key)
    stored = tuple(_storable_files(files))

    def new_submission(tx: Tx, received: SubmissionFacts) -> submissions.NewSubmission:
        return submissions.NewSubmission(
            course,
            assignment,
            kind,
            door,
            received.digest,
            caller.person.id,
            _authors(tx, caller, course, authors),
            stored,
            received.has_code,
        )

    def refuse_early() -> None:
        """Refuse a submission that would be refused anyway, before spending time on reading it. Repeated requests are
        not refused."""
        with service.store.read() as tx:
            if not (key and submissions.repeated(tx, caller.person.id, key)):
                _require_admission(
                    tx, service, caller, new_submission(tx, SubmissionFacts("", has_code=True)), supersede
                )

    await run_in_threadpool(refuse_early)
    received = await service.intake.read(caller.person.id, files, service.assignments[assignment])

    def store() -> Receipt:
        with service.store.write() as tx:
            submissions.lock_person(tx, caller.person.id)
            new = new_submission(tx, received)
            id = _submission_with_key(tx, new, key)
            if id is None:
                _require_admission(tx, service, caller, new, supersede)
                id = submissions.add(tx, new)
                service.queue.enqueue(tx, id, assignment, new.by, _PRIORITY[kind])
                if key:
                    submissions.remember_key(tx, new.by, key, _fingerprint(new), id)
                if supersede:
                    gradings.supersede(tx, id)
            return receipt_of(tx, service, id)

    receipt = await run_in_threadpool(store)
    service.queue.wake()
    id = receipt.submission.id
    log.info("submitted", submission=id, course=course, assignment=assignment, kind=str(kind), door=door)
    return receipt


def receipt_of(tx: Tx, service: Service, id: str) -> Receipt:
    """Return the receipt of an existing submission, with its current place in the queue."""
    submission = submissions.get(tx, id)
    assert submission is not None
    grading = gradings.of_submissions(tx, [id])[id]
    late = lateness_of(tx, submission)
    return Receipt(submission, late, place(tx, service, grading, submission.kind), _intake_remarks(service, submission))


def _intake_remarks(service: Service, submission: SubmissionRecord) -> tuple[str, ...]:
    known = service.assignments.get(submission.assignment)
    return (known.not_submitted,) if known and not submission.code_submitted else ()


def lateness_of(tx: Tx, submission: SubmissionRecord) -> Lateness:
    """Return the lateness of a submission, with the longest extension of its authors."""
    offering = offerings.offering(tx, submission.course, submission.assignment)
    assert offering is not None
    extensions = offerings.extensions_of(tx, submission.course, submission.assignment)
    return how_late(submission, offering, extensions)


def how_late(submission: SubmissionRecord, offering: Offering, extensions: Mapping[str, dt.datetime]) -> Lateness:
    """Return the lateness of a submission; `extensions` has the due date by person."""
    theirs = [extensions[who.id] for who in submission.authors if who.id in extensions]
    return lateness(submission.received_at, offering.due_at, max(theirs, default=None), offering.late)


def _authors(tx: Tx, caller: Caller, course: str, logins: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of the authors. Only staff may submit for others; otherwise a student could replace the
    submission of another student that counts."""
    wanted = list(dict.fromkeys(login.strip().lower() for login in logins if login.strip()))
    if not wanted or wanted == [caller.person.login]:
        return (caller.person.id,)
    if not caller.is_staff(course):
        detail = "leave authors out, and ask your teachers to submit for a group"
        raise HttpProblem(403, "not-for-others", "Only staff submit for others", detail)
    members = {member.person.login: member.person.id for member in people.roster(tx, course)}
    strangers = [login for login in wanted if login not in members]
    if strangers:
        detail = f"{strangers[0]!r:.80} is not a member of this course: add them to the roster first"
        raise HttpProblem(422, "no-member", "An author is not in the course", detail)
    return tuple(members[login] for login in wanted)


# ── once per Idempotency-Key ─────────────────────────────────────────────────────────────────────────


def _bare_key(key: str) -> str:
    """Return the key without the quotes that the header's draft standard requires and many clients leave out."""
    bare = key.strip()
    if len(bare) > 1 and bare[0] == bare[-1] == '"':
        bare = bare[1:-1]
    if key and not re.fullmatch(r"[ -~]{1,255}", bare):
        detail = "make it 1 to 255 printable ASCII characters, for example a UUID"
        raise HttpProblem(400, "bad-key", "The Idempotency-Key cannot be used", detail)
    return bare


def _fingerprint(new: submissions.NewSubmission) -> str:
    files = [(name, hashlib.sha256(content).hexdigest()) for name, content in new.files]
    what = [new.course, new.assignment, new.kind, sorted(new.authors), files]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()


def _submission_with_key(tx: Tx, new: submissions.NewSubmission, key: str) -> str | None:
    before = submissions.repeated(tx, new.by, key) if key else None
    if before is not None and before.fingerprint != _fingerprint(new):
        detail = "another request had this key: use a new key for each submission"
        raise HttpProblem(422, "key-reused", "The Idempotency-Key is taken", detail)
    return before.submission if before else None


# ── reasons to refuse a submission ───────────────────────────────────────────────────────────────────


def _require_admission(
    tx: Tx, service: Service, caller: Caller, new: submissions.NewSubmission, supersede: bool
) -> None:
    """Raise `HttpProblem` if this submission cannot be accepted now."""
    offering = offerings.offering(tx, new.course, new.assignment)
    if offering is None:
        raise not_found("assignment")
    is_staff = caller.is_staff(new.course)
    if not is_staff:
        _require_open(tx, offering, caller)
        _require_attempt(tx, offering, new)
    times = STAFF_TIMES if is_staff else 1
    if not supersede:  # otherwise it replaces those that wait
        _require_few_waiting(tx, new, times * service.settings.waiting_limit)
    _require_storage(tx, new, times * service.settings.storage_limit_mib)
    if gradings.waiting(tx) >= service.settings.queue_limit:
        detail = "this submission was not stored: send it again later; its time is then that of the new request"
        raise unavailable("queue-full", "Too many submissions are waiting", detail, FULL_SECONDS)


_PRIORITY = {Kind.PRECHECK: Priority.PRECHECK, Kind.SUBMISSION: Priority.INTERACTIVE}


def _require_open(tx: Tx, offering: Offering, caller: Caller) -> None:
    moment = now()
    if offering.opens_at is not None and moment < offering.opens_at:
        detail = f"the assignment opens at {_utc_time(offering.opens_at)}"
        raise HttpProblem(403, "not-open-yet", "The assignment is not open yet", detail)
    extension = offerings.extension(tx, offering.course, offering.assignment, caller.person.id)
    closes = offering.closes_at
    if closes is not None and moment >= max(closes, extension or closes):
        detail = f"the assignment closed at {_utc_time(max(closes, extension or closes))}: ask your teachers"
        raise HttpProblem(403, "closed", "The assignment is closed", detail)


def _require_attempt(tx: Tx, offering: Offering, new: submissions.NewSubmission) -> None:
    """Raise 429 if the attempts of this hour are used up. Pre-checks and submissions without code do not count."""
    allowed = offering.attempts_per_hour
    if allowed is None or new.kind is Kind.PRECHECK:
        return
    times = submissions.times_since(tx, new.course, new.assignment, new.by, now() - _HOUR)
    if len(times) < allowed:
        return
    if not allowed:
        detail = "no attempts are allowed at present: ask your teachers"
        raise HttpProblem(403, "closed", "The assignment is closed", detail)
    free_at = times[-allowed] + _HOUR
    seconds = max(1, int((free_at - now()).total_seconds()) + 1)
    detail = f"{allowed} attempts an hour are allowed; the next one at {_utc_time(free_at)}. Pre-checks are unlimited."
    raise HttpProblem(429, "too-many-attempts", "No attempt is left", detail, {"Retry-After": str(seconds)})


def _require_few_waiting(tx: Tx, new: submissions.NewSubmission, limit: int) -> None:
    """Raise 429 if this person has too many submissions waiting."""
    waiting = gradings.waiting(tx, new.by)
    if waiting >= limit:
        detail = f"{waiting} of your submissions are waiting, the limit is {limit}: cancel some, or submit again later"
        raise HttpProblem(
            429,
            "too-many-waiting",
            "Too many of your submissions are waiting",
            detail,
            {"Retry-After": str(FULL_SECONDS)},
        )


def _require_storage(tx: Tx, new: submissions.NewSubmission, limit: int) -> None:
    """Raise 429 if the stored files of this person would exceed their limit in MiB."""
    if submissions.stored_bytes(tx, new.by) + sum(len(content) for _, content in new.files) > limit * MIB:
        detail = (
            f"your submissions would take more than {limit} MiB: leave out data, or ask your teachers for more space"
        )
        raise HttpProblem(
            429, "no-room", "Your submissions take too much space", detail, {"Retry-After": str(STORAGE_SECONDS)}
        )


def _utc_time(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _storable_files(files: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return the files with names that every database accepts. The name of a single file was not checked by intake; it
    only tells the file's kind."""
    if len(files) == 1:
        return [(_short_name(PurePosixPath(files[0][0].replace("\\", "/")).name), files[0][1])]
    return [(file_name(name), content) for name, content in files]


def _short_name(name: str) -> str:
    stem, dot, suffix = file_name(name).rpartition(".")
    return f"{stem[:150]}{dot}{suffix[:20]}"

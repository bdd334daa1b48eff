"""Accept or refuse submissions that arrive over the API or from a form."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import structlog
from starlette.concurrency import run_in_threadpool

from grader.api.identity import Caller, bad_token, require_member, require_scope
from grader.api.problems import HttpProblem, not_found
from grader.api.rendering import utc
from grader.assignments.catalogue import Assignment
from grader.bounds import MIB
from grader.course.late import extended
from grader.intake.pool import SubmissionFacts, WantedCode
from grader.render.text import file_name
from grader.store import groups, offerings, outbox, people, queue, submissions
from grader.store.database import Tx, now
from grader.store.records import EventKind, Kind, Offering, Priority, SubmissionRecord, TokenScope, UploadRecord

_HOUR = dt.timedelta(hours=1)
_DAY = dt.timedelta(days=1)
FULL_SECONDS = 30
"""Seconds in the header Retry-After of a response that refuses a pre-check because the queue is full."""
STORAGE_SECONDS = 3_600
"""Seconds in the header Retry-After of a response that refuses a submission because the person's stored files would
exceed the limit."""
STAFF_TIMES = 10
"""Factor by which staff may have more queued submissions and more stored bytes than students."""

LONGEST_NAME = 200
"""Longest name of a single file that is stored; the beginning of a longer name is cut off."""

_PRIORITY = {Kind.PRECHECK: Priority.PRECHECK, Kind.SUBMISSION: Priority.INTERACTIVE}

log = structlog.get_logger()


@dataclass(frozen=True)
class SubmitRequest:
    """A request to store a submission and to queue it for grading."""

    caller: Caller
    course: str
    """Id of the course."""
    assignment: str
    """Id of the assignment."""
    files: Sequence[tuple[str, bytes]]
    """Name and content of each file."""
    kind: Kind
    interface: str
    """The interface that was used, "api" or "page"."""
    authors: Sequence[str] = ()
    """Logins of the authors; empty for the caller alone."""
    key: str = ""
    """The Idempotency-Key; empty for none. Several requests with the same key store only one submission."""
    supersede: bool = False
    """True to supersede the caller's queued submissions of the same kind to this assignment."""
    late_days: int = 0
    """The most late days that the student agrees to use."""

    @property
    def person(self) -> str:
        """Id of the person who submits."""
        return self.caller.person.id


async def submit(request: SubmitRequest) -> str:
    """Store a submission and queue it for grading. Return its id.

    Raises:
        HttpProblem: If the caller may not submit, the assignment is not open, or a limit is reached.
        Refused: If the files cannot be read.
    """
    caller, service = request.caller, request.caller.service
    require_member(caller, request.course, "assignment")
    require_scope(caller, TokenScope.SUBMIT)
    if request.assignment not in service.assignments:
        raise not_found("assignment")
    request = replace(request, key=_without_quotes(request.key))
    await run_in_threadpool(_refuse_early, request)
    task = service.assignments[request.assignment]
    code = WantedCode(task.entry_points, task.files, tuple(task.modules))
    facts = await service.intake.read(request.person, request.files, code)
    id = await run_in_threadpool(_store, request, facts)
    service.queue.wake()
    log.info(
        "submitted",
        submission=id,
        course=request.course,
        assignment=request.assignment,
        kind=str(request.kind),
        interface=request.interface,
    )
    return id


def _refuse_early(request: SubmitRequest) -> None:
    """Raise `HttpProblem` if the submission can be refused without reading its files. Do not refuse a request whose
    Idempotency-Key was used before."""
    with request.caller.read() as tx:
        if request.key and submissions.used_key(tx, request.person, request.key):
            return
        _authors(tx, request)
        _require_admission(tx, request)


def _store(request: SubmitRequest, facts: SubmissionFacts) -> str:
    """Store a submission, queue it and return its id. If the Idempotency-Key of the request was used before, store
    nothing and return the id of the earlier submission; raise 422 if files, authors, kind or assignment differ."""
    with request.caller.write() as tx:
        named = _authors(tx, request)
        authors = _with_group(tx, request, named)
        submissions.lock_people(tx, [request.person, *authors])
        _require_access(tx, request)
        new = submissions.NewSubmission(
            course=request.course,
            assignment=request.assignment,
            kind=request.kind,
            interface=request.interface,
            digest=facts.digest,
            by=request.person,
            authors=authors,
            files=_storable_files(request.files),
            code_submitted=facts.has_code,
            received_at=request.caller.request_at,
            late_days=0 if request.kind is Kind.PRECHECK else request.late_days,
        )
        # a change of the group between two equal requests does not make them different
        fingerprint = _fingerprint(replace(new, authors=named)) if request.key else ""
        earlier = submissions.used_key(tx, new.by, request.key) if request.key else None
        if earlier:
            if earlier.fingerprint != fingerprint:
                detail = "a different request was sent with this key: use a new key for each submission"
                raise HttpProblem(422, "key-reused", "The Idempotency-Key is taken", detail)
            return earlier.submission
        _require_admission(tx, request)
        id = submissions.add(tx, new)
        if new.kind is Kind.SUBMISSION:
            outbox.tell(tx, EventKind.RECEIVED, new.course, new.assignment, {id: authors})
        request.caller.service.queue.enqueue(tx, id, new.assignment, new.by, _PRIORITY[new.kind])
        if request.key:
            submissions.remember_key(tx, new.by, request.key, fingerprint, id)
        if request.supersede:
            queue.supersede(tx, id)
        return id


def _require_access(tx: Tx, request: SubmitRequest) -> None:
    """Raise `HttpProblem` if the caller has lost the token or the course since the request began."""
    caller = request.caller
    if people.token_by_id(tx, caller.token.id) is None:
        raise bad_token()
    if not caller.person.admin and request.course not in people.roles(tx, request.person):
        raise not_found("assignment")


def remarks(assignment: Assignment, submission: SubmissionRecord, upload: UploadRecord) -> list[str]:
    """Return remarks for the receipt on what is missing: the code, or the notebook with the written answers."""
    if not submission.code_submitted:
        return [assignment.not_submitted]
    only_code = all(file.name.endswith(".py") for file in upload.files)
    if only_code and assignment.questions and submission.kind is Kind.SUBMISSION:
        return [f"No written answers were submitted; submit the notebook together with {assignment.files[0]}."]
    return []


def _authors(tx: Tx, request: SubmitRequest) -> tuple[str, ...]:
    """Return the person ids of the authors. Raise 403 if a student submits for other authors, and 422 if an author is
    not in the course."""
    caller = request.caller
    logins = [login.strip().lower() for login in request.authors if login.strip()]
    if set(logins) <= {caller.person.login}:
        return (caller.person.id,)
    if not caller.is_staff(request.course):
        detail = "submit without the field authors, or ask your teachers to submit for your group"
        raise HttpProblem(403, "not-for-others", "Only staff may submit for others", detail)
    ids = {member.person.login: member.person.id for member in people.roster(tx, request.course)}
    for login in logins:
        if login not in ids:
            detail = f"{login!r:.80} is not a member of this course: add them to the roster first"
            raise HttpProblem(422, "no-member", "An author is not a member of the course", detail)
    return tuple(dict.fromkeys(ids[login] for login in logins))


def _with_group(tx: Tx, request: SubmitRequest, authors: tuple[str, ...]) -> tuple[str, ...]:
    """Return the ids of the authors. If a student submits for themselves, the other members of the group are authors,
    too. A pre-check is the student's alone."""
    offering = offerings.offering(tx, request.course, request.assignment)
    if offering is None or request.kind is Kind.PRECHECK or authors != (request.person,):
        return authors
    partners = groups.partners(tx, offering, request.caller.person.login)
    return tuple(dict.fromkeys([*authors, *(partner.id for partner in partners)]))


# ── once per Idempotency-Key ─────────────────────────────────────────────────────────────────────────


def _without_quotes(key: str) -> str:
    """Return an Idempotency-Key without the quotes around it, if it has any. Raise 400 if it is invalid."""
    bare = key.strip()
    if len(bare) > 1 and bare[0] == bare[-1] == '"':
        bare = bare[1:-1]
    if key and not re.fullmatch(r"[ -~]{1,255}", bare):
        detail = "use 1 to 255 printable ASCII characters, for example a UUID"
        raise HttpProblem(400, "bad-key", "The Idempotency-Key is not valid", detail)
    return bare


def _fingerprint(new: submissions.NewSubmission) -> str:
    """Return a hash of a submission's course, assignment, kind, authors, files and late days."""
    hashes = [(name, hashlib.sha256(content).hexdigest()) for name, content in new.files]
    fields: list[object] = [new.course, new.assignment, new.kind, sorted(new.authors), hashes]
    if new.late_days:  # the hashes of versions without late days stay valid
        fields.append(new.late_days)
    text = json.dumps(fields)
    return hashlib.sha256(text.encode()).hexdigest()


# ── reasons to refuse a submission ───────────────────────────────────────────────────────────────────


def _require_admission(tx: Tx, request: SubmitRequest) -> None:
    """Raise `HttpProblem` if the assignment is not open, or a limit on attempts, queue or storage is reached."""
    settings = request.caller.service.settings
    offering = offerings.offering(tx, request.course, request.assignment)
    if offering is None:
        raise not_found("assignment")
    factor = STAFF_TIMES
    if not request.caller.is_staff(request.course):
        factor = 1
        _require_open(tx, request, offering)
        _require_attempt(tx, request, offering)
    if not request.supersede:  # otherwise the queued submissions are replaced
        _require_few_waiting(tx, request, factor * settings.waiting_limit)
    _require_storage(tx, request, factor * settings.storage_limit_mib)
    if request.kind is Kind.PRECHECK and queue.waiting(tx) >= settings.queue_limit:
        detail = "this pre-check was not stored: try again later, or submit; submissions are always stored"
        title = "Too many submissions are waiting"
        raise HttpProblem(503, "queue-full", title, detail, retry_seconds=FULL_SECONDS)


def _require_open(tx: Tx, request: SubmitRequest, offering: Offering) -> None:
    """Raise 403 if the assignment is not open yet, or is closed for the person who submits."""
    moment = request.caller.request_at
    require_opened(offering, moment)
    extension = offerings.extension(tx, offering.course, offering.assignment, request.person)
    closes_at = extended(offering.closes_at, extension)
    if closes_at is not None and moment >= closes_at:
        detail = f"the assignment closed at {utc(closes_at)}: ask for an extension"
        raise HttpProblem(403, "closed", "The assignment is closed", detail)


def require_opened(offering: Offering, moment: dt.datetime) -> None:
    """Raise 403 if the assignment opens only after this time."""
    if offering.opens_at is not None and moment < offering.opens_at:
        detail = f"the assignment opens at {utc(offering.opens_at)}"
        raise HttpProblem(403, "not-open-yet", "The assignment is not open yet", detail)


def _require_attempt(tx: Tx, request: SubmitRequest, offering: Offering) -> None:
    """Raise 429 if the person has used up the attempts per hour, or the pre-checks per day. A submission of a group
    uses an attempt of each member. Submissions without code use no attempt."""
    allowed, period = _attempts_allowed(offering, request.kind)
    if allowed is None:
        return
    times = submissions.times_since(
        tx, request.course, request.assignment, request.person, now() - period, request.kind
    )
    if len(times) < allowed:
        return
    free_at = times[-allowed] + period  # `times` are sorted, the oldest first
    wait = (free_at - now()).total_seconds()
    if request.kind is Kind.PRECHECK:
        detail = f"of {allowed} a day, the next pre-check is possible at {utc(free_at)}; you can still submit"
        raise HttpProblem(429, "too-many-prechecks", "No pre-check is left", detail, retry_seconds=wait)
    detail = f"{allowed} attempts an hour are allowed, the next one at {utc(free_at)}; pre-checks use none"
    raise HttpProblem(429, "too-many-attempts", "No attempt is left", detail, retry_seconds=wait)


def _attempts_allowed(offering: Offering, kind: Kind) -> tuple[int | None, dt.timedelta]:
    """Return the number of allowed attempts of a kind, None for no limit, and the period in which they are counted."""
    if kind is Kind.PRECHECK:
        return offering.prechecks_per_day, _DAY
    return offering.attempts_per_hour, _HOUR


def attempts_left(tx: Tx, offering: Offering, person: str, kind: Kind = Kind.SUBMISSION) -> int | None:
    """Return the number of attempts that a person has left at the moment; None if the attempts are not limited."""
    allowed, period = _attempts_allowed(offering, kind)
    if allowed is None:
        return None
    times = submissions.times_since(tx, offering.course, offering.assignment, person, now() - period, kind)
    return max(0, allowed - len(times))


def _require_few_waiting(tx: Tx, request: SubmitRequest, limit: int) -> None:
    """Raise 429 if too many submissions of this person are queued."""
    waiting = queue.waiting(tx, request.person)
    if waiting >= limit:
        detail = f"{waiting} of your submissions are waiting, the limit is {limit}: cancel some, or submit again later"
        title = "Too many of your submissions are waiting"
        raise HttpProblem(429, "too-many-waiting", title, detail, retry_seconds=FULL_SECONDS)


def _require_storage(tx: Tx, request: SubmitRequest, limit: int) -> None:
    """Raise 429 if the stored files of this person would exceed `limit` MiB."""
    new_bytes = sum(len(content) for _, content in request.files)
    if submissions.stored_bytes(tx, request.person) + new_bytes > limit * MIB:
        title = "Your submissions take too much space"
        detail = f"your submissions would take more than {limit} MiB: leave out data, or ask for more space"
        raise HttpProblem(429, "no-room", title, detail, retry_seconds=STORAGE_SECONDS)


def _storable_files(files: Sequence[tuple[str, bytes]]) -> tuple[tuple[str, bytes], ...]:
    """Return the files with names that can be stored. Intake checks the names of several files, but not the name of a
    single one."""
    if len(files) == 1:
        ((path, content),) = files
        name = PurePosixPath(path.replace("\\", "/")).name
        files = [(name[-LONGEST_NAME:], content)]
    return tuple((file_name(name), content) for name, content in files)

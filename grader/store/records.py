"""Frozen dataclasses that the functions of this package accept and return."""

from __future__ import annotations

import datetime as dt
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from grader.model import Points, Status

_newest = 0
_making = threading.Lock()
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(after: str = "") -> str:
    """Return a new id of 26 characters: 48 bits of milliseconds, then 80 random bits.

    Ids cannot be guessed. They sort by time; ids that one process creates are strictly increasing. The id is also
    greater than the id `after`, even if the clock has been set back since that one was created.
    """
    global _newest
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    floor = 0
    for digit in after:
        floor = floor << 5 | _DIGITS.index(digit)
    with _making:
        _newest = number = max(number, max(_newest, floor) + 1 + secrets.randbits(64))
    return "".join(_DIGITS[number >> shift & 31] for shift in range(125, -1, -5))


# ── people ──────────────────────────────────────────────────────────────────────────────────────────────


class Role(StrEnum):
    STUDENT = "student"
    STAFF = "staff"


@dataclass(frozen=True)
class Person:
    id: str
    login: str
    """E-mail address or account name at the university, in lower case."""
    name: str
    admin: bool = False


@dataclass(frozen=True)
class Course:
    id: str
    title: str
    late_days: int = 0
    """Late days that each student may use in the course, before grants."""


@dataclass(frozen=True)
class CourseSetup:
    """How far a course is set up."""

    students: int
    has_submissions: bool


@dataclass(frozen=True)
class Member:
    person: Person
    role: Role
    labels: tuple[str, ...] = ()
    """Labels such as a section, by which staff extend due dates."""
    identifiers: Mapping[str, str] = field(default_factory=dict)
    """The learning platform's columns that identify the member: column → cell, as in the roster that was imported."""


@dataclass(frozen=True)
class LateDayGrant:
    """Late days that staff gave to a person, or took away."""

    id: str
    days: int
    """Number of late days; negative if they were taken away."""
    reason: str
    granter: str
    """Login of the member of staff."""
    at: dt.datetime


class TokenKind(StrEnum):
    PROGRAM = "program"
    """API token, which programs send as a bearer token."""
    LOGIN = "login"
    """Token of a login link, which works once."""
    SESSION = "session"
    """Session token, which a browser sends in a cookie."""


class LoginMethod(StrEnum):
    """The way in which a person began a session."""

    LINK = "link"
    PASSWORD = "password"  # noqa: S105
    PROVIDER = "provider"
    PLATFORM = "platform"
    JUPYTERHUB = "jupyterhub"
    TOKEN = "token"  # noqa: S105


class TokenScope(StrEnum):
    """A group of permissions that a token may have."""

    READ = "read"
    """Send requests that change nothing. The only exception: a token may always revoke itself."""
    SUBMIT = "submit"
    """Submit, pre-check and cancel."""
    STAFF = "staff"
    """Act as staff or admin. Without this scope, staff and admins have only the permissions of students."""


EVERY_SCOPE = frozenset(TokenScope)
STUDENT_SCOPES = EVERY_SCOPE - {TokenScope.STAFF}


@dataclass(frozen=True)
class AccessToken:
    """A stored token. The record does not contain the secret."""

    id: str
    kind: TokenKind
    label: str
    created_at: dt.datetime
    expires_at: dt.datetime | None
    scopes: frozenset[TokenScope] = EVERY_SCOPE
    parent: str | None = None
    """Id of the API token that created this token, if any. Revoking that API token also revokes this token."""
    method: LoginMethod | None = None
    """The way in which the session began; None for other tokens, and for sessions of an earlier version."""


# ── assignments of courses ────────────────────────────────────────────────────────────────────────────────────


class Counts(StrEnum):
    """The rule that decides which of a student's submissions gives the score."""

    LATEST = "latest"
    BEST = "best"


class PrecheckDetail(StrEnum):
    """How much pre-checks tell students until the due date. Each member tells more than the one before."""

    POINTS = "points"
    CHECKS = "checks"
    REASONS = "reasons"
    LINES = "lines"


@dataclass(frozen=True)
class Offering:
    """How a course offers an assignment."""

    course: str
    assignment: str
    opens_at: dt.datetime | None = None
    due_at: dt.datetime | None = None
    closes_at: dt.datetime | None = None
    """Submissions after this time are refused; None means that the assignment stays open."""
    late: Mapping[str, object] = field(default_factory=dict)
    """Settings of the late policy (see `grader.course.late`); empty if there is no late penalty."""
    counts: Counts = Counts.LATEST
    attempts_per_hour: int | None = None
    held: bool = False
    """True while points and reasons are hidden from students, until staff release them."""
    release_at: dt.datetime | None = None
    """The time at which a held assignment is released; None if staff release it by hand."""
    hidden: tuple[str, ...] = ()
    """Parts or checks whose verdicts are hidden from students, such as "q2.5" or "q2.2.W1"."""
    requests_until: dt.datetime | None = None
    """After this time students cannot ask for regrades; None if they always can."""
    group_size: int = 1
    """Largest number of students who submit together; 1 if each student submits alone."""
    prechecks_per_day: int | None = None
    """Number of pre-checks that a student may submit in 24 hours; None for no limit."""
    precheck_detail: PrecheckDetail = PrecheckDetail.LINES
    """How much pre-checks tell students until their due date, or always if there is none."""

    def is_held(self, moment: dt.datetime) -> bool:
        """Return whether points and reasons are hidden from students at this time. Single students may have a hold or
        release of their own."""
        return self.held and (self.release_at is None or moment < self.release_at)

    def hides(self, id: str) -> bool:
        """Return whether the check or written answer belongs to `hidden`."""
        # the dots make the part q1 hide q1.2, but not q10
        return any(f"{id}.".startswith(f"{hidden}.") for hidden in self.hidden)


@dataclass(frozen=True)
class Adjustment:
    """Points that staff added to a student's score for an assignment, or subtracted. Adjustments are never changed."""

    person: str
    """Id of the student."""
    points: Points
    """The points to add; negative to subtract."""
    reason: str
    """The reason, for the student."""
    by: Person
    at: dt.datetime


@dataclass(frozen=True)
class Extension:
    """A later due date for one person, for all members with a label, or for everyone."""

    assignment: str
    login: str
    """Login of the person; empty if the extension is for a label or for everyone."""
    name: str
    """Name of the person, or empty."""
    label: str
    """The label; empty if the extension is for one person or for everyone."""
    due_at: dt.datetime
    reason: str
    granter: str | None
    """Login of the member of staff; None for extensions that an older version stored."""
    at: dt.datetime | None


@dataclass(frozen=True)
class Group:
    """Students who submit an assignment together."""

    name: str
    """A new id, or the name that staff gave."""
    members: tuple[Person, ...]
    invited: tuple[str, ...] = ()
    """Logins that were invited and have not answered, whether there are such people or not."""

    def has(self, login: str) -> bool:
        return any(member.login == login for member in self.members)


# ── submissions ────────────────────────────────────────────────────────────────────────────────


class Kind(StrEnum):
    SUBMISSION = "submission"
    PRECHECK = "precheck"
    """A pre-check runs the checks of the code with the public seed. It uses up no attempt, and does not count for the
    grade."""


@dataclass(frozen=True)
class File:
    name: str
    sha256: str
    size: int
    """Number of bytes."""


@dataclass(frozen=True)
class UploadRecord:
    """The files of a submission, and the person who uploaded them."""

    by: Person
    files: tuple[File, ...]


# ── gradings ─────────────────────────────────────────────────────────────────────────────────


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    GRADED = "graded"
    BROKEN = "broken"
    """The grader failed repeatedly. Staff see the reason, and the submission uses up no attempt."""
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    """A newer submission of the same student arrived before this grading started."""

    @property
    def is_final(self) -> bool:
        return self not in (State.QUEUED, State.RUNNING)


class Priority(IntEnum):
    """The priority of a grading in the queue. Smaller numbers start first, except that pre-checks and submissions take
    the same turns: one person's pre-checks do not hold up the work of others."""

    PRECHECK = 0
    INTERACTIVE = 1
    REGRADE = 2
    BATCH = 3


@dataclass(frozen=True)
class GradingPoints:
    """The state and the points of a grading."""

    id: str
    state: State
    points: Points | None
    """Autograded points; None until graded."""
    decided: Points | None
    possible: Points | None


@dataclass(frozen=True)
class Grading(GradingPoints):
    """A grading of a submission. Gradings are never deleted."""

    submission: str
    regrade: str | None
    counts: bool
    """True for the grading that gives the submission its points."""
    priority: Priority
    queued_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    worker: str | None
    failures: int
    """Number of times that the grader failed in this grading."""
    why: str
    """Reason for the latest failure, for staff."""
    compatibility_key: str
    """The compatibility key of the worker that graded, or of the workers that may grade."""
    grader: str
    assignment_digest: str
    seed: str


@dataclass(frozen=True)
class SubmissionRecord:
    """The record of a submission, without its `UploadRecord`."""

    id: str
    course: str
    assignment: str
    kind: Kind
    interface: str
    """The interface that was used: "api", "page" or "batch"."""
    digest: str
    """Hash of the names and contents of the submitted files."""
    received_at: dt.datetime
    code_submitted: bool
    """False if only written answers were submitted. Then no attempt is used up, and the checks get no points."""
    late_days: int
    """The most late days that the student agreed to use for this submission."""
    authors: tuple[Person, ...]
    grading: GradingPoints
    """The grading that gives the points or, if there is none yet, the newest one that does not belong to a regrade."""


@dataclass(frozen=True)
class Leased:
    """A grading under a worker's lease. Only the holder of the lease may finish it."""

    grading: str
    submission: str
    assignment: str
    kind: Kind
    scope: Mapping[str, Any]
    """Scope of the grading: the fields of `grader.engine.grade.Scope` that are not at their defaults."""
    regrade: str | None
    """Id of the regrade that the grading belongs to, if any."""
    lease: str
    lasts: dt.timedelta
    """The lease expires this long after the worker's last heartbeat."""
    deadline: dt.datetime
    """Time at which the lease ends, even if heartbeats still arrive."""
    queued_at: dt.datetime


@dataclass(frozen=True)
class CheckRecord:
    """The result of one check in one grading."""

    check: str
    points: Points
    possible: Points
    status: Status
    mistake: str
    """The `group` of the check's result."""
    reason: str


# ── workers ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Worker:
    """A process that takes gradings from the queue, on any machine."""

    name: str
    compatibility_keys: tuple[str, ...]
    """Compatibility keys of the gradings that the worker takes; empty if it takes all gradings."""
    processes: int
    sandbox: str
    since: dt.datetime

    @property
    def at_a_time(self) -> int:
        """Number of gradings that the worker runs at the same time. One more process is reserved for pre-checks."""
        return self.processes - 1

    def takes(self, compatibility_key: str) -> bool:
        """Return whether the worker takes gradings with this compatibility key."""
        return not self.compatibility_keys or compatibility_key in self.compatibility_keys


@dataclass(frozen=True)
class Unserved:
    """Queued gradings that no live worker can take."""

    compatibility_key: str
    gradings: int
    """Number of queued gradings with this compatibility key."""
    since: dt.datetime
    """Time at which the oldest of these gradings was queued."""

    @property
    def why(self) -> str:
        """A message for staff: no worker can take these gradings, and what to do."""
        return (
            f"no live worker has the compatibility key {self.compatibility_key}: start a worker of this version "
            "with the service's GRADER_SECRET, or regrade, then cancel these gradings"
        )


# ── regrades ─────────────────────────────────────────────────────────────────────────────────────────


class Which(StrEnum):
    """The submissions that a regrade grades again: each student's latest or best, all, or a single submission."""

    LATEST = "latest"
    BEST = "best"
    ALL = "all"
    ONE = "one"


class RegradeState(StrEnum):
    SHADOW = "shadow"
    """The regrade's gradings are running or finished. They do not count, because staff have not applied the regrade
    yet."""
    APPLIED = "applied"
    DISCARDED = "discarded"


@dataclass(frozen=True)
class Regrade:
    id: str
    course: str
    assignment: str
    which: Which
    state: RegradeState
    by: Person
    created_at: dt.datetime
    decided_at: dt.datetime | None
    progress: Mapping[State, int]
    """Number of the regrade's gradings by state. Submissions that are not in the queue yet count as queued."""


@dataclass(frozen=True)
class Mark:
    """Points that a person gave to one question or check of a submission. Regrading does not change them."""

    submission: str
    question: str
    points: Points
    comment: str
    by: Person
    at: dt.datetime


@dataclass(frozen=True)
class LineComment:
    """A comment of staff on a line of a submitted file."""

    file: int
    """Position of the file in the upload, from 0."""
    line: int
    """Number of the line, from 1."""
    text: str
    login: str
    """Login of the person who wrote the comment."""
    name: str
    """Name of this person."""
    at: dt.datetime


@dataclass(frozen=True)
class RegradeRequest:
    """A student's request to look at the points of one question or check again."""

    id: str
    course: str
    assignment: str
    submission: str
    question: str
    person: Person
    text: str
    created_at: dt.datetime
    answer: str | None
    """The answer of staff; None while the request is open."""
    answered_by: str | None
    """Name of the person who answered."""
    answered_at: dt.datetime | None
    earlier_points: Points | None
    """The points before the answer; None if they were undecided, or the answer did not change them."""
    new_points: Points | None
    """The points that the answer gave; None if it did not change them."""


# ── messages ─────────────────────────────────────────────────────────────────────────────────────────


class Channel(StrEnum):
    """A way in which messages leave the service."""

    MAIL = "mail"
    WEBHOOK = "webhook"
    PLATFORM = "platform"
    """The learning platforms of the course, which get scores."""


class EventKind(StrEnum):
    """An event that messages tell. No message contains points."""

    RECEIVED = "received"
    """A submission is stored."""
    GRADED = "graded"
    """A submission has new results that its author may see."""
    RELEASED = "released"
    """Results that were held are shown."""
    ASKED = "asked"
    """A student asks for a regrade."""
    ANSWERED = "answered"
    """Such a request is answered."""
    SCORED = "scored"
    """The score of a student may have changed. Only learning platforms get this event."""


MAILED_BY_DEFAULT = frozenset(EventKind) - {EventKind.RECEIVED, EventKind.SCORED}
"""The events of which people get e-mails until they choose."""


@dataclass(frozen=True)
class Message:
    """A message in the outbox, to one person or about one."""

    id: str
    """Receivers recognise a message that is sent twice by this id."""
    event: EventKind
    channel: Channel
    course: str
    assignment: str
    submission: str
    person: str
    """Id of the recipient of an e-mail, or of the student whom the event is about."""
    login: str
    """Login of the recipient of an e-mail; of a webhook, that of the student whom the event is about."""
    is_mailed: bool
    """True if the login is an e-mail address, and its person gets e-mails about such events."""
    at: dt.datetime
    """Time of the event; of a release, the time at which its first result was held; of a score, that of its latest
    change."""
    failures: int


@dataclass(frozen=True)
class Page:
    """One page of a list that is sorted from new to old: at most `limit` entries older than the entry with the id
    `before`, or the newest entries if `before` is None."""

    limit: int = 50
    before: str | None = None


NEWEST = Page()

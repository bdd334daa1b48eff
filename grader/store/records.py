"""What the store takes and gives: frozen values, never rows."""

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


def new_id() -> str:
    """26 characters: 48 bits of milliseconds, then 80 random ones. Ids cannot be guessed; they sort by age, those of
    one process even within a millisecond."""
    global _newest
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    with _making:
        _newest = number = max(number, _newest + 1 + secrets.randbits(64))
    return "".join(_DIGITS[number >> shift & 31] for shift in range(125, -1, -5))


# ── who ──────────────────────────────────────────────────────────────────────────────────────────────


class Role(StrEnum):
    STUDENT = "student"
    STAFF = "staff"


@dataclass(frozen=True)
class Person:
    id: str
    login: str
    """What the university calls them: an e-mail address or an account's name, in small letters."""
    name: str
    admin: bool = False


@dataclass(frozen=True)
class Course:
    id: str
    title: str


@dataclass(frozen=True)
class Member:
    person: Person
    role: Role


class TokenKind(StrEnum):
    PROGRAM = "program"
    """Sent as a bearer token by programs."""
    LOGIN = "login"
    """In a link; good for one login."""
    SESSION = "session"
    """In a browser's cookie."""


class TokenScope(StrEnum):
    """What a token may be used for, of what its person may do."""

    READ = "read"
    """Every request that changes nothing. A token with no other scope can revoke itself, and changes nothing else."""
    SUBMIT = "submit"
    """Submit, pre-check and cancel."""
    STAFF = "staff"
    """What only staff and admins may do or see. Without it they are ordinary members of their courses."""


EVERY_SCOPE = frozenset(TokenScope)


@dataclass(frozen=True)
class Token:
    """What may be shown of a token: never the token itself."""

    id: str
    kind: TokenKind
    label: str
    created_at: dt.datetime
    expires_at: dt.datetime | None
    scopes: frozenset[TokenScope] = EVERY_SCOPE
    parent: str | None = None
    """The id of the program's token that this one was made with, and ends with."""


# ── what is asked ────────────────────────────────────────────────────────────────────────────────────


class Counts(StrEnum):
    """Which of a student's submissions counts."""

    LATEST = "latest"
    BEST = "best"


@dataclass(frozen=True)
class Offering:
    """An assignment as one course sets it."""

    course: str
    assignment: str
    opens_at: dt.datetime | None = None
    due_at: dt.datetime | None = None
    closes_at: dt.datetime | None = None
    """After this nothing is taken, late or not."""
    late: Mapping[str, object] = field(default_factory=dict)
    """The late policy as `grader.course.late` reads it; empty takes nothing off."""
    counts: Counts = Counts.LATEST
    attempts_per_hour: int | None = None
    held: bool = False
    """Students see neither points nor reasons until staff release them."""
    hidden: tuple[str, ...] = ()
    """Parts or checks whose verdicts students do not see ("q2.5", "q2.2.W1")."""


# ── what is handed in ────────────────────────────────────────────────────────────────────────────────


class Kind(StrEnum):
    SUBMISSION = "submission"
    PRECHECK = "precheck"
    """Code checks under the public seed: free, and never the grade."""


@dataclass(frozen=True)
class File:
    name: str
    sha256: str
    size: int
    """Bytes."""


@dataclass(frozen=True)
class SubmissionRecord:
    """The record of one; what was in it is fetched apart."""

    id: str
    course: str
    assignment: str
    kind: Kind
    door: str
    digest: str
    """`grader.model.Submission.digest`."""
    by: Person
    authors: tuple[Person, ...]
    received_at: dt.datetime
    files: tuple[File, ...]
    code_submitted: bool = True
    """Without its code it is no attempt, and nothing of the code has points."""


# ── how it is graded ─────────────────────────────────────────────────────────────────────────────────


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    GRADED = "graded"
    BROKEN = "broken"
    """By us: shown to staff, and no attempt of the student's."""
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    """A newer submission of the same student took its place before it ran."""

    @property
    def is_final(self) -> bool:
        return self not in (State.QUEUED, State.RUNNING)


class Priority(IntEnum):
    """Smaller goes first."""

    PRECHECK = 0
    INTERACTIVE = 1
    REGRADE = 2
    BATCH = 3


@dataclass(frozen=True)
class Grading:
    """One of a submission's gradings. All are kept."""

    id: str
    submission: str
    regrade: str | None
    state: State
    counts: bool
    """It is the one that gives the submission its points."""
    priority: Priority
    queued_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    worker: str | None
    failures: int
    """Times that we failed on it."""
    why: str
    """Of our failure, for staff."""
    grader: str
    assignment_digest: str
    seed: str
    points: Points | None
    """Of the machine's part; None until graded."""
    decided: Points | None
    possible: Points | None


@dataclass(frozen=True)
class Leased:
    """A grading that a worker has taken. Only who holds the lease may finish it."""

    grading: str
    submission: str
    assignment: str
    kind: Kind
    scope: Mapping[str, Any]
    """The fields of a `grader.engine.grade.Scope` that are not its defaults."""
    lease: str
    lasts: dt.timedelta
    """How long the lease lasts without a heartbeat."""
    deadline: dt.datetime
    """Heartbeats do not reach beyond it."""


@dataclass(frozen=True)
class CheckRecord:
    """One check of one grading."""

    check: str
    points: Points
    possible: Points
    status: Status
    mistake: str
    reason: str


# ── who grades ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Worker:
    """One process that has grading processes, on whatever machine."""

    name: str
    compatibility_keys: tuple[str, ...]
    """The gradings that it may take; none: it is the only one there is, and takes all."""
    processes: int
    sandbox: str
    since: dt.datetime

    @property
    def at_a_time(self) -> int:
        """Gradings; its last process is for pre-checks alone."""
        return self.processes - 1

    def takes(self, compatibility_key: str) -> bool:
        return not self.compatibility_keys or compatibility_key in self.compatibility_keys


@dataclass(frozen=True)
class Unserved:
    """Gradings that wait and no live worker may take."""

    compatibility_key: str
    count: int
    since: dt.datetime

    @property
    def why(self) -> str:
        """For staff."""
        what = self.compatibility_key
        return f"no worker that is alive grades as {what}: start one of this version, or cancel these and regrade"


# ── regrades ─────────────────────────────────────────────────────────────────────────────────────────


class Which(StrEnum):
    """Which submissions of each student a regrade runs over."""

    LATEST = "latest"
    BEST = "best"
    ALL = "all"
    ONE = "one"
    """A single submission."""


class RegradeState(StrEnum):
    SHADOW = "shadow"
    """Runs, or has run; nothing has changed for anybody."""
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


@dataclass(frozen=True)
class Mark:
    """A person's points for one question; no regrade touches them."""

    submission: str
    question: str
    points: Points
    comment: str
    by: Person
    at: dt.datetime


@dataclass(frozen=True)
class Page:
    """What part of a list is wanted: the newest first, at most `limit`, older than the entry `before`."""

    limit: int = 50
    before: str | None = None


NEWEST = Page()

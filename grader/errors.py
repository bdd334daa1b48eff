"""Our failures. A student's failure is never one of these: it is a value (`grader.model.Failure`).

GraderError
├── BadCall              exit 2   the call or the handed-in file is wrong; the message says what to do
│   └── Refused          exit 2   a submission that cannot be read at all
├── BadAssignment        exit 3   the assignment's own folder is wrong; its author must mend it
│   └── BrokenCheck      exit 3   a check raised, or claims what has no points: its bug, not the student's
└── OurFailure           exit 4   we could not grade; never a zero, worth another try
    ├── SandboxUnavailable        no session can be started here
    └── StoreUnavailable          the database is gone, full or locked
"""

from __future__ import annotations

from typing import ClassVar


class GraderError(Exception):
    exit_code: ClassVar[int]
    http_status: ClassVar[int]


class BadCall(GraderError):
    exit_code = 2
    http_status = 422


class Refused(BadCall):
    """The submission cannot be read; the message tells the student what to hand in instead."""


class BadAssignment(GraderError):
    exit_code = 3
    http_status = 500


class OurFailure(GraderError):
    exit_code = 4
    http_status = 503


class SandboxUnavailable(OurFailure):
    """No sandbox session could be started."""


class StoreUnavailable(OurFailure):
    """The database is gone, full or locked."""


class BrokenCheck(BadAssignment):
    """A check of the assignment raised. Whatever the student did, a check must answer."""

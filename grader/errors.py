"""The grader's exceptions. A failure of a student's code is never one of these: it is a value (`grader.model.Failure`).

GraderError
├── BadCall              exit 2   the call or the submitted file is wrong; the message says what to do
│   └── Refused          exit 2   the submission cannot be read at all
├── BadAssignment        exit 3   the assignment's folder is wrong; its author must fix it
│   └── BrokenCheck      exit 3   a check raised, or makes a claim without points: a bug of the check
└── OurFailure           exit 4   the grader failed; never a zero, may work on a retry
    ├── SandboxUnavailable        no session can be started
    └── StoreUnavailable          the database is gone, full or locked
"""

from __future__ import annotations

from typing import ClassVar


class GraderError(Exception):
    """An error that the grader reports in one line."""

    exit_code: ClassVar[int]


class BadCall(GraderError):
    """The call or the submitted file is wrong. The message says what to do."""

    exit_code = 2


class Refused(BadCall):
    """The submission cannot be read. The message tells the student what to submit instead."""


class BadAssignment(GraderError):
    """The assignment's folder is wrong. The message tells its author what to fix."""

    exit_code = 3


class OurFailure(GraderError):
    """The grader failed to grade a submission."""

    exit_code = 4


class SandboxUnavailable(OurFailure):
    """No sandbox session could be started."""


class StoreUnavailable(OurFailure):
    """The database is gone, full or locked."""


class BrokenCheck(BadAssignment):
    """A check of the assignment raised. A check must give a verdict on any submission."""

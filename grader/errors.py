"""The grader's exceptions. A failure of a student's code is not an exception but a value (`grader.model.Failure`).

GraderError
├── BadCall              exit 2   the command, request or submitted file is wrong; the message says what to do
│   └── Refused          exit 2   the submission cannot be read at all
├── BadAssignment        exit 3   the assignment's folder is wrong; its author must fix it
│   └── BrokenCheck      exit 3   a check has a bug, for example it raised an exception
└── OurFailure           exit 4   the grader failed; the submission gets no score, and a retry may succeed
    ├── SandboxUnavailable        no sandbox session can be started
    └── StoreUnavailable          the database is missing, full or locked
"""

from __future__ import annotations

from typing import ClassVar


class GraderError(Exception):
    """Base class of errors that the command line shows as one line, without a traceback."""

    exit_code: ClassVar[int]


class BadCall(GraderError):
    """The command, request or submitted file is wrong. The message says what to do."""

    exit_code = 2


class Refused(BadCall):
    """The submission cannot be read. The message tells the student what to submit instead."""


class BadAssignment(GraderError):
    """The assignment's folder is wrong. The message tells its author what to fix."""

    exit_code = 3


class OurFailure(GraderError):
    """The grader failed, for example because the database cannot be reached. Trying again may succeed."""

    exit_code = 4


class SandboxUnavailable(OurFailure):
    """No sandbox session could be started."""


class StoreUnavailable(OurFailure):
    """The database is missing, full or locked."""


class BrokenCheck(BadAssignment):
    """A check of the assignment has a bug, for example it raised an exception. A check must give a result for any
    submission."""

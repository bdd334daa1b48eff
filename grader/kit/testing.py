"""Grade a class or functions in this process, so that an author's tests of an assignment's checks take milliseconds.

    def test_a_loss_without_its_mean_loses_the_loss():
        report = testing.grade(assignment, {"softmax_loss": wrong})
        assert testing.failed(report) == {"q1.loss"}

The code is not isolated, so files are refused: grade students' files by `grader check`.
"""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.engine.grade import grade_code
from grader.errors import BadCall
from grader.guest.changes import with_changes
from grader.guest.entry_points import EntryPoints
from grader.guest.load import NotFound
from grader.guest.serve import Guest
from grader.guest.versions import versions
from grader.guest.wire import PREFIX, WireError, decode, encode
from grader.kit.mistake import KnownMistake
from grader.kit.reference_truth import own_random_state
from grader.model import Limits, Report, Submission
from grader.sandbox.contract import Array, Ended, Session

Solution = type | Mapping[str, Any]
"""The solution to grade: a class, or functions by name, such as the variables of a module."""

PUBLIC = Seed()

STAND_IN = b"# graded in process\n"
"""Content of the only file in a submission of `grade`. The file stands for the author's class or functions, which are
graded without a file. Files with other content are refused."""


class InProcess:
    """A sandbox without isolation for the author's own code. It implements the contract of `grader.sandbox`."""

    name = "in process"

    def __init__(self, solution: Solution) -> None:
        self._solution = solution

    def session(self, limits: Limits, shared: Mapping[str, Array]) -> Session:
        return _Session(self._solution, limits, shared)

    def close(self) -> None:
        pass


class _Guest(Guest):
    """Answers requests as the process inside the sandbox does (`grader.guest`), but with an object of this process
    instead of a student's files."""

    def __init__(self, solution: Solution, channel: socket.socket, arrays: dict[str, Any]) -> None:
        super().__init__(channel, arrays)
        self._solution = solution

    def load(self, files: dict[str, Any], notebooks: list[Any], wanted: list[Any], *_others: Any) -> dict[str, Any]:
        """Take the entry points from the author's object, and not from files.

        Args:
            files, notebooks: Ignored.
            wanted: The entry points as plain data.

        Returns:
            The report on the loaded code, as the sandbox sends it.

        Raises:
            NotFound: If the object lacks a function.
        """
        entry_points = EntryPoints.read(wanted)
        if isinstance(self._solution, type):
            self.loaded = {entry_points.names[0]: self._solution}
        else:
            self.loaded = {name: self._solution[name] for name in entry_points.names if name in self._solution}
        missing = entry_points.lacking(self.loaded)
        if missing:
            raise NotFound(f"there is no {' and no '.join(missing)} among the functions that are graded")
        return {"source": "", "names": list(self.loaded), "cells": [], "notes": []}


class _Session(Session):
    """A session whose requests are answered in this process. The socket pair is made only because `Session` and `Guest`
    take one; nothing is sent."""

    def __init__(self, solution: Solution, limits: Limits, shared: Mapping[str, Array]) -> None:
        channel, guest_channel = socket.socketpair()
        super().__init__(channel, lambda _of_itself: Ended(), limits, pid=None, clock=time.thread_time)
        self._guest_channel = guest_channel
        self._guest = _Guest(solution, guest_channel, {name: array.copy() for name, array in shared.items()})
        self.versions = versions()

    def close(self) -> None:
        super().close()
        self._guest_channel.close()

    def _exchange(self, request: list[Any], _watch: Any) -> Any:
        """Answer a request in this process. The request and the reply are encoded and decoded as if they were sent, and
        the random generators of this process keep their state."""
        operation, *arguments = _across(request)
        if operation == "load":
            _refuse_files(*arguments[:2])
        with own_random_state(), np.errstate(all="ignore"):
            if operation == "several":
                reply = self._guest.several(arguments[0])
            else:
                reply = self._guest.reply_to([operation, *arguments])
        try:
            return _across(reply)
        except (WireError, ValueError, OverflowError) as error:
            return ["unusable", f"the answer cannot be sent: {error}"]


def _refuse_files(files: Mapping[str, Array], notebooks: Sequence[Any]) -> None:
    if notebooks or any(content.tobytes() != STAND_IN for content in files.values()):
        raise BadCall("kit.testing grades the author's own objects, not files; grade files by `grader check`")


def _across(message: list[Any]) -> Any:
    """Encode and decode a message. The result is a copy in plain data, as if the message came from another process."""
    header, buffers = encode(message)
    return decode(bytearray(header[PREFIX.size :]), bytearray(b"".join(buffers)))


def grade(assignment: Assignment, solution: Solution, *, seed: Seed = PUBLIC) -> Report:
    """Grade a class or functions with all checks except the long ones.

    Args:
        assignment: The assignment, as `grader.assignments.catalogue.load` returns it.
        solution: The class, or a mapping of names to functions (`vars(module)`, for example).
        seed: Seed of the problems; by default the public seed.

    Returns:
        The report, as for a student's submission.

    Raises:
        BadCall: If the solution is a file or a path.
    """
    if not isinstance(solution, type | Mapping):
        raise BadCall(
            f"kit.testing.grade takes a class or functions by their names, not {type(solution).__name__}; "
            "grade files by `grader check`"
        )
    digest = hashlib.sha256(repr(solution).encode()).hexdigest()
    submission = Submission({assignment.files[0]: STAND_IN}, (), digest)
    without_lines = replace(assignment, targets=lambda _check: ())  # an object has no file, so there is no line to show
    (report,) = grade_code(submission, without_lines, InProcess(solution), [seed])
    return report


def specimen(assignment: Assignment, mistake: KnownMistake) -> Solution:
    """Return the reference solution with a known mistake put into it."""
    imported = assignment.imported()
    changes = [change for change in imported.mistakes if change.id == mistake.id]
    return with_changes(vars(imported.reference_module), assignment.entry_points.names, changes)


def failed(report: Report) -> frozenset[str]:
    """Return the ids of the checks that have lost points in a report."""
    return frozenset(c.id for c in report.lost)


def diagnosed(report: Report) -> frozenset[str]:
    """Return the ids of the known mistakes that a report names."""
    return frozenset(id for c in report.checks for id in c.mistake.split(" + ") if id)

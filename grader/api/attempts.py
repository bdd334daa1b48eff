"""The list of a student's attempts at an assignment, with the changes from one attempt to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from grader.api.identity import Caller
from grader.api.views import SubmissionView
from grader.api.visibility import Visibility
from grader.model import ZERO, Points, Status
from grader.store import gradings, submissions
from grader.store.database import Tx
from grader.store.records import CheckRecord, File, State


@dataclass(frozen=True)
class PointsChange:
    """The points gained and lost between two attempts. Only checks that are decided in both attempts are compared."""

    gained: tuple[CheckRecord, ...]
    lost: tuple[CheckRecord, ...]
    points: Points


@dataclass(frozen=True)
class AttemptRow:
    """One attempt in the list of attempts."""

    view: SubmissionView
    files: tuple[File, ...]
    counts: bool
    """True for the attempt that gives the person's score."""
    change: PointsChange | None
    """The changes since the latest earlier attempt with results. None if there is no such attempt, or if this attempt
    has no results."""


def attempts(
    tx: Tx, caller: Caller, views: Sequence[SubmissionView], counting: SubmissionView | None
) -> list[AttemptRow]:
    """Return a row for each attempt of a person at one assignment. `views` are the person's submissions, the newest
    first; `counting` is the submission that gives the score, if any. The rows are in the order of `views`."""
    graded = [view.grading.id for view in views if view.grading.state is State.GRADED]
    results_of = gradings.results_of(tx, graded)
    uploads = submissions.uploads_of(tx, [view.submission.id for view in views])
    counting_id = counting.submission.id if counting else ""
    rows = []
    earlier: list[CheckRecord] = []
    for view in reversed(views):  # from the oldest, so that each attempt is compared with the one before
        stored = results_of.get(view.grading.id, [])
        results = _with_marks(Visibility(view.offering, caller).results(stored), view)
        change = points_change(earlier, results) if earlier and results else None
        counts = view.submission.id == counting_id
        files = uploads[view.submission.id].files
        rows.append(AttemptRow(counting if counting and counts else view, files, counts, change))
        earlier = results or earlier
    return rows[::-1]


def _with_marks(results: Sequence[CheckRecord], view: SubmissionView) -> list[CheckRecord]:
    """Return the check results of an attempt, with the points of its marks."""
    points_of_marks = {mark.question: mark.points for mark in view.marks}
    marked = []
    for result in results:
        points = points_of_marks.get(result.check)
        if points is not None:
            result = replace(result, points=points, status=Status.of_points(points, result.possible))
        marked.append(result)
    return marked


def points_change(earlier: Sequence[CheckRecord], later: Sequence[CheckRecord]) -> PointsChange:
    """Return the changes between the check results of two attempts."""
    earlier_points = {result.check: result.points for result in earlier if result.status.is_decided}
    gained, lost = [], []
    points = ZERO
    for result in later:
        if result.check not in earlier_points or not result.status.is_decided:
            continue
        gain = result.points - earlier_points[result.check]
        points += gain
        if gain > 0:
            gained.append(result)
        if gain < 0:
            lost.append(result)
    return PointsChange(tuple(gained), tuple(lost), points)

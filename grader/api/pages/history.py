"""The list of a student's attempts at an assignment, with the changes from one attempt to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grader.api import visibility
from grader.api.identity import Caller
from grader.api.views import SubmissionView
from grader.model import ZERO, Points
from grader.store import gradings
from grader.store.database import Tx
from grader.store.records import CheckRecord, State


@dataclass(frozen=True)
class PointsChange:
    """The points gained and lost between two attempts. Only checks that are decided in both attempts are compared."""

    gained: tuple[CheckRecord, ...]
    lost: tuple[CheckRecord, ...]
    points: Points

    @property
    def is_empty(self) -> bool:
        return not (self.gained or self.lost)


@dataclass(frozen=True)
class HistoryRow:
    """One attempt in the list of attempts."""

    view: SubmissionView
    counts: bool
    """True for the attempt that gives the person's score."""
    change: PointsChange | None
    """The changes since the latest earlier attempt with results. None if there is no such attempt, or if this attempt
    has no results."""


def attempts(
    tx: Tx, caller: Caller, views: Sequence[SubmissionView], counting: SubmissionView | None
) -> list[HistoryRow]:
    """Return a row for each attempt of a person at one assignment. `views` are the person's submissions, the newest
    first; `counting` is the submission that gives the score, if any. The rows are in the order of `views`."""
    checks = gradings.results_of(tx, [one.grading.id for one in views if one.grading.state is State.GRADED])
    shown = {one.grading.id: visibility.results(checks.get(one.grading.id, []), one.offering, caller) for one in views}
    found: list[HistoryRow] = []
    before: list[CheckRecord] = []
    for one in reversed(views):
        after = shown[one.grading.id]
        is_counting = counting is not None and one.submission.id == counting.submission.id
        found.append(HistoryRow(one, is_counting, points_change(before, after) if before and after else None))
        before = after or before
    return found[::-1]


def points_change(before: Sequence[CheckRecord], after: Sequence[CheckRecord]) -> PointsChange:
    """Return the changes between the check results of two attempts."""
    old = {r.check: r for r in before if r.status.is_decided}
    both = [(old[r.check], r) for r in after if r.check in old and r.status.is_decided]
    gained = tuple(r for o, r in both if r.points > o.points)
    lost = tuple(r for o, r in both if r.points < o.points)
    return PointsChange(gained, lost, sum((r.points - o.points for o, r in both), ZERO))

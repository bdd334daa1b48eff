"""Charge late days. The charges are computed from all submissions, so the order of grading does not matter, and a
regrade or an extension gives back the days that are no longer needed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from grader.course.late import NO_LATE_DAYS, LateDays, after_penalty, lateness, read_policy
from grader.model import ZERO, Points
from grader.store.records import Counts, Offering, SubmissionRecord


@dataclass
class Charge:
    """Late days that one person is charged for one assignment."""

    rank: tuple[Points, str] = (ZERO, "")
    """Points after the penalty and id of the submission that counts, by which the best one is chosen. If the latest one
    counts, the points are 0. The id is empty if no submission is decided."""
    used: int = 0
    """Late days of this submission."""
    reserved: int = 0
    """The most late days of a submission whose points are not decided, so that it may still be the best."""

    @property
    def days(self) -> int:
        return max(self.used, self.reserved)


@dataclass(frozen=True)
class LateDayAccounts:
    """The late days of people in a course."""

    budgets: Mapping[str, int]
    """Number of late days by person id."""
    used: dict[str, int] = field(default_factory=dict)
    """Late days that a submission uses, or would use if it counted, by its id."""
    charges: dict[str, dict[str, Charge]] = field(default_factory=dict)
    """Person id → assignment → charge."""

    def left(self, person: str, assignment: str = "") -> int:
        """Return the number of late days that a person can still use; for a new submission to `assignment`, whose
        charge would replace the present one, with the days of the present one."""
        charges = self.charges.get(person, {})
        return self.budgets[person] - sum(charge.days for id, charge in charges.items() if id != assignment)

    def of_submission(self, submission: SubmissionRecord) -> LateDays:
        """Return the late days of a submission. If its authors have different numbers of days left, the smallest one
        counts."""
        used = self.used.get(submission.id, 0)
        if not used:
            return NO_LATE_DAYS
        authors = [author.id for author in submission.authors]
        charges = [self.charges[author][submission.assignment] for author in authors]
        is_charged = any(submission.id == charge.rank[1] or charge.reserved for charge in charges)
        return LateDays(used, is_charged, min(map(self.left, authors)))


def charge(
    submissions: Iterable[SubmissionRecord],
    offerings: Mapping[str, Offering],
    extensions: Mapping[str, dt.datetime | None],
    earned: Mapping[str, Points | None],
    budgets: Mapping[str, int],
) -> LateDayAccounts:
    """Charge late days for submissions in the order of time.

    A submission uses as many late days as it needs, and no more than the student agreed to, the late policy allows and
    each author has left. It is charged to each author for whom it counts, in place of the submission that counted
    before. While it is open whether a submission is the best one, its days are reserved.

    Args:
        submissions: Submissions of a course, without pre-checks and withdrawn ones: all those of the people in
            `budgets` to the assignments for which they may have used late days.
        offerings: The course's settings by assignment.
        extensions: The authors' extended due date by submission id.
        earned: Points before the late penalty by submission id, of assignments whose best submission counts. A
            submission is left out while its points are not decided, and while students may not see them.
        budgets: Number of late days by person id.
    """
    accounts = LateDayAccounts(budgets)
    for submission in sorted(submissions, key=lambda submission: submission.id):  # ids are in the order of time
        offering = offerings[submission.assignment]
        rules = read_policy(offering.late)
        dates = submission.received_at, offering.due_at, extensions[submission.id]
        authors = [author.id for author in submission.authors if author.id in budgets]
        days = 0
        if submission.late_days:
            available = min(accounts.left(author, submission.assignment) for author in authors)
            days_late = lateness(*dates, rules).days
            days = rules.late_days(days_late, min(submission.late_days, available))
        accounts.used[submission.id] = days
        points = ZERO if offering.counts is Counts.LATEST else earned.get(submission.id)
        for author in authors:
            present = accounts.charges.setdefault(author, {}).setdefault(submission.assignment, Charge())
            if points is None:
                present.reserved = max(present.reserved, days)
                continue
            late = lateness(*dates, rules, LateDays(days))
            rank = after_penalty(points, late), submission.id
            if rank > present.rank:
                present.rank, present.used = rank, days
    return accounts

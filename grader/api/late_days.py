"""The late days that the caller may use."""

from __future__ import annotations

from typing import Self

from grader.api.identity import Caller
from grader.api.schemas import Out
from grader.api.views import late_day_accounts
from grader.course.late import count_of, lateness, read_policy
from grader.store import groups, offerings
from grader.store.database import Tx, now
from grader.store.records import Offering


class OwnLateDays(Out):
    """Late days that the caller may use for a submission at this moment."""

    days_late: int
    """Number of days for which points would be deducted."""
    days: int
    """Number of late days that a submission would use, if the caller agrees."""
    left: int
    """Number of late days that each author has left, without those that an earlier submission to this assignment
    uses."""
    question: str

    @classmethod
    def of(cls, tx: Tx, caller: Caller, offering: Offering) -> Self | None:
        """Return the body for the caller's group, or for the caller alone. Return None if the late policy has no late
        days."""
        policy = read_policy(offering.late)
        if not policy.free_days:
            return None
        partners = groups.partners(tx, offering, caller.person.login)
        persons = {caller.person.id}.union(partner.id for partner in partners)
        accounts = late_day_accounts(tx, caller, offering.course, persons)
        left = min(accounts.left(person) for person in persons)
        available = min(accounts.left(person, offering.assignment) for person in persons)
        extensions = [offerings.extension(tx, offering.course, offering.assignment, person) for person in persons]
        latest = max(filter(None, extensions), default=None)
        days_late = lateness(now(), offering.due_at, latest, policy).days
        who = "Each of your group has at least" if partners else "You have"
        question = f"This is {count_of(days_late, 'day')} late. {who} {count_of(left, 'late day')} left"
        if available > left:
            question += f", and {available - left} that your earlier submission uses"
        return cls(days_late=days_late, days=policy.late_days(days_late, available), left=left, question=f"{question}.")

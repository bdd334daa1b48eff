"""Validate a course's settings for an assignment: dates, late policy, attempts and hidden parts."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from grader.assignments.catalogue import Assignment
from grader.course.late import checked_date, read_policy
from grader.errors import BadCall
from grader.store.records import Offering


def checked(offering: Offering, assignment: Assignment) -> Offering:
    """Validate a course's settings for an assignment. Return the settings, with the hidden ids sorted and unique.

    Raises:
        BadCall: If dates are out of order, the late policy or the number of attempts is not valid, or a hidden id is
            not a part or check of the assignment.
    """
    read_policy(offering.late)
    dates = {"opens": offering.opens_at, "is due": offering.due_at, "closes": offering.closes_at}
    for date in filter(None, dates.values()):
        checked_date(date)
    for (first, before), (second, after) in pairwise((name, date) for name, date in dates.items() if date):
        if before > after:
            raise BadCall(f"{assignment.id} {second} ({after}) before it {first} ({before})")
    if offering.attempts_per_hour is not None and not 1 <= offering.attempts_per_hour <= 1000:
        raise BadCall("attempts per hour must be from 1 to 1000, or empty for no limit")
    known = {id for part in assignment.parts for id in (part.id, *part.sections, *part.points_of_checks)}
    if unknown := sorted(set(offering.hidden) - known):
        raise BadCall(f"{assignment.id} has no part or check {unknown[0]!r}; it has {', '.join(sorted(known))}")
    return replace(offering, hidden=tuple(sorted(set(offering.hidden))))

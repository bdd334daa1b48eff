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
    known_dates = [(event, checked_date(date)) for event, date in dates.items() if date]
    for (first_event, first_date), (next_event, next_date) in pairwise(known_dates):
        if first_date > next_date:
            raise BadCall(f"{assignment.id} {next_event} ({next_date}) before it {first_event} ({first_date})")
    if offering.attempts_per_hour is not None and not 1 <= offering.attempts_per_hour <= 1000:
        raise BadCall("attempts per hour must be from 1 to 1000, or empty for no limit")
    assignment_ids: set[str] = set()
    for part in assignment.parts:
        assignment_ids.update((part.id, *part.sections, *part.points_of_checks))
    hidden_ids = sorted(set(offering.hidden))
    for id in hidden_ids:
        if id not in assignment_ids:
            raise BadCall(f"{assignment.id} has no part or check {id!r}; it has {', '.join(sorted(assignment_ids))}")
    return replace(offering, hidden=tuple(hidden_ids))

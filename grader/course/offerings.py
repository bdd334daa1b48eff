"""Validate a course's settings for an assignment: dates, late policy, attempts and hidden parts. Estimate its load."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from statistics import median

from grader.assignments.catalogue import Assignment
from grader.course import rubrics
from grader.course.late import checked_date, count_of, read_policy
from grader.course.rubrics import RubricChanges
from grader.errors import BadCall
from grader.store import gradings, offerings, people, workers
from grader.store.database import Tx
from grader.store.records import Kind, Offering, Role

MOST_MEMBERS = 20
"""Largest group size."""
TYPICAL_SECONDS = 40.0
"""CPU seconds of one grading, assumed until the assignment's first submission is graded."""


def offer(tx: Tx, offering: Offering, assignment: Assignment) -> RubricChanges:
    """Offer an assignment in a course, or change its settings, which `checked` has returned. Add the rubrics of the
    file rubric.toml when the assignment is first offered. Return the changes of rubrics."""
    is_first = offerings.offering(tx, offering.course, offering.assignment) is None
    offerings.put_offering(tx, offering)
    return rubrics.add(tx, offering, assignment.rubrics if is_first else {})


def checked(offering: Offering, assignment: Assignment) -> Offering:
    """Validate a course's settings for an assignment. Return the settings, with the hidden ids sorted and unique.

    Raises:
        BadCall: If dates are out of order, a date of release has no effect, the late policy, the number of attempts or
            pre-checks, or the group size is not valid, or a hidden id is not a part or check of the assignment.
    """
    read_policy(offering.late)
    _check_dates(offering)
    if offering.attempts_per_hour is not None and not 1 <= offering.attempts_per_hour <= 1000:
        raise BadCall("attempts per hour must be from 1 to 1000, or empty for no limit")
    if offering.prechecks_per_day is not None and not 1 <= offering.prechecks_per_day <= 1000:
        raise BadCall("pre-checks per day must be from 1 to 1000, or empty for no limit")
    if not 1 <= offering.group_size <= MOST_MEMBERS:
        raise BadCall(f"the group size must be from 1 (no groups) to {MOST_MEMBERS}")
    assignment_ids: set[str] = set()
    for part in assignment.parts:
        assignment_ids.update(part.ids)
    hidden_ids = sorted(set(offering.hidden))
    for id in hidden_ids:
        if id not in assignment_ids:
            raise BadCall(f"{assignment.id} has no part or check {id!r}; it has {', '.join(sorted(assignment_ids))}")
    return replace(offering, hidden=tuple(hidden_ids))


def _check_dates(offering: Offering) -> None:
    """Raise `BadCall` if a date of an offering is not valid."""
    dates = {"opens": offering.opens_at, "is due": offering.due_at, "closes": offering.closes_at}
    known_dates = [(event, checked_date(date)) for event, date in dates.items() if date]
    for (first_event, first_date), (next_event, next_date) in pairwise(known_dates):
        if first_date > next_date:
            raise BadCall(f"{offering.assignment} {next_event} ({next_date}) before it {first_event} ({first_date})")
    for date in (offering.release_at, offering.requests_until):
        if date:
            checked_date(date)
    if offering.release_at and not offering.held:
        raise BadCall("a date of release needs held results: hold them, or remove the date")


def load(tx: Tx, offering: Offering, local_workers: int) -> str:
    """Return a sentence with the grading time of one submission of every student, and the wait if all come at once.

    Args:
        tx: A transaction.
        offering: The course's assignment.
        local_workers: Number of gradings that run at the same time if no worker is registered.
    """
    students = people.role_counts(tx, offering.course).get(Role.STUDENT, 0)
    seconds = gradings.recent_seconds(tx, Kind.SUBMISSION, offering.assignment) or [TYPICAL_SECONDS]
    at_a_time = sum(worker.at_a_time for worker in workers.live(tx)) or local_workers
    return load_sentence(students, median(seconds), at_a_time)


def load_sentence(students: int, seconds: float, at_a_time: int) -> str:
    hours = students * seconds / 3600
    return (
        f"one submission from each of {students} students, at {seconds:.0f} CPU seconds, takes {hours:.1f} hours of "
        f"CPU; if all come at once, the last one waits {hours / at_a_time:.1f} hours ({count_of(at_a_time, 'worker')})"
    )

"""Compute late penalties from the late policy that a course sets for an assignment."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from grader.errors import BadCall
from grader.model import ZERO, LatePenalty, Points, show_points

_DAY = dt.timedelta(days=1)
_MINUTE = dt.timedelta(minutes=1)
MOST_DAYS = 366
"""Largest number of late days."""
_EXAMPLE = '{"grace_minutes": 10, "per_day": "10%", "most_days": 5}'


YEARS = range(1970, 3000)
"""Years that dates of a course may have. Near the years 1 and 9999, conversion to another time zone fails."""


def checked_date(date: dt.datetime) -> dt.datetime:
    """Return the date unchanged. Raise `BadCall` if its year is not in `YEARS`."""
    if date.year not in YEARS:
        raise BadCall(f"{date.isoformat()} is not a valid date for a course: write one from {YEARS[0]} to {YEARS[-1]}")
    return date


@dataclass(frozen=True)
class LatePolicy:
    """The rules for late submissions of an assignment in a course."""

    grace_minutes: int = 0
    """Submissions up to this many minutes late have no penalty."""
    per_day: Fraction = Fraction(0)
    """Share of the points to deduct for each day, or part of a day, after the due date. For example, 1/10 is "10%"."""
    most_days: int | None = None
    """No credit after this many days; None for no cutoff."""
    free_days: int = 0
    """Largest number of the course's late days that a student may use for this assignment. A day after the due date for
    which a late day is used has no penalty."""

    def late_days(self, days: int, most: int) -> int:
        """Return the number of late days to use for a submission; 0 if it would have no points all the same.

        Args:
            days: Number of days for which a penalty is deducted (see `Lateness.days`).
            most: Largest number of late days that the submission may use.
        """
        used = min(days, self.free_days, most)
        return used if (days - used) * self.per_day < 1 else 0

    @property
    def days_with_credit(self) -> int:
        """Number of days after the due date on which a submission keeps some of its points, with all late days that the
        policy allows; 0 if the policy has neither a penalty nor a cutoff."""
        days = self.free_days + ceil(1 / self.per_day) - 1 if self.per_day else None
        limits = [limit for limit in (days, self.most_days) if limit is not None]
        return min(MOST_DAYS, *limits) if limits else 0


@dataclass(frozen=True)
class LateDays:
    """The late days of a submission."""

    used: int = 0
    """Number of days without a penalty."""
    is_charged: bool = True
    """False if the days are not charged, because another submission of the student counts."""
    left: int = 0
    """Number of late days that each author can still use in the course."""

    def __str__(self) -> str:
        left = f"{self.left} left"
        if self.is_charged:
            return f"{count_of(self.used, 'late day')} used, {left}"
        return (
            f"no penalty for {count_of(self.used, 'late day')}, not charged because another submission counts, {left}"
        )


NO_LATE_DAYS = LateDays()


@dataclass(frozen=True)
class Lateness:
    """How late a submission is, and the share of the points that it keeps."""

    remains: Fraction
    """Share of the points that the submission keeps, from 0 to 1."""
    sentence: str
    """A sentence such as "Late by 2 hours, no penalty." for the student."""
    is_late: bool = False
    """True if the submission came after the due date, even if there is no penalty."""
    days: int = 0
    """Number of days after the due date for which a penalty is deducted, or late days are used; 0 within the grace
    period, after the cutoff, and if the policy has no penalty, because late days do not help then."""

    def penalty(self, final: Points | None, decided: Points = ZERO) -> LatePenalty | None:
        """Return the late penalty to show in a report; None if the submission is not late.

        Args:
            final: The score after the penalty; None if nothing is graded yet.
            decided: The possible points of everything that is graded: the maximum of `final`.
        """
        if not self.is_late:
            return None
        return LatePenalty(self.sentence, final if self.remains != 1 else None, decided)


def read_policy(policy: Mapping[str, object]) -> LatePolicy:
    """Parse a late policy such as {"per_day": "10%", "most_days": 5}. {} means no penalty.

    Raises:
        BadCall: If a key or value is wrong. The message says what to write.
    """
    unknown_keys = set(policy) - {"grace_minutes", "per_day", "most_days", "free_days"}
    if unknown_keys:
        raise BadCall(
            f"{min(unknown_keys)!r} is not allowed in a late policy: write {_EXAMPLE}, or {{}} for no penalty"
        )
    if policy and "per_day" not in policy:
        raise BadCall(f"a late policy needs the penalty per_day: write {_EXAMPLE}, or {{}} for no penalty")
    grace_minutes = _whole("grace_minutes", policy.get("grace_minutes", 0), 0, 7 * 24 * 60)
    per_day = _percent(policy.get("per_day", "0%"))
    most_days = policy.get("most_days")
    if most_days is not None:
        most_days = _whole("most_days", most_days, 1, MOST_DAYS)
    free_days = _whole("free_days", policy.get("free_days", 0), 0, most_days or MOST_DAYS)
    return LatePolicy(grace_minutes, per_day, most_days, free_days)


def late_policy(text: str) -> dict[str, object]:
    """Parse the JSON text of the option --late. Return the policy as a dict. Raise `BadCall` if it is not valid."""
    try:
        policy = json.loads(text)
    except ValueError:
        policy = None
    if not isinstance(policy, dict):
        raise BadCall("""--late must be JSON, such as '{"per_day": "10%", "most_days": 5}', or '{}'""")
    read_policy(policy)
    return policy


def _whole(name: str, value: object, least: int, most: int) -> int:
    """Return a value of a late policy. Raise `BadCall` if it is not a whole number in the range."""
    if type(value) is not int or not least <= value <= most:
        raise BadCall(f"{name} in a late policy must be a whole number from {least} to {most}, not {value!r:.40}")
    return value


def _percent(value: object) -> Fraction:
    """Convert a text such as "10%" to a fraction. Raise `BadCall` if it is not a percentage."""
    text = value.strip() if isinstance(value, str) else ""
    number = text.removesuffix("%")
    plain = number.replace(".", "", 1)
    if text == number or not (plain.isascii() and plain.isdigit()) or len(number) > 8 or Fraction(number) > 100:
        raise BadCall(f'per_day in a late policy must be text from "0%" to "100%", not {value!r:.40}')
    return Fraction(number) / 100


def lateness(
    submitted: dt.datetime,
    due: dt.datetime | None,
    extension: dt.datetime | None,
    rules: LatePolicy,
    late_days: LateDays = NO_LATE_DAYS,
) -> Lateness:
    """Return how late a submission is, and the share of the points that it keeps.

    Args:
        submitted: The time of submission.
        due: The due date; None if there is none.
        extension: The student's extended due date. It has no effect if it is before `due`.
        rules: The late policy.
        late_days: The late days of the submission.
    """
    if due is None:
        return Lateness(Fraction(1), "There is no due date.")
    date = max(due, extension or due)
    late_by = submitted - date
    of_yours = " of your extension" if extension is not None and date == extension else ""
    if late_by <= dt.timedelta(0):
        return Lateness(Fraction(1), f"Submitted by the due date{of_yours}.")
    phrase = f"Late by {_duration(late_by)}"
    if late_by <= rules.grace_minutes * _MINUTE:
        grace = count_of(rules.grace_minutes, "minute")
        return Lateness(Fraction(1), f"{phrase}, within the grace period of {grace}.", True)
    if rules.most_days is not None and late_by > rules.most_days * _DAY:
        return Lateness(Fraction(0), f"{phrase}: no credit after {count_of(rules.most_days, 'day')}.", True)
    if not rules.per_day:
        return Lateness(Fraction(1), f"{phrase}, no penalty.", True)
    days = _rounded_up(late_by, _DAY)
    used = f"{late_days}; " if late_days.used else ""
    if days == late_days.used:
        return Lateness(Fraction(1), f"{phrase}: {late_days}.", True, days)
    penalty = min(Fraction(1), (days - late_days.used) * rules.per_day)
    sentence = (
        f"{phrase} (day {days} after the due date{of_yours}): {used}penalty {show_points(100 * penalty)} % of the "
        f"points, {show_points(100 * rules.per_day)} % a day."
    )
    return Lateness(1 - penalty, sentence, True, days)


def last_moment(
    due: dt.datetime | None, closes: dt.datetime | None, extension: dt.datetime | None, rules: LatePolicy
) -> dt.datetime | None:
    """Return the time after which a student can no longer earn points; None if there is no such time. It is the closing
    date, else the end of the late days that keep any points, else the due date. An extension moves each of them.

    Args:
        due: The due date; None if there is none.
        closes: The time after which submissions are refused; None if there is none.
        extension: The student's extended due date; None if there is none.
        rules: The late policy.
    """
    date = extended(due, extension)
    if date is not None:
        date += max(rules.days_with_credit * _DAY, rules.grace_minutes * _MINUTE)
    return extended(closes, extension) or date


def extended(date: dt.datetime | None, extension: dt.datetime | None) -> dt.datetime | None:
    """Return the due date or closing date of a person: the later one of the assignment's date and of the person's
    extension. None if the assignment has no such date."""
    if date is None or extension is None:
        return date
    return max(date, extension)


def after_penalty(points: Points, late: Lateness) -> Points:
    """Return the points after the late penalty, rounded up to hundredths."""
    if late.remains == 1 and 100 % points.denominator == 0:
        return points
    return Points(ceil(points * late.remains * 100), 100)


def _duration(span: dt.timedelta) -> str:
    """Return a duration as text with at most two units, such as "1 day 2 hours", rounded up to minutes."""
    hours, minutes = divmod(_rounded_up(span, _MINUTE), 60)
    days, hours = divmod(hours, 24)
    units = {"day": days, "hour": hours, "minute": minutes}
    phrases = [count_of(number, unit) for unit, number in units.items() if number]
    return " ".join(phrases[:2])


def _rounded_up(span: dt.timedelta, unit: dt.timedelta) -> int:
    """Return a duration in units, rounded up to a whole number."""
    return -(-span // unit)


def count_of(n: int, unit: str) -> str:
    """Return a number with its unit, such as "1 day" or "2 days"."""
    plural = "" if n == 1 else "s"
    return f"{n} {unit}{plural}"

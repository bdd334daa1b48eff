"""What lateness costs. A policy is data in the offering, and its arithmetic is exact."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from grader.errors import BadCall
from grader.model import ZERO, LatePenalty, Points, show_points

_DAY = dt.timedelta(days=1)
_EXAMPLE = '{"grace_minutes": 10, "per_day": "10%", "most_days": 5}'


YEARS = range(1970, 3000)
"""Years that a course may use. Near the years 1 and 9999 a conversion to another time zone fails."""


def checked_date(date: dt.datetime) -> dt.datetime:
    """Return the date. Raise `BadCall` for a year outside `YEARS`."""
    if date.year not in YEARS:
        raise BadCall(f"{date.isoformat()} is not a valid date for a course: write one from {YEARS[0]} to {YEARS[-1]}")
    return date


@dataclass(frozen=True)
class Policy:
    grace_minutes: int = 0
    """So much later is still in time."""
    per_day: Fraction = Fraction(0)
    """The part of the points that each begun day takes, counted from the due date and not from the grace's end."""
    most_days: int | None = None
    """Of what is later than so many days, nothing remains; None where the days alone decide."""


NOTHING_TAKEN = Policy()


@dataclass(frozen=True)
class Lateness:
    remains: Fraction
    """The part of the points that is left, from 0 to 1."""
    sentence: str
    """Why, for the student."""
    is_late: bool = False
    """Also where it costs nothing."""

    def penalty(self, final: Points | None, decided: Points = ZERO) -> LatePenalty | None:
        """Return what a report says; None if it is not late.

        Args:
            final: the score after the penalty; None if nothing is graded yet.
            decided: the points that it is out of.
        """
        if not self.is_late:
            return None
        return LatePenalty(self.sentence, final if self.remains != 1 else None, decided)


def read_policy(policy: Mapping[str, object]) -> Policy:
    """The policy as data ({} takes nothing) → values. Raises `BadCall` with a sentence that says what to write."""
    unknown = sorted(str(key) for key in policy if key not in ("grace_minutes", "per_day", "most_days"))
    if unknown:
        raise BadCall(f"a late policy has no {unknown[0]!r}: write {_EXAMPLE}, or {{}} to take nothing")
    if policy and "per_day" not in policy:
        raise BadCall(f"a late policy says what a day costs, as per_day: write {_EXAMPLE}, or {{}} to take nothing")
    days = policy.get("most_days")
    return Policy(
        grace_minutes=_whole("grace_minutes", policy.get("grace_minutes", 0), 0, 7 * 24 * 60),
        per_day=_percent(policy.get("per_day", "0%")),
        most_days=None if days is None else _whole("most_days", days, 1, 366),
    )


def _whole(name: str, value: object, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise BadCall(f"{name} in a late policy is a whole number from {least} to {most}, not {value!r:.40}")
    return value


def _percent(value: object) -> Fraction:
    text = value.strip() if isinstance(value, str) else ""
    number = text.removesuffix("%")
    plain = number.replace(".", "", 1)
    if text == number or not (plain.isascii() and plain.isdigit()) or len(number) > 8 or Fraction(number) > 100:
        raise BadCall(f'per_day in a late policy is text from "0%" to "100%", not {value!r:.40}')
    return Fraction(number) / 100


def lateness(
    submitted: dt.datetime, due: dt.datetime | None, extension: dt.datetime | None, policy: Mapping[str, object]
) -> Lateness:
    """What part of the points remains, and why. An extension never makes the date earlier. Raises `BadCall` for a
    policy that cannot be read."""
    rules = read_policy(policy)
    if due is None:
        return Lateness(Fraction(1), "There is no due date.")
    date = max(due, extension or due)
    late_by = submitted - date
    of_yours = " of your extension" if extension is not None and date == extension else ""
    if late_by <= dt.timedelta(0):
        return Lateness(Fraction(1), f"Submitted by the due date{of_yours}.")
    by = _in_words(late_by)
    if late_by <= dt.timedelta(minutes=rules.grace_minutes):
        return Lateness(Fraction(1), f"Late by {by}, within {_count(rules.grace_minutes, 'minute')} of grace.", True)
    if rules.most_days is not None and late_by > rules.most_days * _DAY:
        return Lateness(
            Fraction(0), f"Late by {by}: after {_count(rules.most_days, 'day')} nothing remains of the points.", True
        )
    if not rules.per_day:
        return Lateness(Fraction(1), f"Late by {by}, which costs nothing here.", True)
    days = -(-late_by // _DAY)
    taken = min(Fraction(1), days * rules.per_day)
    sentence = (
        f"Late by {by}, which begins day {days} after the due date{of_yours}: "
        f"{show_points(100 * taken)} % of the points are taken ({show_points(100 * rules.per_day)} % a day)."
    )
    return Lateness(1 - taken, sentence, True)


def applied(points: Points, late: Lateness) -> Points:
    """What remains of the points, in hundredths, so that every gradebook can print it; the rest of one is given."""
    hundredths = points * late.remains * 100
    return Points(-(-hundredths.numerator // hundredths.denominator), 100)


def _in_words(span: dt.timedelta) -> str:
    """In the two largest units: "1 day 2 hours"; what is shorter than a minute is one."""
    minutes = max(1, -(-span // dt.timedelta(minutes=1)))
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    words = [_count(n, unit) for n, unit in ((days, "day"), (hours, "hour"), (rest, "minute")) if n]
    return " ".join(words[:2])


def _count(n: int, unit: str) -> str:
    return f"{n} {unit}" if n == 1 else f"{n} {unit}s"

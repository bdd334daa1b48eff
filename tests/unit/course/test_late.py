"""What lateness costs: exact, and said in a sentence."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.course.late import LateDays, after_penalty, last_moment, lateness, read_policy
from grader.errors import BadCall
from grader.model import Points

DUE = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
POLICY = read_policy({"grace_minutes": 10, "per_day": "10%", "most_days": 5})
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("by", "remains"),
    [
        (-DAY, 1),
        (0 * DAY, 1),
        (10 * MINUTE, 1),
        (11 * MINUTE, Fraction(9, 10)),
        (DAY, Fraction(9, 10)),
        (DAY + MINUTE, Fraction(8, 10)),
        (5 * DAY, Fraction(5, 10)),
        (5 * DAY + MINUTE, 0),
    ],
)
def test_each_begun_day_takes_its_part(by: dt.timedelta, remains: Fraction) -> None:
    assert lateness(DUE + by, DUE, None, POLICY).remains == remains


def test_the_sentence_says_how_late_and_what_it_costs() -> None:
    late = lateness(DUE + DAY + 61 * MINUTE, DUE, None, POLICY)
    assert late.sentence == ("Late by 1 day 1 hour (day 2 after the due date): penalty 20 % of the points, 10 % a day.")


@pytest.mark.parametrize(
    ("late_days", "remains", "says"),
    [
        (LateDays(2, True, 1), 1, "Late by 1 day 1 hour: 2 late days used, 1 left."),
        (LateDays(1, True, 0), 0.9, "Late by 1 day 1 hour (day 2 after the due date): 1 late day used, 0 left; "
         "penalty 10 % of the points, 10 % a day."),
        (LateDays(2, False, 1), 1, "Late by 1 day 1 hour: no penalty for 2 late days, not charged because another "
         "submission counts, 1 left."),
    ],
)  # fmt: skip
def test_the_sentence_says_which_late_days_are_used_and_left(late_days: LateDays, remains: float, says: str) -> None:
    late = lateness(DUE + DAY + HOUR, DUE, None, POLICY, late_days)
    assert (float(late.remains), late.sentence, late.days) == (remains, says, 2)


def test_grace_is_late_but_costs_nothing() -> None:
    late = lateness(DUE + 3 * MINUTE, DUE, None, POLICY)
    assert (late.is_late, late.sentence) == (True, "Late by 3 minutes, within the grace period of 10 minutes.")


def test_the_days_of_an_extension_are_counted_from_its_own_date() -> None:
    assert lateness(DUE + 2 * DAY + MINUTE, DUE, DUE + 2 * DAY, replace(POLICY, grace_minutes=0)).remains == Fraction(
        9, 10
    )


def test_an_extension_that_is_earlier_than_the_date_changes_nothing() -> None:
    assert lateness(DUE, DUE, DUE - DAY, POLICY).is_late is False


def test_without_a_policy_lateness_is_said_and_costs_nothing() -> None:
    late = lateness(DUE + 9 * DAY, DUE, None, read_policy({}))
    assert (late.is_late, late.remains) == (True, 1)


def test_without_a_due_date_nothing_is_late() -> None:
    assert lateness(DUE, None, None, POLICY).is_late is False


def test_dates_of_different_time_zones_compare() -> None:
    east = dt.timezone(dt.timedelta(hours=9))
    assert lateness(DUE.astimezone(east), DUE, None, POLICY).is_late is False


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.sampled_from(["0%", "10%", "12.5%", "33.33%", "100%"]))
def test_later_never_leaves_more(earlier: int, more: int, per_day: str) -> None:
    policy = read_policy({"per_day": per_day})
    first, second = (
        lateness(DUE + dt.timedelta(seconds=s), DUE, None, policy).remains for s in (earlier, earlier + more)
    )
    assert 0 <= second <= first <= 1


def test_what_no_hundredth_can_show_is_given() -> None:
    late = lateness(DUE + DAY, DUE, None, read_policy({"per_day": "33.33%"}))
    assert after_penalty(Points(1), late) == Points(67, 100)


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        ({"per_week": "10%"}, "'per_week'"),
        ({"grace_minutes": 5}, "per_day"),
        ({"per_day": 10}, 'per_day in a late policy must be text from "0%" to "100%", not 10'),
        ({"per_day": "101%"}, "per_day"),
        ({"per_day": "٣%"}, "per_day"),
        ({"per_day": "-1%"}, "per_day"),
        ({"per_day": "10%", "grace_minutes": -1}, "grace_minutes"),
        ({"per_day": "10%", "most_days": 0}, "most_days"),
        ({"free_days": 2}, "per_day"),
        ({"per_day": "10%", "free_days": -1}, "free_days in a late policy must be a whole number from 0 to 366"),
        (
            {"per_day": "10%", "free_days": 3, "most_days": 2},
            "free_days in a late policy must be a whole number from 0",
        ),
    ],
)
def test_a_policy_that_cannot_be_read_is_refused_in_words(policy: dict[str, object], says: str) -> None:
    with pytest.raises(BadCall) as refused:
        read_policy(policy)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("closes", "extension", "policy", "expected_moment"),
    [
        (None, None, {}, DUE),
        (None, DUE + DAY, {}, DUE + DAY),
        (None, DUE - DAY, {}, DUE),
        (None, None, {"per_day": "10%", "most_days": 3}, DUE + 3 * DAY),
        (None, None, {"per_day": "10%"}, DUE + 9 * DAY),
        (None, None, {"per_day": "30%"}, DUE + 3 * DAY),
        (None, None, {"per_day": "25%", "free_days": 2}, DUE + 5 * DAY),
        (None, None, {"per_day": "25%", "free_days": 2, "most_days": 3}, DUE + 3 * DAY),
        (None, None, {"per_day": "0%", "free_days": 2}, DUE),
        (None, None, {"per_day": "100%", "grace_minutes": 600}, DUE + 600 * MINUTE),
        (None, None, {"per_day": "0.00001%"}, DUE + 366 * DAY),
        (None, None, {"per_day": "0%", "most_days": 2}, DUE + 2 * DAY),
        (None, DUE + DAY, {"per_day": "10%", "most_days": 3}, DUE + 4 * DAY),
        (DUE + 2 * DAY, None, {"per_day": "10%", "most_days": 3}, DUE + 2 * DAY),
        (DUE + 2 * DAY, DUE + 5 * DAY, {}, DUE + 5 * DAY),
    ],
)
def test_the_last_moment_is_the_closing_date_else_the_last_late_day(
    closes: dt.datetime | None, extension: dt.datetime | None, policy: dict[str, object], expected_moment: dt.datetime
) -> None:
    assert last_moment(DUE, closes, extension, read_policy(policy)) == expected_moment


def test_without_dates_there_is_no_last_moment() -> None:
    assert last_moment(None, None, DUE, POLICY) is None

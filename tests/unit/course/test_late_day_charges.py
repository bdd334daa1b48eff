"""Late days: who is charged, and that no history of submissions, grading and extensions charges too much."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.course.late import LateDays, Lateness, after_penalty, lateness, read_policy
from grader.course.late_days import LateDayAccounts, charge
from grader.model import Points
from grader.store.records import Counts, GradingPoints, Kind, Offering, Person, State, SubmissionRecord

DUE = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
COURSE_231N = {"free_days": 2, "per_day": "25%"}


def offered(assignment: str = "ps1", counts: Counts = Counts.LATEST, **late: object) -> Offering:
    return Offering("ml", assignment, due_at=DUE, late=COURSE_231N | late, counts=counts)


@dataclass(frozen=True)
class Submitted:
    """A submission with what decides about its late days."""

    id: str
    assignment: str
    authors: tuple[str, ...]
    received_at: dt.datetime
    extension: dt.datetime | None
    agreed: int
    earned: Points | None

    @property
    def record(self) -> SubmissionRecord:
        authors = tuple(Person(author, author, author) for author in self.authors)
        points = GradingPoints(self.id, State.GRADED, self.earned, None, None)
        of_course = self.id, "ml", self.assignment
        return SubmissionRecord(
            *of_course, Kind.SUBMISSION, "api", "", self.received_at, True, self.agreed, authors, points
        )


def charge_all(
    submissions: Sequence[Submitted], offerings: dict[str, Offering], budgets: dict[str, int]
) -> LateDayAccounts:
    extensions = {submission.id: submission.extension for submission in submissions}
    earned = {submission.id: submission.earned for submission in submissions}
    return charge([submission.record for submission in submissions], offerings, extensions, earned, budgets)


def submitted(
    number: int,
    after: dt.timedelta,
    agreed: int = 9,
    earned: int | None = None,
    assignment: str = "ps1",
    authors: tuple[str, ...] = ("ann",),
    extension: dt.datetime | None = None,
) -> Submitted:
    points = None if earned is None else Points(earned)
    return Submitted(f"{number:03}", assignment, authors, DUE + after, extension, agreed, points)


def charged(
    *submissions: Submitted, budget: int = 4, counts: Counts = Counts.LATEST, **late: object
) -> LateDayAccounts:
    offerings = {id: offered(id, counts, **late) for id in ("ps1", "ps2", "ps3")}
    return charge_all(submissions, offerings, dict.fromkeys(("ann", "bob"), budget))


@pytest.mark.parametrize(
    ("after", "agreed", "late", "used"),
    [
        (-HOUR, 9, {}, 0),
        (HOUR, 9, {}, 1),
        (HOUR, 0, {}, 0),
        (DAY + HOUR, 9, {}, 2),
        (DAY + HOUR, 1, {}, 1),
        (3 * DAY, 9, {}, 2),
        (5 * DAY, 9, {}, 2),
        (5 * DAY + HOUR, 9, {}, 0),  # the penalty of four more days leaves nothing
        (HOUR, 9, {"grace_minutes": 60}, 0),
        (3 * DAY, 9, {"most_days": 2}, 0),
        (3 * DAY, 9, {"per_day": "0%"}, 0),
    ],
)
def test_a_submission_uses_the_days_that_help_it_and_that_its_student_agreed_to(
    after: dt.timedelta, agreed: int, late: dict[str, Any], used: int
) -> None:
    accounts = charged(submitted(1, after, agreed), **late)
    assert (accounts.used["001"], accounts.left("ann"), accounts.left("bob")) == (used, 4 - used, 4)


def test_the_budget_is_for_the_course_and_goes_to_the_earlier_submission() -> None:
    accounts = charged(
        submitted(3, DAY, assignment="ps3"), submitted(1, 2 * DAY), submitted(2, 2 * DAY, assignment="ps2"), budget=3
    )
    assert accounts.used == {"001": 2, "002": 1, "003": 0}
    assert accounts.left("ann") == 0


def test_a_later_submission_takes_the_place_of_the_earlier_one_and_its_days() -> None:
    first, second = submitted(1, HOUR), submitted(2, DAY + HOUR)
    assert charged(first).left("ann", "ps1") == 4
    accounts = charged(first, second, budget=2)
    assert (accounts.used, accounts.left("ann")) == ({"001": 1, "002": 2}, 0)
    assert not accounts.of_submission(first.record).is_charged
    assert accounts.of_submission(second.record) == LateDays(2, True, 0)


def test_if_the_best_counts_a_late_submission_that_is_not_better_is_not_charged() -> None:
    on_time, worse, better = (
        submitted(1, -HOUR, earned=40),
        submitted(2, HOUR, earned=39),
        submitted(3, HOUR, earned=41),
    )
    assert charged(on_time, worse, counts=Counts.BEST).left("ann") == 4
    assert charged(on_time, worse, better, counts=Counts.BEST).left("ann") == 3


def test_the_days_of_a_submission_that_may_still_be_the_best_are_reserved() -> None:
    on_time, undecided = submitted(1, -HOUR, earned=40), submitted(2, 2 * DAY)
    accounts = charged(on_time, undecided, submitted(3, 2 * DAY, assignment="ps2"), budget=3, counts=Counts.BEST)
    assert (accounts.used["003"], accounts.left("ann")) == (1, 0)
    second = submitted(4, 2 * DAY, agreed=0)  # the first may still be the best
    assert charged(on_time, undecided, second, budget=3, counts=Counts.BEST).left("ann") == 1


def test_each_author_is_charged_and_the_one_with_the_fewest_days_decides() -> None:
    group = submitted(2, 2 * DAY, assignment="ps2", authors=("ann", "bob"))
    accounts = charged(submitted(1, DAY), group, budget=2)
    assert accounts.used == {"001": 1, "002": 1}
    assert (accounts.left("ann"), accounts.left("bob")) == (0, 1)
    assert accounts.of_submission(group.record) == LateDays(1, True, 0)


# ── random histories ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class History:
    offerings: dict[str, Offering]
    budgets: dict[str, int]
    submissions: tuple[Submitted, ...]

    @property
    def accounts(self) -> LateDayAccounts:
        return charge_all(self.submissions, self.offerings, self.budgets)


PEOPLE, ASSIGNMENTS = ("ann", "bob", "cleo"), ("ps1", "ps2", "ps3")
_HOURS = st.integers(-30, 150)
_LATE = st.fixed_dictionaries(
    {"free_days": st.integers(0, 2), "per_day": st.sampled_from(["0%", "10%", "25%", "50%", "100%"])},
    optional={"most_days": st.integers(2, 5), "grace_minutes": st.sampled_from([15, 90])},
)


@st.composite
def histories(draw: st.DrawFn, decided: bool = False) -> History:
    offerings = {}
    for assignment in ASSIGNMENTS:
        counts = draw(st.sampled_from(Counts))
        offerings[assignment] = Offering("ml", assignment, due_at=DUE, late=draw(_LATE), counts=counts)
    budgets = {person: draw(st.integers(0, 5)) for person in PEOPLE}
    points = st.integers(0, 20)
    submissions = []
    for number in range(draw(st.integers(1, 12))):
        authors = draw(
            st.one_of(
                st.sampled_from(PEOPLE).map(lambda person: {person}), st.sets(st.sampled_from(PEOPLE), min_size=1)
            )
        )
        submission = submitted(
            number,
            draw(_HOURS) * HOUR,
            draw(st.integers(0, 4)),
            draw(points if decided else st.none() | points),
            draw(st.sampled_from(ASSIGNMENTS)),
            tuple(sorted(authors)),
            draw(st.none() | _HOURS.map(lambda hours: DUE + hours * HOUR)),
        )
        submissions.append(submission)
    return History(offerings, budgets, tuple(submissions))


def remains(history: History, submission: Submitted, days: int) -> Lateness:
    policy = read_policy(history.offerings[submission.assignment].late)
    return lateness(submission.received_at, DUE, submission.extension, policy, LateDays(days))


def days_of_counting(history: History, accounts: LateDayAccounts, person: str, assignment: str) -> int:
    """The late days of the submission that counts, found as `counting_submission` finds it."""
    own = [s for s in history.submissions if person in s.authors and s.assignment == assignment]
    if history.offerings[assignment].counts is Counts.BEST:
        own.sort(key=lambda s: (after_penalty(s.earned or Points(0), remains(history, s, accounts.used[s.id])), s.id))
    return accounts.used[own[-1].id] if own else 0


@given(histories(), st.randoms(use_true_random=False))
def test_no_account_is_ever_negative_and_nothing_is_used_without_need_or_agreement(
    history: History, random: Random
) -> None:
    for end in range(len(history.submissions) + 1):
        accounts = replace(history, submissions=history.submissions[:end]).accounts
        assert all(accounts.left(person) >= 0 for person in PEOPLE)
    for submission in history.submissions:
        policy = read_policy(history.offerings[submission.assignment].late)
        needed = remains(history, submission, 0).days
        used = accounts.used[submission.id]
        assert 0 <= used <= min(needed, submission.agreed, policy.free_days)
        if used:
            assert remains(history, submission, used).remains > remains(history, submission, 0).remains
        if submission.earned is None and history.offerings[submission.assignment].counts is Counts.BEST:
            charges = [accounts.charges[author][submission.assignment] for author in submission.authors]
            assert all(charge.days >= accounts.used[submission.id] for charge in charges)
    shuffled = list(history.submissions)
    random.shuffle(shuffled)
    assert charge_all(shuffled, history.offerings, history.budgets) == accounts


@given(histories(decided=True))
def test_only_the_submission_that_counts_is_charged_to_each_of_its_authors(history: History) -> None:
    accounts = history.accounts
    for person in PEOPLE:
        days = [days_of_counting(history, accounts, person, assignment) for assignment in ASSIGNMENTS]
        assert history.budgets[person] - sum(days) == accounts.left(person)


@given(histories(decided=True), st.data())
def test_the_order_of_grading_changes_nothing_in_the_end_and_takes_no_more_than_is_left(
    history: History, data: st.DataObject
) -> None:
    """Submissions are graded one after the other, some twice."""
    graded = dict.fromkeys(range(len(history.submissions)))
    order = data.draw(st.permutations(range(len(history.submissions))))
    for number in order:
        graded[number] = data.draw(st.integers(0, 20).map(Points))  # before a regrade
        present = [replace(s, earned=graded[n]) for n, s in enumerate(history.submissions)]
        accounts = replace(history, submissions=tuple(present)).accounts
        assert all(accounts.left(person) >= 0 for person in PEOPLE)
    for number in reversed(order):
        graded[number] = history.submissions[number].earned
        present = [replace(s, earned=graded[n]) for n, s in enumerate(history.submissions)]
        accounts = replace(history, submissions=tuple(present)).accounts
    assert accounts == history.accounts


@given(histories(decided=True), st.sampled_from(PEOPLE), st.sampled_from(ASSIGNMENTS))
def test_an_extension_gives_back_what_was_used_for_the_days_it_covers(
    history: History, person: str, assignment: str
) -> None:
    extended, on_time = [], []
    for submission in history.submissions:
        late, early = submission, submission
        if person in submission.authors and submission.assignment == assignment:
            late = replace(submission, extension=DUE + 30 * DAY)
            early = replace(submission, received_at=DUE)
        extended.append(late)
        on_time.append(early)
    with_extension = replace(history, submissions=tuple(extended))
    accounts = with_extension.accounts
    assert accounts == replace(history, submissions=tuple(on_time)).accounts
    assert days_of_counting(with_extension, accounts, person, assignment) == 0


@pytest.mark.proof
@pytest.mark.parametrize(
    "claim",
    [
        test_no_account_is_ever_negative_and_nothing_is_used_without_need_or_agreement,
        test_only_the_submission_that_counts_is_charged_to_each_of_its_authors,
        test_the_order_of_grading_changes_nothing_in_the_end_and_takes_no_more_than_is_left,
        test_an_extension_gives_back_what_was_used_for_the_days_it_covers,
    ],
)
def test_ten_thousand_histories_violate_nothing(claim: Callable[[], None]) -> None:
    settings(max_examples=10_000)(claim)()

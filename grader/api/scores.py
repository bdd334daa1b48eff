"""Scores of all students: the submission that gives each student the score, and the scores pages for staff."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import mean, median
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from grader.api.attempts import attempts
from grader.api.identity import Caller
from grader.api.lookup import ForStaff, known_member
from grader.api.schemas import Login
from grader.api.views import SubmissionView, views_of
from grader.course.scores import SubmissionState, adjusted
from grader.model import ZERO, Points, Status, show_points
from grader.model.grouping import grouped
from grader.render.translation import gettext
from grader.store import adjustments, gradings, offerings, people, submissions
from grader.store.database import Tx
from grader.store.records import CheckRecord, Counts, Offering, Page, Person, Role, State

pages = APIRouter(include_in_schema=False)

AT_ONCE = 500
"""Number of submissions that are loaded into memory at the same time."""
NEVER_COUNTED = (State.CANCELLED, State.SUPERSEDED)
MOST_OF_ONE = 200
"""Largest number of submissions that are listed for one student."""
BINS = 10
"""Number of bins of the histogram of scores."""

Order = Literal["name", "score", "time"]


# ── the submission that counts ───────────────────────────────────────────────────────────────────────


def counting_submission(views: Sequence[SubmissionView], offering: Offering) -> SubmissionView | None:
    """Return the submission that gives a student the score; None if there is none.

    If the offering's rule is LATEST, the latest submission counts, even if it is broken or not graded yet. If the rule
    is BEST, the one with the most points counts; the latest if none has points yet. Pre-checks and cancelled or
    superseded submissions never count.
    """
    eligible = [view for view in views if view.score and view.grading.state not in NEVER_COUNTED]
    scored = [view for view in eligible if view.final is not None]
    if offering.counts is Counts.BEST and scored:
        return max(scored, key=lambda view: (view.final or ZERO, view.submission.id))
    return max(eligible, key=lambda view: view.submission.id, default=None)


def counting_submissions(
    tx: Tx,
    caller: Caller,
    offered: Sequence[Offering],
    persons: Collection[str] | None = None,
    views: Sequence[SubmissionView] | None = None,
) -> dict[tuple[str, str], SubmissionView]:
    """Return the submission that gives each person the score, by assignment and person id. The submissions contain only
    scores that the caller may see, with adjustments.

    Args:
        tx: The transaction.
        caller: The caller.
        offered: Assignments of one course.
        persons: Ids of the people; None for all.
        views: All submissions of these people to these assignments; None to read those that may count.
    """
    rules = {offering.assignment: offering for offering in offered}
    to_read = [] if views is not None else offered
    by_latest = [offering.assignment for offering in to_read if offering.counts is Counts.LATEST]
    by_best = [offering.assignment for offering in to_read if offering.counts is Counts.BEST]
    counting: dict[tuple[str, str], SubmissionView] = {}
    _count(counting, views or (), rules)
    if by_latest:
        newest = submissions.newest_of_each(tx, offered[0].course, by_latest, persons)
        _count(counting, views_of(tx, caller, newest), rules)
    if by_best:
        for batch in submission_batches(tx, caller, offered[0].course, by_best, persons):
            _count(counting, batch, rules)
    adjustments_of = adjustments.adjustments_of(tx, offered[0].course, persons) if counting else {}
    for key, own_adjustments in adjustments_of.items():
        view = counting.get(key)
        is_shown = view is not None and (caller.is_staff(view.offering.course) or not view.offering.held)
        if view and view.score and is_shown:
            counting[key] = replace(view, score=adjusted(view.score, own_adjustments))
    return counting


def as_counted(tx: Tx, caller: Caller, view: SubmissionView) -> SubmissionView:
    """Return the view with the adjustments of the score, if the submission gives the caller the score, or gives it to
    its only author."""
    submission = view.submission
    authors = [author.id for author in submission.authors]
    person = caller.person.id if caller.person.id in authors else authors[0]
    if view.score is None or (person != caller.person.id and len(authors) > 1):
        return view
    key = (submission.assignment, person)
    if key not in adjustments.adjustments_of(tx, submission.course, [person]):
        return view
    counting = counting_submissions(tx, caller, [view.offering], [person]).get(key)
    return counting if counting and counting.submission.id == submission.id else view


def _count(
    counting: dict[tuple[str, str], SubmissionView], batch: Sequence[SubmissionView], rules: Mapping[str, Offering]
) -> None:
    """Replace the submissions in `counting` by those in the batch that count instead. The keys of `counting` are
    assignment and person id; `rules` has the offering of each assignment."""
    of_authors = []
    for view in batch:
        of_authors += [((view.submission.assignment, author.id), view) for author in view.submission.authors]
    for key, views in grouped(of_authors).items():
        if key in counting:  # the one that counts among the submissions in earlier batches
            views.append(counting[key])
        best = counting_submission(views, rules[key[0]])
        if best is not None:
            counting[key] = best


def submission_batches(
    tx: Tx, caller: Caller, course: str, assignments: Collection[str], persons: Collection[str] | None = None
) -> Iterator[list[SubmissionView]]:
    """Yield submissions to assignments of a course in batches, the newest first, without pre-checks. `persons` are the
    ids of the authors; None for all people."""
    page = Page(AT_ONCE)
    while True:
        records = submissions.of_offering(tx, course, assignments, persons=persons, page=page)
        if not records:
            return
        yield views_of(tx, caller, records)
        page = Page(AT_ONCE, records[-1].id)


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class ScoreRow:
    """One student's row in the table of scores."""

    person: Person
    attempts: int
    counting: SubmissionView | None
    identifiers: Mapping[str, str] = field(default_factory=dict)
    """The learning platform's identifiers of the student (see `Member.identifiers`)."""

    def sort_key(self, order: Order) -> tuple[Any, ...]:
        """Return the key by which the table is sorted: by name, by score with the highest first, or by time of the
        submission that counts. Students without a score or submission come last."""
        name = self.person.name.lower()
        if order == "score":
            final = self.counting.final if self.counting else None
            return final is None, -(final or 0), name
        if order == "time":
            # ids of submissions are in the order of time
            return self.counting is None, self.counting.submission.id if self.counting else ""
        return name, self.person.login


@dataclass(frozen=True)
class StudentResult:
    """The result of one check of one student."""

    person: Person
    view: SubmissionView
    """The submission that gives the student's score."""
    record: CheckRecord


@dataclass(frozen=True)
class Bin:
    """A bin of the histogram. It contains scores s with low ≤ s < high; the last bin also contains `high`."""

    low: str
    high: str
    count: int
    share: float
    """Height of the bin divided by the height of the highest bin."""


@dataclass(frozen=True)
class Spread:
    """The distribution of scores."""

    bins: tuple[Bin, ...]
    of: Points
    scored: int
    median: float
    mean: float

    @property
    def sentence(self) -> str:
        """The number of scores in each bin, as a sentence."""
        counts = [gettext("%(count)s from %(low)s to %(high)s", **vars(bin)) for bin in self.bins if bin.count]
        return gettext("Scores of %(count)s students: %(counts)s.", count=self.scored, counts=", ".join(counts))


_PATH = "/courses/{course}/assignments/{assignment}"


@pages.get(_PATH + "/scores")
def show_scores(staff: ForStaff, order: Annotated[Order, Query(alias="by")] = "name") -> Response:
    """Show the table of all students' scores, sorted by `order`, with a histogram."""
    with staff.read() as (tx, offering):
        rows = rows_of(tx, staff.caller, offering)
        rows.sort(key=lambda row: row.sort_key(order))
        counting = [row.counting for row in rows if row.counting]
        return staff.render(
            tx,
            "scores.html",
            offering,
            rows=rows,
            spread=spread(counting),
            submitted=sum(row.attempts > 0 for row in rows),
            late=sum(view.late.is_late for view in counting),
            partly_graded=sum(view.state is SubmissionState.PARTLY_GRADED for view in counting),
            by=order,
        )


@pages.get(_PATH + "/students/{login}")
def show_student(staff: ForStaff, login: Login) -> Response:
    """Show all submissions of one student, and what staff decided for this student."""
    with staff.read() as (tx, offering):
        course, assignment = staff.course, staff.assignment
        student = known_member(tx, course, login).person
        extension = offerings.extension(tx, course, assignment, student.id)
        page = Page(MOST_OF_ONE)
        own = submissions.of_offering(tx, course, [assignment], persons=[student.id], kind=None, page=page)
        views = views_of(tx, staff.caller, own)
        key = (assignment, student.id)
        every = views if len(views) < MOST_OF_ONE else None
        counting = counting_submissions(tx, staff.caller, [offering], [student.id], every).get(key)
        rows = attempts(tx, staff.caller, views, counting)
        return staff.render(
            tx,
            "student.html",
            offering,
            student=student,
            extension=extension,
            attempts=rows,
            adjustments=adjustments.adjustments_of(tx, course, [student.id]).get(key, ()),
            hold=adjustments.holds_of(tx, course, student.id).get(assignment),
            counting=counting,
        )


def rows_of(tx: Tx, caller: Caller, offering: Offering) -> list[ScoreRow]:
    """Return a row for every student of the course, and for every other person who submitted."""
    students: dict[str, Person] = {}
    identifiers: dict[str, Mapping[str, str]] = {}
    for member in people.roster(tx, offering.course, Role.STUDENT):
        students[member.person.id] = member.person
        identifiers[member.person.id] = member.identifiers
    attempts: dict[str, int] = {}
    for person, count in submissions.attempts_of_each(tx, offering.course, offering.assignment):
        students.setdefault(person.id, person)
        attempts[person.id] = count
    counting = counting_submissions(tx, caller, [offering])
    rows = []
    for id, person in students.items():
        view = counting.get((offering.assignment, id))
        rows.append(ScoreRow(person, attempts.get(id, 0), view, identifiers.get(id, {})))
    return rows


def results_of(tx: Tx, caller: Caller, offering: Offering, status: Status | None = None) -> list[StudentResult]:
    """Return the results of the checks of each student; if `status` is given, only results with this status."""
    persons = None
    if status is not None:
        persons = gradings.persons_with(tx, offering.course, offering.assignment, status)
    counting = counting_submissions(tx, caller, [offering], persons) if persons != set() else {}
    records = gradings.results_of(tx, [view.grading.id for view in counting.values()], status) if counting else {}
    results = []
    for (_, id), view in counting.items():
        (person,) = (author for author in view.submission.authors if author.id == id)
        for record in records.get(view.grading.id, ()):
            results.append(StudentResult(person, view, record))
    return results


def spread(counting: Sequence[SubmissionView]) -> Spread | None:
    """Return the distribution of scores so far; None if there are no scores."""
    scores = [view.score for view in counting if view.score]
    finals = [score.final for score in scores if score.final is not None]
    most = max((score.possible for score in scores), default=ZERO)
    if not finals or not most:
        return None
    counts = [0] * BINS
    for final in finals:
        number = int(final * BINS / most)
        counts[min(BINS - 1, number)] += 1
    bins = []
    for number, count in enumerate(counts):
        low, high = most * number / BINS, most * (number + 1) / BINS
        bins.append(Bin(show_points(low), show_points(high), count, count / max(counts)))
    return Spread(tuple(bins), most, len(finals), float(median(finals)), float(mean(finals)))

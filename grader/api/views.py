"""Submissions as a caller may see them. Every route and page that shows a submission uses these functions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from grader.api.identity import Caller
from grader.api.problems import HttpProblem, not_found
from grader.api.visibility import Visibility, precheck_detail, seen_by
from grader.assignments.catalogue import Assignment
from grader.course.late import Lateness, extended, last_moment, lateness, read_policy
from grader.course.late_days import LateDayAccounts, charge
from grader.course.scores import (
    NOTHING_ANSWERED,
    AnsweredQuestions,
    QuestionScore,
    Score,
    SubmissionState,
    code_points,
    score,
)
from grader.errors import BadAssignment, BadCall
from grader.model import CheckResult, Points, Report, Status, show_points
from grader.model.grouping import grouped
from grader.render import as_json
from grader.store import (
    adjustments,
    answer_marks,
    answers,
    gradings,
    late_days,
    line_comments,
    marks,
    offerings,
    queue,
    requests,
    rubrics,
    submissions,
)
from grader.store.database import Tx, now
from grader.store.records import (
    Counts,
    Grading,
    GradingPoints,
    Kind,
    LineComment,
    Mark,
    Offering,
    PrecheckDetail,
    RegradeRequest,
    State,
    SubmissionRecord,
    UploadRecord,
)


@dataclass(frozen=True)
class SubmissionView:
    """A submission, reduced to the information that the caller may see."""

    submission: SubmissionRecord
    offering: Offering
    """The offering. Its `held` and `precheck_detail` are those that apply to this submission now."""
    grading: GradingPoints
    """`submission.grading`, with the points that the caller may see."""
    marks: tuple[Mark, ...]
    late: Lateness
    score: Score | None
    """The current score; None for a pre-check."""
    over_at: dt.datetime | None = None
    """The time after which what was not submitted counts as zero; None if there is none."""

    @property
    def final(self) -> Points | None:
        """The points after the late penalty; None for a pre-check, and if all points are undecided."""
        return self.score.final if self.score else None

    @property
    def state(self) -> SubmissionState:
        """The state of the submission. `partly_graded` is reported only if the caller may see the score."""
        sees_points = self.grading.points is not None  # graded and released
        if sees_points and self.score and self.score.waiting:
            return SubmissionState.PARTLY_GRADED
        return SubmissionState(self.grading.state)


def find(tx: Tx, caller: Caller, id: str) -> SubmissionView:
    """Return the submission with this id. Raise 404 if there is none, or if the caller may not see it."""
    submission = submissions.get(tx, id)
    if submission is None or not may_see(caller, submission):
        raise not_found("submission")
    (view,) = views_of(tx, caller, [submission])
    return view


def find_for_staff(tx: Tx, caller: Caller, id: str) -> SubmissionRecord:
    """Return the submission with this id. Raise 404 if there is none, or if the caller is not staff of its course."""
    submission = submissions.get(tx, id)
    if submission is None or not caller.is_staff(submission.course):
        raise not_found("submission")
    return submission


def find_grading(tx: Tx, caller: Caller, id: str) -> tuple[Grading, SubmissionRecord]:
    """Return the grading with this id and its submission. Raise 404 if there is none, or if the caller is not staff of
    the course."""
    grading = gradings.get(tx, id)
    submission = submissions.get(tx, grading.submission) if grading else None
    if grading is None or submission is None or not caller.is_staff(submission.course):
        raise not_found("grading")
    return grading, submission


def may_see(caller: Caller, submission: SubmissionRecord) -> bool:
    """Return whether the caller is staff of the submission's course, or an author who is a member of the course."""
    if caller.is_staff(submission.course):
        return True
    authors = [author.id for author in submission.authors]
    return caller.person.id in authors and caller.is_member(submission.course)


def views_of(tx: Tx, caller: Caller, records: Sequence[SubmissionRecord]) -> list[SubmissionView]:
    """Return the views of submissions in one course, all of which the caller must be allowed to see (`may_see`). The
    number of queries depends neither on the number of submissions nor on that of the assignments."""
    if not records:
        return []
    persons = _author_ids(record for record in records if record.late_days)
    accounts = late_day_accounts(tx, caller, records[0].course, persons) if persons else LateDayAccounts({})
    return _views_of(tx, caller, records, accounts)


def late_day_accounts(tx: Tx, caller: Caller, course: str, persons: Collection[str]) -> LateDayAccounts:
    """Return the late days of people in a course. `persons` are their ids. People who submitted together are charged
    together, so the accounts of their partners are computed too."""
    group: Collection[str] = ()
    records: list[SubmissionRecord] = []
    while len(persons) > len(group):
        group = persons
        records = submissions.of_people(tx, course, group)
        persons = _author_ids(records).union(group)
    offered: dict[str, Offering] = {}
    if records:
        offered = {offering.assignment: offering for offering in offerings.offerings_of(tx, course)}
        records = submissions.of_people(tx, course, group, {record.assignment for record in records})
    candidates: list[SubmissionRecord] = []
    earned: dict[str, Points | None] = {}
    held = adjustments.held_from(tx, course, group) if records else set()
    everything = replace(caller, person=replace(caller.person, admin=True))  # the charges do not depend on who looks
    for assignment, own in grouped((record.assignment, record) for record in records).items():
        if offered[assignment].counts is Counts.BEST and assignment in caller.service.assignments:
            views = _views_of(tx, everything, own, LateDayAccounts({}))
            own = [view.submission for view in views if view.grading.state is not State.BROKEN]  # never the best
            if not (offered[assignment].is_held(now()) or offered[assignment].hidden):
                for view in views:
                    if view.score and held.isdisjoint(_keys(view.submission)):
                        earned[view.submission.id] = view.score.earned
        candidates += own
    dates = offerings.extensions_of(tx, course, _author_ids(candidates)) if candidates else {}
    extended = {record.id: _extension(record, dates) for record in candidates}
    return charge(candidates, offered, extended, earned, late_days.budgets(tx, course, group))


def _author_ids(records: Iterable[SubmissionRecord]) -> set[str]:
    ids: set[str] = set()
    for record in records:
        ids.update(author.id for author in record.authors)
    return ids


def _extension(record: SubmissionRecord, extensions: Mapping[tuple[str, str], dt.datetime]) -> dt.datetime | None:
    """Return the latest extended due date of a submission's authors. `extensions` has the dates by assignment and
    person id."""
    return max((extensions[key] for key in _keys(record) if key in extensions), default=None)


def _keys(record: SubmissionRecord) -> list[tuple[str, str]]:
    """Return (assignment, person id) for each author of a submission."""
    return [(record.assignment, author.id) for author in record.authors]


def _views_of(
    tx: Tx, caller: Caller, records: Sequence[SubmissionRecord], accounts: LateDayAccounts
) -> list[SubmissionView]:
    """Return the views of submissions in one course. `accounts` has the late days of their authors."""
    course = records[0].course
    visible_of = _visibility(tx, caller, course)
    ids = [record.id for record in records]
    extensions = offerings.extensions_of(tx, course, _author_ids(records))
    marks_of = marks.of_submissions(tx, ids)
    # results of checks are loaded only where they change the score: hidden or marked checks
    needed = []
    for record in records:
        visible = visible_of[record.assignment]
        if record.id in marks_of or (visible.offering.hidden and not visible.is_staff):
            needed.append(record.grading.id)
    results_of = gradings.results_of(tx, needed) if needed else {}
    answered_of = _answered_questions(tx, records)
    policy_of = {assignment: read_policy(visible.offering.late) for assignment, visible in visible_of.items()}
    moment = now()
    views = []
    for record in records:
        extension = _extension(record, extensions) if extensions else None
        visible, policy = visible_of[record.assignment], policy_of[record.assignment]
        offering = visible.offering
        detail = PrecheckDetail.LINES
        if record.kind is Kind.PRECHECK:
            detail = precheck_detail(offering, extended(offering.due_at, extension))
        if detail is not offering.precheck_detail:
            offering = replace(offering, precheck_detail=detail)
            visible = Visibility(offering, caller)
        all_results = results_of.get(record.grading.id, [])
        results = visible.results(all_results)
        grading = visible.grading(record.grading, all_results)
        own_marks = visible.marks(marks_of.get(record.id, ()))
        late = lateness(record.received_at, offering.due_at, extension, policy, accounts.of_submission(record))
        worth = over_at = None
        if record.kind is Kind.SUBMISSION:
            over_at = last_moment(offering.due_at, offering.closes_at, extension, policy)
            worth = score(
                assignment_of(caller, record),
                code_points(grading),
                own_marks,
                late,
                visible.answered(answered_of.get(record.id, NOTHING_ANSWERED)),
                checks=results,
                code_submitted=record.code_submitted,
                is_over=over_at is not None and moment > over_at,
            )
        views.append(SubmissionView(record, offering, grading, own_marks, late, worth, over_at))
    return views


def _visibility(tx: Tx, caller: Caller, course: str) -> dict[str, Visibility]:
    """Return what the caller may see of each assignment of a course."""
    visible_of = {}
    for offering in seen_by(tx, caller, offerings.offerings_of(tx, course)):
        visible_of[offering.assignment] = Visibility(offering, caller)
    return visible_of


def _answered_questions(tx: Tx, records: Sequence[SubmissionRecord]) -> dict[str, AnsweredQuestions]:
    """Return the written answers and their marks by submission id, for submissions that have some."""
    course = records[0].course
    answers_of = answers.of_gradings(tx, [record.grading.id for record in records])
    digests = {answer.digest for written in answers_of.values() for answer in written}
    assignments = {record.assignment for record in records}
    marks_of = answer_marks.of_answers(tx, course, assignments, digests) if digests else {}
    markers_of = rubrics.markers_of(tx, course) if digests else {}
    answered = {}
    for record in records:
        written = answers_of.get(record.grading.id)
        if not written:
            continue
        by_question = {answer.question: answer for answer in written}
        assignment = record.assignment
        own_marks, own_markers = marks_of.get(assignment, {}), markers_of.get(assignment, {})
        answered[record.id] = AnsweredQuestions(by_question, own_marks, own_markers)
    return answered


def upload_of(tx: Tx, view: SubmissionView) -> UploadRecord:
    """Return the files of a submission, and who uploaded them."""
    return submissions.uploads_of(tx, [view.submission.id])[view.submission.id]


def all_gradings(tx: Tx, caller: Caller, view: SubmissionView) -> list[Grading]:
    """Return the gradings of a submission, the newest first. Students get only `view.grading`, and see neither failures
    nor workers."""
    records = gradings.of_submission(tx, view.submission.id)
    if caller.is_staff(view.submission.course):
        return records
    (record,) = (record for record in records if record.id == view.grading.id)
    points, decided = view.grading.points, view.grading.decided
    return [replace(record, points=points, decided=decided, why="", worker=None, failures=0)]


def marked_before(tx: Tx, view: SubmissionView) -> set[str]:
    """Return the ids of written questions that must be marked again because the answer changed after it was marked."""
    questions = view.score.questions if view.score else ()
    undecided = {question.question for question in questions if question.points is None and question.answer}
    if not undecided:
        return undecided
    return undecided & answers.marked_before(tx, view.submission.id)


@dataclass(frozen=True)
class QueuePlace:
    """The place of a grading in the queue."""

    position: int
    """Position in the queue; 1 is next."""
    estimate_seconds: float | None
    """Estimated time until the grading starts; None if no grading has finished yet."""


def queue_place(tx: Tx, caller: Caller, view: SubmissionView) -> QueuePlace | None:
    """Return the place of a submission's grading in the queue; None if the grading is not queued.

    The estimated time is the number of gradings ahead times the median duration of recent gradings, divided by the
    number of gradings that run at the same time.
    """
    ahead = queue.ahead_of(tx, view.grading.id)
    if ahead is None:
        return None
    durations = gradings.recent_seconds(tx, view.submission.kind)
    if not durations:
        return QueuePlace(ahead + 1, None)
    at_a_time = len(gradings.running(tx)) or caller.service.settings.workers
    seconds = ahead * median(durations) / at_a_time
    return QueuePlace(ahead + 1, round(seconds, 1))


def report_of(tx: Tx, caller: Caller, view: SubmissionView) -> Report:
    """Return a submission's report as the caller may see it, with marks of checks and the late penalty. Raise 409 if
    there is no report yet."""
    report = Visibility(view.offering, caller).report(stored_report(tx, view.grading))
    if view.score is None:
        return report
    final = None if view.score.final is None else view.score.final - view.score.adjustment
    penalty = view.late.penalty(final, view.score.decided)
    return replace(with_marked_checks(report, view), late=penalty)


def with_marked_checks(report: Report, view: SubmissionView) -> Report:
    """Return the report in which every marked check has the points and the comment of its mark."""
    mark_of = {mark.question: mark for mark in view.marks}
    parts = []
    for part in report.parts:
        checks = []
        for check in part.checks:
            if check.id in mark_of:
                check = _with_mark(check, mark_of[check.id])
            checks.append(check)
        parts.append(replace(part, checks=tuple(checks)))
    return replace(report, parts=tuple(parts))


def _with_mark(check: CheckResult, mark: Mark) -> CheckResult:
    """Return the result of a check with the points and the comment of a mark. What the check found stays below them."""
    remarks = ["Marked by a person."]
    if check.status.loses_points:
        remarks.append(f"Before: {show_points(check.points)} of {show_points(check.possible)}. {check.reason}")
    status = Status.of_points(mark.points, check.possible)
    line = check.line if status.loses_points else None
    remarks += check.remarks
    return CheckResult(
        check.id,
        check.title,
        mark.points,
        check.possible,
        status,
        mark.comment,
        line=line,
        remarks=tuple(remarks),
    )


def decided(report: Report, view: SubmissionView) -> dict[str, CheckResult | QuestionScore]:
    """Return the checks and written questions whose points are decided, by id, as far as the caller may see them. Their
    points include marks of people. `report` is the result of `report_of`."""
    results: dict[str, CheckResult | QuestionScore] = {}
    results |= {check.id: check for check in report.checks if check.status.is_decided}
    if view.score:
        results |= view.score.decided_questions
    return results


def requests_of(tx: Tx, caller: Caller, view: SubmissionView) -> list[RegradeRequest]:
    """Return the requests about a submission as the caller may see them, the oldest first."""
    return Visibility(view.offering, caller).requests(requests.of_submission(tx, view.submission.id))


def line_comments_of(tx: Tx, caller: Caller, view: SubmissionView) -> Sequence[LineComment]:
    """Return the comments on lines of a submission as the caller may see them, by file and line."""
    return Visibility(view.offering, caller).line_comments(line_comments.of_submission(tx, view.submission.id))


def may_ask_for_regrade(caller: Caller, view: SubmissionView) -> bool:
    """Return whether the caller is an author of a graded submission, and the time for requests has not passed."""
    until = view.offering.requests_until
    is_time = until is None or now() <= until
    is_graded = view.score is not None and view.grading.state is State.GRADED
    return is_time and is_graded and caller.person in view.submission.authors


def stored_report(tx: Tx, grading: GradingPoints) -> Report:
    """Return the report of a grading. Raise 409 if there is none, or if an older version wrote it in another format."""
    text = gradings.report(tx, grading.id)
    if text is None:
        detail = f"the submission is {grading.state}: it has no report until it is graded"
        if grading.state is State.GRADED:
            detail = "it was erased with the personal data of the student: the points stay in the gradebook"
        raise HttpProblem(409, "not-graded", "There is no report", detail)
    try:
        return as_json.loads(text)
    except BadCall as old:
        raise HttpProblem(409, "old-report", "The report cannot be read", str(old)) from None


def assignment_of(caller: Caller, submission: SubmissionRecord) -> Assignment:
    """Return the assignment of a submission. Raise `BadAssignment` if the assignment's folder was removed."""
    if submission.assignment not in caller.service.assignments:
        raise BadAssignment(f"the folder of the assignment {submission.assignment!r} is missing: restore it")
    return caller.service.assignments[submission.assignment]

"""Submissions as a caller may see them. Every route and page that shows a submission uses these functions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from grader.api import visibility
from grader.api.identity import Caller
from grader.api.problems import HttpProblem, not_found
from grader.assignments.catalogue import Assignment
from grader.course.late import Lateness, lateness
from grader.course.scores import AnsweredQuestions, Score, SubmissionState, score
from grader.errors import BadAssignment, BadCall
from grader.model import CheckResult, Report, Status
from grader.render import as_json
from grader.service import Service
from grader.store import answer_marks, answers, gradings, marks, offerings, rubrics, submissions
from grader.store.database import Tx
from grader.store.records import CheckRecord, Grading, Kind, Mark, Offering, SubmissionRecord


@dataclass(frozen=True)
class SubmissionView:
    """A submission, reduced to the information that the caller may see."""

    submission: SubmissionRecord
    offering: Offering
    grading: Grading
    """The grading that gives the points. If there is none yet, the newest one that does not belong to a regrade."""
    marks: tuple[Mark, ...]
    late: Lateness
    score: Score | None
    """The current score; None for a pre-check."""

    @property
    def state(self) -> SubmissionState:
        """The state of the submission. `partly_graded` is reported only if the caller may see the score."""
        sees_points = self.grading.points is not None  # graded and released
        if sees_points and self.score and self.score.waiting:
            return SubmissionState.PARTLY_GRADED
        return SubmissionState(self.grading.state)


def find(tx: Tx, service: Service, caller: Caller, id: str) -> SubmissionView:
    """Return the submission with this id. Raise 404 if there is none, or if the caller may not see it."""
    submission = submissions.get(tx, id)
    if submission is None or not may_see(caller, submission):
        raise not_found("submission")
    return views_of(tx, service, caller, [submission])[0]


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
    is_own = any(author.id == caller.person.id for author in submission.authors)
    return caller.is_staff(submission.course) or (is_own and caller.is_member(submission.course))


def views_of(tx: Tx, service: Service, caller: Caller, found: Sequence[SubmissionRecord]) -> list[SubmissionView]:
    """Return the views of submissions, all of which the caller must be allowed to see (`may_see`)."""
    ids = [submission.id for submission in found]
    offered = {o.assignment: o for course in {s.course for s in found} for o in offerings.offerings_of(tx, course)}
    places = {(s.course, s.assignment) for s in found}
    extensions = {place: offerings.extensions_of(tx, *place) for place in places}
    current, given = gradings.of_submissions(tx, ids), marks.of_submissions(tx, ids)
    written = _answered_questions(tx, found, current)
    checks = _checks_of(tx, caller, offered.values(), current.values(), given)
    views = []
    for submission in found:
        offering = offered[submission.assignment]
        grading = current[submission.id]
        grading = visibility.grading(grading, checks.get(grading.id, []), offering, caller)
        marked = visibility.marks(given.get(submission.id, []), offering, caller)
        late = _lateness(submission, offering, extensions[submission.course, submission.assignment])
        answered = visibility.answered(written[submission.id], offering, caller)
        task = assignment_of(service, submission)
        visible = visibility.results(checks.get(grading.id, []), offering, caller)
        worth = score(task, grading, marked, late, answered, checks=visible, code_submitted=submission.code_submitted)
        is_grade = submission.kind is Kind.SUBMISSION
        views.append(SubmissionView(submission, offering, grading, tuple(marked), late, worth if is_grade else None))
    return views


def _lateness(submission: SubmissionRecord, offering: Offering, extensions: Mapping[str, dt.datetime]) -> Lateness:
    """Return how late a submission is. If there are several authors, the latest of their due dates applies.
    `extensions` are the extended due dates by person id."""
    extended = [extensions[author.id] for author in submission.authors if author.id in extensions]
    return lateness(submission.received_at, offering.due_at, max(extended, default=None), offering.late)


def _checks_of(
    tx: Tx, caller: Caller, offered: Iterable[Offering], current: Iterable[Grading], marked: Mapping[str, object]
) -> dict[str, list[CheckRecord]]:
    """Return the check results that are needed to compute the scores visible to the caller, by grading id."""
    hides = any(o.hidden and not caller.is_staff(o.course) for o in offered)
    return gradings.results_of(tx, [grading.id for grading in current if hides or grading.submission in marked])


def _answered_questions(
    tx: Tx, found: Sequence[SubmissionRecord], current: Mapping[str, Grading]
) -> dict[str, AnsweredQuestions]:
    """Return the written answers and their marks by submission id."""
    of_gradings = answers.of_gradings(tx, [grading.id for grading in current.values()])
    digests = {answer.digest for several in of_gradings.values() for answer in several}
    places = {(s.course, s.assignment) for s in found}
    read = {place: answer_marks.of_answers(tx, *place, digests) for place in places}
    wanted = {place: rubrics.markers_of(tx, *place) for place in places}
    return {
        s.id: AnsweredQuestions(
            {answer.question: answer for answer in of_gradings.get(current[s.id].id, ())},
            read[s.course, s.assignment],
            wanted[s.course, s.assignment],
        )
        for s in found
    }


def all_gradings(tx: Tx, caller: Caller, view: SubmissionView) -> list[Grading]:
    """Return the gradings of a submission, the newest first. Students get only `view.grading`."""
    if caller.is_staff(view.submission.course):
        return gradings.of_submission(tx, view.submission.id)
    return [view.grading]


def marked_before(tx: Tx, view: SubmissionView) -> set[str]:
    """Return the ids of written questions that must be marked again because the answer changed after it was marked."""
    open_ = {q.question for q in view.score.questions if q.points is None and q.answer} if view.score else set()
    return open_ & answers.marked_before(tx, view.submission.id) if open_ else set()


@dataclass(frozen=True)
class QueuePlace:
    """The place of a grading in the queue."""

    position: int
    """Position in the queue; 1 is next."""
    estimate_seconds: float | None
    """Estimated time until the grading starts; None if no grading has finished yet."""


def queue_place(tx: Tx, service: Service, grading: Grading, kind: Kind) -> QueuePlace | None:
    """Return the place of a grading in the queue; None if the grading is not queued.

    The estimated time is the number of gradings ahead times the median duration of recent gradings, divided by the
    number of gradings that run at the same time.
    """
    ahead = gradings.ahead_of(tx, grading.id)
    if ahead is None:
        return None
    recent = gradings.recent_seconds(tx, kind)
    workers = len(gradings.running(tx)) or service.settings.workers
    return QueuePlace(ahead + 1, round(ahead * median(recent) / workers, 1) if recent else None)


def report_of(tx: Tx, caller: Caller, view: SubmissionView) -> Report:
    """Return a submission's report as the caller may see it, with marks of checks and the late penalty. Raise 409 if
    there is no report yet."""
    report = visibility.shown(stored_report(tx, view.grading), view.offering, caller)
    if view.score is None:
        return report
    return replace(with_marked_checks(report, view), late=view.late.penalty(view.score.final, view.score.decided))


def with_marked_checks(report: Report, view: SubmissionView) -> Report:
    """Return the report in which every marked check has the points and the comment of its mark."""
    by_hand = {mark.question: mark for mark in view.marks}
    parts = tuple(
        replace(part, checks=tuple(_marked(check, by_hand.get(check.id)) for check in part.checks))
        for part in report.parts
    )
    return replace(report, parts=parts)


def _marked(check: CheckResult, mark: Mark | None) -> CheckResult:
    """Return a check with the points and the comment of its mark; unchanged if `mark` is None."""
    if mark is None:
        return check
    status = Status.of_points(mark.points, check.possible)
    return CheckResult(
        check.id, check.title, mark.points, check.possible, status, mark.comment, remarks=("Marked by a person.",)
    )


def stored_report(tx: Tx, grading: Grading) -> Report:
    """Return the report of a grading. Raise 409 if there is none, or if an older version wrote it in another format."""
    text = gradings.report(tx, grading.id)
    if text is None:
        detail = f"the submission is {grading.state}: it has no report until it is graded"
        raise HttpProblem(409, "not-graded", "There is no report", detail)
    try:
        return as_json.loads(text)
    except BadCall as old:
        raise HttpProblem(409, "old-report", "The report cannot be read", str(old)) from None


def assignment_of(service: Service, submission: SubmissionRecord) -> Assignment:
    """Return the assignment of a submission. Raise `BadAssignment` if the assignment's folder was removed."""
    known = service.assignments.get(submission.assignment)
    if known is None:
        raise BadAssignment(f"the folder of the assignment {submission.assignment!r} is missing: restore it")
    return known

"""Submissions as their markers may see them. Whoever shows one to anybody, in JSON or on a page, asks here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from grader.api import visible
from grader.api.admission import how_late
from grader.api.identity import Caller
from grader.api.problems import Problem, not_found
from grader.api.waiting import Place, place
from grader.assignments.catalogue import Assignment
from grader.course.late import Lateness
from grader.course.scores import AnsweredQuestions, Score, score
from grader.errors import BadAssignment, BadCall
from grader.model import Report
from grader.render import as_json
from grader.service import Service
from grader.store import answer_marks, answers, gradings, marks, offerings, rubrics, submissions
from grader.store.database import Tx
from grader.store.records import Grading, Kind, Mark, Offering, Result, Submission


@dataclass(frozen=True)
class Seen:
    """One submission, with what the caller may not see taken out."""

    submission: Submission
    offering: Offering
    grading: Grading
    """The one that counts, or will."""
    marks: tuple[Mark, ...]
    late: Lateness
    score: Score | None
    """None for a pre-check, which is never the grade."""


def find(tx: Tx, service: Service, caller: Caller, id: str) -> Seen:
    """One of the caller's own, or of a course that they are staff of. Raises the 404 that an unknown id gives."""
    submission = submissions.get(tx, id)
    if submission is None or not may_see(caller, submission):
        raise not_found("submission")
    return see(tx, service, caller, [submission])[0]


def find_for_staff(tx: Tx, caller: Caller, id: str) -> Submission:
    """Raises the 404 that an unknown id gives."""
    submission = submissions.get(tx, id)
    if submission is None or not caller.is_staff(submission.course):
        raise not_found("submission")
    return submission


def find_grading(tx: Tx, caller: Caller, id: str) -> tuple[Grading, Submission]:
    """For staff. Raises the 404 that an unknown id gives."""
    grading = gradings.get(tx, id)
    submission = submissions.get(tx, grading.submission) if grading else None
    if grading is None or submission is None or not caller.is_staff(submission.course):
        raise not_found("grading")
    return grading, submission


def may_see(caller: Caller, submission: Submission) -> bool:
    """Return whether it is the caller's own, or of a course that they are staff of."""
    is_own = any(author.id == caller.person.id for author in submission.authors)
    return caller.is_staff(submission.course) or (is_own and caller.is_member(submission.course))


def see(tx: Tx, service: Service, caller: Caller, found: Sequence[Submission]) -> list[Seen]:
    """Those of one course that the caller may see; which these are has been decided before."""
    ids = [submission.id for submission in found]
    offered = {o.assignment: o for course in {s.course for s in found} for o in offerings.offerings_of(tx, course)}
    extensions = {o.assignment: offerings.extensions_of(tx, o.course, o.assignment) for o in offered.values()}
    current, given = gradings.of_submissions(tx, ids), marks.of_submissions(tx, ids)
    written = _written(tx, found, current)
    checks = _checks_to_hide_from(tx, caller, offered.values(), current.values())
    shown = []
    for submission in found:
        offering = offered[submission.assignment]
        grading = current[submission.id]
        grading = visible.grading(grading, checks.get(grading.id, []), offering, caller)
        marked = visible.marks(given.get(submission.id, []), offering, caller)
        late = how_late(submission, offering, extensions[submission.assignment])
        answered = visible.answered(written[submission.id], offering, caller)
        task = assignment_of(service, submission)
        worth = score(task, grading, marked, late, answered, code_submitted=submission.code_submitted)
        is_grade = submission.kind is Kind.SUBMISSION
        shown.append(Seen(submission, offering, grading, tuple(marked), late, worth if is_grade else None))
    return shown


def _checks_to_hide_from(
    tx: Tx, caller: Caller, offered: Iterable[Offering], current: Iterable[Grading]
) -> dict[str, list[Result]]:
    """They are many, so they are fetched only where some are hidden from the caller."""
    if not any(o.hidden and not caller.is_staff(o.course) for o in offered):
        return {}
    return gradings.results_of(tx, [grading.id for grading in current])


def _written(tx: Tx, found: Sequence[Submission], current: Mapping[str, Grading]) -> dict[str, AnsweredQuestions]:
    """By submission."""
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


def all_gradings(tx: Tx, caller: Caller, seen: Seen) -> list[Grading]:
    """The newest first. Students see the one that counts, or will."""
    if caller.is_staff(seen.submission.course):
        return gradings.of_submission(tx, seen.submission.id)
    return [seen.grading]


def marked_before(tx: Tx, seen: Seen) -> set[str]:
    """Questions whose answer has changed after it had been marked, and that wait again."""
    open_ = {q.question for q in seen.score.questions if q.points is None and q.answer} if seen.score else set()
    return open_ & answers.marked_before(tx, seen.submission.id) if open_ else set()


def place_of(tx: Tx, service: Service, seen: Seen) -> Place | None:
    return place(tx, service, seen.grading, seen.submission.kind)


def report_of(tx: Tx, caller: Caller, seen: Seen) -> Report:
    """Return the report that counts, with the late penalty of the score. Raise 409 while there is none."""
    report = visible.shown(stored_report(tx, seen.grading), seen.offering, caller)
    if seen.score is None:
        return report
    return replace(report, late=seen.late.penalty(seen.score.final, seen.score.decided))


def stored_report(tx: Tx, grading: Grading) -> Report:
    text = gradings.report(tx, grading.id)
    if text is None:
        detail = f"it is {grading.state}: there is a report once it is graded"
        raise Problem(409, "not-graded", "There is no report", detail)
    try:
        return as_json.loads(text)
    except BadCall as old:
        raise Problem(409, "old-report", "The report cannot be read", str(old)) from None


def assignment_of(service: Service, submission: Submission) -> Assignment:
    """Raises `BadAssignment` where the catalogue has lost it."""
    known = service.assignments.get(submission.assignment)
    if known is None:
        raise BadAssignment(f"the catalogue has no assignment {submission.assignment!r} any more: put its folder back")
    return known

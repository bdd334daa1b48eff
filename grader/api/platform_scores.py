"""Scores for learning platforms: compute the score of a student, and send it if the platform does not have it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from grader.api.identity import Caller
from grader.api.scores import counting_submissions
from grader.api.views import SubmissionView
from grader.course.scores import Score, SubmissionState
from grader.errors import BadCall, OurFailure
from grader.lms.scores import PlatformProgress, PlatformScore
from grader.lms.services import Services, may_succeed_later
from grader.model import ZERO
from grader.service import Service
from grader.store import lti, lti_scores, offerings, people
from grader.store.database import now
from grader.store.lti_scores import StudentColumn
from grader.store.records import AccessToken, Message, Role, TokenKind

_DELETED = 404
_MEANINGS = {
    403: "the platform does not allow scores in this column",
    _DELETED: "the column does not exist any more: add it again",
    422: "the platform does not know the student, or it is the Test Student",
}
_TICK = dt.timedelta(milliseconds=1)
_OLD_TIMESTAMP = (400, 409)
"""Statuses with which platforms refuse a score that is older than the one they have. The next attempt has a newer
timestamp."""


def send_score(service: Service, message: Message) -> dt.datetime | None:
    """Send the score of a student to the platforms of the course, unless they have it. Return the time at which it
    changes if nothing happens; None if it does not. Raise an exception if the message must be sent again."""
    with service.store.read() as tx:
        columns = lti_scores.columns_of(tx, message.course, message.assignment, message.person)
    score = current_score(service, message) if columns else None
    if score is None:
        return None
    failures = []
    for column in columns:
        try:
            _send_to(service, message, column, score)
        except OurFailure as failure:
            lti_scores.record(service.store, column, message, problem=f"{failure}; it is tried again for three days")
            failures.append(failure)
    if failures:
        raise failures[0]
    return score.changes_at


def _send_to(service: Service, message: Message, column: StudentColumn, score: PlatformScore) -> None:
    """Send the score of a student to a column, unless the platform has it. Raise `OurFailure` if it must be tried
    again."""
    sent = column.sent
    known = sent if column.sent_at else {}
    if not score.is_news(known):
        return
    with service.store.read() as tx:
        services = Services(column.access, lti.tool_key(tx))
    services.prepare()
    latest = current_score(service, message)  # right before it is sent, so that no number leaves after a hold
    if latest is None or not latest.is_news(known) or _would_remove_number(services, column, latest):
        return
    moment = now()
    if sent:
        moment = max(moment, dt.datetime.fromisoformat(sent["timestamp"]) + _TICK)
    body = latest.body(column.subject, sent, moment)
    response = services.put_score(column.url, body)
    if response.is_success:
        stored = latest.stored | {"timestamp": body["timestamp"]}
        lti_scores.record(service.store, column, message, sent=stored, sent_at=moment, problem="")
        return
    refusal = f"the platform answers with status {response.status}"
    is_old = response.status in _OLD_TIMESTAMP and not message.failures
    if is_old or may_succeed_later(response.status):
        raise OurFailure(refusal)
    lti_scores.record(service.store, column, message, problem=_MEANINGS.get(response.status, refusal))
    if response.status == _DELETED:
        lti_scores.remove_column(service.store, column, message.assignment)


def _would_remove_number(services: Services, column: StudentColumn, score: PlatformScore) -> bool:
    """Return whether the platform shows a number that a score without one might remove, or refuses to tell."""
    if score.has_number:
        return False
    try:
        return services.has_number(column.url, column.subject)
    except BadCall:
        return True


def current_score(service: Service, message: Message) -> PlatformScore | None:
    """Return the score of a student as the student may see it; None if there is nothing to score."""
    course, assignment = message.course, message.assignment
    with service.store.read() as tx:
        offering = offerings.offering(tx, course, assignment)
        person = people.person(tx, message.person)
        if offering is None or person is None or assignment not in service.assignments:
            return None
        token = AccessToken("", TokenKind.SESSION, "", now(), None)
        student = Caller(replace(person, admin=False), {course: Role.STUDENT}, token, service)
        view = counting_submissions(tx, student, [offering], [person.id]).get((assignment, person.id))
    if view is None or view.score is None:
        return None
    changes = [moment for moment in (offering.release_at, view.over_at) if moment and moment > now()]
    return _platform_score(view, view.score, min(changes, default=None))


def _platform_score(view: SubmissionView, score: Score, changes_at: dt.datetime | None) -> PlatformScore:
    """Return the score of a submission as platforms get it."""
    progress = PlatformProgress.PENDING
    if view.state is SubmissionState.BROKEN:
        progress = PlatformProgress.FAILED
    elif view.state is SubmissionState.PARTLY_GRADED:
        progress = PlatformProgress.MANUAL
    elif view.grading.points is not None and score.final is not None and not (score.absent and view.over_at):
        progress = PlatformProgress.GRADED  # without a last time to submit, parts stay open for ever
    points = score.final or ZERO if progress is PlatformProgress.GRADED else ZERO
    return PlatformScore(progress, view.submission.id, view.submission.received_at, points, score.possible, changes_at)

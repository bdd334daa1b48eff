"""Find the submission that gives each student the score: the latest or the best, depending on the offering's rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from grader.api.identity import Caller
from grader.api.views import SubmissionView, views_of
from grader.model.grouping import grouped
from grader.service import Service
from grader.store import submissions
from grader.store.database import Tx
from grader.store.records import Counts, Offering, Page, State

AT_ONCE = 500
"""Number of submissions that are loaded into memory at the same time."""
NEVER_COUNTED = (State.CANCELLED, State.SUPERSEDED)


def counting_submission(views: Sequence[SubmissionView], offering: Offering) -> SubmissionView | None:
    """Return the submission that gives a student the score; None if there is none.

    If the offering's rule is LATEST, the latest submission counts, even if it is broken or not graded yet. If the rule
    is BEST, the one with the most points counts. Pre-checks and cancelled or superseded submissions never count.
    """
    taken = [(one, one.score) for one in views if one.score and one.grading.state not in NEVER_COUNTED]
    if offering.counts is Counts.LATEST:
        return max((one for one, _ in taken), key=lambda one: one.submission.id, default=None)
    finals = {(score.final, one.submission.id): one for one, score in taken if score.final is not None}
    return finals[max(finals)] if finals else None


def counting_submissions(
    tx: Tx, service: Service, caller: Caller, offering: Offering, author: str | None = None
) -> Mapping[str, SubmissionView]:
    """Return the submission that gives each person the score, by person id. The submissions contain only scores that
    the caller may see. If `author` is a person id, return only the submission of this person."""
    found: dict[str, SubmissionView] = {}
    for batch in _batches(tx, service, caller, offering, author):
        by_author = grouped((who.id, one) for one in batch for who in one.submission.authors)
        for id, several in by_author.items():
            chosen = counting_submission([*several, *filter(None, [found.get(id)])], offering)
            if chosen is not None:
                found[id] = chosen
    return found


def _batches(
    tx: Tx, service: Service, caller: Caller, offering: Offering, author: str | None
) -> Iterator[list[SubmissionView]]:
    place = offering.course, offering.assignment
    if offering.counts is Counts.LATEST:
        newest = submissions.newest_of_each(tx, *place, author)
        for start in range(0, len(newest), AT_ONCE):
            yield views_of(tx, service, caller, newest[start : start + AT_ONCE])
        return
    yield from submission_batches(tx, service, caller, offering, author)


def submission_batches(
    tx: Tx, service: Service, caller: Caller, offering: Offering, author: str | None = None
) -> Iterator[list[SubmissionView]]:
    """Yield submissions in batches, the newest first, without pre-checks. `author` is a person id; None for all
    people."""
    page = Page(AT_ONCE)
    while found := submissions.of_offering(tx, offering.course, offering.assignment, author=author, page=page):
        yield views_of(tx, service, caller, found)
        page = Page(AT_ONCE, found[-1].id)

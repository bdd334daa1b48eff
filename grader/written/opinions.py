"""A hand-in's answers → what the machine makes of each, in the order of the questions: earlier answers give names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from grader.model import Comparison, Judgement, Opinion, Shelf
from grader.written.bounds import MAX_CHARACTERS
from grader.written.judge import Context, judge
from grader.written.question import InWords, Question

Seen = dict[tuple[str, ...], tuple[Opinion, Context]]
"""What was made of an answer: all answers up to it, in their order."""


def opinions(
    questions: Sequence[Question | InWords], answers: Mapping[str, str], seen: Seen | None = None
) -> dict[str, Opinion]:
    """`answers`: question → the answer as written. There is no opinion where there is no answer, nor on one in words
    in which there is nothing to notice. `seen`: where many hand-ins begin with the same answers."""
    context = Context()
    found: dict[str, Opinion] = {}
    seen = {} if seen is None else seen
    read: tuple[str, ...] = ()
    for question in questions:
        answer = answers.get(question.id)
        if answer is None:
            continue
        if isinstance(question, Question):
            read = (*read, question.id, answer)
            if read not in seen:
                seen[read] = _judged(question, answer, context)
            found[question.id], context = seen[read]
        elif notes := _noticed(question, answer):
            found[question.id] = Opinion((_for_a_person(question, notes),))
    return found


def _noticed(question: InWords, answer: str) -> tuple[str, ...]:
    seen = answer[:MAX_CHARACTERS]
    return tuple(note for pattern, note in question.notices if re.search(pattern, seen, re.IGNORECASE))


def _for_a_person(question: InWords, notes: tuple[str, ...]) -> Judgement:
    return Judgement("", Comparison.UNREAD, None, question.worth, "An answer in words.", remarks=notes)


def _judged(question: Question, answer: str, context: Context) -> tuple[Opinion, Context]:
    """A bug of ours in a reader of strange texts must not cost a grading: it is only a suggestion, and says so."""
    try:
        opinion, after = judge(question, answer, context)
        return Opinion(tuple(_shelved(judgement, answer) for judgement in opinion.judgements)), after
    except Exception as bug:  # noqa: BLE001
        words = f"Our own failure while it was read ({type(bug).__name__}); a person has to."
        lost = (Judgement(a.shown, Comparison.UNREAD, None, a.points, words) for a in question.asked)
        return Opinion(tuple(lost)), context


_SHELVES = {
    Comparison.EQUAL: Shelf.RIGHT,
    Comparison.UNSIMPLIFIED: Shelf.RIGHT_WITH_REMARKS,
    Comparison.TRANSPOSED: Shelf.RIGHT_WITH_REMARKS,
    Comparison.DIFFERS: Shelf.OTHER_VALUE,
    Comparison.UNREAD: Shelf.UNREAD,
}


def _shelved(judgement: Judgement, answer: str) -> Judgement:
    """Roughly: the group is one for each formula as it is written, until values have fingerprints."""
    told = "right" if judgement.comparison.is_proven else " ".join((judgement.formula or answer).split())
    mistake = judgement.words if judgement.comparison is Comparison.DIFFERS else ""
    group = hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return replace(judgement, shelf=_SHELVES[judgement.comparison], group=group, mistake=mistake)

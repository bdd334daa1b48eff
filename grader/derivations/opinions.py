"""Form opinions on all written answers of a submission, in the order of the questions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from grader.derivations.judge import Judged, judge, opinion_by_reference, opinion_from, unread_opinion
from grader.derivations.locate import Answer, WrittenAnswers
from grader.derivations.question import Question
from grader.derivations.student_answer import NO_CONTEXT, Context
from grader.model import Comparison, Opinion

Cache = dict[tuple[str, ...], Judged]
"""Cache of judgements. The key of an answer lists the ids and texts of all answers up to this one, but of earlier ones
only if they were found in their own place. Submissions that begin with the same answers share entries."""


def opinions(
    questions: Sequence[Question],
    answers: Mapping[str, str],
    cache: Cache | None = None,
    introduction: str = "",
    elsewhere: frozenset[str] = frozenset(),
) -> dict[str, Opinion]:
    """Return an opinion on each answer, by id of the question.

    Args:
        questions: The questions in order: later answers may use names that earlier answers define.
        answers: Id of a question → the answer as written.
        cache: Cache of judged answers, which is used and extended.
        introduction: Text before the answers, which may define names.
        elsewhere: Questions whose answer was found in another place, and defines no names for later answers.
    """
    cache = {} if cache is None else cache
    context = _introduced(questions, introduction)
    key: tuple[str, ...] = (introduction,) if introduction else ()
    judged = {}
    for question in questions:
        id = question.id
        if id not in answers:
            continue
        answer_key = (*key, id, answers[id])
        if answer_key not in cache:
            cache[answer_key] = _judged(question, answers[id], context)
        judged[id] = cache[answer_key]
        if id not in elsewhere:
            key, context = answer_key, judged[id].context
    return {id: _by_reference(id, judged) or answer.opinion for id, answer in judged.items()}


def _introduced(questions: Sequence[Question], introduction: str) -> Context:
    """Return the context for the first answer: the names that the introduction defines."""
    if not questions or not introduction:
        return NO_CONTEXT
    context = _judged(questions[0], introduction, NO_CONTEXT).context
    definitions = {name: formula for name, formula in context.definitions.items() if "/" not in name}
    return replace(context, definitions=definitions, answered=frozenset())


_NUMBER = re.compile(r"(?<![\d.])(\d+(?:\.\d+)+)(?!\.?\d)(\s*\w)?")
"""Matches a number such as 1.1, and the beginning of a word behind it."""
_OPERATOR = re.compile(r"[*·×⊙/+^]|[-−]\s*[Qq(\d]")


def _by_reference(id: str, judged: Mapping[str, Judged]) -> Opinion | None:
    """Return an opinion on an answer that only refers to one other answer, as in "the same as in Q1.1": on the formula
    that was judged there. Return None for other answers, such as "Q1.1 times $h$"."""
    answer = judged[id].answer
    if answer is None or any(judgement.formula for judgement in judged[id].opinion.judgements):
        return None
    if _OPERATOR.search(answer.reading.words) or any(len(statement.members) == 1 for statement in answer.statements):
        return None
    numbers = list(_NUMBER.finditer(answer.text))
    if len(numbers) != 1 or numbers[0][2]:  # a word follows, as in "1.1 times"
        return None
    referred_id = f"q{numbers[0][1]}"
    if referred_id == id or referred_id not in judged:
        return None
    referred = judged[referred_id].answer
    return opinion_by_reference(referred, answer.question) if referred else None


def with_answers_elsewhere(questions: Sequence[Question], written: WrittenAnswers) -> WrittenAnswers:
    """Look for the answers to questions without one: the formulas may stand in the answer to another question, or in
    text that belongs to no question. If exactly one text has them, add it to the answers, with a note for the marker.
    """
    times_asked = Counter(quantity.name for question in questions for quantity in question.asked)
    answers, notes = dict(written.found), dict(written.notes)
    for question in questions:
        if question.id in written.found:
            continue
        is_asked_once = all(times_asked[quantity.name] == 1 for quantity in question.asked)
        related = {q.id for q in questions if q.quantities is question.quantities}
        places: dict[Answer, str] = {}
        for place, id, answer in _texts(written):
            is_right = _is_right_in(question, answer[0])
            may_be_wrong = is_asked_once if id is None else id in related
            if is_right or (is_right is not None and may_be_wrong):
                places.setdefault(answer, place)
        if len(places) == 1:
            ((answer, place),) = places.items()
            answers[question.id] = answer
            notes[question.id] = (*notes.get(question.id, ()), f"the answer was found in {place}")
    elsewhere = frozenset(answers.keys() - written.found.keys())
    return replace(written, found=answers, notes=notes, elsewhere=elsewhere)


def _texts(written: WrittenAnswers) -> Iterator[tuple[str, str | None, Answer]]:
    """Yield (description, question or None, text) for each text in which an answer may stand."""
    for id, answer in written.found.items():
        yield f"the answer to {id}", id, answer
    for answer in written.unassigned:
        yield "text that belongs to no question", None, answer


def _is_right_in(question: Question, text: str) -> bool | None:
    """Return whether all formulas in a text for what the question asks are right; None if one is missing or cannot be
    read."""
    answer = _judged(question, text, NO_CONTEXT).answer
    opinion = opinion_from(answer, question) if answer else None
    if opinion is None or any(judgement.comparison is Comparison.UNREAD for judgement in opinion.judgements):
        return None
    return all(judgement.points is not None for judgement in opinion.judgements)


def _judged(question: Question, answer: str, context: Context) -> Judged:
    """Judge an answer. After an internal error, return an opinion without points instead, so that grading goes on."""
    try:
        return judge(question, answer, context)
    except Exception as bug:  # noqa: BLE001  see the docstring
        words = f"Internal error while the answer was read ({type(bug).__name__})."
        return Judged(unread_opinion(question, answer, words), context)

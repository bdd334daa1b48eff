"""Form opinions on all written answers of a submission, in the order of the questions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from grader.derivations.answer import NO_CONTEXT, Context, StudentAnswer, is_compound
from grader.derivations.judge import Judged, judge, opinion_by_reference, opinion_from, unread_opinion
from grader.derivations.locate import Answer, WrittenAnswers
from grader.derivations.question import Quantities, Question
from grader.model import Comparison, Opinion

Seen = dict[tuple[str, ...], Judged]
"""Cache of judgements. The key of an answer lists the ids and texts of all answers up to this one, but of earlier ones
only if they were found in their own place. An answer whose text answers other questions too has another key.
Submissions that begin with the same answers share entries."""


def opinions(
    questions: Sequence[Question],
    answers: Mapping[str, str],
    seen: Seen | None = None,
    introduction: str = "",
    elsewhere: frozenset[str] = frozenset(),
) -> dict[str, Opinion]:
    """Return an opinion on each answer, by id of the question.

    Args:
        questions: The questions in order: later answers may use names that earlier answers define.
        answers: Id of a question → the answer as written.
        seen: Cache of judged answers, which is used and extended.
        introduction: Text before the answers, which may define names.
        elsewhere: Questions whose answer was found in another place, and defines no names for later answers.
    """
    context = _introduced(questions, introduction)
    found: dict[str, Judged] = {}
    seen = {} if seen is None else seen
    key: tuple[str, ...] = (introduction,) if introduction else ()
    for question in questions:
        if (answer := answers.get(question.id)) is not None:
            shared = question.id in elsewhere or _answers_a_question_of_the_same_name(question, questions, answers)
            here = (*key, question.id, answer, *(["shared"] if shared else []))
            if here not in seen:
                seen[here] = _judged(question, answer, context, shared=shared)
            found[question.id] = seen[here]
            if question.id not in elsewhere:
                key, context = here, seen[here].context
    found = {id: _opinion_from_another_answer(judged, found) for id, judged in found.items()}
    return {id: _in_one_layout(judged, found) for id, judged in found.items()}


def _answers_a_question_of_the_same_name(
    question: Question, questions: Sequence[Question], answers: Mapping[str, str]
) -> bool:
    """Return whether the answer to a question is also that to another question for a quantity of the same name."""
    names = {asked.name for asked in question.asked}
    others = (one for one in questions if one is not question and answers.get(one.id) == answers[question.id])
    return any(names & {asked.name for asked in other.asked} for other in others)


def with_answers_elsewhere(questions: Sequence[Question], written: WrittenAnswers) -> WrittenAnswers:
    """Look for the answers to questions without one: the formulas may stand in the answer to another question, or in
    text that belongs to no question. Add the text in which they stand to the answers, with a note for the marker.

    Text that resembles its question and works nothing out may be the question in the words of another edition. It is
    replaced by an answer that is found elsewhere, or removed if "Solution:" follows it.
    """
    not_worked_out = {
        one.id for one in questions if one.id in written.like_questions and not _is_worked_out(one, written)
    }
    of_question = {question.id: question.quantities for question in questions}
    places = [
        (f"the answer to {id}", of_question.get(id), answer) for id, answer in written.found.items()
        if id not in not_worked_out
    ]  # fmt: skip
    places += [("text that belongs to no question", None, answer) for answer in written.unassigned]
    parsed: dict[tuple[Quantities, str], StudentAnswer | None] = {}
    found, notes = dict(written.found), dict(written.notes)
    elsewhere = set[str]()
    stated = set[tuple[Answer, tuple[str, ...]]]()
    for question in (one for one in questions if one.id not in written.found or one.id in not_worked_out):
        id, names = question.id, tuple(asked.name for asked in question.asked)
        stating: dict[Answer, str] = {}
        for place, quantities, answer in places:
            key = question.quantities, answer[0]
            if key not in parsed:
                parsed[key] = _judged(question, answer[0], NO_CONTEXT).answer
            opinion = opinion_from(other, question) if (other := parsed[key]) else None
            related = quantities in (None, question.quantities) and (answer, names) not in stated
            if opinion and _is_stated(opinion, related=related):
                stating.setdefault(answer, place)
        if id in not_worked_out and (len(stating) == 1 or id in written.above_solution):
            _, cells = found.pop(id)
            notes[id] = (*notes.get(id, ()), f"the text in cell {cells[0]} was taken for the question; check it")
        if len(stating) == 1:
            ((found[id], place),) = stating.items()
            elsewhere.add(id)
            stated.add((found[id], names))
            notes[id] = (*notes.get(id, ()), f"the answer was found in {place}")
    return replace(written, found=found, notes=notes, elsewhere=frozenset(elsewhere))


def _is_worked_out(question: Question, written: WrittenAnswers) -> bool:
    """Return whether the answer to a question does more than a question does. It does if it is right, has an equality
    that does not introduce a given quantity, a formula of an asked shape, or a derivative that is not asked for."""
    judged = _judged(question, written.found[question.id][0], NO_CONTEXT)
    answer = judged.answer
    if answer is None or any(one.points is not None for one in judged.opinion.judgements):
        return True
    introduced = answer.known - {name for one in question.asked for name in one.also}
    for number, statement in enumerate(answer.statements):
        formula = statement.members[-1].formula
        if statement.is_equation:
            done = statement.members[0].formula.name not in introduced
        elif formula.kind == "derivative":
            done = not any(answer.is_named(formula, asked.name) for asked in question.asked)
        else:
            shaped = (answer.has_shape(asked, number, formula, turned=True) for asked in question.asked)
            done = is_compound(formula) and any(shaped)
        if done:
            return True
    return False


def _is_stated(opinion: Opinion, *, related: bool) -> bool:
    """Return whether an opinion on a text shows that the text contains an answer. The formulas may be wrong if the text
    is `related`; otherwise they must be right. It is related unless it answers a question about other quantities, or a
    question that asks for a quantity of the same name was found in it."""
    others = (Comparison.DIFFERS,) if related else ()
    return all(one.points is not None or one.comparison in others for one in opinion.judgements)


def _introduced(questions: Sequence[Question], introduction: str) -> Context:
    """Return the context for the first answer: the names that the introduction defines."""
    if not questions or not introduction:
        return NO_CONTEXT
    found = _judged(questions[0], introduction, NO_CONTEXT).context
    names = {name: made for name, made in found.definitions.items() if "/" not in name}
    return replace(found, definitions=names, answered=frozenset())


def _opinion_from_another_answer(judged: Judged, found: Mapping[str, Judged]) -> Judged:
    """If an answer has no formula, use the opinion on another answer of the student: one with a formula for the asked
    quantity, or the one that the text names, as in "the same as in Q1.1". Otherwise return `judged`."""
    if (
        judged.answer is None
        or judged.answer.has_formula_alone
        or any(one.formula for one in judged.opinion.judgements)
    ):
        return judged
    question, text = judged.answer.question, judged.answer.text
    others = {id: other.answer for id, other in found.items() if other.answer is not None and other is not judged}
    taken = next(filter(None, (opinion_from(other, question) for other in others.values())), None)
    referred = others.get(_referred(text, question.id)) if _only_refers(judged.answer) else None
    if taken is None and referred is not None:
        taken = opinion_by_reference(referred, question)
    return replace(judged, opinion=taken) if taken else judged


def _only_refers(answer: StudentAnswer) -> bool:
    """Return whether an answer only refers to another one, such as "see Q1.1". Outside equalities, the answer then has
    no formula and no operator, unlike "Q1.1 times $h$" and "-(Q1.1)"."""
    operator = re.search(r"[*·×⊙/+^]|[-−]\s*[Qq(\d]", answer.reading.words)
    return operator is None and all(len(statement.members) > 1 for statement in answer.statements)


_NUMBER = re.compile(
    r"(?P<named>(?<!\w)[Qq]\w{0,9}\s{0,3})?(?<![\d.])(?P<number>\d+(?:\.\d+)+)(?!\.?\d)(?P<word>\s*[^\W\d_])?"
)


def _referred(text: str, own: str) -> str:
    """Return the id of the question to which an answer refers, as in "see Q1.1" or "as in 1.1,". Return "" if the text
    refers to several questions besides `own`, or if a number counts something, as in "1.1 times"."""
    found = {f"q{one['number']}": one["named"] or not one["word"] for one in _NUMBER.finditer(text)}
    found.pop(own, None)
    return next(iter(found)) if len(found) == 1 and all(found.values()) else ""


def _in_one_layout(judged: Judged, found: Mapping[str, Judged]) -> Opinion:
    """Return the opinion on an answer, checked against the student's other answers if the answer is right only in
    another layout (convention for the shapes of arrays) than the handout's.

    If at least as many other answers contradict this layout as confirm it, add a remark. If more contradict it, judge
    the answer again without it.
    """
    answer, layouts, opinion = judged.answer, judged.layouts, judged.opinion
    if answer is None or layouts is None or "" in layouts:
        return opinion
    quantities = answer.question.quantities
    rights = [
        (id, other.layouts) for id, other in found.items()
        if other is not judged and other.answer and other.layouts and other.answer.question.quantities is quantities
    ]  # fmt: skip
    refuted, remarks = set[str](), list[str]()
    for layout in filter(layouts.__contains__, quantities.layouts):
        against = [id for id, those in rights if "" in those and layout not in those]
        in_favor = [id for id, those in rights if layout in those and "" not in those]
        if against and len(against) >= len(in_favor):
            remarks.append(f"{layout}, unlike the answer to {against[0]}")
        if len(against) > len(in_favor):
            refuted.add(layout)
    if refuted:
        again = _judged(answer.question, answer.text, answer.context, frozenset(refuted), shared=answer.shared)
        opinion = again.opinion
    if not remarks:
        return opinion
    told = remarks[0]  # remarks on further layouts would say the same about other arrays
    return replace(
        opinion,
        judgements=tuple(
            replace(one, remarks=(*(r for r in one.remarks if not told.startswith(r)), told))
            for one in opinion.judgements
        ),
    )


def _judged(
    question: Question,
    answer: str,
    context: Context,
    refuted: frozenset[str] = frozenset(),
    *,
    shared: bool = False,
) -> Judged:
    """Judge an answer. After an internal error, return an opinion without points instead, so that grading goes on."""
    try:
        return judge(question, answer, context, refuted, shared=shared)
    except Exception as bug:  # noqa: BLE001  see the docstring
        words = f"Internal error while the answer was read ({type(bug).__name__})."
        return Judged(unread_opinion(question, answer, words), context)

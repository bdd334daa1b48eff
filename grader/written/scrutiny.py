"""What must hold of a whole answer before a formula in it counts as proven.

Its words must not speak against it, what is mentioned beside it must be something else, what is said of sizes must be
true, and so must every equality that can be read. One doubt, and a person reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from grader.written import mentions, speech, steps
from grader.written.bounds import Unread
from grader.written.evaluate import COMPARE, Array, Mismatch, value
from grader.written.general import of_each_element, whole
from grader.written.question import World
from grader.written.sizes import are_true
from grader.written.subject import Subject
from grader.written.tree import Applied, Formula, Relation, Symbol, names


def scrutinise(subject: Subject) -> None:
    """Raises `Unread` with the first doubt."""
    speech.must_agree(subject)
    used = _used(subject)
    weighed = [n for n in range(len(subject.reading.chains)) if not _may_stay_unread(subject, n, used)]
    for number in weighed:
        _is_whole(subject, number)
    are_true(subject)
    steps.must_be_true(subject, weighed)


def _used(subject: Subject) -> set[str]:
    """Names of the handout in the formula, also in what it refers to."""
    if subject.formula is None:
        return set()
    found = names(subject.formula) | names(subject.put(subject.formula, subject.number))
    return found & subject.question.worlds[0].values.keys()


def _may_stay_unread(subject: Subject, number: int, used: set[str]) -> bool:
    """An equality in another sentence, or on the way, that says nothing of the names in the answer: whatever it is, the
    answer is none the worse. Where it can be read, it must be true all the same."""
    chain, asked = subject.reading.chains[number], subject.asked
    is_program = subject.reading.source.pieces[chain.piece].kind == "program"
    is_apart = subject.place(number) in ("earlier", "leading", "later") or (
        is_program and number != subject.number and all(m.formula for m in chain.members)
    )
    if not is_apart or len(chain.members) < 2:
        return False
    match chain.members[0].formula:
        case Symbol(name) if subject.place(number) == "later" and _is_a_gradient_of_its_own(name, subject):
            return False
        case Symbol(name) if chain.doubt:
            return name not in asked.also | {asked.name}
        case Symbol(name):
            certain = {name for name in subject.question.worlds[0].truths if not name.startswith("∂")}
            return name not in used | asked.also | certain | {asked.name}
        case Applied(function, _):
            return function not in ("sigmoid", "sign")
        case _:
            return True


def _is_a_gradient_of_its_own(name: str, subject: Subject) -> bool:
    """Of the loss by something that the student has named: it may be the answer once more, for a batch, say."""
    loss = f"∂{subject.question.notation.loss}/∂"
    known = subject.question.worlds[0].truths.keys() | subject.question.usual.keys()
    return name.startswith(loss) and whole(name) not in known


def _is_whole(subject: Subject, number: int) -> None:
    chain = subject.reading.chains[number]
    is_mention = len(chain.members) < 2 and number != subject.number
    if is_mention and subject.place(number) in ("earlier", "later"):
        mentions.must_say_nothing_else(subject, number)
        return
    if chain.doubt:
        raise Unread(chain.doubt)
    if is_mention and subject.place(number) == "leading" and subject.is_named:
        mentions.must_say_nothing_else(subject, number)
        return
    for member in chain.members:
        may_stay = member in chain.members[1:-1] and member.is_unfinished
        if member.formula is None and not may_stay:
            raise Unread(f"{member.source[:30]} ({member.unread})")
    if chain.holds and not _always_holds(*chain.holds, subject.question.worlds):
        raise Unread("a condition")
    if is_mention:
        mentions.must_say_nothing_else(subject, number)


def _always_holds(formula: Formula, relation: Relation, worlds: Sequence[World]) -> bool:
    """A condition that is true on all problems takes nothing away: θᵢ ≠ 0, and not y ≠ 0 nor θᵢ > 0."""
    try:
        found = [value(formula, {**w.truths, **w.values, **each}) for w in worlds for each in _elements(formula, w)]
    except (Mismatch, Unread):
        return False
    return all(bool(COMPARE[relation](a, 0).all()) for a in found)


def _elements(formula: Formula, world: World) -> Iterator[Mapping[str, Array]]:
    return of_each_element([formula], {**world.truths, **world.values})

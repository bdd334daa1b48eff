"""Formulas among words that are no equalities: names that are mentioned, parts, or another answer."""

from __future__ import annotations

import re
from collections.abc import Sequence

from grader.written.bounds import Unread
from grader.written.chains import Chain
from grader.written.evaluate import Mismatch, same, value
from grader.written.question import Question, World
from grader.written.sentences import sentences
from grader.written.signs import words
from grader.written.source import Piece
from grader.written.subject import Subject
from grader.written.tree import Formula, Number, Symbol

_NAMING = re.compile(r"(?i)\b(let|set|call|name|denote|define|write|take|replace)\W*$")
"""Words before a name that say something about it."""
_NAMED = re.compile(r"(?i)^\W*(be|denotes?|stands?|means?)\b")
_ANSWERS = re.compile(r"(?i)\b(answer|result|solution)\b[^.\n]{0,20}(\b(is|becomes|equals)|:)\W*$")
"""Words before a formula that nothing else stands for."""
_COUNTED = re.compile(
    r"(?i)^\W*(entr(y|ies)|elements?|components?|numbers?|rows?|columns?|nodes?|neurons?|units?|inputs?|hidden)\b"
)
_ADDS = re.compile(r"(?i)^\W*(and|with|then|also|by|to|on|from|into|at|in|plus)\b[^.\n]*$")
"""Words right behind the answer that may join the name behind them to it."""
_FACTOR = re.compile(r"(?i)\b(factors?|terms?|extra|another|additional|products?|parts?)\W*$")
"""Words before a name behind the answer that say that it belongs to it."""
_INDICES = words("i j k l m n N")
_SHAPE = re.compile(r"(?i)^\W*(is|are)( just| simply)? (an? )?(scalar|number|row|column|vector|matrix)\b")
"""Words behind a formula that nothing else is said of."""
_CALLS = r"(?i)(?<!\w)({})[^.;\n]{{0,60}}\b(is|equals)\W*$"
_WITHOUT = re.compile(r"(?i)\b(without|before|plain|original|data)\b")
_IS_CALLED = (
    r"(?i)^\W*(is|are|be|denotes?|means?|already|includes?|contains?|has|of|taken)\b[^.\n,;]{{0,60}}?(?<!\w)({})"
)
"""Words behind a name that call it something."""


def must_say_nothing_else(subject: Subject, number: int) -> None:
    """Raises `Unread` where the mention may alter, redefine or contradict the formula. `number`: of a chain that is no
    equality, and not the formula's own."""
    chain, place = subject.reading.chains[number], subject.place(number)
    if place in ("earlier", "later"):
        _is_no_other_answer(subject, chain, is_later=place == "later")
        _renames_nothing(subject, chain)
    elif place == "leading" and subject.is_named and _is_among_words(subject, chain):
        _renames_nothing(subject, chain)
    elif chain.members and not _is_counted(subject, chain):
        _is_apart(subject, chain, number - subject.number)
        _renames_nothing(subject, chain)


# ── another answer ───────────────────────────────────────────────────────────────────────────────────


def _is_no_other_answer(subject: Subject, chain: Chain, *, is_later: bool) -> None:
    formula = chain.members[0].formula if chain.members else None
    if formula is None or isinstance(formula, Symbol | Number):
        return
    before, behind = subject.around(chain)
    is_answer = _ANSWERS.search(before) is not None
    is_alone = not re.search(r"[^\W\d_]", sentences(before)[-1] + sentences(behind)[0])
    if (is_answer or is_alone or is_later) and _differs(formula, subject, is_answer=is_answer):
        raise Unread(f"{chain.members[0].source[:30]}, which may be another answer")


def _differs(formula: Formula, subject: Subject, *, is_answer: bool) -> bool:
    """Whether it has the size of what is asked for, and another value, also that of no step on the way. `is_answer`: it
    is called the answer, so that it is wrong whatever its size."""
    worlds = subject.question.worlds
    try:
        found = [value(formula, {**w.truths, **w.values}) for w in worlds]
    except (Mismatch, Unread):
        return is_answer
    wanted = [w.truths[subject.asked.name] for w in worlds]
    if not is_answer and any(a.size != b.size for a, b in zip(found, wanted, strict=True)):
        return False
    meant = {subject.asked.name} if is_answer else worlds[0].truths.keys()
    return not any(
        all(same(a, w.truths[n]) or same(a.T, w.truths[n]) for a, w in zip(found, worlds, strict=True)) for n in meant
    )


# ── names ────────────────────────────────────────────────────────────────────────────────────────────


def _renames_nothing(subject: Subject, chain: Chain) -> None:
    """A name of the handout is called nothing else."""
    name = chain.members[0].formula if chain.members else None
    known = subject.question.worlds[0].values.keys() | subject.question.notation.presumed.keys()
    if not isinstance(name, Symbol) or name.name not in known or _is_written_another_way(subject, chain, name):
        return
    before, behind = subject.around(chain)
    if _NAMING.search(before) or _NAMED.search(behind) or _is_miscalled(name.name, before, behind, subject.question):
        raise Unread(f"what {chain.members[0].source[:30]} stands for")


def _is_written_another_way(subject: Subject, chain: Chain, name: Symbol) -> bool:
    """ "I write $h^1$ for $h^{(1)}$" """
    following = next((c for c in subject.reading.chains if c.begins == chain.piece + 2 and len(c.members) == 1), None)
    other = following.members[0].formula if following else None
    return isinstance(other, Symbol) and other.name == name.name


def _is_miscalled(name: str, before: str, behind: str, question: Question) -> bool:
    unlike = question.notation.unlike.get(name)
    if unlike is None:
        return False
    said = sentences(before)[-1]
    is_before = re.search(_CALLS.format(unlike), said) is not None and not _WITHOUT.search(said)
    return is_before or re.search(_IS_CALLED.format(unlike), behind) is not None


# ── in the formula's own sentence ────────────────────────────────────────────────────────────────────


def _is_among_words(subject: Subject, chain: Chain) -> bool:
    return all(re.search(r"[^\W\d_]{2}", said) for said in subject.around(chain))


def _is_counted(subject: Subject, chain: Chain) -> bool:
    """The H of "H numbers", among words."""
    formula = chain.members[0].formula
    is_size = isinstance(formula, Symbol) and formula.name in subject.question.notation.sizes
    return is_size and bool(_COUNTED.match(subject.around(chain)[1]))


def _is_apart(subject: Subject, chain: Chain, behind: int) -> None:
    """It is one name, with words around it. `behind`: how many chains it stands behind the formula."""
    only = chain.members[0].formula
    if chain.shape is not None and isinstance(only, Symbol):
        return
    if isinstance(only, Symbol) and _is_of_nothing(only.name, subject.question):
        raise Unread(f"{only.name}, which is not defined")
    before, after = subject.around(chain)
    joins = (behind == 1 and _ADDS.match(before)) or (behind > 0 and _FACTOR.search(before))
    is_known = isinstance(only, Symbol) or (behind < 0 and _is_a_derivative(only, subject.question.worlds))
    if joins or not (is_known or _SHAPE.search(after)) or not _stands_apart(subject, chain):
        raise Unread(f"what {chain.members[0].source[:30]} is for")


def _stands_apart(subject: Subject, chain: Chain) -> bool:
    pieces = subject.reading.source.pieces
    beside = [
        c for c in subject.reading.chains if c is not chain and (c.begins == chain.begins or c.piece == chain.piece)
    ]
    around = [n for n in (chain.begins - 1, chain.piece + 1) if 0 <= n < len(pieces) and not _is_the_end(pieces, n)]
    return not beside and all(pieces[n].kind == "words" and re.search(r"[\w:]", pieces[n].text) for n in around)


def _is_of_nothing(name: str, question: Question) -> bool:
    """A letter that nobody has defined, and that is no usual one for the loss, a size or an index."""
    notation = question.notation
    known = (
        question.worlds[0].values.keys() | question.meanings.keys() | notation.presumed.keys() | notation.sizes.keys()
    )
    return len(name) == 1 and name not in known | _INDICES | {notation.loss}


def _is_a_derivative(formula: Formula | None, worlds: Sequence[World]) -> bool:
    """The value of one of the gradients or steps, on all problems."""
    if formula is None:
        return False
    try:
        found = [value(formula, w.values) for w in worlds]
    except (Mismatch, Unread):
        return False
    return any(all(same(a, w.truths[name]) for a, w in zip(found, worlds, strict=True)) for name in worlds[0].truths)


def _is_the_end(pieces: Sequence[Piece], n: int) -> bool:
    return n == len(pieces) - 1 and bool(re.fullmatch(r"[\s.,;:)!]*", pieces[n].text))

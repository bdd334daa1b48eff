"""What the words of an answer say of its formula.

In the formula's own sentence, behind it, every word has to be a harmless one; on the way to it, and in other
sentences, they may be any but those that `alarms.py` has.
"""

from __future__ import annotations

import re
from itertools import islice

from grader.written.alarms import denies, goes_on, limits, says_of_a_slope, takes_back
from grader.written.bounds import MAX_NODES, Unread
from grader.written.harmless import HARMLESS, PHRASES
from grader.written.places import Words
from grader.written.sentences import sentences
from grader.written.shapes import without_shapes
from grader.written.signs import words
from grader.written.subject import Subject
from grader.written.tree import Symbol, Transposed, nodes

_PLAIN = re.compile(r"[\s.,:;!()\[\]#>*_—–'’\"|=-]*")
_MARKS = re.compile(r"(?<!\w)[-–—](?!\s*$)|[!?]|=(?!\s*$)")
_AND = re.compile(r"(?i)^\W*(and|while|whereas|similarly|likewise|then)\b")
"""What begins another thought behind a comma."""

_LEADS_TO_IT = re.compile(
    r"(?i)\b(ends? up|left|arrives?|simplif(y|ies)|reduces?|leads?|comes?|evaluates?|cancels?|boils)( down)? "
    r"(with|at|to)\W*$"
)
_OF = re.compile(
    r"(?i)(?<!given )(?<!denoted )\b(of|to|from|with|into|by|on|at|sigmoid|entropy)(\s+(the|a|an|this|that))?\W*$"
)
"""Words before the formula that make another one of it."""
_OTHER = re.compile(
    r"(?i)(?<!of the )\b(loss|cost|function|entropy|activation|bias|weights?|rate|penalty|rule)\s+"
    r"(is|becomes|equals)\W*$"
)
"""Words before a formula without a left side that say that it is something else."""
_SUBJECT = re.compile(r"(?i)([^.,;:\n]{0,200})\b(?:is|are|equals|becomes)\W*$")
_GRADIENTS = words(
    "a an and answer as derivative final finally for gradient hence in it our partial respect result simply so "
    "solution that the then therefore this thus to w r t here we get have with which wrt desired just"
)
"""What a formula without a left side may be said to be."""

_NAME = r"(?:[abghWxyŷθηλ]\d?|y_?hat)(?:_\w|[₀-₉ᵢⱼᵀ⁽⁾¹²])*"
_TYPED = re.compile(
    rf"(?<![A-Za-z]){_NAME}\s*[-−+*·⊙]\s*{_NAME}(?![A-Za-z])|(?:(?<![<>=!])=|←)\s*[-−]?\s*\(?{_NAME}(?![A-Za-z])"
)
"""Maths among words, which may be another answer."""


def must_agree(subject: Subject) -> None:
    """Raises `Unread` with the first words that do not."""
    for said in subject.where.words:
        if alarm := _alarm(subject, said, without_shapes(said.text)):
            raise Unread(f"the words “{alarm}”")
    for inside in subject.reading.said:
        if inside.piece == subject.chain.piece and not inside.is_comment:
            _are_harmless(inside.text)
        elif alarm := takes_back(inside.text) or goes_on(inside.text):
            raise Unread(f"the words “{alarm}”")
    _are_not_of_something(subject)


def _alarm(subject: Subject, said: Words, text: str) -> str:
    if alarm := takes_back(text) or says_of_a_slope(text) or _of_another(subject, said, text):
        return alarm
    leads_on = _leads_on(subject, said)
    if said.place == "later" and (typed := _TYPED.search(text)):
        return typed[0]
    if said.place == "later" or (said.place == "beside" and leads_on and _AND.match(text)):
        return "" if leads_on else goes_on(text, is_transposed=_is_transposed(subject))
    if said.place == "leading" and subject.is_named:
        return limits(text) or (denies(text) if said.piece == subject.chain.begins - 1 else "")
    if said.place == "leading" and text.rstrip().endswith(":"):
        return limits(text) or denies(text) or goes_on(text)
    if said.place in ("leading", "beside"):
        _are_harmless(text)
    return goes_on(text, is_transposed=_is_transposed(subject)) if said.place == "beside" else ""


def _of_another(subject: Subject, said: Words, text: str) -> str:
    """Words of another model, on the way to the formula; a comparison may follow."""
    foreign = subject.question.notation.foreign
    found = re.search(rf"(?i)\b(?:{foreign})\b", text) if foreign and said.place != "later" else None
    return found[0] if found else ""


def _is_transposed(subject: Subject) -> bool:
    formula = subject.formula
    return formula is not None and any(isinstance(node, Transposed) for node in islice(nodes(formula), MAX_NODES))


def _leads_on(subject: Subject, said: Words) -> bool:
    """To something else: the sentence goes on to a formula that says what it is of, or another answer of the same
    question follows."""
    pieces, end = subject.reading.source.pieces, said.piece + 1
    while said.is_open and end < len(pieces) and (pieces[end].kind != "words" or len(sentences(pieces[end].text)) == 1):
        end += 1
    truths = subject.question.worlds[0].truths.keys() - {subject.asked.name}
    others = {asked.name for asked in subject.question.asked} - {subject.asked.name}
    for chain in subject.reading.chains:
        left = chain.members[0].formula if len(chain.members) > 1 else None
        found = left.name if isinstance(left, Symbol) and chain.begins > said.piece else ""
        if found in others or (said.is_open and chain.begins < end and found in truths):
            return True
    return False


def _are_harmless(said: str) -> None:
    bare = re.sub("[-=]>|→|⇒", " ", PHRASES.sub(" ", without_shapes(said)))
    for word in re.findall(r"[^\W\d_]+", bare):
        if word.lower() not in HARMLESS:
            raise Unread(f"the word “{word}”")
    left = re.sub(r"[^\W\d_]+", " ", bare)
    if not _PLAIN.fullmatch(left) or _MARKS.search(re.sub(r"(?<=\w)-(?=\w)", " ", bare)):
        raise Unread(f"the words “{said.strip()[:40]}”")


def _are_not_of_something(subject: Subject) -> None:
    """The norm of $…$: harmless words, and another formula."""
    pieces, begins = subject.reading.source.pieces, subject.chain.begins
    if not begins or pieces[begins - 1].kind != "words":
        return
    before = sentences(pieces[begins - 1].text)[-1]
    if not subject.is_named and (said_of := _SUBJECT.search(before)):
        for word in re.findall(r"[^\W\d_]+", said_of[1]):
            if word.lower() not in _GRADIENTS:
                raise Unread(f"the word “{word}”")
    said = _OF.search(before) or (None if subject.is_named else _OTHER.search(before))
    if said and not (subject.is_named and _LEADS_TO_IT.search(before)):
        raise Unread(f"the words “{said[0].strip()}”")

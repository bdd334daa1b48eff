"""An answer → an opinion. What is not certain is "cannot be read", and a person's: never wrong and called right."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from grader.model import Comparison, Judgement, Opinion
from grader.written import choose
from grader.written.bounds import Unread
from grader.written.chains import Member, Reading, chains
from grader.written.evaluate import DERIVED, Array, Mismatch, same, value
from grader.written.general import as_vectors, is_of_a_layer_in_general, whole
from grader.written.hypotheses import Case, cases_apart
from grader.written.meaning import EARLIER, named_last, said_in, settled
from grader.written.notation import Notation
from grader.written.question import Asked, Question, World
from grader.written.rebuild import Bindings, put_in
from grader.written.scrutiny import scrutinise
from grader.written.simple import unsimplified
from grader.written.subject import Subject
from grader.written.tree import Applied, Formula, Symbol, names, nodes
from grader.written.words import counter_example, factor_between, unequal_shapes

ROUNDS = 4
"""Definitions that mention definitions that mention definitions."""


@dataclass(frozen=True)
class Context:
    """What earlier answers have defined."""

    bindings: Mapping[str, Formula] = field(default_factory=dict)
    notation: Notation | None = None
    """That they are written in: g is another thing in another part of the problem set."""


def judge(question: Question, answer: str, before: Context = Context()) -> tuple[Opinion, Context]:
    """The opinion, and what this answer adds for the next one."""
    known = frozenset(question.worlds[0].values)
    try:
        reading = chains(answer, question.notation)
        named = replace(reading, chains=tuple(named_last(chain, known) for chain in reading.chains))
        reading, cases = cases_apart(named, known)
        reading = replace(reading, chains=as_vectors(reading.chains, question.worlds))
        reading = _with_presumed(reading, question, said_in(reading.chains, known)[1])
        each, after = said_in(reading.chains, known)
    except Unread as unread:
        lost = tuple(_unread(asked, unread.what) for asked in question.asked)
        return Opinion(lost), before
    earlier = before.bindings if before.notation is question.notation else {}
    case = _Judging(question, reading, cases, each, after, earlier, known)
    judged = tuple(case.judgement(asked) for asked in question.asked)
    return Opinion(judged), Context({**earlier, **after, **case.asked_for}, question.notation)


def _with_presumed(reading: Reading, question: Question, own: Bindings) -> Reading:
    """∂J/∂z2 is ∂J/∂a2, unless z2 is defined as something else."""
    presumed = [n for n, guess in question.notation.presumed.items() if _is_presumed(n, guess, own, question)]

    def renamed(formula: Formula) -> Formula:
        new = {n: _by_what_is_presumed(n, presumed, question) for n in names(formula) if n.startswith("∂")}
        return put_in(formula, {n: Symbol(name) for n, name in new.items()})

    def read_anew(member: Member) -> Member:
        return replace(member, formula=member.formula and renamed(member.formula))

    return replace(reading, chains=tuple(replace(c, members=tuple(map(read_anew, c.members))) for c in reading.chains))


def _is_presumed(name: str, guess: str, own: Bindings, question: Question) -> bool:
    return name not in own or _agree(own[name], Symbol(guess), question.worlds)


def _by_what_is_presumed(derivative: str, presumed: Sequence[str], question: Question) -> str:
    for name in presumed:
        derivative = re.sub(rf"∂{name}(?=$|[/_])", f"∂{question.notation.presumed[name]}", derivative)
    return derivative


def _agree(one: Formula, other: Formula, worlds: Sequence[World]) -> bool:
    try:
        return all(same(value(one, w.values), value(other, w.values)) for w in worlds)
    except (Mismatch, Unread):
        return False


@dataclass
class _Judging:
    question: Question
    reading: Reading
    cases: Sequence[Case]
    each: Sequence[Bindings]
    after: Bindings
    earlier: Bindings
    known: frozenset[str]
    asked_for: dict[str, Formula] = field(default_factory=dict)

    def judgement(self, asked: Asked) -> Judgement:
        try:
            choice = choose.choice(self.reading, asked, single=len(self.question.asked) == 1)
            return self._of(asked, choice)
        except Unread as unread:
            return _unread(asked, unread.what)

    def _of(self, asked: Asked, choice: choose.Choice) -> Judgement:
        own = self._resolved(choice.formula, choice.chain, asked)
        own = put_in(own, {n: Symbol(n.removeprefix(EARLIER)) for n in names(own) if n.startswith(EARLIER)})
        carried = sorted(names(own) & self.earlier.keys() - self.known)
        formula = put_in(own, {name: self.earlier[name] for name in carried})
        formula, remarks = self._presumed(formula)
        unknown = sorted(names(formula) - self.known)
        if unknown:
            raise Unread(f"{', '.join(unknown[:3])}: not a name of the handout, and not defined here")
        self._must_agree(asked, choice, formula)
        judgement = self._compared(asked, choice.source, formula)
        self.asked_for[asked.name] = formula
        if judgement.comparison is Comparison.DIFFERS:
            why = self._other_meanings(asked, choice, carried)
            return replace(judgement, remarks=(why,)) if why else judgement
        if any(isinstance(node, Applied) and node.function == DERIVED for node in nodes(formula)):
            raise Unread("a derivative that is still to be worked out")
        if judgement.comparison.suggests_points:
            self._scrutinise(asked, choice)
        return _with(judgement, remarks, carried, asked, formula)

    def _scrutinise(self, asked: Asked, choice: choose.Choice) -> None:
        """Seen from the last place where the answer stands, or from the first: some give the answer and then derive it.
        All of them are true, or neither would pass."""
        doubts = []
        for chain in (choice.chain, *choice.before[:1]):
            try:
                return scrutinise(Subject(self.question, asked, self.reading, self.cases, chain, self._put_in))
            except Unread as doubt:
                doubts.append(doubt)
        raise doubts[0]

    def _put_in(self, formula: Formula, chain: int) -> Formula:
        """With what the student says that names are. What we know the truth of keeps its own name, and so does g, which
        stands for another thing on every line."""
        bindings = {**self.earlier, **self.after, **self.each[chain]}
        certain = self.known | self.question.worlds[0].truths.keys() | self.question.meanings.keys()
        own = {n: made for n, made in bindings.items() if whole(n) not in certain and not is_of_a_layer_in_general(n)}
        for _ in range(ROUNDS):
            if not names(formula) & own.keys():
                break
            formula = settled(put_in(formula, own), "a formula")
        return self._presumed(formula)[0]

    def _resolved(self, formula: Formula, chain: int, asked: Asked) -> Formula:
        bindings = {name: made for name, made in self.each[chain].items() if name != asked.name}
        for _ in range(ROUNDS):
            if not names(formula) & bindings.keys():
                break
            formula = settled(put_in(formula, bindings), "a formula")
        return formula

    def _presumed(self, formula: Formula) -> tuple[Formula, list[str]]:
        guesses = {n: g for n, g in self.question.notation.presumed.items() if n in names(formula)}
        remarks = [f"{name} is not defined; read as {guess}" for name, guess in guesses.items()]
        return put_in(formula, {name: Symbol(guess) for name, guess in guesses.items()}), remarks

    def _must_agree(self, asked: Asked, choice: choose.Choice, formula: Formula) -> None:
        """Other formulas for the same thing, in the handout's own names, must not say something else; nor may a name
        of the handout have been given another meaning."""
        for other in choice.others:
            is_left_side = isinstance(other, Symbol) and other.name in asked.also
            if is_left_side or not names(other) or not names(other) <= self.known:  # a number may be of a list
                continue
            if self._contradict(formula, other) or (choice.alone and not _agree(formula, other, self.question.worlds)):
                raise Unread("its steps do not agree with each other")
        for name in names(formula) & self.known - asked.also:
            for other in choose.redefinitions(self.reading, name):
                if names(other) <= self.known and self._contradict(Symbol(name), other):
                    raise Unread(f"{name}, which is given another meaning than in the handout")

    def _contradict(self, one: Formula, other: Formula) -> bool:
        for world in self.question.worlds:
            try:
                a, b = value(one, world.values), value(other, world.values)
            except (Mismatch, Unread):
                return False
            if a.shape != b.shape and a.shape != b.T.shape:
                return False
            if not same(a, b) and not same(a, b.T):
                return True
        return False

    def _compared(self, asked: Asked, source: str, formula: Formula) -> Judgement:
        worlds = self.question.worlds
        try:
            found = [value(formula, world.values) for world in worlds]
        except Mismatch as mismatch:
            if how := self._by_convention(asked, formula):
                return _said(asked, Comparison.TRANSPOSED, source, how)
            return _said(asked, Comparison.DIFFERS, source, f"The shapes do not fit: {mismatch}.", str(worlds[0].said))
        if not all(np.isfinite(a).all() for a in found):
            raise Unread("it has no value on some of the problems")
        wanted = [world.truths[asked.name] for world in worlds]
        if all(map(same, found, wanted)):
            return _said(asked, Comparison.EQUAL, source, f"Equal on {len(worlds)} random problems.")
        if how := self._by_convention(asked, formula) or _if_transposed(found, wanted):
            return _said(asked, Comparison.TRANSPOSED, source, how)
        return _differs(asked, source, found, wanted, worlds)

    def _by_convention(self, asked: Asked, formula: Formula) -> str:
        for said, worlds in self.question.conventions.items():
            try:
                found = [value(formula, world.values) for world in worlds]
            except (Mismatch, Unread):
                continue
            wanted = [world.truths[asked.name] for world in worlds]
            if all(map(same, found, wanted)):
                return f"Right where {said}; the handout lays it out differently."
        return ""

    def _other_meanings(self, asked: Asked, choice: choose.Choice, carried: Sequence[str]) -> str:
        """A name such as g stands for another thing on every line: a formula that is right for one of them is not
        called wrong. What is right but for an earlier answer is told so."""
        follows = "right, but for what it takes from an earlier answer"
        for name in sorted(names(choice.formula) & self.question.meanings.keys()):
            for meant in self.question.meanings[name]:
                if self._right_with(asked, choice.formula, {name: meant}):
                    if name in carried:
                        return follows
                    raise Unread(f"{name}: the formula is right if it means {meant}")
        truths = {name: name for name in carried if name in self.question.worlds[0].truths}
        return follows if truths and self._right_with(asked, choice.formula, truths) else ""

    def _right_with(self, asked: Asked, formula: Formula, meant: Mapping[str, str]) -> bool:
        for world in self.question.worlds:
            values = {**world.values, **{name: world.truths[truth] for name, truth in meant.items()}}
            try:
                if not same(value(formula, values), world.truths[asked.name]):
                    return False
            except (Mismatch, Unread):
                return False
        return True


# ── what comes out ───────────────────────────────────────────────────────────────────────────────────


def _said(asked: Asked, comparison: Comparison, source: str, words: str, evidence: str = "") -> Judgement:
    points = asked.points if comparison.suggests_points else None
    return Judgement(asked.shown, comparison, points, asked.points, words, source, evidence)


def _unread(asked: Asked, what: str) -> Judgement:
    return _said(asked, Comparison.UNREAD, "", f"Cannot be read: {what}.")


def _if_transposed(found: Sequence[Array], wanted: Sequence[Array]) -> str:
    if all(a.ndim and same(a.T, b) for a, b in zip(found, wanted, strict=True)):
        return "The transpose of what is asked for: a row where the handout has a column, or the other way round."
    return ""


def _differs(
    asked: Asked, source: str, found: Sequence[Array], wanted: Sequence[Array], worlds: Sequence[World]
) -> Judgement:
    if found[0].shape != wanted[0].shape:
        return _said(asked, Comparison.DIFFERS, source, unequal_shapes(found[0], wanted[0]), worlds[0].said)
    words = factor_between(found, wanted) or "It has other values than the true one."
    return _said(asked, Comparison.DIFFERS, source, words, counter_example(found, wanted, worlds))


def _with(
    judgement: Judgement, remarks: list[str], carried: Sequence[str], asked: Asked, formula: Formula
) -> Judgement:
    if carried:
        remarks.append(f"{', '.join(carried)} taken from an earlier answer; the question asks to put it in")
    if asked.leaves is not None and (why := unsimplified(formula, asked.leaves)):
        remarks.append(why)
    simple = asked.leaves is None or not remarks
    comparison = judgement.comparison
    if comparison is Comparison.EQUAL and not simple:
        comparison = Comparison.UNSIMPLIFIED
    return replace(judgement, comparison=comparison, remarks=tuple(remarks))

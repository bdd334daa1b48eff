"""Judge a written answer: compare its final formulas with the asked quantities, one judgement for each."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from grader.derivations.bounds import Mismatch, TooMuch, Unread, WorkBudget
from grader.derivations.compare import Meaning, derivative_left_in, digest, fingerprint
from grader.derivations.definitions import Definitions
from grader.derivations.equations import FormulaChain
from grader.derivations.evaluate import NotationInterpretation, shape
from grader.derivations.formula_tree import (
    Formula,
    key_of,
    leaves,
    name_of,
    nodes,
    structure,
    symbols,
    symbols_outside_derivatives,
)
from grader.derivations.question import Array, Asked, Question, SampleProblem
from grader.derivations.student_answer import NO_CONTEXT, Context, FinalFormula, StudentAnswer, is_compound
from grader.model import Comparison, Judgement, Opinion, Shelf

SIMPLE_FACTOR = 1.5
"""Largest number of names and numbers in a simplified formula, as a multiple of `Asked.leaves`."""


@dataclass(frozen=True)
class Judged:
    """The opinion on an answer, and data for judging the student's other answers."""

    opinion: Opinion
    context: Context
    """Definitions and names for parsing the next answer."""
    answer: StudentAnswer | None = None
    """The parsed answer; None if it could not be parsed."""


def judge(question: Question, text: str, context: Context = NO_CONTEXT) -> Judged:
    """Compare an answer's final formulas with the quantities that its question asks for.

    Args:
        question: The question.
        text: The answer as written.
        context: Definitions and names from earlier answers.
    """
    if context.notation is not question.notation:
        context = Context(notation=question.notation)
    try:
        answer = StudentAnswer(question, text, context)
    except Unread as unread:
        return Judged(unread_opinion(question, text, f"Unread: {unread.why}."), context)
    opinion = Opinion(tuple(judgement(answer, asked) for asked in question.asked))
    following = Context(
        definitions=answer.judged | answer.definitions.last,
        notation=question.notation,
        answered=context.answered | {asked.name for asked in question.asked},
        names=context.names | answer.used,
        own=answer.reading.own,
        redefined=answer.redefined,
    )
    return Judged(opinion, following, answer)


def opinion_from(other: StudentAnswer, question: Question) -> Opinion | None:
    """Form an opinion on `question` from the formulas in `other`, the answer to another question. Return None if
    `other` has no formula for an asked quantity."""
    if other.question.quantities is not question.quantities:
        return None
    if not all(any(other.equates(n, asked.name) for n in range(len(other.statements))) for asked in question.asked):
        return None
    remark = f"it stands in the answer to {other.question.id}"
    return Opinion(tuple(_remarked(judgement(other, asked), remark) for asked in question.asked))


def opinion_by_reference(other: StudentAnswer, question: Question) -> Opinion | None:
    """Form an opinion on `question` from the final formula of `other`, the answer to which the student refers. Return
    None if either question asks for several quantities, or if `other` has no final formula."""
    single = len(question.asked) == len(other.question.asked) == 1
    if other.question.quantities is not question.quantities or not single:
        return None
    judged = judgement(other, question.asked[0], other.question.asked[0])
    return Opinion((_remarked(judged, f"the answer refers to {other.question.id}"),)) if judged.formula else None


def judgement(answer: StudentAnswer, asked: Asked, stated: Asked | None = None) -> Judgement:
    """Judge an answer's formula for one asked quantity.

    Args:
        answer: The answer.
        asked: The quantity.
        stated: The quantity that the answer itself is about. None if this is `asked`.
    """
    answer.comparer.budget = WorkBudget()
    try:
        final = answer.final(stated or asked)
    except Unread as unread:
        return _FinalJudgement(answer, asked, None).unread(unread.why)
    return _FinalJudgement(answer, asked, final).judged()


def _remarked(judged: Judgement, remark: str) -> Judgement:
    """Return the judgement with a remark added. The answer then gets no automatic points."""
    shelf = Shelf.RIGHT_WITH_REMARKS if judged.shelf is Shelf.RIGHT else judged.shelf
    return replace(judged, remarks=(*judged.remarks, remark), shelf=shelf, automatic=False)


class _FinalJudgement:
    """The comparison of one formula with the asked quantity."""

    def __init__(self, answer: StudentAnswer, asked: Asked, final: FinalFormula | None) -> None:
        self.answer = answer
        self.asked = asked
        self.comparer = answer.comparer
        self.comparer.budget = WorkBudget()
        formula = final.member.text if final else ""
        self.base = Judgement(
            asked.latex, Comparison.UNREAD, None, asked.points, "", formula,
            equalities=answer.false, skipped=tuple(answer.reading.skipped),
        )  # fmt: skip
        if final is not None:
            self.final = final

    def unread(self, why: str) -> Judgement:
        return replace(self.base, words=f"Unread: {why}.", group=text_group(self.answer.text))

    def judged(self) -> Judgement:
        try:
            return self._compared()
        except TooMuch:
            return self.unread("too much to evaluate")
        except Unread as unread:
            return self.unread(unread.why)

    def _compared(self) -> Judgement:
        name, member, comparer = self.asked.name, self.final.member, self.comparer
        if not member.is_read:
            raise Unread(*member.formula.data)
        formula, carried = self._resolved()
        if "/" in name:
            self.answer.judged[name] = formula
        likeliest: Meaning | None = None
        for meaning in comparer.meanings(formula):
            likeliest = likeliest or meaning
            if not comparer.is_right(meaning, name):
                continue
            if meaning.summed and comparer.quantities.examples in symbols(meaning.formula):
                return self._other(comparer.averaged(meaning), carried)
            self._raise_if_redefined()
            return self._right(meaning, carried)
        for meaning in comparer.meanings(formula):
            if comparer.equals(meaning, name, turned=True):
                return self._right(meaning, carried, turned=True)
            if comparer.is_average(meaning, name):
                return self._other(meaning, carried)
        self._raise_if_incomplete(formula)
        if likeliest is None or likeliest.way.layout:
            return self._with_mismatched_shapes(formula)
        return self._other(likeliest, carried)

    def _resolved(self) -> tuple[Formula, frozenset[str]]:
        """Return the final formula with definitions substituted, and the names that were taken from earlier answers."""
        asked, written = self.asked, self.final.member.formula
        formula, carried = self.answer.definitions.resolve(written, self.final.number, gradients=True)
        if any(name_of(node) == asked.name for node in nodes(formula)):
            formula, carried = written, frozenset()
        if any(name_of(node) == asked.name for node in nodes(formula)):
            raise Unread(f"the formula contains {asked.name} itself")
        return formula, carried

    # ── right formulas ───────────────────────────────────────────────────────────────────────────────

    def _right(self, meaning: Meaning, carried: frozenset[str], *, turned: bool = False) -> Judgement:
        asked = self.asked
        if left := derivative_left_in(meaning.formula, self.answer.answered):
            group = fingerprint(meaning.values, "not worked out")
            return replace(self.base, words=f"Not worked out: it still contains {left}.", group=group)
        remarks = [*meaning.remarks, *(["it is the transpose of what is asked for"] if turned else [])]
        remarks += self._remarks(meaning)
        if carried:
            remarks.append(f"{', '.join(sorted(carried))} taken from an earlier answer")
        left = derivative_left_in(meaning.formula, frozenset())
        if left and not carried:
            remarks.append(f"it contains {left}")
        comparison = Comparison.UNSIMPLIFIED if carried or left else Comparison.EQUAL
        if simple := self._unsimplified(meaning.formula):
            comparison = Comparison.UNSIMPLIFIED
            remarks.append(simple)
        if turned or meaning.way.layout:
            comparison = Comparison.TRANSPOSED
        return replace(
            self.base,
            comparison=comparison,
            points=asked.points,
            words=f"Equal on {len(self.comparer.problems)} random problems.",
            remarks=tuple(dict.fromkeys(remarks)),
            shelf=Shelf.RIGHT_WITH_REMARKS if remarks or self.answer.false else Shelf.RIGHT,
            group=fingerprint(meaning.values, meaning.way.layout),
            automatic=not remarks and not self.answer.false and self._is_proven(meaning),
        )

    def _unsimplified(self, formula: Formula) -> str:
        if self.asked.leaves is None:
            return ""
        seen = list(nodes(formula))
        if any(n.kind == "applied" and (n.data[0] in ("exp", "log") or n.data[0].endswith("'")) for n in seen):
            return "not simplified: it still has an exponential, a logarithm or a derivative in it"
        if any(n.kind == "quotient" for n in seen):
            return "not simplified: a fraction is left"
        return "it can be written shorter" if leaves(formula) > SIMPLE_FACTOR * self.asked.leaves else ""

    def _remarks(self, meaning: Meaning) -> Iterator[str]:
        answer, asked, final = self.answer, self.asked, self.final
        if final.remark:
            yield final.remark
        yield from self._interruption()
        yield from self._doubts(meaning)
        if meaning.negligible:
            yield "a term or a case of it makes no difference on the random problems"
        for number, statement in enumerate(answer.statements):
            if not statement.is_equality and any(answer.is_named(m.formula, asked.name) for m in statement.members):
                yield f"a relation other than = at “{statement.members[0].text}”"
            if number > final.number and (other := self._another(statement, meaning)):
                yield f"another formula stands behind it: {other}"
            if number == final.number + 1 and _may_be_a_factor(statement):
                yield f"“{statement.members[0].text}” stands behind it, and may belong to it"

    def _doubts(self, meaning: Meaning) -> Iterator[str]:
        answer, indices = self.answer, _indices(meaning.formula)
        if answer.redefined:
            yield f"{', '.join(sorted(answer.redefined))} may be defined as another function"
        if len(indices) > 1 and not meaning.elementwise:
            yield f"it has different indices: {', '.join(sorted(indices))}"
        if answer.reading.struck_out:
            yield "a part is struck out"

    def _interruption(self) -> Iterator[str]:
        texts = [interruption.text for interruption in self.answer.reading.interrupted]
        yield from (f"“{text}” stands among the mathematics" for text in texts)
        doubt = self.final.member.doubt
        if doubt and doubt not in texts and doubt[0] != ",":  # a comma separates a remark from the formula
            yield f"“{doubt}” may belong to the formula"

    def _another(self, statement: FormulaChain, meaning: Meaning) -> str:
        """Return the text of a statement's last formula if it may contradict the right formula, for example if it has
        the same shape and another value; otherwise ""."""
        last = statement.members[-1]
        if statement.is_equation and not self.answer.is_own(statement.members[0]):
            return ""
        if not last.is_read:
            return last.text if statement.display else ""
        if not is_compound(last.formula):
            return ""
        try:
            formula = self.answer.definitions.resolve(last.formula, len(self.answer.statements))[0]
            other = next(self.comparer.meanings(formula), None)
        except Unread:
            return last.text if symbols(last.formula) & self.comparer.known else ""
        pairs = zip(other.values if other else (), meaning.values, strict=False)
        return last.text if any(a.shape == b.shape and not np.allclose(a, b) for a, b in pairs) else ""

    def _is_proven(self, meaning: Meaning) -> bool:
        """Return whether a right answer may get automatic points. It must have no words, every formula must be parsed,
        every equality must hold, and the asked quantity must have only one formula."""
        answer, statements = self.answer, self.answer.statements
        if not answer.reading.is_mathematics_alone or answer.reading.own or meaning.elementwise:
            return False
        if _indices(meaning.formula) or not answer.is_plain:
            return False
        if not all(side.is_read for side in answer.sides) or not all(s.is_equality for s in statements):
            return False
        if any(m.formula.name and answer.is_own(m) for s in statements for m in s.members[1:]):
            return False
        if not all(self._is_used(s) for s in statements if answer.is_own(s.members[0])):
            return False
        if any(len(s.members) == 1 for s in statements):
            return len(statements) == 1 and self._pairs_hold()
        about = [n for n in range(len(statements)) if answer.equates(n, self.asked.name)]
        head = statements[self.final.number].members[0].formula
        if about != [self.final.number] or not answer.is_named(head, self.asked.name):
            return False
        return self._pairs_hold() and all(map(self._may_follow, range(self.final.number + 1, len(statements))))

    def _may_follow(self, number: int) -> bool:
        """Return whether statement `number`, after the final formula, defines a name or is about an asked quantity."""
        names = [asked.name for asked in self.answer.question.asked]
        head = self.answer.statements[number].members[0]
        return self.answer.is_own(head) or any(self.answer.equates(number, name) for name in names)

    def _pairs_hold(self) -> bool:
        return all(self.comparer.holds_strictly(left, right) for _, _, left, _, right in self.answer.pairs())

    def _is_used(self, definition: FormulaChain) -> bool:
        name = definition.members[0].formula.name
        others = (m.formula for s in self.answer.statements if s is not definition for m in s.members)
        return len(definition.members) == 1 or any(name in symbols(f) for f in others)

    # ── other values ─────────────────────────────────────────────────────────────────────────────────

    def _raise_if_redefined(self) -> None:
        """Raise `Unread` if the answer gives another value to a quantity or function of the question in its formula."""
        used = {structure(node) for node in nodes(self.final.member.formula)}
        for left, right in self.answer.false_sides:
            is_given = left.formula.kind == "applied" or name_of(left.formula) in self.answer.given
            if is_given and structure(left.formula) in used:
                raise Unread(f"the answer sets {left.text} equal to {right.text}")

    def _raise_if_incomplete(self, formula: Formula) -> None:
        """Raise `Unread` if a wrong formula may be only a part of the formula that the student wrote."""
        answer, member, number = self.answer, self.final.member, self.final.number
        if member.doubt:
            raise Unread(f"“{member.doubt}” may belong to the formula")
        left = answer.statements[number].members[0]
        if not left.is_read and not answer.equates(number, self.asked.name):
            raise Unread(f"the left side cannot be read: {left.formula.data[0]}")
        if left.formula.kind == "sum" and self.asked.name in symbols(left.formula):
            raise Unread(f"the left side is more than {self.asked.name}")
        if answer.question.notation.loss in symbols_outside_derivatives(formula):
            raise Unread("the letter of the loss may stand for another quantity")
        if any(index.isdigit() for part in left.formula.parts for index in part.data[1:]):
            raise Unread("it is the formula of one element")
        formulas = [n for n in range(len(answer.statements)) if answer.equates(n, self.asked.name)]
        if len(formulas) > 1 and answer.has_conditions:
            raise Unread("it is one of several cases")
        self._raise_if_indexed(formula)
        self._raise_if_followed(number)
        used = {key_of(node) for made in (formula, member.formula) for node in nodes(made)}
        if unread := sorted(answer.unread_names() & used):
            raise Unread(f"{unread[0]} stands for a formula that cannot be read")

    def _raise_if_indexed(self, formula: Formula) -> None:
        """Raise `Unread` if a number has different indices, as in y_p − y: a number has no elements."""
        indices: dict[str, tuple[str, ...]] = {}
        values = self.comparer.problems[0].values
        for node in nodes(formula):
            is_number = node.name in values and not values[node.name].ndim
            if is_number and indices.setdefault(node.name, node.data[1:]) != node.data[1:]:
                raise Unread(f"{node.name} has different indices, and is a number")

    def _raise_if_followed(self, number: int) -> None:
        """Raise `Unread` if an equality without a name on its left side may be about the asked quantity, or may go on
        with the formula."""
        for n, statement in enumerate(self.answer.statements):
            left = statement.members[0]
            if n == number or not statement.is_equation or left.formula.kind in ("symbol", "applied", "derivative"):
                continue
            if not self.final.says_so or (n == number + 1 and not statement.words.strip(" ,;")):
                raise Unread(f"{left.text} is set equal to another formula")

    def _other(self, meaning: Meaning, carried: frozenset[str]) -> Judgement:
        value, truth = meaning.values[0], self.comparer.truth(self.asked.name, meaning.way.layout, 0)
        mistake = self.comparer.named_value(meaning, self.asked.name)
        if carried and self._right_by_itself():
            mistake = "It is right but for what it takes from an earlier answer."
        if not mistake and truth.shape == value.shape:
            mistake = "It has another value."
        return replace(
            self._differs(mistake or f"It is {_a(value)}, and what is asked for is {_a(truth)}."),
            evidence=_counter_example(self.comparer.problems[0], value, truth),
            remarks=(*meaning.remarks, *self._interruption()),
            group=fingerprint(self.comparer.on_all(meaning).values, meaning.way.layout),
        )

    def _differs(self, mistake: str) -> Judgement:
        differs, shelf = Comparison.DIFFERS, Shelf.OTHER_VALUE
        if self._is_right_before():
            shelf = Shelf.RIGHT_NOT_LAST
            mistake = f"The right value stands before it, but not last. {mistake}"
        return replace(self.base, comparison=differs, words=mistake, mistake=mistake, shelf=shelf)

    def _with_mismatched_shapes(self, formula: Formula) -> Judgement:
        """Judge a formula whose shapes fit in no layout (convention for the shapes of arrays). Say whether added
        transpositions would make it right."""
        why = "The shapes do not fit"
        try:
            self.comparer.evaluated(formula, NotationInterpretation())
        except Mismatch as mismatch:
            written = self.final.member.formula
            usual = self.comparer.right_meaning(written, self.asked.name) if formula is not written else None
            if usual and not derivative_left_in(usual.formula, self.answer.answered):
                raise  # a definition may be about another network
            why = f"The shapes do not fit: {mismatch.why}"
        try:
            loose = self.comparer.evaluated(formula, NotationInterpretation(loose=True))
        except Mismatch:
            left = self.answer.statements[self.final.number].members[0].formula
            if not any(part.data[1:] for part in left.parts):
                raise  # an index may number examples, unless the left side has element indices
            mistake, group = f"{why}.", text_group(self.answer.text)
        else:
            name = self.asked.name
            right = self.comparer.equals(loose, name) or self.comparer.equals(loose, name, turned=True)
            mistake = f"{why}; with transpositions put in it is what is asked for." if right else f"{why}."
            group = fingerprint(loose.values, "shapes do not fit")
        return replace(self._differs(mistake), evidence=f"{self.comparer.problems[0].description}.", group=group)

    def _is_right_before(self) -> bool:
        """Return whether an earlier formula for the same quantity is right."""
        for number, member in self.final.earlier:
            formula = self.answer.definitions.resolve(member.formula, number, gradients=True)[0]
            is_worked_out = not derivative_left_in(formula, self.answer.answered)
            if is_worked_out and self.comparer.right_meaning(formula, self.asked.name):
                return True
        return False

    def _right_by_itself(self) -> bool:
        """Return whether the formula is right with the true values of the names that earlier answers define."""
        own = Definitions(self.answer.definitions.own).resolve(self.final.member.formula, self.final.number)[0]
        return self.comparer.right_meaning(own, self.asked.name) is not None


def _indices(formula: Formula) -> set[str]:
    """Return the element indices of all names in a formula: {"i", "j"} for w_ij x_i."""
    return {index for node in nodes(formula) if node.kind == "symbol" for index in node.data[1:]}


def _may_be_a_factor(statement: FormulaChain) -> bool:
    """Return whether a statement is only a name or a number directly behind another one, as 2 in `a \\quad 2`."""
    formula = statement.members[0].formula
    alone = len(statement.members) == 1 and statement.is_equality and not statement.words
    return alone and (formula.kind == "number" or bool(name_of(formula)))


def unread_opinion(question: Question, text: str, words: str) -> Opinion:
    """Return an opinion without points on an answer that could not be read. `words` says why."""
    asked, group = question.asked, text_group(text)
    return Opinion(tuple(Judgement(a.latex, Comparison.UNREAD, None, a.points, words, group=group) for a in asked))


def text_group(text: str) -> str:
    """Return the id of an unread answer's group: a hash of its text."""
    return digest(" ".join(unicodedata.normalize("NFC", text).split()))


def _a(array: Array) -> str:
    return f"an array of {shape(array)}" if array.ndim else "a number"


def _counter_example(problem: SampleProblem, value: Array, truth: Array) -> str:
    return f"{problem.description} it gives {_numbers(value)}, and the true value is {_numbers(truth)}"


def _numbers(array: Array) -> str:
    flat: Sequence[str] = [f"{x:.4g}" for x in array.ravel()[:6]]
    more = ", …" if array.size > 6 else ""
    return f"({', '.join(flat)}{more})" if array.ndim else flat[0]

"""Judge a written answer: compare its final formulas with the asked quantities, one judgement for each."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
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
    occurs_outside_derivatives,
    structure,
    symbols,
)
from grader.derivations.question import Array, Asked, Question
from grader.derivations.student_answer import NO_CONTEXT, Context, FinalFormula, StudentAnswer, is_compound
from grader.model import Comparison, FalseEquality, Judgement, Opinion, Shelf

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
    judgements = [judgement(answer, quantity) for quantity in question.asked]
    following = Context(
        definitions=answer.judged | answer.definitions.last,
        notation=question.notation,
        answered=context.answered | {quantity.name for quantity in question.asked},
        names=context.names | answer.used,
        own=answer.reading.own,
        redefined=answer.redefined,
    )
    return Judged(Opinion(tuple(judgements)), following, answer)


def opinion_from(answer: StudentAnswer, question: Question) -> Opinion | None:
    """Form an opinion on `question` from the formulas in `answer`, the answer to another question. Return None if
    `answer` has no formula for an asked quantity."""
    if answer.question.quantities is not question.quantities:
        return None
    remark = f"it stands in the answer to {answer.question.id}"
    judgements = []
    for quantity in question.asked:
        if not answer.statements_equating(quantity):
            return None
        judgements.append(_remarked(judgement(answer, quantity), remark))
    return Opinion(tuple(judgements))


def opinion_by_reference(referred: StudentAnswer, question: Question) -> Opinion | None:
    """Form an opinion on `question` from the final formula of `referred`, the answer to which the student refers.
    Return None if either question asks for several quantities, or if `referred` has no final formula."""
    if referred.question.quantities is not question.quantities:
        return None
    if len(question.asked) > 1 or len(referred.question.asked) > 1:
        return None
    judged = judgement(referred, question.asked[0], referred.question.asked[0])
    if not judged.formula:
        return None
    remarked = _remarked(judged, f"the answer refers to {referred.question.id}")
    return Opinion((remarked,))


def judgement(answer: StudentAnswer, quantity: Asked, stated: Asked | None = None) -> Judgement:
    """Judge an answer's formula for one asked quantity.

    Args:
        answer: The answer.
        quantity: The quantity.
        stated: The quantity that the answer itself is about. None if this is `quantity`.
    """
    equalities = [FalseEquality(e.right.line, e.left.text, e.right.text) for e in answer.false_equalities]
    unread = Judgement(
        quantity.latex, Comparison.UNREAD, None, quantity.points, "",
        equalities=tuple(equalities), skipped=tuple(answer.reading.skipped),
    )  # fmt: skip
    answer.comparer.budget = WorkBudget()
    try:
        final = answer.final(stated or quantity)
        unread = replace(unread, formula=final.member.text)
        answer.comparer.budget = WorkBudget()
        return _FinalJudgement(answer, quantity, final, unread).judged()
    except Unread as reason:
        why = reason.why
    except TooMuch:
        why = "too much to evaluate"
    return replace(unread, words=f"Unread: {why}.", group=text_group(answer.text))


def _remarked(judged: Judgement, remark: str) -> Judgement:
    """Return the judgement with a remark added. The answer then gets no automatic points."""
    shelf = Shelf.RIGHT_WITH_REMARKS if judged.shelf is Shelf.RIGHT else judged.shelf
    remarks = (*judged.remarks, remark)
    return replace(judged, remarks=remarks, shelf=shelf, automatic=False)


class _FinalJudgement:
    """The comparison of one formula with the asked quantity."""

    def __init__(self, answer: StudentAnswer, quantity: Asked, final: FinalFormula, unread: Judgement) -> None:
        self.answer = answer
        self.asked = quantity
        self.comparer = answer.comparer
        self.final = final
        self.unread = unread
        """The judgement on an answer that cannot be read, of which other judgements are changed copies."""

    def judged(self) -> Judgement:
        """Compare the formula with the asked quantity. Raise `Unread` or `TooMuch` if this is not possible."""
        name, comparer = self.asked.name, self.comparer
        if not self.final.member.is_read:
            raise Unread(*self.final.member.formula.data)
        formula, carried = self._resolved()
        if "/" in name:  # a derivative, which later answers may use
            self.answer.judged[name] = formula
        likeliest: Meaning | None = None
        """The first meaning that has a value. If no meaning is right, this one is judged."""
        for meaning in comparer.meanings(formula):
            likeliest = likeliest or meaning
            if not comparer.is_right(meaning, name):
                continue
            if meaning.summed and comparer.quantities.examples in symbols(meaning.formula):
                return self._with_other_value(comparer.averaged(meaning), carried)
            self._raise_if_redefined()
            return self._right(meaning, carried)
        # only now the transpose and the average: the right value under an unlikely meaning counts more
        for meaning in comparer.meanings(formula):
            if comparer.equals(meaning, name, turned=True):
                return self._right(meaning, carried, turned=True)
            if comparer.is_average(meaning, name):
                return self._with_other_value(meaning, carried)
        self._raise_if_incomplete(formula)
        if likeliest is None or likeliest.way.layout:
            return self._with_mismatched_shapes(formula)
        return self._with_other_value(likeliest, carried)

    def _resolved(self) -> tuple[Formula, frozenset[str]]:
        """Return the final formula with definitions substituted, and the names that were taken from earlier answers."""
        name, written = self.asked.name, self.final.member.formula
        formula, carried = self.answer.definitions.resolve(written, self.final.number, gradients=True)
        if name not in map(name_of, nodes(formula)):
            return formula, carried
        if name in map(name_of, nodes(written)):
            raise Unread(f"the formula contains {name} itself")
        return written, frozenset()  # a definition leads back to the asked quantity, so the formula stays as written

    # ── right formulas ───────────────────────────────────────────────────────────────────────────────

    def _right(self, meaning: Meaning, carried: frozenset[str], *, turned: bool = False) -> Judgement:
        """Return the judgement on a formula that has the right value. It gets automatic points only without remarks.

        Args:
            meaning: The interpretation under which the formula is right.
            carried: Names in the formula that earlier answers define.
            turned: True if the formula is the transpose of the asked quantity.
        """
        remaining = derivative_left_in(meaning.formula, self.answer.answered)
        if remaining:
            group = fingerprint(meaning.values, "not worked out")
            return replace(self.unread, words=f"Not worked out: it still contains {remaining}.", group=group)
        remarks = list(meaning.remarks)
        if turned:
            remarks.append("it is the transpose of what is asked for")
        remarks += self._remarks(meaning)
        derivative = derivative_left_in(meaning.formula, frozenset())  # one that may be left (`StudentAnswer.answered`)
        if carried:
            remarks.append(f"{', '.join(sorted(carried))} taken from an earlier answer")
        elif derivative:
            remarks.append(f"it contains {derivative}")
        unsimplified = self._unsimplified(meaning.formula)
        if unsimplified:
            remarks.append(unsimplified)
        comparison = Comparison.EQUAL
        if turned or meaning.way.layout:
            comparison = Comparison.TRANSPOSED
        elif carried or derivative or unsimplified:
            comparison = Comparison.UNSIMPLIFIED
        is_clear = not remarks and not self.answer.false_equalities
        return replace(
            self.unread,
            comparison=comparison,
            points=self.asked.points,
            words=f"Equal on {len(self.comparer.problems)} random problems.",
            remarks=tuple(dict.fromkeys(remarks)),
            shelf=Shelf.RIGHT if is_clear else Shelf.RIGHT_WITH_REMARKS,
            group=fingerprint(meaning.values, meaning.way.layout),
            automatic=is_clear and self._is_proven(meaning),
        )

    def _unsimplified(self, formula: Formula) -> str:
        """Return a remark if a right formula is not simplified; "" if it is, or need not be.

        A formula counts as simplified if it has no exponential, logarithm, derivative or fraction, and not many more
        names and numbers than the simplest form has (`Asked.leaves`).
        """
        if self.asked.leaves is None:
            return ""
        kinds = {node.kind for node in nodes(formula)}
        functions = {node.data[0] for node in nodes(formula) if node.kind == "applied"}
        # the name of a function's derivative ends with a prime, such as "sigmoid'"
        if functions & {"exp", "log"} or any(function.endswith("'") for function in functions):
            return "not simplified: it still has an exponential, a logarithm or a derivative in it"
        if "quotient" in kinds:
            return "not simplified: a fraction is left"
        if leaves(formula) > SIMPLE_FACTOR * self.asked.leaves:
            return "it can be written shorter"
        return ""

    def _remarks(self, meaning: Meaning) -> Iterator[str]:
        """Yield remarks for the marker on a right formula: what in the answer may change or contradict it."""
        answer, final = self.answer, self.final
        if final.remark:
            yield final.remark
        yield from self._interruption()
        yield from self._doubts(meaning)
        if meaning.negligible:
            yield "a term or a case of it makes no difference on the random problems"
        for number, statement in enumerate(answer.statements):
            head = statement.members[0]
            names_asked = (answer.is_named(member.formula, self.asked.name) for member in statement.members)
            if statement.relation and any(names_asked):
                yield f"a relation other than = at “{head.text}”"
            if number > final.number and self._may_contradict(statement, meaning):
                yield f"another formula stands behind it: {statement.members[-1].text}"
            if number == final.number + 1 and _may_be_a_factor(statement):
                yield f"“{head.text}” stands behind it, and may belong to it"

    def _doubts(self, meaning: Meaning) -> Iterator[str]:
        """Yield remarks on notation and struck-out parts that leave open what the student means."""
        answer, indices = self.answer, _indices(meaning.formula)
        if answer.redefined:
            yield f"{', '.join(sorted(answer.redefined))} may be defined as another function"
        if len(indices) > 1 and not meaning.elementwise:
            yield f"it has different indices: {', '.join(sorted(indices))}"
        if answer.reading.struck_out:
            yield "a part is struck out"

    def _interruption(self) -> Iterator[str]:
        """Yield a remark on each text that stands among the mathematics, or that may belong to the final formula."""
        texts = [interruption.text for interruption in self.answer.reading.interrupted]
        for text in texts:
            yield f"“{text}” stands among the mathematics"
        doubt = self.final.member.doubt
        if doubt and doubt not in texts and not doubt.startswith(","):  # a comma separates a remark from the formula
            yield f"“{doubt}” may belong to the formula"

    def _may_contradict(self, statement: FormulaChain, meaning: Meaning) -> bool:
        """Return whether a statement's last formula may contradict the right formula, for example if it has the same
        shape and another value."""
        last = statement.members[-1]
        if statement.is_equation and not self.answer.is_own(statement.members[0]):
            return False
        if not last.is_read:
            return statement.display
        if not is_compound(last.formula):
            return False
        try:
            formula = self.answer.definitions.resolve(last.formula, len(self.answer.statements))[0]
            last_meaning = next(self.comparer.meanings(formula), None)
        except Unread:  # cannot be compared, so any formula with a quantity of the question may contradict
            return not symbols(last.formula).isdisjoint(self.comparer.known)
        if last_meaning is None:
            return False
        for last_value, value in zip(last_meaning.values, meaning.values, strict=False):
            if last_value.shape == value.shape and not np.allclose(last_value, value):
                return True
        return False

    def _is_proven(self, meaning: Meaning) -> bool:
        """Return whether a right answer may get automatic points. It must have no words, every formula must be parsed,
        every equality must hold, and the asked quantity must have only one formula."""
        answer, statements, reading = self.answer, self.answer.statements, self.answer.reading
        if not reading.is_mathematics_alone or reading.own or not answer.is_plain:
            return False
        if meaning.elementwise or _indices(meaning.formula):
            return False
        if not all(side.is_read for side in answer.sides):
            return False
        for statement in statements:
            head, *values = statement.members
            if not statement.is_equality or any(map(answer.is_own, values)):
                return False
            if answer.is_own(head) and not self._is_used(statement):
                return False
        if any(len(statement.members) == 1 for statement in statements):
            if len(statements) > 1:
                return False
        elif not self._is_only_one():
            return False
        return all(self.comparer.holds_strictly(e.resolved_left, e.resolved_right) for e in answer.equalities())

    def _is_only_one(self) -> bool:
        """Return whether the final formula is the only one for the asked quantity, and begins with its name. Each later
        statement must define a name, or be about an asked quantity."""
        answer, number = self.answer, self.final.number
        if answer.statements_equating(self.asked) != [number]:
            return False
        head = answer.statements[number].members[0]
        if not answer.is_named(head.formula, self.asked.name):
            return False
        return all(map(self._may_follow, range(number + 1, len(answer.statements))))

    def _may_follow(self, number: int) -> bool:
        """Return whether statement `number`, after the final formula, defines a name or is about an asked quantity."""
        if self.answer.is_own(self.answer.statements[number].members[0]):
            return True
        return any(self.answer.equates(number, quantity.name) for quantity in self.answer.question.asked)

    def _is_used(self, definition: FormulaChain) -> bool:
        """Return whether another statement uses the name that a statement defines. A formula alone defines none."""
        if len(definition.members) == 1:
            return True
        name = definition.members[0].formula.name
        for statement in self.answer.statements:
            if statement is not definition and any(name in symbols(member.formula) for member in statement.members):
                return True
        return False

    # ── other values ─────────────────────────────────────────────────────────────────────────────────

    def _raise_if_redefined(self) -> None:
        """Raise `Unread` if the formula uses a given quantity or function to which the answer gives another value."""
        used = set(map(structure, nodes(self.final.member.formula)))
        for equality in self.answer.false_equalities:
            left_side, right_side = equality.left, equality.right
            is_given = left_side.formula.kind == "applied" or name_of(left_side.formula) in self.answer.given
            if is_given and structure(left_side.formula) in used:
                raise Unread(f"the answer sets {left_side.text} equal to {right_side.text}")

    def _raise_if_incomplete(self, formula: Formula) -> None:
        """Raise `Unread` if a wrong formula may be only a part of the formula that the student wrote."""
        answer, name, member, number = self.answer, self.asked.name, self.final.member, self.final.number
        if member.doubt:
            raise Unread(f"“{member.doubt}” may belong to the formula")
        head = answer.statements[number].members[0].formula
        if head.kind == "unread" and not answer.equates(number, name):
            raise Unread(f"the left side cannot be read: {head.data[0]}")
        if head.kind == "sum" and name in symbols(head):
            raise Unread(f"the left side is more than {name}")
        if occurs_outside_derivatives(answer.question.notation.loss, formula):
            raise Unread("the letter of the loss may stand for another quantity")
        for part in head.parts:  # of a derivative on the left side, such as ∂J/∂a_1
            if any(index.isdigit() for index in part.data[1:]):
                raise Unread("it is the formula of one element")
        if answer.has_conditions and len(answer.statements_equating(self.asked)) > 1:
            raise Unread("it is one of several cases")
        self._raise_if_indexed(formula)
        self._raise_if_followed(number)
        used = {*map(key_of, nodes(formula)), *map(key_of, nodes(member.formula))}
        unread_names = sorted(answer.unread_names() & used)
        if unread_names:
            raise Unread(f"{unread_names[0]} stands for a formula that cannot be read")

    def _raise_if_indexed(self, formula: Formula) -> None:
        """Raise `Unread` if a number has different indices, as in y_p − y: a number has no elements."""
        indices: dict[str, tuple[str, ...]] = {}
        values = self.comparer.problems[0].values
        for node in nodes(formula):
            name, indices_of_node = node.name, node.data[1:]
            if name not in values or values[name].ndim:
                continue
            if indices.setdefault(name, indices_of_node) != indices_of_node:
                raise Unread(f"{name} has different indices, and is a number")

    def _raise_if_followed(self, number: int) -> None:
        """Raise `Unread` if an equality without a name on its left side may be about the asked quantity, or may go on
        with the formula."""
        for n, statement in enumerate(self.answer.statements):
            if n == number or not statement.is_equation:
                continue
            head = statement.members[0]
            if head.formula.kind in ("symbol", "applied", "derivative"):
                continue
            is_next = n == number + 1 and not statement.words.strip(" ,;")
            if is_next or not self.final.says_so:
                raise Unread(f"{head.text} is set equal to another formula")

    def _with_other_value(self, meaning: Meaning, carried: frozenset[str]) -> Judgement:
        """Return the judgement on a formula with another value than the asked quantity. It names a known mistake if
        there is one, and gives both values on the first random problem as evidence.

        Args:
            meaning: The likeliest interpretation of the formula.
            carried: Names in the formula that earlier answers define. The formula may be right except for these.
        """
        problem, value = self.comparer.problems[0], meaning.values[0]
        truth = self.comparer.truth(self.asked.name, meaning.way.layout, 0)
        mistake = self.comparer.named_value(meaning, self.asked.name)
        if carried:
            own = Definitions(self.answer.definitions.own)  # with the true values of what earlier answers define
            formula, _ = own.resolve(self.final.member.formula, self.final.number)
            if self.comparer.right_meaning(formula, self.asked.name):
                mistake = "It is right but for what it takes from an earlier answer."
        if not mistake:
            mistake = f"It is {_a(value)}, and what is asked for is {_a(truth)}."
            if truth.shape == value.shape:
                mistake = "It has another value."
        return replace(
            self._differs(mistake),
            evidence=f"{problem.description} it gives {_numbers(value)}, and the true value is {_numbers(truth)}",
            remarks=(*meaning.remarks, *self._interruption()),
            group=fingerprint(self.comparer.on_all(meaning).values, meaning.way.layout),
        )

    def _differs(self, mistake: str) -> Judgement:
        """Return the judgement on a wrong formula. `mistake` is a sentence that says what is wrong."""
        shelf = Shelf.OTHER_VALUE
        if self._is_right_before():
            shelf = Shelf.RIGHT_NOT_LAST
            mistake = f"The right value stands before it, but not last. {mistake}"
        return replace(self.unread, comparison=Comparison.DIFFERS, words=mistake, mistake=mistake, shelf=shelf)

    def _with_mismatched_shapes(self, formula: Formula) -> Judgement:
        """Judge a formula whose shapes fit in no layout (convention for the shapes of arrays). Say whether added
        transpositions would make it right."""
        name, comparer = self.asked.name, self.comparer
        why = "The shapes do not fit"
        try:
            comparer.evaluated(formula, NotationInterpretation())
        except Mismatch as mismatch:
            written = self.final.member.formula
            usual = comparer.right_meaning(written, name) if formula is not written else None
            if usual and not derivative_left_in(usual.formula, self.answer.answered):
                raise  # a definition may be about another network
            why = f"The shapes do not fit: {mismatch.why}"
        mistake, group = f"{why}.", text_group(self.answer.text)
        try:
            loose = comparer.evaluated(formula, NotationInterpretation(loose=True))
        except Mismatch:
            head = self.answer.statements[self.final.number].members[0].formula
            if not any(part.data[1:] for part in head.parts):
                raise  # an index may number examples, unless the left side has element indices
        else:
            group = fingerprint(loose.values, "shapes do not fit")
            if comparer.equals(loose, name) or comparer.equals(loose, name, turned=True):
                mistake = f"{why}; with transpositions put in it is what is asked for."
        evidence = f"{comparer.problems[0].description}."
        return replace(self._differs(mistake), evidence=evidence, group=group)

    def _is_right_before(self) -> bool:
        """Return whether an earlier formula for the same quantity is right."""
        for number, member in self.final.earlier:
            formula = self.answer.definitions.resolve(member.formula, number, gradients=True)[0]
            is_worked_out = not derivative_left_in(formula, self.answer.answered)
            if is_worked_out and self.comparer.right_meaning(formula, self.asked.name):
                return True
        return False


def _indices(formula: Formula) -> set[str]:
    """Return the element indices of all names in a formula: {"i", "j"} for w_ij x_i."""
    indices = set[str]()
    for node in nodes(formula):
        if node.kind == "symbol":
            indices.update(node.data[1:])
    return indices


def _may_be_a_factor(statement: FormulaChain) -> bool:
    """Return whether a statement is only a name or a number directly behind another one, as 2 in `a \\quad 2`."""
    if len(statement.members) > 1 or statement.relation or statement.words:
        return False
    formula = statement.members[0].formula
    return formula.kind == "number" or name_of(formula) != ""


def unread_opinion(question: Question, text: str, words: str) -> Opinion:
    """Return an opinion without points on an answer that could not be read. `words` says why."""
    group = text_group(text)
    judgements = []
    for quantity in question.asked:
        judgements.append(Judgement(quantity.latex, Comparison.UNREAD, None, quantity.points, words, group=group))
    return Opinion(tuple(judgements))


def text_group(text: str) -> str:
    """Return the id of an unread answer's group: a hash of its text."""
    normal = unicodedata.normalize("NFC", text)
    return digest(" ".join(normal.split()))


def _a(array: Array) -> str:
    return f"an array of {shape(array)}" if array.ndim else "a number"


def _numbers(array: Array) -> str:
    numbers = [f"{number:.4g}" for number in array.ravel()[:6]]
    if not array.ndim:
        return numbers[0]
    if array.size > 6:
        numbers.append("…")
    return f"({', '.join(numbers)})"

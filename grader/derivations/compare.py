"""Evaluate a student's formula under its possible interpretations, and compare the values with known quantities."""

from __future__ import annotations

import hashlib
import itertools
import operator
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from grader.derivations.bounds import MAX_INTERPRETATIONS, Unread, WorkBudget
from grader.derivations.definitions import substitute
from grader.derivations.evaluate import (
    GROUPINGS,
    Evaluation,
    NotationInterpretation,
    has_dots,
    indices_of,
    is_ambiguous,
    same,
)
from grader.derivations.formula_tree import Formula, name_of, named, nodes, symbols
from grader.derivations.parser import TOTAL
from grader.derivations.question import Array, Question, SampleProblem

FIRST = 2
"""Number of random problems (random values of all quantities) on which a formula is evaluated first. The others are
used only if needed, for example to confirm that the formula is right."""
FINGERPRINTED = 3
"""Number of random problems whose values enter a formula's fingerprint."""
SUMS = "it sums over examples"
_NAME_IN_PROGRAMS = re.compile(r"[A-Za-z]{2,}(?:_[A-Za-z]{2,})+")
"""Matches a name such as learn_rate, unlike L_new, which is the name Lnew."""
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Meaning:
    """One interpretation of a formula, with its value on each problem."""

    formula: Formula
    way: NotationInterpretation
    values: tuple[Array, ...]
    remarks: tuple[str, ...] = ()
    elementwise: bool = False
    """True if the formula describes one element, such as the right side of δ_j = e w_j."""
    negligible: bool = False
    """True if the values do not depend on a part of the formula: a term is too small, or a case was never taken."""
    summed: bool = False
    """True if the formula sums over examples."""


class Comparer:
    """Compares formulas on the random problems of a question."""

    def __init__(self, question: Question, used: frozenset[str] = frozenset()) -> None:
        """Prepare comparisons for one answer.

        Args:
            question: The question.
            used: All names in the answer. They decide which `Notation.dialects` are tried.
        """
        self.question = question
        self.dialects = [dialect for dialect in question.notation.dialects if used & dialect.signs]
        self.quantities = question.quantities
        self.layouts = ("", *self.quantities.layouts)
        self.problems = self.quantities.problems
        self.known = frozenset(self.problems[0].values)
        self.budget = WorkBudget()
        self._truths: dict[tuple[str, str, int], Array] = {}

    def truth(self, name: str, layout: str, number: int) -> Array:
        """Return the right value of the quantity or derivative `name` on random problem `number`, with the shape that
        it has in `layout` (a convention for the shapes of arrays)."""
        key = (name, layout, number)
        if key not in self._truths:
            way = NotationInterpretation(layout=layout)
            evaluation = Evaluation(self.quantities, self.problems[number].values, way)
            self._truths[key] = evaluation.value(named(name))
        return self._truths[key]

    def _truths_of(self, meaning: Meaning, name: str) -> list[Array]:
        """Return the right value of the quantity `name` on each random problem of a meaning, in its layout."""
        return [self.truth(name, meaning.way.layout, number) for number in range(len(meaning.values))]

    # ── interpretations ──────────────────────────────────────────────────────────────────────────────

    def substitutions(self, formula: Formula) -> Iterator[tuple[Formula, tuple[str, ...]]]:
        """Yield (formula with its undefined names replaced, remarks) for each choice of their known meanings, the
        likeliest first. A remark is "g read as ∂J/∂a2". Yield nothing if a name has no known meaning."""
        used = symbols(formula)
        vocabularies: list[Mapping[str, str]] = [{}]
        for dialect in self.dialects:
            if used & dialect.names.keys():
                vocabularies.append(dialect.names)
        for vocabulary in vocabularies:
            translated = _renamed(formula, vocabulary)
            unknown = sorted(symbols(translated) - self.known)
            indexed = {node.name for node in nodes(translated) if node.kind == "symbol" and indices_of(node)}
            possible = [self._meanings_of(name, has_elements=name in indexed) for name in unknown]
            for chosen in itertools.islice(itertools.product(*possible), MAX_INTERPRETATIONS):
                self.budget.spend(len(unknown))
                new_names = dict(zip(unknown, chosen, strict=True))
                remarks = [f"{name} read as {usual}" for name, usual in vocabulary.items() if name in used]
                remarks += [f"{name} read as {meaning}" for name, meaning in new_names.items()]
                yield _renamed(translated, new_names), tuple(remarks)

    def _meanings_of(self, name: str, *, has_elements: bool) -> tuple[str, ...]:
        """Return the known meanings of an undefined name. If it `has_elements`, sizes are left out, and other numbers
        come last."""
        notation = self.question.notation
        variable = notation.variable
        if variable and name[0] == variable[0] and name[1:].isalpha():
            return (variable,)  # as in θ_old: the variable with a word as an index is its old value
        is_loss = name[0] in notation.loss_letters | notation.totals and len(name) > 1
        if notation.totals and is_loss and not _NAME_IN_PROGRAMS.fullmatch(name):  # as in L', L_grad, L_new or L_data
            if name.endswith(("'", "grad")):
                return (f"∂{notation.loss}/∂{variable}", TOTAL, notation.loss)
            return (TOTAL, notation.loss)
        meanings = notation.meanings.get(name, ())
        if not has_elements:
            return meanings
        values = self.problems[0].values
        numbers = {meaning for meaning in meanings if meaning in values and not values[meaning].ndim}
        arrays_first = sorted(meanings, key=numbers.__contains__)
        return tuple(meaning for meaning in arrays_first if meaning not in self.quantities.sizes)

    def interpretations(self, formula: Formula) -> Iterator[NotationInterpretation]:
        """Yield the combinations of product grouping and array layout to try for a formula, the likeliest first."""
        groupings = GROUPINGS if is_ambiguous(formula) else GROUPINGS[:1]
        for layout in self.layouts:
            for tighter in groupings:
                yield NotationInterpretation(tighter, layout)
        if has_dots(formula):
            for layout in self.layouts:
                yield NotationInterpretation(layout=layout, dotted=True)

    def meanings(self, formula: Formula) -> Iterator[Meaning]:
        """Evaluate a formula on the first random problems, and yield the results for each way to interpret its
        notation. Skip interpretations that have no value. Raise `Unread` if a name has no known meaning."""
        is_defined = False
        for substituted, remarks_on_names in self.substitutions(formula):
            for way in self.interpretations(substituted):
                is_defined = True
                try:
                    yield self._valued(substituted, way, (*remarks_on_names, *way.remarks))
                except Unread:
                    continue
        if not is_defined:
            undefined = symbols(formula) - self.known - self.question.notation.meanings.keys()
            names = ", ".join(sorted(undefined)[:3])
            raise Unread(f"{names or 'a name'} is not defined")

    def right_meaning(self, formula: Formula, name: str) -> Meaning | None:
        """Return the first interpretation of a formula that equals the quantity `name` and does not sum over
        examples."""
        try:
            for meaning in self.meanings(formula):
                if not meaning.summed and self.is_right(meaning, name):
                    return meaning
        except Unread:
            pass
        return None

    def _valued(
        self, formula: Formula, way: NotationInterpretation, remarks: tuple[str, ...] = (), count: int = FIRST
    ) -> Meaning:
        """Evaluate a formula on the first `count` random problems. Raise `Unread` if it has no finite value on one.

        Args:
            formula: The formula, with only known names.
            way: The interpretation of ambiguous notation.
            remarks: Remarks for the marker on this interpretation.
            count: Number of problems.
        """
        values = []
        averages = self.quantities.examples in symbols(formula)
        evaluation = Evaluation(self.quantities, {}, way, averages=averages, budget=self.budget)
        for problem in self.problems[:count]:
            evaluation = replace(evaluation, values=problem.values, cache={})
            value = evaluation.value(formula)
            values.append(value)
        if not all(np.isfinite(value).all() for value in values):
            raise Unread("the formula has no finite value on some random problems")
        elementwise = bool(evaluation.free(formula))
        summed = bool(evaluation.examples)
        if summed and SUMS not in remarks:
            remarks = (*remarks, SUMS)
        return Meaning(formula, way, tuple(values), remarks, elementwise, evaluation.hides_parts, summed)

    def on_all(self, meaning: Meaning) -> Meaning:
        """Return `meaning`, an interpretation of a formula, with the formula's values on all random problems."""
        return self._valued(meaning.formula, meaning.way, meaning.remarks, len(self.problems))

    def averaged(self, meaning: Meaning) -> Meaning:
        """Return `meaning`, an interpretation of a formula, for the formula divided by the number of examples."""
        share = Formula("quotient", (meaning.formula, named(self.quantities.examples)))
        return self._valued(share, meaning.way, meaning.remarks)

    def is_average(self, meaning: Meaning, name: str) -> bool:
        """Return whether a formula (as interpreted) equals the quantity `name` divided by the number of examples."""
        examples = self.quantities.examples
        if examples not in symbols(meaning.formula):
            return False
        multiple = Formula("product", (named(examples), meaning.formula), ("", ""))
        return self.is_right(self._valued(multiple, meaning.way), name)

    def evaluated(self, formula: Formula, way: NotationInterpretation) -> Meaning:
        """Evaluate a formula under the interpretation `way`, with the likeliest meanings of its names. Raise `Mismatch`
        if shapes do not fit."""
        substituted, remarks = next(self.substitutions(formula), (formula, ()))
        return self._valued(substituted, way, remarks)

    # ── comparisons ──────────────────────────────────────────────────────────────────────────────────

    def equals(self, meaning: Meaning, name: str, *, turned: bool = False) -> bool:
        """Return whether the values of a formula (as interpreted) equal the quantity `name`, or if `turned`, the
        transposed quantity."""
        for value, truth in zip(meaning.values, self._truths_of(meaning, name), strict=True):
            expected = truth.T if turned else truth
            if not _fits(value, expected, meaning.elementwise):
                return False
        return True

    def is_right(self, meaning: Meaning, name: str) -> bool:
        """Return whether a formula (as interpreted) equals the quantity `name` on all random problems."""
        return self.equals(meaning, name) and self.equals(self.on_all(meaning), name)

    def agree(self, first: Formula, second: Formula) -> bool | None:
        """Return whether two formulas are equal if ambiguous notation is read in their favour; None if they cannot be
        evaluated."""
        block = Formula("block", (first, second))
        is_evaluated = False
        for substituted, _ in self.substitutions(block):
            for way in self._equality_ways(substituted):
                self.budget.spend(5)
                try:
                    if all(self._agrees(substituted, way, problem) for problem in self.problems[:FIRST]):
                        return True
                except Unread:
                    continue
                is_evaluated = True
        return False if is_evaluated else None

    def _equality_ways(self, formula: Formula) -> Iterator[NotationInterpretation]:
        """Yield the interpretations under which an equality may hold. Its operands may also be transposed to fit."""
        yield from self.interpretations(formula)
        yield NotationInterpretation(loose=True)
        yield NotationInterpretation(GROUPINGS[2], loose=True)

    def _agrees(self, block: Formula, way: NotationInterpretation, problem: SampleProblem) -> bool:
        """Return whether the two formulas of a block are equal on a random problem. A vector also equals the diagonal
        matrix of its elements."""
        evaluation = Evaluation(self.quantities, problem.values, way, budget=self.budget)
        free = evaluation.free(block)
        first, second = (evaluation.value(part, free) for part in block.parts)
        if same(first, second) or same(first.T, second):
            return True
        return _is_diagonal(first, second) or _is_diagonal(second, first)

    def holds_strictly(self, first: Formula, second: Formula) -> bool:
        """Return whether two formulas are equal on all random problems, exactly as written: in the handout's layout,
        with the usual grouping of products, and without undefined names or sums over examples."""
        if symbols(first) - self.known or symbols(second) - self.known:
            return False
        try:
            usual, count = NotationInterpretation(), len(self.problems)
            first_meaning = self._valued(first, usual, count=count)
            second_meaning = self._valued(second, usual, count=count)
        except Unread:
            return False
        if first_meaning.summed or second_meaning.summed:
            return False  # all examples of a problem are equal here, so a sum over examples proves nothing
        return all(map(same, first_meaning.values, second_meaning.values))

    # ── names for other values ───────────────────────────────────────────────────────────────────────

    def named_value(self, meaning: Meaning, name: str) -> str:
        """Return a sentence that says what a wrong formula computes, such as "It is ∂J/∂h1."; "" if this is unknown.
        `name` is the asked quantity."""
        for phrase, named_values in self._named_values(meaning, name):
            pairs = zip(meaning.values, named_values, strict=True)
            if all(_fits(value, named_value, meaning.elementwise) for value, named_value in pairs):
                return f"It is {phrase}."
        return ""

    def _named_values(self, meaning: Meaning, name: str) -> Iterator[tuple[str, list[Array]]]:
        """Yield (phrase, values on the first random problems) for each common mistake and each other quantity. A phrase
        is, for example, "the transpose of what is asked for"."""
        problems = [problem.values for problem in self.problems[: len(meaning.values)]]
        truths = self._truths_of(meaning, name)
        for phrase, mistaken in self.quantities.others.items():
            yield phrase, [np.asarray(mistaken(values)) for values in problems]
        yield "the transpose of what is asked for", [truth.T for truth in truths]
        yield "what is asked with the opposite sign", [-truth for truth in truths]
        ratios = list(map(_ratio, meaning.values, truths))
        yield f"{ratios[0]:.4g} times what is asked", [ratios[0] * truth for truth in truths]
        for number in sorted(self.known):
            if problems[0][number].ndim:
                continue
            factors = [float(values[number]) for values in problems]
            if number == self.quantities.examples:
                yield "what is asked, averaged over examples", list(map(operator.truediv, truths, factors))
            yield f"what is asked times {shown(number)}", list(map(operator.mul, truths, factors))
        loss = self.question.notation.loss
        derivatives = [f"∂{loss}/∂{variable}" for variable in problems[0] if variable != loss]
        for quantity in (*derivatives, *problems[0]):
            try:
                quantity_values = self._truths_of(meaning, quantity)
            except Unread:
                continue
            if quantity_values[0].any():  # unlike a derivative that is always zero
                yield shown(quantity), quantity_values
                yield shown(quantity), [value.T for value in quantity_values]
        if truths[0].size > 1:  # any two numbers have a ratio
            yield "what is asked times another number", list(map(operator.mul, truths, ratios))


def _renamed(formula: Formula, names: Mapping[str, str]) -> Formula:
    """Replace names by the quantities or derivatives in `names`."""
    return substitute(formula, {name: named(usual) for name, usual in names.items()})


def _fits(value: Array, truth: Array, elementwise: bool) -> bool:
    """Return whether a value is right. If it was computed element by element, it may be transposed."""
    if same(value, truth):
        return True
    if not elementwise or value.size != truth.size:
        return False
    if same(value.T, truth):
        return True
    return 1 in value.shape and same(value.reshape(truth.shape), truth)


def _is_diagonal(matrix: Array, vector: Array) -> bool:
    """Return whether a matrix has the elements of a vector on its diagonal, and zeros elsewhere."""
    if matrix.shape != (vector.size, vector.size):
        return False
    return same(matrix, np.diag(vector.ravel()))


def _ratio(value: Array, truth: Array) -> float:
    """Return the factor r for which r · `truth` is closest to `value`; NaN if the shapes differ, or if r is 0."""
    square = float((truth * truth).sum())
    if value.shape != truth.shape or not square:
        return np.nan
    product = float((value * truth).sum())
    return product / square or np.nan


def shown(name: str) -> str:
    """Return a name with its layer as a superscript: "h⁽¹⁾" for "h1"."""
    return re.sub(r"[0-9](?=/|$)", lambda layer: f"⁽{layer[0].translate(_RAISED)}⁾", name)


def derivative_left_in(formula: Formula, answered: frozenset[str]) -> str:
    """Return the name of the first derivative in a formula, skipping the names in `answered`; "" if there is none."""
    for node in nodes(formula):
        if node.kind == "derivative" and name_of(node) not in answered:
            return shown(name_of(node)) or "a derivative"
    return ""


def fingerprint(values: Sequence[Array], tag: str) -> str:
    """Return a hash of `tag` and of a formula's values on the first random problems, rounded to seven digits."""
    parts = [tag]
    for value in values[:FINGERPRINTED]:
        numbers = []
        for number in value.astype(float).ravel():
            rounded = 0.0 if abs(number) < 1e-12 else number
            numbers.append(f"{rounded:.6e}")
        parts.append(f"{value.shape}:{','.join(numbers)}")
    return digest("|".join(parts))


def digest(text: str) -> str:
    """Return a hash of a text: twelve hexadecimal digits."""
    encoded = text.encode("utf-8", "surrogatepass")
    return hashlib.sha256(encoded).hexdigest()[:12]

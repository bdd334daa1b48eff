"""Evaluate a student's formula under its possible interpretations, and compare the values with known quantities."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from grader.derivations.bounds import MAX_INTERPRETATIONS, Unread, WorkBudget
from grader.derivations.definitions import substitute
from grader.derivations.evaluate import (
    GROUPINGS,
    NEGLIGIBLE,
    Evaluation,
    NotationInterpretation,
    has_dots,
    is_ambiguous,
    same,
)
from grader.derivations.formula_tree import Formula, name_of, named, nodes, symbols
from grader.derivations.parser import TOTAL
from grader.derivations.question import Array, Question

FIRST = 2
"""Number of random problems (random values of all quantities) on which a formula is evaluated first. The others are
used only if needed, for example to confirm that the formula is right."""
FINGERPRINTED = 3
"""Number of random problems whose values enter a formula's fingerprint."""


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
            self._truths[key] = Evaluation(self.quantities, self.problems[number].values, way).value(named(name))
        return self._truths[key]

    # ── interpretations ──────────────────────────────────────────────────────────────────────────────

    def substitutions(self, formula: Formula) -> Iterator[tuple[Formula, tuple[str, ...]]]:
        """Yield (formula with its undefined names replaced, remarks) for each choice of their known meanings, the
        likeliest first. A remark is "g read as ∂J/∂a2". Yield nothing if a name has no known meaning."""
        used = symbols(formula)
        for names in ({}, *(dialect.names for dialect in self.dialects if used & dialect.names.keys())):
            renamed = substitute(formula, {name: named(other) for name, other in names.items()})
            renamings = tuple(f"{name} read as {other}" for name, other in names.items() if name in used)
            unknown = sorted(symbols(renamed) - self.known)
            meanings = [self._meanings_of(name, has_elements=name in _with_elements(renamed)) for name in unknown]
            for chosen in itertools.islice(itertools.product(*meanings), MAX_INTERPRETATIONS):
                self.budget.spend(len(unknown))
                taken = dict(zip(unknown, chosen, strict=True))
                made = substitute(renamed, {name: named(meaning) for name, meaning in taken.items()})
                yield made, (*renamings, *(f"{name} read as {meaning}" for name, meaning in taken.items()))

    def _meanings_of(self, name: str, *, has_elements: bool = False) -> tuple[str, ...]:
        """Return the known meanings of an undefined name. If it `has_elements`, sizes are left out, and other numbers
        come last."""
        notation = self.question.notation
        if notation.variable and name[0] == notation.variable[0] and name[1:].isalpha():
            return (notation.variable,)  # as in θ_old: the variable with a word as an index is its old value
        program = re.fullmatch(r"[A-Za-z]{2,}(?:_[A-Za-z]{2,})+", name)  # as in learn_rate: L_new is the name Lnew
        if notation.totals and name[0] in notation.losses | notation.totals and len(name) > 1 and not program:
            slope = (f"∂{notation.loss}/∂{notation.variable}",) if name.endswith(("'", "grad")) else ()
            return (*slope, TOTAL, notation.loss)  # as in L', L_grad, L_new or L_data
        found = notation.meanings.get(name, ())
        if not has_elements:
            return found
        values = self.problems[0].values
        arrays_first = sorted(found, key=lambda one: one in values and not values[one].ndim)
        return tuple(one for one in arrays_first if one not in self.quantities.sizes)

    def interpretations(self, formula: Formula) -> Iterator[NotationInterpretation]:
        """Yield the combinations of product grouping and array layout to try for a formula, the likeliest first."""
        groupings = GROUPINGS if is_ambiguous(formula) else GROUPINGS[:1]
        for layout in self.layouts:
            for tighter in groupings:
                yield NotationInterpretation(tighter, layout)
        for layout in self.layouts if has_dots(formula) else ():
            yield NotationInterpretation(layout=layout, dotted=True)

    def meanings(self, formula: Formula) -> Iterator[Meaning]:
        """Evaluate a formula on the first random problems, and yield the results for each way to interpret its
        notation. Skip interpretations that have no value. Raise `Unread` if a name has no known meaning."""
        undefined = symbols(formula) - self.known
        tried = False
        for made, remarks_on_names in self.substitutions(formula):
            for way in self.interpretations(made):
                tried = True
                try:
                    yield self._valued(made, way, (*remarks_on_names, *way.remarks))
                except Unread:
                    continue
        if not tried:
            names = ", ".join(sorted(name for name in undefined if name not in self.question.notation.meanings)[:3])
            raise Unread(f"{names or 'a name'} is not defined")

    def right_meaning(self, formula: Formula, name: str) -> Meaning | None:
        """Return the first interpretation of a formula that equals the quantity `name` and does not sum over
        examples."""
        try:
            right = (m for m in self.meanings(formula) if not m.summed and self.is_right(m, name))
            return next(right, None)
        except Unread:
            return None

    def _valued(
        self, formula: Formula, way: NotationInterpretation, remarks: tuple[str, ...] = (), count: int = FIRST
    ) -> Meaning:
        values: list[Array] = []
        averages = self.quantities.examples in symbols(formula)
        at = Evaluation(self.quantities, {}, way, averages=averages, budget=self.budget)
        for problem in self.problems[:count]:
            at = replace(at, values=problem.values, cache={})
            values.append(at.value(formula))
        if not all(np.isfinite(value).all() for value in values):
            raise Unread("the formula has no finite value on some random problems")
        hidden = any(share < NEGLIGIBLE for share in at.negligible.values()) or bool(at.unused - at.used)
        summed = bool(at.examples)
        if summed:
            remarks = tuple(dict.fromkeys((*remarks, "it sums over examples")))
        return Meaning(formula, way, tuple(values), remarks, bool(at.free(formula)), hidden, summed)

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
        whole = Formula("product", (named(examples), meaning.formula), ("", ""))
        return self.is_right(self._valued(whole, meaning.way), name)

    def evaluated(self, formula: Formula, way: NotationInterpretation) -> Meaning:
        """Evaluate a formula under the interpretation `way`, with the likeliest meanings of its names. Raise `Mismatch`
        if shapes do not fit."""
        made, remarks = next(self.substitutions(formula), (formula, ()))
        return self._valued(made, way, remarks)

    # ── comparisons ──────────────────────────────────────────────────────────────────────────────────

    def equals(self, meaning: Meaning, name: str, *, turned: bool = False, factor: float = 1.0) -> bool:
        """Return whether the values of a formula (as interpreted) equal `factor` times the quantity `name`. If
        `turned`, compare with the transposed quantity."""
        for number, value in enumerate(meaning.values):
            truth = self.truth(name, meaning.way.layout, number)
            if not self._fits(value, factor * (truth.T if turned else truth), meaning.elementwise):
                return False
        return True

    @staticmethod
    def _fits(value: Array, truth: Array, elementwise: bool) -> bool:
        if same(value, truth):
            return True
        return (
            elementwise
            and value.size == truth.size
            and (same(value.T, truth) or (1 in value.shape and same(value.reshape(truth.shape), truth)))
        )

    def is_right(self, meaning: Meaning, name: str) -> bool:
        """Return whether a formula (as interpreted) equals the quantity `name` on all random problems."""
        return self.equals(meaning, name) and self.equals(self.on_all(meaning), name)

    def agree(self, one: Formula, other: Formula) -> bool | None:
        """Return whether two formulas are equal if ambiguous notation is read in their favour; None if they cannot be
        evaluated."""
        both = Formula("block", (one, other), ("2",))
        evaluated = False
        for made, _ in self.substitutions(both):
            for way in self._equality_ways(made):
                self.budget.spend(5)
                try:
                    if all(self._agrees(made.parts, way, number) for number in range(FIRST)):
                        return True
                except Unread:
                    continue
                evaluated = True
        return False if evaluated else None

    def _equality_ways(self, formula: Formula) -> Iterator[NotationInterpretation]:
        yield from self.interpretations(formula)
        yield NotationInterpretation(loose=True)
        yield NotationInterpretation(GROUPINGS[2], loose=True)

    def _agrees(self, parts: Sequence[Formula], way: NotationInterpretation, number: int) -> bool:
        at = Evaluation(self.quantities, self.problems[number].values, way, budget=self.budget)
        free = at.free(Formula("block", tuple(parts), ("2",)))
        a, b = (at.value(part, free) for part in parts)
        if same(a, b) or same(a.T, b):
            return True
        return any(
            m.ndim and m.shape[0] == m.shape[1] == v.size and same(np.diag(v.ravel()), m) for v, m in ((a, b), (b, a))
        )

    def holds_strictly(self, one: Formula, other: Formula) -> bool:
        """Return whether two formulas are equal on all random problems, exactly as written: in the handout's layout,
        with the usual grouping of products, and without undefined names or sums over examples."""
        if (symbols(one) | symbols(other)) - self.known:
            return False
        try:
            a, b = (self._valued(part, NotationInterpretation(), count=len(self.problems)) for part in (one, other))
        except Unread:
            return False
        # all examples of a problem are equal here, so a sum over examples proves nothing
        return not a.summed and not b.summed and all(map(same, a.values, b.values))

    # ── names for other values ───────────────────────────────────────────────────────────────────────

    def named_value(self, meaning: Meaning, name: str) -> str:
        """Return a sentence that says what a wrong formula computes, such as "It is ∂J/∂h1."; "" if this is unknown.
        `name` is the asked quantity."""
        for phrase, known in self._named_values(meaning, name):
            pairs = zip(meaning.values, known, strict=True)
            if all(self._fits(value, other, meaning.elementwise) for value, other in pairs):
                return f"It is {phrase}."
        return ""

    def _named_values(self, meaning: Meaning, name: str) -> Iterator[tuple[str, list[Array]]]:
        """Yield (phrase, values on the first random problems) for each common mistake and each other quantity. A phrase
        is, for example, "the transpose of what is asked for"."""
        given = [problem.values for problem in self.problems[: len(meaning.values)]]
        truths = [self.truth(name, meaning.way.layout, number) for number in range(len(given))]
        for phrase, mistaken in self.quantities.others.items():
            yield phrase, [np.asarray(mistaken(values)) for values in given]
        yield "the transpose of what is asked for", [truth.T for truth in truths]
        yield "what is asked with the opposite sign", [-truth for truth in truths]
        ratios = [_ratio(value, truth) for value, truth in zip(meaning.values, truths, strict=True)]
        yield f"{ratios[0]:.4g} times what is asked", [ratios[0] * truth for truth in truths]
        for known in sorted(self.known):
            if not given[0][known].ndim:
                factors = [float(values[known]) for values in given]
                if known == self.quantities.examples:
                    yield "what is asked, averaged over examples", [b / n for b, n in zip(truths, factors, strict=True)]
                yield f"what is asked times {shown(known)}", [b * n for b, n in zip(truths, factors, strict=True)]
        loss = self.question.notation.loss
        for known in (*(f"∂{loss}/∂{other}" for other in given[0] if other != loss), *given[0]):
            try:
                values = [self.truth(known, meaning.way.layout, number) for number in range(len(given))]
            except Unread:
                continue
            if values[0].any():  # unlike a derivative that is always zero
                yield shown(known), values
                yield shown(known), [value.T for value in values]
        if truths[0].size > 1:  # any two numbers have a ratio
            yield "what is asked times another number", [r * b for r, b in zip(ratios, truths, strict=True)]


def _with_elements(formula: Formula) -> set[str]:
    """Return the names that have an element index in a formula, such as "w" in w_j."""
    return {
        node.name for node in nodes(formula)
        if node.kind == "symbol" and any(not index.startswith("(") for index in node.data[1:])
    }  # fmt: skip


def _ratio(value: Array, truth: Array) -> float:
    """Return the factor r for which r · `truth` is closest to `value`; NaN if the shapes differ, or if r is 0."""
    square = float((truth * truth).sum())
    if value.shape != truth.shape or not square:
        return np.nan
    return float((value * truth).sum()) / square or np.nan


def shown(name: str) -> str:
    """Return a name with its layer as a superscript: "h⁽¹⁾" for "h1"."""
    raised = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
    return re.sub(r"[0-9](?=/|$)", lambda layer: f"⁽{layer[0].translate(raised)}⁾", name)


def derivative_left_in(formula: Formula, answered: frozenset[str]) -> str:
    """Return the name of the first derivative in a formula, skipping the names in `answered`; "" if there is none."""
    for node in nodes(formula):
        if node.kind == "derivative" and name_of(node) not in answered:
            return shown(name_of(node)) or "a derivative"
    return ""


def fingerprint(values: Sequence[Array], tag: str = "") -> str:
    """Return a hash of `tag` and of a formula's values on the first random problems, rounded to seven digits."""
    parts = [tag]
    for value in values[:FINGERPRINTED]:
        rounded = (f"{0.0 if abs(x) < 1e-12 else float(x):.6e}" for x in np.asarray(value, dtype=float).ravel())
        parts.append(f"{value.shape}:{','.join(rounded)}")
    return digest("|".join(parts))


def digest(text: str) -> str:
    """Return a hash of a text: twelve hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]

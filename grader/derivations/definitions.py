"""The names that students define, and their substitution in formulas."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter

from grader.derivations.evaluate import unknown_functions
from grader.derivations.formulas import (
    Formula,
    derivative,
    is_example,
    key_of,
    name_of,
    nodes,
    number,
    rebuilt,
    symbol,
    symbols,
)
from grader.derivations.question import Notation
from grader.derivations.statements import FormulaChain

MAX_NESTING = 5
"""Largest depth of definitions that use other definitions."""


@dataclass(frozen=True)
class Definitions:
    """The names that one answer and the earlier answers define."""

    own: tuple[tuple[int, str, Formula], ...]
    """(index of the statement, name, formula) of each definition in this answer."""
    earlier: Mapping[str, Formula] = field(default_factory=dict)
    """Name → formula of each definition in earlier answers."""
    by_unknown_functions: tuple[tuple[int, str, Formula], ...] = ()
    """Like `own`, for derivatives that are set equal to formulas with unknown functions."""

    def resolve(self, formula: Formula, number: int, *, gradients: bool = False) -> tuple[Formula, frozenset[str]]:
        """Substitute definitions in a formula. Return the new formula, and the substituted names that earlier answers
        define.

        Args:
            formula: The formula.
            number: Index of the statement that contains the formula. If a name is defined several times, its last
                definition before this statement is used, or else the first one after it.
            gradients: Also replace derivatives such as ∂J/∂a2 by the formulas that the student gave for them.
        """
        carried: set[str] = set()
        return self._resolved(formula, number, gradients, carried, MAX_NESTING), frozenset(carried)

    def _resolved(self, formula: Formula, number: int, gradients: bool, carried: set[str], rounds: int) -> Formula:
        names = symbols(formula)
        if gradients:
            names = names | {key_of(node) for node in nodes(formula) if node.kind == "derivative"}
        known: dict[str, Formula] = {}
        for name in names if rounds else ():
            if (found := self._of(name, number)) is not None:
                known[name] = self._resolved(found[1], found[0], gradients, carried, rounds - 1)
            elif name in self.earlier:
                carried.add(name)
                known[name] = self.earlier[name]
        return substitute(formula, known) if known else formula

    def _of(self, name: str, number: int) -> tuple[int, Formula] | None:
        """Return (index of the statement, formula) of the last definition of `name` before statement `number`. If there
        is none, return the first later one, or None."""
        known = [(n, made) for n, defined, made in self.own if defined == name]
        before = [one for one in known if one[0] < number]
        after = [one for one in known if one[0] > number and name not in symbols(one[1])]
        return next(iter(before[-1:] or after), None)

    def without(self, names: Container[str]) -> Definitions:
        """Return the definitions without those of `names`. These names then have their usual values."""
        return replace(self, own=tuple(one for one in self.own if one[1] not in names))

    @property
    def with_unknown_functions(self) -> Definitions:
        """The definitions, with those by unknown functions."""
        return replace(self, own=tuple(sorted((*self.own, *self.by_unknown_functions), key=itemgetter(0))))

    @property
    def last(self) -> dict[str, Formula]:
        """Name → last definition in this answer or the earlier ones. In it, all other definitions are substituted."""
        found = {name: self.resolve(made, number, gradients=True)[0] for number, name, made in self.own}
        return {**self.earlier, **found}


def substitute(formula: Formula, known: Mapping[str, Formula]) -> Formula:
    """Replace the names in a formula by their formulas in `known`: x in ∂J/∂x only if its formula is a name."""

    def change(node: Formula) -> Formula | None:
        if node.kind == "derivative":
            if (key := key_of(node)) in known:
                elements = node.parts[1].data[1:]
                return Formula("element", (known[key],), elements) if elements else known[key]
            of, by = node.parts
            new = known.get(by.name)
            renamed = symbol(new.name, *by.data[1:]) if new is not None and new.kind == "symbol" else by
            return derivative(rebuilt(of, change), renamed)
        if node.kind == "symbol" and node.name in known:
            new = known[node.name]
            return Formula("element", (new,), node.data[1:]) if node.data[1:] else new
        return None

    return rebuilt(formula, change)


def definitions(
    statements: Sequence[FormulaChain],
    known: frozenset[str],
    earlier: Mapping[str, Formula],
    notation: Notation,
) -> Definitions:
    """Return the definitions in an answer: equalities with an unknown name as one member, such as `e = h2 − y`.

    Args:
        statements: The statements of the answer.
        known: Names of quantities, which an answer cannot redefine.
        earlier: Definitions from earlier answers.
        notation: The notation of the course.
    """
    own: list[tuple[int, tuple[bool, bool], str, Formula]] = []
    unknown: list[tuple[int, str, Formula]] = []
    derivatives: dict[str, set[str]] = {}
    for place, statement in enumerate(statements):
        if not statement.is_equality:
            continue
        read = [member.formula for member in statement.members if member.is_read]
        for made in read:
            name = key_of(made)
            elements = _elements(made)
            if not name or name in known or elements is None or (name in earlier and made is not read[0]):
                continue
            others = _without_examples([other for other in read if name_of(other) != name])
            if made is read[0]:
                derivatives.setdefault(name, set()).update(name_of(o) for o in others if o.kind == "derivative")
            if others:
                best = _best(others)
                if best.kind == "derivative" and made is not read[0] and name in notation.meanings:
                    continue  # as in ∂a/∂h = W, which does not define W
                if not _may_be_defined(name, best, notation) or _is_another_loss(made, best, notation):
                    continue
                if "/" in name and unknown_functions(best):
                    unknown.append((place, name, _of_all(best, elements)))
                    continue  # the usual value is used instead
                # formulas without derivatives win, then statements that begin with the name
                rank = _has_derivative(best), made is not read[0]
                own.append((place, rank, name, _of_all(best, elements)))
    ranks = {name: min(rank for _, rank, other, _ in own if other == name) for _, _, name, _ in own}
    again = {name for name, those in derivatives.items() if len(those - {""}) > 1}  # assigned again, like g
    kept = ((n, name, made) for n, rank, name, made in own if rank == ranks[name] or name in again)
    return Definitions(tuple(kept), earlier, tuple(unknown))


def _elements(made: Formula) -> tuple[str, ...] | None:
    """Return the indices of a name or derivative: ("j",) for δ_j, () for δ. Return None if the indices contain two
    letters, as in w_ij, or only digits."""
    if made.kind == "element" or (made.kind == "derivative" and made.parts[0].data[1:]):
        return None
    elements = made.parts[1].data[1:] if made.kind == "derivative" else made.data[1:]
    free = [index for index in elements if index.isalpha()]
    return elements if len(free) == (1 if elements else 0) else None


def _of_all(formula: Formula, elements: tuple[str, ...]) -> Formula:
    """Turn the formula of one element into that of the whole array. For δ_j = e w_j, `formula` is e w_j and `elements`
    is ("j",). Return `formula` unchanged if `elements` is empty.

    Args:
        formula: The right side of an equality such as δ_j = e w_j.
        elements: The indices on the left side, here ("j",). Without indices, `formula` is returned unchanged."""
    if not elements:
        return formula
    index = next(filter(str.isalpha, elements))
    return Formula("spread", (formula,), (index, "row" if elements[0] != index else "column"))


def _without_examples(others: list[Formula]) -> list[Formula]:
    """Leave out numbers of an example if another formula is worked out: return [a − y] for [a − y, −0.4]."""
    worked_out = any(symbols(other) and not _has_derivative(other) for other in others)
    return [other for other in others if not is_example(other)] if worked_out else others


def _may_be_defined(name: str, formula: Formula, notation: Notation) -> bool:
    """Return whether an equality of a name and a formula defines the name. It does not if both are names and one is a
    derivative, or if a gradient is only an example with numbers."""
    if "/" in name and name_of(formula):
        return False  # the true value of the derivative is used instead
    gradient = any(one.startswith(f"∂{notation.loss}/") for one in (name, *notation.meanings.get(name, ())))
    return not (gradient and is_example(formula))  # as in δ = 0.6 − 1


def _is_another_loss(left: Formula, right: Formula, notation: Notation) -> bool:
    """Return whether L' is a loss and no derivative, as in L'(θ) = L(θ) + λ‖θ‖."""
    outside = rebuilt(right, lambda node: number(0) if node.kind == "derivative" else None)
    return left.data == ("prime",) and notation.loss in symbols(outside)


def _has_derivative(formula: Formula) -> bool:
    return any(node.kind == "derivative" for node in nodes(formula))


def _best(others: Sequence[Formula]) -> Formula:
    """Return the last formula that is more than a name. If all are names, return the last one."""
    formulas = [other for other in others if not name_of(other)]
    return (formulas or list(others))[-1]

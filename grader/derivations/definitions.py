"""The names that students define, and their substitution in formulas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from grader.derivations.equations import FormulaChain
from grader.derivations.formula_tree import (
    Formula,
    derivative,
    is_example,
    key_of,
    name_of,
    nodes,
    rebuilt,
    symbol,
    symbols,
)
from grader.derivations.question import Notation

MAX_NESTING = 5
"""Largest depth of definitions that use other definitions."""


@dataclass(frozen=True)
class Definition:
    """An equality that defines a name, such as `e = h2 − y`."""

    number: int
    """Index of the statement."""
    name: str
    formula: Formula
    rank: tuple[bool, bool]
    """A key by which the best definition of a name is the smallest: (the formula has a derivative, the statement does
    not begin with the name)."""


@dataclass(frozen=True)
class Definitions:
    """The names that one answer and the earlier answers define."""

    own: tuple[Definition, ...]
    """The definitions in this answer."""
    earlier: Mapping[str, Formula] = field(default_factory=dict)
    """Name → formula of each definition in earlier answers."""

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
        resolved = self._resolved(formula, number, gradients, carried, MAX_NESTING)
        return resolved, frozenset(carried)

    def _resolved(self, formula: Formula, number: int, gradients: bool, carried: set[str], levels: int) -> Formula:
        """Substitute definitions in a formula, and in the definitions themselves, up to `levels` deep. Add the names
        that earlier answers define to `carried`. For the other arguments, see `resolve`."""
        if not levels:
            return formula
        names = symbols(formula)
        if gradients:
            names |= {key_of(node) for node in nodes(formula) if node.kind == "derivative"}
        values = {}
        for name in names:
            definition = self._of(name, number)
            if definition is not None:
                values[name] = self._resolved(definition.formula, definition.number, gradients, carried, levels - 1)
            elif name in self.earlier:
                carried.add(name)
                values[name] = self.earlier[name]
        return substitute(formula, values)

    def _of(self, name: str, number: int) -> Definition | None:
        """Return the last definition of `name` before statement `number`. If there is none, return the first later one,
        or None."""
        result = None
        for definition in self.own:
            if definition.name != name:
                continue
            if definition.number < number:
                result = definition
            elif result is None and definition.number > number and name not in symbols(definition.formula):
                return definition
        return result

    @property
    def last(self) -> dict[str, Formula]:
        """Name → last definition in this answer or the earlier ones. In it, all other definitions are substituted."""
        formulas = dict(self.earlier)
        for definition in self.own:
            formulas[definition.name] = self.resolve(definition.formula, definition.number, gradients=True)[0]
        return formulas


def substitute(formula: Formula, values: Mapping[str, Formula]) -> Formula:
    """Replace the names and derivatives in a formula by their formulas in `values`.

    Element indices are kept: e_j becomes element j of the formula for e. The variable x of a derivative ∂J/∂x is
    replaced only if its formula is another name, because nothing can be differentiated by a longer formula.

    Args:
        formula: The formula.
        values: Key of a name or derivative (`key_of`), such as "e" or "∂J/∂h1" → its formula.
    """

    def change(node: Formula) -> Formula | None:
        """Return the new node for a name or derivative; None for other nodes, whose parts are then changed."""
        key = key_of(node)
        if node.kind == "symbol" and key in values:
            return _with_index(values[key], node.data[1:])
        if node.kind != "derivative":
            return None
        function, variable = node.parts
        if key in values:
            return _with_index(values[key], variable.data[1:])
        new_variable = values.get(variable.name, variable)
        if new_variable.kind == "symbol":
            variable = symbol(new_variable.name, *variable.data[1:])
        return derivative(rebuilt(function, change), variable)

    if not values:
        return formula
    return rebuilt(formula, change)


def _with_index(formula: Formula, elements: tuple[str, ...]) -> Formula:
    """Return the element of a formula with these indices; the formula itself without indices."""
    if not elements:
        return formula
    return Formula("element", (formula,), elements)


def definitions(
    statements: Sequence[FormulaChain],
    quantities: frozenset[str],
    earlier: Mapping[str, Formula],
    notation: Notation,
) -> Definitions:
    """Return the definitions in an answer: equalities with an unknown name as one member, such as `e = h2 − y`.

    Args:
        statements: The statements of the answer.
        quantities: Names of quantities, which an answer cannot redefine.
        earlier: Definitions from earlier answers.
        notation: The notation of the course.
    """
    own = []
    for number, statement in enumerate(statements):
        if not statement.is_equality:
            continue
        formulas = [member.formula for member in statement.members if member.is_read]
        for named in formulas:
            name = key_of(named)
            is_first = named is formulas[0]
            values = [formula for formula in formulas if name_of(formula) != name]
            if not values or not name or name in quantities or _has_index(named):
                continue
            if name in earlier and not is_first:
                continue
            value = _most_explicit(values)
            is_derivative = value.kind == "derivative"
            if is_derivative and not is_first and name in notation.meanings:
                continue  # as in ∂a/∂h = W, which does not define W
            if "/" in name and name_of(value):
                continue  # the true value of the derivative is used instead
            has_derivative = any(node.kind == "derivative" for node in nodes(value))
            own.append(Definition(number, name, value, (has_derivative, not is_first)))
    return Definitions(_best(own), earlier)


def _best(own: Sequence[Definition]) -> tuple[Definition, ...]:
    """Return the best definitions of each name."""
    ranks: dict[str, tuple[bool, bool]] = {}
    for definition in own:
        rank = ranks.get(definition.name, definition.rank)
        ranks[definition.name] = min(rank, definition.rank)
    return tuple(definition for definition in own if definition.rank == ranks[definition.name])


def _has_index(named: Formula) -> bool:
    """Return whether a name or derivative has element indices, as in δ_j, which defines no whole array."""
    if named.kind == "element":
        return True
    names = named.parts if named.kind == "derivative" else (named,)
    return any(name.data[1:] for name in names if name.kind == "symbol")


def _most_explicit(formulas: Sequence[Formula]) -> Formula:
    """Return the last formula that is more than a name or an example with numbers; the last one if there is none."""
    for formula in reversed(formulas):
        if not name_of(formula) and not is_example(formula):
            return formula
    return formulas[-1]

"""A parsed answer: the names that it defines, its final formula for each asked quantity, and its false equalities."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

from grader.derivations.bounds import TooMuch, Unread, WorkBudget
from grader.derivations.compare import Comparer, derivative_left_in
from grader.derivations.definitions import definitions, substitute
from grader.derivations.equations import EquationSide, FormulaChain, Reading, read
from grader.derivations.evaluate import FUNCTIONS, unknown_functions
from grader.derivations.formula_tree import (
    Formula,
    derivative,
    is_example,
    key_of,
    leaves,
    name_of,
    nodes,
    symbol,
    symbols,
)
from grader.derivations.lexer import WORD_LETTERS
from grader.derivations.parser import BAR
from grader.derivations.question import Asked, Notation, Question
from grader.model import FalseEquality

_NUMBERS = re.compile(r"(?=.*\d\.\d)(?:[\W\d_](?<!\\)|\\[^A-Za-z]|\\(?:times|cdot|left|right)(?![A-Za-z]))*")
"""Matches numbers with decimals that could not be parsed, such as "[0.5, 0.6]"."""
_DEF = re.compile(r"(?m)(?:\bdef[ \t]+(?=\w+\()|^[ \t]*(?=\w+[ \t]*=[ \t]*lambda\b))(\w+)")
"""Matches the definition of a function in a program."""
_CONDITIONS = frozenset({"<", ">", "<=", ">="})


@dataclass(frozen=True)
class Context:
    """Definitions, names and asked quantities of a student's earlier answers, used to parse the later ones."""

    definitions: Mapping[str, Formula] = field(default_factory=dict)
    notation: Notation | None = None
    answered: frozenset[str] = frozenset()
    """Names of the quantities that earlier questions asked for, such as "∂J/∂a2"."""
    names: frozenset[str] = frozenset()
    """All names in the formulas of earlier answers, such as "h1"."""
    own: Mapping[str, str] = field(default_factory=dict)
    """Word that an earlier answer uses as a name → its LaTeX: {"err": "\\mathrm{err}"}."""
    redefined: frozenset[str] = frozenset()
    """Names of known functions to which earlier answers give other values."""


NO_CONTEXT = Context()


@dataclass(frozen=True)
class FinalFormula:
    """The formula in an answer that is compared with an asked quantity: normally the last one for this quantity."""

    member: EquationSide
    number: int
    """Index of the formula's statement in `StudentAnswer.statements`."""
    earlier: tuple[tuple[int, EquationSide], ...] = ()
    """Earlier formulas for the same quantity, each as (index of the statement, formula)."""
    remark: str = ""
    says_so: bool = True
    """False if the answer does not say that this is what is asked for."""


class StudentAnswer:
    """A parsed answer to one question."""

    def __init__(self, question: Question, text: str, context: Context) -> None:
        """Parse an answer.

        Args:
            question: The question.
            text: The answer as written.
            context: Definitions and names from earlier answers.

        Raises:
            Unread: If the answer is too long, or has too many formulas.
        """
        self.question = question
        self.text = text
        self.context = context
        self.reading = read(text, question.notation, context.own)
        functions = _functions(self.reading, question)
        if functions:
            notation = replace(question.notation, functions={**question.notation.functions, **functions})
            self.reading = read(text, notation, context.own)
        self.statements = tuple(self.reading.statements)
        self.redefined = context.redefined | (_redefined(self.reading, text, question) - functions.keys())
        """Names of known functions to which this answer or an earlier one gives other values, as sign(x) = x does."""
        self.used = frozenset(name for side in self.sides for name in symbols(side.formula))
        """All names in the answer's formulas."""
        self.comparer = Comparer(question, self.used | context.names)
        self.known = self.comparer.known
        self.given = (self.known - question.quantities.sizes) | question.notation.same.keys()
        """Names of what the question gives, which an answer cannot redefine."""
        self.definitions = definitions(self.statements, self.given, context.definitions, question.notation)
        self.conditional = frozenset(self._conditional())
        """Indices of the statements about a special case: in "for λ = 0, J = c", both λ = 0 and J = c."""
        self.false_sides = tuple(self._false_equalities())
        self.false = tuple(FalseEquality(right.line, left.text, right.text) for left, right in self.false_sides)
        self.judged: dict[str, Formula] = {}
        """Asked derivative → the formula that was compared with it."""

    @property
    def sides(self) -> Iterator[EquationSide]:
        """All members of all statements."""
        return (side for statement in self.statements for side in statement.members)

    @cached_property
    def names_of_sides(self) -> frozenset[str]:
        """Names of the members that are only a name, such as "∂J/∂a2" or "δ"."""
        return frozenset(name_of(side.formula) for side in self.sides)

    @property
    def answered(self) -> frozenset[str]:
        """Names of the derivatives that may be left in a final formula: those that earlier questions ask for, and the
        keys of `Notation.same`."""
        return self.context.answered | self.question.notation.same.keys()

    # ── names ────────────────────────────────────────────────────────────────────────────────────────

    def equates(self, number: int, name: str, *, of_an_example: bool = False) -> bool:
        """Return whether statement `number` is an equality with the quantity `name` as one side. The student's own name
        for this quantity counts too, and with `of_an_example` the quantity of one example, such as ∂J/∂a⁽ⁱ⁾."""
        statement = self.statements[number]
        if not statement.is_equation:
            return False
        own = (self._derivatives(name, number).get(m.formula.name) for m in statement.members)
        named = (self.is_named(m.formula, name, of_an_example=of_an_example) for m in statement.members)
        return any(named) or {name} in own

    def is_named(self, formula: Formula, name: str, *, of_an_example: bool = False) -> bool:
        """Return whether a formula is only a name of the quantity `name`, in any known notation. For "∂J/∂a1", this may
        be ∂J/∂z1 if a dialect writes z1 for a1, or a1 with a bar (an adjoint), unless the answer has ∂J/∂a1 too."""
        indices = [index for part in formula.parts for index in part.data[1:] if index.startswith("(")]
        if indices and (not of_an_example or "(l)" in indices):  # (l) is any layer
            return False
        found = name_of(formula)
        letters = unicodedata.normalize("NFD", found)
        has_usual_name = name in self.names_of_sides
        if formula.kind == "symbol" and BAR in letters:  # otherwise a bar is a mean
            adjoint = f"∂{self.question.notation.loss}/∂{letters.replace(BAR, '')}"
            return adjoint == name and not has_usual_name
        if found == name or formula.kind != "derivative" or not found:
            return found == name
        of, by = (part.name for part in formula.parts)
        notation = self.question.notation
        # a letter of the course may be another course's, even if no other letter of the answer shows it
        dialects = notation.dialects if by in self.known else self.comparer.dialects
        others = set() if has_usual_name else {dialect.names.get(by, by) for dialect in dialects}
        names = {by, *notation.meanings.get(by, ()), *others}
        names.add(self.definitions.resolve(formula.parts[1], len(self.statements))[0].name)
        return any(f"∂{of}/∂{other}" == name for other in names)

    @property
    def is_plain(self) -> bool:
        """True if no name has two definitions, no side is the variable's old value alone, and no side may be
        incomplete."""
        names = [definition.name for definition in self.definitions.own]
        variable = self.question.notation.variable
        old = variable and any(side.formula.name == variable for side in self.sides)
        unsure = any(side.doubt for side in self.sides)
        return not (len({*names}) < len(names) or old or unsure)

    def is_own(self, member: EquationSide) -> bool:
        """Return whether a member could not be parsed, or is a name that the question does not define."""
        return not member.is_read or (bool(member.formula.name) and member.formula.name not in self.known)

    def _names_own_loss(self, number: int, asked: Asked) -> bool:
        """Return whether statement `number` is an equality with the asked derivative of the student's own name for the
        loss, such as ∂f/∂a2 if the answer defines f as the loss."""
        loss = symbol(self.question.notation.loss)
        functions = {name: body for name, _, body in self.reading.functions}
        for member in self.statements[number].members if self.statements[number].is_equation else ():
            if member.formula.kind == "derivative":
                of, by = member.formula.parts
                own = functions.get(of.name, self.definitions.resolve(of, number)[0])
                is_loss = own is not of and self.comparer.agree(own, loss)
                if is_loss and self.is_named(derivative(loss, by), asked.name):
                    return True
        return False

    def _derivatives(self, name: str, number: int) -> dict[str, set[str]]:
        """Return the derivatives to which each name is set equal: {"g": {"∂J/∂a2"}} for g = ∂J/∂a2.

        Of several such equalities for a name, use the last one up to statement `number`, or else the first later one.
        Derivatives that mean the asked quantity are returned as `name`, in whatever notation they are written.
        """
        found: dict[str, set[str]] = {}
        for n, statement in enumerate(self.statements):
            formulas = [m.formula for m in statement.members]
            derivatives = {name if self.is_named(f, name) else name_of(f) for f in formulas if f.kind == "derivative"}
            for own in {f.name for f in formulas} - {""} - self.known:
                if derivatives - {""} and (n <= number or own not in found):
                    found[own] = derivatives - {""}
        return found

    def unread_names(self) -> set[str]:
        """Return the names whose definitions could not be parsed completely, or contain the name itself."""
        read = {definition.name for definition in self.definitions.own}
        found = {own.name for own in self.definitions.own if own.name in map(key_of, nodes(own.formula))}
        for first, *others in (s.members for s in self.statements if s.is_equation):
            if others[-1].doubt:
                found |= {key_of(first.formula)} & read
            elif not any(other.is_read and not unknown_functions(other.formula) for other in others):
                found |= {first.formula.name} - read
        return found - {""} - self.given

    # ── the final formula ────────────────────────────────────────────────────────────────────────────

    def final(self, asked: Asked) -> FinalFormula:
        """Return the formula to compare with the asked quantity. Raise `Unread` if there is none."""
        numbers = range(len(self.statements))
        chosen = [n for n in numbers if self.equates(n, asked.name) or self._updates(n, asked)]
        chosen = [n for n in chosen if n not in self.conditional] or chosen
        chosen = chosen or [n for n in numbers if self._uses_other_name(n, asked) or self._names_own_loss(n, asked)]
        chosen = chosen or [n for n in numbers if self.equates(n, asked.name, of_an_example=True)]
        says_so = bool(chosen)
        formulas = [(n, member) for n in chosen or self._unnamed(asked) for member in self._formulas(n, asked)]
        if not formulas:
            raise Unread(f"there is no formula for {asked.name}")
        number, member = formulas[-1]
        head, remark = self.statements[number].members[0], ""
        if not says_so and len(self.statements[number].members) > 1 and self.is_own(head):
            remark = "the formula does not say that it is what is asked for"
        elif not says_so and len(self.question.asked) == 1:
            member = replace(member, doubt=self._words_before(number) or member.doubt)
        if any(map(_is_example, self.statements[number].members)):
            remark = remark or "the numbers of an example are left out"
        return FinalFormula(member, number, tuple(formulas[:-1]), remark, says_so)

    def _updates(self, number: int, asked: Asked) -> bool:
        """Return whether statement `number` is an update without time steps: `θ ← a` if `θt+1` is asked for, but not
        `θ = 0`."""
        statement, variable = self.statements[number], self.question.notation.variable
        first, last = statement.members[0].formula, statement.members[-1].formula
        return statement.is_equation and variable in asked.also and first.name == variable and last.kind != "number"

    def _uses_other_name(self, number: int, asked: Asked) -> bool:
        heads = [m.formula.name for m in self.statements[number].members if m.is_read]
        return len(heads) > 1 and bool(asked.also & set(heads) - self._derivatives(asked.name, number).keys())

    def _unnamed(self, asked: Asked) -> list[int]:
        """Return [index of the statement to compare] or [], for an answer that never names the asked quantity.

        The statement is the first one if all others define names in it, or else the last one with the quantity's shape,
        or else the last definition of a name of the student's, but not of a number. If a question asks for several
        quantities, the answer must have one unnamed formula for each, in the same order.
        """
        every = list(enumerate(self.statements))
        alone = len(every) == 1 and self.reading.is_mathematics_alone
        defined = [
            n for n, s in every
            if len(s.members) > 1 and self.is_own(s.members[0]) and not self._defines_function(s)
            and s.members[-1].formula.kind != "number"
        ]  # fmt: skip
        bare = [
            n for n, s in every
            if s.is_equality and ((len(s.members) == 1 and alone) or all(_is_unnamed(m.formula) for m in s.members))
        ]  # fmt: skip
        if len(self.question.asked) > 1:
            return [bare[self.question.asked.index(asked)]] if len(bare) == len(self.question.asked) else []
        if 0 in bare and self._begins_with_the_answer():
            return [0]
        behind = [n for n in bare if not defined or n > defined[-1]]
        fitting = [n for n in behind if self.has_shape(asked, n, self.statements[n].members[-1].formula)]
        return (fitting or defined or behind)[-1:]

    def _begins_with_the_answer(self) -> bool:
        """Return whether the answer is a formula without =, followed only by definitions of names in it."""
        first, *others = self.statements
        defined = {other.members[0].formula.name for other in others if other.is_equation}
        alone = len(first.members) == 1 and len(defined) == len(others)
        return alone and defined <= symbols(first.members[0].formula)

    def _defines_function(self, statement: FormulaChain) -> bool:
        """Return whether a statement says how to compute a known function, such as f' = f(1 − f)."""
        return statement.members[0].formula.name.rstrip("'") in FUNCTIONS

    def _words_before(self, number: int) -> str:
        """Return the words between statement `number` and the statement before it in the same sentence, such as "times"
        in "A times B"; "" if there are none."""
        statement = self.statements[number]
        joined = re.fullmatch(r"\s*([^.,:;!?\n]*[^\W\d_][^.,:;!?\n]*?)\s*", statement.words)
        aside = not statement.display and not self.statements[number - 1].display
        return joined[1] if number and joined and aside else ""

    def has_shape(self, asked: Asked, number: int, made: Formula, *, turned: bool = False) -> bool:
        """Return whether a formula has the shape of the asked quantity in the handout's layout, and no derivative left
        in it. If `turned`, the transposed shape is allowed too."""
        self.comparer.budget = WorkBudget()
        try:
            formula = self.definitions.resolve(made, number, gradients=True)[0]
            meaning = next(self.comparer.meanings(formula), None)
            if derivative_left_in(formula, self.answered):
                return False
        except (Unread, TooMuch):
            return False
        shape = self.comparer.truth(asked.name, "", 0).shape
        shapes = {shape, shape[::-1]} if turned else {shape}
        return meaning is not None and not meaning.way.layout and meaning.values[0].shape in shapes

    def _formulas(self, number: int, asked: Asked) -> list[EquationSide]:
        """Return the members of statement `number` except names of the asked quantity: [a + b] for `θt+1 = a + b`."""
        own = {definition.name for definition in self.definitions.own}
        members = [m for m in self.statements[number].members if not self.is_named(m.formula, asked.name)]
        with_names = any(symbols(m.formula) for m in members)
        kept = [
            m for m in members
            if not (with_names and _is_example(m))
            and m.formula.name not in own
            and (m.formula.name not in asked.also or m.formula.data[1:])
        ]  # fmt: skip
        return kept or [m for m in members if m.is_read]

    # ── equalities ───────────────────────────────────────────────────────────────────────────────────

    def pairs(self) -> Iterator[tuple[int, EquationSide, Formula, EquationSide, Formula]]:
        """Yield (index of the statement, left member, left formula, right member, right formula) for each two neighbors
        in an equality: for a = b and for b = c in a = b = c. In the formulas, names are replaced by their definitions.
        Members that are only a name of an asked quantity, or a name of the student's, are left out."""
        names = {name for asked in self.question.asked for name in asked.also}
        for number, statement in enumerate(self.statements):
            sides = [
                m for m in statement.members
                if not (m.doubt or m.formula.name in names or self.is_own(m))
            ]  # fmt: skip
            for pair in pairwise(sides) if statement.is_equality else ():
                left, right = (self.definitions.resolve(side.formula, number)[0] for side in pair)
                yield number, pair[0], left, pair[1], right

    def _false_equalities(self) -> Iterator[tuple[EquationSide, EquationSide]]:
        """Yield the two sides of each equality in the answer that does not hold on the random problems."""
        for number, left_side, left, right_side, right in self.pairs():
            if number in self.conditional or self._is_condition(number + 1, right_side.line):
                continue
            try:
                holds = self.comparer.agree(left, right)
                if holds is False and (left_side.formula is not left or right_side.formula is not right):
                    holds = self.comparer.agree(left_side.formula, right_side.formula) or False
            except Unread:
                continue
            except TooMuch:
                return
            if holds is False:
                yield left_side, right_side

    @property
    def has_conditions(self) -> bool:
        """True if the answer has a condition, such as θ > 0."""
        return any(statement.relation in _CONDITIONS for statement in self.statements)

    def _is_condition(self, number: int, line: int) -> bool:
        """Return whether statement `number` is a condition on a line, such as θ > 0."""
        if number >= len(self.statements):
            return False
        statement = self.statements[number]
        return statement.relation in _CONDITIONS and statement.members[0].line == line

    def _conditional(self) -> Iterator[int]:
        line = None
        for n, statement in enumerate(self.statements):
            first, *others = (member.formula for member in statement.members)
            if first.name in self.known and [other.kind for other in others] == ["number"]:
                line = statement.members[0].line
            if statement.members[0].line == line:
                yield n


def is_compound(formula: Formula) -> bool:
    """Return whether a formula is more than a name, a number or a condition."""
    if formula.kind == "cases" and all(part.kind == "number" for part in formula.parts[::2]):
        return False
    return leaves(formula) > 1 and not name_of(formula)


def _is_unnamed(formula: Formula) -> bool:
    """Return whether a formula is compound, or a derivative of or by a word, such as ∂J/∂output."""
    names = [part.name for part in formula.parts] if formula.kind == "derivative" else []
    return is_compound(formula) or any(len(name) >= WORD_LETTERS for name in names)


def _is_example(side: EquationSide) -> bool:
    """Return whether a side consists of numbers, some of them with decimals."""
    return is_example(side.formula) if side.is_read else _NUMBERS.fullmatch(side.text) is not None


def _functions(reading: Reading, question: Question) -> dict[str, str]:
    """Return {defined function: equal known function}, such as {"φ": "sigmoid"} for φ(z) = 1/(1 + e⁻ᶻ)."""
    comparer = Comparer(question)
    return {
        function: name
        for function, variable, body in reading.functions
        if function not in question.notation.functions
        for name in FUNCTIONS.keys() - {"sum", "diag"}
        if _is_function(name, variable, body, comparer)
    }


def _redefined(reading: Reading, text: str, question: Question) -> set[str]:
    """Return the names of known functions that an answer may define with other values. Definitions in programs are not
    compared."""
    comparer, functions = Comparer(question), question.notation.functions
    found = {*_DEF.findall(text)} & (functions.keys() | FUNCTIONS.keys())
    for function, variable, body in reading.functions:
        letter = function.rstrip("'")
        name = functions.get(function, functions.get(letter, letter) + function.removeprefix(letter))
        call = Formula("applied", (symbol(variable),), (name,))
        # f(a2) = ŷ does not define f
        defines = variable not in comparer.known or any(
            variable in (one, one.rstrip("0123456789")) for one in symbols(body)
        )
        left_open = body == call or any(node.kind == "derivative" for node in nodes(body))
        if body.kind == "number" or name.rstrip("'") not in FUNCTIONS or not defines or left_open:
            continue
        if not _is_function(name, variable, body, comparer):
            with contextlib.suppress(TooMuch):
                if comparer.agree(call, body):
                    continue
            found.add(function)
    return found


def _is_function(name: str, variable: str, body: Formula, comparer: Comparer) -> bool:
    """Return whether `body`, a formula with the name `variable`, equals the known function `name`. Return False if this
    takes too long."""
    numbers = (Formula("number", data=(digits,)) for digits in ("0.3", "-1.7"))
    try:
        return all(
            comparer.holds_strictly(substitute(body, {variable: x}), Formula("applied", (x,), (name,))) for x in numbers
        )
    except TooMuch:
        return False

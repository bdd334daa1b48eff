"""A parsed answer: the names that it defines, its final formula for each asked quantity, and its false equalities."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

from grader.derivations.bounds import TooMuch, Unread, WorkBudget
from grader.derivations.compare import Comparer, derivative_left_in
from grader.derivations.definitions import definitions, substitute
from grader.derivations.equations import EquationSide, FormulaChain, FunctionDefinition, Reading, read
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

_NUMBERS = re.compile(r"(?=.*\d\.\d)(?:[\W\d_](?<!\\)|\\[^A-Za-z]|\\(?:times|cdot|left|right)(?![A-Za-z]))*")
"""Matches numbers with decimals that could not be parsed, such as "[0.5, 0.6]"."""
_DEF = re.compile(r"(?m)(?:\bdef[ \t]+(?=\w+\()|^[ \t]*(?=\w+[ \t]*=[ \t]*lambda\b))(\w+)")
"""Matches the definition of a function in a program."""
_WITHIN_SENTENCE = re.compile(r"\s*([^.,:;!?\n]*[^\W\d_][^.,:;!?\n]*?)\s*")
"""Matches words without punctuation."""
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


@dataclass(frozen=True)
class Equality:
    """Two neighboring members of a statement, which the answer sets equal."""

    number: int
    """Index of the statement."""
    left: EquationSide
    right: EquationSide
    resolved_left: Formula
    """The left side with names replaced by their definitions."""
    resolved_right: Formula


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
        redefined = _redefined(self.reading, text, question) - functions.keys()
        self.redefined = context.redefined | redefined
        """Names of known functions to which this answer or an earlier one gives other values, as sign(x) = x does."""
        self.sides = [side for statement in self.statements for side in statement.members]
        """All members of all statements."""
        self.names_of_sides = {name_of(side.formula) for side in self.sides}
        """Names of the members that are only a name, such as "∂J/∂a2" or "δ"."""
        self.used = frozenset[str]().union(*[symbols(side.formula) for side in self.sides])
        """All names in the answer's formulas."""
        self.comparer = Comparer(question, self.used | context.names)
        self.known = self.comparer.known
        self.given = (self.known - question.quantities.sizes) | question.notation.other_names.keys()
        """Names of what the question gives, which an answer cannot redefine."""
        self.definitions = definitions(self.statements, self.given, context.definitions, question.notation)
        self.answered = context.answered | question.notation.other_names.keys()
        """Names of the derivatives that may be left in a final formula: those that earlier questions ask for, and the
        keys of `Notation.other_names`."""
        self.conditional = set(self._conditional())
        """Indices of the statements about a special case: in "for λ = 0, J = c", both λ = 0 and J = c."""
        self.false_equalities = list(self._false_equalities())
        """The equalities in the answer that do not hold on the random problems."""
        self.judged: dict[str, Formula] = {}
        """Asked derivative → the formula that was compared with it."""

    # ── names ────────────────────────────────────────────────────────────────────────────────────────

    def equates(self, number: int, name: str, *, of_an_example: bool = False) -> bool:
        """Return whether statement `number` is an equality with the quantity `name` as one side. The student's own name
        for this quantity counts too, and with `of_an_example` the quantity of one example, such as ∂J/∂a⁽ⁱ⁾."""
        statement = self.statements[number]
        if not statement.is_equation:
            return False
        formulas = [member.formula for member in statement.members]
        if any(self.is_named(formula, name, of_an_example=of_an_example) for formula in formulas):
            return True
        derivatives = self._derivatives(name, number)
        return any(derivatives.get(formula.name) == {name} for formula in formulas)

    def statements_equating(self, quantity: Asked) -> list[int]:
        """Return the indices of the statements that are equalities with the asked quantity as one side."""
        return [number for number in range(len(self.statements)) if self.equates(number, quantity.name)]

    def is_named(self, formula: Formula, name: str, *, of_an_example: bool = False) -> bool:
        """Return whether a formula is only a name of the quantity `name`, in any known notation. For "∂J/∂a1", this may
        be ∂J/∂z1 if a dialect writes z1 for a1, or a1 with a bar (an adjoint), unless the answer has ∂J/∂a1 too."""
        for part in formula.parts:
            for index in part.data[1:]:
                if index.startswith("(") and (index == "(l)" or not of_an_example):  # (l) is any layer
                    return False
        written = name_of(formula)
        letters = unicodedata.normalize("NFD", written)
        has_usual_name = name in self.names_of_sides
        notation = self.question.notation
        if formula.kind == "symbol" and BAR in letters:  # otherwise a bar is a mean
            adjoint = f"∂{notation.loss}/∂{letters.replace(BAR, '')}"
            return adjoint == name and not has_usual_name
        if written == name:
            return True
        if formula.kind != "derivative" or not written:
            return False
        function, variable = (part.name for part in formula.parts)
        variables = {variable, *notation.meanings.get(variable, ())}
        resolved = self.definitions.resolve(formula.parts[1], len(self.statements))[0]
        variables.add(resolved.name)
        if not has_usual_name:
            # a letter of the course may be another course's, even if no other letter of the answer shows it
            dialects = notation.dialects if variable in self.known else self.comparer.dialects
            variables |= {dialect.names.get(variable, variable) for dialect in dialects}
        return name in {f"∂{function}/∂{variable}" for variable in variables}

    @property
    def is_plain(self) -> bool:
        """True if no name has two definitions, no side is the variable's old value alone, and no side may be
        incomplete."""
        names = [definition.name for definition in self.definitions.own]
        if len(names) > len(set(names)):
            return False
        variable = self.question.notation.variable
        return not any(side.doubt or (variable and side.formula.name == variable) for side in self.sides)

    def is_own(self, member: EquationSide) -> bool:
        """Return whether a member could not be parsed, or is a name that the question does not define."""
        if not member.is_read:
            return True
        name = member.formula.name
        return name != "" and name not in self.known

    def _names_own_loss(self, number: int, quantity: Asked) -> bool:
        """Return whether statement `number` is an equality with the asked derivative of the student's own name for the
        loss, such as ∂f/∂a2 if the answer defines f as the loss."""
        statement = self.statements[number]
        if not statement.is_equation:
            return False
        loss = symbol(self.question.notation.loss)
        bodies = {function.name: function.body for function in self.reading.functions}
        for member in statement.members:
            if member.formula.kind != "derivative":
                continue
            function, variable = member.formula.parts
            definition = bodies.get(function.name, self.definitions.resolve(function, number)[0])
            if definition is function or not self.comparer.agree(definition, loss):
                continue
            if self.is_named(derivative(loss, variable), quantity.name):
                return True
        return False

    def _derivatives(self, name: str, number: int) -> dict[str, set[str]]:
        """Return the derivatives to which each name is set equal: {"g": {"∂J/∂a2"}} for g = ∂J/∂a2.

        Of several such equalities for a name, use the last one up to statement `number`, or else the first later one.
        Derivatives that mean the asked quantity are returned as `name`, in whatever notation they are written.
        """
        derivatives_of = {}
        for n, statement in enumerate(self.statements):
            formulas = [member.formula for member in statement.members]
            derivatives = set[str]()
            for formula in formulas:
                if formula.kind == "derivative":
                    derivatives.add(name if self.is_named(formula, name) else name_of(formula))
            derivatives.discard("")
            own_names = {formula.name for formula in formulas} - {""} - self.known
            for own_name in own_names if derivatives else ():
                if n <= number or own_name not in derivatives_of:
                    derivatives_of[own_name] = derivatives
        return derivatives_of

    def unread_names(self) -> set[str]:
        """Return the names whose definitions could not be parsed completely, or contain the name itself."""
        defined = {definition.name for definition in self.definitions.own}
        names = set[str]()
        for definition in self.definitions.own:
            if definition.name in map(key_of, nodes(definition.formula)):
                names.add(definition.name)
        for statement in self.statements:
            if not statement.is_equation:
                continue
            head, *values = statement.members
            if values[-1].doubt:
                names |= {key_of(head.formula)} & defined
            elif not any(value.is_read and not unknown_functions(value.formula) for value in values):
                names |= {head.formula.name} - defined
        return names - {""} - self.given

    # ── the final formula ────────────────────────────────────────────────────────────────────────────

    def final(self, quantity: Asked) -> FinalFormula:
        """Return the formula to compare with the asked quantity. Raise `Unread` if there is none."""
        about_asked = self._statements_about(quantity)
        formulas = []
        for number in about_asked or self._unnamed(quantity):
            formulas += [(number, member) for member in self._formulas(number, quantity)]
        if not formulas:
            raise Unread(f"there is no formula for {quantity.name}")
        number, member = formulas[-1]
        members = self.statements[number].members
        remark = ""
        if not about_asked and len(members) > 1 and self.is_own(members[0]):
            remark = "the formula does not say that it is what is asked for"
        elif not about_asked and len(self.question.asked) == 1:
            member = replace(member, doubt=self._words_before(number) or member.doubt)
        if not remark and any(map(_is_example, members)):
            remark = "the numbers of an example are left out"
        return FinalFormula(member, number, tuple(formulas[:-1]), remark, bool(about_asked))

    def _statements_about(self, quantity: Asked) -> list[int]:
        """Return the indices of the statements that say what is asked for, by the most usual name that they have for
        it."""
        numbers = range(len(self.statements))
        named = [n for n in numbers if self.equates(n, quantity.name) or self._updates(n, quantity)]
        unconditional = [n for n in named if n not in self.conditional]
        if named:
            return unconditional or named
        named = [n for n in numbers if self._uses_other_name(n, quantity) or self._names_own_loss(n, quantity)]
        if named:
            return named
        return [n for n in numbers if self.equates(n, quantity.name, of_an_example=True)]

    def _updates(self, number: int, quantity: Asked) -> bool:
        """Return whether statement `number` is an update without time steps: `θ ← a` if `θt+1` is asked for, but not
        `θ = 0`."""
        statement, variable = self.statements[number], self.question.notation.variable
        if not statement.is_equation or variable not in quantity.also:
            return False
        head, *_, value = statement.members
        return head.formula.name == variable and value.formula.kind != "number"

    def _uses_other_name(self, number: int, quantity: Asked) -> bool:
        """Return whether statement `number` is an equality with another name of the asked quantity (`Asked.also`) as
        one side. A name that the answer sets equal to a derivative stands for this derivative, and does not count."""
        names = [member.formula.name for member in self.statements[number].members if member.is_read]
        if len(names) < 2:
            return False
        other_names = quantity.also.intersection(names)
        return bool(other_names - self._derivatives(quantity.name, number).keys())

    def _unnamed(self, quantity: Asked) -> list[int]:
        """Return [index of the statement to compare] or [], for an answer that never names the asked quantity.

        The statement is the first one if all others define names in it, or else the last one with the quantity's shape,
        or else the last definition of a name of the student's, but not of a number. If a question asks for several
        quantities, the answer must have one unnamed formula for each, in the same order.
        """
        is_formula_alone = len(self.statements) == 1 and self.reading.is_mathematics_alone
        defining = []
        """Indices of the statements that define a name of the student's."""
        bare = []
        """Indices of the statements that name no quantity: no side is only a name or a number, except in an answer of
        one formula."""
        for number, statement in enumerate(self.statements):
            if self._defines_own_name(statement):
                defining.append(number)
            is_unnamed = all(_is_unnamed(member.formula) for member in statement.members)
            is_alone = is_formula_alone and len(statement.members) == 1
            if statement.is_equality and (is_unnamed or is_alone):
                bare.append(number)
        all_asked = self.question.asked
        if len(all_asked) > 1:
            return [bare[all_asked.index(quantity)]] if len(bare) == len(all_asked) else []
        if 0 in bare and self._begins_with_the_answer():
            return [0]
        later = [number for number in bare if not defining or number > defining[-1]]  # after the last definition
        fitting = [number for number in later if self._has_shape(quantity, number)]
        return (fitting or defining or later)[-1:]

    def _defines_own_name(self, statement: FormulaChain) -> bool:
        """Return whether a statement defines a name of the student's by a formula: no known function, and no number."""
        if len(statement.members) == 1:
            return False
        head, *_, value = statement.members
        is_function = head.formula.name.rstrip("'") in FUNCTIONS  # as in f' = f(1 − f)
        return self.is_own(head) and not is_function and value.formula.kind != "number"

    def _begins_with_the_answer(self) -> bool:
        """Return whether the answer is a formula without =, followed only by definitions of names in it."""
        first, *following = self.statements
        defined = {statement.members[0].formula.name for statement in following if statement.is_equation}
        if len(first.members) > 1 or len(defined) < len(following):
            return False
        return defined <= symbols(first.members[0].formula)

    def _words_before(self, number: int) -> str:
        """Return the words between statement `number` and the statement before it in the same sentence, such as "times"
        in "A times B"; "" if there are none."""
        if not number or self.statements[number].display or self.statements[number - 1].display:
            return ""
        within_sentence = _WITHIN_SENTENCE.fullmatch(self.statements[number].words)
        return within_sentence[1] if within_sentence else ""

    def _has_shape(self, quantity: Asked, number: int) -> bool:
        """Return whether the last formula of statement `number` has the shape of the asked quantity in the handout's
        layout, and no derivative left in it."""
        self.comparer.budget = WorkBudget()
        last = self.statements[number].members[-1].formula
        try:
            formula = self.definitions.resolve(last, number, gradients=True)[0]
            meaning = next(self.comparer.meanings(formula), None)
            if derivative_left_in(formula, self.answered):
                return False
        except (Unread, TooMuch):
            return False
        if meaning is None or meaning.way.layout:
            return False
        return meaning.values[0].shape == self.comparer.truth(quantity.name, "", 0).shape

    def _formulas(self, number: int, quantity: Asked) -> list[EquationSide]:
        """Return the members of statement `number` except names of the asked quantity: [a + b] for `θt+1 = a + b`."""
        defined = {definition.name for definition in self.definitions.own}
        members = [m for m in self.statements[number].members if not self.is_named(m.formula, quantity.name)]
        has_names = any(symbols(member.formula) for member in members)
        formulas = []
        for member in members:
            name, is_element = member.formula.name, len(member.formula.data) > 1
            if name in defined or (name in quantity.also and not is_element):
                continue
            if has_names and _is_example(member):
                continue
            formulas.append(member)
        return formulas or [member for member in members if member.is_read]

    # ── equalities ───────────────────────────────────────────────────────────────────────────────────

    def equalities(self) -> Iterator[Equality]:
        """Yield the equality of each two neighbors in a statement: a = b and b = c for a = b = c. Leave out members
        that are only a name of an asked quantity, or a name of the student's."""
        names = frozenset[str]().union(*[quantity.also for quantity in self.question.asked])
        for number, statement in enumerate(self.statements):
            if not statement.is_equality:
                continue
            sides = []
            for member in statement.members:
                if not member.doubt and member.formula.name not in names and not self.is_own(member):
                    sides.append(member)
            for left_side, right_side in pairwise(sides):
                resolved_left = self.definitions.resolve(left_side.formula, number)[0]
                resolved_right = self.definitions.resolve(right_side.formula, number)[0]
                yield Equality(number, left_side, right_side, resolved_left, resolved_right)

    def _false_equalities(self) -> Iterator[Equality]:
        """Yield each equality in the answer that does not hold on the random problems."""
        agree = self.comparer.agree
        for equality in self.equalities():
            written_left, written_right = equality.left.formula, equality.right.formula
            if equality.number in self.conditional or self._is_condition(equality.number + 1, equality.right.line):
                continue
            try:
                holds = agree(equality.resolved_left, equality.resolved_right)
                is_resolved = equality.resolved_left is not written_left or equality.resolved_right is not written_right
                if holds is False and is_resolved:
                    holds = bool(agree(written_left, written_right))
            except Unread:
                continue
            except TooMuch:
                return
            if holds is False:
                yield equality

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
        """Yield the indices of the statements about a special case: an equality of a known name with a number, such as
        λ = 0, and the statements after it on its line."""
        line = None
        for number, statement in enumerate(self.statements):
            head, *values = statement.members
            if head.formula.name in self.known and [value.formula.kind for value in values] == ["number"]:
                line = head.line
            if head.line == line:
                yield number


def is_compound(formula: Formula) -> bool:
    """Return whether a formula is more than a name, a number or a condition."""
    if formula.kind == "cases" and all(part.kind == "number" for part in formula.parts[::2]):
        return False
    return leaves(formula) > 1 and not name_of(formula)


def _is_unnamed(formula: Formula) -> bool:
    """Return whether a formula is compound, or a derivative of or by a word, such as ∂J/∂output."""
    if is_compound(formula):
        return True
    return formula.kind == "derivative" and any(len(part.name) >= WORD_LETTERS for part in formula.parts)


def _is_example(side: EquationSide) -> bool:
    """Return whether a side consists of numbers, some of them with decimals."""
    if side.is_read:
        return is_example(side.formula)
    return _NUMBERS.fullmatch(side.text) is not None


def _functions(reading: Reading, question: Question) -> dict[str, str]:
    """Return {defined function: equal known function}, such as {"φ": "sigmoid"} for φ(z) = 1/(1 + e⁻ᶻ)."""
    comparer = Comparer(question)
    functions = {}
    for definition in reading.functions:
        if definition.name in question.notation.functions:
            continue
        for name in FUNCTIONS.keys() - {"sum", "diag"}:
            if _is_function(name, definition, comparer):
                functions[definition.name] = name
    return functions


def _redefined(reading: Reading, text: str, question: Question) -> set[str]:
    """Return the names of known functions that an answer may define with other values. Definitions in programs are not
    compared."""
    comparer, functions = Comparer(question), question.notation.functions
    in_programs = set(_DEF.findall(text))
    redefined = in_programs & (functions.keys() | FUNCTIONS.keys())
    for definition in reading.functions:
        letter = definition.name.rstrip("'")
        primes = definition.name.removeprefix(letter)
        name = functions.get(definition.name, functions.get(letter, letter) + primes)
        if name.rstrip("'") in FUNCTIONS and _gives_other_values(definition, name, comparer):
            redefined.add(definition.name)
    return redefined


def _gives_other_values(definition: FunctionDefinition, name: str, comparer: Comparer) -> bool:
    """Return whether a definition gives a known function other values."""
    variable, body = definition.variable, definition.body
    if body.kind == "number" or any(node.kind == "derivative" for node in nodes(body)):
        return False
    used = symbols(body)
    used |= {used_name.rstrip("0123456789") for used_name in used}
    if variable in comparer.known and variable not in used:
        return False  # f(a2) = ŷ does not define f
    if _is_function(name, definition, comparer):
        return False
    call = Formula("applied", (symbol(variable),), (name,))
    try:
        return not comparer.agree(call, body)
    except TooMuch:
        return True


def _is_function(name: str, definition: FunctionDefinition, comparer: Comparer) -> bool:
    """Return whether a definition gives the values of the known function `name`. Return False if this takes too
    long."""
    try:
        for digits in ("0.3", "-1.7"):
            argument = Formula("number", data=(digits,))
            value = substitute(definition.body, {definition.variable: argument})
            if not comparer.holds_strictly(value, Formula("applied", (argument,), (name,))):
                return False
    except TooMuch:
        return False
    return True

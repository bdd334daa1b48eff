"""A parsed answer: the names that it defines, its final formula for each asked quantity, and its false equalities."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

from grader.derivations.bounds import TooMuch, Unread, WorkBudget
from grader.derivations.compare import Comparer, derivative_left_in
from grader.derivations.definitions import definitions, substitute
from grader.derivations.evaluate import FUNCTIONS, unknown_functions
from grader.derivations.formulas import (
    Formula,
    derivative,
    is_example,
    key_of,
    leaves,
    name_of,
    nodes,
    rebuilt,
    structure,
    symbol,
    symbols,
)
from grader.derivations.locate import WORKED_OUT
from grader.derivations.parser import BAR
from grader.derivations.question import Asked, Notation, Question
from grader.derivations.statements import EquationSide, FormulaChain, Reading, read
from grader.derivations.tokens import WORD_LETTERS
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
    named_alone: frozenset[str] = frozenset()
    """Names and functions that earlier answers define, whether or not their definitions could be parsed."""
    redefined: frozenset[str] = frozenset()
    """Names of known functions to which earlier answers give other values."""


NO_CONTEXT = Context()


@dataclass(frozen=True)
class FinalFormula:
    """The formula in an answer that is compared with an asked quantity: normally the last one for this quantity."""

    member: EquationSide
    number: int
    """Index of the formula's statement in `StudentAnswer.statements`."""
    before: tuple[tuple[int, EquationSide], ...] = ()
    """Earlier formulas for the same quantity, each as (index of the statement, formula)."""
    remark: str = ""


class StudentAnswer:
    """A parsed answer to one question."""

    def __init__(
        self, question: Question, text: str, context: Context, refuted: frozenset[str], *, shared: bool = False
    ) -> None:
        """Parse an answer.

        Args:
            question: The question.
            text: The answer as written.
            context: Definitions and names from earlier answers.
            refuted: Layouts to exclude, because the student's other answers contradict them.
            shared: True if the text answers other questions too.

        Raises:
            Unread: If the answer is too long, or has too many formulas.
        """
        self.question = question
        self.text = text
        self.context = context
        self.refuted = refuted
        self.shared = shared
        self.reading = read(text, question.notation, context.own)
        functions = _functions(self.reading, question)
        self.own_variable = _own_variable(self.reading, question)
        """The student's letter for the variable of an update, such as φ for θ; "" for the handout's letter."""
        delta = _writes_delta_for_gradients(self.reading, question, context)
        if functions or self.own_variable or delta:
            notation = _renamed(question.notation, self.own_variable)
            functions_too = {**notation.functions, **functions}
            notation = replace(notation, functions=functions_too, delta_differentiates=delta)
            self.reading = read(text, notation, context.own)
        self.statements = _with_indexed_numbers_as_names(tuple(map(self._solved, self.reading.statements)), question)
        self.redefined = context.redefined | (_redefined(self.reading, text, question) - functions.keys())
        """Names of known functions to which this answer or an earlier one gives other values, as sign(x) = x does."""
        self.used = frozenset(name for side in self.sides for name in symbols(side.formula))
        """All names in the answer's formulas."""
        self.comparer = Comparer(question, self.used | context.names, refuted)
        self.known = self.comparer.known
        fixed = self.known - question.quantities.sizes
        self.definitions = definitions(self.statements, fixed, context.definitions, question.notation)
        self.conditional = frozenset(self._conditional())
        """Indices of the statements about a special case: in "for λ = 0, J = c", both λ = 0 and J = c."""
        self.layouts: list[frozenset[str]] = []
        """For each right formula, the set of layouts in which the formula is right."""
        self.false = tuple(self._false_equalities())

    @property
    def sides(self) -> Iterator[EquationSide]:
        """All members of all statements."""
        return (side for statement in self.statements for side in statement.members)

    @cached_property
    def names_of_sides(self) -> frozenset[str]:
        """Names of the members that are only a name, such as "∂J/∂a2" or "δ"."""
        return frozenset(name_of(side.formula) for side in self.sides)

    @property
    def redefined_losses(self) -> frozenset[str]:
        """Names of the loss and its gradient that are defined by themselves, such as J in J = J + λθ². Assignments in
        programs, such as `dtheta += theta`, are left out."""
        notation = self.question.notation
        losses = {notation.loss, *notation.totals} if notation.variable else set()
        return frozenset(
            name
            for number, name, made in self.definitions.own
            if name.removeprefix("∂").partition("/")[0] in losses
            and "differential" not in self.statements[number].members[0].formula.data
            and name in map(key_of, nodes(made))
        )

    @property
    def answered(self) -> frozenset[str]:
        """Names of the derivatives that may be left in a final formula: those that earlier questions ask for, and the
        keys of `Notation.same`."""
        return self.context.answered | self.question.notation.same.keys()

    def _solved(self, statement: FormulaChain) -> FormulaChain:
        """Solve a statement for an asked quantity in a sum on the left: `θt+1 − θt = a` becomes `θt+1 = a + θt`. Return
        other statements unchanged."""
        first, *others = statement.members
        if first.formula.kind != "sum" or not statement.is_equality:
            return statement
        asked = {asked.name for asked in self.question.asked}
        terms = list(zip(first.formula.data, first.formula.parts, strict=True))
        place = next((n for n, (_, term) in enumerate(terms) if name_of(term) in asked), None)
        if place is None:
            return statement
        own, name = terms.pop(place)
        signs = (own, *("-" if sign == own else "+" for sign, _ in terms))
        rest = [term for _, term in terms]
        moved = [
            replace(m, text=f"{first.text} = {m.text}", formula=Formula("sum", (m.formula, *rest), signs))
            if m.is_read else m
            for m in others
        ]  # fmt: skip
        return replace(statement, members=(replace(first, formula=name), *moved))

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
        """True if no name has two definitions, no side is the variable's old value alone, and no side may be incomplete
        or have a variant."""
        names = [name for _, name, _ in self.definitions.own]
        variable = self.question.notation.variable
        old = variable and any(side.formula.name == variable for side in self.sides)
        unsure = any(side.doubt or side.variant for side in self.sides)
        return not (len({*names}) < len(names) or old or unsure)

    @property
    def has_formula_alone(self) -> bool:
        """True if a statement consists of one formula without =, other than a name or a number."""
        return any(len(one.members) == 1 and is_compound(one.members[0].formula) for one in self.statements)

    def is_own(self, member: EquationSide) -> bool:
        """Return whether a member could not be parsed, or is a name that the question does not define."""
        return not member.is_read or (bool(member.formula.name) and member.formula.name not in self.known)

    def _names_own_loss(self, number: int, asked: Asked) -> bool:
        """Return whether statement `number` is an equality with the asked derivative of the student's own name for the
        loss, such as ∂f/∂a2 if the answer defines f as the loss."""
        statement, loss = self.statements[number], symbol(self.question.notation.loss)
        derivatives = [m.formula.parts for m in statement.members if m.formula.kind == "derivative"]
        named = [of.name for of, by in derivatives if of.name and self.is_named(derivative(loss, by), asked.name)]
        known = {name: made for _, name, made in self.definitions.own} | {
            f: made for f, _, made in self.reading.functions
        }
        losses = any(name in known and self.comparer.agree(known[name], loss) for name in named)
        return losses and statement.is_equation

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

    @property
    def named_alone(self) -> frozenset[str]:
        """Names and functions that stand alone at the beginning or end of an equality or comparison, as S does in
        S(x) = x², but not x in `x = x`. In A = S(x), S is used and not defined. Functions of programs, losses whose
        derivatives are defined, and the names that earlier answers define are added."""
        found = (
            {name for name, _, _ in self.reading.functions} | set(_DEF.findall(self.text)) | self.context.named_alone
        )
        for statement in self.statements:
            first, last = statement.members[0].formula, statement.members[-1].formula
            computed = last.kind == "product" and (self._is_gradient(first) or len(statement.members) == 2)
            ends = [_name_or_call(first), "" if computed and name_of(first) else _name_or_call(last)]
            found |= {end.rstrip("'") for end in ends} if ends[0] != ends[1] or statement.relation else set()
        found |= {name.removeprefix("∂").partition("/")[0] for _, name, _ in self.definitions.own if "/" in name}
        return frozenset(found - {""})

    def _is_gradient(self, formula: Formula) -> bool:
        """Return whether a formula is a derivative, or a name that may mean one."""
        meanings = self.question.notation.meanings.get(formula.name, ())
        return formula.kind == "derivative" or any("/" in meaning for meaning in meanings)

    def unread_names(self) -> set[str]:
        """Return the names whose definitions could not be parsed completely."""
        read = {name for _, name, _ in self.definitions.own}
        found = set()
        for first, *others in (s.members for s in self.statements if s.is_equation):
            if others[-1].doubt:
                found |= {key_of(first.formula)} & read
            elif not any(other.is_read and not unknown_functions(other.formula) for other in others):
                found |= {first.formula.name} - read
        return found - {""}

    # ── the final formula ────────────────────────────────────────────────────────────────────────────

    def final(self, asked: Asked) -> FinalFormula:
        """Return the formula to compare with the asked quantity. Raise `Unread` if there is none."""
        numbers = range(len(self.statements))
        chosen = [n for n in numbers if self.equates(n, asked.name) or self._updates(n, asked)]
        if cases := self.by_cases(chosen, asked):
            return cases
        chosen = [n for n in chosen if n not in self.conditional] or chosen
        chosen = [n for n in chosen if not self._element(n, asked)] or chosen
        chosen = chosen or [n for n in numbers if self._uses_other_name(n, asked) or self._names_own_loss(n, asked)]
        chosen = chosen or [n for n in numbers if self.equates(n, asked.name, of_an_example=True)]
        says_so = bool(chosen)
        found = [(n, member) for n in chosen or self._unnamed(asked) for member in self._formulas(n, asked)]
        if not found:
            raise Unread(f"there is no formula for {asked.name}")
        number, member = found[-1]
        head, remark = self.statements[number].members[0], ""
        if (positions := self._element(number, asked)) and self._elements_agree(found, asked):
            member = replace(member, formula=_of_any_element(member.formula, positions))
            remark = f"it is the formula of element {', '.join(positions)}"
        elif not says_so and len(self.statements[number].members) > 1 and self.is_own(head):
            remark = "the formula does not say that it is what is asked for"
        elif not says_so and len(self.question.asked) == 1:
            member = replace(member, doubt=self._words_before(number) or member.doubt)
        if any(map(_is_example, self.statements[number].members)):
            remark = remark or "the numbers of an example are left out"
        return FinalFormula(member, number, tuple(found[:-1]), remark)

    def _element(self, number: int, asked: Asked) -> tuple[str, ...]:
        """Return the indices of the element that statement `number` defines: ("2",) for ∂J/∂h_2 = a. Return () if it
        defines all elements, or if its indices are equal, as in ∂J/∂W_11: a 1 in the formula could be either index."""
        for member in self.statements[number].members:
            if member.formula.kind == "derivative" and self.is_named(member.formula, asked.name):
                indices = member.formula.parts[1].data[1:]
                return indices if all(map(str.isdigit, indices)) and len({*indices}) == len(indices) else ()
        return ()

    def _elements_agree(self, found: Sequence[tuple[int, EquationSide]], asked: Asked) -> bool:
        """Return whether the formulas of single elements, such as ∂J/∂h_1 = w_1, are right for the other elements too.
        The last formula, and formulas that cannot be evaluated, are not judged."""
        for number, member in found[:-1]:
            formula = _of_any_element(member.formula, self._element(number, asked))
            values = list(self.comparer.meanings(self.definitions.resolve(formula, number)[0]))
            if values and not any(self.comparer.is_right(meaning, asked.name) for meaning in values):
                return False
        return True

    def by_cases(self, numbers: Sequence[int], asked: Asked) -> FinalFormula | None:
        """Join the statements `numbers`, such as `θ = a if θ > 0` and `θ = b if θ < 0`, into one formula with cases.
        Return None for a single statement, or if one has no condition: behind it on its line, or before it."""
        if len(numbers) < 2:
            return None
        variable = self.question.notation.variable
        behind = [self._condition(n + 1, self.statements[n].members[0].line) for n in numbers]
        before = [
            self._condition_before(n, previous, same_line=any(behind)) for previous, n in pairwise((-1, *numbers))
        ]
        parts: list[Formula] = []
        for n, condition in zip(numbers, behind if all(behind) else before, strict=True):
            found = self._formulas(n, asked)
            if condition is None or variable not in {"", *symbols(condition)} or not found or not found[-1].is_read:
                return None
            parts += [self.definitions.resolve(found[-1].formula, n)[0], condition]
        lasts = [self.statements[n].members[-1] for n in numbers]
        text = "; ".join(member.text for member in lasts)
        return FinalFormula(EquationSide(text, lasts[-1].line, Formula("cases", tuple(parts))), numbers[-1])

    def _condition_before(self, number: int, previous: int, *, same_line: bool) -> Formula | None:
        """Return the last condition between two statements, or only one on the line of the second; None if there is
        none."""
        line = self.statements[number].members[0].line if same_line else None
        between = range(number - 1, previous, -1)
        return next(filter(None, (self._condition(n, line) for n in between)), None)

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

    def closing(self, asked: Asked, final: FinalFormula, *, right: bool, turned: bool) -> FinalFormula | None:
        """Return the last formula after `final` that replaces it as the answer's result, such as a + b in "So it is
        a + b"; None if there is none. Such a formula stands without =, or is the right side of an equality of formulas.

        Args:
            asked: The asked quantity.
            final: The final formula so far.
            right: True if `final` is right. Formulas after a colon, parts of `final`, and equalities between formulas
                are then skipped, because they only explain `final`.
            turned: True if `final` is right but transposed. The returned formula may then be transposed too.
        """
        parts = {structure(node) for node in nodes(final.member.formula)} if right else set()
        for number in range(len(self.statements) - 1, final.number, -1):
            statement = self.statements[number]
            if statement.words.count("(") > statement.words.count(")") or (statement.announced and right):
                continue  # an aside or a note
            member = statement.members[-1]
            if len(statement.members) == 1 and not statement.is_equality:
                continue  # the right side of a relation, such as ≠ 0
            unnamed = not right and statement.is_equality and all(is_compound(m.formula) for m in statement.members)
            if structure(member.formula) in parts:
                continue  # a part of the formula, which is explained
            if not member.is_read and not WORKED_OUT.search(member.text):
                continue  # a word, such as the name of a function
            if (len(statement.members) > 1 and not unnamed) or not member.is_read or number in self.conditional:
                return None
            if is_compound(member.formula) and self.has_shape(asked, number, member.formula, turned=turned):
                return FinalFormula(member, number, (*final.before, (final.number, final.member)))
        return None

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
        own = {name for _, name, _ in self.definitions.own} - {""}
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
                if not (m.doubt or m.variant or m.formula.name in names or self.is_own(m))
            ]  # fmt: skip
            for pair in pairwise(sides) if statement.is_equality else ():
                left, right = (self.definitions.resolve(side.formula, number)[0] for side in pair)
                yield number, pair[0], left, pair[1], right

    def _false_equalities(self) -> Iterator[FalseEquality]:
        """Yield the equalities in the answer that do not hold on the random problems."""
        for number, one, left, other, right in self.pairs():
            if number in self.conditional or self._condition(number + 1, other.line):
                continue
            try:
                holds = self.comparer.agree(left, right)
                if holds is False and (one.formula is not left or other.formula is not right):
                    holds = self.comparer.agree(one.formula, other.formula) or False
            except Unread:
                continue
            except TooMuch:
                return
            if holds is False:
                yield FalseEquality(other.line, one.text, other.text)

    def _condition(self, number: int, line: int | None = None) -> Formula | None:
        """Return statement `number` as a node if it is a condition, such as θ > 0. Return None if it is not, or if it
        begins on another line than `line`."""
        if not 0 <= number < len(self.statements):
            return None
        statement = self.statements[number]
        sides = statement.members
        if statement.relation not in _CONDITIONS or len(sides) != 2 or line not in (None, sides[0].line):
            return None
        return Formula("relation", tuple(side.formula for side in sides), (statement.relation,))

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


def _name_or_call(formula: Formula) -> str:
    """Return the name of a name or of a function call, such as "S" for S_i, S(x) and the product S x, but not for
    S(1 − S); "" for others."""
    if formula.kind == "product" and len(formula.parts) == 2:
        function, argument = formula.parts
        return function.name if not formula.data[1] and function.name not in symbols(argument) else ""
    if formula.kind == "element":
        return _name_or_call(formula.parts[0])
    return formula.data[0] if formula.kind == "applied" else formula.name


def _of_any_element(formula: Formula, positions: Sequence[str]) -> Formula:
    """Replace the indices in `positions`, such as "2", by letters, so that the formula describes any element."""

    def change(node: Formula) -> Formula | None:
        indices = tuple(f"•{index}" if index in positions else index for index in node.data[1:])
        return symbol(node.name, *indices) if node.kind == "symbol" and indices else None

    return rebuilt(formula, change)


def _is_example(side: EquationSide) -> bool:
    """Return whether a side consists of numbers, some of them with decimals."""
    return is_example(side.formula) if side.is_read else _NUMBERS.fullmatch(side.text) is not None


_RUNNING = frozenset("ijklmn")
"""Letters of indices that number elements or examples."""


def _with_indexed_numbers_as_names(
    statements: tuple[FormulaChain, ...], question: Question
) -> tuple[FormulaChain, ...]:
    """Make a new name of a number's name with an index, such as y_p (the prediction), if a formula contains the name
    without an index too, as in y_p − y: a number has no elements."""
    values = question.quantities.problems[0].values
    others = set[tuple[str, ...]]()
    for side in (member for statement in statements for member in statement.members if member.is_read):
        names = {node.data for node in nodes(side.formula) if node.kind == "symbol"}
        numbers = {data[0] for data in names if len(data) == 1 and data[0] in values and not values[data[0]].ndim}
        others |= {data for data in names if data[0] in numbers and data[1:] and data[1] not in _RUNNING}

    def change(node: Formula) -> Formula | None:
        return symbol("".join(node.data)) if node.kind == "symbol" and node.data in others else None

    if not others:
        return statements
    return tuple(
        replace(one, members=tuple(replace(m, formula=rebuilt(m.formula, change)) for m in one.members))
        for one in statements
    )


def _own_variable(reading: Reading, question: Question) -> str:
    """Return the student's letter for the variable of an update, such as φ in φ ← φ − η g. Return "" if there is none,
    or if the answer contains the handout's variable too."""
    used = {name for statement in reading.statements for side in statement.members for name in symbols(side.formula)}
    notation, quantities = question.notation, question.quantities
    taken = {*notation.same, *notation.meanings, *notation.losses, *notation.totals, *quantities.problems[0].values}
    if not notation.variable or notation.variable in used:
        return ""
    for statement in reversed(reading.statements):
        letter = statement.members[0].formula.name.removesuffix("t+1")
        old = symbols(statement.members[-1].formula) & {letter, f"{letter}t"}
        if letter and old and letter not in taken and statement.is_equation:
            return letter
    return ""


def _writes_delta_for_gradients(reading: Reading, question: Question, context: Context) -> bool:
    """Return whether δh means the gradient by h: an equality begins with such a pair, and no name begins with δ."""
    heads = [statement.members[0].formula for statement in reading.statements if statement.is_equation]
    is_written = any(
        head.kind == "product" and head.data == ("", "") and head.parts[0].data == ("δ",) and head.parts[1].name
        for head in heads
    )
    used = context.names.union(*(symbols(m.formula) for s in reading.statements for m in s.members)) - {"δ"}
    names = used | context.definitions.keys() | {head.name for head in heads}
    return is_written and not question.notation.variable and not any(name.startswith("δ") for name in names)


def _renamed(notation: Notation, letter: str) -> Notation:
    """Return a notation in which `letter` is another name of the variable; `notation` itself if `letter` is ""."""
    if not letter:
        return notation
    new = f"{notation.variable}+1"
    same = {letter: notation.variable, f"{letter}t": notation.variable, f"{letter}t+1": new}
    return replace(notation, powers=notation.powers | {letter}, same={**notation.same, **same})


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

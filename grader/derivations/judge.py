"""Judgements on a written answer, one for each formula that is asked for. Words decide nothing."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from grader.derivations.bounds import Mismatch, TooMuch, Unread, WorkBudget
from grader.derivations.compare import SUMMED, Comparer, Meaning, digest, fingerprint, is_worked_out
from grader.derivations.definitions import Definitions, definitions, put_in
from grader.derivations.evaluate import FUNCTIONS, Evaluation, NotationInterpretation, same, shape
from grader.derivations.formulas import Formula, key_of, leaves, name_of, named, nodes, symbols
from grader.derivations.pieces import WORD
from grader.derivations.question import Array, Asked, Notation, Question, SampleProblem
from grader.derivations.statements import EquationSide, FormulaChain, Reading, read
from grader.model import Comparison, FalseEquality, Judgement, Opinion, Shelf

ROOM = 1.5
"""How many times as many names and numbers as the simplest form has still count as simple."""
ANOTHER = "another formula stands behind it: "


@dataclass(frozen=True)
class Context:
    """The definitions of a submission's earlier answers."""

    definitions: Mapping[str, Formula] = field(default_factory=dict)
    notation: Notation | None = None
    answered: frozenset[str] = frozenset()
    """Quantities that earlier questions have asked for."""
    names: frozenset[str] = frozenset()
    """All names in the answers."""
    own: Mapping[str, str] = field(default_factory=dict)
    """Words among them, with their LaTeX."""


@dataclass(frozen=True)
class Final:
    """The formula of an answer that counts for one asked quantity."""

    member: EquationSide
    number: int
    """Of its statement."""
    before: tuple[tuple[int, EquationSide], ...] = ()
    """Formulas for the same quantity that stand before it, with the numbers of their statements."""
    remark: str = ""


@dataclass(frozen=True)
class Judged:
    """An answer's opinion, and what it says about other answers."""

    opinion: Opinion
    context: Context
    """For the next answer."""
    layouts: frozenset[str] | None = None
    """Layouts in which its right formulas are right; None without a right formula."""
    judging: _Judging | None = None
    """The answer as it was read; None if it could not be read."""


def judge(
    question: Question, answer: str, context: Context = Context(), refuted: frozenset[str] = frozenset()
) -> Judged:
    """Judge an answer.

    Args:
        question: What is asked.
        answer: The answer as written.
        context: What earlier answers define.
        refuted: Layouts that the student's other answers do not have.
    """
    same = context if context.notation is question.notation else Context(notation=question.notation)
    try:
        judging = _Judging(question, answer, same, refuted)
    except Unread as unread:
        return Judged(unread_opinion(question, answer, f"Unread: {unread.why}."), same)
    judged = tuple(judging.judgement(asked) for asked in question.asked)
    if any(one.points is None for one in judged) and (spaced := _COMMA.sub(" ", answer)) != answer:
        judged = _with_spaces(judged, _Judging(question, spaced, same, refuted))
    answered = same.answered | {asked.name for asked in question.asked}
    names = same.names | frozenset(judging.used())
    following = Context(judging.definitions.last, question.notation, answered, names, judging.reading.own)
    layouts = frozenset.intersection(*judging.layouts) if judging.layouts else None
    return Judged(Opinion(judged), following, layouts, judging)


_COMMA = re.compile(r"(?<!\\)[,;](?=[^\n]*\S)")


def _with_spaces(judged: tuple[Judgement, ...], spaced: _Judging) -> tuple[Judgement, ...]:
    """Return the judgements, with those on formulas that are right if commas are spaces which lost their backslash."""
    found = []
    for one, asked in zip(judged, spaced.question.asked, strict=True):
        fails = one.points is None and one.shelf is not Shelf.RIGHT_NOT_LAST
        other = spaced.judgement(asked) if fails else one
        remarks = (*other.remarks, "commas are read as spaces")
        read = replace(other, remarks=remarks, shelf=Shelf.RIGHT_WITH_REMARKS, automatic=False)
        found.append(one if other is one or other.points is None else read)
    return tuple(found)


class _Judging:
    def __init__(self, question: Question, answer: str, context: Context, refuted: frozenset[str]) -> None:
        self.question = question
        self.answer = answer
        self.context = context
        self.reading: Reading = read(answer, question.notation, context.own)
        if functions := _functions(self.reading, question):
            notation = replace(question.notation, functions={**question.notation.functions, **functions})
            self.reading = read(answer, notation, context.own)
        self.statements = tuple(map(self._solved, self.reading.statements))
        self.comparer = Comparer(question, frozenset(self.used()) | context.names, refuted)
        self.refuted = refuted
        self.layouts: list[frozenset[str]] = []
        """Of each right formula, the layouts in which it is right."""
        self.definitions: Definitions = definitions(
            self.statements, self.comparer.known - question.quantities.sizes, context.definitions
        )
        self.comparer.introduced = self._introduced()
        self.conditional = frozenset(self._conditional())
        """Numbers of statements about a special case, like "for λ = 0 it is …", and of the conditions themselves."""
        self.false = tuple(self._false_equalities())

    def used(self) -> Iterator[str]:
        """Iterate over all names in the answer."""
        for member in (member for statement in self.statements for member in statement.members):
            if member.formula is not None:
                yield from symbols(member.formula)

    def _solved(self, statement: FormulaChain) -> FormulaChain:
        """Return `θt+1 − θt = …` as `θt+1 = … + θt`, and other statements as they are."""
        first = statement.members[0]
        terms = first.formula.parts if first.formula and first.formula.kind == "sum" else ()
        names = {asked.name for asked in self.question.asked}
        place = next((n for n, term in enumerate(terms) if name_of(term) in names), None)
        if first.formula is None or place is None or not statement.is_equality:
            return statement
        own = first.formula.data[place]
        rest = tuple(term for n, term in enumerate(terms) if n != place)
        signs = (own, *("-" if sign == own else "+" for n, sign in enumerate(first.formula.data) if n != place))
        others = (
            replace(m, text=f"{first.text} = {m.text}", formula=Formula("sum", (m.formula, *rest), signs))
            if m.formula else m
            for m in statement.members[1:]
        )  # fmt: skip
        return replace(statement, members=(replace(first, formula=terms[place]), *others))

    def _introduced(self) -> dict[str, list[tuple[str, Formula]]]:
        """Return names that stand among words, as in "let e be ŷ − y" and "s, the output", with their candidates: the
        formulas beside them, and all quantities that are computed."""
        defined = (
            {name for _, name, made in self.definitions.own if not name_of(made)}
            | self.definitions.earlier.keys()
            | self.comparer.known
        )
        words = {word for _, text in self.reading.words for word in re.findall(r"(?<!\w)[^\W\d_]\d?(?!\w)", text)}
        found: dict[str, list[tuple[str, Formula]]] = {}
        single = {n: s.members[0] for n, s in enumerate(self.statements) if len(s.members) == 1}
        for number, member in single.items():
            name = member.formula.name if member.formula is not None else ""
            beside = [single[n] for n in (number - 1, number + 1) if n in single and _is_formula(single[n])]
            if name and name not in defined:
                found.setdefault(name, []).extend((m.text, m.formula) for m in beside if m.formula is not None)
        for name in (found.keys() | (words & set(self.used()))) - defined:
            quantities = ((other, named(other)) for other in self.question.quantities.definitions)
            found.setdefault(name, []).extend(quantities)
        return found

    # ── the final formula ────────────────────────────────────────────────────────────────────────────

    def taken_from(self, other: _Judging, place: str) -> Opinion | None:
        """Return the opinion on an answer without formulas, by the formulas that another answer has for what is asked.

        Args:
            other: The other answer.
            place: Its question, for a remark.
        """
        if self.statements or other.question.quantities is not self.question.quantities:
            return None
        found = []
        for asked in self.question.asked:
            if not any(other._names(n, asked.name) for n in range(len(other.statements))):
                return None
            one = other.judgement(asked)
            shelf = Shelf.RIGHT_WITH_REMARKS if one.shelf is Shelf.RIGHT else one.shelf
            remarks = (*one.remarks, f"it stands in the answer to {place}")
            found.append(replace(one, remarks=remarks, shelf=shelf, automatic=False))
        return Opinion(tuple(found))

    def final(self, asked: Asked) -> Final:
        """Return the formula that counts.

        Raises:
            Unread: There is none.
        """
        candidates = [
            (n, s) for n, s in enumerate(self.statements) if self._names(n, asked.name) or self._updates(s, asked)
        ]
        if cases := self._by_cases(candidates, asked):
            return cases
        candidates = [(n, s) for n, s in candidates if n not in self.conditional] or candidates
        remark = ""
        if not candidates:
            candidates = [(n, s) for n, s in enumerate(self.statements) if self._names_also(n, asked)]
        if not candidates:
            candidates, remark = self._unnamed(asked)
        found = [(n, m) for n, s in candidates for m in self._sides(s, asked)]
        if not found:
            raise Unread(f"no formula for {asked.name}")
        number, member = found[-1]
        return Final(member, number, tuple(found[:-1]), remark)

    def _by_cases(self, chains: Sequence[tuple[int, FormulaChain]], asked: Asked) -> Final | None:
        """Join `θ = … if θ > 0` and `θ = … if θ < 0` to one formula with cases, if each has a condition beside it."""
        if len(chains) < 2:
            return None
        first = chains[0][0]
        shift = -1 if first and self.statements[first - 1].relation in _CONDITIONS else 1
        parts: list[Formula] = []
        for number, statement in chains:
            condition = self._condition(number + shift, statement.members[0].line)
            member = [*self._sides(statement, asked)][-1:]
            if condition is None or not member or member[0].formula is None:
                return None
            parts += [self.definitions.resolve(member[0].formula, number)[0], condition]
        last = chains[-1]
        text = "; ".join(s.members[-1].text for _, s in chains)
        return Final(EquationSide(text, last[1].members[-1].line, Formula("cases", tuple(parts))), last[0])

    def _names(self, number: int, name: str) -> bool:
        statement = self.statements[number]
        heads = {m.formula.name for m in statement.members if m.formula is not None}
        return (
            len(statement.members) > 1
            and statement.is_equality
            and (
                any(self._is_named(m.formula, name) for m in statement.members)
                or any(self._derivatives(name, number).get(own) == {name} for own in heads)
            )
        )

    def _updates(self, statement: FormulaChain, asked: Asked) -> bool:
        """Return whether the variable's new value stands behind its own name, as in `θ ← …`."""
        first, variable = statement.members[0].formula, self.question.notation.variable
        return (
            len(statement.members) > 1
            and statement.is_equality
            and first is not None
            and bool(variable)
            and first.name == variable
            and variable in asked.also
        )

    def _derivatives(self, name: str, number: int) -> dict[str, set[str]]:
        """Return the derivatives that the student's own names stand for at a statement: those they are put equal to
        last, or else first after it, as g may be assigned again. `name` is what is asked, however it is written."""
        found: dict[str, set[str]] = {}
        for n, statement in enumerate(self.statements):
            formulas = [m.formula for m in statement.members if m.formula is not None]
            derivatives = {name if self._is_named(f, name) else name_of(f) for f in formulas if f.kind == "derivative"}
            for own in {f.name for f in formulas} - {""} - self.comparer.known:
                if derivatives - {""} and (n <= number or own not in found):
                    found[own] = derivatives - {""}
        return found

    def _is_named(self, formula: Formula | None, name: str) -> bool:
        if formula is None or any(index.startswith("(") for part in formula.parts for index in part.data[1:]):
            return False
        found = name_of(formula)
        if found == name:
            return True
        if formula.kind != "derivative" or not found:
            return False
        of, by = (part.name for part in formula.parts)
        if by in self.comparer.known and not any(by in dialect for dialect in self.comparer.dialects):
            return False
        for dialect in ({}, *self.question.notation.dialects):
            for meaning in (dialect.get(by, by), *self.question.notation.meanings.get(by, ())):
                if f"∂{of}/∂{meaning}" == name:
                    return True
        resolved, _ = self.definitions.resolve(formula.parts[1], len(self.statements))
        return f"∂{of}/∂{resolved.name}" == name

    def _names_also(self, number: int, asked: Asked) -> bool:
        heads = [m.formula.name for m in self.statements[number].members if m.formula is not None]
        others = self._derivatives(asked.name, number)
        return len(heads) > 1 and any(head in asked.also and head not in others for head in heads)

    def _unnamed(self, asked: Asked) -> tuple[list[tuple[int, FormulaChain]], str]:
        """Return the last statements without the name of what is asked, and a remark: bare formulas, or definitions of
        other names."""
        alone = len(self.statements) == 1 and self.reading.is_mathematics_alone
        bare = [
            (n, s)
            for n, s in enumerate(self.statements)
            if (len(s.members) == 1 and alone) or (s.is_equality and all(map(_is_formula, s.members)))
        ]
        defined = [(n, s) for n, s in enumerate(self.statements) if len(s.members) > 1 and self._is_own(s.members[0])]
        place = self.question.asked.index(asked)
        if len(self.question.asked) > 1:
            return ([bare[place]] if len(bare) == len(self.question.asked) else []), ""
        if bare and (not defined or bare[-1][0] > defined[-1][0]):
            behind = [(n, s) for n, s in bare if not defined or n > defined[-1][0]]
            fitting = [(n, s) for n, s in behind if (f := s.members[-1].formula) and self._has_shape(asked, n, f)]
            if fitting or not defined:
                return [self._in_a_sentence(*chosen) for chosen in (fitting or behind)[-1:]], ""
        return defined[-1:], "the formula does not say that it is what is asked for"

    def _in_a_sentence(self, number: int, statement: FormulaChain) -> tuple[int, FormulaChain]:
        """Return a bare formula with a doubt if another stands before it in its sentence, as in "A times B"."""
        joined = re.fullmatch(r"\s*([^.,:;!?\n]*[^\W\d_][^.,:;!?\n]*?)\s*", statement.words)
        if not number or statement.display or self.statements[number - 1].display or joined is None:
            return number, statement
        return number, replace(statement, members=(replace(statement.members[0], doubt=joined[1]),))

    def _is_own(self, member: EquationSide) -> bool:
        if member.formula is None:
            return True
        name = member.formula.name
        return bool(name) and name not in self.comparer.known

    def _sides(self, statement: FormulaChain, asked: Asked) -> Iterator[EquationSide]:
        """Yield the members that are formulas for the quantity, without names that stand for it."""
        members = statement.members
        kept = [m for m in members if m.formula is None or not (
            self._is_named(m.formula, asked.name) or self._stands_for_it(m.formula, asked)
        )]  # fmt: skip
        if kept and kept[0] is members[0] and kept[0].formula is None and len(kept) > 1:
            kept = kept[1:]  # an unread left side
        yield from kept or [m for m in members if m.formula is not None and not self._is_named(m.formula, asked.name)]

    def _stands_for_it(self, formula: Formula, asked: Asked) -> bool:
        name = formula.name
        if name in asked.also and not formula.data[1:]:
            return True
        return bool(name) and any(defined == name for _, defined, _ in self.definitions.own)

    def _defined_unread(self) -> set[str]:
        """Return the names that stand for formulas that cannot be read alone, or not to their end."""
        read = {name for _, name, _ in self.definitions.own}
        found = set()
        for first, *others in (s.members for s in self.statements if len(s.members) > 1 and s.is_equality):
            if first.formula is not None and (others[-1].doubt or others[-1].longer):
                found |= {key_of(first.formula)} & read
            elif first.formula is not None and all(other.formula is None for other in others):
                found |= {first.formula.name} - read
        return found - {""}

    def _conditional(self) -> Iterator[int]:
        line = None
        for number, statement in enumerate(self.statements):
            formulas = [member.formula for member in statement.members]
            here = statement.members[0].line
            names = [formula.name for formula in formulas if formula is not None]
            number_behind = len(formulas) == 2 and formulas[1] is not None and formulas[1].kind == "number"
            if number_behind and names[0] in self.comparer.known:
                line = here
            if here == line:
                yield number

    # ── equalities ───────────────────────────────────────────────────────────────────────────────────

    def _pairs(self) -> Iterator[tuple[int, EquationSide, Formula, EquationSide, Formula]]:
        """Yield neighbours of a chain with their definitions put in, without names that the chain itself defines."""
        names = {name for asked in self.question.asked for name in asked.also}
        for number, statement in enumerate(self.statements):
            read = []
            for member in statement.members:
                made = member.formula
                if (
                    made is None
                    or member.doubt
                    or member.others
                    or made.name in names
                    or (made.name and made.name not in self.comparer.known)
                ):
                    continue
                read.append((member, self.definitions.resolve(made, number)[0]))
            for (one, left), (other, right) in itertools.pairwise(read):
                if statement.is_equality:
                    yield number, one, left, other, right
            for member, _ in read:
                for made, label in member.labels:
                    pair = (self.definitions.resolve(f, number)[0] for f in (made, label))
                    yield number, member, next(pair), member, next(pair)

    def _false_equalities(self) -> Iterator[FalseEquality]:
        for number, one, left, other, right in self._pairs():
            if number in self.conditional or one.formula is None or other.formula is None:
                continue
            try:
                holds = self.comparer.agree(left, right, self._condition(number + 1, other.line))
                if holds is False and (one.formula is not left or other.formula is not right):
                    holds = self.comparer.agree(one.formula, other.formula) or False
            except Unread:
                continue
            except TooMuch:
                return
            if holds is False:
                yield FalseEquality(other.line, one.text, other.text)

    def _condition(self, number: int, line: int) -> Formula | None:
        """Return the statement with this number if it is a condition on this line, as in sign(θ) = 1 if θ > 0."""
        if not 0 <= number < len(self.statements):
            return None
        statement = self.statements[number]
        sides = tuple(member.formula for member in statement.members if member.formula is not None)
        whole = len(sides) == len(statement.members) == 2
        if statement.relation not in _CONDITIONS or not whole or statement.members[0].line != line:
            return None
        return Formula("relation", sides, (statement.relation,))

    # ── one judgement ────────────────────────────────────────────────────────────────────────────────

    def judgement(self, asked: Asked) -> Judgement:
        """Return the judgement on one asked quantity."""
        self.comparer.budget = WorkBudget()
        base = Judgement(
            asked.latex, Comparison.UNREAD, None, asked.points, "", equalities=self.false, skipped=self.reading.skipped
        )
        try:
            final = self.final(asked)
        except Unread as unread:
            return self._unread(base, unread.why)
        found = self._judged(asked, final, base)
        closing = self._closing(asked, final, found)
        if closing is None:
            return found
        last = self._judged(asked, closing, base)
        if last.comparison is Comparison.UNREAD or (found.points is not None and last.points is not None):
            return found
        if self.statements[closing.number].goes_on and last.points is None and self._is_longer(found, final):
            return found
        return last if found.points is None else _not_last(last)

    @staticmethod
    def _is_longer(found: Judgement, final: Final) -> bool:
        """Return whether a judgement is on the formula with its rest, or would be if that could be read."""
        longer = final.member.longer
        return found.points is None or (longer is not None and found.formula == longer.text)

    def _unread(self, base: Judgement, why: str) -> Judgement:
        return replace(base, words=f"Unread: {why}.", group=text_group(self.answer))

    def _closing(self, asked: Asked, final: Final, found: Judgement) -> Final | None:
        """Return a final answer without a left side behind all other formulas, as in "So it is …"."""
        for number in range(len(self.statements) - 1, final.number, -1):
            members = self.statements[number].members
            words = self.statements[number].words
            if words.count("(") > words.count(")") or (self.statements[number].announced and found.points is not None):
                continue  # an aside or a note
            if len(members) > 1 or members[0].formula is None or number in self.conditional:
                return None
            if _is_formula(members[0]) and self._has_shape(asked, number, members[0].formula, found.comparison):
                differs = found.comparison is Comparison.DIFFERS
                remark = f"a formula before it has another value: {final.member.text}" if differs else ""
                return Final(members[0], number, (*final.before, (final.number, final.member)), remark)
        return None

    def _has_shape(self, asked: Asked, number: int, made: Formula, comparison: Comparison = Comparison.EQUAL) -> bool:
        """Return whether a formula is worked out and has the shape of what is asked for, in the handout's layout."""
        self.comparer.budget = WorkBudget()
        try:
            formula = self.definitions.resolve(made, number, gradients=True)[0]
            meaning = next(self.comparer.meanings(formula), None)
            if is_worked_out(formula, self.context.answered | self.question.notation.same.keys()):
                return False
        except (Unread, TooMuch):
            return False
        truth = self.comparer.truth(asked.name, "", 0)
        shapes = {truth.shape, truth.T.shape} if comparison is Comparison.TRANSPOSED else {truth.shape}
        return meaning is not None and not meaning.way.layout and meaning.values[0].shape in shapes

    def _judged(self, asked: Asked, final: Final, base: Judgement) -> Judgement:
        """Judge the final formula as it stands, and if it is not right in the other ways to read it."""
        found = self._judged_as_it_stands(asked, final, base)
        for other in final.member.others if found.points is None else ():
            read = self._judged_as_it_stands(asked, replace(final, member=other), base)
            if read.points is not None and other.remark == WORD and found.comparison is Comparison.DIFFERS:
                return self._unread(replace(base, formula=final.member.text), "its last letter may be a word")
            if read.points is not None:
                kept = (remark for remark in read.remarks if not remark.startswith(ANOTHER))
                shelf = Shelf.RIGHT_WITH_REMARKS
                return replace(read, remarks=(*kept, other.remark), shelf=shelf, automatic=False)
            if (other is final.member.longer and not final.member.doubt) or read.comparison is Comparison.UNREAD:
                found = read
        return found

    def _judged_as_it_stands(self, asked: Asked, final: Final, base: Judgement) -> Judgement:
        self.comparer.budget = WorkBudget()
        base = replace(base, formula=final.member.text)
        try:
            return self._of(asked, final, base)
        except TooMuch:
            return self._unread(base, "too much to evaluate")
        except Unread as unread:
            return self._unread_final(asked, final, base, unread.why)

    def _unread_final(self, asked: Asked, final: Final, base: Judgement, why: str) -> Judgement:
        made = self._unread(base, why)
        self.comparer.budget = WorkBudget()
        try:
            before = self._right_before(asked, final)
        except TooMuch:
            return made
        words = f"The right value stands before it. Unread: {why}."
        return replace(made, shelf=Shelf.RIGHT_NOT_LAST, words=words) if before else made

    def _of(self, asked: Asked, final: Final, base: Judgement) -> Judgement:
        if final.member.formula is None:
            raise Unread(final.member.why)
        formula, carried = self.definitions.resolve(final.member.formula, final.number, gradients=True)
        if any(name_of(node) == asked.name for node in nodes(formula)):
            formula, carried = final.member.formula, frozenset()
        if any(name_of(node) == asked.name for node in nodes(formula)):
            raise Unread(f"it contains {asked.name} itself")
        first: Meaning | None = None
        for meaning in self.comparer.meanings(formula):
            first = first or meaning
            if self.comparer.is_right(meaning, asked.name):
                self.layouts.append(self.comparer.layouts_of(meaning, asked.name))
                if SUMMED in meaning.remarks:
                    return self._other(asked, final, base, self.comparer.averaged(meaning), carried)
                return self._right(asked, final, base, meaning, carried)
        for meaning in self.comparer.meanings(formula):
            if not self.refuted and self.comparer.equals(meaning, asked.name, turned=True):
                remark = "it is the transpose of what is asked for"
                return self._right(asked, final, base, replace(meaning, remarks=(*meaning.remarks, remark)), carried)
        return self._not_right(asked, final, base, formula, first, carried)

    def _not_right(
        self,
        asked: Asked,
        final: Final,
        base: Judgement,
        formula: Formula,
        first: Meaning | None,
        carried: frozenset[str],
    ) -> Judgement:
        if final.member.doubt:
            raise Unread(f"“{final.member.doubt}” may belong to it")
        left = self.statements[final.number].members[0]
        if left.formula is None and not self._names(final.number, asked.name):
            raise Unread(f"its left side cannot be read: {left.why}")
        if left.formula is not None and left.formula.kind == "sum" and asked.name in symbols(left.formula):
            raise Unread(f"its left side is more than {asked.name}")
        used = {key_of(node) for made in (formula, final.member.formula or formula) for node in nodes(made)}
        if unread := sorted(self._defined_unread() & used):
            raise Unread(f"{unread[0]} stands for a formula that cannot be read")
        if first is None or first.way.layout:
            return self._without_shapes(asked, final, base, formula)
        return self._other(asked, final, base, first, carried)

    def _right(
        self, asked: Asked, final: Final, base: Judgement, meaning: Meaning, carried: frozenset[str]
    ) -> Judgement:
        answered = self.context.answered | self.question.notation.same.keys()
        if left := is_worked_out(meaning.formula, answered):
            group = fingerprint(meaning.values, "not worked out")
            words = f"Not worked out: it still contains {left}."
            return replace(base, words=words, group=group)
        layout = bool(meaning.way.layout) or any("transpose" in remark for remark in meaning.remarks)
        remarks = [*meaning.remarks, *self._remarks(asked, final, meaning)]
        if carried:
            remarks.append(f"{', '.join(sorted(carried))} taken from an earlier answer")
        simple = self._unsimplified(asked, meaning.formula)
        comparison = (
            Comparison.TRANSPOSED if layout else Comparison.UNSIMPLIFIED if simple or carried else Comparison.EQUAL
        )
        remarks += [simple] if simple else []
        found = replace(
            base,
            comparison=comparison,
            points=asked.points,
            words=f"Equal on {len(self.comparer.problems)} random problems.",
            remarks=tuple(dict.fromkeys(remarks)),
            shelf=Shelf.RIGHT_WITH_REMARKS if remarks or self.false else Shelf.RIGHT,
            group=fingerprint(meaning.values, meaning.way.layout),
        )
        return replace(found, automatic=found.shelf is Shelf.RIGHT and self._is_proven(asked, final, meaning))

    def _unsimplified(self, asked: Asked, formula: Formula) -> str:
        if asked.leaves is None:
            return ""
        seen = list(nodes(formula))
        if any(n.kind == "applied" and (n.data[0] in ("exp", "log") or n.data[0].endswith("'")) for n in seen):
            return "not simplified: it still has an exponential, a logarithm or a derivative in it"
        if any(n.kind == "quotient" for n in seen):
            return "not simplified: a fraction is left"
        return "it can be written shorter" if leaves(formula) > ROOM * asked.leaves else ""

    def _remarks(self, asked: Asked, final: Final, meaning: Meaning) -> Iterator[str]:
        if final.remark:
            yield final.remark
        yield from self._interruption()
        if any(skipped.why == "struck out" for skipped in self.reading.skipped):
            yield "a part is struck out"
        if meaning.negligible:
            yield "a term or a case of it makes no difference on the random problems"
        special = [
            (n, s) for n, s in enumerate(self.statements) if n in self.conditional and self._names(n, asked.name)
        ]
        cases = self._by_cases(special, asked)
        if cases and cases.member.formula and self.comparer.agree(cases.member.formula, meaning.formula) is False:
            yield f"its cases say something else: {cases.member.text}"
        for number, statement in enumerate(self.statements):
            if not statement.is_equality and self._mentions(statement, asked):
                yield f"a relation other than = at “{statement.members[0].text}”"
            if number > final.number and (other := self._another(statement, meaning)):
                yield f"{ANOTHER}{other}"

    def _interruption(self) -> Iterator[str]:
        if self.reading.interrupted:
            yield f"“{self.reading.interrupted[0].text}” stands among the mathematics"

    def _mentions(self, statement: FormulaChain, asked: Asked) -> bool:
        return any(self._is_named(m.formula, asked.name) for m in statement.members)

    def _another(self, statement: FormulaChain, meaning: Meaning) -> str:
        """Return the formula of a later statement that says not what it is of, or of a name of the student's own, if it
        has another value of the same shape."""
        last = statement.members[-1]
        if len(statement.members) > 1 and not self._is_own(statement.members[0]):
            return ""
        if last.formula is None:
            return last.text if statement.display else ""
        if not _is_formula(last):
            return ""
        try:
            formula = self.definitions.resolve(last.formula, len(self.statements))[0]
            other = next(self.comparer.meanings(formula), None)
        except Unread:
            return last.text if symbols(last.formula) & self.comparer.known else ""
        differs = other is not None and any(
            a.shape == b.shape and not np.allclose(a, b) for a, b in zip(other.values, meaning.values, strict=False)
        )
        return last.text if differs else ""

    def _other(
        self, asked: Asked, final: Final, base: Judgement, meaning: Meaning, carried: frozenset[str]
    ) -> Judgement:
        mistake = self.comparer.named_value(meaning, asked.name)
        if carried and self._right_by_itself(asked, final):
            mistake = "It is right but for what it takes from an earlier answer."
        truth = self.comparer.truth(asked.name, meaning.way.layout, 0)
        if not mistake:
            mistake = "It has another value." if truth.shape == meaning.values[0].shape else (
                f"It is {_a(meaning.values[0])}, and what is asked for is {_a(truth)}."
            )  # fmt: skip
        return replace(
            self._differs(asked, final, base, mistake),
            evidence=_counter_example(self.comparer.problems[0], meaning.values[0], truth),
            remarks=(*meaning.remarks, *self._interruption()),
            group=fingerprint(self.comparer.on_all(meaning).values, meaning.way.layout),
        )

    def _differs(self, asked: Asked, final: Final, base: Judgement, mistake: str) -> Judgement:
        judged = replace(base, comparison=Comparison.DIFFERS, words=mistake, mistake=mistake, shelf=Shelf.OTHER_VALUE)
        return _not_last(judged) if self._right_before(asked, final) else judged

    def _without_shapes(self, asked: Asked, final: Final, base: Judgement, formula: Formula) -> Judgement:
        """Judge a formula whose shapes fit in no layout, and say so if only transpositions are missing."""
        why = "The shapes do not fit"
        try:
            self.comparer.evaluated(formula, NotationInterpretation())
        except Mismatch as mismatch:
            why = f"The shapes do not fit: {mismatch.why}"
        try:
            loose = self.comparer.evaluated(formula, NotationInterpretation(loose=True))
        except Mismatch:
            left = self.statements[final.number].members[0].formula
            if left is None or not any(part.data[1:] for part in left.parts):
                raise  # an index may count examples, unless the left side says which element it is
            mistake, group = f"{why}.", text_group(self.answer)
        else:
            right = self.comparer.equals(loose, asked.name) or self.comparer.equals(loose, asked.name, turned=True)
            mistake = f"{why}; with transpositions put in it is what is asked for." if right else f"{why}."
            group = fingerprint(loose.values, "shapes do not fit")
        judged = self._differs(asked, final, base, mistake)
        return replace(judged, evidence=f"{self.comparer.problems[0].description}.", group=group)

    def _right_by_itself(self, asked: Asked, final: Final) -> bool:
        """Return whether the formula is right if names from earlier answers have their usual meaning."""
        assert final.member.formula is not None
        own = Definitions(self.definitions.own).resolve(final.member.formula, final.number)[0]
        try:
            return any(self.comparer.is_right(meaning, asked.name) for meaning in self.comparer.meanings(own))
        except Unread:
            return False

    def _right_before(self, asked: Asked, final: Final) -> bool:
        return any(self._is_right_formula(asked, number, member) for number, member in final.before)

    def _is_right_formula(self, asked: Asked, number: int, member: EquationSide) -> bool:
        if member.formula is None:
            return False
        formula, _ = self.definitions.resolve(member.formula, number, gradients=True)
        try:
            if (
                is_worked_out(formula, self.context.answered | self.question.notation.same.keys())
                or symbols(formula) - self.comparer.known
            ):
                return False
            return any(
                self.comparer.is_right(meaning, asked.name) and SUMMED not in meaning.remarks
                for meaning in self.comparer.meanings(formula)
            )
        except Unread:
            return False

    def _is_used(self, definition: FormulaChain) -> bool:
        name = definition.members[0].formula.name if definition.members[0].formula is not None else ""
        others = (m.formula for s in self.statements if s is not definition for m in s.members)
        return len(definition.members) == 1 or any(name in symbols(f) for f in others if f is not None)

    # ── automatic marks ──────────────────────────────────────────────────────────────────────────────

    def _is_proven(self, asked: Asked, final: Final, meaning: Meaning) -> bool:
        """Return whether it is mathematics alone, all read, with every equality true and no second formula."""
        if not self.reading.is_mathematics_alone or self.reading.own or meaning.remarks or meaning.elementwise:
            return False
        members = [member for statement in self.statements for member in statement.members]
        if any(m.formula is None for m in members) or not all(s.is_equality for s in self.statements):
            return False
        if any(self._is_own(member) for s in self.statements for member in s.members[1:] if _is_name(member)):
            return False
        if not all(self._is_used(s) for s in self.statements if self._is_own(s.members[0])):
            return False
        about = [s for n, s in enumerate(self.statements) if self._names(n, asked.name)]
        single = [s for s in self.statements if len(s.members) == 1]
        if single and len(self.statements) > 1:
            return False
        if not single and (len(about) != 1 or about[0] is not self.statements[final.number]):
            return False
        if not single and not self._is_named(about[0].members[0].formula, asked.name):
            return False
        return all(self.comparer.holds_strictly(left, right) for _, _, left, _, right in self._pairs())


def _functions(reading: Reading, question: Question) -> dict[str, str]:
    """Return functions that an answer defines, such as φ(z) = 1/(1 + e⁻ᶻ), each with its usual name."""
    found: dict[str, str] = {}
    for function, variable, body in reading.functions:
        if function in question.notation.functions:
            continue  # the course's; another value of it is a false equality
        at = [{variable: Formula("number", data=(x,))} for x in ("0.3", "-1.7")]
        for name in FUNCTIONS.keys() - {"sum", "diag"}:
            if all(_is_value(body, values, name, question) for values in at):
                found[function] = name
    return found


def _is_value(body: Formula, at: Mapping[str, Formula], function: str, question: Question) -> bool:
    compared = Formula("block", (put_in(body, at), Formula("applied", tuple(at.values()), (function,))), ("1",))
    try:
        one, other = Evaluation(question.quantities, question.quantities.problems[0]).value(compared)
    except Unread:
        return False
    return same(one, other)


_CONDITIONS = frozenset({"<", ">", "<=", ">="})


def _not_last(judged: Judgement) -> Judgement:
    """Return the judgement on another value, before which the right one stands."""
    words = f"The right value stands before it, but not last. {judged.mistake}"
    return replace(judged, shelf=Shelf.RIGHT_NOT_LAST, words=words)


def _is_formula(member: EquationSide) -> bool:
    """Return whether it is more than a name, a number or a condition, which may be mentioned anywhere."""
    formula = member.formula
    if formula is None or (formula.kind == "cases" and all(part.kind == "number" for part in formula.parts[::2])):
        return False
    return leaves(formula) > 1 and not name_of(formula)


def _is_name(member: EquationSide) -> bool:
    return member.formula is not None and bool(member.formula.name)


def unread_opinion(question: Question, answer: str, words: str) -> Opinion:
    """Return an opinion without any comparison."""
    asked, group = question.asked, text_group(answer)
    return Opinion(tuple(Judgement(a.latex, Comparison.UNREAD, None, a.points, words, group=group) for a in asked))


def text_group(answer: str) -> str:
    """Return the group of an answer that is not read: answers of the same text."""
    return digest(" ".join(unicodedata.normalize("NFC", answer).split()))


def _a(array: Array) -> str:
    return f"an array of {shape(array)}" if array.ndim else "a number"


def _counter_example(problem: SampleProblem, value: Array, truth: Array) -> str:
    return f"{problem.description} it gives {_numbers(value)}, and the true value is {_numbers(truth)}"


def _numbers(array: Array) -> str:
    flat: Sequence[str] = [f"{x:.4g}" for x in array.ravel()[:6]]
    more = ", …" if array.size > 6 else ""
    return f"({', '.join(flat)}{more})" if array.ndim else flat[0]

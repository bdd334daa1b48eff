"""What must hold of a whole answer before a formula in it counts as proven: all of it is understood.

Every word is a harmless one, every formula is read, and every equality is true. One doubt, and a person reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, pairwise
from itertools import product as every

import numpy as np

from grader.written.alarms import denies, goes_on, limits, says_of_a_slope, takes_back
from grader.written.bounds import MAX_NODES, Unread
from grader.written.chain_rule import contracted
from grader.written.chains import Chain, Reading
from grader.written.evaluate import Array, Mismatch, same, value
from grader.written.general import at_each_layer, layers_meant, of_each_element
from grader.written.harmless import HARMLESS, PHRASES, SUSPICIOUS
from grader.written.hypotheses import Case
from grader.written.meaning import EARLIER
from grader.written.places import Place, Placed, Words, placed
from grader.written.question import Asked, Question, World
from grader.written.rebuild import put_in
from grader.written.sentences import sentences
from grader.written.shapes import without_shapes
from grader.written.signs import words
from grader.written.sizes import Put, are_true
from grader.written.source import Piece
from grader.written.tree import (
    Applied,
    Cases,
    Condition,
    Formula,
    Number,
    Product,
    Sum,
    Symbol,
    Transposed,
    names,
    nodes,
)

_PLAIN = re.compile(r"[\s.,:;!()\[\]#>*_—–'’\"|=-]*")
_MARKS = re.compile(r"(?<!\w)[-–—](?!\s*$)|[!?]|=(?!\s*$)")
_NAMING = re.compile(r"(?i)\b(let|set|call|name|denote|define|write|take|replace)\W*$")
"""Words before a name that say something about it."""
_NAMED = re.compile(r"(?i)^\W*(be|denotes?|stands?|means?)\b")
_ANSWERS = re.compile(r"(?i)\b(answer|result|solution)\b[^.\n]{0,20}(\b(is|becomes|equals)|:)\W*$")
"""Words before a formula that nothing else stands for."""
_COUNTED = re.compile(
    r"(?i)^\W*(entr(y|ies)|elements?|components?|numbers?|rows?|columns?|nodes?|neurons?|units?|inputs?|hidden)\b"
)
_ADDS = re.compile(r"(?i)^\W*(and|with|then|also|by|to|on|from|into|at|in|plus)\b[^.\n]*$")
"""Words right behind the answer that may join the name behind them to it."""
_FACTOR = re.compile(r"(?i)\b(factors?|terms?|extra|another|additional|products?|parts?)\W*$")
"""Words before a name behind the answer that say that it belongs to it."""
_INDICES = words("i j k l m n N")
_SHAPE = re.compile(r"(?i)^\W*(is|are)( just| simply)? (an? )?(scalar|number|row|column|vector|matrix)\b")
"""Words behind a formula that nothing else is said of."""
_LEADS = re.compile(
    r"(?i)\b(ends? up|left|arrives?|simplif(y|ies)|reduces?|leads?|comes?|evaluates?|cancels?|boils)( down)? "
    r"(with|at|to)\W*$"
)
_OF = re.compile(
    r"(?i)(?<!given )(?<!denoted )\b(of|to|from|with|into|by|on|at|sigmoid|entropy)(\s+(the|a|an|this|that))?\W*$"
)
"""Words before the formula that make another one of it."""
_OTHER = re.compile(
    r"(?i)(?<!of the )\b(loss|cost|function|entropy|activation|bias|weights?|rate|penalty|rule)\s+"
    r"(is|becomes|equals)\W*$"
)
"""Words before a formula without a left side that say that it is something else."""
_SUBJECT = re.compile(r"(?i)([^.,;:\n]*)\b(?:is|are|equals|becomes)\W*$")
_GRADIENTS = words(
    "a an and answer as derivative final finally for gradient hence in it our partial respect result simply so "
    "solution that the then therefore this thus to w r t here we get have with which wrt desired just"
)
"""What a formula without a left side may be said to be."""
_IS_CALLED = r"(?i)^\W*(is|are|be|denotes?|means?|already|includes?|contains?|has|of|taken)\b[^.\n,;]*?(?<!\w)({})"
"""Words behind a name that call it something."""
SMALLEST = 1e-4
"""How much a term of a sum must count for beside the others."""


def scrutinise(
    question: Question, asked: Asked, reading: Reading, cases: Sequence[Case], chosen: int, put: Put
) -> None:
    """Raises `Unread` with the first doubt."""
    where = placed(reading, chosen)
    _words_agree(reading, question, asked, reading.chains[chosen], where)
    _is_not_of_something(reading, reading.chains[chosen])
    answer = reading.chains[chosen].members[-1].formula
    used = (names(answer) | names(put(answer, chosen))) & question.worlds[0].values.keys() if answer else set()
    weighed = [n for n in range(len(reading.chains)) if not _may_stay_unread(n, where, reading, question, asked, used)]
    for number in weighed:
        _is_whole(reading, question, asked, number, chosen, where)
    are_true(reading, question, asked, chosen, put)
    said = {n: chain for n, chain in enumerate(reading.chains) if len(chain.members) > 1 or n == chosen}
    said = {n: chain for n, chain in said.items() if n in weighed or not chain.doubt}
    equalities = {n: _equality(chain, n, question, asked, put) for n, chain in said.items()}
    for formula in (f for n in weighed for f in equalities.get(n, ())):
        _is_plain(formula, question.worlds)
    layouts = (question.worlds, *question.conventions.values())
    layers = layers_meant(reading.chains, question.notation)
    doubts = [_first_doubt(equalities, weighed, layers, question, worlds) for worlds in layouts]
    if all(doubts):
        raise Unread(doubts[0])
    for case in cases:
        for chain in case.chains:
            members = _equality(chain, chosen, question, asked, put) if len(chain.members) > 1 else []
            if _is_false_then(members, case, question.worlds):
                raise Unread(f"what is said of a case, {chain.members[0].source[:30]}")


def _may_stay_unread(
    number: int, where: Placed, reading: Reading, question: Question, asked: Asked, used: set[str]
) -> bool:
    """An equality in another sentence, or on the way, that says nothing of the names in the answer: whatever it is, the
    answer is none the worse. Where it can be read, it must be true all the same."""
    chain = reading.chains[number]
    is_program = reading.source.pieces[chain.piece].kind == "program" and all(m.formula for m in chain.members)
    is_apart = where.chains.get(number, "beside") != "beside" or (is_program and number in where.chains)
    if not is_apart or len(chain.members) < 2:
        return False
    match chain.members[0].formula:
        case Symbol(name) if chain.doubt:
            return name not in asked.also | {asked.name}
        case Symbol(name):
            certain = {name for name in question.worlds[0].truths if not name.startswith("∂")}
            return name not in used | asked.also | certain | {asked.name}
        case Applied(function, _):
            return function not in ("sigmoid", "sign")
        case _:
            return True


# ── words ────────────────────────────────────────────────────────────────────────────────────────────


def _words_agree(reading: Reading, question: Question, asked: Asked, chosen: Chain, where: Placed) -> None:
    is_named = len(chosen.members) > 1
    answer = chosen.members[-1].formula
    is_transposed = answer is not None and any(
        isinstance(node, Transposed) for node in islice(nodes(answer), MAX_NODES)
    )
    others = {a.name for a in question.asked} - {asked.name}

    foreign = re.compile(rf"(?i)\b(?:{model})\b") if (model := question.notation.foreign) else None

    def leads_on(said: Words) -> bool:
        return _leads_to_another(reading, said, question, asked) or _comes_before(reading, said, others)

    for each in where.words:
        text = without_shapes(each.text)
        together = SUSPICIOUS.search(text)
        alarm = together[0] if together else takes_back(text) or says_of_a_slope(text)
        if each.place != "later" and foreign and (of_another := foreign.search(text)):
            alarm = of_another[0]
        if each.place == "leading" and is_named:
            alarm = alarm or limits(text) or (denies(text) if each.piece == chosen.begins - 1 else "")
        elif each.place == "later" or (each.place == "beside" and _AND.match(text) and leads_on(each)):
            alarm = alarm or ("" if leads_on(each) else goes_on(text, is_transposed=is_transposed))
        elif each.place == "leading" and text.rstrip().endswith(":"):
            alarm = alarm or limits(text) or denies(text) or goes_on(text)
        elif each.place in ("leading", "beside") and not alarm:
            _are_harmless(text)
        if alarm:
            raise Unread(f"the words “{alarm}”")
    for said in reading.said:
        if said.piece == chosen.piece and not said.is_comment:
            _are_harmless(said.text)
        elif alarm := takes_back(said.text) or goes_on(said.text):
            raise Unread(f"the words “{alarm}”")


_AND = re.compile(r"(?i)^\W*(and|while|whereas|similarly|likewise|then)\b")
"""What begins another thought behind a comma."""


def _comes_before(reading: Reading, said: Words, others: set[str]) -> bool:
    """Another answer of the same question."""
    behind = (c.members[0].formula for c in reading.chains if c.begins > said.piece and len(c.members) > 1)
    return any(isinstance(left, Symbol) and left.name in others for left in behind)


def _leads_to_another(reading: Reading, said: Words, question: Question, asked: Asked) -> bool:
    """The sentence goes on to a formula that says that it is of something else."""
    if not said.is_open:
        return False
    pieces, end = reading.source.pieces, said.piece + 1
    while end < len(pieces) and (pieces[end].kind != "words" or len(sentences(pieces[end].text)) == 1):
        end += 1
    inside = [c.members[0].formula for c in reading.chains if said.piece < c.begins < end and len(c.members) > 1]
    truths = question.worlds[0].truths.keys() - {asked.name}
    return any(isinstance(left, Symbol) and left.name in truths for left in inside)


def _are_harmless(said: str) -> None:
    bare = PHRASES.sub(" ", without_shapes(said))
    for word in re.findall(r"[^\W\d_]+", bare):
        if word.lower() not in HARMLESS:
            raise Unread(f"the word “{word}”")
    left = re.sub(r"[^\W\d_]+", " ", bare)
    if not _PLAIN.fullmatch(left) or _MARKS.search(re.sub(r"(?<=\w)-(?=\w)", " ", bare)):
        raise Unread(f"the words “{said.strip()[:40]}”")


def _is_not_of_something(reading: Reading, chain: Chain) -> None:
    """The norm of $…$: harmless words, and another formula."""
    before = reading.source.pieces[chain.begins - 1] if chain.begins else None
    if before is None or before.kind != "words":
        return
    before = replace(before, text=sentences(before.text)[-1])
    has_a_left_side = len(chain.members) > 1
    if not has_a_left_side and (subject := _SUBJECT.search(before.text)):
        for word in re.findall(r"[^\W\d_]+", subject[1]):
            if word.lower() not in _GRADIENTS:
                raise Unread(f"the word “{word}”")
    said = _OF.search(before.text) or (None if has_a_left_side else _OTHER.search(before.text))
    if said and not (has_a_left_side and _LEADS.search(before.text)):
        raise Unread(f"the words “{said[0].strip()}”")


# ── formulas ─────────────────────────────────────────────────────────────────────────────────────────


def _is_whole(reading: Reading, question: Question, asked: Asked, number: int, chosen: int, where: Placed) -> None:
    chain = reading.chains[number]
    if len(chain.members) < 2 and number != chosen and where.chains[number] in ("earlier", "later"):
        _says_nothing_else(reading, question, asked, chain, where.chains[number])
        return
    if chain.doubt:
        raise Unread(chain.doubt)
    if len(chain.members) == 1 and where.chains.get(number) == "leading" and len(reading.chains[chosen].members) > 1:
        if chain.members[0].formula is None and _is_among_words(reading, chain):
            return
    on_the_way = chain.members[1:-1]
    for member in chain.members:
        if member.formula is None and member not in on_the_way:
            raise Unread(f"{member.source[:30]} ({member.unread})")
    if chain.holds and not _always_holds(*chain.holds, question.worlds):
        raise Unread("a condition")
    if len(chain.members) == 1 and number != chosen and not _is_counted(reading, question, chain):
        _is_a_mention(reading, question, chain, number - chosen)


def _is_among_words(reading: Reading, chain: Chain) -> bool:
    return all(re.search(r"[^\W\d_]{2}", said) for said in _around(reading, chain))


def _says_nothing_else(reading: Reading, question: Question, asked: Asked, chain: Chain, place: Place) -> None:
    """In another sentence: a formula that might be another answer, and a name of the handout among words."""
    name = chain.members[0].formula if chain.members else None
    before, after = _around(reading, chain)
    if name is not None and not isinstance(name, Symbol | Number):
        is_answer = _ANSWERS.search(before) is not None
        is_alone = not re.search(r"[^\W\d_]", sentences(before)[-1] + sentences(after)[0])
        if (is_answer or is_alone or place == "later") and _is_another(name, asked, question, is_answer=is_answer):
            raise Unread(f"{chain.members[0].source[:30]}, which may be another answer")
    if (
        not isinstance(name, Symbol)
        or name.name not in question.worlds[0].values.keys() | question.notation.presumed.keys()
    ):
        return
    following = next((c for c in reading.chains if c.begins == chain.piece + 2 and len(c.members) == 1), None)
    if following is not None and isinstance(other := following.members[0].formula, Symbol) and other.name == name.name:
        return  # "I write $h^1$ for $h^{(1)}$"
    if _NAMING.search(before) or _NAMED.search(after) or _is_miscalled(name.name, after, question):
        raise Unread(f"what {chain.members[0].source[:30]} stands for")


def _is_miscalled(name: str, after: str, question: Question) -> bool:
    unlike = question.notation.unlike.get(name)
    return unlike is not None and re.search(_IS_CALLED.format(unlike), after) is not None


def _is_another(formula: Formula, asked: Asked, question: Question, *, is_answer: bool) -> bool:
    """Whether it has the size of what is asked for, and another value, also that of no step on the way. `is_answer`: it
    is called the answer, so that it is wrong whatever its size."""
    try:
        found = [value(formula, {**w.truths, **w.values}) for w in question.worlds]
    except (Mismatch, Unread):
        return is_answer
    wanted = [w.truths[asked.name] for w in question.worlds]
    if not is_answer and any(a.size != b.size for a, b in zip(found, wanted, strict=True)):
        return False
    meant = {asked.name} if is_answer else question.worlds[0].truths.keys()
    return not any(
        all(same(a, w.truths[n]) or same(a.T, w.truths[n]) for a, w in zip(found, question.worlds, strict=True))
        for n in meant
    )


def _around(reading: Reading, chain: Chain) -> tuple[str, str]:
    pieces = reading.source.pieces
    before = pieces[chain.begins - 1].text if chain.begins else ""
    after = pieces[chain.piece + 1].text if chain.piece + 1 < len(pieces) else ""
    return before, after


def _always_holds(formula: Formula, relation: str, worlds: Sequence[World]) -> bool:
    """A condition that is true on all problems takes nothing away: θᵢ ≠ 0, and not y ≠ 0 nor θᵢ > 0."""
    try:
        found = [value(formula, {**w.truths, **w.values, **each}) for w in worlds for each in _elements(formula, w)]
    except (Mismatch, Unread):
        return False
    compare = {"≠": np.not_equal, ">": np.greater, "<": np.less, "≥": np.greater_equal, "≤": np.less_equal}
    return all(bool(compare[relation](a, 0).all()) for a in found)


def _elements(formula: Formula, world: World) -> Iterator[Mapping[str, Array]]:
    return of_each_element([formula], {**world.truths, **world.values})


def _is_counted(reading: Reading, question: Question, chain: Chain) -> bool:
    """The H of "H numbers", among words."""
    is_size = isinstance(formula := chain.members[0].formula, Symbol) and formula.name in question.notation.sizes
    after = reading.source.pieces[chain.piece + 1 : chain.piece + 2]
    return is_size and bool(_COUNTED.match(after[0].text if after else ""))


def _is_a_mention(reading: Reading, question: Question, chain: Chain, behind: int) -> None:
    """A formula that nothing is said of is one name, with words around it."""
    pieces = reading.source.pieces
    if chain.shape is not None and isinstance(chain.members[0].formula, Symbol):
        return
    if isinstance(only := chain.members[0].formula, Symbol) and _is_of_nothing(only.name, question):
        raise Unread(f"{only.name}, which is not defined")
    said = pieces[chain.begins - 1].text if chain.begins else ""
    if (behind == 1 and _ADDS.match(said)) or (behind > 0 and _FACTOR.search(said)):
        raise Unread(f"what {chain.members[0].source[:30]} is for")
    neighbours = [n for n in (chain.begins - 1, chain.piece + 1) if 0 <= n < len(pieces) and not _is_the_end(pieces, n)]
    beside = [c for c in reading.chains if c is not chain and (c.begins == chain.begins or c.piece == chain.piece)]
    is_apart = all(re.search(r"[\w:]", pieces[n].text) and pieces[n].kind == "words" for n in neighbours)
    after = pieces[chain.piece + 1].text if chain.piece + 1 < len(pieces) else ""
    is_known = isinstance(only, Symbol) or (behind < 0 and _is_a_derivative(only, question.worlds))
    if not (is_known or _SHAPE.search(after)) or beside or not is_apart:
        raise Unread(f"what {chain.members[0].source[:30]} is for")
    before = pieces[chain.begins - 1].text if chain.begins else ""
    if (
        _NAMING.search(before)
        or _NAMED.search(after)
        or (isinstance(only, Symbol) and _is_miscalled(only.name, after, question))
    ):
        raise Unread(f"what {chain.members[0].source[:30]} stands for")


def _is_of_nothing(name: str, question: Question) -> bool:
    """A letter that nobody has defined, and that is no usual one for the loss, a size or an index."""
    notation = question.notation
    known = (
        question.worlds[0].values.keys() | question.meanings.keys() | notation.presumed.keys() | notation.sizes.keys()
    )
    return len(name) == 1 and name not in known | _INDICES | {notation.loss}


def _is_a_derivative(formula: Formula | None, worlds: Sequence[World]) -> bool:
    """The value of one of the gradients or steps, on all problems."""
    try:
        found = [value(formula, w.values) for w in worlds] if formula else []
    except (Mismatch, Unread):
        return False
    return any(all(same(a, w.truths[name]) for a, w in zip(found, worlds, strict=True)) for name in worlds[0].truths)


def _is_the_end(pieces: Sequence[Piece], n: int) -> bool:
    return n == len(pieces) - 1 and bool(re.fullmatch(r"[\s.,;:)!]*", pieces[n].text))


def _is_plain(formula: Formula, worlds: Sequence[World]) -> None:
    """Without cases or terms that random problems would hardly ever notice."""
    for node in islice(nodes(formula), MAX_NODES):
        if isinstance(node, Cases):
            for _, condition in node.rows:
                _is_about_a_sign(condition, worlds)
        elif isinstance(node, Sum):
            _every_term_counts(node, worlds)


def _is_about_a_sign(condition: Condition | None, worlds: Sequence[World]) -> None:
    if condition is None:
        return
    sides = (condition.left, condition.right)
    name = next((s.name for s in sides if isinstance(s, Symbol)), "")
    if not any(isinstance(s, Number) and s.value == 0 for s in sides) or not _has_both_signs(name, worlds):
        raise Unread("a case distinction that is not about a sign")


def _has_both_signs(name: str, worlds: Sequence[World]) -> bool:
    found = [w.values[name] for w in worlds if name in w.values]
    return any((a > 0).any() for a in found) and any((a < 0).any() for a in found)


def _every_term_counts(total: Sum, worlds: Sequence[World]) -> None:
    sizes = [[_size(term, world.values) for _, term in total.terms] for world in worlds[::3]]
    for n in range(len(total.terms)):
        if all(0 < each[n] < SMALLEST * max(each) for each in sizes):
            raise Unread("a term that is too small to be noticed")


def _size(formula: Formula, values: Mapping[str, Array]) -> float:
    try:
        return float(np.abs(value(formula, values)).max())
    except (Mismatch, Unread):
        return 0.0


# ── equalities ───────────────────────────────────────────────────────────────────────────────────────

_DISAGREE = "its steps do not agree with each other"
_ARGUMENTS = words("z a s t u v")
"""Letters for the argument of a function in general."""
_NEW = "new "
"""Before a name such as g on the left: what it stands for from there on, where the right side has the old."""


def _equality(chain: Chain, number: int, question: Question, asked: Asked, put: Put) -> Sequence[Formula]:
    """With the names that the student has defined put in. The left side of an assignment, such as g ← … or θ ← …, is
    the new value, and not equal to the old."""
    members = [put(m.formula, number) for m in chain.members if m.formula]
    first = chain.members[0].formula if chain.members else None
    if len(members) < 2 or not isinstance(first, Symbol):
        return members
    if first.name in question.meanings:
        is_told = any(isinstance(member, Symbol) and member.name.startswith("∂") for member in members[1:-1])
        return members[1:] if is_told else [Symbol(f"{_NEW}{first.name}"), *members[1:]]
    if first.name in asked.also:
        is_step = len(names(members[-1])) > 1
        return [Symbol(asked.name), *members[1:]] if is_step else members[1:]
    return members


def _first_doubt(
    equalities: Mapping[int, Sequence[Formula]],
    weighed: Sequence[int],
    layers: Sequence[int],
    question: Question,
    worlds: Sequence[World],
) -> str:
    for number, members in equalities.items():
        for each in at_each_layer(members, layers, question.notation):
            doubt = _doubt(each, question, worlds)
            if doubt and (number in weighed or doubt == _DISAGREE):
                return doubt
    return ""


def _doubt(members: Sequence[Formula], question: Question, worlds: Sequence[World]) -> str:
    """ "" where the equality is true for one of the things that g may stand for."""
    derivatives = worlds[0].truths.keys()
    doubt = ""
    for meant in _meanings(members, {**question.usual, **question.meanings}):
        doubt = _untrue([contracted(put_in(member, meant), derivatives) for member in members], worlds)
        if not doubt:
            break
    return doubt


def _meanings(members: Sequence[Formula], meanings: Mapping[str, Sequence[str]]) -> Iterator[dict[str, Formula]]:
    used = {n: n.removeprefix(_NEW).removeprefix(EARLIER) for m in members for n in names(m)}
    changing = sorted(name for name, bare in used.items() if bare in meanings)
    for each in every(*(meanings[used[name]] for name in changing)):
        yield {name: Symbol(meant) for name, meant in zip(changing, each, strict=True)}


def _untrue(members: Sequence[Formula], worlds: Sequence[World]) -> str:
    first = members[0] if members else None
    known = worlds[0].values.keys() | worlds[0].truths.keys()
    if isinstance(first, Symbol) and first.name not in known and not first.name.startswith("∂"):
        members = members[1:]
    try:
        for n, world in enumerate(worlds):
            argument = {letter: np.asarray(n / 3 - 3) for letter in _arguments(members, world)}
            for values in of_each_element(members, {**world.truths, **world.values, **argument}):
                found = list(_values(members, values))
                if not all(_alike(one, other) for one, other in pairwise(found)):
                    return _DISAGREE
    except Mismatch:
        return _DISAGREE
    except Unread as unread:
        return unread.what
    return ""


def _is_false_then(members: Sequence[Formula], case: Case, worlds: Sequence[World]) -> bool:
    """Where the case holds; what cannot be read, or has another shape, may be."""
    try:
        for world in worlds:
            for values in of_each_element([case.left, *members], {**world.truths, **world.values}):
                where = case.holds(values)
                found = [np.broadcast_to(value(member, values), where.shape) for member in members]
                if not all(np.allclose(one[where], other[where]) for one, other in pairwise(found)):
                    return True
    except (Mismatch, Unread, ValueError):
        pass
    return False


def _values(members: Sequence[Formula], values: Mapping[str, Array]) -> Iterator[Array]:
    """Of all members; of those between the first and the last without what cannot be read."""
    for n, member in enumerate(members):
        try:
            yield value(member, values)
        except Unread:
            unknown = names(member) - values.keys()
            if n in (0, len(members) - 1) or any(not name.startswith("∂(") for name in unknown):
                raise


def _arguments(members: Sequence[Formula], world: World) -> set[str]:
    """The z of f′(z) = f(z)(1 − f(z)), which is any number."""
    if not members or not isinstance(members[0], Applied | Product):
        return set()
    unknown = {name for member in members for name in names(member)} - world.values.keys() - world.truths.keys()
    return unknown if len(unknown) == 1 and unknown <= _ARGUMENTS else set()


def _alike(one: Array, other: Array) -> bool:
    """Derivatives are laid out as everybody likes: as rows or columns, slopes also as a diagonal."""
    return any(same(a, b) for a in (one, one.T, _spread(one)) for b in (other, _spread(other)))


def _spread(a: Array) -> Array:
    return np.diag(a.ravel()) if a.ndim and 1 in a.shape else a

"""Names with their scripts, and derivatives: `W^{(2)T}`, `h_1`, `\\nabla_{b^{(1)}} J`, `\\partial L / \\partial W`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from grader.written.bounds import MAX_DEPTH, Unfinished, Unread
from grader.written.cases import split
from grader.written.cursor import Cursor, show
from grader.written.notation import TOTAL, Notation
from grader.written.signs import words
from grader.written.tokens import Token
from grader.written.tree import Formula, Power, Symbol, Transposed

GREEK = {
    "theta": "θ", "vartheta": "θ", "eta": "η", "lambda": "λ", "sigma": "σ", "delta": "δ", "Delta": "Δ", "alpha": "α",
    "beta": "β", "gamma": "γ", "epsilon": "ε", "varepsilon": "ε", "ell": "ℓ", "phi": "φ", "mu": "μ", "tau": "τ",
    "rho": "ρ", "omega": "ω", "Omega": "Ω", "Theta": "Θ", "Lambda": "Λ",
}  # fmt: skip
_TRANSPOSES = {("letter", "T"), ("macro", "top"), ("macro", "intercal"), ("macro", "transpose"), ("macro", "mathsf")}
_ACCENTS = words("hat widehat bar tilde widetilde overline dot")


@dataclass(frozen=True)
class Scripts:
    """What stands around a name or a bracket."""

    index: str = ""
    """A layer or a time."""
    numbers: tuple[str, ...] = ()
    """Bare numbers as superscripts: a layer or a power."""
    transposed: bool = False
    primes: int = 0


def is_name(token: Token | None) -> bool:
    if token is None:
        return False
    return token.kind == "letter" or (token.kind == "macro" and (token.text in GREEK or token.text in _ACCENTS))


def base(cursor: Cursor, notation: Notation) -> str:
    """The name without its scripts."""
    token = cursor.next()
    if token.kind == "letter" or token.text in GREEK:
        return _letter(token, notation)
    inside = cursor.inside([t for t in cursor.argument() if t.kind not in ("{", "}")])
    if token.text in ("hat", "widehat") and inside.takes("letter", "y"):
        return _accented("ŷ", inside, cursor)
    letter = inside.peek()
    if notation.totals and letter is not None and letter.text in notation.losses | notation.totals:
        inside.skip()
        return _accented(TOTAL, inside, cursor)
    raise Unread(f"\\{token.text}{{{show(inside.rest)}}}, which the handout does not have")


def _letter(token: Token, notation: Notation) -> str:
    letter = GREEK.get(token.text, token.text) if token.kind == "macro" else token.text
    if letter in notation.losses:
        return notation.loss
    return TOTAL if letter in notation.totals else letter


def _accented(name: str, inside: Cursor, outside: Cursor) -> str:
    """`\\hat{y^{(i)}}` has its scripts under the hat; those are not ours."""
    if inside.peek() is not None:
        raise Unread(f"{name} with {show(inside.rest)}")
    return name


# ── scripts ──────────────────────────────────────────────────────────────────────────────────────────


def scripts(cursor: Cursor) -> Scripts:
    found = Scripts()
    while True:
        if cursor.takes("sign", "_"):
            found = _joined(found, _subscript(cursor.argument()))
        elif cursor.takes("sign", "^"):
            found = _joined(found, _superscript(cursor.argument()))
        elif cursor.takes("sign", "'"):
            found = _joined(found, Scripts(primes=1))
        elif _is_dot_t(cursor):
            cursor.skip(2)
            found = _joined(found, Scripts(transposed=True))
        else:
            return found


def _is_dot_t(cursor: Cursor) -> bool:
    """`.T`, but not the end of a sentence before a word."""
    after = cursor.peek(2)
    return (
        cursor.sees("sign", ".")
        and cursor.sees("letter", "T", 1)
        and not (after is not None and after.kind == "letter" and not after.spaced)
    )


def _joined(one: Scripts, other: Scripts) -> Scripts:
    if one.transposed and other.transposed:
        raise Unread("transposed twice")
    return Scripts(
        _both(one.index, other.index),
        one.numbers + other.numbers,
        one.transposed or other.transposed,
        one.primes + other.primes,
    )


_ELEMENT = re.compile(r"(?:1,?)?([ijkmn])|([ijkmn]),?1")
"""Of a row or a column, whose other index is 1."""


def _both(one: str, other: str) -> str:
    """A layer and an element: "1_j"."""
    if not one or not other:
        return one or other
    layer, element = (one, other) if _ELEMENT.fullmatch(other) else (other, one)
    found = _ELEMENT.fullmatch(element)
    if found is None or not re.fullmatch(r"\d+|\(?t([+-]1)?\)?", layer):
        raise Unfinished(f"two indices, {one} and {other}")
    return f"{layer}_{found[1] or found[2]}"


def _subscript(tokens: Sequence[Token]) -> Scripts:
    return Scripts(index=_plain(tokens))


def _superscript(tokens: Sequence[Token]) -> Scripts:
    flat = [t for t in tokens if t.kind not in ("{", "}") and not (t.kind == "sign" and t.text == "^")]
    transposed = primes = 0
    while flat and (flat[-1].kind, flat[-1].text) in _TRANSPOSES:
        flat, transposed = flat[:-1], transposed + 1
    while flat and (flat[0].kind, flat[0].text) in _TRANSPOSES:
        flat, transposed = flat[1:], transposed + 1
    while flat and str(flat[-1]) in ("'", "\\prime"):
        flat, primes = flat[:-1], primes + 1
    if transposed > 1:
        raise Unread("transposed twice")
    if len(flat) == 1 and flat[0].kind == "number":
        return Scripts("", (flat[0].text,), bool(transposed), primes)
    if (power := _constant("".join(map(str, flat)))) is not None:
        return Scripts("", (power,), bool(transposed), primes)
    return Scripts(_plain(flat), (), bool(transposed), primes)


def _constant(said: str) -> str | None:
    """ "-1", "1/2", "\\frac12": a power that can be no layer."""
    found = re.fullmatch(r"(-?)(?:(\d+\.?\d*)|\\[dt]?frac(\d)(\d)|(\d)/(\d))", said)
    if found is None:
        return None
    over, under = (found[3] or found[5], found[4] or found[6]) if not found[2] else (found[2], "1")
    return f"{found[1]}{float(over) / float(under)}" if float(under) else None


def _plain(tokens: Sequence[Token]) -> str:
    """An index as one string, without the brackets that layers stand in."""
    flat = [t for t in tokens if t.kind not in ("{", "}")]
    if len(flat) > 2 and flat[0].kind == "open" and flat[-1].kind == "close":
        flat = flat[1:-1]
    return "".join(t.text for t in flat)


# ── a whole name ─────────────────────────────────────────────────────────────────────────────────────


def symbol(cursor: Cursor, notation: Notation) -> Formula:
    """A name with its layer, powers and transposition. A loss swallows the bracket behind it."""
    name = base(cursor, notation)
    digit = _digit_behind(cursor, name, notation)
    around = scripts(cursor)
    if name == "y" and around.index == "hat":
        name, around = "ŷ", Scripts("", around.numbers, around.transposed, around.primes)
    if name in notation.of_arguments:
        name, around = total(name, around, notation), Scripts()
        loss_arguments(cursor, notation)
    return dressed_name(name, digit, around, notation)


def total(name: str, around: Scripts, notation: Notation) -> str:
    """The loss with an index is another."""
    is_plain = around == Scripts()
    if not is_plain and (not notation.totals or around.transposed or around.numbers):
        raise Unread("a loss with scripts")
    return name if is_plain else TOTAL


def loss_arguments(cursor: Cursor, notation: Notation) -> str:
    """What a loss is said to be of: the one name; or "" where it says nothing, or several things."""
    if not cursor.sees("open") or _is_a_factor(cursor):
        return ""
    parts = split(cursor.bracketed(), ",")
    made = [_argument(cursor.inside(part), notation) for part in parts] if len(parts) == 1 else []
    if len(made) == 1 and notation.derivative(notation.loss, made[0]) == f"∂{notation.loss}/∂{made[0]}":
        raise Unread(f"a bracket behind the loss with {made[0]}")
    return made[0] if len(made) == 1 else ""


def _is_a_factor(cursor: Cursor) -> bool:
    """`\\nabla_a J (h)^T`: arguments are never transposed."""
    ahead = cursor.inside(cursor.rest)
    ahead.bracketed()
    return scripts(ahead).transposed


def _argument(cursor: Cursor, notation: Notation) -> str:
    made = symbol(cursor, notation) if is_name(cursor.peek()) else None
    if not isinstance(made, Symbol) or cursor.peek() is not None or "+" in made.name:
        raise Unread("a bracket behind the loss that is not its arguments")
    return made.name


def _digit_behind(cursor: Cursor, name: str, notation: Notation) -> str:
    """`W2` and `h1`, as in programs."""
    token = cursor.peek()
    if token is None or token.kind != "number" or token.spaced:
        return ""
    if name in notation.powers or name == notation.loss or len(token.text) > 1:
        raise Unread(f"{name}{token.text}, which may be an index or a factor")
    cursor.skip()
    return token.text


def dressed_name(name: str, digit: str, around: Scripts, notation: Notation) -> Formula:
    if around.primes:
        raise Unread(f"{name} with a prime")
    if digit and around.index and digit != around.index:
        raise Unread(f"{name}{digit} with a second index {around.index}")
    index, numbers = _element(digit or around.index, name, notation), around.numbers
    if numbers and index and name not in notation.powers:
        raise Unread(f"{name} with an index {index} and above it {numbers[0]}")
    if numbers and not index and name not in notation.powers:
        index, numbers = numbers[0], numbers[1:]
    made: Formula = Symbol(notation.name(name, index))
    return finished(made, numbers, around.transposed)


def _element(index: str, name: str, notation: Notation) -> str:
    """`\\theta_i`, `\\theta_{t,i}`: an element of what has one layer only."""
    if name in notation.same.keys() | notation.presumed.keys() and (
        found := re.fullmatch(r"(?:\(?(t(?:[+-]1)?)\)?,)?([ijkmn])", index)
    ):
        return f"{found[1] or ''}_{found[2]}"
    return index


def finished(made: Formula, numbers: tuple[str, ...], transposed: bool) -> Formula:
    for number in numbers:
        made = Power(made, float(number))
    return Transposed(made) if transposed else made


# ── derivatives ──────────────────────────────────────────────────────────────────────────────────────


def is_differential(tokens: Sequence[Token]) -> bool:
    return bool(tokens) and (
        str(tokens[0]) in ("\\partial", "d", "\\delta", "\\mathrm d") or str(tokens[0]) == "\\nabla"
    )


def is_of_a_formula(over: Cursor) -> bool:
    """Behind the ∂ stands a norm, or a bracket with more than a name in it."""
    over.skip()
    inner = _unwrapped(over)
    return not is_name(inner.peek()) or any(str(token) in ("+", "-") for token in inner.rest)


def is_of_a_power(over: Cursor, notation: Notation) -> bool:
    over.skip()
    return is_name(over.peek()) and isinstance(symbol(over, notation), Power) and over.peek() is None


def fraction_of_differentials(over: Cursor, under: Cursor, notation: Notation) -> Formula:
    return Symbol(notation.derivative(differential(over, notation), differential(under, notation)))


def differential(cursor: Cursor, notation: Notation) -> str:
    """What stands behind the ∂; a name that nobody can mean where it is more than a name."""
    cursor.skip()
    if cursor.peek() is None:
        raise Unread("a derivative of nothing")
    said = show(cursor.rest)
    inner = _unwrapped(cursor)
    if not is_name(inner.peek()):
        return f"({said})"
    made = symbol(inner, notation)
    if inner.peek() is not None:
        return f"({said})"
    return _name_of(made) or f"({said})"


def _unwrapped(cursor: Cursor) -> Cursor:
    """Without a bracket around everything: `\\partial (W^{(2)})`."""
    rest = cursor.rest
    for _ in range(MAX_DEPTH):
        if len(rest) < 2 or rest[0].kind not in ("open", "{"):
            break
        trial = cursor.inside(rest)
        inner = trial.bracketed()
        if trial.peek() is not None:
            break
        rest = inner
    return cursor.inside(rest)


def _name_of(made: Formula) -> str:
    match made:
        case Symbol(name):
            return name
        case Transposed(Symbol(name)):
            return f"{name}ᵀ"
        case _:
            return ""


def gradient(cursor: Cursor, notation: Notation) -> Formula | str:
    """`\\nabla_{W} J`, `\\nabla_W`, `\\nabla L(\\theta_t)`; of the loss where it does not say of what.

    Where a formula follows that it is of, only what it is by.
    """
    cursor.skip()
    if cursor.takes("sign", "_"):
        index = [*cursor.argument()]
        if len(index) == 1 and is_name(index[0]) and cursor.sees("number"):  # ∇_h1 J, as people type it
            index.append(cursor.next())
        inner = _unwrapped(cursor.inside(index))
        made = symbol(inner, notation) if is_name(inner.peek()) else None
        if made is None or inner.peek() is not None:
            raise Unread("a gradient by something that is not one name")
        by = _name_of(made)
        if _begins_a_formula(cursor) or (notation.variable and _is_another(cursor, notation)):
            return by
        return Symbol(notation.derivative(_of_what(cursor, notation), by))
    if _begins_a_formula(cursor) and notation.variable:
        return notation.variable
    if cursor.peek() is None:
        return Symbol("∇")  # `grad = …`, which the program says
    if not is_name(cursor.peek()):
        raise Unread("∇ without saying of what")
    return _bare_gradient(cursor, notation)


def _of_what(cursor: Cursor, notation: Notation) -> str:
    if cursor.sees("{"):
        inner = cursor.inside(cursor.bracketed())
        said = show(inner.rest)
        made = symbol(inner, notation) if is_name(inner.peek()) else None
        return _name_of(made) if made is not None and inner.peek() is None else f"({said})"
    if is_name(cursor.peek()):
        return _name_of(symbol(cursor, notation))
    return notation.loss


def _is_another(cursor: Cursor, notation: Notation) -> bool:
    """`\\nabla_\\theta \\theta^T\\theta`"""
    ahead = cursor.inside(cursor.rest)
    return is_name(ahead.peek()) and base(ahead, notation) not in notation.of_arguments


def _begins_a_formula(cursor: Cursor) -> bool:
    return cursor.sees("macro", "sum") or cursor.sees("open") or cursor.sees("sign", "|") or cursor.sees("sign", "‖")


def _bare_gradient(cursor: Cursor, notation: Notation) -> Formula:
    """`∇L(θ_t)`, and `∇W2 J` as people type it."""
    name = base(cursor, notation)
    digit = _digit_behind(cursor, name, notation)
    around = scripts(cursor)
    if name in notation.of_arguments:
        name = total(name, around, notation)
        return Symbol(notation.derivative(name, loss_arguments(cursor, notation)))
    by = _name_of(dressed_name(name, digit, around, notation))
    token = cursor.peek()
    if token is None or token.text not in notation.losses:
        raise Unread("∇ without saying of what")
    symbol(cursor, notation)
    return Symbol(notation.derivative(notation.loss, by))

"""An answer as Markdown → its stretches of mathematics and of words."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from grader.derivations.tokens import FUNCTIONS, GREEK, LOWERED, RAISED, spelled
from grader.model import Skipped


@dataclass(frozen=True)
class Piece:
    kind: Literal["maths", "words"]
    text: str
    """Mathematics in LaTeX's spelling; words as they are."""
    line: int
    """Line of the answer at which it begins, from 1."""
    display: bool = False
    """On lines of its own, or a line of code; not within a sentence."""
    source: Literal["latex", "code", "typed"] = "latex"


@dataclass(frozen=True)
class Cut:
    pieces: tuple[Piece, ...]
    skipped: tuple[Skipped, ...] = field(default=())


_ENVIRONMENTS = (
    r"align|aligned|alignat|equation|eqnarray|gather|gathered|split|multline|displaymath|flalign|math|cases|array"
)
_MATHS = re.compile(
    r"\$`(?P<ticked>[^`]+)`\$|(?<!\\)\$\$(?P<open>[^\n$]+)(?=\n[ \t]*\$\$[^\n$]+\$\$)"
    r"|(?<!\\)\$\$(?P<double>.+?)(?:(?<!\\)\$\$|\Z)"
    r"|(?<!\\)\$(?!\s*\d+\s*(?:and|or)\b)(?P<single>(?:(?!\n[ \t]*\n).)+?)(?<!\\)\$"
    r"|\\\\?\[(?P<square>(?!\d).+?)\\\\?\]|\\\\?\((?P<round>.+?)\\\\?\)"
    rf"|\\begin\{{(?P<name>(?:{_ENVIRONMENTS})\*?)\}}(?P<body>.+?)\\end\{{(?P=name)\}}"
    r"|(?P<fence>`{3}|~{3})(?P<info>[^\n`~]{0,40})\n(?P<code>.*?)(?:(?P=fence)|\Z)|(?<!`)`(?P<inline>[^`\n]+)`",
    re.DOTALL,
)
_STRUCK = re.compile(
    r"~~(?P<tilde>.+?)~~|<(?P<tag>del|s|strike)\b[^<>]*>.*?</(?P=tag)>"
    r"|<span[^<>]*line-through[^<>]*>.*?</span>", re.DOTALL | re.IGNORECASE
)  # fmt: skip
_TAG = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]{0,15}(?:\s[^<>]{0,300})?/?>")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


def cut(answer: str) -> Cut:
    """Cut an answer into mathematics and words."""
    skipped: list[Skipped] = []
    text = _COMMENT.sub(_newlines, answer)

    def strike(found: re.Match[str]) -> str:
        line = text.count("\n", 0, found.start()) + 1
        skipped.append(Skipped(line, " ".join(_TAG.sub("", found[0]).strip("~").split()), "struck out"))
        return _newlines(found)

    text = _STRUCK.sub(strike, text)
    text = re.sub(r"(?m)^[ \t]*(?:>[ \t]?)+", "", text)
    text = html.unescape(_TAG.sub(_newlines, re.sub(r"<(?=[^<>\n]*\$)(?![a-zA-Z/])", "\\\\lt ", text)))
    pieces = list(_pieces(text))
    if not any(piece.kind == "maths" for piece in pieces):
        pieces = [one for piece in pieces for one in _bare(piece)]
    return Cut(tuple(pieces), tuple(skipped))


def _newlines(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n") or " "


def _pieces(text: str) -> Iterator[Piece]:
    place = 0
    for found in _MATHS.finditer(text):
        yield from _typed(text[place : found.start()], _line(text, place))
        place = found.end()
        yield from _maths(found, _line(text, found.start()))
    yield from _typed(text[place:], _line(text, place))


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _maths(found: re.Match[str], line: int) -> Iterator[Piece]:
    if found["code"] is not None:
        if found["info"].strip().lower() in ("math", "latex", "tex"):
            yield Piece("maths", spelled(found["code"]), line + 1, display=True)
        else:
            yield from _code(found["code"], line + 1)
    elif found["inline"] is not None:
        yield from _ticked(found["inline"], line)
    else:
        latex = next(
            found[k] for k in ("ticked", "open", "double", "single", "square", "round", "body") if found[k] is not None
        )
        if found["name"] in ("cases", "array"):
            latex = found[0]
        alone = found["single"] is None and found["round"] is None and found["ticked"] is None
        yield Piece("maths", spelled(latex), line, display=alone)


def _ticked(text: str, line: int) -> Iterator[Piece]:
    if "\\" in text:
        yield Piece("maths", spelled(text), line)
    elif (latex := _latex_of(_augmented(text))) is not None:
        yield Piece("maths", latex, line, source="code")
    else:
        yield Piece("words", text, line)


def _code(text: str, line: int) -> Iterator[Piece]:
    """Lines of a program; each is a statement."""
    for number, said in enumerate(text.splitlines()):
        statement, hash_, comment = said.partition("#")
        if statement.strip():
            latex = _latex_of(_augmented(statement)) if "\\" not in statement else spelled(statement)
            if latex is None and re.match(r"\s*(import|from|def|class|for|if|else|print|return|assert|@)\b", statement):
                yield Piece("words", statement, line + number)
            else:
                code = latex if latex is not None else spelled(statement)
                yield Piece("maths", code, line + number, display=True, source="code")
        if hash_:
            yield Piece("words", comment, line + number)


def _augmented(statement: str) -> str:
    found = re.fullmatch(r"\s*([\w.]+)\s*([-+*/])=(?!=)(.*)", statement)
    return f"{found[1]} = {found[1]} {found[2]} ({found[3]})" if found else statement


# ── mathematics typed among words, without dollars ───────────────────────────────────────────────────

_ITEM = re.compile(
    r"(?P<macro>\\(?:[A-Za-z]+|.))|(?P<name>[^\W\d_](?:\w*[^\W_])?'?(?:\.T\b)?)|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<equals><-|←|:=|=(?!=))|(?P<stop>[:;](?=\s|$)|(?<!\.)\.(?=\s|$)|,(?=\s)|[.,](?=$)|⇒|=>|→|->|[!?|•\"“”])|(?P<sign>[^\s\w])"
)


_MARKER = re.compile(r"^\s*(?:[-*+•]|\(?\w{1,2}[.)])\s+(?=\S)")
_BOLD = re.compile(r"(?<![\w)\]}ᵀ⁾])\*\*|\*\*(?![\w(\[\\-])|(?<![\w)\]} ])__|__(?![\w(\[{])")


def _typed(text: str, line: int) -> Iterator[Piece]:
    """Words, and stretches of a line around an = in which every name is one of mathematics."""
    for number, said in enumerate(text.splitlines(keepends=True)):
        said = _BOLD.sub("  ", said)
        said = _MARKER.sub(lambda m: " " * len(m[0]), said)
        place = 0
        for begin, end in _stretches(said):
            latex = _latex_of(said[begin:end])
            if latex is None:
                continue
            if said[place:begin].strip():
                yield Piece("words", said[place:begin], line + number)
            yield Piece("maths", latex, line + number, display=not said[:begin].strip(" *-_#\t"), source="typed")
            place = end
        if said[place:].strip():
            yield Piece("words", said[place:], line + number)


def _stretches(line: str) -> Iterator[tuple[int, int]]:
    begin: int | None = None
    end, equals = 0, False
    items = list(_ITEM.finditer(line))
    asides = _asides(line, items)
    for item in [*items, None]:
        called = item is not None and equals and _is_called(line, item)
        wordy = item is None or item["stop"] or (_is_word(item) and not called) or item.start() in asides
        if wordy:
            if begin is not None and equals:
                yield begin, end
            begin, equals = None, False
            continue
        assert item is not None
        if (
            begin is None
            and (item["sign"] or item["equals"])
            and item[0] not in ("(", "∂", "∇", "[", "|", "=", "-", "‖")
        ):
            continue
        begin = item.start() if begin is None else begin
        equals = equals or bool(item["equals"])
        end = item.end()


def _is_word(item: re.Match[str]) -> bool:
    return bool(item["name"]) and not _is_name(item["name"])


def _asides(line: str, items: Sequence[re.Match[str]]) -> set[int]:
    """Places of the brackets around words that stand behind a formula, with a space before them, as in
    "W = δ hᵀ (a row)"; the last may be open. A single word may be the name of a factor, and where the formula goes on
    behind the bracket, or a sign such as + stands before it, it is part of the formula."""
    found, opened, words = set[int](), list[tuple[int, int]](), 0
    for before, item, after in zip([None, *items], items, [*items[1:], None], strict=False):
        if item[0] in ("(", "["):
            opened.append((item.start() if _may_be_aside(line, before, item) else -1, words))
        elif item[0] in (")", "]") and opened:
            start, words_before = opened.pop()
            ends = after is None or after["stop"] or after["equals"] or _is_word(after)
            found |= {start, item.start()} if start >= 0 and words > words_before + 1 and ends else set()
        words += _is_word(item)
    return found | {start for start, words_before in opened if start >= 0 and words > words_before + 1}


def _may_be_aside(line: str, before: re.Match[str] | None, bracket: re.Match[str]) -> bool:
    ends_a_term = before is not None and (bool(before["name"] or before["number"]) or before[0] in (")", "]", "'"))
    return ends_a_term and line[bracket.start() - 1].isspace()


def _is_called(text: str, item: re.Match[str]) -> bool:
    """A word right before a bracket: a function, perhaps of a library, that may be unknown."""
    return bool(item["name"]) and bool(re.compile(r"(?:\.\w+)*\(").match(text, item.end()))


def _bare(piece: Piece) -> Iterator[Piece]:
    """In an answer without any sign of mathematics, lines that are nothing but a formula."""
    if piece.kind == "maths":
        yield piece
        return
    text = re.sub(r"^\s*(?:[-*•]\s+|\(?[a-z\d]{1,2}[.)]\s+)", "", piece.text).strip().strip("*_")
    items = list(_ITEM.finditer(text.rstrip(".")))
    formula = [item for item in items if not item["name"] or _is_name(item["name"]) or _is_called(text, item)]
    if len(items) >= 3 and len(formula) == len(items) and any(item["sign"] for item in items):
        latex = _latex_of(text.rstrip("."), bare=True)
        if latex is not None:
            yield Piece("maths", latex, piece.line, display=True, source="typed")
            return
    yield piece


_DERIVATIVE = re.compile(
    r"(?:d|del|grad|nabla|partial|D)_?(?P<of>[JLE]|loss)?_?(?:(?<=[JLEs_d])d_?)?"
    r"(?P<by>[WwbahzxgH]_?\d?|y_?hat|theta|out|hidden)"
)
_PLAIN_NAMES = {
    "yhat": r"\hat y", "y_hat": r"\hat y", "y_pred": r"\hat y", "ypred": r"\hat y", "yh": r"\hat y",
    "theta_new": r"\theta_{t+1}", "theta_next": r"\theta_{t+1}", "theta_t1": r"\theta_{t+1}", "new": "",
    "theta_tp1": r"\theta_{t+1}", "theta_old": r"\theta_t", "theta_t": r"\theta_t", "lam": r"\lambda",
    "lambda_": r"\lambda", "lambd": r"\lambda", "lmbda": r"\lambda", "lr": r"\eta", "reg": r"\lambda",
    "grad": r"\nabla",
    "g_t": "g_t", "gt": "g_t", "grad_t": "g_t", "y_true": "y", "np": "",
}  # fmt: skip


def _is_name(text: str) -> bool:
    return _name(text.removesuffix(".T").rstrip("'")) is not None


def _name(text: str) -> str | None:
    """Return a name of a program in LaTeX; None for a word."""
    if len(text) == 1:
        return spelled(text) if ord(text) < 0x2E80 else None
    if found := re.fullmatch(f"(.+?)([{RAISED}{LOWERED}ᵀ]+)", text):
        base = _name(found[1])
        return base and base + spelled(found[2])
    if text in _PLAIN_NAMES:
        return _PLAIN_NAMES[text]
    if text in FUNCTIONS:
        return rf"\operatorname{{{text}}}" if text != "sum" else r"\sum"
    if text in GREEK:
        return rf"\{text}"
    for pattern, latex in _FORMS:
        if found := re.fullmatch(pattern, text):
            parts = [_name(part) if part and not part.isdigit() else part for part in found.groups()]
            return None if None in parts else latex.format(*parts)
    return _gradient(text) or _side_by_side(text)


_FORMS = (
    (r"([^\W\d_]|theta|delta|eta|lambda|sigma|yhat)_?(\d|t|i|j|k)", "{}_{{{}}}"),
    (r"([^\W\d_])_?(\d)_?T", "{}_{{{}}}^T"),
    (r"([A-Za-zŷ])T", "{}^T"),
    (r"d_?([JLEhaz]\d?)_?d_?([WwbahzxH]_?\d?)", r"\frac{{\partial {}}}{{\partial {}}}"),
)
"""Names of programs that have parts, and how they are written in LaTeX."""


def _gradient(text: str) -> str | None:
    """`dW1`, `grad_b2`, `dJ_dh1`."""
    if found := _DERIVATIVE.fullmatch(text):
        by = _name(found["by"])
        of = "J" if found["of"] in (None, "loss") else found["of"]
        # d with a name may be part of ∂J/∂h1: the parser reads it
        return f"d{by}" if text[0] == "d" and not found["of"] else rf"\nabla_{{{by}}} {of} "
    if re.fullmatch(r"d[WwbahzxJLEyθŷ]\d?|∂[^\W\d_]\d?|dtheta", text):
        return f"{text[0]}{_name(text[1:])}"
    return None


def _side_by_side(text: str) -> str | None:
    """`2λθ_t`: several names without spaces."""
    parts = re.findall(r"[α-ωŷ](?:_?[tijk\d])?|[WbahzxyJLgf](?:_?[tijk\d])?|\d", text)
    if "".join(parts) == text and re.search(r"[α-ωŷ\d]", text):
        return " ".join(spelled(part) for part in parts)
    return None


_CODE_NAME = re.compile(r"(?<![\\\w])(?:np|numpy|torch|math)\.|\.dot\(|\.T\b|(?<![\\\w])[^\W\d_](?:\w*[^\W_])?")


def _latex_of(text: str, *, bare: bool = False) -> str | None:
    """Return a line that was typed, or a statement of a program, in LaTeX; None if a word is in it.

    A word right before a bracket is a function, known or not, on the right of an = or in a `bare` formula.
    """
    failed = False

    def translated(found: re.Match[str]) -> str:
        nonlocal failed
        said = found[0]
        if said.endswith("."):
            return ""
        if said == ".dot(":
            return "@("
        if said == ".T":
            return "^T "
        made = _name(said)
        if made is None and found.string[found.end() : found.end() + 1] == "(":
            called = bare or "=" in found.string[: found.start()] or "←" in found.string[: found.start()]
            made = rf"\operatorname{{{said}}}" if called else None
        if made is None:
            failed = True
        return f"{made} "

    text = re.sub(r"\bgrad(?:ient)?[ _]([A-Za-z]_?\d)\b", r"grad_\1", text)
    made = _CODE_NAME.sub(translated, text.replace("^", " ^ ") if "\\" not in text else text)
    made = re.sub(r"(\\nabla_\{[^{}]*(?:\{[^{}]*\})?\}\s*)[JLE]\s+(?=[JLE]\b)", r"\1", made)
    return None if failed else spelled(made)

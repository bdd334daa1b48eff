"""An answer for people's eyes: words, and formulas that KaTeX can draw. Broken LaTeX is mended where only one thing can
have been meant, and shown as its source where not. Opinions are formed on the source, never on what is mended here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from grader.written.bounds import MAX_CHARACTERS
from grader.written.source import Piece, parts

MOST_MISSING = 3
"""Closing braces that are put in at most; where more are missing, nobody knows what was meant."""


@dataclass(frozen=True)
class Shown:
    kind: Literal["words", "maths", "source"]
    text: str
    """Markdown, LaTeX without its dollars, or the source as it was written."""
    display: bool = False
    """Of a formula: on a line of its own."""
    mended: tuple[str, ...] = ()
    """What was mended, for a note beside it."""


def shown(answer: str) -> tuple[Shown, ...]:
    if len(answer) > MAX_CHARACTERS:
        return (Shown("source", answer),)
    source = parts(answer)
    made = [_shown(piece) for piece in source.pieces]
    if source.open and made and source.pieces[-1].kind == "maths":
        made[-1] = Shown("source", source.pieces[-1].text)
    return tuple(made)


def _shown(piece: Piece) -> Shown:
    match piece.kind:
        case "words":
            return Shown("words", piece.text)
        case "program":
            return Shown("source", piece.text)
        case "maths":
            return _maths(piece)


def _maths(piece: Piece) -> Shown:
    text, mended = piece.text.strip(), list[str]()
    for mend in (_stray_dollars, _environments, _scripts, _brackets, _braces, _lines):
        changed = mend(text)
        if changed is None:
            return Shown("source", piece.text, piece.display)
        if changed != text:
            mended.append(_SAID[mend.__name__])
        text = changed
    return Shown("maths", text, piece.display or "\\begin{aligned}" in text, tuple(mended))


_SAID = {
    "_stray_dollars": "dollars inside the formula left out",
    "_environments": "environments exchanged for ones that can be drawn",
    "_scripts": "a second superscript set behind the first",
    "_brackets": "\\left and \\right without partners made plain",
    "_braces": "missing braces put in at the end",
    "_lines": "lines broken as in aligned",
}


# ── each mends one thing, or says None where it cannot ───────────────────────────────────────────────


def _stray_dollars(text: str) -> str:
    return re.sub(r"(?<!\\)\$", " ", text)


_EXCHANGED = {
    "align": "aligned", "flalign": "aligned", "alignat": "aligned", "eqnarray": "aligned", "split": "aligned",
    "multline": "gathered", "gather": "gathered", "equation": "", "displaymath": "", "math": "",
}  # fmt: skip
_ENVIRONMENT = re.compile(r"\\(begin|end)\{([a-zA-Z]{1,20})\*?\}")


def _environments(text: str) -> str | None:
    """KaTeX draws aligned inside dollars, not align; labels and tags number what has no numbers here."""
    text = re.sub(r"\\(?:label|tag)\*?\{[^{}]{0,80}\}|\\nonumber\b|\\notag\b", "", text)
    if not _is_nested(text):
        return None
    if "\\begin{eqnarray" in text:
        text = re.sub(r"&\s*(=|\\leftarrow|:=)\s*&", r"&\1", text)
    return _ENVIRONMENT.sub(_exchanged, text)


def _exchanged(found: re.Match[str]) -> str:
    name = _EXCHANGED.get(found[2], found[2])
    return f"\\{found[1]}{{{name}}}" if name else ""


def _is_nested(text: str) -> bool:
    waiting: list[str] = []
    for kind, name in _ENVIRONMENT.findall(text):
        if kind == "begin":
            waiting.append(name)
        elif not waiting or waiting.pop() != name:
            return False
    return not waiting


_TWO_SCRIPTS = re.compile(r"(\^(?:\{[^{}]{0,60}\}|[^{}\\\s]))\s*(?=\^)")


def _scripts(text: str) -> str:
    """`W^{(2)}^T`, which is an error, as `W^{(2)}{}^T`."""
    return _TWO_SCRIPTS.sub(r"\1{}", text)


def _brackets(text: str) -> str:
    lefts = len(re.findall(r"\\left(?![a-zA-Z])", text))
    rights = len(re.findall(r"\\right(?![a-zA-Z])", text))
    return text if lefts == rights else re.sub(r"\\(?:left|right)(?![a-zA-Z])\.?", "", text)


def _braces(text: str) -> str | None:
    depth = 0
    for brace in re.findall(r"\\.|[{}]", text, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(brace, 0)
        if depth < 0:
            return None
    return text + "}" * depth if depth <= MOST_MISSING else None


def _lines(text: str) -> str:
    """`\\\\` and `&` outside every environment."""
    outside = _outside(text)
    if "\\\\" not in outside and not re.search(r"(?<!\\)&", outside):
        return text
    return f"\\begin{{aligned}}{text}\\end{{aligned}}"


def _outside(text: str) -> str:
    """The text without what stands inside environments."""
    kept, depth, place = list[str](), 0, 0
    for found in _ENVIRONMENT.finditer(text):
        if depth == 0:
            kept.append(text[place : found.start()])
        depth += 1 if found[1] == "begin" else -1
        place = found.end()
    return "".join(kept) + text[place:]

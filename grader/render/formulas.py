r"""Split a written answer (Markdown with LaTeX) into text and formulas, to render the formulas."""

from __future__ import annotations

import re
from dataclasses import dataclass

from grader.render.latex import mended
from grader.render.text import clean

LONGEST = 4_000
"""Longest formula to render, in characters. Longer formulas are shown as LaTeX source."""

_ENVIRONMENTS = "align|aligned|alignat|equation|gather|gathered|multline|eqnarray|split|cases"
_OPENING = re.compile(rf"\\\\|\\\$|\\[\[(]|\$\$?|\\begin\{{(?P<name>(?:{_ENVIRONMENTS})\*?)\}}")
_CLOSING = {
    "$$": re.compile(r"(?<!\\)\$\$"),
    "$": re.compile(r"(?<!\\)\$|\n[ \t]*\n"),  # ends at the paragraph: a single $ may be a currency
    r"\[": re.compile(r"\\\]"),
    r"\(": re.compile(r"\\\)"),
}


@dataclass(frozen=True)
class FormulaPiece:
    """A piece of a written answer: text or a formula. The answer is the concatenation of `source` of all pieces."""

    source: str
    tex: str = ""
    """The LaTeX of a formula, repaired if broken; empty for text and for formulas that cannot be repaired."""
    display: bool = False
    """True for a formula on separate lines, false for a formula within text."""


def pieces(answer: str) -> tuple[FormulaPiece, ...]:
    """Split a written answer into its text and its formulas, in their order. Escape control characters. A delimiter
    without a matching end, such as a single dollar sign, is text."""
    text = clean(answer)
    split: list[FormulaPiece] = []
    end_of_formula = 0
    opening = _OPENING.search(text)
    while opening:
        closing = _closing(text, opening)
        position = opening.end()  # where to look for the next formula
        if closing:
            split += [FormulaPiece(text[end_of_formula : opening.start()]), _formula(text, opening, closing)]
            position = end_of_formula = closing.end()
        opening = _OPENING.search(text, position)
    split.append(FormulaPiece(text[end_of_formula:]))
    return tuple(piece for piece in split if piece.source)


def _closing(text: str, opening: re.Match[str]) -> re.Match[str] | None:
    """Return the end of the formula that `opening` begins. Return None if the formula does not end, is empty or is too
    long: then `opening` is text. An escaped sign such as `\\$`, which `_OPENING` also matches, begins no formula."""
    sign = _CLOSING.get(opening.group())
    if opening["name"]:
        sign = re.compile(re.escape(f"\\end{{{opening['name']}}}"))
    closing = sign.search(text, opening.end()) if sign else None
    if closing is None or not 0 < closing.start() - opening.end() <= LONGEST or not closing.group().strip():
        return None
    return closing


def _formula(text: str, opening: re.Match[str], closing: re.Match[str]) -> FormulaPiece:
    """Return the formula between two delimiters. An environment such as align is part of the formula's LaTeX. Dollar
    signs and brackets are not."""
    source = text[opening.start() : closing.end()]
    inside = text[opening.end() : closing.start()]
    is_inline = opening.group() in ("$", r"\(")
    return FormulaPiece(source, mended(source if opening["name"] else inside) or "", display=not is_inline)

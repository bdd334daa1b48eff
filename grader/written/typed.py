"""Equalities typed among words, without dollars: "let g = ŷ - y (from 1.1)"."""

from __future__ import annotations

import re
from collections.abc import Iterator

_PARTS = re.compile(r"\n|->|=>|→|⇒|⟹|∴|;|,\s|:\s|\.\s|\.$|\s{2,}(?=\()")
"""What ends a formula among words."""
_WORD = re.compile(r"\S+")
_KNOWN = re.compile(
    r"(?i)(?<![A-Za-z])(?:exp|log|ln|sgn|sign|sigmoid|diag|y_?hat|theta|eta|lambda|lam|sigma|delta|nabla|sum|abs|np"
    r"|dy_?hat|dtheta|grad|d?[WbahJLyxg]|d[WbahJLyxg]\d)(?![A-Za-z])"
)
_LETTERS = re.compile(r"[A-Za-z]{2,}")
_EQUAL = re.compile(r"(?<![=<>!+*/-])=(?!=)|←")
_CLOSES = {"(": ")", "[": "]", "{": "}"}


def equalities(text: str) -> Iterator[tuple[int, int]]:
    """Where they begin and end."""
    place = 0
    for cut in (*_PARTS.finditer(text), None):
        end = cut.start() if cut else len(text)
        yield from _in_one_part(text, place, end)
        place = cut.end() if cut else end


def _in_one_part(text: str, place: int, end: int) -> Iterator[tuple[int, int]]:
    run: list[re.Match[str]] = []
    for word in (*_WORD.finditer(text, place, end), None):
        if word is not None and not _LETTERS.search(_KNOWN.sub("", word[0])):
            run.append(word)
            continue
        is_cut = word is not None and run and re.search(r"[-+*/·⊙×=(\[]$", run[-1][0])
        if not is_cut and (found := _equality(text, run)):
            yield found
        run = []


def _equality(text: str, run: list[re.Match[str]]) -> tuple[int, int] | None:
    while run and re.fullmatch(r"[aI*_#>.,:;–—-]+", run[0][0]):
        run = run[1:]
    if not run:
        return None
    start, end = run[0].start(), run[-1].end()
    start += len(text[start:end]) - len(text[start:end].lstrip("*_"))
    end = start + len(text[start:end].rstrip(".,;:!*"))
    said = text[start:end]
    sides = _EQUAL.split(said)
    is_whole = len(sides) > 1 and all(re.search(r"\w", side) for side in sides) and bool(re.search("[^\\W\\d]", said))
    return (start, end) if is_whole and _is_balanced(said) else None


def _is_balanced(said: str) -> bool:
    waiting: list[str] = []
    for character in said:
        if character in _CLOSES:
            waiting.append(_CLOSES[character])
        elif character in _CLOSES.values() and (not waiting or waiting.pop() != character):
            return False
    return not waiting

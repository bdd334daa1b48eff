"""Macros of LaTeX that a notebook defines, put into its text."""

from __future__ import annotations

import re
from functools import partial

from grader.derivations.bounds import MAX_CHARACTERS
from grader.model import Notebook

_BRACES = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"
_DEFINED = re.compile(
    r"\\(?:(?:re)?newcommand|providecommand|(?P<operator>DeclareMathOperator))\*?\s*"
    rf"\{{?\s*\\(?P<name>[A-Za-z]{{1,30}})\s*\}}?\s*(?:\[(?P<count>[1-9])\])?\s*{_BRACES}"
)
_ARGUMENT = rf"\s*(?:{_BRACES}|(\\[A-Za-z]+|[^\s{{}}\\]))"
ROUNDS = 3
"""Macros that use macros that use macros."""
MAX_MACROS = 100
MAX_BODY = 200
"""Characters of a macro; longer ones are left out, and so are those beyond the first hundred."""
MAX_GROWTH = 4
"""Times that a cell may grow; it is left as it is beyond."""


def expanded(notebook: Notebook) -> list[tuple[str, str]]:
    """Return the notebook's cells, with the macros that its text defines put into the text."""
    macros: dict[str, tuple[int, str]] = {}
    for kind, source in notebook.cells:
        for found in _DEFINED.finditer(source) if _is_text(kind, source) else ():
            if len(macros) < MAX_MACROS and len(found[4]) <= MAX_BODY:
                body = rf"\operatorname{{{found[4]}}}" if found["operator"] else found[4]
                macros[found["name"]] = (int(found["count"] or 0), body)
    return [
        (kind, _put_in(source, macros) if macros and _is_text(kind, source) else source)
        for kind, source in notebook.cells
    ]


def _is_text(kind: str, source: str) -> bool:
    return kind != "code" and len(source) <= MAX_CHARACTERS


def _put_in(source: str, macros: dict[str, tuple[int, str]]) -> str:
    text = _DEFINED.sub(lambda found: " " + "\n" * found[0].count("\n"), source)
    for _ in range(ROUNDS):
        for name, (count, body) in macros.items():
            use = re.compile(rf"\\{name}(?![A-Za-z])" + _ARGUMENT * count)
            text = use.sub(partial(_with_arguments, body), text)
            if len(text) > MAX_GROWTH * max(len(source), 500):
                return source
    return text


def _with_arguments(body: str, use: re.Match[str]) -> str:
    given = [group or token for group, token in zip(use.groups()[::2], use.groups()[1::2], strict=True)]
    return re.sub(r"#([1-9])", lambda n: given[int(n[1]) - 1] if int(n[1]) <= len(given) else n[0], f"{body} ")

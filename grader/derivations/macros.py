"""Macros of LaTeX that a notebook defines, put into its text."""

from __future__ import annotations

import re
from functools import partial

from grader.derivations.bounds import MAX_CHARACTERS
from grader.model import Notebook

_BRACES = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"
_DEFINED = re.compile(
    r"\\(?:(?:re)?newcommand|providecommand|def|(?P<operator>DeclareMathOperator))(?![A-Za-z])\*?\s*"
    rf"\{{?\s*\\(?P<name>[A-Za-z]{{1,30}})\s*\}}?\s*(?:\[(?P<count>[1-9])\])?(?P<parameters>(?:\s*#[1-9])*)\s*{_BRACES}"
)
_ARGUMENT = rf"\s*(?:{_BRACES}|(\\[A-Za-z]+|[^\s{{}}\\]))"
ROUNDS = 3
"""Macros that use macros that use macros."""
MAX_MACROS = 100
MAX_BODY = 200
"""Characters of a macro; longer ones are left out. With more than a hundred macros none is put in."""
MAX_GROWTH = 4
"""Times that a cell may grow; it is left as it is beyond."""


def expanded(notebook: Notebook) -> list[tuple[str, str]]:
    """Return the notebook's cells, with the macros that it defines put into the text.

    A macro has its last definition up to the cell's end, or else its first one behind it.
    """
    defined = [_defined(source) for _, source in notebook.cells]
    macros = {name: made for one in reversed(defined) for name, made in one.items()}
    if not macros or len(macros) > MAX_MACROS:
        return list(notebook.cells)
    cells = []
    for (kind, source), one in zip(notebook.cells, defined, strict=True):
        macros |= one
        cells.append((kind, _put_in(source, macros) if _is_text(kind, source) else source))
    return cells


def _defined(source: str) -> dict[str, tuple[int, str]]:
    """Return the macros that a cell defines: number of arguments and body."""
    found = _DEFINED.finditer(source) if len(source) <= MAX_CHARACTERS else ()
    return {
        one["name"]: (
            int(one["count"] or one["parameters"].count("#")),
            rf"\operatorname{{{one[5]}}}" if one["operator"] else one[5],
        )
        for one in found
        if len(one[5]) <= MAX_BODY
    }


def _is_text(kind: str, source: str) -> bool:
    """Return whether macros are used in a cell: it is text, or a cell of code whose magic makes it text."""
    return (kind != "code" or source.lstrip().startswith("%%")) and len(source) <= MAX_CHARACTERS


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

"""Expand the LaTeX macros that a notebook defines."""

from __future__ import annotations

import re
from functools import partial

from grader.derivations.bounds import MAX_CHARACTERS
from grader.model import Notebook

_BRACES = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"
_DEFINED = re.compile(
    r"\\(?:(?:re)?newcommand|providecommand|def|(?P<operator>DeclareMathOperator))(?![A-Za-z])\*?\s*"
    rf"\{{?\s*\\(?P<name>[A-Za-z]{{1,30}})\s*(?:\}}\s*)?(?:\[(?P<count>[1-9])\]\s*)?(?P<parameters>(?:#[1-9]\s*)*){_BRACES}"
)
_ARGUMENT = rf"\s*(?:{_BRACES}|(\\[A-Za-z]+|[^\s{{}}\\]))"
MAX_NESTING = 3
"""Largest depth of macros that use other macros. Deeper ones stay unexpanded."""
MAX_MACROS = 100
"""Largest number of macros. If a notebook defines more, none is expanded."""
MAX_BODY = 200
"""Largest number of characters of a macro's definition. Longer macros are not expanded."""
MAX_GROWTH = 4
"""Largest factor by which expansion may lengthen a cell. Cells that would grow more are not expanded."""


def expanded(notebook: Notebook) -> list[tuple[str, str]]:
    """Return (kind, source) of the notebook's cells with macros expanded in text cells.

    If a macro is defined several times, a cell uses the last definition in or before the cell, or else the first one
    after it.
    """
    defined = [_defined(source) for _, source in notebook.cells]
    macros = {name: made for one in reversed(defined) for name, made in one.items()}
    if not macros or len(macros) > MAX_MACROS:
        return list(notebook.cells)
    cells = []
    for (kind, source), one in zip(notebook.cells, defined, strict=True):
        macros |= one
        cells.append((kind, _expand(source, macros) if _is_text(kind, source) else source))
    return cells


def _defined(source: str) -> dict[str, tuple[int, str]]:
    """Return the macros that a cell defines: name → (number of arguments, body)."""
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
    """Return whether a cell is text: Markdown, or a code cell that begins with a cell magic such as %%latex."""
    return (kind != "code" or source.lstrip().startswith("%%")) and len(source) <= MAX_CHARACTERS


def _expand(source: str, macros: dict[str, tuple[int, str]]) -> str:
    text = _DEFINED.sub(lambda found: " " + "\n" * found[0].count("\n"), source)
    for _ in range(MAX_NESTING):
        for name, (count, body) in macros.items():
            use = re.compile(rf"\\{name}(?![A-Za-z])" + _ARGUMENT * count)
            text = use.sub(partial(_with_arguments, body), text)
            if len(text) > MAX_GROWTH * max(len(source), 500):
                return source
    return text


def _with_arguments(body: str, use: re.Match[str]) -> str:
    given = [group or token for group, token in zip(use.groups()[::2], use.groups()[1::2], strict=True)]
    apart = " " if use.string[max(use.start() - 1, 0) : use.start()].isalpha() else ""  # \odot\h is not \odoth
    filled = re.sub(r"#([1-9])", lambda n: given[int(n[1]) - 1] if int(n[1]) <= len(given) else n[0], body)
    return f"{apart}{filled} "

"""Expand the LaTeX macros that a notebook defines."""

from __future__ import annotations

import re
from dataclasses import dataclass
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


@dataclass(frozen=True)
class _Macro:
    """A macro that a notebook defines."""

    arguments: int
    """Number of arguments."""
    body: str
    """The definition, in which #1, #2, … stand for the arguments."""


def expanded(notebook: Notebook) -> list[tuple[str, str]]:
    """Return (kind, source) of the notebook's cells with macros expanded in text cells.

    If a macro is defined several times, a cell uses the last definition in or before the cell, or else the first one
    after it.
    """
    defined = [_defined(source) for _, source in notebook.cells]
    macros: dict[str, _Macro] = {}
    for macros_of_cell in reversed(defined):
        macros |= macros_of_cell
    if not macros or len(macros) > MAX_MACROS:
        return list(notebook.cells)
    cells = []
    for (kind, source), macros_of_cell in zip(notebook.cells, defined, strict=True):
        macros |= macros_of_cell
        is_text = kind != "code" or source.lstrip().startswith("%%")
        if is_text and len(source) <= MAX_CHARACTERS:
            source = _expand(source, macros)
        cells.append((kind, source))
    return cells


def _defined(source: str) -> dict[str, _Macro]:
    """Return the macros that a cell defines, by name."""
    macros: dict[str, _Macro] = {}
    if len(source) > MAX_CHARACTERS:
        return macros
    for definition in _DEFINED.finditer(source):
        body = definition[5]
        if len(body) > MAX_BODY:
            continue
        arguments = int(definition["count"] or definition["parameters"].count("#"))
        if definition["operator"]:
            body = rf"\operatorname{{{body}}}"
        macros[definition["name"]] = _Macro(arguments, body)
    return macros


def _expand(source: str, macros: dict[str, _Macro]) -> str:
    """Return a text without definitions of macros, in which the macros are expanded. Return the text unchanged if it
    would become too long (`MAX_GROWTH`)."""
    # line breaks stay, so that the lines keep their numbers
    text = _DEFINED.sub(lambda definition: " " + "\n" * definition[0].count("\n"), source)
    longest = MAX_GROWTH * max(len(source), 500)
    for _ in range(MAX_NESTING):
        for name, macro in macros.items():
            arguments = _ARGUMENT * macro.arguments
            use = re.compile(rf"\\{name}(?![A-Za-z]){arguments}")
            text = use.sub(partial(_with_arguments, macro.body), text)
            if len(text) > longest:
                return source
    return text


def _with_arguments(body: str, use: re.Match[str]) -> str:
    """Return a macro's definition with the arguments of a use in place of #1, #2, …"""
    groups = use.groups(default="")
    for number, (in_braces, token) in enumerate(zip(groups[::2], groups[1::2], strict=True), 1):
        body = body.replace(f"#{number}", in_braces or token)
    preceding = use.string[: use.start()][-1:]
    return f" {body} " if preceding.isalpha() else f"{body} "  # \odot\h is not \odoth

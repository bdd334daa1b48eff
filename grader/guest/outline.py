"""Distinguish implemented methods and functions from the handout's gaps by their source text."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outline:
    """The methods of a class or the functions of a module."""

    filled: frozenset[str]
    """Names with code."""
    open: frozenset[str]
    """Names that are still gaps."""

    def with_(self, names: frozenset[str]) -> Outline:
        """Return the outline after these methods were added to the class."""
        return Outline(self.filled | names, self.open - names)

    def only(self, names: Collection[str]) -> Outline:
        """Return the outline reduced to these names."""
        return Outline(self.filled.intersection(names), self.open.intersection(names))

    def on(self, base: Outline | None) -> Outline:
        """Return the outline of this class combined with the outline of its base class."""
        if base is None:
            return self
        return Outline(self.filled | (base.filled - self.open), self.open | (base.open - self.filled))

    def is_empty_beside(self, other: Outline) -> bool:
        """Return whether this outline has gaps where `other` has code, and no code that `other` lacks.

        Special methods do not count: many handouts provide `__init__`.
        """
        written = {name for name in self.filled if not name.startswith("__")}
        return bool(self.open & other.filled) and written <= other.filled


def outline(node: ast.ClassDef) -> Outline:
    """Return the outline of a class."""
    return outline_of(n for n in node.body if isinstance(n, ast.FunctionDef))


def outline_of(functions: Iterable[ast.FunctionDef]) -> Outline:
    """Return the outline of several functions."""
    functions = list(functions)
    gaps = frozenset(f.name for f in functions if _is_gap(f.body))
    return Outline(frozenset(f.name for f in functions) - gaps, gaps)


def is_gap(function: Callable[..., Any]) -> bool:
    """Return whether the source of a function is still a gap; False if there is no source."""
    try:
        module = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return False
    return bool(outline_of(n for n in module.body if isinstance(n, ast.FunctionDef)).open)


def _is_gap(body: Sequence[ast.stmt]) -> bool:
    """Return whether a body has only `pass`, `...` or `raise`, or always raises NotImplementedError. A `raise` under an
    `if` does not count: it may reject wrong arguments."""
    return all(_is_placeholder(s) for s in body) or _always_raises(body)


def _is_placeholder(node: ast.stmt) -> bool:
    match node:
        case ast.Pass() | ast.Raise() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Return(value=None | ast.Constant(value=None)):
            return True
    return False


def _always_raises(body: Sequence[ast.stmt]) -> bool:
    return any(
        _always_raises(s.body)
        if isinstance(s, ast.For | ast.While | ast.With)
        else isinstance(s, ast.Raise) and s.exc is not None and "NotImplementedError" in ast.unparse(s.exc)
        for s in body
    )

"""Find out from the source text which methods and functions are implemented, and which are still empty."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outline:
    """The methods of a class or the functions of a module, divided into implemented and empty ones."""

    filled: frozenset[str]
    """Names of the implemented methods or functions."""
    open: frozenset[str]
    """Names of the methods or functions that are still empty."""

    def only(self, names: Collection[str]) -> Outline:
        """Return an outline that contains only these names."""
        return Outline(self.filled.intersection(names), self.open.intersection(names))

    def on(self, base: Outline | None) -> Outline:
        """Return this outline extended by the names that only `base` contains, for example inherited methods."""
        if base is None:
            return self
        return Outline(self.filled | (base.filled - self.open), self.open | (base.open - self.filled))

    def is_empty_beside(self, other: Outline) -> bool:
        """Return whether this is a less finished version of `other`: some functions are empty here but implemented in
        `other`, and no function is implemented only here.

        Special methods such as `__init__` do not count as implemented, because many handouts provide them.
        """
        written = {name for name in self.filled if not name.startswith("__")}
        return bool(self.open & other.filled) and written <= other.filled


def outline(node: ast.ClassDef) -> Outline:
    """Return which methods of a class are implemented and which are empty."""
    return outline_of(n for n in node.body if isinstance(n, ast.FunctionDef))


def outline_of(functions: Iterable[ast.FunctionDef]) -> Outline:
    """Return which functions are implemented and which are empty."""
    functions = list(functions)
    gaps = frozenset(f.name for f in functions if _is_gap(f.body))
    return Outline(frozenset(f.name for f in functions) - gaps, gaps)


def is_gap(function: Callable[..., Any]) -> bool:
    """Return whether a function's body is still empty, for example only `pass`. Return False if the source is not
    available."""
    try:
        module = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return False
    return bool(outline_of(n for n in module.body if isinstance(n, ast.FunctionDef)).open)


def _is_gap(body: Sequence[ast.stmt]) -> bool:
    """Return whether a function's body contains only placeholders (`pass`, `...`, `return`, `raise`), or always raises
    NotImplementedError. A `raise` inside an `if` does not count, because it may reject invalid arguments."""
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

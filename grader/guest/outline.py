"""Methods of a class, or functions of a module, that are written or still gaps, by their text alone."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Outline:
    filled: frozenset[str]
    open: frozenset[str]

    def with_(self, names: frozenset[str]) -> Outline:
        """After these have been put into the class."""
        return Outline(self.filled | names, self.open - names)

    def only(self, names: Collection[str]) -> Outline:
        """Return what it says about these names."""
        return Outline(self.filled.intersection(names), self.open.intersection(names))

    def on(self, base: Outline | None) -> Outline:
        """Of a class that continues `base`."""
        if base is None:
            return self
        return Outline(self.filled | (base.filled - self.open), self.open | (base.open - self.filled))

    def is_empty_beside(self, other: Outline) -> bool:
        """It writes nothing that `other` lacks, and has gaps where `other` has code. `__init__` and its kind are
        given in many a handout, so they do not tell an answer from a gap."""
        written = {name for name in self.filled if not name.startswith("__")}
        return bool(self.open & other.filled) and written <= other.filled


def outline(node: ast.ClassDef) -> Outline:
    return outline_of(n for n in node.body if isinstance(n, ast.FunctionDef))


def outline_of(functions: Iterable[ast.FunctionDef]) -> Outline:
    functions = list(functions)
    gaps = frozenset(f.name for f in functions if _is_gap(f.body))
    return Outline(frozenset(f.name for f in functions) - gaps, gaps)


def _is_gap(body: Sequence[ast.stmt]) -> bool:
    """Nothing but `pass`, `...` or `raise`; or code that cannot get past a `raise NotImplementedError`. Under an
    `if` it may be a right answer to wrong arguments."""
    return all(_says_nothing(s) for s in body) or _always_raises(body)


def _says_nothing(node: ast.stmt) -> bool:
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

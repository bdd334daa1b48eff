"""Find out which methods and functions are implemented, and which are still empty."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable, Sequence
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any


def implemented(name: str, value: Any) -> dict[str, bool]:
    """Return whether each method of a class, or the function `name`, is implemented.

    Special methods such as `__init__` do not count, because many handouts provide them.
    """
    if not isinstance(value, type):
        return {name: callable(value) and not is_gap(value)}
    methods: dict[str, bool] = {}
    for method in dir(value):
        function = getattr(value, method, None)
        if callable(function) and not method.startswith("__"):
            methods[method] = not is_gap(function)
    return methods


def is_gap(function: Any) -> bool:
    """Return whether a function's body is still empty, for example only `pass`. Return False if the source is not
    available."""
    if not isinstance(function, FunctionType | MethodType):
        return False
    return any(isinstance(node, ast.FunctionDef) and _is_empty(node.body) for node in _parsed(function).body)


def _parsed(function: FunctionType | MethodType | CodeType) -> ast.Module:
    """Return the syntax tree of a function's source; an empty one if the source is not available."""
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(function)))
    except Exception:  # noqa: BLE001  the source may be missing, or nested too deeply
        return ast.Module([], [])


def _is_empty(body: Sequence[ast.stmt]) -> bool:
    """Return whether a function's body contains only placeholders (`pass`, `...`, `return`, `raise`), or always raises
    NotImplementedError. A `raise` inside an `if` does not count, because it may reject invalid arguments."""
    return all(map(_is_placeholder, body)) or _always_raises(body)


def _is_placeholder(node: ast.stmt) -> bool:
    """Return whether a statement stands for code that is still missing."""
    match node:
        case ast.Pass() | ast.Raise() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Return(value=None | ast.Constant(value=None)):
            return True
    return False


def _always_raises(body: Sequence[ast.stmt]) -> bool:
    """Return whether a body raises NotImplementedError, possibly inside loops or `with` blocks."""
    for statement in body:
        match statement:
            case ast.For() | ast.While() | ast.With() if _always_raises(statement.body):
                return True
            case ast.Raise(exc=ast.expr() as exception) if "NotImplementedError" in ast.unparse(exception):
                return True
    return False


# ── variables that still wait for a value ────────────────────────────────────────────────────────────


def unset_variable(frames: Iterable[tuple[FrameType, int]]) -> tuple[str, int, str] | None:
    """Return the file, line and name of the variable whose None made a line raise, if the only statement that sets the
    variable is one such as `x = None` or `x, y = None, None`, which stands for missing code; otherwise None.

    Args:
        frames: The calls that an exception has left, each with the line that raised, the innermost call first. A caller
            counts if it passed the None on as an argument.
    """
    for frame, line in frames:
        tree = _parsed(frame.f_code)
        ast.increment_lineno(tree, frame.f_code.co_firstlineno - 1)
        nodes = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and node.lineno <= line]
        nodes.sort(key=lambda node: node.lineno)  # the last one raised
        read = [name for name in _variables(nodes[-1:], ast.Load) if frame.f_locals.get(name, name) is None]
        if not read:
            return None
        for node in nodes:
            if isinstance(node, ast.Assign) and _is_none(node.value):
                for name in _variables([node], ast.Store):
                    if name in read and _variables([tree], ast.Store).count(name) == 1:
                        return frame.f_code.co_filename, node.lineno, name
    return None


def _is_none(value: ast.expr) -> bool:
    """Return whether an expression is None or a tuple of None."""
    return all(isinstance(part, ast.Constant) and part.value is None for part in getattr(value, "elts", [value]))


def _variables(trees: Iterable[ast.AST], context: type[ast.expr_context]) -> list[str]:
    """Return the variables that syntax trees read (`ast.Load`) or set (`ast.Store`)."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    return [node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, context)]

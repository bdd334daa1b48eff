"""Find out which methods and functions are implemented, and which are still empty."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Sequence
from types import FunctionType, MethodType
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
    try:
        module = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return False
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    return any(_is_empty(node.body) for node in functions)


def _is_empty(body: Sequence[ast.stmt]) -> bool:
    """Return whether a function's body contains only placeholders (`pass`, `...`, `return`, `raise`), or always raises
    NotImplementedError. A `raise` inside an `if` does not count, because it may reject invalid arguments."""
    if all(_is_placeholder(statement) for statement in body):
        return True
    return _always_raises(body)


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

"""Placeholders for missing modules and values, so that an unused import or variable costs no points."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn


class StandIn:
    """A placeholder for a missing module or variable. It may be assigned and passed on; any other use, such as a call,
    raises the error of the failed import or statement."""

    _kind: type[Exception]
    _message: str

    def __init__(self, kind: type[Exception], message: str) -> None:
        self.__dict__.update(_kind=kind, _message=message)

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(name) if name.startswith("__") else self.error()

    def error(self) -> Exception:
        """Return the error to raise when the placeholder is used. Its attribute `noted` says that the cause is
        reported elsewhere."""
        error: Any = self._kind(self._message)
        error.noted = True
        return error  # type: ignore[no-any-return]


def _use(stand_in: StandIn, *_arguments: Any, **_options: Any) -> NoReturn:
    """Raise the placeholder's error. This is the method for every operation in `_USES`."""
    raise stand_in.error()


_USES = (
    "call", "mro_entries", "iter", "len", "bool", "enter", "array", "float", "int", "index", "neg",
    "add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "floordiv", "rfloordiv",
    "matmul", "rmatmul", "pow", "rpow",
    "or", "ror", "lt", "gt", "le", "ge", "setattr", "getitem", "setitem",
)  # fmt: skip
for _name in _USES:
    setattr(StandIn, f"__{_name}__", _use)


def bind_stand_ins(names: Iterable[str], into: dict[str, Any], error: BaseException, why: str) -> None:
    """Set each name that is not yet in `into` to a placeholder (`StandIn`). Using a placeholder raises an ImportError
    if `error` is one, and otherwise a NameError. The message contains `why`."""
    kind: type[Exception] = NameError
    for base in (ImportError, ModuleNotFoundError):
        if isinstance(error, base):
            kind = base
    for name in names:
        message = f"name {name!r} is not defined, because the statement that defines it failed ({why})"
        into.setdefault(name, StandIn(kind, message if kind is NameError else why))


def with_stand_ins(node: ast.stmt, namespace: Mapping[str, Any]) -> ast.stmt:
    """Return a copy of a definition in which each default value and each attribute of a class that is computed from a
    placeholder is the placeholder: X_train for `size=len(X_train) // 2`."""

    def available(value: Any) -> Any:
        for part in ast.walk(value) if value else ():
            if isinstance(part, ast.Name) and isinstance(namespace.get(part.id), StandIn):
                return part
        return value

    node = copy.deepcopy(node)
    for part in ast.walk(node):
        if isinstance(part, ast.arguments):
            part.defaults = [available(value) for value in part.defaults]
            part.kw_defaults = [available(value) for value in part.kw_defaults]
        for statement in part.body if isinstance(part, ast.ClassDef) else ():
            if isinstance(statement, ast.Assign | ast.AnnAssign):
                statement.value = available(statement.value)
    return node

"""Put known mistakes and accepted interpretations into a reference: functions that replace its functions, or classes
that override methods of its class. The grader uses this module, and so does a sandbox in which a reference runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any


def with_changes(namespace: Mapping[str, Any], names: Sequence[str], changes: Sequence[Any]) -> Mapping[str, Any]:
    """Return the variables of the reference module, with known mistakes or an interpretation put into its functions or
    class.

    Args:
        namespace: The variables by name.
        names: The entry points: names of functions, or accepted names of the class.
        changes: The mistakes and interpretations to put in: `change` is the new function or class, and `of` the name
            of the function or method that a function replaces.
    """
    reference_class = class_in(namespace, names)
    if reference_class is not None:
        return {**namespace, **dict.fromkeys(names, combined(reference_class, changes))}
    replacements: dict[str, Callable[..., Any]] = {}
    for change in changes:
        replacements[change.of] = _contradictory if change.of in replacements else change.change
    return substituted(namespace, replacements)


def _contradictory(*_args: Any, **_kwargs: Any) -> None:
    """Raise an error. This stands in for a function of the reference if two mistakes replace the function."""
    raise ValueError("two mistakes in one function cannot be combined")


def combined(reference: type, changes: Sequence[Any]) -> type:
    """Return a subclass of the reference's class that contains these changes. If the class of one inherits from
    another's, only the subclass is added."""
    classes: list[type] = []
    for row in changes:
        change = row.change
        if not isinstance(change, type):
            change = type(change.__name__, (reference,), {row.of: change})
        if not any(issubclass(added, change) for added in classes):
            classes = [added for added in classes if not issubclass(change, added)] + [change]
    return type(reference.__name__, (*classes, reference), {})


def substituted(reference: Mapping[str, Any], changes: Mapping[str, Callable[..., Any]]) -> dict[str, Any]:
    """Return the reference module's variables with some functions replaced. The module's other functions then call the
    replacements."""
    namespace = dict(reference)
    for name, value in reference.items():
        if isinstance(value, FunctionType) and value.__globals__ is reference:
            copy = FunctionType(value.__code__, namespace, name, value.__defaults__, value.__closure__)
            copy.__kwdefaults__ = value.__kwdefaults__
            namespace[name] = copy
    namespace.update(changes)
    return namespace


def class_in(namespace: Mapping[str, Any], names: Sequence[str]) -> type | None:
    """Return the class that one of the names stands for; None if they are names of functions."""
    values = (namespace.get(name) for name in names)
    return next((value for value in values if isinstance(value, type)), None)

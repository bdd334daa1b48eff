"""Which methods of a reference's class compute an answer.

A known mistake changes a few methods. If an answer does not depend on them, it is the same with the mistake.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any


class NotingCache:
    """A cache of right results, in place of `ModelTruth.once`. For each result, it also stores the names of the
    model's methods that were called to compute the result."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[object, Any, frozenset[str]]] = {}

    def once(self, what: str, about: object, compute: Callable[[], Any]) -> Any:
        """Return a cached result, computed at the first call, as `ModelTruth.once` does."""
        key = (what, id(about))
        if key not in self._known:
            self._known[key] = (about, *called_methods(compute))
        _, result, names = self._known[key]
        _called[-1] |= names
        return result


_called: list[set[str]] = [set()]
"""For each call of `called_methods` in progress: the names of the methods that were called."""


def called_methods(act: Callable[[], Any]) -> tuple[Any, frozenset[str]]:
    """Call `act`. Return its value, and the names of the methods that computed it, if they belong to a `noting_model`.
    Methods that computed cached results are included."""
    _called.append(set())
    try:
        answer = act()
    finally:
        names = _called.pop()
    return answer, frozenset(names)


def noting_model(model: type) -> type:
    """Return a subclass of a model class. The subclass notes the name of each method that is called.

    In its method resolution order, a class with noting methods comes before each class of the model. So calls by
    `super()` are noted too. (A profile function would also note them, but the model would take 1.5 times as long.)
    """
    order = [kind for one in model.__mro__[:-1] for kind in (_noting_methods(one), one)]

    class Noting(type(model)):  # type: ignore[misc]
        def mro(cls) -> list[type]:
            return [cls, *order, object]

    return Noting(model.__name__, (model,), {})


@cache
def _noting_methods(kind: type) -> type:
    """Return a class with the methods of `kind`. When a method is called, its name is added to `_called`."""

    def noting(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            _called[-1].add(name)
            return method(*args, **kwargs)

        return call

    methods = {name: noting(name, method) for name, method in vars(kind).items() if inspect.isfunction(method)}
    return type(kind.__name__, (), methods)


def changed_methods(right: type, mistaken: type) -> frozenset[str] | None:
    """Return the names of the methods in which two model classes differ; None if they also differ in other ways."""
    changed = set()
    if set(right.__mro__[1:]) - set(mistaken.__mro__):
        return None  # the mistake removes a base class
    for kind in set(mistaken.__mro__) - set(right.__mro__):
        for name in vars(kind).keys() - _OF_EVERY_CLASS:
            before = inspect.getattr_static(right, name, None)
            if inspect.isfunction(before) and before.__code__.co_name == name:
                changed.add(name)
            elif before is not None or name.startswith("__"):
                return None
    return frozenset(changed)


_OF_EVERY_CLASS = vars(type("", (), {})).keys() | {
    "__annotations__", "__firstlineno__", "__qualname__", "__static_attributes__",
}  # fmt: skip

"""Convert a student's values to plain types that can be sent to the grader. A value that cannot be converted becomes
`Opaque`.

Subclasses of dict, list, tuple and deque are read without calling their methods. A number or array must have exactly
one of the plain types, because a subclass may change the operators.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import Any

import numpy as np

from .placeholders import StandIn
from .tables import plain_table
from .wire import DTYPES, Opaque

MAX_DEPTH = 6
MAX_ITEMS = 100_000
MAX_TEXT = 10_000

_NUMBERS: frozenset[type] = frozenset(
    {bool, int, float, np.bool_, np.float16, np.float32, np.float64, np.longdouble}
    | {np.dtype(code).type for code in "bBhHiIlLqQ"}
)
_SEQUENCES: tuple[type, ...] = (tuple, list, deque)


def plain(value: Any, depth: int = 0) -> Any:
    """Return the value converted to plain types. `depth` is its nesting level.

    OrderedDicts, namedtuples, 0-d arrays and deques of numpy scalars are converted, because correct answers may contain
    them. Subclasses of ndarray, such as matrices and masked arrays, are not, because their operators differ.
    """
    kind = type(value)
    if value is None or kind is bool or kind is float:
        return value
    if kind is int:
        return value if -(1 << 63) <= value < 1 << 63 else Opaque("int beyond 64 bits")
    if kind is str:
        return value[:MAX_TEXT]
    if kind is np.ndarray:
        return _array(value)
    if kind in _NUMBERS:
        return _array(np.asarray(value))
    if kind is StandIn:
        raise value.error()
    if depth >= MAX_DEPTH:
        return Opaque(kind.__name__)
    base = dict if issubclass(kind, dict) else sequence_type(value)
    if base is None:
        return _of_library(value)
    if base.__len__(value) > MAX_ITEMS:
        return Opaque(f"{kind.__name__} of {base.__len__(value)} items")
    return _mapping(value, depth) if base is dict else _sequence(list(base.__iter__(value)), depth)


def detached(value: Any) -> Any:
    """Return a copy of plain data, which no later change of its arrays reaches."""
    if type(value) is np.ndarray:
        return value.copy()
    if type(value) is dict:
        return {key: detached(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(detached, value))
    return value


def sequence_type(value: Any) -> Any:
    """Return tuple, list or deque if the value is an instance of it, else None."""
    for base in _SEQUENCES:
        if issubclass(type(value), base):
            return base
    return None


def _array(value: np.ndarray[Any, Any]) -> Any:
    """Return an array with a dtype that can be sent, or `Opaque`."""
    if value.dtype.type is np.longdouble:
        value = value.astype(np.float64)
    if value.dtype.newbyteorder("<").str not in DTYPES:
        return Opaque(f"array of dtype {value.dtype}")
    return value


def _of_library(value: Any) -> Any:
    """Return a table of pandas as plain data, and an array of another library, such as torch or jax, as an array of
    numpy. Any other object becomes `Opaque`."""
    kind = type(value)
    if any(base.__module__.partition(".")[0] == "pandas" for base in kind.__mro__):
        return plain_table(value)
    if hasattr(kind, "__array__") and not issubclass(kind, np.ndarray | np.generic):
        with suppress(Exception):  # a student's class may raise anything
            detached = value.detach().cpu() if hasattr(value, "detach") else value  # of torch, with gradients
            return _array(np.array(detached))
    return Opaque(kind.__name__)


def _sequence(items: list[Any], depth: int) -> Any:
    """Return a list of the converted items, or an array if all items are numbers."""
    if len(items) > 1 and all(_is_number(item) for item in items):
        numbers = [item.reshape(())[()] if type(item) is np.ndarray else item for item in items]
        return _array(np.array(numbers))
    return [plain(item, depth + 1) for item in items]


def _is_number(item: Any) -> bool:
    """Return whether an item is a number, or an array with one entry such as a loss of shape (1, 1)."""
    if type(item) is np.ndarray:
        return item.size == 1
    return type(item) in _NUMBERS


def _mapping(value: Any, depth: int) -> Any:
    """Return the entries of a dict whose keys are strings, converted."""
    entries: dict[str, Any] = {}
    for key, item in dict.items(value):
        if type(key) in (str, np.str_):
            entries[str(key)[:200]] = plain(item, depth + 1)
    return entries

"""A student's values → what may cross the wire. Exact types only; whatever else becomes `Opaque`."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from typing import Any

import numpy as np

from .wire import DTYPES, Opaque

MAX_DEPTH = 6
MAX_ITEMS = 100_000
MAX_TEXT = 10_000

_NUMBERS: frozenset[type] = frozenset(
    {bool, int, float, np.bool_, np.float16, np.float32, np.float64} | {np.dtype(code).type for code in "bBhHiIlLqQ"}
)


def plain(value: Any, depth: int = 0) -> Any:
    """The same value out of plain types, arrays copied.

    Students return odd but right things: OrderedDicts, tuples, 0-d arrays, lists of numpy scalars. All of
    them become what they mean. An ndarray subclass does not: its operators are the student's.
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
    if depth < MAX_DEPTH:
        if kind in (list, tuple):
            return _sequence(value, depth)
        if kind in (dict, OrderedDict, defaultdict):
            return _mapping(value, depth)
    return Opaque(kind.__name__)


def _array(value: np.ndarray[Any, Any]) -> Any:
    if value.dtype.newbyteorder("<").str not in DTYPES:
        return Opaque(f"array of dtype {value.dtype}")
    return value


def _sequence(value: Any, depth: int) -> Any:
    if len(value) > MAX_ITEMS:
        return Opaque(f"{type(value).__name__} of {len(value)} items")
    if len(value) > 1 and all(_is_number(item) for item in value):
        return _array(np.array([item[()] if type(item) is np.ndarray else item for item in value]))
    return [plain(item, depth + 1) for item in value]


def _is_number(item: Any) -> bool:
    return type(item) in _NUMBERS or (type(item) is np.ndarray and item.ndim == 0)


def _mapping(value: Any, depth: int) -> Any:
    if len(value) > MAX_ITEMS:
        return Opaque(f"{type(value).__name__} of {len(value)} items")
    return {key[:200]: plain(item, depth + 1) for key, item in value.items() if type(key) is str}

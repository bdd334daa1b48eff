"""The right values of one call, by name, and functions that compare a student's values with them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from grader.kit.compare import squeezed
from grader.kit.lines.flow import Array, TracedStatement

MAX_RIGHT = 40_000
"""Limit on the number of values of right solutions, for one call. Their rows and transposes are counted too."""
SAME = 1e-5
"""Relative tolerance of an array's norm. It is larger than float32 rounding errors."""
MISAPPLIED = "misapplied "
"""Prefix of the name of a wrong value: the result of a right function for a wrong argument. If a student's code
computes this value, it passes a wrong argument."""

_WANTS = ", meant for "


def misapplied(function: str, right_argument: str, argument: str) -> str:
    """Return the name of the value that a right function returns for a wrong argument.

    Args:
        function: Name of the function.
        right_argument: Name of the right argument.
        argument: Name of the right value that is passed instead.
    """
    return f"{MISAPPLIED}{function}{_WANTS}{right_argument}: {argument}"


def wanted_argument(name: str) -> str:
    """Extract the name of the right argument from a name that `misapplied` has returned."""
    iteration, _, application = name.partition(MISAPPLIED)
    return iteration + application.partition(": ")[0].partition(_WANTS)[2]


def wrong_argument(name: str) -> str:
    """Extract the name of the wrong argument from a name that `misapplied` has returned."""
    return name.partition(MISAPPLIED)[0] + name.partition(": ")[2]


def all_begin(names: Set[str], prefix: str) -> bool:
    """Return whether `names` is not empty and all names have the prefix. An iteration number may precede the prefix, as
    in "3:misapplied …"."""
    return bool(names) and all(prefix in name for name in names)


@dataclass(frozen=True, eq=False)
class _RightValue:
    """A value that right solutions compute, in one of the forms in which it is recognised."""

    name: str
    numbers: Array
    """The value as a flat array."""
    norm: float
    fingerprint: float
    """A projection (`_fingerprint`), by which candidates for a full comparison are found."""

    def equals(self, numbers: Array) -> bool:
        return float(np.linalg.norm(numbers - self.numbers)) <= SAME * self.norm


class RightValues:
    """The values that right solutions compute in one call. A student's value is recognised as one of them even if it is
    transposed or reshaped, or only a row."""

    def __init__(
        self, named: Mapping[str, Any], roles: Sequence[str] = (), sizes: Sequence[str] = (), *, random: bool = False
    ) -> None:
        """Store the right values for comparisons.

        Args:
            named: The right values by name.
            roles: Variable names with a fixed meaning, such as "W1": the student's `W1` must equal a value in `named`
                whose name contains W1.
            sizes: Variable names with a fixed meaning if the value is an integer, such as "N".
            random: True if the values are drawn at random, so that only their shapes can be compared.
        """
        words = {word for name in named for word in _words(name)}
        self._roles, self._size_roles = words.intersection(roles), frozenset(sizes)
        self.random = random
        self._shapes = {name: squeezed(np.shape(value)) for name, value in named.items()}
        self._by_size: dict[int, list[_RightValue]] = {}
        """Size → right values, sorted by fingerprint."""
        self._fingerprints: dict[int, Array] = {}
        """Size → fingerprints, sorted, for binary search."""
        self._integers: set[int] = {0, 1}
        self._sizes: set[int] = set()
        self.compared = 0
        """Number of full comparisons so far, for tests."""
        for name, form in itertools.islice(_distinct_forms(named), MAX_RIGHT):
            self._add(name, form)
        for size, entries in self._by_size.items():
            entries.sort(key=lambda entry: entry.fingerprint)
            self._fingerprints[size] = np.array([entry.fingerprint for entry in entries])

    def _add(self, name: str, value: Array) -> None:
        """Store one form of a right value, a flat array. Values that are not finite count only for their size."""
        self._sizes.add(value.size)
        if value.size == 1 and float(value[0]).is_integer():
            self._integers.add(int(value[0]))
        flat = value.astype(np.float64)
        if np.isfinite(flat).all():
            right_value = _RightValue(name, flat, float(np.linalg.norm(flat)), _fingerprint(flat))
            self._by_size.setdefault(flat.size, []).append(right_value)

    def names(self, value: Array) -> set[str]:
        """Return the names of the values of right solutions that equal a student's value. Values that are drawn at
        random are compared by size."""
        if self.random:
            return {name for name in self._shapes if value.size > 1 and self.has_size_of(value, name)}
        if value.size not in self._fingerprints or not np.isfinite(value).all():
            return set()
        fingerprint, tolerance = _fingerprint(value), SAME * float(np.linalg.norm(value))
        limits = fingerprint - tolerance, fingerprint + tolerance
        first, last = np.searchsorted(self._fingerprints[value.size], limits)
        equal: set[str] = set()
        for right_value in self._by_size[value.size][first : min(int(last), int(first) + 50)]:
            self.compared += 1
            if right_value.equals(value):
                equal.add(right_value.name)
        return {name for name in equal if MISAPPLIED not in name} or equal

    def is_of_another(self, statement: TracedStatement, names: set[str], *, size: bool = False) -> bool:
        """Return whether a statement stores a right value under another right value's name, for example the gradient of
        W2 as `grads['W1']`.

        Args:
            statement: The statement that stores the value.
            names: Names of the right value that is stored.
            size: True for an integer, for which names of sizes such as N have a fixed meaning too.
        """
        if len(statement.writes) != 1:
            return False
        roles = self.roles_of(statement.writes, size=size)
        words = {word for name in names for word in _words(name)}
        return bool(roles) and roles.isdisjoint(words)

    def roles_of(self, paths: Iterable[str], *, size: bool = False) -> set[str]:
        """Return the roles (names with a fixed meaning) of variables and dict entries: {"W1"} for `grads['W1']`."""
        roles = self._roles | self._size_roles if size else self._roles
        return roles.intersection(map(_role, paths))

    def is_named(self, value: Array, name: str) -> bool:
        """Return whether a student's value equals the right value `name`. Values that are drawn at random are compared
        by shape."""
        if self.random:
            return squeezed(value.shape) == self._shapes[name]
        flat = value.ravel()
        right_values = self._by_size.get(flat.size, ())
        return any(right_value.name == name and right_value.equals(flat) for right_value in right_values)

    def has_size_of(self, value: Array, name: str) -> bool:
        return value.size == math.prod(self._shapes[name])

    def has_integer(self, value: int) -> bool:
        return value in self._integers

    def has_size(self, size: int) -> bool:
        return size in self._sizes


def _role(path: str) -> str:
    """Return W1 for the variable `W1` and for the entry `grads['W1']`."""
    return path.rpartition("[")[2].strip("]'") if path.endswith("']") else path


def _words(name: str) -> list[str]:
    return name.replace(":", " ").split()


def _distinct_forms(named: Mapping[str, Any]) -> Iterator[tuple[str, Array]]:
    """Yield each right value in all forms in which it is recognised, with its name."""
    for name, value in named.items():
        forms = {form.tobytes(): form for form in _forms(np.asarray(value))}
        for form in forms.values():
            yield name, form


def _forms(value: Array) -> Iterator[Array]:
    """Yield an array, its transpose and its rows, each as a flat array."""
    yield value.ravel()
    if value.ndim >= 2:
        yield np.swapaxes(value, -1, -2).ravel()
        for part in value:
            yield from _forms(part)


def _fingerprint(value: Array) -> float:
    """Project an array on a fixed random direction. Nearly equal arrays have nearly equal projections."""
    with np.errstate(all="ignore"):
        return float(value @ _direction(value.size))


@cache
def _direction(size: int) -> Array:
    drawn = np.random.default_rng(size).normal(size=size)
    return np.asarray(drawn / np.linalg.norm(drawn))

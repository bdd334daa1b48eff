"""The right values of one call, by name, and functions that compare a student's values with them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from grader.kit.compare import squeezed
from grader.kit.lines.flow import Array, TracedStatement
from grader.model.grouping import grouped

MAX_RIGHT = 40_000
"""Limit on the number of values of right solutions, for one call. Their rows and transposes are counted too."""
MAX_CANDIDATES = 50
"""Limit on the values of right solutions with which one value is compared in full."""
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
class _ValuesOfOneSize:
    """The finite values of one size that right solutions compute, in all forms in which they are recognised."""

    names: Sequence[str]
    numbers: Array
    """The K values as rows (K, size), in order of their fingerprints."""
    norms: Array
    fingerprints: Array
    """A projection of each value on one direction, by which candidates for a full comparison are found."""

    @classmethod
    def of(cls, forms: Sequence[tuple[str, Array]]) -> _ValuesOfOneSize:
        """Sort values of one size, given as flat arrays with their names. Leave out those that are not finite."""
        numbers = np.array([form for _, form in forms])
        finite = np.flatnonzero(np.isfinite(numbers).all(axis=1))
        order = finite[np.argsort(_fingerprint(numbers[finite]))]
        numbers = numbers[order]
        names = [forms[position][0] for position in order]
        return cls(names, numbers, np.linalg.norm(numbers, axis=1), _fingerprint(numbers))


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
        forms = list(itertools.islice(_distinct_forms(named), MAX_RIGHT))
        numbers = [float(form[0]) for _, form in forms if form.size == 1]
        self.integers = {0, 1, *(int(number) for number in numbers if number.is_integer())}
        by_size = grouped((form.size, (name, form)) for name, form in forms)
        self.sizes = frozenset(by_size)
        self._by_size = {size: _ValuesOfOneSize.of(forms_of_size) for size, forms_of_size in by_size.items()}

    def names(self, value: Array) -> set[str]:
        """Return the names of the values of right solutions that equal a student's value. Values that are drawn at
        random are compared by size."""
        if self.random:
            return {name for name in self._shapes if value.size > 1 and self.has_size_of(value, name)}
        names = self._names_of_equal(value)
        return {name for name in names if MISAPPLIED not in name} or names

    def _names_of_equal(self, value: Array) -> set[str]:
        """Return the names of the values of right solutions, also of misapplied ones, that equal a flat array."""
        right = self._by_size.get(value.size)
        if right is None or not np.isfinite(value).all():
            return set()
        fingerprint, tolerance = _fingerprint(value), SAME * np.linalg.norm(value)
        first, last = np.searchsorted(right.fingerprints, (fingerprint - tolerance, fingerprint + tolerance))
        candidates = slice(first, min(last, first + MAX_CANDIDATES))
        differences = np.linalg.norm(right.numbers[candidates] - value, axis=1)
        is_equal = differences <= SAME * right.norms[candidates]
        return set(itertools.compress(right.names[candidates], is_equal))

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
        roles = self._roles | self._size_roles if size else self._roles
        roles = roles.intersection(map(_role, statement.writes))
        words = {word for name in names for word in _words(name)}
        return bool(roles) and roles.isdisjoint(words)

    def is_named(self, value: Array, name: str) -> bool:
        """Return whether a student's value equals the right value `name`. Values that are drawn at random are compared
        by shape."""
        if self.random:
            return squeezed(value.shape) == self._shapes[name]
        return name in self._names_of_equal(value.ravel())

    def has_size_of(self, value: Array, name: str) -> bool:
        return value.size == math.prod(self._shapes[name])


def _role(path: str) -> str:
    """Return W1 for the variable `W1` and for the entry `grads['W1']`."""
    return path.rpartition("[")[2].strip("]'") if path.endswith("']") else path


def _words(name: str) -> list[str]:
    return name.replace(":", " ").split()


def _distinct_forms(named: Mapping[str, Any]) -> Iterator[tuple[str, Array]]:
    """Yield each right value in all forms in which it is recognised, with its name."""
    for name, value in named.items():
        forms = {form.tobytes(): form for form in _forms(np.asarray(value, np.float64))}
        for form in forms.values():
            yield name, form


def _forms(value: Array) -> Iterator[Array]:
    """Yield an array, its transpose and its rows, each as a flat array."""
    yield value.ravel()
    if value.ndim >= 2:
        yield np.swapaxes(value, -1, -2).ravel()
        for part in value:
            yield from _forms(part)


def _fingerprint(value: Array) -> Any:
    """Project an array, or each row of a matrix, on a fixed random direction. Nearly equal arrays have nearly equal
    projections."""
    return value @ _direction(value.shape[-1])


@cache
def _direction(size: int) -> Array:
    drawn = np.random.default_rng(size).normal(size=size)
    return np.asarray(drawn / np.linalg.norm(drawn))

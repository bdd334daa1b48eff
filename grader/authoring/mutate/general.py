"""The oracle for an assignment without a mutation.py.

It calls the reference and a mutant with random inputs similar to the recorded examples, and compares the results. It
uses neither the checks nor their inputs, so it is independent of them. A mutant is "same" if all results are equal,
"allowed" if they equal those of another right solution, and otherwise "wrong".
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np

from grader.assignments import catalogue
from grader.authoring import solution
from grader.authoring.mutate import model
from grader.authoring.mutate.model import Classified, Expected, Mutation
from grader.authoring.record import record
from grader.errors import BadAssignment
from grader.kit.episodes import VARIES, Array, Call, Episode, Plain
from grader.kit.examples import EXAMPLES, read
from grader.kit.reference import RAISED, STABLE, ReferenceTruth, agreed, is_finite, is_near, nudged, played_with
from grader.model.grouping import grouped

INPUTS = 1000
"""Number of inputs with which each function or class is compared."""
TRIES = 10
"""Largest number of random draws per input, on average. A draw is discarded if the reference fails, or if rounding
decides the result."""
FIRST = 50
"""Number of inputs that are run twice to find out whether results are random. If no result is random, the other inputs
are run once."""
EQUAL = 1e-6
"""Relative tolerance within which values count as equal."""


def mutation_of(folder: Path) -> Mutation:
    """Return the assignment's mutation.py, or a `General` if there is none."""
    if (folder / catalogue.MUTATION).exists():
        return cast(Mutation, catalogue.mutation_module(folder))
    return General(folder)


class General:
    """The `Mutation` of an assignment without a mutation.py. A mutation.py can also use this class with another oracle.

    Args:
        folder: The assignment's folder.
        oracle: `ExampleOracle`, or a subclass that accepts other results where the handout leaves a choice.
    """

    KEPT_APART = 7

    def __init__(self, folder: Path, oracle: type[ExampleOracle] | None = None) -> None:
        self._judge = oracle or ExampleOracle
        self._assignment = catalogue.load(folder)
        self._names = self._assignment.entry_points.names
        self.examples = self._examples()
        self._solutions = self._right_solutions()
        self.SUBJECTS: Sequence[str] = list(self._solutions)
        self.Oracle: Callable[[Mapping[str, Any]], model.Oracle] = self._oracle

    def _right_solutions(self) -> dict[str, Mapping[str, Any]]:
        """Return path → module variables, for the reference and the single-file variants whose code differs.

        A variant is left out if it imports a module that is only installed in the sandbox.
        """
        folder = self._assignment.folder
        known: list[str] = []
        found: dict[str, Mapping[str, Any]] = {}
        for path in (self._assignment.reference, *sorted((folder / "variants").glob("*.py"))):
            bare = ast.unparse(ast.parse(solution.without_calls(path.read_text("utf-8"))))
            if bare in known:
                continue
            known.append(bare)
            with contextlib.suppress(ImportError):
                found[path.relative_to(folder).as_posix()] = self._named(_namespace(path))
        return found

    def _examples(self) -> list[Episode]:
        """Return the recorded examples, or else the calls under `if __name__ == "__main__":` in the reference."""
        folder, reference = self._assignment.folder, self._assignment.reference
        if (folder / EXAMPLES).exists():
            return read(folder / EXAMPLES)
        found = solution.of_text(reference.name, reference.read_text("utf-8"), "")
        if not found.calls:
            raise BadAssignment(
                f"{folder.name} has no {EXAMPLES} and no {catalogue.MUTATION}: add example calls to {reference.name} "
                f"under if __name__ == '__main__':"
            )
        episodes, _ = record(reference.name, found.module, found.calls, self._names, found.attributes)
        return episodes

    def _oracle(self, original: Mapping[str, Any]) -> ExampleOracle:
        truths = [self._assignment.truths(meaning.id, frozenset()) for meaning in self._assignment.interpretations[1:]]
        meanings = [truth.namespace for truth in truths if isinstance(truth, ReferenceTruth)]
        return self._judge(self._named(original), self.examples, self._named, [*meanings, *self._solutions.values()])

    def exercise(self, namespace: Mapping[str, Any]) -> None:
        """Call every function of a solution with the recorded examples."""
        for episode in self.examples:
            played_with(self._named(namespace), episode)

    def expected(self, _parts: Sequence[str]) -> Expected:
        """Return all sections as those that may lose points: it is unknown which check judges which part."""
        return Expected((), tuple(s for part in self._assignment.parts for s in part.sections))

    def _named(self, namespace: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a solution's module variables, with its class under every accepted name."""
        if not self._assignment.entry_points.of_class:
            return namespace
        found = next((namespace[name] for name in self._names if name in namespace), None)
        return {**namespace, **dict.fromkeys(self._names, found)}


def _namespace(path: Path) -> dict[str, Any]:
    """Run a right solution and return its module variables."""
    module = ModuleType(path.stem)
    exec(compile(path.read_text("utf-8"), path.name, "exec"), module.__dict__)  # noqa: S102  the author's own code
    return module.__dict__


class ExampleOracle:
    """An oracle that compares mutants with a right solution on random inputs.

    Args:
        original: The right solution's module variables.
        examples: Example calls. The random inputs are similar to the arguments of these calls.
        named: Function that adds the class under every accepted name to a mutant's module variables.
        meanings: The module variables of other right solutions, including those for other interpretations of the task.
    """

    def __init__(
        self,
        original: Mapping[str, Any],
        examples: Sequence[Episode],
        named: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        meanings: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.named, self._meanings = named, meanings
        self.inputs: list[tuple[Episode, Mapping[str, Plain]]] = []
        by_function = grouped((() if one.new else tuple(call.name for call in one.calls), one) for one in examples)
        for forms in by_function.values():  # all examples of a class are one group
            self.inputs += _drawn(original, [_each_twice(form) for form in forms])

    def classify(self, mutant: Mapping[str, Any], note: Callable[[str], None]) -> Classified:
        """Compare a mutant's return values, attributes and changed arguments with the original's on every input."""
        note("calls")
        namespace = self.named(mutant)
        wrong = self._difference(namespace, [right for _, right in self.inputs])
        if wrong is None:
            return Classified("same", f"equal on {len(self.inputs)} inputs")
        for meaning in self._meanings:
            if self._difference(namespace, (played_with(meaning, episode) for episode, _ in self.inputs)) is None:
                return Classified("allowed", "another right solution does the same")
        return wrong

    def _difference(self, namespace: Mapping[str, Any], rights: Iterable[Mapping[str, Plain]]) -> Classified | None:
        for (episode, _), right in zip(self.inputs, rights, strict=True):
            if (wrong := self.difference(episode, played_with(namespace, episode), right)) is not None:
                return wrong
        return None

    def difference(self, episode: Episode, played: Mapping[str, Any], right: Mapping[str, Any]) -> Classified | None:
        """Compare the results of the calls in `episode` with the right ones. Return a verdict "wrong" that names the
        first difference, or None if all results are equal."""
        if RAISED in played:
            return Classified("wrong", f"raises {played[RAISED]}"[:200], ("calls",))
        for part, got, want in _parts(episode, played, right):
            if not _is_same(got, want):
                return Classified("wrong", f"{part} differs", (part,))
        return None


def _each_twice(form: Episode) -> Episode:
    return replace(form, calls=tuple(call for call in form.calls for _ in range(2)))


def _drawn(original: Mapping[str, Any], forms: Sequence[Episode]) -> list[tuple[Episode, Mapping[str, Plain]]]:
    random = np.random.default_rng(20261126)
    found: list[tuple[Episode, Mapping[str, Plain]]] = []
    is_random = False
    for number in range(INPUTS * TRIES):
        if len(found) == INPUTS:
            return found
        episode = _varied(forms[number % len(forms)], random)
        right = played_with(original, episode)
        if RAISED in right or not is_finite(right):
            continue
        if is_random or len(found) < FIRST:
            right = agreed(right, played_with(original, episode))
            is_random = is_random or _varies(right)
        if all(_is_same(played_with(original, nudged(episode, sign)), right, STABLE) for sign in (1, -1)):
            found.append((episode, right))
    raise BadAssignment(
        f"the reference accepts only {len(found)} of {INPUTS * TRIES} random inputs similar to the examples of "
        f"{forms[0].calls[0].name}; change the examples, or write {catalogue.MUTATION}"
    )


def _varies(value: Plain) -> bool:
    """Return whether a value or an item in it differs between runs with the same seed."""
    if isinstance(value, dict):
        return VARIES in value or any(map(_varies, value.values()))
    return isinstance(value, list) and any(map(_varies, value))


def _parts(episode: Episode, played: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[tuple[str, Plain, Plain]]:
    for call, got, want in zip(episode.calls, played["answers"], right["answers"], strict=True):
        yield call.name, got, want
    for kind in ("attributes", "arrays"):
        for name, want in right[kind].items():
            yield f"{kind}.{name}", played[kind][name], want


def _is_same(got: Plain, want: Plain, rtol: float = EQUAL) -> bool:
    """Return whether values are equal. Random values are compared by shape only."""
    if isinstance(want, dict):
        if VARIES in want:
            return bool(list(np.shape(got)) == want[VARIES])
        return (
            isinstance(got, dict) and got.keys() == want.keys() and all(_is_same(got[k], want[k], rtol) for k in want)
        )
    if isinstance(want, list):
        return isinstance(got, list) and len(got) == len(want) and all(map(_is_same, got, want, [rtol] * len(want)))
    return is_near(got, want, rtol)


# ── inputs ───────────────────────────────────────────────────────────────────────────────────────────


def _varied(form: Episode, random: np.random.Generator) -> Episode:
    """Return the calls of an example with random inputs: arrays have the same number of axes, with lengths of 1 to
    9."""
    known = sorted({n for a in (*form.arrays.values(), *_values(form.put)) for n in a.shape})
    lengths = {n: n if n < 2 else int(random.integers(1, 10)) for n in known}
    for array in form.arrays.values():  # an axis that labels refer to has at least two classes
        for n in _label_axes(array, known):
            lengths[n] = max(lengths[n], 2)
    scale = float(random.choice([1.0, 1.0, 0.1, 5.0, 30.0]))
    calls: dict[int, Call] = {}

    def varied(call: Call) -> Call:  # a repeated call stays the same
        if id(call) not in calls:
            args = tuple(_number(value, lengths, random) for value in call.args)
            calls[id(call)] = Call(call.name, args, {k: _number(v, lengths, random) for k, v in call.kwargs.items()})
        return calls[id(call)]

    put = {
        name: {key: random.normal(size=[lengths[n] for n in value.shape]) for key, value in values.items()}
        for name, values in form.put.items()
    }
    return replace(
        form,
        calls=tuple(varied(call) for call in form.calls),
        new=varied(form.new) if form.new else None,
        arrays={name: _filled(array, known, lengths, scale, random) for name, array in form.arrays.items()},
        put=put if random.integers(4) else {},
        seed=int(random.integers(10**6)),
    )


def _values(put: Mapping[str, Mapping[str, Array]]) -> list[Array]:
    return [value for values in put.values() for value in values.values()]


def _label_axes(array: Array, known: Sequence[int]) -> list[int]:
    """Return the length of the axis that an array of labels indexes, in a list. Return [] if it contains no labels."""
    if array.dtype.kind not in "iu" or array.min() < 0:
        return []
    return [n for n in known if n > array.max() and n not in array.shape][:1]


def _filled(
    example: Array, known: Sequence[int], lengths: Mapping[int, int], scale: float, random: np.random.Generator
) -> Array:
    shape = [lengths[n] for n in example.shape]
    if example.dtype.kind == "b":
        return random.integers(2, size=shape).astype(bool)
    if example.dtype.kind in "iu":
        axes = _label_axes(example, known)
        top = lengths[axes[0]] if axes else int(example.max()) + 1
        return random.integers(min(int(example.min()), top - 1), top, size=shape).astype(example.dtype)
    size = float(np.abs(example).max()) or 1.0
    drawn = random.choice(3)
    values: Array = random.uniform(-size, size, shape) if drawn else size * random.standard_t(4, size=shape)
    if example.min() >= 0:
        values = np.abs(values)
        if example.max() <= 1:
            return (values / max(1.0, float(values.max(initial=0)))).astype(example.dtype)
    if drawn == 1:
        values = values * (random.random(shape) < 0.8)  # with zeros
    return np.asarray(scale * values).astype(example.dtype)


def _number(value: Any, lengths: Mapping[int, int], random: np.random.Generator) -> Any:
    if type(value) is float:
        return 0.0 if random.integers(8) == 0 else value * float(random.uniform(0.2, 3.0))
    if type(value) is int and value > 1 and value in lengths:
        return lengths[value]
    if type(value) is int and random.integers(2):
        return int(random.integers(min(value, 1), max(2 * value, value + 2) + 1))
    return value

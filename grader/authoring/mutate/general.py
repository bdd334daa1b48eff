"""The oracle for an assignment without a mutation.py.

It calls the reference and a mutant with random inputs similar to the recorded examples, and compares the results. It
uses neither the checks nor their inputs, so it is independent of them. A mutant is "same" if all results are equal,
"allowed" if they equal those of another right solution, and otherwise "wrong".
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from grader.assignments import catalogue
from grader.authoring import solution
from grader.authoring.mutate import model
from grader.authoring.mutate.classify import namespace_of
from grader.authoring.mutate.model import Classified, Expected, Mutation
from grader.errors import BadAssignment
from grader.kit.calls import VARIES, Array, Call, Episode, Plain
from grader.kit.examples import EXAMPLES, labels_like, read
from grader.kit.reference_truth import RAISED, Namespace, ReferenceTruth, is_near, played_with

INPUTS = 1000
"""Number of inputs with which each function or class is compared."""
TRIES = 10
"""Largest number of random draws per input, on average. A draw is discarded if the reference fails, or if rounding
decides the result."""
EQUAL = 1e-6
"""Relative tolerance within which values count as equal."""
Results = Mapping[str, Plain]
"""Results of an episode, as `played_with` returns them."""
Inputs = list[tuple[Episode, Results]]
"""Inputs, each with the right results."""


def mutation_of(folder: Path) -> Mutation:
    """Return the assignment's mutation.py, or a `General` if there is none."""
    if (folder / catalogue.MUTATION).exists():
        return cast(Mutation, catalogue.mutation_module(folder))
    return General(folder)


class ExampleOracle:
    """An oracle that compares mutants with a right solution on random inputs.

    Args:
        original: The right solution's module variables.
        examples: Example calls. The random inputs are similar to the arguments of these calls.
        named: Function that adds the class under every accepted name to a mutant's module variables.
        other_solutions: The module variables of other right solutions, also of those for other interpretations.
    """

    def __init__(
        self,
        original: Namespace,
        examples: Sequence[Episode],
        named: Callable[[Namespace], Namespace],
        other_solutions: Sequence[Namespace] = (),
    ) -> None:
        self.named = named
        self._other_solutions = other_solutions
        self.inputs: Inputs = []
        by_function: dict[tuple[str, ...], list[Episode]] = {}
        for example in examples:
            functions = () if example.new else tuple(call.name for call in example.calls)
            by_function.setdefault(functions, []).append(example)  # all examples of a class are one group
        for similar_examples in by_function.values():
            self.inputs += _drawn(original, similar_examples)

    def classify(self, mutant: Namespace, note: Callable[[str], None]) -> Classified:
        """Compare a mutant's return values, attributes and changed arguments with the original's on every input."""
        note("calls")
        namespace = self.named(mutant)
        wrong = self._difference(namespace)
        if wrong is None:
            return Classified("same", f"equal on {len(self.inputs)} inputs")
        for other_solution in self._other_solutions:
            if self._difference(namespace, other_solution) is None:
                return Classified("allowed", "another right solution does the same")
        return wrong

    def _difference(self, namespace: Namespace, other_solution: Namespace | None = None) -> Classified | None:
        """Return the first difference between the results of a mutant and those of the original or of another solution;
        None if there is none."""
        for episode, right in self.inputs:
            expected = right if other_solution is None else played_with(other_solution, episode)
            wrong = self.difference(episode, played_with(namespace, episode), expected)
            if wrong is not None:
                return wrong
        return None

    def difference(self, episode: Episode, played: Results, right: Results) -> Classified | None:
        """Compare the results of the calls in `episode` with the right ones. Return a verdict "wrong" that names the
        first difference, or None if all results are equal."""
        if RAISED in played:
            error = f"raises {played[RAISED]}"
            return Classified("wrong", error[:200], ("calls",))
        for part, got, want in _parts(episode, played, right):
            if not _is_same(got, want):
                return Classified("wrong", f"{part} differs", (part,))
        return None


def _drawn(original: Namespace, examples: Sequence[Episode]) -> Inputs:
    """Return random inputs similar to examples, each with the original's results."""
    truth = ReferenceTruth(original)
    random = np.random.default_rng(20261126)
    inputs: Inputs = []
    for number in range(INPUTS * TRIES):
        if len(inputs) == INPUTS:
            return inputs
        episode = _varied(examples[number % len(examples)], random)
        if truth.usable(episode):
            inputs.append((episode, truth.play(episode)))
    raise BadAssignment(
        f"the reference accepts only {len(inputs)} of {INPUTS * TRIES} random inputs similar to the examples of "
        f"{examples[0].calls[0].name}; change the examples, or write {catalogue.MUTATION}"
    )


def _parts(episode: Episode, played: Results, right: Results) -> Iterator[tuple[str, Plain, Plain]]:
    """Yield (name, got, want) for each call's return value, and for each attribute and each array that the calls may
    have changed."""
    for call, got, want in zip(episode.calls, played["answers"], right["answers"], strict=True):
        yield call.name, got, want
    for kind in ("attributes", "arrays"):
        for name, want in right[kind].items():
            yield f"{kind}.{name}", played[kind][name], want


def _is_same(got: Plain, want: Plain) -> bool:
    """Return whether values are equal. Random values are compared by shape only."""
    if isinstance(want, dict):
        if VARIES in want:
            return bool(list(np.shape(got)) == want[VARIES])
        has_same_keys = isinstance(got, dict) and got.keys() == want.keys()
        return has_same_keys and all(_is_same(got[name], want[name]) for name in want)
    if isinstance(want, list) and isinstance(got, list):
        return len(got) == len(want) and all(map(_is_same, got, want))
    return is_near(got, want, EQUAL)


# ── the assignment ─────────────────────────────────────────────────────────────────────────────────────


class General:
    """The `Mutation` of an assignment without a mutation.py. A mutation.py can also use this class with another oracle.

    Args:
        folder: The assignment's folder.
        oracle: A subclass of `ExampleOracle` that accepts other results where the handout leaves a choice.
    """

    KEPT_APART = 7

    def __init__(self, folder: Path, oracle: type[ExampleOracle] = ExampleOracle) -> None:
        self._oracle_class = oracle
        self._assignment = catalogue.load(folder)
        self._names = self._assignment.entry_points.names
        self.examples = read(folder / EXAMPLES)
        self._solutions = self._right_solutions()
        self.SUBJECTS: Sequence[str] = list(self._solutions)
        self.Oracle: Callable[[Namespace], model.Oracle] = self._oracle

    def _right_solutions(self) -> dict[str, Namespace]:
        """Return path → module variables, for the reference and the single-file variants whose code differs.

        A variant is left out if it imports a module that is only installed in the sandbox.
        """
        folder = self._assignment.folder
        codes = set()
        solutions: dict[str, Namespace] = {}
        for path in (self._assignment.reference, *sorted((folder / "variants").glob("*.py"))):
            source = solution.without_calls(path.read_text("utf-8"))
            code = ast.unparse(ast.parse(source))
            if code in codes:
                continue
            codes.add(code)
            with contextlib.suppress(ImportError):
                solutions[path.relative_to(folder).as_posix()] = self._named(namespace_of(source))
        return solutions

    def _oracle(self, original: Namespace) -> ExampleOracle:
        """Return an oracle for mutants of a right solution. A mutant is also allowed if it does the same as another
        right solution or as the reference under another interpretation of the task."""
        other_solutions = list(self._solutions.values())
        for interpretation in reversed(self._assignment.interpretations[1:]):
            truth = self._assignment.truths(interpretation.id, frozenset())
            if isinstance(truth, ReferenceTruth):
                other_solutions.insert(0, truth.namespace)
        return self._oracle_class(self._named(original), self.examples, self._named, other_solutions)

    def exercise(self, namespace: Namespace) -> None:
        """Call every function of a solution with the recorded examples."""
        for episode in self.examples:
            played_with(self._named(namespace), episode)

    def expected(self, _parts: Sequence[str]) -> Expected:
        """Return all sections as those that may lose points: it is unknown which check judges which part."""
        sections: list[str] = []
        for part in self._assignment.parts:
            sections += part.sections
        return Expected((), tuple(sections))

    def _named(self, namespace: Namespace) -> Namespace:
        """Return a solution's module variables, with its class under every accepted name."""
        if not self._assignment.entry_points.of_class:
            return namespace
        for name in self._names:
            if name in namespace:
                return {**namespace, **dict.fromkeys(self._names, namespace[name])}
        return namespace


# ── inputs ───────────────────────────────────────────────────────────────────────────────────────────


def _varied(example: Episode, random: np.random.Generator) -> Episode:
    """Return the calls of an example, each twice, with random inputs: arrays have the same number of axes, with lengths
    of 1 to 9."""
    variation = _Variation(example, random)
    put = {name: variation.parameters(values) for name, values in example.put.items()}
    calls: list[Call] = []
    for call in example.calls:  # the second call shows whether the result depends on the first
        calls += [variation.call(call)] * 2
    return replace(
        example,
        calls=tuple(calls),
        new=variation.call(example.new) if example.new else None,
        arrays={name: variation.array(array) for name, array in example.arrays.items()},
        put=put if random.integers(4) else {},  # sometimes the object keeps the parameters of its constructor
        seed=int(random.integers(10**6)),
    )


class _Variation:
    """Random lengths of an example's axes, and a random size of its numbers."""

    def __init__(self, example: Episode, random: np.random.Generator) -> None:
        self._random = random
        arrays = [*example.arrays.values()]
        for parameters in example.put.values():
            arrays += parameters.values()
        self._lengths: dict[int, int] = {}
        """Length of an axis in the example → random length."""
        for length in sorted({length for array in arrays for length in array.shape}):
            self._lengths[length] = length if length < 2 else int(random.integers(1, 10))
        self._scale = float(random.choice([1.0, 1.0, 0.1, 5.0, 30.0]))

    def _shape(self, example: Array) -> list[int]:
        """Return the random lengths of an example's axes."""
        return [self._lengths[length] for length in example.shape]

    def parameters(self, examples: Mapping[str, Array]) -> dict[str, Array]:
        """Return normally distributed arrays for an object's dict attribute, such as the weights in `params`."""
        return {name: self._random.normal(size=self._shape(example)) for name, example in examples.items()}

    def call(self, call: Call) -> Call:
        """Return the call with random numbers as arguments. References to arrays stay."""
        args = tuple(map(self._number, call.args))
        return Call(call.name, args, {name: self._number(value) for name, value in call.kwargs.items()})

    def array(self, example: Array) -> Array:
        """Return a random array with as many axes, the data type and about the range of an example. Numbers that are
        never negative, or that are probabilities (0 to 1), remain so; labels stay labels."""
        random = self._random
        shape = self._shape(example)
        if example.dtype.kind == "b":
            return random.integers(2, size=shape).astype(bool)
        labels = labels_like(example, shape, self._lengths, random)
        if labels is not None:
            return labels
        if example.dtype.kind in "iu":
            return random.integers(example.min(), int(example.max()) + 1, size=shape).astype(example.dtype)
        size = float(np.abs(example).max()) or 1.0
        distribution = random.choice(["heavy-tailed", "with zeros", "uniform"])
        if distribution == "heavy-tailed":
            values: Array = size * random.standard_t(4, size=shape)
        else:
            values = random.uniform(-size, size, shape)
        if example.min() >= 0:
            values = np.abs(values)
            if example.max() <= 1:
                return (values / max(1.0, float(values.max(initial=0)))).astype(example.dtype)
        if distribution == "with zeros":
            values = values * (random.random(shape) < 0.8)
        return np.asarray(self._scale * values).astype(example.dtype)

    def _number(self, value: Any) -> Any:
        """Return a random number similar to an argument of an example. Other values, such as strings, are returned
        unchanged. An int that equals the length of an axis becomes the new length of that axis, because it may be a
        number of classes or a layer size that has to match the arrays."""
        random = self._random
        if type(value) is float:
            return 0.0 if random.integers(8) == 0 else value * float(random.uniform(0.2, 3.0))
        if type(value) is not int:
            return value
        if value > 1 and value in self._lengths:
            return self._lengths[value]
        if random.integers(2):  # half of the counts, such as numbers of steps, stay as they are
            most = max(2 * value, value + 2)
            return int(random.integers(min(value, 1), most + 1))
        return value

"""The oracle for an assignment without a mutation.py.

It calls the reference and a mutant with random inputs similar to the recorded examples, and compares the results. It
uses neither the checks nor their inputs. A mutant is "same" if all results are equal,
"allowed" if they equal those of another right solution, and otherwise "wrong".
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from grader.assignments import catalogue
from grader.authoring import solution
from grader.authoring.mutate import model
from grader.authoring.mutate.classify import namespace_of
from grader.authoring.mutate.model import Classified, Expected, Mutation
from grader.errors import BadAssignment
from grader.guest.changes import class_in
from grader.kit.calls import Array, Call, Episode, Plain
from grader.kit.examples import EXAMPLES, FreshValues, axes, read
from grader.kit.reference_truth import RAISED, Namespace, ReferenceTruth, is_near, played_with

INPUTS = 1000
"""Number of inputs with which each function or class is compared."""
TRIES = 10
"""Largest number of rejected draws per input, on average. A draw is rejected if the reference fails, or if rounding
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
        raised = played.get(RAISED) or right.get(RAISED)  # another right solution may raise, too
        if raised:
            return Classified("wrong", f"raises {raised}"[:200], ("calls",))
        for part, got, want in _parts(episode, played, right):
            if not is_near(got, want, EQUAL):
                return Classified("wrong", f"{part} differs", (part,))
        return None


def _drawn(original: Namespace, examples: Sequence[Episode]) -> Inputs:
    """Return random inputs similar to examples, each with the original's results."""
    truth = ReferenceTruth(original)
    random = np.random.default_rng(20261126)
    inputs: Inputs = []
    rejected = 0
    while len(inputs) < INPUTS:
        example = examples[(len(inputs) + rejected) % len(examples)]
        episode = _varied(example, examples, random)
        played = truth.play(episode)
        if truth.usable(episode):
            inputs.append((episode, played))
            continue
        rejected += 1
        if rejected > TRIES * (len(inputs) + 20):
            why = played.get(RAISED, "a result is not finite, or is decided by rounding")
            raise BadAssignment(
                f"the reference rejects most random inputs similar to the examples of {example.calls[0].name}, the "
                f"last because of this: {why}; change the examples, or write {catalogue.MUTATION}"
            )
    return inputs


def _parts(episode: Episode, played: Results, right: Results) -> Iterator[tuple[str, Plain, Plain]]:
    """Yield (name, got, want) for each call's return value, and for each attribute and each array that the calls may
    have changed."""
    for call, got, want in zip(episode.calls, played["answers"], right["answers"], strict=True):
        yield call.name, got, want
    for kind in ("attributes", "arrays"):
        for name, want in right[kind].items():
            yield f"{kind}.{name}", played[kind][name], want


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

    def expected(self, _parts: Sequence[str]) -> Expected:
        """Return all sections as those that may lose points: it is unknown which check judges which part."""
        sections: list[str] = []
        for part in self._assignment.parts:
            sections += part.sections
        return Expected((), tuple(sections))

    def _named(self, namespace: Namespace) -> Namespace:
        """Return a solution's module variables, with its class under every accepted name."""
        graded_class = class_in(namespace, self._names)
        return {**namespace, **dict.fromkeys(self._names, graded_class)} if graded_class else namespace


# ── inputs ───────────────────────────────────────────────────────────────────────────────────────────


SCALES = (1.0, 1.0, 0.1, 5.0, 30.0)
"""Factors for the values of one of an input's arrays."""


def _varied(example: Episode, examples: Sequence[Episode], random: np.random.Generator) -> Episode:
    """Return the calls of an example, each twice, with random inputs: arrays have the same number of axes, with lengths
    of 1 to 9."""
    lengths = {1: 1}
    for length in sorted({length for _, length in axes(example)} - {1}):
        lengths[length] = int(random.integers(1, 10))
    episode = _OtherValues(example, examples, random, lengths).episode(float(random.choice(SCALES)))
    calls: list[Call] = []
    for call in episode.calls:  # the second call shows whether the result depends on the first
        calls += [call, call]
    return replace(episode, calls=tuple(calls))


class _OtherValues(FreshValues):
    """Draws floats by other rules than the checks."""

    def floats(self, example: Array, shape: Sequence[int], factor: float) -> Array:
        """Draw floats of about the example's range. Numbers that are never negative, or that are probabilities (0 to
        1), remain so."""
        random = self._random
        size = float(np.abs(example).max()) or 1.0
        distribution = random.choice(["heavy-tailed", "with zeros", "uniform"])
        if distribution == "heavy-tailed":
            values: Array = size * random.standard_t(4, size=shape)
        else:
            values = random.uniform(-size, size, shape)
        if example.min() >= 0:
            values = np.abs(values)
            if example.max() <= 1:
                return np.asarray(values / max(1.0, float(values.max(initial=0))))
        if distribution == "with zeros":
            values = values * (random.random(shape) < 0.8)
        return factor * values

"""Grade mutants, and compare the points that they lose with those that they should lose."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.authoring.mutate.classify import Classifier
from grader.authoring.mutate.general import mutation_of
from grader.authoring.mutate.model import Classified, Expected, Mutation
from grader.authoring.mutate.operators import Mutant, mutants
from grader.authoring.solution import without_calls
from grader.engine.grade import Scope, grade
from grader.intake.receive import receive
from grader.kit.claim import covers
from grader.model import ZERO, CheckResult, Points, Report
from grader.model.grouping import grouped
from grader.sandbox.contract import Sandbox


@dataclass(frozen=True)
class GradedMutant:
    """A mutant, its class according to the oracle (a comparison without checks), and the grader's report on it."""

    mutant: Mutant
    classified: Classified
    expected: Expected
    report: Report

    @property
    def is_caught(self) -> bool:
        """True if the mutant is wrong according to the oracle, and loses points."""
        return self.classified.kind == "wrong" and bool(self.report.lost)

    @property
    def is_survivor(self) -> bool:
        """True if the mutant is wrong but loses no points. A mutant that the oracle cannot classify also counts."""
        return self.classified.kind == "undecided" or (self.classified.kind == "wrong" and not self.report.lost)

    @property
    def charged_elsewhere(self) -> bool:
        """True if a wrong mutant loses points, but none in the checks of the code that was mutated."""
        must = self.expected.must
        return self.is_caught and bool(must) and not any(covers(id, c.id) for c in self.report.lost for id in must)

    @property
    def false_charges(self) -> Points:
        """Points that the mutant loses in checks that it should pass."""
        if self.classified.kind == "undecided":
            return ZERO
        may = self.expected.may  # empty unless the mutant is wrong
        return _points(c for c in self.report.lost if not any(covers(id, c.id) for id in may))

    @property
    def points_lost(self) -> Points:
        return _points(self.report.lost)

    def line_of(self, check: CheckResult) -> str:
        """Return "exact" if a failed check shows a mutated line, "elsewhere" if it shows another line, and "none" if it
        shows no line."""
        if check.place is None:
            return "none"
        return "exact" if check.place.line in self.mutant.lines else "elsewhere"


def _points(lost: Iterable[CheckResult]) -> Points:
    return sum((c.possible - c.points for c in lost), ZERO)


@dataclass(frozen=True)
class Measured:
    """The graded mutants, with statistics."""

    rows: tuple[GradedMutant, ...]
    distinct: int
    """Number of all distinct mutants; the graded ones are drawn from these."""

    def of(self, kind: str) -> list[GradedMutant]:
        return [r for r in self.rows if r.classified.kind == kind]

    @property
    def survivors(self) -> list[GradedMutant]:
        return [r for r in self.rows if r.is_survivor]

    @property
    def score(self) -> float:
        """Share of wrong mutants that lose points. Mutants that the oracle cannot classify count as wrong and not
        caught."""
        judged = len(self.of("wrong")) + len(self.of("undecided"))
        return sum(r.is_caught for r in self.rows) / judged if judged else 1.0

    @property
    def false_charges(self) -> Points:
        return sum((r.false_charges for r in self.rows), ZERO)

    @property
    def points(self) -> Points:
        """Sum of the possible points of all code checks, over all mutants."""
        return sum((c.possible for r in self.rows for c in r.report.checks if c.status.is_decided), ZERO)

    @property
    def failed(self) -> list[tuple[GradedMutant, CheckResult]]:
        """(mutant, failed check) pairs of all wrong mutants."""
        return [(r, c) for r in self.of("wrong") for c in r.report.lost]

    @property
    def never_failed(self) -> list[str]:
        """Ids of the checks that no wrong mutant fails."""
        judged = dict.fromkeys(c.id for r in self.rows for c in r.report.checks if c.status.is_decided)
        lost = {c.id for _, c in self.failed}
        return [id for id in judged if id not in lost]

    @property
    def lines(self) -> Counter[str]:
        return Counter(row.line_of(check) for row, check in self.failed)

    @property
    def diagnoses(self) -> Counter[str]:
        return Counter(
            "known mistake" if c.mistake else "follows from another check" if c.follows_from else "undiagnosed"
            for _, c in self.failed
        )

    @property
    def median_loss(self) -> float:
        """Median of the points that a wrong mutant loses."""
        return float(median(r.points_lost for r in self.of("wrong"))) if self.of("wrong") else 0.0


# ── which mutants ────────────────────────────────────────────────────────────────────────────────────


def prepare(assignment: Assignment, mutation: Mutation) -> Iterator[tuple[Classifier, list[Mutant]]]:
    """Yield (classifier, all mutants) for each right solution. The caller closes the classifier."""
    for path in mutation.SUBJECTS:
        source = without_calls((assignment.folder / path).read_text("utf-8"))
        classifier = Classifier(assignment.folder, source)
        yield classifier, mutants(Path(path).name, source, classifier.alike)


def draw(all_mutants: Sequence[Mutant], count: int, seed: int, kept_apart: int) -> list[Mutant]:
    """Draw mutants at random, in proportion: an operator that made 10 % of all mutants made 10 % of the drawn ones.

    Args:
        all_mutants: The mutants.
        count: Number of mutants to draw; 0 for all.
        seed: Seed of the draw.
        kept_apart: With this seed, mutants are drawn from a reserved half. All other seeds draw from the other half, so
            that checks are never tuned on the reserved half.
    """
    if not count:
        return list(all_mutants)
    first = 0 if seed == kept_apart else 1
    half = [mutant for group in _by_operator(all_mutants, f"halves {kept_apart}") for mutant in group[first::2]]
    drawn = _stratified(half, f"seed {seed}")[:count]
    order = {m.id: i for i, m in enumerate(all_mutants)}
    return sorted(drawn, key=lambda m: order[m.id])


def _stratified(some: Sequence[Mutant], salt: str) -> list[Mutant]:
    """Return the mutants in a random order. For every n, an operator has about the same share of the first n mutants as
    of all mutants."""
    placed = [((i + 0.5) / len(group), m.id, m) for group in _by_operator(some, salt) for i, m in enumerate(group)]
    return [mutant for _, _, mutant in sorted(placed, key=lambda row: row[:2])]


def _by_operator(some: Sequence[Mutant], salt: str) -> Iterable[list[Mutant]]:
    """Return a list of mutants for each operator, in a random order that depends on the salt."""
    shuffled = sorted(some, key=lambda m: hashlib.sha256(f"{salt} {m.id}".encode()).digest())
    return grouped((mutant.operator, mutant) for mutant in shuffled).values()


# ── grading ──────────────────────────────────────────────────────────────────────────────────────────


def measure(
    assignment: Assignment,
    sandbox: Sandbox,
    *,
    count: int = 0,
    seed: int = 0,
    workers: int = 2,
    tick: Callable[[int], Any] = lambda _count: None,
) -> Measured:
    """Draw mutants, classify each with an oracle, and grade each with the checks.

    Args:
        assignment: The assignment.
        sandbox: The sandbox.
        count: Number of mutants; 0 for all.
        seed: Seed of the draw.
        workers: Number of threads.
        tick: Called with 1 after each mutant.

    Returns:
        The graded mutants.
    """
    mutation = mutation_of(assignment.folder)
    classifiers: dict[str, list[Classifier]] = {}
    found: list[Mutant] = []
    try:
        for classifier, its_mutants in prepare(assignment, mutation):
            classifiers[its_mutants[0].file] = [classifier]
            found += its_mutants
        drawn = draw(found, count, seed, mutation.KEPT_APART)

        def one(mutant: Mutant) -> GradedMutant:
            free = classifiers[mutant.file]
            try:
                classifier = free.pop()
            except IndexError:  # all classifiers of this file are in use by other threads
                classifier = Classifier(assignment.folder, mutant.original)
            classified = classifier.classify(mutant.source)
            free.append(classifier)
            expected = mutation.expected(classified.parts) if classified.kind == "wrong" else Expected((), ())
            file = receive(assignment.files[0], mutant.source.encode(), assignment.files[0])
            report = grade(file, assignment, sandbox, Seed(), Scope(code_only=True))
            tick(1)
            return GradedMutant(mutant, classified, expected, report)

        with ThreadPoolExecutor(workers) as pool:
            rows = tuple(pool.map(one, drawn))
    finally:
        for free in classifiers.values():
            for classifier in free:
                classifier.close()
    return Measured(rows, len(found))

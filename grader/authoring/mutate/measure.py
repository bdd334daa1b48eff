"""Grade mutants, and compare the points that they lose with those that they should lose."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.authoring.mutate.classify import Classifier
from grader.authoring.mutate.general import mutation_of
from grader.authoring.mutate.model import Classified, Expected, Mutation
from grader.authoring.mutate.operators import Mutant, mutants
from grader.authoring.processes import Tick, run, silent
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
    def is_survivor(self) -> bool:
        """True if the mutant is wrong but loses no points. A mutant that the oracle cannot classify also counts."""
        kind = self.classified.kind
        if kind == "wrong":
            return not self.report.lost
        return kind == "undecided"

    @property
    def charged_elsewhere(self) -> bool:
        """True if a wrong mutant loses points, but none in the checks of the code that was mutated."""
        must = self.expected.must  # empty unless the mutant is wrong
        lost = self.report.lost
        if not must or not lost:
            return False
        return _outside(must, lost) == lost

    @property
    def false_charges(self) -> Points:
        """Points that the mutant loses in checks that it should pass."""
        points = ZERO
        if self.classified.kind == "undecided":
            return points
        for check in _outside(self.expected.may, self.report.lost):  # may is empty unless the mutant is wrong
            points += check.possible - check.points
        return points

    def line_of(self, check: CheckResult) -> str:
        """Return "exact" if a failed check shows a mutated line, "elsewhere" if it shows another line, and "none" if it
        shows no line."""
        if check.line is None:
            return "none"
        return "exact" if check.line.line in self.mutant.lines else "elsewhere"


def _outside(ids: Sequence[str], checks: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    """Return the checks that no id of a check or section covers."""
    outside = []
    for check in checks:
        if not any(covers(id, check.id) for id in ids):
            outside.append(check)
    return tuple(outside)


@dataclass(frozen=True)
class Measured:
    """The graded mutants, with statistics."""

    rows: tuple[GradedMutant, ...]
    distinct: int
    """Number of all distinct mutants; the graded ones are drawn from these."""
    is_stopped: bool = False
    """True if the user has stopped the measurement, so that some drawn mutants are missing."""

    def of(self, kind: str) -> list[GradedMutant]:
        return [row for row in self.rows if row.classified.kind == kind]

    @property
    def survivors(self) -> list[GradedMutant]:
        return [row for row in self.rows if row.is_survivor]

    @property
    def score(self) -> float:
        """Share of wrong mutants that lose points. Mutants that the oracle cannot classify count as wrong and not
        caught."""
        wrong = self.of("wrong") + self.of("undecided")
        if not wrong:
            return 1.0
        caught = len(wrong) - len(self.survivors)
        return caught / len(wrong)

    @property
    def false_charges(self) -> Points:
        points = ZERO
        for row in self.rows:
            points += row.false_charges
        return points

    @property
    def decided(self) -> list[CheckResult]:
        """The code checks of all mutants."""
        decided: list[CheckResult] = []
        for row in self.rows:
            decided += [check for check in row.report.checks if check.status.is_decided]
        return decided

    @property
    def points(self) -> Points:
        """Sum of the possible points of all code checks, over all mutants."""
        points = ZERO
        for check in self.decided:
            points += check.possible
        return points

    @property
    def false_charges_share(self) -> float:
        """The false charges, divided by `points`."""
        points = self.points
        return float(self.false_charges / points) if points else 0.0

    @property
    def never_failed(self) -> list[str]:
        """Ids of the checks that no wrong mutant fails."""
        judged = dict.fromkeys(check.id for check in self.decided)
        for row in self.of("wrong"):
            for check in row.report.lost:
                judged.pop(check.id, None)
        return list(judged)

    @property
    def lines(self) -> Counter[str]:
        """Number of failed checks of wrong mutants by the line that they show: "exact", "elsewhere" or "none"."""
        counts: Counter[str] = Counter()
        for row in self.of("wrong"):
            counts.update(map(row.line_of, row.report.lost))
        return counts


# ── which mutants ────────────────────────────────────────────────────────────────────────────────────


def prepare(assignment: Assignment, mutation: Mutation) -> Iterator[tuple[Classifier, list[Mutant]]]:
    """Yield (classifier, all mutants) for each right solution."""
    for path in mutation.SUBJECTS:
        source = without_calls((assignment.folder / path).read_text("utf-8"))
        classifier = Classifier(mutation, source)
        its_mutants = mutants(Path(path).name, source)
        yield classifier, its_mutants


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
    first = 0 if seed == kept_apart else 1  # every second mutant of an operator is in the reserved half
    half: list[Mutant] = []
    for group in _by_operator(all_mutants, f"halves {kept_apart}"):
        half += group[first::2]
    places: dict[str, float] = {}
    """Place of each mutant among those of its operator, from 0 to 1."""
    for group in _by_operator(half, f"seed {seed}"):
        for i, mutant in enumerate(group):
            places[mutant.id] = (i + 0.5) / len(group)
    ordered = sorted(places, key=lambda id: (places[id], id))
    drawn = ordered[:count]
    return [mutant for mutant in all_mutants if mutant.id in drawn]


def _by_operator(candidates: Sequence[Mutant], salt: str) -> Iterable[list[Mutant]]:
    """Return a list of mutants for each operator, in a random order that depends on the salt."""

    def digest(mutant: Mutant) -> bytes:
        text = f"{salt} {mutant.id}"
        return hashlib.sha256(text.encode()).digest()

    shuffled = sorted(candidates, key=digest)
    by_operator = [(mutant.operator, mutant) for mutant in shuffled]
    return grouped(by_operator).values()


# ── grading ──────────────────────────────────────────────────────────────────────────────────────────


def measure(
    assignment: Assignment,
    sandbox: Sandbox,
    *,
    count: int = 0,
    seed: int = 0,
    workers: int = 2,
    tick: Tick = silent,
) -> Measured:
    """Draw mutants, classify each with an oracle, and grade each with the checks.

    Args:
        assignment: The assignment.
        sandbox: The sandbox.
        count: Number of mutants; 0 for all.
        seed: Seed of the draw.
        workers: Number of processes that classify, then of threads that grade.
        tick: Called with 1 after each graded mutant.

    Returns:
        The graded mutants. If the user presses Ctrl-C, those that have been graded so far.
    """
    mutation = mutation_of(assignment.folder)
    classifiers: dict[str, Classifier] = {}
    all_mutants: list[Mutant] = []
    for classifier, its_mutants in prepare(assignment, mutation):
        classifiers[its_mutants[0].file] = classifier
        all_mutants += its_mutants
    drawn = draw(all_mutants, count, seed, mutation.KEPT_APART)

    def grade_mutant(mutant: Mutant, classified: Classified) -> GradedMutant:
        expected = mutation.expected(classified.parts) if classified.kind == "wrong" else Expected((), ())
        file = receive(assignment.files[0], mutant.source.encode(), assignment.files[0])
        report = grade(file, assignment, sandbox, Seed(), Scope(code_only=True))
        tick(1)
        return GradedMutant(mutant, classified, expected, report)

    rows: list[GradedMutant] = []
    is_stopped = False
    try:
        for start in range(0, len(drawn), BLOCK):
            block = drawn[start : start + BLOCK]
            jobs = [partial(classifiers[mutant.file].classify, mutant.source) for mutant in block]
            classes = run(jobs, workers, lambda _classified: None)
            with ThreadPoolExecutor(workers) as pool:  # ended before the next block's processes are forked
                rows += pool.map(grade_mutant, block, classes)
    except KeyboardInterrupt:
        is_stopped = True
    return Measured(tuple(rows), len(all_mutants), is_stopped)


BLOCK = 16
"""Number of mutants that are classified together, then graded."""

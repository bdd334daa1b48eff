"""Measure how end results such as an accuracy vary, to choose the thresholds that give points.

An end result varies with the seed even for correct solutions. A calibration gives the probability that a correct
solution falls below a threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.assignments.catalogue import Assignment
from grader.assignments.manifest import Steps
from grader.assignments.seeds import Seed
from grader.authoring.processes import Tick, silent
from grader.engine.grade import Scope, grade
from grader.errors import BadCall
from grader.intake.receive import receive_path
from grader.model import Json, Report
from grader.sandbox.contract import Sandbox

PROBABILITIES = (1e-4, 1e-6)
"""Probabilities that a correct solution falls below a threshold. `grader calibrate` proposes a threshold for each."""


FEWEST_SEEDS = 5
"""Least number of seeds. With fewer, a threshold for a probability of 1e-6 would lie hundreds of standard deviations
below the mean."""


@dataclass(frozen=True)
class Calibration:
    """The accuracies that the reference reached in one kind of training run."""

    name: str
    """Name of the training run, as in `Evidence.name`."""
    accuracies: tuple[float, ...]
    cpu_seconds: tuple[float, ...] = ()
    """CPU seconds of each run. Progress bars use the median."""

    @property
    def mean(self) -> float:
        return float(np.mean(self.accuracies))

    @property
    def deviation(self) -> float:
        """Standard deviation of the accuracies."""
        return float(np.std(self.accuracies, ddof=1))

    def _next(self) -> Any:
        """Return the distribution of the next accuracy of a correct solution. It is Student's t distribution, because
        mean and standard deviation are estimated from few values."""
        from scipy import stats  # takes half a second to import

        count = len(self.accuracies)
        variance = 1 + 1 / count  # the measured mean varies, too
        spread = max(self.deviation, 1e-4) * np.sqrt(variance)
        return stats.t(count - 1, self.mean, spread)

    def false_fail(self, threshold: float) -> float:
        """Return the probability that the next correct solution falls below a threshold."""
        return float(self._next().cdf(threshold))

    def proposed(self, probability: float) -> float | None:
        """Return the highest threshold that a correct solution misses with at most this probability, rounded down to
        hundredths; None if there are too few measurements."""
        threshold = self._next().ppf(probability)
        if threshold < 0:
            return None
        return float(np.floor(min(threshold, 1.0) * 100) / 100)


def calibrate(
    assignment: Assignment,
    sandbox: Sandbox,
    *,
    seeds: int,
    quick: bool,
    tick: Tick = silent,
) -> list[Calibration]:
    """Train the reference solution with several secret seeds, and collect the accuracies.

    Args:
        assignment: The assignment.
        sandbox: The sandbox to run the reference in.
        seeds: Number of seeds.
        quick: True to measure the shorter training of `--quick`.
        tick: Called with 1 after each grading.

    Returns:
        One calibration for each kind of training run.

    Raises:
        BadCall: If there are too few seeds.
    """
    if seeds < FEWEST_SEEDS:
        raise BadCall(f"{seeds} seeds are too few to tell how accuracies vary: use at least {FEWEST_SEEDS}, better 25")
    reference = receive_path(assignment.reference, assignment.files[0])
    reports: list[Report] = []
    for number in range(seeds):  # one after the other, since each grading already trains on two cores
        seed = Seed(f"calibrate {number}".encode())
        reports.append(grade(reference, assignment, sandbox, seed, Scope(quick=quick)))
        tick(1)
    return _collected(reports)


def _collected(reports: Sequence[Report]) -> list[Calibration]:
    """Return one calibration for each training run that reports an accuracy, with one accuracy for each report."""
    accuracies: dict[str, list[float]] = {}
    cpu_seconds: dict[str, list[float]] = {}
    for report in reports:
        # usage is by section, such as "q5.train", and evidence by the last part of the section's id
        usages = {section.rpartition(".")[2]: usage for section, usage in report.usage.items()}
        for evidence in report.evidence:
            if evidence.accuracy is not None:
                name = evidence.name
                accuracies.setdefault(name, []).append(evidence.accuracy)
                cpu_seconds.setdefault(name, []).append(usages[name].cpu_seconds)
    return [Calibration(name, tuple(accuracies[name]), tuple(cpu_seconds[name])) for name in accuracies]


def thresholds(assignment: Assignment, *, quick: bool) -> Steps:
    """Return the thresholds of the long checks, or of their shorter versions if `quick` is true."""
    steps: Steps = {}
    for long in assignment.manifest.long:
        steps.update(long.shorter_steps if quick else long.steps)
    return steps


def evidence(calibrations: Sequence[Calibration], thresholds: Steps) -> Json:
    """Return the contents of calibration.json: the measurements, and for each threshold the probability that a correct
    solution falls below it."""
    contents = {}
    for calibration in calibrations:
        contents[calibration.name] = {
            "accuracies": list(calibration.accuracies),
            "mean": round(calibration.mean, 5),
            "deviation": round(calibration.deviation, 5),
            "cpu_seconds": round(float(np.median(calibration.cpu_seconds)), 1),
            "false_fail": {
                str(least): f"{calibration.false_fail(least):.1e}" for least, _ in thresholds.get(calibration.name, ())
            },
            "proposed": {f"{p:g}": calibration.proposed(p) for p in PROBABILITIES},
        }
    return contents

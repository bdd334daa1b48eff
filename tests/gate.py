"""What a cut costs: figures of the grader's judgements, beside those of the last commit that wrote them.

    python -m tests.gate                 prints each figure, as in gate.json and now
    python -m tests.gate --write         writes gate.json anew
    python -m tests.gate --files FOLDER  also grades students' files that are not in this repository

FOLDER has a file expected.json, {"path/mlp.py": points, …}, with the points that the code of each file or folder earns.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from grader.assignments import catalogue
from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.authoring import certify, certify_derivations
from grader.authoring.mutate import measure
from grader.authoring.mutate.general import mutation_of
from grader.engine.grade import Scope, grade
from grader.intake.receive import receive_path
from grader.model import ZERO
from grader.sandbox.choose import choose
from grader.sandbox.contract import Sandbox
from grader.settings import Settings
from tests.assignments import frozen

FIGURES = Path(__file__).with_name("gate.json")
MUTANTS = 200
"""Mutants of each assignment, drawn from the half that is reserved for measurement."""
WORKERS = 2
ASSIGNMENTS = ("ps4", "softmax", "two_layer_net")

Figures = dict[str, float]


def certified(assignment: Assignment, sandbox: Sandbox) -> Figures:
    """Return the numbers of specimens and known mistakes that do not lose exactly what they should, and of all."""
    specimens = [*certify.specimens(assignment), *certify.without_work(assignment)]
    rows = certify.certify(specimens, assignment, sandbox, long=False, workers=WORKERS)
    rows += certify.certify_mistakes(certify.mistakes(assignment), assignment, workers=WORKERS)
    return {
        f"{assignment.id}: specimens and known mistakes": len(rows),
        f"{assignment.id}: of these wrongly graded": sum(not row.holds for row in rows),
    }


def mutated(assignment: Assignment, sandbox: Sandbox) -> Figures:
    """Return the figures of mutants: how many wrong ones lose points, false charges, and lines of lost checks."""
    reserved_half = mutation_of(assignment.folder).KEPT_APART
    measured = measure.measure(assignment, sandbox, count=MUTANTS, seed=reserved_half, workers=WORKERS)
    lost_checks = max(1, measured.lines.total())
    return {
        f"{assignment.id}: wrong mutants that lose points, %": 100 * measured.score,
        f"{assignment.id}: wrong mutants charged only elsewhere": sum(row.charged_elsewhere for row in measured.rows),
        f"{assignment.id}: false charges, points in 100": 100 * measured.false_charges_share,
        f"{assignment.id}: lost checks with the exact line, %": 100 * measured.lines["exact"] / lost_checks,
        f"{assignment.id}: lost checks with another line, %": 100 * measured.lines["elsewhere"] / lost_checks,
    }


def written(assignment: Assignment) -> Iterator[tuple[str, float]]:
    """Yield the figures of the collected written answers."""
    for name in certify_derivations.SETS:
        answers = certify_derivations.collection(assignment, name)
        figures = certify_derivations.figures(certify_derivations.read_all(answers, assignment))
        yield f"{name}: right answers recognised, of {figures.right}", figures.right_and_recognised
        yield f"{name}: right answers called different", figures.right_but_different
        yield f"{name}: wrong answers shown with their value, of {figures.wrong}", figures.wrong_with_value
        yield f"{name}: wrong answers with automatic marks", figures.wrong_but_automatic


def frozen_verdicts(assignment: Assignment, sandbox: Sandbox) -> Figures:
    """Return the number of verdicts that differ from the frozen table, beyond the differences that are listed."""
    table = json.loads(frozen.TABLE.read_text("utf-8"))
    differences = frozen.differences(frozen.verdicts(assignment, sandbox, table), table)
    return {"frozen verdicts that differ": len(differences.keys() - frozen.listed_differences())}


def files_as_expected(folder: Path, assignment: Assignment, sandbox: Sandbox) -> Figures:
    """Return the number of students' files below `folder` that earn the points which expected.json says."""
    expected_points: dict[str, float] = json.loads((folder / "expected.json").read_text("utf-8"))

    def earned(name: str) -> float:
        submission = receive_path(folder / name, assignment.files[0])
        report = grade(submission, assignment, sandbox, Seed(), Scope(code_only=True))
        return float(sum((check.points for check in report.checks), ZERO))

    with ThreadPoolExecutor(WORKERS) as pool:
        earned_points = dict(zip(expected_points, pool.map(earned, expected_points), strict=True))
    unexpected = [name for name, points in expected_points.items() if earned_points[name] != points]
    for name in unexpected:
        print(f"  {name}: {earned_points[name]:g} points, expected {expected_points[name]:g}")
    return {f"students' files as expected, of {len(expected_points)}": len(expected_points) - len(unexpected)}


def measured_now(files: Path | None) -> Iterator[tuple[str, float]]:
    """Yield every figure when it is known; all of them take some minutes."""
    ps4 = catalogue.find("ps4")
    yield from written(ps4)
    chosen, _ = choose("bubblewrap", Settings().runtime, WORKERS)
    with closing(chosen) as sandbox:
        if files:
            yield from files_as_expected(files, ps4, sandbox).items()
        for assignment in map(catalogue.find, ASSIGNMENTS):
            yield from certified(assignment, sandbox).items()
            yield from mutated(assignment, sandbox).items()
        yield from frozen_verdicts(ps4, sandbox).items()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.gate", description="Print what a cut costs.")
    parser.add_argument("--write", action="store_true", help="write gate.json anew")
    parser.add_argument("--files", type=Path, help="folder with students' files and expected.json")
    options = parser.parse_args()
    stored: Figures = json.loads(FIGURES.read_text("utf-8")) if FIGURES.exists() else {}
    figures: Figures = {}
    print(f"{'':62}{'stored':>9}{'now':>9}")
    for name, figure in measured_now(options.files):
        figures[name] = round(figure, 2)
        stored_figure = f"{stored[name]:g}" if name in stored else "-"
        sign = "" if stored.get(name) == figures[name] else "  changed"
        print(f"{name:62}{stored_figure:>9}{figures[name]:>9g}{sign}", flush=True)
    if options.write:
        FIGURES.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()

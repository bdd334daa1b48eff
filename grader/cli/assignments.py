"""Commands for authors of assignments: assignments, demo, new, certify, calibrate, pack, runtimes."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from grader.assignments import catalogue, runtimes
from grader.assignments.catalogue import Assignment
from grader.assignments.manifest import MANIFEST
from grader.authoring import calibrate as calibration
from grader.authoring import certify as certification
from grader.authoring import certify_derivations as reading
from grader.authoring import gradescope_pack as autograder
from grader.authoring import pack as packing
from grader.authoring.certify import Certified, Specimen
from grader.cli.common import (
    AssignmentArgument,
    JsonOption,
    SandboxOption,
    assignment_of,
    err,
    make_runtime,
    out,
    print_check,
    print_json,
    print_line,
    progress,
    require_writable,
    sandbox_for,
)
from grader.cli.grading import check
from grader.errors import BadAssignment, BadCall
from grader.model import ZERO, show_points
from grader.render.phrases import judged
from grader.render.text import one_line
from grader.sandbox.choose import another
from grader.sandbox.launch import imports_of
from grader.settings import Settings

_CORES = os.cpu_count() or 1

pack = typer.Typer(no_args_is_help=True, add_completion=False, help="Make an archive for students or for Gradescope.")


def assignments(as_json: JsonOption = False) -> None:
    """List the assignments, with their points."""
    root = Settings().assignments
    broken: list[str] = []
    tasks = catalogue.load_all(root, broken.append)
    if not tasks and not broken:
        raise BadCall(f"there are no assignments in {catalogue.places(root)}")
    rows = []
    table = Table("id", "title", "points", "autograded", "digest")
    for task in tasks:
        autograded = sum(task.check_points.values(), ZERO)
        rows.append({"id": task.id, "title": task.title, "points": float(task.points), "digest": task.digest})
        table.add_row(task.id, task.title, show_points(task.points), show_points(autograded), task.digest[:12])
    if as_json:
        print_json(rows)
    else:
        out.print(table)
    _report_broken(broken)


def _report_broken(sentences: Sequence[str]) -> None:
    """Print a sentence for each assignment that cannot be loaded. If there are any, exit with code 3."""
    for sentence in sentences:
        print_line(sentence, "red", err)
    if sentences:
        raise typer.Exit(BadAssignment.exit_code)


def demo(
    assignment: Annotated[str, typer.Argument(help="Id or folder of the assignment.")] = str(catalogue.DEMO),
    sandbox: SandboxOption = "auto",
) -> None:
    """Grade an assignment's example submissions, by default those of the demo that comes with the grader."""
    task = assignment_of(assignment)
    if not task.manifest.demo:
        raise BadCall(f"{task.id} has no demo: name submissions in its assignment.toml, demo = [...]")
    for name in task.manifest.demo:
        out.rule(f"{task.id}: {name}")
        check([task.folder / name], assignment, sandbox=sandbox)


def new(
    id: Annotated[str, typer.Argument(help="Id of the assignment, and name of its folder.")],
    solution: Annotated[Path | None, typer.Argument(help="A marked solution: a notebook or a Python file.")] = None,
    functions: Annotated[str, typer.Option(help="Names of the graded functions, separated by commas.")] = "",
    class_name: Annotated[str, typer.Option("--class", help="Name of the graded class.")] = "",
    also: Annotated[list[Path] | None, typer.Option(help="Another right solution; certify grades it too.")] = None,
    lock: Annotated[
        Path | None, typer.Option(help="Locked requirements, for packages that the common environment does not have.")
    ] = None,
    examples: Annotated[
        bool, typer.Option("--examples", help="Record the example calls again with the assignment's reference.py.")
    ] = False,
) -> None:
    """Create the folder of a new assignment, from a solution or as a template."""
    from grader.authoring import new as authoring  # imported only for this command

    root = Settings().assignments or catalogue.default_root()
    if examples:
        task = _with_packages(catalogue.find(id, root))
        count = authoring.record_again(task.folder, task.entry_points.names)
        print_line(f"{count} examples recorded", "green")
        return
    names = functions.replace(",", " ").split()
    packages = _add_packages(runtimes.make(lock, Settings().runtime))
    folder = authoring.new(
        id, root, source=solution, functions=names, class_name=class_name, also=also or (), tell=print_line
    )
    if lock or packages in str(sys.modules):
        with (folder / MANIFEST).open("a", encoding="utf-8") as manifest:
            manifest.write(f'\n[runtime]\nlock = "{lock.name}"\n' if lock else "\n[runtime]\n")
    if lock:
        shutil.copy(lock, folder)
    print_line(f"written: {folder}", "green")
    print_line(f"Try it: grader certify {id}, then grader certify {id} --mutate", "dim")


def _add_packages(environment: Path) -> str:
    """Let this process import packages that the grader does not have from an environment for students' code. Return the
    folder of these packages."""
    sys.path += map(str, environment.glob("lib/python*/site-packages"))
    return sys.path[-1]


def _with_packages(task: Assignment) -> Assignment:
    """Return the assignment unchanged. If it has a [runtime], let this process import its packages."""
    if task.outline is not None:
        _add_packages(task.runtime(Settings().runtime))
    return task


def make_runtimes() -> None:
    """Create the Python environment for students' code, and environments for assignments with additional packages."""
    common = Settings().runtime
    make_runtime(common)
    broken: list[str] = []
    for task in catalogue.load_all(Settings().assignments, broken.append):
        with progress(f"installing {task.runtime_name} of {task.id}") if task.lock else nullcontext():
            folder = runtimes.make(task.lock, common)
        print_line(f"{task.id}: {folder}")
    _report_broken(broken)


def certify(
    assignment: AssignmentArgument = "",
    seeds: Annotated[int, typer.Option(help="Run reference and variants on this many secret seeds.")] = 0,
    long: Annotated[bool, typer.Option("--long", help="Also run the long checks (minutes).")] = False,
    derivations: Annotated[
        bool, typer.Option("--derivations", help="Judge the collected written answers instead of code.")
    ] = False,
    only: Annotated[str, typer.Option(help="Only specimens whose name contains this.")] = "",
    mutate: Annotated[bool, typer.Option("--mutate", help="Grade mutants of correct solutions instead.")] = False,
    mutants: Annotated[int, typer.Option(help="With --mutate: number of mutants; 0 for all.")] = 100,
    seed_: Annotated[int, typer.Option("--seed", help="With --mutate: seed for choosing the mutants.")] = 0,
    least: Annotated[float, typer.Option(help="With --mutate: exit with 3 if the score is lower.")] = 0.98,
    as_json: Annotated[bool, typer.Option("--json", help="With --mutate: print JSON, one row per mutant.")] = False,
    sandbox: SandboxOption = "auto",
) -> None:
    """Grade the assignment's specimens (right and wrong solutions): each must lose exactly the points it should."""
    task = _with_packages(assignment_of(assignment))
    if mutate:
        raise typer.Exit(_certify_mutants(task, sandbox, mutants, seed_, least, as_json))
    if derivations:
        raise typer.Exit(_certify_derivations(task, only))
    specimens = certification.specimens(task) + certification.without_work(task)
    specimens = [specimen for specimen in specimens if only in specimen.name]
    if seeds:
        specimens = [specimen for specimen in specimens if not specimen.loses]
        rows = _certify_on_seeds(specimens, task, sandbox, seeds)
        graded = f"{len(specimens)} specimens on {seeds} seeds"
    else:
        rows = _certify(specimens, task, sandbox, only, long)
        graded = f"{len(rows)} specimens"
    wrong = 0
    for row in rows:
        wrong += not row.holds
        print_check(row.name, " ".join(sorted(row.failed)) or "everything earned", passed=row.holds)
        for problem in row.problems:
            print_line(f"    under seed {row.seed}: {problem}", "red")
    if wrong:
        print_line(f"{graded}: {wrong} do not hold", "red")
        raise typer.Exit(3)
    print_line(f"{graded}: all hold", "green")


def _certify(specimens: Sequence[Specimen], task: Assignment, sandbox: str, only: str, long: bool) -> list[Certified]:
    """Grade the specimens, and the reference with each known mistake whose name contains `only`."""
    mistakes = [mistake for mistake in certification.mistakes(task) if only in f"mistakes/{mistake.id}"]
    with (
        sandbox_for(sandbox, _CORES, task, isolated=True) as chosen,
        progress("certifying", len(specimens) + len(mistakes)) as tick,
    ):
        rows = certification.certify(specimens, task, chosen, long=long, workers=_CORES, tick=tick)
        return rows + certification.certify_mistakes(mistakes, task, workers=_CORES, tick=tick)


def _certify_on_seeds(specimens: Sequence[Specimen], task: Assignment, sandbox: str, seeds: int) -> list[Certified]:
    """Grade the specimens on `seeds` secret seeds each. Every process that grades creates a sandbox with `choose`; the
    sandbox of this process is opened only to make sure that one works."""
    choose = partial(another, sandbox, task.runtime(Settings().runtime))
    with (
        sandbox_for(sandbox, assignment=task, isolated=True),
        progress("certifying", len(specimens) * seeds) as tick,
    ):
        return certification.certify_seeds(specimens, task, choose, seeds=seeds, workers=_CORES, tick=tick)


def _certify_mutants(task: Assignment, sandbox: str, count: int, seed: int, least: float, as_json: bool) -> int:
    """Grade mutants of correct solutions and show the share of wrong mutants that lose points. Return exit code 0 if
    this share is at least `least`, 3 if it is lower, and 130 if the user has stopped the measurement."""
    from grader.authoring.mutate import measure, show  # imported only for this command

    with (
        sandbox_for(sandbox, _CORES, task, isolated=True) as chosen,
        progress("grading mutants", count or None) as tick,
    ):
        measured = measure.measure(task.imported(), chosen, count=count, seed=seed, workers=_CORES, tick=tick)
    if as_json:
        print_json(show.as_json(measured))
    else:
        out.print(show.on_terminal(measured, least))
    if measured.is_stopped:
        return 130
    return 0 if measured.score >= least else 3


def _certify_derivations(task: Assignment, only: str) -> int:
    """Compare the grader's judgements of the collected answers with the correct judgements, and show the result. Return
    exit code 0 if they agree well enough, otherwise 1.

    The answers in the set "tuned" were used to develop the grader. The answers in the set "held_out" were not.
    """
    if not any(reading.collection(task, name) for name in reading.SETS):
        raise BadCall(f"{task.id} has no collected answers: add them in answers/tuned and answers/held_out")
    code = 0
    for name in reading.SETS:
        answers = [answer for answer in reading.collection(task, name) if only in answer.name]
        if not answers:
            continue
        rows = reading.read_all(answers, task)
        for row in rows:
            _show_answer(row)
        figures = reading.figures(rows)
        if not figures.hold:
            code = 1
        print_line(
            f"{name}: {figures.answers} answers · right and recognised: {figures.right_and_recognised} of "
            f"{figures.right} ({figures.share:.0%}) · right but called different: {figures.right_but_different} · "
            f"wrong and shown with their value: {figures.wrong_with_value} of {figures.wrong} · wrong by their words "
            f"alone, or in layout: {figures.wrong_but_recognised} · wrong with automatic marks: "
            f"{figures.wrong_but_automatic}",
            "green" if figures.hold else "red",
        )
    return code


def _show_answer(row: reading.Read) -> None:
    """Print the judgement of a collected answer: "✓" if it is right and recognised, or wrong and not recognised; "✗" if
    it is wrong and would get automatic points, or right and called different; "·" otherwise."""
    sign, style = "·", "yellow"
    if row.wrong_but_automatic or row.right_but_different:
        sign, style = "✗", "red"
    elif row.recognised == row.answer.is_right:
        sign, style = "✓", "green"
    shelves = ", ".join(judgement.shelf for judgement in row.opinion.judgements)
    out.print(Text.assemble((f"{sign} {row.answer.name}", style), f"  {row.answer.what}: {shelves}"))
    if sign != "✓":
        for judgement in row.opinion.judgements:
            print_line(f"    {one_line(judged(judgement), 160)}", "dim")


def calibrate(
    assignment: AssignmentArgument = "",
    seeds: Annotated[int, typer.Option(help="Number of training runs of each kind.")] = 7,
    quick: Annotated[bool, typer.Option("--quick", help="Measure the shorter training of check --quick.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Save the evidence in the assignment's folder.")] = False,
    sandbox: SandboxOption = "auto",
) -> None:
    """Train the reference on several seeds; show how often correct solutions would fail, and propose thresholds."""
    task = assignment_of(assignment)
    with sandbox_for(sandbox, assignment=task) as chosen, progress("calibrating", seeds) as tick:
        rows = calibration.calibrate(task, chosen, seeds=seeds, quick=quick, tick=tick)
    thresholds = calibration.thresholds(task, quick=quick)
    evidence = calibration.evidence(rows, thresholds)
    table = Table("training", "mean", "deviation", "lowest", "threshold: false-fail probability", "proposed")
    for row in rows:
        measured = evidence[row.name]
        accuracies = [f"{accuracy:.4f}" for accuracy in (row.mean, row.deviation, min(row.accuracies))]
        table.add_row(row.name, *accuracies, _listed(measured["false_fail"]), _listed(measured["proposed"]))
    out.print(table)
    if write:
        file = task.folder / ("calibration-quick.json" if quick else "calibration.json")
        file.write_text(json.dumps(evidence, indent=2) + "\n", "utf-8")
        print_line(f"written: {file}", "dim")


def _listed(values: Mapping[str, object]) -> str:
    """Return the entries of a column as text. A missing value is one that needs more seeds."""
    entries = [f"{name}: {'too few seeds' if value is None else value}" for name, value in values.items()]
    return ", ".join(entries)


ToOption = Annotated[
    Path | None, typer.Option("--to", help="Path of the archive. By default, a zip named after the assignment.")
]


@pack.command("student")
def pack_student(
    assignment: AssignmentArgument = "",
    to: ToOption = None,
    sandbox: SandboxOption = "auto",
) -> None:
    """Make an archive for students to check their code: handout, checks and recorded answers, but no solution."""
    task = _with_packages(assignment_of(assignment)).imported()
    file = to or Path(f"{task.id}-student.zip")
    require_writable(file)
    checks = [check for check in task.checks if not check.long]
    total = len(checks) + 1  # one more step records the values for finding faulty lines
    imports = imports_of({task.reference.name: task.reference.read_bytes()})
    with (
        sandbox_for(sandbox, assignment=task, imports=imports) as chosen,
        progress("recording the reference's answers", total) as tick,
    ):
        archive = packing.pack_student(task, chosen, tick)
    print_line(f"written: {_written(file, archive)}")
    for left_out in packing.large_files(task):
        print_line(f"left out, give it to students separately: {left_out}", "yellow")


@pack.command("gradescope")
def pack_gradescope(
    assignment: AssignmentArgument = "",
    to: ToOption = None,
) -> None:
    """Make the autograder zip for Gradescope. It contains the solution: for instructors only."""
    task = assignment_of(assignment)
    file = to or Path(f"{task.id}-gradescope.zip")
    require_writable(file)
    archive = autograder.pack_gradescope(task, Settings().secret)
    written = _written(file, archive)
    print_line(f"written: {written}, for instructors only")


def _written(file: Path, content: bytes) -> str:
    """Write a file, and return a phrase with its path and size."""
    file.write_bytes(content)
    megabytes = len(content) / (1 << 20)
    return f"{file} ({megabytes:.1f} MiB)"

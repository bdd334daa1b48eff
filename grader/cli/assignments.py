"""Commands for authors of assignments: assignments, demo, new, certify, calibrate, pack, runtimes."""

from __future__ import annotations

import json
import os
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from grader.assignments import catalogue, runtimes
from grader.assignments.catalogue import Assignment
from grader.authoring import calibrate as calibration
from grader.authoring import certify as certification
from grader.authoring import certify_derivations as reading
from grader.authoring import gradescope_pack as autograder
from grader.authoring import pack as packing
from grader.authoring.certify import Certified
from grader.cli.common import (
    AssignmentArgument,
    SandboxOption,
    assignment_of,
    err,
    make_runtime,
    out,
    print_json,
    progress_bar,
    require_writable,
    sandbox_for,
    seed,
    status,
)
from grader.cli.progress import GradingDisplay
from grader.engine.grade import grade
from grader.errors import BadCall
from grader.intake.receive import receive_path
from grader.model import ZERO, show_points
from grader.render.phrases import judged
from grader.render.terminal import Terminal
from grader.render.text import one_line
from grader.sandbox.choose import another
from grader.sandbox.contract import imports_of
from grader.settings import Settings

pack = typer.Typer(no_args_is_help=True, add_completion=False, help="Make an archive for students or for Gradescope.")


def assignments(
    as_json_: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List the assignments, with their points."""
    root = Settings().assignments
    known = catalogue.everything(root)
    if not known:
        raise BadCall(f"there are no assignments in {catalogue.places(root)}")
    if as_json_:
        rows = [{"id": a.id, "title": a.title, "points": float(a.points), "digest": a.digest} for a in known]
        print_json(rows)
        return
    table = Table("id", "title", "points", "autograded", "digest")
    for a in known:
        machine = sum((p for part in a.parts for p in part.points_of_checks.values()), ZERO)
        table.add_row(a.id, a.title, show_points(a.points), show_points(machine), a.digest[:12])
    out.print(table)


def demo(
    assignment: Annotated[str, typer.Argument(help="Id or folder of the assignment.")] = str(catalogue.DEMO),
    sandbox: SandboxOption = "auto",
) -> None:
    """Grade an assignment's example submissions, by default those of the demo that comes with the grader."""
    task = assignment_of(assignment)
    if not task.manifest.demo:
        raise BadCall(f"{task.id} has no demo: name submissions in its assignment.toml, demo = [...]")
    with sandbox_for(sandbox, assignment=task) as chosen:
        for name in task.manifest.demo:
            submission = receive_path(task.folder / name, task.files[0])
            out.rule(f"{task.id}: {name}")
            with GradingDisplay(err, task) as display:
                report = grade(submission, task, chosen, seed(), watch=display.watch)
            out.print(Terminal(report))


def new(
    id: Annotated[str, typer.Argument(help="Id of the assignment, and name of its folder.")],
    solution: Annotated[Path | None, typer.Argument(help="A marked solution: a notebook or a Python file.")] = None,
    functions: Annotated[str, typer.Option(help="Names of the graded functions, separated by commas.")] = "",
    class_name: Annotated[str, typer.Option("--class", help="Name of the graded class.")] = "",
    examples: Annotated[
        bool, typer.Option("--examples", help="Record the example calls again with the assignment's reference.py.")
    ] = False,
) -> None:
    """Create the folder of a new assignment, from a solution or as a template."""
    from grader.authoring import new as authoring  # imported only for this command

    root = Settings().assignments or catalogue.default_root()
    if examples:
        task = catalogue.find(id, root)
        count = authoring.record_again(task.folder, task.entry_points.names)
        out.print(f"{count} examples recorded", style="green")
        return
    named = [name.strip() for name in functions.split(",") if name.strip()]
    messages: list[str] = []
    folder = authoring.new(id, root, source=solution, functions=named, class_name=class_name, tell=messages.append)
    for sentence in messages:
        out.print(sentence, style="yellow" if sentence.startswith("warning") else "", markup=False)
    out.print(f"written: {folder}", style="green", markup=False)
    out.print(f"Try it: grader certify {id}, then grader certify {id} --mutate", style="dim", markup=False)


def make_runtimes() -> None:
    """Create the Python environment for students' code, and environments for assignments with additional packages."""
    common = Settings().runtime
    make_runtime(common)
    for task in catalogue.everything(Settings().assignments):
        with status(f"installing {task.runtime_name} of {task.id}") if task.lock else nullcontext():
            folder = runtimes.make(task, common)
        out.print(f"{task.id}: {folder or common}", markup=False, soft_wrap=True)


def certify(
    assignment: AssignmentArgument = "",
    necessity: Annotated[
        bool, typer.Option("--necessity", help="Show the faults that only one check catches.")
    ] = False,
    seeds: Annotated[int, typer.Option(help="Run reference and variants on this many secret seeds.")] = 0,
    long: Annotated[bool, typer.Option("--long", help="Also run the long checks (minutes).")] = False,
    derivations: Annotated[
        bool, typer.Option("--derivations", help="Judge the collected written answers instead of code.")
    ] = False,
    written: Annotated[bool, typer.Option("--written", hidden=True)] = False,
    only: Annotated[str, typer.Option(help="Only specimens whose name contains this.")] = "",
    mutate: Annotated[bool, typer.Option("--mutate", help="Grade mutants of correct solutions instead.")] = False,
    mutants: Annotated[int, typer.Option(help="With --mutate: number of mutants; 0 for all.")] = 0,
    seed_: Annotated[int, typer.Option("--seed", help="With --mutate: seed for choosing the mutants.")] = 0,
    least: Annotated[float, typer.Option(help="With --mutate: exit with 3 if the score is lower.")] = 0.98,
    as_json_: Annotated[bool, typer.Option("--json", help="With --mutate: print JSON, one row per mutant.")] = False,
    sandbox: SandboxOption = "auto",
) -> None:
    """Grade the assignment's specimens (right and wrong solutions): each must lose exactly the points it should."""
    task = assignment_of(assignment)
    if mutate:
        raise typer.Exit(_certify_mutants(task, sandbox, mutants, seed_, least, as_json_))
    if written:
        raise BadCall("--written is now --derivations: grader certify --derivations")
    if derivations:
        raise typer.Exit(_certify_derivations(task, only))
    specimens = [s for s in (*certification.specimens(task), *certification.handout(task)) if only in s.name]
    if seeds:
        specimens = [s for s in specimens if not s.loses]
    workers = os.cpu_count() or 1
    with (
        sandbox_for(sandbox, 1 if seeds else workers, task) as chosen,
        progress_bar("certifying", len(specimens) * max(seeds, 1)) as tick,
    ):
        if seeds:
            chooser = partial(another, sandbox, task.runtime(Settings().runtime))
            rows = certification.certify_seeds(specimens, task, chooser, seeds=seeds, workers=workers, tick=tick)
        else:
            rows = certification.certify(specimens, task, chosen, long=long, workers=workers, tick=tick)
            mistakes = [m for m in certification.mistakes(task) if only in f"mistakes/{m.id}"]
            rows += certification.certify_mistakes(mistakes, task, workers=workers, tick=tick)
    _show_certified(rows, task, necessity)
    wrong = sum(not row.holds for row in rows)
    graded = f"{len(specimens) if seeds else len(rows)} specimens" + (f" on {seeds} seeds" if seeds else "")
    out.print(f"{graded}: {f'{wrong} do not hold' if wrong else 'all hold'}", style="red" if wrong else "green")
    raise typer.Exit(3 if wrong else 0)


def _certify_mutants(task: Assignment, sandbox: str, count: int, seed: int, least: float, as_json_: bool) -> int:
    """Grade mutants of correct solutions and show the share of wrong mutants that lose points. Return exit code 0 if
    this share is at least `least`, otherwise 3."""
    from grader.authoring.mutate import measure, show  # imported only for this command

    workers = os.cpu_count() or 1
    with sandbox_for(sandbox, workers, task) as chosen, progress_bar("grading mutants", count or None) as tick:
        found = measure.measure(task, chosen, count=count, seed=seed, workers=workers, tick=tick)
    if as_json_:
        sys.stdout.write(json.dumps(show.as_json(found), indent=1, ensure_ascii=False) + "\n")
    else:
        out.print(show.on_terminal(found, least))
    return 0 if found.score >= least else 3


def _certify_derivations(task: Assignment, only: str) -> int:
    """Compare the grader's judgements of the collected answers with the correct judgements, and show the result. Return
    exit code 0 if they agree well enough, otherwise 1.

    The answers in the set "tuned" were used to develop the grader. The answers in the set "held_out" were not.
    """
    if not any(reading.collection(task, name) for name in reading.SETS):
        raise BadCall(f"{task.id} has no collected answers: add them in answers/tuned and answers/held_out")
    code = 0
    for name in reading.SETS:
        rows = reading.read_all((a for a in reading.collection(task, name) if only in a.name), task)
        if not rows:
            continue
        for row in rows:
            _show_answer(row)
        found = reading.figures(rows)
        code = code if found.hold else 1
        out.print(
            f"{name}: {found.answers} answers · right and recognised: {found.right_and_recognised} of {found.right} "
            f"({found.share:.0%}) · right but called different: {found.right_but_different} · wrong and shown with "
            f"their value: {found.wrong_with_value} of {found.wrong} · wrong by their words alone, or in layout: "
            f"{found.wrong_but_recognised} · wrong with automatic marks: {found.wrong_but_automatic}",
            style="green" if found.hold else "red",
        )
    return code


def _show_answer(row: reading.Read) -> None:
    failed = row.wrong_but_automatic or row.right_but_different
    sign, style = (
        ("✗", "red") if failed else ("✓", "green") if row.recognised == row.answer.is_right else ("·", "yellow")
    )
    shelves = ", ".join(str(j.shelf) for j in row.opinion.judgements)
    out.print(Text.assemble((f"{sign} {row.answer.name}", style), f"  {row.answer.what}: {shelves}"))
    if sign != "✓":
        for judgement in row.opinion.judgements:
            out.print(Text(f"    {one_line(judged(judgement), 160)}", "dim"))


def _show_certified(rows: list[Certified], task: Assignment, necessity: bool) -> None:
    for row in rows:
        lost = " ".join(sorted(row.failed)) or "everything earned"
        sign, style = ("✓", "green") if row.holds else ("✗", "red")
        out.print(Text.assemble((f"{sign} {row.name}", style), f"  {lost}"))
        for problem in row.problems:
            out.print(Text(f"    under seed {row.seed}: {problem}", "red"))
    if necessity:
        checks = [check for part in task.parts for check in part.points_of_checks]
        table = Table("check", "only it catches")
        for check, faults in certification.necessity(rows, checks).items():
            table.add_row(check, ", ".join(f.removeprefix("faults/") for f in faults) or "—")
        out.print(table)


def calibrate(
    assignment: AssignmentArgument = "",
    seeds: Annotated[int, typer.Option(help="Number of training runs of each kind.")] = 7,
    quick: Annotated[bool, typer.Option("--quick", help="Measure the shorter training of check --quick.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Save the evidence in the assignment's folder.")] = False,
    sandbox: SandboxOption = "auto",
) -> None:
    """Train the reference on several seeds; show how often correct solutions would fail, and propose thresholds."""
    task = assignment_of(assignment)
    with sandbox_for(sandbox, assignment=task) as chosen, progress_bar("calibrating", seeds) as tick:
        rows = calibration.calibrate(task, chosen, seeds=seeds, quick=quick, tick=tick)
    found = calibration.evidence(rows, calibration.thresholds(task, quick=quick))
    table = Table("training", "mean", "deviation", "lowest", "threshold: false-fail probability", "proposed")
    for row in rows:
        shown = found[row.name]
        table.add_row(
            row.name,
            f"{row.mean:.4f}",
            f"{row.deviation:.4f}",
            f"{min(row.accuracies):.4f}",
            ", ".join(f"{step}: {p}" for step, p in shown["false_fail"].items()),
            ", ".join(f"{p}: {'too few seeds' if step is None else step}" for p, step in shown["proposed"].items()),
        )
    out.print(table)
    if write:
        file = task.folder / ("calibration-quick.json" if quick else "calibration.json")
        file.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
        out.print(f"written: {file}", style="dim", markup=False)


def _archive_option(kind: str) -> Any:
    return typer.Option("--to", help=f"Path of the archive. By default, ID-{kind}.zip in the current folder.")


@pack.command("student")
def pack_student(
    assignment: AssignmentArgument = "",
    to: Annotated[Path | None, _archive_option("student")] = None,
    sandbox: SandboxOption = "auto",
) -> None:
    """Make an archive for students to check their code: handout, checks and recorded answers, but no solution."""
    task = assignment_of(assignment)
    file = to or Path(f"{task.id}-student.zip")
    require_writable(file)
    total = len([c for c in task.checks if not c.long]) + 1  # the values for finding faulty lines
    imports = imports_of({task.reference.name: task.reference.read_bytes()})
    with (
        sandbox_for(sandbox, assignment=task, imports=imports) as chosen,
        status("recording the reference's answers") if not err.is_terminal else nullcontext(),
        progress_bar("recording the reference's answers", total) as tick,
    ):
        archive = packing.pack_student(task, chosen, tick)
    file.write_bytes(archive)
    out.print(f"written: {file} ({len(archive) / (1 << 20):.1f} MiB)", markup=False)
    for left_out in packing.large_files(task):
        out.print(f"left out, give it to students separately: {left_out}", style="yellow", markup=False, soft_wrap=True)


@pack.command("gradescope")
def pack_gradescope(
    assignment: AssignmentArgument = "",
    to: Annotated[Path | None, _archive_option("gradescope")] = None,
) -> None:
    """Make the autograder zip for Gradescope. It contains the solution: for instructors only."""
    task = assignment_of(assignment)
    file = to or Path(f"{task.id}-gradescope.zip")
    require_writable(file)
    archive = autograder.pack_gradescope(task, Settings().secret)
    file.write_bytes(archive)
    out.print(f"written: {file} ({len(archive) / (1 << 20):.1f} MiB), for instructors only", markup=False)

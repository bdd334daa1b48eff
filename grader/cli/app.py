"""The command line: `grader check FILE`. Exit codes: 0 graded, 1 below --fail-under, 2 wrong call or file,
3 broken assignment, 4 internal error."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from grader import __version__
from grader.assignments import catalogue, runtimes
from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.authoring import calibrate as calibration
from grader.authoring import certify as certification
from grader.authoring import certify_derivations as reading
from grader.authoring import gradescope_pack as autograder
from grader.authoring import pack as packing
from grader.authoring.certify import Certified
from grader.cli import watch as watching
from grader.cli.progress import GradingDisplay
from grader.engine import replay as replaying
from grader.engine.grade import Scope, grade
from grader.errors import BadCall, GraderError
from grader.intake.receive import receive_path
from grader.model import ZERO, Report, show_points
from grader.render import as_json, gradescope
from grader.render.phrases import judged
from grader.render.terminal import Terminal
from grader.render.text import one_line
from grader.sandbox import selftest
from grader.sandbox.choose import another, choose
from grader.sandbox.contract import Sandbox
from grader.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False, help=__doc__)
pack = typer.Typer(no_args_is_help=True, help="Make an archive for students or for Gradescope.")
app.add_typer(pack, name="pack")

PathArgument = Annotated[Path, typer.Argument(help="A Python file, a notebook, a zip, or a folder of them.")]
_ASSIGNMENT = "Id or folder of the assignment [default: GRADER_ASSIGNMENT]."
AssignmentOption = Annotated[str, typer.Option("--assignment", "-a", help=_ASSIGNMENT)]
AssignmentArgument = Annotated[str, typer.Argument(help=_ASSIGNMENT)]
OnlyOption = Annotated[str | None, typer.Option(help="One part or check (q2.2, q2.2.W1), or: handout.")]
SandboxOption = Annotated[
    str, typer.Option(help="auto, bubblewrap, landlock, or plain (no isolation, for your own code).")
]

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)


def run() -> NoReturn:
    """Run the command. Every failure prints one line and sets its exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that sessions are closed on exit
    try:
        code = app(standalone_mode=False)  # returns the code of typer.Exit
    except typer.Exit as exit:
        sys.exit(exit.exit_code)
    except typer.Abort:
        sys.exit(130)
    except GraderError as error:
        err.print(f"grader: {one_line(str(error), 600)}", style="red", markup=False)
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001  no traceback, and never the exit code of a low score
        if type(error).__name__ == "NoArgsIsHelpError":  # typer does not export this class; the help has been printed
            sys.exit(2)
        if not hasattr(error, "format_message"):
            err.print(
                f"grader: internal error: {type(error).__name__}: {one_line(str(error))}", style="red", markup=False
            )
            sys.exit(4)
        err.print(f"grader: {one_line(error.format_message())} (see grader --help)", style="red", markup=False)
        sys.exit(2)
    sys.exit(code or 0)


@app.command()
def check(
    path: PathArgument,
    assignment: AssignmentOption = "",
    quick: Annotated[bool, typer.Option("--quick", help="Shorten long checks. Not the grade.")] = False,
    code: Annotated[
        bool, typer.Option("--code", help="Leave out long checks, as the service's pre-check does.")
    ] = False,
    only: OnlyOption = None,
    as_json_: Annotated[bool, typer.Option("--json", help="Print only the report, as JSON.")] = False,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write the report with plots to this file.")] = None,
    gradescope_file: Annotated[
        Path | None, typer.Option("--gradescope", help="Write Gradescope's results.json to this file.")
    ] = None,
    fail_under: Annotated[float | None, typer.Option(help="Exit with 1 if there are fewer points.")] = None,
    sandbox: SandboxOption = "auto",
) -> None:
    """Grade one submission and explain lost points."""
    task = assignment_of(assignment)
    submission = receive_path(path, task.files[0])
    if only == "":  # probably an unset variable of a script, which would silently grade everything
        raise BadCall("--only needs a part or a check (q2.2, q2.2.W1) or handout; leave it out to grade everything")
    for file in (html_file, gradescope_file):
        if file:
            _require_writable(file)
    with sandbox_for(sandbox, assignment=task) as chosen, GradingDisplay(err, task) as display:
        report = grade(submission, task, chosen, seed(), Scope(only or "", quick, code), display.watch)
    if html_file:
        from grader.render.html import html  # with its plots it takes a second to import, which few calls need

        html_file.write_text(html(report), "utf-8")
    if gradescope_file:
        gradescope_file.write_text(json.dumps(gradescope.gradescope(report), indent=2) + "\n", "utf-8")
    if as_json_:
        sys.stdout.write(as_json.dumps(report))
    else:
        out.print(Terminal(report))
        for written in (html_file, gradescope_file):
            if written:
                out.print(f"written: {written}", style="dim", markup=False)
    raise typer.Exit(_exit_code(report, fail_under))


def _require_writable(file: Path) -> None:
    """Raise `BadCall` if the file cannot be written, before any work is done for it."""
    folder = file.absolute().parent
    if not folder.is_dir():
        raise BadCall(f"there is no folder {file.parent} to write {file.name} into")
    if file.is_dir() or not os.access(file if file.exists() else folder, os.W_OK):
        raise BadCall(f"{file} cannot be written: choose another path")


def _exit_code(report: Report, fail_under: float | None) -> int:
    return 1 if fail_under is not None and report.points < fail_under else 0


@app.command()
def watch(path: PathArgument, assignment: AssignmentOption = "", sandbox: SandboxOption = "auto") -> None:
    """Grade the code again on every save; m runs the long checks, q quits."""
    task = assignment_of(assignment)
    if not path.exists():
        raise BadCall(f"there is no file or folder {path} to watch")
    with sandbox_for(sandbox, assignment=task) as chosen:
        watching.watch(path, task, chosen, seed(), out)


@app.command()
def replay(
    report_file: Annotated[Path, typer.Argument(help="A report as JSON.")],
    check_id: Annotated[str, typer.Argument(metavar="CHECK", help="For example q2.2.W1.")],
    submission: Annotated[
        Path | None, typer.Option(help="Path of the submission [default: search beside the report and here].")
    ] = None,
    assignment: Annotated[str, typer.Option("--assignment", "-a", help="Assignment [default: the report's].")] = "",
    sandbox: SandboxOption = "auto",
) -> None:
    """Re-run one check of a report; exit with 1 if its verdict differs."""
    report = _read_report(report_file)
    task = assignment_of(assignment or report.assignment)
    places = [submission] if submission else [report_file.parent, Path.cwd()]
    with sandbox_for(sandbox, assignment=task) as chosen:
        again = replaying.replay(report, check_id, task, places, seed(), chosen)
    for title, verdict in (("then", again.then), ("now", again.now)):
        line = (
            f"{title}: {verdict.status} {show_points(verdict.points)}/{show_points(verdict.possible)} {verdict.reason}"
        )
        out.print(one_line(line, 600), markup=False)
    out.print("the same verdict" if again.is_same else "a different verdict", style="green" if again.is_same else "red")
    raise typer.Exit(0 if again.is_same else 1)


def _read_report(file: Path) -> Report:
    try:
        return as_json.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        raise BadCall(f"{file} cannot be read: make a report with grader check --json") from None


@app.command()
def doctor(
    as_json_: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    sandbox: SandboxOption = "bubblewrap",
) -> None:
    """Run the sandbox self-test; exit with 4 if a promise is broken."""
    with sandbox_for(sandbox) as chosen:
        results = selftest.probe(chosen)
    if as_json_:
        rows = [{"id": r.promise.id, "promise": r.promise.text, "holds": r.holds, "seen": r.seen} for r in results]
        sys.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    else:
        for r in results:
            sign, style = ("✓", "green") if r.holds else ("✗", "red")
            out.print(Text.assemble((f"{sign} {r.promise.text}", style), (f"  {one_line(r.seen, 120)}", "dim")))
        wrong = sum(not r.holds for r in results)
        out.print(f"{chosen.name}: {f'{wrong} promises do not hold' if wrong else 'every promise holds'}")
    raise typer.Exit(0 if all(r.holds for r in results) else 4)


@app.command()
def assignments(
    as_json_: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List the assignments, with their points."""
    known = catalogue.everything(Settings().assignments)
    if as_json_:
        rows = [{"id": a.id, "title": a.title, "points": float(a.points), "digest": a.digest} for a in known]
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return
    table = Table("id", "title", "points", "autograded", "digest")
    for a in known:
        machine = sum((p for part in a.parts for p in part.points_of_checks.values()), ZERO)
        table.add_row(a.id, a.title, show_points(a.points), show_points(machine), a.digest[:12])
    out.print(table)


@app.command()
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


@app.command("runtimes")
def make_runtimes() -> None:
    """Create the environments of assignments that need additional packages."""
    common = Settings().runtime
    for task in catalogue.everything(Settings().assignments):
        with _status(f"installing {task.runtime_name} of {task.id}") if task.lock else nullcontext():
            folder = runtimes.make(task, common)
        out.print(f"{task.id}: {folder or common}", markup=False, soft_wrap=True)


@app.command()
def certify(
    assignment: AssignmentArgument = "",
    necessity: Annotated[
        bool, typer.Option("--necessity", help="Show the faults that only one check catches.")
    ] = False,
    seeds: Annotated[int, typer.Option(help="Run reference and variants on this many secret seeds.")] = 0,
    long: Annotated[bool, typer.Option("--long", help="Also run the long checks (minutes).")] = False,
    derivations: Annotated[
        bool, typer.Option("--derivations", help="Certify the reading of written answers instead.")
    ] = False,
    written: Annotated[bool, typer.Option("--written", hidden=True)] = False,
    only: Annotated[str, typer.Option(help="Only specimens whose name contains this.")] = "",
    mutate: Annotated[bool, typer.Option("--mutate", help="Grade mutants of correct solutions instead.")] = False,
    mutants: Annotated[int, typer.Option(help="With --mutate: number of mutants; 0 for all.")] = 0,
    seed_: Annotated[int, typer.Option("--seed", help="With --mutate: seed of the choice of mutants.")] = 0,
    least: Annotated[float, typer.Option(help="With --mutate: exit with 3 if the score is lower.")] = 0.98,
    as_json_: Annotated[bool, typer.Option("--json", help="With --mutate: print JSON, one row per mutant.")] = False,
    sandbox: SandboxOption = "auto",
) -> None:
    """Grade the assignment's specimens: each must lose exactly the points that it should."""
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
            rows += certification.certify_mistakes(task, workers=workers, only=only, tick=tick)
    _show_certified(rows, task, necessity)
    wrong = sum(not row.holds for row in rows)
    graded = f"{len(specimens) if seeds else len(rows)} specimens" + (f" on {seeds} seeds" if seeds else "")
    out.print(f"{graded}: {f'{wrong} do not hold' if wrong else 'all hold'}", style="red" if wrong else "green")
    raise typer.Exit(3 if wrong else 0)


def _certify_mutants(task: Assignment, sandbox: str, count: int, seed: int, least: float, as_json_: bool) -> int:
    """Return the exit code: 0 if enough wrong mutants lose points, else 3."""
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
    """Return the exit code: 0 if both sets of answers hold, else 1."""
    if not any(reading.collection(task, name) for name in reading.SETS):
        raise BadCall(f"{task.id} has no answers to certify the reading with (answers/tuned, answers/held_out)")
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
        lost = " ".join(sorted(row.lost)) or "everything earned"
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


@app.command()
def calibrate(
    assignment: AssignmentArgument = "",
    seeds: Annotated[int, typer.Option(help="Number of training runs of each kind.")] = 7,
    quick: Annotated[bool, typer.Option("--quick", help="Measure the shorter training of --quick.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Save the evidence in the assignment's folder.")] = False,
    sandbox: SandboxOption = "auto",
) -> None:
    """Measure accuracy over seeds; propose thresholds with their false-fail probability."""
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


@contextmanager
def progress_bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on a terminal, and yield the function that advances it. A total of None is unknown."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda count: progress.advance(task, count)


@pack.command("student")
def pack_student(
    assignment: AssignmentArgument = "",
    to: Annotated[Path | None, typer.Option("--to", help="Path of the archive [default: ID-student.zip].")] = None,
    sandbox: SandboxOption = "auto",
) -> None:
    """Make the archive with which students check their own code: handout, checks and recorded answers, no solution."""
    task = assignment_of(assignment)
    file = to or Path(f"{task.id}-student.zip")
    _require_writable(file)
    total = len([c for c in task.checks if not c.long])
    with (
        sandbox_for(sandbox, assignment=task) as chosen,
        progress_bar("recording the reference's answers", total) as tick,
    ):
        archive = packing.pack_student(task, chosen, tick)
    file.write_bytes(archive)
    out.print(f"written: {file} ({len(archive) / (1 << 20):.1f} MiB)", markup=False)


@pack.command("gradescope")
def pack_gradescope(
    assignment: AssignmentArgument = "",
    to: Annotated[Path | None, typer.Option("--to", help="Path of the archive [default: ID-gradescope.zip].")] = None,
) -> None:
    """Make the autograder zip for Gradescope. It contains the solution: for instructors only."""
    task = assignment_of(assignment)
    file = to or Path(f"{task.id}-gradescope.zip")
    _require_writable(file)
    archive = autograder.pack_gradescope(task, Settings().secret)
    file.write_bytes(archive)
    out.print(f"written: {file} ({len(archive) / (1 << 20):.1f} MiB), for instructors only", markup=False)


ServiceSandboxOption = Annotated[
    str, typer.Option("--sandbox", help="bubblewrap, or with weaker isolation: landlock, plain.")
]


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen at.")] = 8000,
    sandbox: ServiceSandboxOption = "bubblewrap",
) -> None:
    """Run the grading service until SIGTERM or Ctrl-C. With PostgreSQL (GRADER_DATABASE_URL) it does not grade: start
    grader worker for that."""
    settings = Settings()  # reports wrong settings before the slow imports
    # the service's libraries take a second to import, which grader check need not wait for
    from grader.cli import logs
    from grader.cli.serve import serve as serve_until_stopped

    logs.configure()

    def say(line: str) -> None:
        err.print(line, markup=False, soft_wrap=True)

    serve_until_stopped(settings, sandbox, host, port, say, _status, on_terminal=sys.stderr.isatty())


@contextmanager
def _status(what: str) -> Iterator[None]:
    """Show a spinner on a terminal, or print a line elsewhere."""
    if not err.is_terminal:
        err.print(f"{what} …", markup=False)
        yield
        return
    with err.status(f"{what} …"):
        yield


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
def mark(context: typer.Context) -> None:
    """Mark written answers without the service (grader mark --help)."""
    from grader.marking.offline.commands import app as commands  # imported only for this command

    raise typer.Exit(commands(context.args, prog_name="grader mark", standalone_mode=False) or 0)


@app.command(
    hidden=True, context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, add_help_option=False
)
def read() -> None:
    """Refuse with the command's new name."""
    raise BadCall("grader read is now grader mark, with the same commands and options")


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
def admin(context: typer.Context) -> None:
    """Manage courses, people, tokens and offered assignments (grader admin --help)."""
    from grader.cli.admin import app as commands  # the database's libraries take a second to import

    raise typer.Exit(commands(context.args, prog_name="grader admin", standalone_mode=False) or 0)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
def batch(context: typer.Context) -> None:
    """Grade a learning platform's export of a class and write a gradebook (grader batch --help)."""
    from grader.batch.door import app as command  # takes a second to import

    raise typer.Exit(command(context.args, prog_name="grader batch", standalone_mode=False) or 0)


@app.command("zip")
def zip_(
    folder: Annotated[Path, typer.Argument(help="The output folder of grader batch.")],
    to: Annotated[Path | None, typer.Option("--to", help="Path of the zip [default: feedback.zip in it].")] = None,
) -> None:
    """Pack all reports into a zip with the names that the learning platform expects for feedback."""
    from grader.batch.feedback import pack  # takes a second to import

    file = to or folder / "feedback.zip"
    if to:
        _require_writable(to)
    count = pack(folder, file)
    out.print(f"written: {file} ({count} reports)", markup=False)


@app.command()
def worker(
    database: Annotated[
        str, typer.Option(envvar="GRADER_DATABASE_URL", help="The database: postgresql://user:password@host/name.")
    ] = "",
    sandbox: ServiceSandboxOption = "bubblewrap",
) -> None:
    """Grade for a service with PostgreSQL on this machine, until SIGTERM or Ctrl-C."""
    settings = Settings().model_copy(update={"database_url": database})
    from grader.cli import logs
    from grader.cli.worker import work

    logs.configure()
    work(settings, sandbox, lambda line: err.print(line, markup=False, soft_wrap=True))


@app.command()
def backup(
    to: Annotated[Path, typer.Argument(metavar="FILE", help="Path of the copy; the file must not exist.")],
) -> None:
    """Copy the service's SQLite database, while it runs, into one file."""
    from grader.cli.backup import backup as copy  # the database's libraries take a second to import

    settings = Settings()
    made = copy(settings, to)
    out.print(f"written: {made.file} ({made.submissions} submissions, {made.size / (1 << 20):.1f} MiB)", markup=False)
    if settings.secret:
        out.print("GRADER_SECRET is not in it: keep it too, or gradings cannot be repeated", markup=False)


@app.command()
def restore(
    copy: Annotated[Path, typer.Argument(metavar="FILE", help="A copy made by grader backup.")],
) -> None:
    """Replace the service's database by a copy; the service must not run."""
    from grader.cli.backup import restore as put_back

    found, put = put_back(Settings(), copy)
    out.print(f"restored: {found.submissions} submissions", markup=False)
    out.print("all people must log in again (grader admin link LOGIN makes a link)", markup=False, soft_wrap=True)
    if put.tokens:
        out.print(
            f"tokens of programs in it: {put.tokens}; those revoked since the copy are valid again, so revoke them "
            "again (grader admin tokens LOGIN)",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
    if put.aside:
        out.print(f"the previous database is kept: {put.aside}", style="dim", markup=False, soft_wrap=True)


@app.command()
def version() -> None:
    """Print the version."""
    out.print(__version__)


def assignment_of(name: str) -> Assignment:
    """Return the assignment with this id or folder, or the default one of the settings."""
    settings = Settings()
    return catalogue.find(name or settings.assignment, settings.assignments)


def seed() -> Seed:
    """Return the seed of the settings."""
    secret = Settings().secret
    return Seed(secret.encode() if secret else None)


@contextmanager
def sandbox_for(name: str, templates: int = 1, assignment: Assignment | None = None) -> Iterator[Sandbox]:
    """Yield a sandbox, with the environment of this assignment or the common one."""
    common = Settings().runtime
    runtime = assignment.runtime(common) if assignment else common
    chosen, why_not_better = choose(name, runtime, templates)
    if why_not_better:
        err.print(
            f"no isolation ({why_not_better}): grade only your own code, not other people's",
            style="yellow",
            markup=False,
        )
    try:
        yield chosen
    finally:
        chosen.close()

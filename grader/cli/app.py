"""The command line: `grader check FILE`. Exit codes: 0 graded, 1 below --fail-under, 2 wrong call or file,
3 broken assignment, 4 our failure."""

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
from grader.cli.progress import Display
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
pack = typer.Typer(no_args_is_help=True, help="Make an archive for somebody else.")
app.add_typer(pack, name="pack")

PathArgument = Annotated[Path, typer.Argument(help="A Python file, a notebook, a zip, or a folder of them.")]
_ASSIGNMENT = "Id, or folder, of the assignment [default: GRADER_ASSIGNMENT]."
AssignmentOption = Annotated[str, typer.Option("--assignment", "-a", help=_ASSIGNMENT)]
AssignmentArgument = Annotated[str, typer.Argument(help=_ASSIGNMENT)]
OnlyOption = Annotated[str | None, typer.Option(help="One part or check (q2.2, q2.2.W1), or: handout.")]
SandboxOption = Annotated[str, typer.Option(help="auto, bubblewrap, landlock, or plain (no isolation: your own code).")]

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)


def run() -> NoReturn:
    """The console script. Every failure of ours becomes one line and its exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that sessions are closed on the way out
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
        if type(error).__name__ == "NoArgsIsHelpError":  # typer keeps its click to itself; the help is printed by now
            sys.exit(2)
        if not hasattr(error, "format_message"):
            err.print(
                f"grader: our own failure: {type(error).__name__}: {one_line(str(error))}", style="red", markup=False
            )
            sys.exit(4)
        err.print(
            f"grader: {one_line(error.format_message())} (grader --help shows what there is)", style="red", markup=False
        )
        sys.exit(2)
    sys.exit(code or 0)


@app.command()
def check(
    path: PathArgument,
    assignment: AssignmentOption = "",
    quick: Annotated[bool, typer.Option("--quick", help="Do less in long checks. Not the grade.")] = False,
    code: Annotated[bool, typer.Option("--code", help="Leave long checks out, as a pre-check over HTTP does.")] = False,
    only: OnlyOption = None,
    as_json_: Annotated[bool, typer.Option("--json", help="The report as JSON, alone on standard output.")] = False,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write the report with plots here.")] = None,
    gradescope_file: Annotated[
        Path | None, typer.Option("--gradescope", help="Write Gradescope's results.json.")
    ] = None,
    fail_under: Annotated[float | None, typer.Option(help="Exit 1 where the points are fewer.")] = None,
    sandbox: SandboxOption = "auto",
) -> None:
    """Grade one submission and say why."""
    task = assignment_of(assignment)
    submission = receive_path(path, task.files[0])
    if only == "":  # a script's unset variable: everything would be graded, and nobody would notice
        raise BadCall("--only needs a part or a check (q2.2, q2.2.W1) or handout; leave it out to grade everything")
    for file in (html_file, gradescope_file):
        if file:
            _require_writable(file)
    with sandbox_for(sandbox, assignment=task) as chosen, Display(err, task) as display:
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
        raise BadCall(f"{file} cannot be written: choose another place")


def _exit_code(report: Report, fail_under: float | None) -> int:
    return 1 if fail_under is not None and report.points < fail_under else 0


@app.command()
def watch(path: PathArgument, assignment: AssignmentOption = "", sandbox: SandboxOption = "auto") -> None:
    """Grade the code again on every save; m runs the long checks, q ends."""
    task = assignment_of(assignment)
    if not path.exists():
        raise BadCall(f"there is no file or folder {path} to watch")
    with sandbox_for(sandbox, assignment=task) as room:
        watching.watch(path, task, room, seed(), out)


@app.command()
def replay(
    report_file: Annotated[Path, typer.Argument(help="A report as JSON.")],
    check_id: Annotated[str, typer.Argument(metavar="CHECK", help="For example q2.2.W1.")],
    submission: Annotated[
        Path | None, typer.Option(help="Where the submission lies, if not beside the report or here.")
    ] = None,
    assignment: Annotated[str, typer.Option("--assignment", "-a", help="If not the report's, by id.")] = "",
    sandbox: SandboxOption = "auto",
) -> None:
    """Form one verdict of a report again; exit 1 where it differs."""
    old = replaying.read_report(report_file)
    task = assignment_of(assignment or old.assignment)
    places = [submission] if submission else [report_file.parent, Path.cwd()]
    with sandbox_for(sandbox, assignment=task) as room:
        again = replaying.replay(old, check_id, task, places, seed(), room)
    for title, verdict in (("then", again.then), ("now", again.now)):
        line = (
            f"{title}: {verdict.status} {show_points(verdict.points)}/{show_points(verdict.possible)} {verdict.reason}"
        )
        out.print(one_line(line, 600), markup=False)
    same = again.then == again.now
    out.print("the same verdict" if same else "a different verdict", style="green" if same else "red")
    raise typer.Exit(0 if same else 1)


@app.command()
def doctor(
    as_json_: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    sandbox: SandboxOption = "bubblewrap",
) -> None:
    """Try every promise of the sandbox with a probe; exit 4 where one does not hold."""
    with sandbox_for(sandbox) as room:
        findings = selftest.probe(room)
    if as_json_:
        rows = [{"id": f.promise.id, "promise": f.promise.text, "holds": f.holds, "seen": f.seen} for f in findings]
        sys.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    else:
        for f in findings:
            sign, style = ("✓", "green") if f.holds else ("✗", "red")
            out.print(Text.assemble((f"{sign} {f.promise.text}", style), (f"  {one_line(f.seen, 120)}", "dim")))
        wrong = sum(not f.holds for f in findings)
        out.print(f"{room.name}: {f'{wrong} promises do not hold' if wrong else 'every promise holds'}")
    raise typer.Exit(0 if all(f.holds for f in findings) else 4)


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
    table = Table("id", "title", "points", "by machine", "digest")
    for a in known:
        machine = sum((p for part in a.parts for p in part.points_of_checks.values()), ZERO)
        table.add_row(a.id, a.title, show_points(a.points), show_points(machine), a.digest[:12])
    out.print(table)


@app.command()
def new(
    id: Annotated[str, typer.Argument(help="Id of the assignment, and name of its folder.")],
    solution: Annotated[Path | None, typer.Argument(help="A marked solution: a notebook or a Python file.")] = None,
    functions: Annotated[str, typer.Option(help="Names of the graded functions, with commas between.")] = "",
    class_name: Annotated[str, typer.Option("--class", help="Name of the graded class.")] = "",
    examples: Annotated[
        bool, typer.Option("--examples", help="Record the example calls of an assignment's reference.py again.")
    ] = False,
) -> None:
    """Write a new assignment's folder, from a solution or without one."""
    from grader.authoring import new as authoring  # which nothing else here needs

    root = Settings().assignments or catalogue.default_root()
    if examples:
        task = catalogue.find(id, root)
        count = authoring.record_again(task.folder, task.entry_points.names)
        out.print(f"{count} examples recorded", style="green")
        return
    named = [name.strip() for name in functions.split(",") if name.strip()]
    told: list[str] = []
    folder = authoring.new(id, root, source=solution, functions=named, class_name=class_name, tell=told.append)
    for sentence in told:
        out.print(sentence, style="yellow" if sentence.startswith("warning") else "", markup=False)
    out.print(f"written: {folder}", style="green", markup=False)
    out.print(f"Try it: grader certify {id}, then grader certify {id} --mutate", style="dim", markup=False)


@app.command("runtimes")
def make_runtimes() -> None:
    """Make the environments of assignments whose students' code needs packages of their own."""
    common = Settings().runtime
    for task in catalogue.everything(Settings().assignments):
        with _meanwhile(f"installing {task.runtime_name} of {task.id}") if task.lock else nullcontext():
            folder = runtimes.make(task, common)
        out.print(f"{task.id}: {folder or common}", markup=False, soft_wrap=True)


@app.command()
def certify(
    assignment: AssignmentArgument = "",
    necessity: Annotated[
        bool, typer.Option("--necessity", help="Show the faults that one check alone catches.")
    ] = False,
    seeds: Annotated[int, typer.Option(help="Run reference and variants on this many secret seeds.")] = 0,
    long: Annotated[bool, typer.Option("--long", help="Run the long checks too (minutes).")] = False,
    derivations: Annotated[
        bool, typer.Option("--derivations", help="Certify the reading of written answers instead.")
    ] = False,
    written: Annotated[bool, typer.Option("--written", hidden=True)] = False,
    only: Annotated[str, typer.Option(help="Only specimens whose name contains this.")] = "",
    mutate: Annotated[bool, typer.Option("--mutate", help="Grade mutants of right solutions instead.")] = False,
    mutants: Annotated[int, typer.Option(help="With --mutate: how many mutants; 0 is all of them.")] = 0,
    seed_: Annotated[int, typer.Option("--seed", help="With --mutate: which mutants.")] = 0,
    least: Annotated[float, typer.Option(help="With --mutate: exit 3 where the score is lower.")] = 0.98,
    as_json_: Annotated[bool, typer.Option("--json", help="With --mutate: as JSON, one row a mutant.")] = False,
    sandbox: SandboxOption = "auto",
) -> None:
    """Grade the assignment's own specimens: each must earn, and lose, exactly what it should."""
    task = assignment_of(assignment)
    if mutate:
        raise typer.Exit(_certify_mutants(task, sandbox, mutants, seed_, least, as_json_))
    if written:
        raise BadCall("--written is now --derivations: grader certify --derivations")
    if derivations:
        raise typer.Exit(_certify_derivations(task, only))
    chosen = [s for s in (*certification.specimens(task), *certification.handout(task)) if only in s.name]
    if seeds:
        chosen = [s for s in chosen if not s.loses]
    workers = os.cpu_count() or 1
    with (
        sandbox_for(sandbox, 1 if seeds else workers, task) as room,
        _bar("certifying", len(chosen) * max(seeds, 1)) as tick,
    ):
        if seeds:
            chooser = partial(another, sandbox, task.runtime(Settings().runtime))
            rows = certification.certify_seeds(chosen, task, chooser, seeds=seeds, workers=workers, tick=tick)
        else:
            rows = certification.certify(chosen, task, room, long=long, workers=workers, tick=tick)
            rows += certification.certify_mistakes(task, workers=workers, only=only, tick=tick)
    _show_certified(rows, task, necessity)
    wrong = sum(not row.holds for row in rows)
    held = f"{len(chosen) if seeds else len(rows)} specimens" + (f" on {seeds} seeds" if seeds else "")
    out.print(f"{held}: {f'{wrong} do not hold' if wrong else 'all hold'}", style="red" if wrong else "green")
    raise typer.Exit(3 if wrong else 0)


def _certify_mutants(task: Assignment, sandbox: str, count: int, seed: int, least: float, as_json_: bool) -> int:
    """Return the exit code: 0 if enough wrong mutants lose points, else 3."""
    from grader.authoring.mutate import measure, show  # which nothing else here needs

    workers = os.cpu_count() or 1
    with sandbox_for(sandbox, workers, task) as room, _bar("grading mutants", count or None) as tick:
        found = measure.measure(task, room, count=count, seed=seed, workers=workers, tick=tick)
    if as_json_:
        sys.stdout.write(json.dumps(show.as_json(found), indent=1, ensure_ascii=False) + "\n")
    else:
        out.print(show.on_terminal(found, least))
    return 0 if found.score >= least else 3


def _certify_derivations(task: Assignment, only: str) -> int:
    """Return 0 if both sets hold, else 1."""
    if not any(reading.collection(task, name) for name in reading.SETS):
        raise BadCall(f"{task.id} has no answers to certify the reading with (answers/tuned, answers/held_out)")
    code = 0
    for name in reading.SETS:
        rows = reading.read_all((a for a in reading.collection(task, name) if only in a.name), task)
        if not rows:
            continue
        for row in rows:
            _show_read(row)
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


def _show_read(row: reading.Read) -> None:
    failed = row.wrong_but_automatic or row.right_but_different
    sign, style = (
        ("✗", "red") if failed else ("✓", "green") if row.recognised == row.answer.is_right else ("·", "yellow")
    )
    said = ", ".join(str(j.shelf) for j in row.opinion.judgements)
    out.print(Text.assemble((f"{sign} {row.answer.name}", style), f"  {row.answer.what}: {said}"))
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
    seeds: Annotated[int, typer.Option(help="How many trainings of each kind.")] = 7,
    quick: Annotated[bool, typer.Option("--quick", help="Of the pre-check's shorter training.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Keep the evidence in the assignment's folder.")] = False,
    sandbox: SandboxOption = "auto",
) -> None:
    """Measure accuracy over seeds; propose thresholds with their false-fail probability."""
    task = assignment_of(assignment)
    with sandbox_for(sandbox, assignment=task) as room, _bar("calibrating", seeds) as tick:
        rows = calibration.calibrate(task, room, seeds=seeds, quick=quick, tick=tick)
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
def _bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal (without an end where total is None); yields the function that moves it on."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda count: progress.advance(task, count)


@pack.command("student")
def pack_student(
    assignment: AssignmentArgument = "",
    to: Annotated[Path | None, typer.Option("--to", help="Where to write it [default: ID-student.zip].")] = None,
    sandbox: SandboxOption = "auto",
) -> None:
    """What students install to check themselves: handout, checks and recorded answers, and no solution."""
    task = assignment_of(assignment)
    file = to or Path(f"{task.id}-student.zip")
    _require_writable(file)
    total = len([c for c in task.checks if not c.long])
    with sandbox_for(sandbox, assignment=task) as room, _bar("recording the reference's answers", total) as tick:
        archive = packing.pack_student(task, room, tick)
    file.write_bytes(archive)
    out.print(f"written: {file} ({len(archive) / (1 << 20):.1f} MiB)", markup=False)


@pack.command("gradescope")
def pack_gradescope(
    assignment: AssignmentArgument = "",
    to: Annotated[Path | None, typer.Option("--to", help="Where to write it [default: ID-gradescope.zip].")] = None,
) -> None:
    """The autograder zip for Gradescope. It holds the solution: for instructors only."""
    task = assignment_of(assignment)
    file = to or Path(f"{task.id}-gradescope.zip")
    _require_writable(file)
    archive = autograder.pack_gradescope(task, Settings().secret)
    file.write_bytes(archive)
    out.print(f"written: {file} ({len(archive) / (1 << 20):.1f} MiB), for instructors only", markup=False)


ServiceSandboxOption = Annotated[
    str, typer.Option("--sandbox", help="bubblewrap, or one that keeps fewer promises: landlock, plain.")
]


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen at.")] = 8000,
    sandbox: ServiceSandboxOption = "bubblewrap",
) -> None:
    """Run the grading service until it is asked to end (SIGTERM or Ctrl-C). With PostgreSQL (GRADER_DATABASE_URL) it
    grades nothing itself: grader worker does."""
    settings = Settings()  # what is wrong in them is said at once
    # the service's libraries take a second to import, which a student's check need not wait for
    from grader.cli import logs
    from grader.cli.serve import serve as serve_until_stopped

    logs.configure()

    def say(line: str) -> None:
        err.print(line, markup=False, soft_wrap=True)

    serve_until_stopped(settings, sandbox, host, port, say, _meanwhile, on_terminal=sys.stderr.isatty())


@contextmanager
def _meanwhile(what: str) -> Iterator[None]:
    """A spinner on a terminal; a line elsewhere."""
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
    """Mark written answers away from the service (grader mark --help)."""
    from grader.marking.offline.commands import app as commands  # it draws pages, which nothing else here needs

    raise typer.Exit(commands(context.args, prog_name="grader mark", standalone_mode=False) or 0)


@app.command(
    hidden=True, context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, add_help_option=False
)
def read() -> None:
    """Name the command that took this one's place."""
    raise BadCall("grader read is called grader mark now, with the same commands and options")


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
def admin(context: typer.Context) -> None:
    """Courses, people, tokens, and what courses ask (grader admin --help)."""
    from grader.cli.admin import app as commands  # the database's libraries take a second to import

    raise typer.Exit(commands(context.args, prog_name="grader admin", standalone_mode=False) or 0)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
def batch(context: typer.Context) -> None:
    """Grade a class: what a learning platform exports → a gradebook (grader batch --help)."""
    from grader.batch.door import app as command  # with what it needs of the service, it takes a second to import

    raise typer.Exit(command(context.args, prog_name="grader batch", standalone_mode=False) or 0)


@app.command("zip")
def zip_(
    folder: Annotated[Path, typer.Argument(help="The folder that grader batch has written to.")],
    to: Annotated[Path | None, typer.Option("--to", help="Where to write it [default: feedback.zip in there].")] = None,
) -> None:
    """Pack everybody's report, named as the learning platform wants feedback back."""
    from grader.batch.feedback import pack  # with what it needs of a class, it takes a second to import

    file = to or folder / "feedback.zip"
    if to:
        _require_writable(to)
    count = pack(folder, file)
    out.print(f"written: {file} ({count} reports)", markup=False)


@app.command()
def worker(
    database: Annotated[
        str, typer.Option(envvar="GRADER_DATABASE_URL", help="The service's: postgresql://user:password@host/name.")
    ] = "",
    sandbox: ServiceSandboxOption = "bubblewrap",
) -> None:
    """Grade for a service that uses PostgreSQL, on this machine, until asked to end (SIGTERM or Ctrl-C)."""
    settings = Settings().model_copy(update={"database_url": database})
    from grader.cli import logs
    from grader.cli.worker import work

    logs.configure()
    work(settings, sandbox, lambda line: err.print(line, markup=False, soft_wrap=True))


@app.command()
def backup(
    to: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the copy; it must not be there yet.")],
) -> None:
    """Copy the service's SQLite database, while it runs, into one file."""
    from grader.cli.backup import backup as copy  # the database's libraries take a second to import

    settings = Settings()
    made = copy(settings, to)
    out.print(f"written: {made.file} ({made.submissions} submissions, {made.size / (1 << 20):.1f} MiB)", markup=False)
    if settings.secret:
        out.print("GRADER_SECRET is not in it: keep it too, or no verdict can be formed again", markup=False)


@app.command()
def restore(
    copy: Annotated[Path, typer.Argument(metavar="FILE", help="What grader backup has written.")],
) -> None:
    """Put such a copy into the place of the service's database; the service must not run."""
    from grader.cli.backup import restore as put_back

    found, put = put_back(Settings(), copy)
    out.print(f"restored: {found.submissions} submissions", markup=False)
    out.print("everybody logs in again (grader admin link LOGIN makes a link)", markup=False, soft_wrap=True)
    if put.tokens:
        out.print(
            f"tokens of programs in it: {put.tokens}; what was revoked since the copy was made works again, so revoke "
            "it again (grader admin tokens LOGIN)",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
    if put.aside:
        out.print(f"the database that was there is kept: {put.aside}", style="dim", markup=False, soft_wrap=True)


@app.command()
def version() -> None:
    """Print the version."""
    out.print(__version__)


def assignment_of(name: str) -> Assignment:
    """Return the assignment of this id or folder, or the one that the settings name."""
    settings = Settings()
    return catalogue.find(name or settings.assignment, settings.assignments)


def seed() -> Seed:
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
            f"no isolation here ({why_not_better}): fine for code of your own, not for a stranger's",
            style="yellow",
            markup=False,
        )
    try:
        yield chosen
    finally:
        chosen.close()

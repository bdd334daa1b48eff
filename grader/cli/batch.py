"""`grader batch`: grade the submissions of a class and write a gradebook."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.batch import class_files, formats, people, table
from grader.batch.display import Display
from grader.batch.export import Export
from grader.batch.feedback import pack
from grader.batch.file_tree import opened
from grader.batch.folder import GRADED, opened_for_writing
from grader.batch.matching import Matching, match_submissions
from grader.batch.outcome import Outcomes, OutputOptions, Result, Standing
from grader.batch.queue import BatchQueue, Rules, local_queue, service_queue
from grader.batch.run import Run, receive
from grader.batch.scores import read_scores
from grader.batch.secret import secret_of as secret_of_batch
from grader.cli.common import (
    AssignmentOption,
    CodeOption,
    JsonOption,
    OnlyOption,
    QuickOption,
    assignment_of,
    err,
    out,
    part_of,
    prepared,
    print_json,
    print_line,
    progress,
    require_writable,
)
from grader.course.csv_people import content_of
from grader.course.late import checked_date, late_policy
from grader.engine.grade import Scope
from grader.errors import BadCall
from grader.model import ReportScope
from grader.render.phrases import scope as scope_phrase
from grader.render.text import one_line
from grader.service import open_store, secret_of
from grader.settings import Settings
from grader.store.files import write
from grader.workers.compatibility import compatibility_key, numpy_of
from grader.workers.grading_process import Plan
from grader.workers.local import available_cores

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)

WRITTEN = "gradebook.csv, canvas.csv, moodle.csv, scores.csv, class.html, students/"


@app.command()
def batch(
    path: Annotated[Path, typer.Argument(help="The learning platform's export: a folder or a zip.")],
    to: Annotated[Path, typer.Option("--out", "-o", help="The output folder.")],
    assignment: AssignmentOption = "",
    roster: Annotated[
        Path | None, typer.Option(help="The class: a CSV file, a Canvas gradebook or a Moodle worksheet.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show which submission belongs to which student; grade nothing.")
    ] = False,
    quick: QuickOption = False,
    code: CodeOption = False,
    only: OnlyOption = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Grade at most this many submissions.")] = None,
    students: Annotated[str, typer.Option(help="Grade only these students: logins, ids, e-mails, names.")] = "",
    due: Annotated[str, typer.Option(help='Due date: "2026-12-01 23:59".')] = "",
    late: Annotated[str, typer.Option(help='Late penalty: {"per_day": "10%", "most_days": 5}')] = "",
    column: Annotated[str, typer.Option(help="Heading of the assignment's column in the platform's gradebook.")] = "",
    gradescope: Annotated[
        bool, typer.Option("--gradescope", help="Also write a results.json for each student.")
    ] = False,
    compare: Annotated[Path | None, typer.Option(help="Another gradebook (CSV) to compare the scores with.")] = None,
    compare_column: Annotated[
        str, typer.Option(help="Title of the score column in --compare, if it has several.")
    ] = "",
    similar: Annotated[bool, typer.Option("--similar", help="Rank pairs of similar submissions.")] = False,
    as_json: JsonOption = False,
    sandbox: Annotated[str, typer.Option(help="bubblewrap, landlock or plain.")] = "bubblewrap",
    database: Annotated[
        str, typer.Option(help="Grade with the workers of this service: postgresql://user:password@host/name.")
    ] = "",
) -> None:
    """Grade a learning platform's export of a class and write a gradebook. Run it again to continue after an
    interruption: graded submissions are not graded again."""
    settings = Settings()
    task = assignment_of(assignment)
    scope = Scope(part_of(only), quick, code)
    graded = scope.reported(task)
    if late and not due:
        raise BadCall('--late needs a due date: add --due "2026-12-01 23:59"')
    due_at = _moment(due)
    policy = late_policy(late or "{}")
    other_scores = tuple(read_scores(content_of(compare), compare_column)) if compare else None
    options = OutputOptions(column or task.title, gradescope, other_scores)
    with opened(path) as folder:
        export = formats.read(folder, task.id, task.files[0])
        matching = match_submissions(export, people.read(content_of(roster)) if roster else None)
        places = _places_to_grade(export, matching, students, limit)
        with opened_for_writing(to), _queue(settings, task, scope, sandbox, database, to) as queue:
            run = Run(export, task, places, queue)
            outcomes = Outcomes(matching, run, due_at, policy)
            if dry_run:  # with the queue, since the plan also shows results of earlier runs
                _show_plan(export, task, matching, run, outcomes, as_json)
                return
            partial_run = bool(students or limit)
            rules = queue.rules.key()
            class_files.require_no_lost_scores(to, rules, graded.label, matching, partial=partial_run)
            with _explain_interruption(), Display(err, len(places), run.places) as display:
                run.grade(display)
            results = _write(to, task, outcomes, options)
            class_files.record_run(to, rules, graded.label)
            if similar:
                _write_similar(to, task, export, matching, run)
    _show(to, graded, results, matching, export.left_over, as_json)
    raise typer.Exit(4 if run.failed else 0)


def zip_(
    folder: Annotated[Path, typer.Argument(help="The output folder of grader batch.")],
    to: Annotated[
        Path | None, typer.Option("--to", help="Path of the zip. By default, feedback.zip in the output folder.")
    ] = None,
) -> None:
    """Pack all reports into a zip with the names that the learning platform expects for feedback."""
    file = to or folder / "feedback.zip"
    if to:
        require_writable(to)
    count = pack(folder, file)
    print_line(f"written: {file} ({count} reports)")


def _queue(
    settings: Settings, task: Assignment, scope: Scope, sandbox: str, database: str, to: Path
) -> AbstractContextManager[BatchQueue]:
    """Return a queue in the output folder with workers on this machine. If `database` is given, the URL of a service's
    database, return the queue in this database."""
    settings = settings if database else prepared(settings, sandbox)
    key = compatibility_key(task, numpy_of(task.runtime(settings.runtime)))
    rules = partial(Rules, key, task.digest, scope.reported(task).label)  # lacks seed and sandbox
    if not database:
        secret = (settings.secret or secret_of_batch(to / GRADED, settings.home)).encode()
        plan = Plan(settings.assignments, settings.runtime, sandbox, {task.id: task.folder})
        return local_queue(to, task, rules(Seed(secret).label, sandbox), scope, plan, secret)
    settings = settings.model_copy(update={"database_url": database})
    if not settings.has_postgresql:
        raise BadCall("--database needs the URL of a service's database: postgresql://user:password@host/name")
    store = open_store(settings)
    return service_queue(store, task, rules(Seed(secret_of(settings, store)).label, ""), scope)


@contextmanager
def _explain_interruption() -> Iterator[None]:
    """Tell how to continue if the `with` block is interrupted by Ctrl-C or SIGTERM."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        print_line("stopped; what has been graded is kept: run it again to go on", "yellow", err)
        raise


def _write(to: Path, task: Assignment, outcomes: Outcomes, options: OutputOptions) -> list[Result]:
    """Write all output files to the folder `to`, and draw the reports. Return the results of the students."""
    from grader.batch import pages  # imports plotting libraries, which take seconds
    from grader.batch.outputs import write_all
    from grader.batch.summary import Summary

    summary = Summary({mistake.id: mistake.sentence for mistake in task.mistakes})
    new_reports = write_all(to, outcomes, options, summary)
    with progress("drawing reports", len(new_reports)) as tick:
        pages.draw(new_reports, len(available_cores()), tick)
    return summary.results


def _write_similar(to: Path, task: Assignment, export: Export, matching: Matching, run: Run) -> None:
    """Compare all readable submissions with each other, and write similar.html and similar.csv."""
    from grader.batch import safe_csv, similar, similar_page  # these need optional libraries

    texts = similar_page.texts(export, matching, run.receipts, task.files[0])
    with progress("comparing", len(texts)) as tick:
        pairs = similar.ranked(texts, similar.baseline(task), tick)
    write(to / "similar.html", similar_page.page(f"{task.title}: similar submissions", len(texts), pairs))
    write(to / "similar.csv", safe_csv.dumps(similar_page.rows(pairs)))


# ── before anything runs ─────────────────────────────────────────────────────────────────────────────


def _show_plan(
    export: Export, task: Assignment, matching: Matching, run: Run, outcomes: Outcomes, as_json: bool
) -> None:
    """Print which submission belongs to which student, and whether it can be graded. The submissions are read, and
    their receipts given to `run`, from which `outcomes` is computed; nothing is graded."""
    for submission in export.submissions:
        receipt, _ = receive(export, submission, task)
        run.receipts[submission.place] = receipt
    rows = list(table.lines(matching, (result for result, _ in outcomes)))
    if as_json:
        print_json({"format": export.format, "lines": [asdict(row) for row in rows], "left_over": export.left_over})
        return
    out.print(table.shown(rows))
    print_line(one_line(table.sentence(export, rows), 600))


def _places_to_grade(export: Export, matching: Matching, students: str, limit: int | None) -> set[str]:
    """Return the places of the first `limit` submissions of `students`, or of all students if empty. Submissions that
    a newer one replaces are left out."""
    replaced = {unclear.submission.place for unclear in matching.replaced}
    places = [submission.place for submission in export.submissions if submission.place not in replaced]
    names = [name.strip() for name in students.split(",") if name.strip()]
    if names:
        chosen = {place for name in names for place in _places_of(matching, name)}
        places = [place for place in places if place in chosen]
    return set(places[:limit])


def _places_of(matching: Matching, name: str) -> list[str]:
    """Return the places of the submissions of the students with this id, login, e-mail address or name."""
    keys = []
    for student in matching.students:
        names = (student.key, student.name, student.email, student.login, *student.ids)
        if name.casefold() in map(str.casefold, names):
            keys.append(student.key)
    if not keys:
        raise BadCall(f"--students {name}: no student has that id, login, e-mail address or name")
    return [matching.matches[key].submission.place for key in keys if key in matching.matches]


def _moment(text: str) -> dt.datetime | None:
    """Return the due date in the option --due; None if it is empty. A date without a time zone is local."""
    try:
        return checked_date(dt.datetime.fromisoformat(text)).astimezone() if text else None
    except ValueError:
        raise BadCall(f'--due {text[:40]!r} is not a valid date: write "2026-12-01 23:59"') from None


# ── results ──────────────────────────────────────────────────────────────────────────────────────────


def _show(
    to: Path, graded: ReportScope, results: list[Result], matching: Matching, left_over: Sequence[str], as_json: bool
) -> None:
    """Print a summary of a batch: the number of students by standing, and everything that needs attention.

    Args:
        to: The output folder.
        graded: The scope that was graded.
        results: The results of the students.
        matching: The submissions by student, with those that are unclear.
        left_over: Paths of files that belong to no submission.
        as_json: True to print JSON.
    """
    standings = Counter(result.standing for result in results)
    counts = {standing.value: standings[standing] for standing in Standing if standings[standing]}
    failed = [result for result in results if result.standing is Standing.FAILED]
    if as_json:
        content = {
            "scope": graded.label,
            "students": counts,
            "unclear": [{"submission": u.submission.place, "why": u.why} for u in matching.unclear],
            "internal_errors": [{"student": result.student.shown, "why": result.why} for result in failed],
            "left_over": left_over,
            "out": str(to),
        }
        print_json(content)
        return
    print_line(", ".join(f"{count} {standing}" for standing, count in counts.items()))
    if not graded.is_full:
        scope = one_line(scope_phrase(graded))
        print_line(f"This is not the grade: {scope}. Do not upload canvas.csv or moodle.csv.", "yellow")
    for unclear in matching.unclear:
        print_line(f"unclear: {one_line(unclear.submission.place)}: {one_line(unclear.why, 400)}", "yellow")
    for file in left_over:
        print_line(f"belongs to no submission: {one_line(file)}", "yellow")
    for result in failed:
        print_line(f"internal error: {one_line(result.student.shown)}: {one_line(result.why, 400)}", "red")
    print_line(f"written to {to}: {WRITTEN}")

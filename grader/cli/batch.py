"""`grader batch`: grade the submissions of a class and write a gradebook."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
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
from grader.batch.marks import read_marks
from grader.batch.matching import Matching, Recogniser, match_submissions
from grader.batch.outcome import Outcomes, OutputOptions, Result, Standing
from grader.batch.people import ClassStudent, local_date
from grader.batch.queue import BatchQueue, Rules, local_queue, service_queue
from grader.batch.run import Run
from grader.batch.scores import read_scores
from grader.batch.secret import secret_of as secret_of_batch
from grader.cli.common import (
    AssignmentOption,
    CodeOption,
    OnlyOption,
    QuickOption,
    ServiceSandboxOption,
    assignment_of,
    err,
    out,
    part_of,
    prepared,
    print_json,
    print_line,
    progress,
)
from grader.course.csv_people import content_of
from grader.course.late import late_policy
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
    due: Annotated[
        dt.datetime | None, typer.Option(parser=local_date, metavar="DATE", help='Due date: "2026-12-01 23:59".')
    ] = None,
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
    earlier: Annotated[
        list[Path] | None, typer.Option(help="With --similar: an export of an earlier term to compare with.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --dry-run: print JSON, one row per submission.")
    ] = False,
    sandbox: ServiceSandboxOption = "bubblewrap",
    database: Annotated[
        str, typer.Option(help="Grade with the workers of this service: postgresql://user:password@host/name.")
    ] = "",
) -> None:
    """Grade a learning platform's export of a class and write a gradebook. Run it again to continue after an
    interruption: graded submissions are not graded again."""
    if late and not due:
        raise BadCall('--late needs a due date: add --due "2026-12-01 23:59"')
    if earlier and not similar:
        raise BadCall("--earlier needs --similar: add it to rank similar submissions")
    if as_json and not dry_run:
        raise BadCall("--json needs --dry-run: a batch writes its results to class.json in the output folder")
    task = assignment_of(assignment)
    scope = Scope(part_of(only), quick, code)
    policy = late_policy(late or "{}")
    if "free_days" in policy:
        raise BadCall("only the service counts late days: leave free_days out of --late")
    other_scores = tuple(read_scores(content_of(compare), compare_column)) if compare else None
    with opened(path) as files:
        export = formats.read(files, task.id, task.files[0])
        known_students = people.read(content_of(roster)) if roster else None
        matching = match_submissions(export, known_students)
        places = _places_to_grade(export, matching, students, limit)
        class_ = _Class(to, task, scope.reported(task), export, matching)
        with opened_for_writing(to), _queue(task, scope, sandbox, database, to) as queue:
            run = Run(export, task, places, queue)
            outcomes = Outcomes(task, matching, run, due, policy, read_marks(to))
            if dry_run:  # with the queue, since the plan also shows results of earlier runs
                run.read()
                _show_plan(class_, outcomes, as_json)
                return
            rules = queue.rules.key()
            is_partial = bool(students or limit)
            class_files.require_no_lost_scores(to, rules, class_.scope.label, matching, partial=is_partial)
            options = OutputOptions(column or task.title, task.points, gradescope, other_scores)
            write_results = partial(class_.write, outcomes, options, rules)
            is_first_run = not class_files.has_results(to)

            def write_so_far() -> None:
                """Write the results so far, unless this could replace the scores of an earlier run by empty cells."""
                if is_first_run:
                    write_results(_draw_silently)

            with _progress_of(run, len(places)) as display:
                run.grade(display, write_so_far)
            results = write_results(_draw)
            if similar:
                class_.write_similar(run, earlier or ())
    _show(class_, results)
    raise typer.Exit(4 if run.failed else 0)


def zip_(folder: Annotated[Path, typer.Argument(help="The output folder of grader batch.")]) -> None:
    """Pack all reports into a zip with the names that the learning platform expects for feedback."""
    file = folder / "feedback.zip"
    count = pack(folder, file)
    print_line(f"written: {file} ({count} reports)")


@dataclass(frozen=True)
class _Class:
    """The submissions of a class, and the output folder."""

    out: Path
    task: Assignment
    scope: ReportScope
    export: Export
    matching: Matching

    def write(
        self, outcomes: Outcomes, options: OutputOptions, rules: str, draw: Callable[[Sequence[Path]], None]
    ) -> list[Result]:
        """Write all output files, and draw the reports. Return the results of the students.

        Args:
            outcomes: The results so far.
            options: The options of the output files.
            rules: A hash of what reports depend on (see `class_files.require_no_lost_scores`).
            draw: Function that writes the HTML pages of JSON reports with plots.
        """
        from grader.batch.outputs import write_all  # imports plotting libraries, which take seconds
        from grader.batch.summary import Summary

        summary = Summary({mistake.id: mistake.sentence for mistake in self.task.mistakes})
        draw(write_all(self.out, outcomes, options, summary))
        class_files.record_run(self.out, rules, self.scope.label)
        return summary.results

    def write_similar(self, run: Run, earlier: Sequence[Path]) -> None:
        """Compare all readable submissions with each other and with those of earlier terms. Write similar.html and
        similar.csv."""
        from grader.batch import safe_csv, similar, similar_page  # these need optional libraries

        texts = similar_page.texts(self.export, self.matching, run.receipts, self.task.files[0])
        for path in earlier:
            texts += similar_page.earlier_texts(path, self.task)
        with progress("comparing", len(texts)) as tick:
            pairs = similar.ranked(texts, similar.baseline(self.task), tick)
        title = f"{self.task.title}: similar submissions"
        write(self.out / "similar.html", similar_page.page(title, len(texts), pairs))
        write(self.out / "similar.csv", safe_csv.dumps(similar_page.rows(pairs)))


def _draw(reports: Sequence[Path]) -> None:
    """Write the HTML pages of JSON reports, with a progress display."""
    with progress("drawing reports", len(reports)) as tick:
        _draw_silently(reports, tick)


def _draw_silently(reports: Sequence[Path], tick: Callable[[int], object] = lambda _count: None) -> None:
    from grader.batch import pages  # imports plotting libraries, which take seconds

    pages.draw(reports, len(available_cores()), tick)


def _queue(task: Assignment, scope: Scope, sandbox: str, database: str, to: Path) -> AbstractContextManager[BatchQueue]:
    """Return a queue in the output folder with workers on this machine. If `database` is given, the URL of a service's
    database, return the queue in this database."""
    settings = Settings() if database else prepared(Settings(), sandbox)
    numpy = numpy_of(task.runtime(settings.runtime))

    def rules(secret: bytes, sandbox: str) -> Rules:
        seed = Seed(secret)
        key = compatibility_key(task, numpy, seed)
        return Rules(key, task.digest, scope.reported(task).label, seed.label, sandbox)

    if not database:
        secret = (settings.secret or secret_of_batch(to / GRADED, settings.home)).encode()
        plan = Plan(settings.assignments, settings.runtime, sandbox, {task.id: task.folder})
        return local_queue(to, task, rules(secret, sandbox), scope, plan, secret)
    settings = settings.model_copy(update={"database_url": database})
    if not settings.has_postgresql:
        raise BadCall("--database needs the URL of a service's database: postgresql://user:password@host/name")
    store = open_store(settings)
    return service_queue(store, task, rules(secret_of(settings, store), ""), scope)


@contextmanager
def _progress_of(run: Run, count: int) -> Iterator[Display]:
    """Show the progress of grading `count` submissions. If Ctrl-C or SIGTERM interrupts it, tell how to continue."""
    with Display(err, count, run.places) as display:
        try:
            yield display
        except (KeyboardInterrupt, SystemExit):
            print_line("stopped; what has been graded is kept: run it again to go on", "yellow", err)
            raise


def _places_to_grade(export: Export, matching: Matching, students: str, limit: int | None) -> set[str]:
    """Return the places of the first `limit` submissions of `students`, or of all students if empty. Submissions that
    a newer one replaces are left out."""
    replaced = {unclear.submission.place for unclear in matching.replaced}
    places = [submission.place for submission in export.submissions if submission.place not in replaced]
    if students:
        chosen = _places_of(matching, students.split(","))
        places = [place for place in places if place in chosen]
    return set(places[:limit])


def _places_of(matching: Matching, names: Sequence[str]) -> set[str]:
    """Return the places of the submissions of the students with these ids, logins, e-mail addresses or names."""
    recogniser = Recogniser(matching.students)
    places = set()
    for name in filter(str.strip, names):
        fitting = recogniser.fitting(ClassStudent(label=name))
        if not fitting:
            raise BadCall(f"--students {name}: no student has that id, login, e-mail address or name")
        for position in set.union(*fitting.values()):
            match = matching.matches.get(matching.students[position].key)
            if match:
                places.add(match.submission.place)
    return places


def _show_plan(class_: _Class, outcomes: Outcomes, as_json: bool) -> None:
    """Print which submission belongs to which student, and whether it can be graded."""
    export = class_.export
    rows = list(table.lines(class_.matching, (result for result, _ in outcomes)))
    if as_json:
        lines = [asdict(row) for row in rows]
        print_json({"format": export.format, "lines": lines, "left_over": export.left_over})
        return
    out.print(table.shown(rows))
    sentence = table.sentence(export, rows)
    print_line(one_line(sentence, 600))


def _show(class_: _Class, results: Sequence[Result]) -> None:
    """Print a summary of a batch: the number of students by standing, and everything that needs attention."""
    standings = Counter(result.standing for result in results)
    print_line(", ".join(f"{standings[standing]} {standing}" for standing in Standing if standing in standings))
    if not class_.scope.is_full:
        scope = one_line(scope_phrase(class_.scope))
        print_line(f"This is not the grade: {scope}. Do not upload canvas.csv or moodle.csv.", "yellow")
    elif standings[Standing.PARTLY_GRADED]:
        print_line(
            "gradebook.csv has the scores so far of students whose answers await marking. Their cells in canvas.csv "
            "and moodle.csv are empty until the answers are marked (grader mark export-reports): a platform would "
            "count the undecided points as zero."
        )
    for unclear in class_.matching.unclear:
        print_line(f"unclear: {one_line(unclear.submission.place)}: {one_line(unclear.why, 400)}", "yellow")
    for file in class_.export.left_over:
        print_line(f"belongs to no submission: {one_line(file)}", "yellow")
    for result in results:
        if result.standing is Standing.FAILED:
            print_line(f"internal error: {one_line(result.student.shown)}: {one_line(result.why, 400)}", "red")
    print_line(f"written to {class_.out}: gradebook.csv, canvas.csv, moodle.csv, scores.csv, class.html, students/")

"""Write the output of a batch: gradebooks, the class report, and a folder for each student."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from grader.batch import gradebooks, pages, safe_csv
from grader.batch.class_files import remove_others
from grader.batch.class_page import page
from grader.batch.compare import compared
from grader.batch.folder import GRADED, OPINIONS, RECORD, STUDENTS
from grader.batch.outcome import OutputOptions, Result, for_students
from grader.batch.summary import Summary
from grader.model import Json, Report
from grader.render import as_json, gradescope
from grader.store.files import write


def write_all(
    out: Path, outcomes: Iterable[tuple[Result, Report | None]], options: OutputOptions, summary: Summary
) -> list[Path]:
    """Write all output files, and add all results to `summary`.

    Returns:
        Paths of the JSON reports with plots. `pages.draw` must still write their HTML pages.
    """
    rows: list[gradebooks.Row] = [gradebooks.LONG]
    opinions: dict[str, Json] = {}
    undrawn: list[Path] = []
    for result, report in outcomes:
        summary.add(result, report)
        rows += gradebooks.long_rows(result, report)
        if report is not None:
            opinions[report.submission.digest] = opinions_of(report)
            undrawn += _write_student(out / STUDENTS / result.student.key, for_students(report, result), options)
    results = summary.results
    remove_others(out, {result.student.key for result in results})
    write(out / GRADED / OPINIONS, json.dumps(opinions) + "\n")
    tables: dict[str, Iterable[gradebooks.Row]] = {
        "scores.csv": rows,
        "gradebook.csv": gradebooks.full(results),
        "canvas.csv": gradebooks.canvas(results, options.column, options.possible),
        "moodle.csv": gradebooks.moodle(results, options.possible),
    }
    if options.compare_with is not None:
        tables["compare.csv"] = compared(results, summary.losses, options.compare_with)
    for name, table in tables.items():
        write(out / name, safe_csv.dumps(table))
    record = [_record(result) for result in results]
    write(out / RECORD, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    write(out / "class.html", page(summary))
    return undrawn


def opinions_of(report: Report) -> Json:
    """Return the automatic comparisons of written answers, as JSON by question id."""
    return {written.id: as_json.as_json(written.opinion) for written in report.written if written.opinion}


def _record(result: Result) -> Json:
    """Return a student's entry in class.json."""
    student, submission = result.student, result.submission
    return {
        "student": student.key,
        "name": student.name,
        "ids": list(student.ids),
        "email": student.email,
        "login": student.login,
        "standing": result.standing.value,
        "status": result.status,
        "points": None if result.points is None else float(result.points),
        "final": None if result.final is None else float(result.final),
        "shares_with": list(result.shares_with),
        "submission": submission.place if submission else None,
        "feedback": result.feedback,
    }


def _write_student(folder: Path, report: Report, options: OutputOptions) -> list[Path]:
    """Write a student's report. Return [path of the JSON file] if the HTML page must still be drawn, otherwise []."""
    folder.mkdir(parents=True, exist_ok=True)
    if options.gradescope:
        write(folder / "results.json", json.dumps(gradescope.gradescope(report), indent=2) + "\n")
    file = folder / "report.json"
    page_file = pages.page_of(file)
    content = as_json.dumps(report)
    if page_file.exists() and file.exists() and file.read_text("utf-8") == content:
        return []
    page_file.unlink(missing_ok=True)  # before `write`: a killed process must not leave an old page
    write(file, content)
    if report.evidence:
        return [file]
    pages.draw_one(file)
    return []

"""What a batch leaves in its folder: gradebooks, and a folder for each student."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from grader.batch import cells, gradebooks, pages
from grader.batch.class_page import page
from grader.batch.journal import write
from grader.batch.outcome import Result, Wishes
from grader.batch.summary import Summary
from grader.model import Report
from grader.render import as_json, gradescope

STUDENTS = "students"


def write_all(
    out: Path, outcomes: Iterable[tuple[Result, Report | None]], wishes: Wishes, summary: Summary
) -> list[Path]:
    """Each file is complete or as it was before. Fills the summary, and returns the new reports whose pages have plots,
    which are still to be drawn."""
    rows: list[gradebooks.Row] = [gradebooks.LONG]
    fresh: list[Path] = []
    for result, report in outcomes:
        summary.add(result, report)
        rows += gradebooks.long_rows(result, report)
        if report is not None:
            fresh += _write_student(out / STUDENTS / result.student.key, report, wishes)
    results = summary.results
    write(out / "scores.csv", cells.dumps(rows))
    write(out / "gradebook.csv", cells.dumps(gradebooks.ours(results)))
    write(out / "canvas.csv", cells.dumps(gradebooks.canvas(results, wishes.column)))
    write(out / "moodle.csv", cells.dumps(gradebooks.moodle(results)))
    write(out / "class.html", page(summary))
    return fresh


def _write_student(folder: Path, report: Report, wishes: Wishes) -> list[Path]:
    """The report, where its page is still to be drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    file, content = folder / "report.json", as_json.dumps(report)
    drawn = pages.page_of(file).exists() and file.exists() and file.read_text("utf-8") == content
    if not drawn:
        pages.page_of(file).unlink(
            missing_ok=True
        )  # else a kill between the two would leave an old page for a new report
        write(file, content)
    if wishes.gradescope:
        write(folder / "results.json", json.dumps(gradescope.gradescope(report), indent=2) + "\n")
    if not drawn and not report.evidence:
        pages.draw_one(file)
        return []
    return [] if drawn else [file]

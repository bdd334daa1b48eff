"""`grader zip`: pack all reports into a zip that the learning platform can import as feedback files."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from grader.batch.folder import RECORD, REPORT, STUDENTS, loaded
from grader.errors import BadCall


def pack(out: Path, file: Path) -> int:
    """Write a zip of the reports in an output folder of `grader batch`. Return the number of reports."""
    reports = dict(_reports(out))
    if not reports:
        raise BadCall(f"{out} has no reports yet: run grader batch first")
    unfinished = file.with_name(f".{file.name}.unfinished")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, report in sorted(reports.items()):
            entry = zipfile.ZipInfo(name)
            archive.writestr(entry, report.read_bytes(), zipfile.ZIP_DEFLATED)
    unfinished.replace(file)
    return len(reports)


def _reports(out: Path) -> Iterator[tuple[str, Path]]:
    """Yield (path in the zip, file) of every student's report. The members of a group share one path."""
    students = loaded(out / RECORD)
    if students is None:
        raise BadCall(f"{out} was not written by grader batch: give the output folder of grader batch")
    for student in students:
        report = out / STUDENTS / student["student"] / REPORT
        if student["feedback"] and report.is_file():
            yield student["feedback"], report

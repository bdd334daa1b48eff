"""Render a report for GitHub Actions: annotations at lines of code, and a summary of the run.

GitHub's runner interprets every line of output that begins with "::" as a command. Text from students is therefore
escaped, or printed while the runner ignores commands ("::stop-commands::").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from grader.model import Report, show_points
from grader.render.html import part_progress, total
from grader.render.phrases import SYMBOLS, Fix, fixes, scope
from grader.render.text import one_line

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~&@$:])")
_SENTENCE = 400
"""A reason is cut after this number of characters."""

FileOf = Callable[[str], Path | None]
"""Function: name of a file in the report → path of the file in the repository; None if the repository lacks the
file."""


def commands(report: Report, file_of: FileOf) -> Iterator[str]:
    """Yield a workflow command such as "::error file=solution.py,line=52::…" for each thing to fix."""
    for fix in fixes(report):
        properties = {"title": f"{', '.join(c.id for c in fix.checks[:3])} (-{show_points(fix.lost)})"}
        at = fix.first.place
        if at is not None and (file := file_of(at.file)) is not None:
            properties = {"file": file.as_posix(), "line": str(at.line)} | properties
        fields = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
        place = f" ({at})" if at is not None and "file" not in properties else ""
        yield f"::error {fields}::{_data(one_line(fix.reason, _SENTENCE) + place)}"


def summary(report: Report) -> str:
    """Return a report as Markdown for the summary of a GitHub Actions run."""
    return "\n".join(_summary_lines(report)) + "\n"


def _summary_lines(report: Report) -> Iterator[str]:
    yield f"### {_text(report.assignment.title)}: {_text(total(report))}"
    if not report.scope.is_full:
        yield from ("", f"**This is not the grade**: {_text(scope(report.scope))}.")
    if report.code_absent:
        yield from ("", _text(report.submission.missing))
    yield from ("", "| Part | | Points |", "| --- | --- | ---: |")
    for part in report.parts:
        progress = part_progress(part)
        points = f"{show_points(progress.points)} of {show_points(progress.decided)}" if progress.decided else "—"
        status = f"{SYMBOLS[progress.status]} {progress.status.label}"
        yield f"| {_text(part.id)} {_text(part.title)} | {_text(status)} | {points} |"
    yield from _fix_lines(fixes(report))


def _fix_lines(found: Iterable[Fix]) -> Iterator[str]:
    for number, fix in enumerate(found, 1):
        if number == 1:
            yield from ("", "#### What to fix first", "")
        place = f" — {_text(str(fix.first.place))}" if fix.first.place is not None else ""
        ids = _text(", ".join(c.id for c in fix.checks[:3]))
        yield f"{number}. **{ids} (+{show_points(fix.lost)})** {_text(one_line(fix.reason, _SENTENCE))}{place}"


def _text(text: str) -> str:
    """Return the text on one line, escaped for Markdown."""
    return _MARKDOWN.sub(r"\\\1", one_line(text, 2 * _SENTENCE))


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

"""Render a report for GitHub Actions: annotations at lines of code, and a summary of the run.

GitHub's runner interprets every line of output that begins with "::" as a command. Text from students is therefore
escaped, or printed while the runner ignores commands ("::stop-commands::").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
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
        properties = {}
        message = one_line(fix.reason, _SENTENCE)
        place = fix.first.place
        file = file_of(place.file) if place else None
        if place and file:
            properties = {"file": file.as_posix(), "line": str(place.line)}
        elif place:
            message += f" ({place})"
        lost = show_points(fix.lost)
        properties["title"] = f"{_ids(fix)} (-{lost})"
        fields = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
        yield f"::error {fields}::{_data(message)}"


def summary(report: Report) -> str:
    """Return a report as Markdown for the summary of a GitHub Actions run."""
    return "\n".join(_summary_lines(report)) + "\n"


def _summary_lines(report: Report) -> Iterator[str]:
    """Yield the lines of the summary in Markdown: the totals, a table of the parts, and a list of the things to fix."""
    yield f"### {_text(report.assignment.title)}: {_text(total(report))}"
    if not report.scope.is_full:
        yield from ("", f"**This is not the grade**: {_text(scope(report.scope))}.")
    if report.code_absent:
        yield from ("", _text(report.submission.missing))
    yield from ("", "| Part | | Points |", "| --- | --- | ---: |")
    for part in report.parts:
        progress = part_progress(part)
        points = "—"
        if progress.decided:
            points = f"{show_points(progress.points)} of {show_points(progress.decided)}"
        name = _text(f"{part.id} {part.title}")
        status = _text(f"{SYMBOLS[progress.status]} {progress.status.label}")
        yield f"| {name} | {status} | {points} |"
    to_fix = fixes(report)
    if to_fix:
        yield from ("", "#### What to fix first", "")
    for number, fix in enumerate(to_fix, 1):
        ids, lost = _text(_ids(fix)), show_points(fix.lost)
        reason = _text(one_line(fix.reason, _SENTENCE))
        item = f"{number}. **{ids} (+{lost})** {reason}"
        if fix.first.place:
            place = _text(str(fix.first.place))
            item += f" — {place}"
        yield item


def _ids(fix: Fix) -> str:
    ids = [check.id for check in fix.checks[:3]]
    return ", ".join(ids)


def _text(text: str) -> str:
    """Return the text on one line, escaped for Markdown."""
    return _MARKDOWN.sub(r"\\\1", one_line(text, 2 * _SENTENCE))


def _data(text: str) -> str:
    """Escape the message of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape the value of a property of a workflow command, such as the file's name."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")

"""`grader check --github`: show a report in the log, the annotations and the summary of a GitHub Actions run."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from grader.model import Report
from grader.render.github import FileOf, commands, summary
from grader.render.terminal import Terminal


def show(report: Report, files: Sequence[Path], console: Console) -> None:
    """Show a report in a GitHub Actions run. Print the report and an annotation for each thing to fix. Append summary
    and outputs to the files named in the variables GITHUB_STEP_SUMMARY and GITHUB_OUTPUT."""
    resume = secrets.token_hex(16)
    _command(console, f"::stop-commands::{resume}")  # a line of the student in the report may begin with "::"
    console.print(Terminal(report))
    _command(console, f"::{resume}::")
    for line in commands(report, file_finder(files)):
        _command(console, line)
    _append("GITHUB_STEP_SUMMARY", summary(report))
    _append("GITHUB_OUTPUT", f"points={float(report.points):g}\npossible={float(report.decided):g}\n")


def file_finder(files: Sequence[Path]) -> FileOf:
    """Return a function from the name of a file in a report to the path of the file in the repository.

    Args:
        files: The graded files and folders. A single file matches any name with the same suffix.
    """
    root = Path(os.environ.get("GITHUB_WORKSPACE", "."))

    def find(name: str) -> Path | None:
        inside = [path / name for path in files if path.is_dir()]
        named = [path for path in files if path.name == name]
        alone = list(files) if len(files) == 1 and files[0].suffix == Path(name).suffix else []
        found = next((path for path in (*inside, *named, *alone) if path.is_file()), None)
        return Path(os.path.relpath(found, root)) if found else None

    return find


def _command(console: Console, line: str) -> None:
    console.print(line, markup=False, soft_wrap=True)


def _append(variable: str, text: str) -> None:
    if file := os.environ.get(variable):
        with open(file, "a", encoding="utf-8") as written:
            written.write(text)

"""`grader check --github`: show a report in the log, the annotations and the summary of a GitHub Actions run."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from grader.cli.common import out, print_line
from grader.model import Report
from grader.render.github import FileOf, commands, summary
from grader.render.terminal import Terminal


def show(report: Report, files: Sequence[Path]) -> None:
    """Show a report in a GitHub Actions run. Print the report and an annotation for each thing to fix. Append summary
    and outputs to the files named in the variables GITHUB_STEP_SUMMARY and GITHUB_OUTPUT."""
    resume = secrets.token_hex(16)
    print_line(f"::stop-commands::{resume}")  # a line of the student in the report may begin with "::"
    out.print(Terminal(report))
    print_line(f"::{resume}::")
    for line in commands(report, file_finder(files)):
        print_line(line)
    _append("GITHUB_STEP_SUMMARY", summary(report))
    _append("GITHUB_OUTPUT", f"points={float(report.points):g}\npossible={float(report.decided):g}\n")


def file_finder(files: Sequence[Path]) -> FileOf:
    """Return a function from the name of a file in a report to the path of the file in the repository.

    Args:
        files: The graded files and folders. A single file matches any name with the same suffix.
    """
    root = Path(os.environ.get("GITHUB_WORKSPACE", "."))

    def find(name: str) -> Path | None:
        """Return the first file with this name, relative to the repository."""
        for path in files:
            file = path / name if path.is_dir() else path
            is_only_file = len(files) == 1 and file.suffix == Path(name).suffix
            if file.is_file() and (file.name == Path(name).name or is_only_file):
                return Path(os.path.relpath(file, root))
        return None

    return find


def _append(variable: str, text: str) -> None:
    """Append text to the file that an environment variable names. Do nothing if the variable is not set."""
    file = os.environ.get(variable)
    if file:
        with open(file, "a", encoding="utf-8") as stream:
            stream.write(text)

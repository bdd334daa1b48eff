"""Finds the line of a student's file that a mistake is likely on: by its text alone, nothing is parsed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from grader.model import Place, Submission

MAX_LINE = 300
MAX_LINES = 3000
"""Of one file; more than anybody writes by hand, and as many as the patterns can be tried on in a second."""


def find_line(submission: Submission, source: str, patterns: Sequence[str]) -> tuple[Place, str] | None:
    """The last line that the likeliest matching pattern finds, in the file or notebook that was graded."""
    lines = [(place, text) for place, text in _lines(submission) if place.file.startswith(source)]
    for pattern in patterns:
        found = re.compile(pattern)
        for place, text in reversed(lines):
            if not text.lstrip().startswith("#") and found.search(text[:MAX_LINE]):
                return place, text.strip()[:MAX_LINE]
    return None


def _lines(submission: Submission) -> Iterator[tuple[Place, str]]:
    for name, content in submission.files.items():
        if name.endswith(".py"):
            for number, text in enumerate(_first_lines(content), 1):
                yield Place(name, number), text
    for notebook in submission.notebooks:
        for cell, source in zip(notebook.code_cell_numbers, notebook.code, strict=True):
            for number, text in enumerate(source.splitlines()[:MAX_LINES], 1):
                yield Place(f"{notebook.path} cell {cell}", number), text


def _first_lines(content: bytes) -> list[str]:
    return [
        line[: 4 * MAX_LINE].decode("utf-8", "replace").rstrip("\r")
        for line in content.split(b"\n", MAX_LINES)[:MAX_LINES]
    ]

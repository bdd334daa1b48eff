"""Loose files, each a student's, named by whatever the roster knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from grader.batch.export import ExportedSubmission, Who
from grader.batch.tree import Tree

NAME = "loose files"

_SUFFIXES = (".py", ".ipynb", ".zip")


def recognises(tree: Tree) -> bool:
    return any(_is_submission(name) for name in tree.names)


def read(tree: Tree, _assignment: str, file: str) -> Sequence[ExportedSubmission]:
    """A student's two files, ada.py and ada.ipynb, are one submission. The names are people's, and stay outside."""
    code = PurePosixPath(file).stem
    files: dict[str, list[str]] = {}
    for name in tree.names:
        if _is_submission(name):
            files.setdefault(PurePosixPath(name).stem, []).append(name)
    return [
        ExportedSubmission(stem, (Who(anything=stem),), tuple((f"{code}{PurePosixPath(n).suffix}", n) for n in names))
        for stem, names in files.items()
    ]


def _is_submission(name: str) -> bool:
    return "/" not in name and name.lower().endswith(_SUFFIXES)


def back(submission: ExportedSubmission, name: str) -> str:
    """Return the path for feedback: a folder with the name of the file."""
    return f"{submission.place}/{name}"

"""Files in one folder. The name of a file without its suffix is the student's id, e-mail address, login or name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from grader.batch.export import ExportedSubmission
from grader.batch.file_tree import Tree
from grader.batch.people import ClassStudent
from grader.model.grouping import grouped

NAME = "loose files"

_SUFFIXES = (".py", ".ipynb", ".zip")


def recognises(tree: Tree) -> bool:
    return any(_is_submission(name) for name in tree.names)


def read(tree: Tree, _assignment: str, file: str) -> Sequence[ExportedSubmission]:
    """Return the submissions. Files such as ada.py and ada.ipynb are one submission, and are renamed to the name that
    the handout asks for."""
    code = PurePosixPath(file).stem
    names_of = grouped((PurePosixPath(name).stem, name) for name in tree.names if _is_submission(name))
    submissions = []
    for stem, names in names_of.items():
        files = [(f"{code}{PurePosixPath(name).suffix}", name) for name in names]
        submissions.append(ExportedSubmission(stem, (ClassStudent(label=stem),), tuple(files)))
    return submissions


def _is_submission(name: str) -> bool:
    return "/" not in name and name.lower().endswith(_SUFFIXES)

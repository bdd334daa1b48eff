"""Read exports of learning platforms. To add a format, write a module here with the attributes of `Format`, and add the
module to `FORMATS`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from grader.batch.export import Export, ExportedSubmission
from grader.batch.file_tree import Tree
from grader.batch.formats import canvas, folders, gradescope, loose, moodle, nbgrader
from grader.errors import BadCall


class Format(Protocol):
    """A module that reads the exports of one learning platform."""

    NAME: str

    def recognises(self, tree: Tree, /) -> bool: ...

    def read(self, tree: Tree, assignment: str, file: str, /) -> Sequence[ExportedSubmission]:
        """Return the submissions of an export.

        Args:
            tree: The files of the export.
            assignment: Id of the assignment.
            file: Name of the code file that the handout asks for.

        Raises:
            BadCall: If the files that belong to the assignment cannot be determined.
        """
        ...


FORMATS: Sequence[Format] = (gradescope, moodle, canvas, nbgrader)
"""The formats with unmistakable names, in the order in which they are tried: before `folders` and `loose`, which
recognize almost everything. A single folder may enclose such an export."""


def read(tree: Tree, assignment: str, file: str) -> Export:
    """Read an export.

    Args:
        tree: The files of the export.
        assignment: Id of the assignment.
        file: Name of the code file that the handout asks for.

    Raises:
        BadCall: If no format is recognized.
    """
    format, files = _recognised(tree)
    submissions = tuple(_tidy(submission) for submission in format.read(files, assignment, file))
    paths = {path for submission in submissions for _, path in submission.files}
    left_over = [name for name in files.names if name not in paths]
    return Export(format.NAME, files, submissions, (*left_over, *files.unsafe))


def _recognised(tree: Tree) -> tuple[Format, Tree]:
    """Return the format of an export and the folder that contains the submissions."""
    inner = _inner_folders(tree)
    candidates = [(format, files) for files in (tree, *inner) for format in FORMATS]
    candidates += [(folders, files) for files in inner if _is_nested(files)]
    candidates += [(folders, tree), (loose, tree)]
    for format, files in candidates:
        if format.recognises(files):
            return format, files
    raise BadCall(
        "no submissions were found: give a Gradescope export, a Canvas or Moodle download, an nbgrader "
        "submitted/ folder, a folder per student, or files named by student"
    )


def _inner_folders(tree: Tree) -> list[Tree]:
    """Return the folders inside an export that may contain the submissions: a single folder that encloses all files,
    and nbgrader's folder submitted/."""
    top_folders = tree.top_folders
    if len(top_folders) == 1 and _is_nested(tree):
        enclosed = tree.below(top_folders[0])
        return [enclosed, *_inner_folders(enclosed)]
    if nbgrader.ROOT in top_folders:
        return [tree.below(nbgrader.ROOT)]
    return []


def _is_nested(tree: Tree) -> bool:
    return all("/" in name for name in tree.names)


def _tidy(submission: ExportedSubmission) -> ExportedSubmission:
    """Return the submission with unique file names: a name that several files share is replaced by each file's path."""
    names = Counter(name for name, _ in submission.files)
    doubled = [name for name, count in names.items() if count > 1]
    if not doubled:
        return submission
    files = tuple((path if name in doubled else name, path) for name, path in submission.files)
    return replace(submission, files=files, notes=(*submission.notes, f"several files are called {', '.join(doubled)}"))

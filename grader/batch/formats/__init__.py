"""Read exports of learning platforms. To add a format, write a module here with the attributes of `Format`, and add the
module to `FORMATS`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from grader.batch.export import Export, ExportedSubmission
from grader.batch.formats import canvas, folders, gradescope, loose, moodle, nbgrader
from grader.batch.tree import Below, Tree, tops
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


FORMATS: Sequence[Format] = (gradescope, moodle, canvas, nbgrader, folders, loose)
"""The formats in the order in which they are tried, the most reliably recognized first."""


def read(tree: Tree, assignment: str, file: str) -> Export:
    """Read an export.

    Args:
        tree: The files of the export.
        assignment: Id of the assignment.
        file: Name of the code file that the handout asks for.

    Raises:
        BadCall: If no format is recognized.
    """
    found = _recognised(tree)
    if found is None:
        raise BadCall(
            "no submissions were found: give a Gradescope export, a Canvas or Moodle download, an nbgrader "
            "submitted/ folder, a folder per student, or files named by student"
        )
    format, tree = found
    submissions = tuple(_tidy(submission) for submission in format.read(tree, assignment, file))
    taken = {path for submission in submissions for _, path in submission.files}
    left_over = tuple(name for name in tree.names if name not in taken)
    return Export(format.NAME, tree, submissions, left_over)


def _recognised(tree: Tree) -> tuple[Format, Tree] | None:
    """Return the format of an export and the folder that contains the submissions; None if no format is recognized."""
    lone = tops(tree)
    wrapped = Below(tree, lone[0]) if len(lone) == 1 and all("/" in name for name in tree.names) else None
    signed, plain = FORMATS[:4], FORMATS[4:]
    order: list[tuple[Format, Tree]] = [(format, tree) for format in signed]
    if wrapped is not None:
        order += [(format, wrapped) for format in signed]
        order += [(folders, wrapped)] if not any("/" not in name for name in wrapped.names) else []
    order += [(format, tree) for format in plain]
    return next(((format, where) for format, where in order if format.recognises(where)), None)


def _tidy(submission: ExportedSubmission) -> ExportedSubmission:
    """Return the submission with unique file names: a name that several files share is replaced by each file's path."""
    names = [name for name, _ in submission.files]
    doubled = {name for name in names if names.count(name) > 1}
    if not doubled:
        return submission
    files = tuple((path if name in doubled else name, path) for name, path in submission.files)
    return replace(submission, files=files, notes=(*submission.notes, f"several files are called {', '.join(doubled)}"))

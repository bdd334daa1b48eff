"""The submissions in an export of a learning platform. `grader.batch.matching` matches them to students."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from grader.batch.file_tree import Tree
from grader.batch.people import ClassStudent


@dataclass(frozen=True)
class ExportedSubmission:
    """One submission of an export."""

    place: str
    """The submission's folder in the export, or the common prefix of its file names."""
    authors: tuple[ClassStudent, ...]
    """The author, or the members of a group, with the identifiers that the export has."""
    files: tuple[tuple[str, str], ...]
    """For each file: (name that the student gave, path in the export)."""
    submitted_at: dt.datetime | None = None
    marked_late: bool = False
    """True if the export marks the submission as late. Some exports do so without a time of submission."""
    notes: tuple[str, ...] = ()
    """Remarks for the instructor, such as files that were not read."""
    feedback_prefix: str = ""
    """Start of the path that the learning platform expects for a feedback file. If empty, `place` is the folder."""


@dataclass(frozen=True)
class Export:
    """The files of an export, and its submissions."""

    format: str
    tree: Tree
    submissions: tuple[ExportedSubmission, ...]
    left_over: tuple[str, ...] = ()
    """Files that belong to no submission, or cannot be read because of their paths."""

    def content(self, submission: ExportedSubmission) -> tuple[tuple[str, bytes], ...]:
        """Return (name, content) of a submission's files. Raise `Refused` if a file cannot be read."""
        files = []
        for name, path in submission.files:
            valid_name = name.encode("utf-8", "replace").decode()  # databases do not accept invalid Unicode
            files.append((valid_name, self.tree.read(path)))
        return tuple(files)

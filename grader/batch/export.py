"""The contents of an export. `grader.batch.matching` matches its submissions to students."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from grader.batch.tree import Tree


@dataclass(frozen=True)
class Author:
    """The identifiers of a person in an export; empty if the export lacks them."""

    id: str = ""
    email: str = ""
    login: str = ""
    name: str = ""
    compact_name: str = ""
    """The name in lower case without spaces and punctuation, family name first, as in Canvas's file names."""
    label: str = ""
    """The name of a folder or file, which may be any of these identifiers."""

    @property
    def shown(self) -> str:
        return self.name or self.label or self.login or self.email or self.compact_name or self.id


@dataclass(frozen=True)
class ExportedSubmission:
    """One submission of an export."""

    place: str
    """Its folder in the export, or the prefix of its files' names."""
    who: tuple[Author, ...]
    """The author, or the members of a group."""
    files: tuple[tuple[str, str], ...]
    """The student's name for each file, and its path in the export."""
    submitted_at: dt.datetime | None = None
    marked_late: bool = False
    """True if the export marks it late, perhaps without a time."""
    notes: tuple[str, ...] = ()
    """Remarks on how the export was read."""
    feedback_prefix: str = ""
    """Beginning of feedback files' paths, as the learning platform expects it; empty for a folder named `place`."""

    def feedback_path(self, name: str) -> str:
        """Return the path of a feedback file for the learning platform."""
        return f"{self.feedback_prefix or f'{self.place}/'}{name}"


@dataclass(frozen=True)
class Export:
    """The files of an export, and its submissions."""

    format: str
    tree: Tree
    submissions: tuple[ExportedSubmission, ...]
    left_over: tuple[str, ...] = ()
    """Files and folders that belong to no submission."""

    def content(self, submission: ExportedSubmission) -> Sequence[tuple[str, bytes]]:
        """Return (name, content) of a submission's files. Raise `Refused` if one cannot be read."""
        return [(name, self.tree.read(path)) for name, path in submission.files]

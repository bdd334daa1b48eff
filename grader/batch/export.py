"""What an export says, as it says it. Whose a hand-in is, is decided later (`grader.batch.whose`)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from grader.batch.tree import Tree


@dataclass(frozen=True)
class Who:
    """What an export says about a person; empty where it says nothing."""

    id: str = ""
    email: str = ""
    login: str = ""
    name: str = ""
    squeezed: str = ""
    """The name in small letters without spaces and signs, family name first: all that Canvas leaves of it."""
    anything: str = ""
    """The name of a folder or file, which may be any of these."""

    @property
    def shown(self) -> str:
        return self.name or self.anything or self.login or self.email or self.squeezed or self.id


@dataclass(frozen=True)
class HandIn:
    place: str
    """Where it lies in the export: a folder, or what its files' names begin with."""
    who: tuple[Who, ...]
    """One, or the members of a group."""
    files: tuple[tuple[str, str], ...]
    """(the name that it had with the student, its path in the export)"""
    submitted_at: dt.datetime | None = None
    marked_late: bool = False
    """The export says that it is late, and perhaps not by how much."""
    notes: tuple[str, ...] = ()
    """How the export was understood where that is not plain."""


@dataclass(frozen=True)
class Export:
    format: str
    tree: Tree
    hand_ins: tuple[HandIn, ...]
    left_over: tuple[str, ...] = ()
    """Files and folders that belong to no hand-in."""

    def content(self, hand_in: HandIn) -> Sequence[tuple[str, bytes]]:
        """(name, bytes) of its files, as uploaded. Raises `Refused`."""
        return [(name, self.tree.read(path)) for name, path in hand_in.files]

"""Canvas, "Download Submissions": one flat zip; names are who, maybe LATE, user id, another id, the file's own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from grader.batch.export import ExportedSubmission, Who
from grader.batch.tree import Tree

NAME = "Canvas download"

_NAMED = re.compile(r"(?P<who>[^_/]+)_(?P<late>LATE_)?(?P<user>\d+)_(?P<other>\d+)_(?P<name>[^/]+)", re.IGNORECASE)
_AGAIN = re.compile(r"-\d+(?=\.(py|ipynb|zip)$)", re.IGNORECASE)
"""Canvas's suffix for files that are submitted again. Python could not import such a name anyway."""


def recognises(tree: Tree) -> bool:
    """Most of what lies at the top is named like that, and nothing else has a folder."""
    named = [bool(_NAMED.fullmatch(name)) for name in tree.names]
    return sum(named) * 2 > len(named)


def read(tree: Tree, _assignment: str, _file: str) -> Sequence[ExportedSubmission]:
    """Read Canvas's files. A student's files are one submission, since Canvas exports only the last attempt."""
    files: dict[str, list[re.Match[str]]] = {}
    for name in tree.names:
        if found := _NAMED.fullmatch(name):
            files.setdefault(found["user"], []).append(found)
    return [_submission(user, found) for user, found in files.items()]


def back(submission: ExportedSubmission, name: str) -> str:
    """Canvas finds people by what stands before the file's own name, and wants that unchanged."""
    path = submission.files[0][1]
    found = _NAMED.fullmatch(path)
    return f"{path.removesuffix(found['name'])}{name}" if found else f"{submission.place}/{name}"


def _submission(user: str, found: Sequence[re.Match[str]]) -> ExportedSubmission:
    names = {match[0]: _AGAIN.sub("", match["name"]) for match in found}
    again = [match["name"] for match in found if names[match[0]] != match["name"]]
    return ExportedSubmission(
        place=f"{found[0]['who']}_{user}",
        who=(Who(id=user, squeezed=found[0]["who"].lower()),),
        files=tuple((name, path) for path, name in names.items()),
        marked_late=any(match["late"] for match in found),
        notes=tuple(f"{name} was submitted again under its old name" for name in again),
    )

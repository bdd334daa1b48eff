"""Canvas, "Download Submissions": a flat zip with names such as lovelaceada_LATE_12_34_solution.py.

The parts of a name are the student's name, "LATE" if late, the ids of user and submission, and the original file name.
Canvas matches feedback files by the parts before the original file name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from grader.batch.export import Author, ExportedSubmission
from grader.batch.tree import Tree
from grader.model.grouping import grouped

NAME = "Canvas download"

_NAMED = re.compile(r"(?P<who>[^_/]+)_(?P<late>LATE_)?(?P<user>\d+)_(?P<other>\d+)_(?P<name>[^/]+)", re.IGNORECASE)
_AGAIN = re.compile(r"-\d+(?=\.(py|ipynb|zip)$)", re.IGNORECASE)
"""Number that Canvas adds to the name of a resubmitted file, as in solution-1.py. The number is removed, since Python
cannot import a file with such a name."""


def recognises(tree: Tree) -> bool:
    """Return whether most files are named as Canvas names them, for example lovelaceada_12_34_solution.py."""
    named = [bool(_NAMED.fullmatch(name)) for name in tree.names]
    return sum(named) * 2 > len(named)


def read(tree: Tree, _assignment: str, _file: str) -> Sequence[ExportedSubmission]:
    """Return a submission for each student, with all files of that student."""
    files = grouped((found["user"], found) for found in map(_NAMED.fullmatch, tree.names) if found)
    return [_submission(user, found) for user, found in files.items()]


def _submission(user: str, found: Sequence[re.Match[str]]) -> ExportedSubmission:
    names = {match[0]: _AGAIN.sub("", match["name"]) for match in found}
    again = [match["name"] for match in found if names[match[0]] != match["name"]]
    return ExportedSubmission(
        place=f"{found[0]['who']}_{user}",
        feedback_prefix=found[0][0].removesuffix(found[0]["name"]),
        who=(Author(id=user, compact_name=found[0]["who"].lower()),),
        files=tuple((name, path) for path, name in names.items()),
        marked_late=any(match["late"] for match in found),
        notes=tuple(f"{name} is a resubmitted file, graded without the number in its name" for name in again),
    )

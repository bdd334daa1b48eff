"""Canvas, "Download Submissions": a flat zip with names such as lovelaceada_LATE_12_34_solution.py.

The parts of a name are the student's name, "LATE" if late, the ids of user and submission, and the original file name.
Canvas matches feedback files by the parts before the original file name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from grader.batch.export import ExportedSubmission
from grader.batch.file_tree import Tree
from grader.batch.people import ClassStudent
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
    files = grouped((match["user"], match) for match in map(_NAMED.fullmatch, tree.names) if match)
    return [_submission(user, matches) for user, matches in files.items()]


def _submission(user: str, matches: Sequence[re.Match[str]]) -> ExportedSubmission:
    """Return the submission of the student with the id `user`. `matches` has a match of `_NAMED` for each file, and
    `match[0]` is the file's whole name in the export."""
    files = []
    notes = []
    for match in matches:
        name = _AGAIN.sub("", match["name"])
        files.append((name, match[0]))
        if name != match["name"]:
            notes.append(f"{match['name']} is a resubmitted file, graded without the number in its name")
    first = matches[0]
    return ExportedSubmission(
        place=f"{first['who']}_{user}",
        feedback_prefix=first[0].removesuffix(first["name"]),
        authors=(ClassStudent(first["who"].lower(), (user,)),),
        files=tuple(files),
        marked_late=any(match["late"] for match in matches),
        notes=tuple(notes),
    )

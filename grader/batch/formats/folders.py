"""A folder per student, named by whatever the roster knows: an id, an e-mail address, a login or a name."""

from __future__ import annotations

from collections.abc import Sequence

from grader.batch.export import ExportedSubmission, Who
from grader.batch.tree import Tree, inside, tops

NAME = "folder per student"


def recognises(tree: Tree) -> bool:
    return bool(tops(tree))


def read(tree: Tree, _assignment: str, _file: str) -> Sequence[ExportedSubmission]:
    return [
        ExportedSubmission(
            place=folder,
            who=(Who(anything=folder),),
            files=tuple((name.removeprefix(f"{folder}/"), name) for name in inside(tree, folder)),
        )
        for folder in tops(tree)
    ]


def back(submission: ExportedSubmission, name: str) -> str:
    """Into a folder of the same name."""
    return f"{submission.place}/{name}"

"""A folder per student. The name of a folder is the student's id, e-mail address, login or name."""

from __future__ import annotations

from collections.abc import Sequence

from grader.batch.export import Author, ExportedSubmission
from grader.batch.tree import Tree, inside, tops

NAME = "folder per student"


def recognises(tree: Tree) -> bool:
    return bool(tops(tree))


def read(tree: Tree, _assignment: str, _file: str) -> Sequence[ExportedSubmission]:
    return [
        ExportedSubmission(
            place=folder,
            who=(Author(label=folder),),
            files=tuple((name.removeprefix(f"{folder}/"), name) for name in inside(tree, folder)),
        )
        for folder in tops(tree)
    ]

"""A folder per student. The name of a folder is the student's id, e-mail address, login or name."""

from __future__ import annotations

from collections.abc import Sequence

from grader.batch.export import Author, ExportedSubmission
from grader.batch.file_tree import Tree, files_in, tops

NAME = "folder per student"


def recognises(tree: Tree) -> bool:
    return bool(tops(tree))


def read(tree: Tree, _assignment: str, _file: str) -> Sequence[ExportedSubmission]:
    submissions = []
    for folder in tops(tree):
        submissions.append(ExportedSubmission(folder, (Author(label=folder),), files_in(tree, folder)))
    return submissions

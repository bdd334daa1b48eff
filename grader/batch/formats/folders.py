"""A folder per student. The name of a folder is the student's id, e-mail address, login or name."""

from __future__ import annotations

from collections.abc import Sequence

from grader.batch.export import ExportedSubmission
from grader.batch.file_tree import Tree
from grader.batch.people import ClassStudent

NAME = "folder per student"


def recognises(tree: Tree) -> bool:
    return bool(tree.top_folders)


def read(tree: Tree, _assignment: str, _file: str) -> Sequence[ExportedSubmission]:
    submissions = []
    for folder in tree.top_folders:
        submissions.append(ExportedSubmission(folder, (ClassStudent(label=folder),), tree.files_in(folder)))
    return submissions

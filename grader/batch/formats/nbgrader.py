"""nbgrader: submitted/<student>/<assignment>/, with timestamp.txt beside the notebooks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from grader.batch.export import Author, ExportedSubmission
from grader.batch.file_tree import Below, Tree, files_in, tops
from grader.errors import BadCall, Refused

NAME = "nbgrader submitted/ folder"
ROOT = "submitted"
TIMESTAMP = "timestamp.txt"


def recognises(tree: Tree) -> bool:
    """Return whether the files are in folders student/assignment/, and there is a folder submitted/ or a
    timestamp.txt."""
    paths = [name.split("/") for name in _students(tree).names]
    deep = [parts for parts in paths if len(parts) >= 3]
    stamped = any(parts[2:] == [TIMESTAMP] for parts in deep)
    return bool(deep) and len(deep) == len(paths) and (stamped or ROOT in tops(tree))


def read(tree: Tree, assignment: str, _file: str) -> Sequence[ExportedSubmission]:
    """Return a submission for each student who has a folder of this assignment."""
    students = _students(tree)
    root = "" if students is tree else f"{ROOT}/"  # paths of a submission's files are relative to the whole tree
    id = _assignment(students, assignment)
    submissions = []
    for student in tops(students):
        folder = f"{root}{student}/{id}"
        if files_in(tree, folder):
            submissions.append(_submission(tree, folder, student))
    return submissions


def _students(tree: Tree) -> Tree:
    """Return the folder submitted/ of a course folder. Return the whole tree if there is no such folder."""
    return Below(tree, ROOT) if ROOT in tops(tree) else tree


def _assignment(students: Tree, id: str) -> str:
    """Return the name of the assignment's folder, which is `id` or, if the export has only one assignment, the name of
    that one."""
    ids = sorted({name.split("/")[1] for name in students.names})
    if id in ids:
        return id
    if len(ids) == 1:
        return ids[0]
    raise BadCall(
        f"submitted/ has the assignments {', '.join(ids)}, but no {id}: rename the folders of this assignment to {id}"
    )


def _submission(tree: Tree, folder: str, student: str) -> ExportedSubmission:
    timestamp = f"{folder}/{TIMESTAMP}"
    files = [(name, path) for name, path in files_in(tree, folder) if not path.endswith(f"/{TIMESTAMP}")]
    return ExportedSubmission(
        place=folder.removeprefix(f"{ROOT}/"),
        who=(Author(label=student),),
        files=tuple(files),
        submitted_at=_stamp(tree, timestamp),
    )


def _stamp(tree: Tree, name: str) -> dt.datetime | None:
    """Return the time in a timestamp file, such as "2015-02-02 15:58:23.948203 UTC"; None if the file is missing or
    invalid."""
    if name not in tree.names:
        return None
    try:
        text = tree.read(name).decode("utf-8").strip()
        moment = dt.datetime.fromisoformat(text.removesuffix(" UTC"))
    except (Refused, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)

"""nbgrader: submitted/<student>/<assignment>/, with timestamp.txt beside the notebooks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from grader.batch.export import ExportedSubmission
from grader.batch.file_tree import Tree
from grader.batch.people import ClassStudent
from grader.errors import BadCall, Refused

NAME = "nbgrader submitted/ folder"
ROOT = "submitted"
TIMESTAMP = "timestamp.txt"


def recognises(tree: Tree) -> bool:
    """Return whether the files are in folders student/assignment/, and the enclosing folder is submitted/ or there is a
    timestamp.txt."""
    paths = [name.split("/") for name in tree.names]
    is_stamped = any(parts[2:] == [TIMESTAMP] for parts in paths)
    is_deep = all(len(parts) >= 3 for parts in paths)
    return bool(paths) and is_deep and (is_stamped or tree.folder == ROOT)


def read(tree: Tree, assignment: str, _file: str) -> Sequence[ExportedSubmission]:
    """Return a submission for each student who has a folder of this assignment."""
    id = _assignment(tree, assignment)
    submissions = []
    for student in tree.top_folders:
        folder = f"{student}/{id}"
        files = dict(tree.files_in(folder))
        if files:
            timestamp = files.pop(TIMESTAMP, "")
            submission = ExportedSubmission(folder, (ClassStudent(label=student),), tuple(files.items()))
            submissions.append(replace(submission, submitted_at=_moment(tree, timestamp)))
    return submissions


def _assignment(tree: Tree, id: str) -> str:
    """Return the name of the assignment's folder, which is `id` or, if the export has only one assignment, the name of
    that one."""
    folders = {name.split("/")[1] for name in tree.names}
    ids = sorted(folders)
    if id in ids:
        return id
    if len(ids) == 1:
        return ids[0]
    raise BadCall(
        f"submitted/ has the assignments {', '.join(ids)}, but no {id}: rename the folders of this assignment to {id}"
    )


def _moment(tree: Tree, file: str) -> dt.datetime | None:
    """Return the time in a timestamp file, such as "2015-02-02 15:58:23.948203 UTC"; None if there is no file or its
    content is invalid."""
    if not file:
        return None
    try:
        text = tree.read(file).decode("utf-8").strip()
        moment = dt.datetime.fromisoformat(text.removesuffix(" UTC"))
    except (Refused, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)

"""Moodle, "Download all submissions": a zip with a folder for each participant, or a flat zip in which the
participant's folder name is a prefix of the file name.

Moodle matches feedback files by the name of the participant's folder.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from grader.batch.export import ExportedSubmission
from grader.batch.file_tree import Tree
from grader.batch.people import ClassStudent
from grader.model.grouping import grouped

NAME = "Moodle download"

_NAMED = re.compile(r"(?P<name>[^/]+?)_(?P<id>\d+)_assignsubmission_(?P<kind>[a-z]+)(_/?|/)(?P<file>.*)")


def recognises(tree: Tree) -> bool:
    return any(_NAMED.fullmatch(name) for name in tree.names)


def read(tree: Tree, _assignment: str, _file: str) -> Sequence[ExportedSubmission]:
    """Return a submission for each participant. Text from Moodle's editor (onlinetext) is not read; a note of the
    submission says so."""
    files = grouped((match["id"], match) for match in map(_NAMED.fullmatch, tree.names) if match)
    return [_submission(id, matches) for id, matches in files.items()]


def _submission(id: str, matches: Sequence[re.Match[str]]) -> ExportedSubmission:
    """Return the submission of the participant with this id. `matches` has a match of `_NAMED` for each file, and
    `match[0]` is the file's whole path in the export."""
    name = matches[0]["name"]
    files = [(match["file"], match[0]) for match in matches if match["kind"] == "file"]
    is_anonymous = name.casefold() == "participant"  # the "name" that Moodle gives all students in blind marking
    ignored_kinds = sorted({match["kind"] for match in matches if match["kind"] != "file"})
    return ExportedSubmission(
        place=f"{name}_{id}",
        feedback_prefix=f"{name}_{id}_assignsubmission_file_/",
        authors=(ClassStudent("" if is_anonymous else name, (id,)),),
        files=tuple(files),
        notes=tuple(f"also has {kind}, which is not read" for kind in ignored_kinds),
    )

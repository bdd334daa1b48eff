"""Moodle, "Download all submissions": a folder per participant, or files whose names begin like that folder's."""

from __future__ import annotations

import re
from collections.abc import Sequence

from grader.batch.export import ExportedSubmission, Who
from grader.batch.tree import Tree

NAME = "Moodle download"

_NAMED = re.compile(r"(?P<name>[^/]+?)_(?P<id>\d+)_assignsubmission_(?P<kind>[a-z]+)(_/?|/)(?P<file>.*)")


def recognises(tree: Tree) -> bool:
    return any(_NAMED.fullmatch(name) for name in tree.names)


def read(tree: Tree, _assignment: str, _file: str) -> Sequence[ExportedSubmission]:
    """Texts typed into Moodle's own editor (onlinetext) are noted, and are no files of a submission."""
    found: dict[str, list[re.Match[str]]] = {}
    for name in tree.names:
        if match := _NAMED.fullmatch(name):
            found.setdefault(match["id"], []).append(match)
    return [_submission(id, matches) for id, matches in found.items()]


def back(submission: ExportedSubmission, name: str) -> str:
    """Moodle finds people by the folder that it has packed for them."""
    return f"{submission.place}_assignsubmission_file_/{name}"


def _submission(id: str, matches: Sequence[re.Match[str]]) -> ExportedSubmission:
    name = matches[0]["name"]
    blind = name.casefold() == "participant"
    others = sorted({match["kind"] for match in matches if match["kind"] != "file"})
    return ExportedSubmission(
        place=f"{name}_{id}",
        who=(Who(id=id, name="" if blind else name),),
        files=tuple((match["file"], match[0]) for match in matches if match["kind"] == "file"),
        notes=tuple(f"has {kind} besides, which is not read" for kind in others),
    )

"""Gradescope, "Export Submissions": a folder per submission, and submission_metadata.yml with authors and times.

Gradescope cannot import feedback files.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from grader.batch.export import ExportedSubmission
from grader.batch.file_tree import Tree
from grader.batch.people import ClassStudent
from grader.errors import BadCall

NAME = "Gradescope export"
METADATA = "submission_metadata.yml"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def recognises(tree: Tree) -> bool:
    return METADATA in tree.names


def read(tree: Tree, _assignment: str, _file: str) -> Sequence[ExportedSubmission]:
    metadata = _metadata(tree)
    return [_submission(tree, str(folder), facts) for folder, facts in metadata.items()]


def _metadata(tree: Tree) -> Mapping[str, Mapping[str, Any]]:
    """Return the content of submission_metadata.yml: folder of a submission → facts about the submission."""
    try:
        metadata = yaml.load(tree.read(METADATA), _Loader)  # noqa: S506  a safe loader, in C where there is one
    except (yaml.YAMLError, RecursionError, ValueError) as wrong:
        raise BadCall(f"{METADATA} cannot be read: {str(wrong).partition(chr(10))[0]}") from None
    if not isinstance(metadata, dict) or not all(isinstance(facts, dict) for facts in metadata.values()):
        raise BadCall(f"{METADATA} does not have the form that Gradescope writes: export the submissions again")
    return metadata


def _submission(tree: Tree, folder: str, facts: Mapping[str, Any]) -> ExportedSubmission:
    """Return the submission in a folder. `facts` is the folder's entry in submission_metadata.yml. The file comes from
    outside, so the types of its values are checked."""
    submitters = facts.get(":submitters")
    if not isinstance(submitters, list):
        submitters = []
    authors = [_author(person) for person in submitters if isinstance(person, dict)]
    return ExportedSubmission(
        place=folder,
        authors=tuple(authors) or (ClassStudent(label=folder),),
        files=tree.files_in(folder),
        submitted_at=_moment(facts.get(":created_at")),
        notes=() if authors else (f"{METADATA} names no submitter",),
    )


def _author(person: Mapping[str, Any]) -> ClassStudent:
    """Return the author from one of the submitters, whose `sid` is the student's id."""
    id = _text(person, ":sid")
    ids = (id,) if id else ()
    email = _text(person, ":email")
    return ClassStudent(_text(person, ":name"), ids, email.lower())


def _text(facts: Mapping[str, Any], name: str) -> str:
    """Return a value as text without extra spaces; "" if it is missing."""
    value = facts.get(name) or ""
    return " ".join(str(value).split())


def _moment(value: Any) -> dt.datetime | None:
    """Return a time in submission_metadata.yml; UTC if it has no time zone. Return None for other values."""
    if not isinstance(value, dt.datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=dt.UTC)

"""The file rubric.toml: rubrics and comments for the written questions of an assignment. No verdict depends on it."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from grader.assignments.manifest import Table, validation_message
from grader.bounds import TEXT
from grader.errors import BadAssignment, BadCall

RUBRICS = "rubric.toml"
MOST_ITEMS = 50
MOST_OF_A_PHRASE = 2_000

ItemText = Annotated[str, Field(min_length=1, max_length=1_000, pattern=TEXT)]
MorePoints = Annotated[Decimal, Field(ge=-1000, le=1000, decimal_places=2, allow_inf_nan=False)]
PhraseText = Annotated[str, Field(min_length=1, max_length=MOST_OF_A_PHRASE, pattern=TEXT)]


class ItemTable(Table):
    """An item of a rubric."""

    text: ItemText
    points: MorePoints
    """Points added to an answer that the item is applied to; negative for a deduction."""


class QuestionRubric(Table):
    """How people mark a written question. All fields have their defaults if nothing was set."""

    markers: Literal[1, 2] = 1
    """Number of people who mark each answer."""
    items: list[ItemTable] = Field(default=[], max_length=MOST_ITEMS)
    phrases: list[PhraseText] = Field(default=[], max_length=200)
    """The comment bank."""


Rubrics = Mapping[str, QuestionRubric]
"""Id of a written question → its rubric."""
_RUBRICS = TypeAdapter(dict[str, QuestionRubric])


def read(folder: Path, questions: Collection[str]) -> Rubrics:
    """Return the rubrics in an assignment's folder; none if it has no rubric.toml.

    Args:
        folder: The folder.
        questions: Ids of the assignment's written questions.

    Raises:
        BadAssignment: If the file is not valid. The message names file and question, and says what to write.
    """
    file = folder / RUBRICS
    try:
        return loads(file.read_bytes(), questions) if file.exists() else {}
    except (OSError, BadCall) as wrong:
        raise BadAssignment(f"{folder.name}/{RUBRICS}: {wrong}") from None


def loads(content: bytes, questions: Collection[str]) -> Rubrics:
    """Parse a rubric.toml. Raise `BadCall` if it is not valid for an assignment with these written questions."""
    try:
        table = tomllib.loads(content.decode("utf-8-sig"))
        unknown = table.keys() - questions
        if unknown:
            ids = ", ".join(f'["{question}"]' for question in questions)
            raise BadCall(
                f"there is no written question {min(unknown)!r:.80}: write one of {ids}, with quotation marks"
            )
        return _RUBRICS.validate_python(table)
    except ValidationError as wrong:
        raise BadCall(validation_message(wrong.errors(include_url=False)[0])) from None
    except (ValueError, RecursionError) as wrong:
        raise BadCall(f"this is not TOML in UTF-8 ({wrong})") from None

"""Base classes of request and response bodies, and the ids in paths."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Self, TypeVar

from fastapi import Form, Path, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

from grader.bounds import TEXT as TEXT
from grader.course.roster import LOGIN

ID = "^[0-9a-hjkmnp-tv-z]{26}$"
GROUP = "^[0-9a-f]{32}$"
NAME = "^[A-Za-z0-9._-]{1,64}$"

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000, pattern=TEXT)]

SubmissionId = Annotated[str, Path(pattern=ID)]
GradingId = Annotated[str, Path(pattern=ID)]
RegradeId = Annotated[str, Path(pattern=ID)]
SearchText = Annotated[str, Query(max_length=200, pattern=TEXT)]
CourseId = Annotated[str, Path(pattern=NAME)]
AssignmentId = Annotated[str, Path(pattern=NAME)]
QuestionId = Annotated[str, Path(pattern=NAME, description="A written question's id")]
MarkedId = Annotated[str, Path(pattern=NAME, description="A written question's or a check's id")]
RequestId = Annotated[str, Path(pattern=ID)]
TokenId = Annotated[str, Path(pattern=ID)]
Login = Annotated[str, Path(pattern=LOGIN, description="A person's login")]


class Out(BaseModel):
    """Base class of response bodies. Every field is always present. `model_validate` accepts records and
    dictionaries. Docstrings of fields describe them in the OpenAPI document."""

    model_config = ConfigDict(
        frozen=True,
        from_attributes=True,
        use_attribute_docstrings=True,
        json_schema_serialization_defaults_required=True,
    )

    @classmethod
    def all(cls, records: Iterable[object]) -> list[Self]:
        """Return a response body for each record."""
        return [cls.model_validate(record) for record in records]


class In(BaseModel):
    """Base class of request bodies. Unknown fields are errors, because they would have no effect."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


T = TypeVar("T")
FromForm = Annotated[T, Form()]
"""The type of a form's field in a function for pages or, if `T` is a model, of all its fields. Forms have the field
`csrf` too, so the model needs `extra="ignore"`."""


MaybeEmpty = Annotated[T | None, BeforeValidator(lambda text: text or None)]
"""The type of a form's field that may be empty, which is None."""


class PersonOut(Out):
    login: str
    name: str

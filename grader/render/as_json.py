"""Reports as JSON. The classes of a report are in `grader.model`.

`python -m grader.render.as_json` writes the schema to report.schema.json.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter

from grader.errors import BadCall
from grader.model import SCHEMA_VERSION, Json, Opinion, Report


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """Return pydantic's adapter of a class. Building one takes up to 50 ms, so each is built at its first use."""
    return TypeAdapter(kind)


_DESCRIBED = ConfigDict(use_attribute_docstrings=True, json_schema_serialization_defaults_required=True, extra="forbid")
"""Reading the docstrings takes 200 ms, so only the schema has them."""


def schema(ref_template: str = "#/$defs/{model}") -> Json:
    """Return the JSON schema of a report."""
    reports: TypeAdapter[list[Report]] = TypeAdapter(list[Report], config=_DESCRIBED)
    definitions = reports.json_schema(mode="serialization", ref_template=ref_template)["$defs"]
    report = definitions.pop("Report")
    title = f"Grading report, version {SCHEMA_VERSION}"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": definitions, **report, "title": title}


def as_json(value: Report | Opinion) -> Json:
    """Return a report, or the comparison of a written answer, as a JSON object."""
    kind: type = type(value)
    json_object: Json = _adapter(kind).dump_python(value, mode="json", by_alias=True)
    return json_object


def dumps(report: Report) -> str:
    return json.dumps(as_json(report), indent=2, allow_nan=False) + "\n"


def loads(text: str) -> Report:
    """Return the report in a JSON text that `dumps` wrote.

    Notes on how the code was found are lost, because the JSON does not contain them.

    Raises:
        BadCall: If the text is not a report, or has another schema version.
    """
    try:
        written = json.loads(text)
        version = written["schema"]
        if version != SCHEMA_VERSION:
            raise BadCall(
                f"the report has schema version {version!r}, and this grader reads version {SCHEMA_VERSION}: "
                "grade again"
            )
        report: Report = _adapter(Report).validate_python(written)
    except (ValueError, KeyError, TypeError):
        raise BadCall("the file is not a JSON report: make one with grader check --json") from None
    return report


def opinion_of(opinion: Json | None) -> Opinion | None:
    """Return the comparison of a written answer that `as_json` made; None for None."""
    if opinion is None:
        return None
    read: Opinion = _adapter(Opinion).validate_python(opinion)
    return read


if __name__ == "__main__":
    Path(__file__).with_name("report.schema.json").write_text(json.dumps(schema(), indent=2) + "\n", "utf-8")

"""Convert reports to JSON and back. The file report.schema.json lists and documents the properties of the JSON.

A new property of an object needs its entry in the schema, and an attribute of the same name in `grader.model`. Increase
`SCHEMA_VERSION`, and the version in the schema, when a property changes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from grader.errors import BadCall
from grader.model import Json, Opinion, Points, Report, Status, Usage

SCHEMA_VERSION = 5
READABLE = (3, 4, SCHEMA_VERSION)
"""Versions of the schema that `loads` can read. Version 3 lacks only the opinions on written answers of version 4."""

_POINTS = ("points", "possible", "decided", "final")
"""Properties of the JSON that are points."""


def schema(definitions: str = "#/$defs/") -> Json:
    """Return the JSON schema of a report.

    Args:
        definitions: Beginning of the references to the schema's definitions.
    """
    text = Path(__file__).with_name("report.schema.json").read_text("utf-8")
    found: Json = json.loads(text.replace("#/$defs/", definitions))
    return found


_schema = cache(schema)


def as_json(report: Report) -> Json:
    """Return a report as a JSON object."""
    grouped = {
        "schema": SCHEMA_VERSION,
        "points": {
            "earned": report.points,
            "decided": report.decided,
            "waiting": report.waiting,
            "possible": report.possible,
        },
        "first_to_fix": [check.id for check in report.first_to_fix],
        "usage": {name: Usage(round(u.cpu_seconds, 4), round(u.wall_seconds, 4)) for name, u in report.usage.items()},
    }
    others = {name: getattr(report, name) for name in _schema()["properties"] if name not in grouped}
    written: Json = _json(grouped | others, _schema())
    return written


def dumps(report: Report) -> str:
    return json.dumps(as_json(report), indent=2, allow_nan=False) + "\n"


def opinion_as_json(opinion: Opinion | None) -> list[Json] | None:
    """Return the property `opinion` of a written answer: the comparison of each of its formulas as a JSON object."""
    written: list[Json] | None = _json(opinion, _schema()["$defs"]["AnswerJson"]["properties"]["opinion"])
    return written


def _json(value: Any, form: Json) -> Any:
    """Return a value as JSON.

    Args:
        value: A value of the report. Of an object, the attributes that the schema names are written.
        form: The part of the report's schema for this value.
    """
    match form:
        case {"$ref": reference}:
            return _json(value, _schema()["$defs"][reference.rpartition("/")[2]])
        case {"anyOf": [of, _]}:
            return None if value is None else _json(value, of)
        case {"properties": properties}:
            values = value if isinstance(value, dict) else {name: getattr(value, name) for name in properties}
            return {name: _json(values[name], of) for name, of in properties.items()}
        case {"additionalProperties": of}:
            return {name: _json(one, of) for name, one in value.items()}
        case {"items": {"type": "integer"}}:
            return list(value)
        case {"items": {"anyOf": [{"type": "number"}, _]}}:
            return list(map(_number, value))
        case {"items": of}:
            return [_json(one, of) for one in (value.judgements if isinstance(value, Opinion) else value)]
        case {"type": "number"}:
            return _number(value)
        case {"enum": _}:
            return str(value)
    return value


def _number(value: Points | float) -> float | None:
    """Return a JSON number, which is exact for points, since they are multiples of 1/100. Return None for NaN and
    infinity, which JSON cannot represent."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return int(value) if value == int(value) else float(value)


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────


def loads(text: str) -> Report:
    """Return the report in a JSON text that `dumps` wrote, in this or an earlier version.

    Notes on how the code was found are lost, because the JSON does not contain them. Values that follow from others,
    such as sums of points, are computed again.

    Raises:
        BadCall: If the text is not a report, or its schema version is not in `READABLE`.
    """
    try:
        written = json.loads(text, object_hook=_with_exact_points)
        if written["schema"] not in READABLE:
            readable = f"{READABLE[0]} to {SCHEMA_VERSION}"
            raise BadCall(
                f"the report has schema version {written['schema']!r}, and this grader reads {readable}: grade again"
            )
        return _report_of(written if written["schema"] == SCHEMA_VERSION else from_version_4(written))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadCall("the file is not a JSON report: make one with grader check --json") from None


_STATUSES_OF_4 = {"held": Status.PASSED, "partly": Status.PARTIAL, "lost": Status.FAILED, "waiting": Status.WAITING}
_NOT_RUN_IN_4 = ("not run here", "Graded after you submit.")
"""Reasons that mark a check as not run in reports of version 4."""


def from_version_4(report: Json) -> Json:
    """Convert a report of version 3 or 4 to the current version."""
    missing = report["submission"].get("missing", "")

    def check(old: Json) -> Json:
        status = _STATUSES_OF_4[old["status"]]
        if missing:
            status = Status.NOT_SUBMITTED
        elif status is Status.WAITING and old["reason"] in _NOT_RUN_IN_4:
            status = Status.NOT_RUN
        sentence, has_numbers, _ = old["reason"].partition(". (")
        return old | {"status": status, "cause": f"{sentence}." if has_numbers else ""}

    def answer(old: Json) -> Json:
        status = _STATUSES_OF_4[old["status"]]
        return old | {"status": status if old["found"] or status.is_decided else Status.NOT_SUBMITTED}

    def part(old: Json) -> Json:
        return old | {"checks": list(map(check, old["checks"])), "written": list(map(answer, old["written"]))}

    parts = list(map(part, report["parts"]))
    return report | {"schema": SCHEMA_VERSION, "scope": _scope_of_4(report["scope"]), "parts": parts}


def _scope_of_4(label: str) -> Json:
    """Parse a scope of version 4, such as "full" or "only q2.2, quick"."""
    words = label.split(", ")
    return {
        "label": label,
        "only": next((w.removeprefix("only ") for w in words if w.startswith("only ")), ""),
        "quick": "quick" in words,
        "without": [w.removeprefix("without ") for w in words if w.startswith("without ")],
        "precheck": "pre-check" in words,
    }


def _with_exact_points(read: Json) -> Json:
    fractions = {name: Points(str(read[name])) for name in _POINTS if isinstance(read.get(name), float)}
    return read | fractions


def _report_of(read: Json) -> Report:
    parts, evidence = list(map(_part_of, read["parts"])), list(map(_evidence_of, read["evidence"]))
    found: Report = _adapter(Report).validate_python(read | {"parts": parts, "evidence": evidence})
    return found


def opinion_of(read: Sequence[Json] | None) -> Opinion | None:
    """Return the opinion in the property `opinion` of a written answer, in this or an earlier version."""
    if not read:
        return None
    found: Opinion = _adapter(Opinion).validate_python({"judgements": list(map(_with_exact_points, read))})
    return found


_adapter = cache(TypeAdapter)
"""Function that returns pydantic's adapter of a class. It is built when it is first used, since that takes 10 ms."""


def _part_of(read: Json) -> Json:
    return read | {"checks": list(map(_check_of, read["checks"])), "written": list(map(_written_of, read["written"]))}


def _check_of(read: Json) -> Json:
    line, call = read["line"], read.get("failed_call")
    if line and call:
        call |= {"column": line.get("column")}
    return read | {"place": line, "source": line["source"] if line else "", "failed_call": call}


def _written_of(read: Json) -> Json:
    opinion = read.get("opinion")
    return read | {
        "opinion": {"judgements": opinion} if opinion is not None else None,
        "decided": Status(read["status"]) is Status.PASSED,
    }


def _evidence_of(read: Json) -> Json:
    series = {
        name: one | {"values": [math.nan if value is None else value for value in one["values"]]}
        for name, one in read["series"].items()
    }
    return read | {"series": series}

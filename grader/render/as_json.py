"""Convert reports to JSON and back, with the models in `report_schema`. Increase `SCHEMA_VERSION` when a model
changes."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import cache

from pydantic import TypeAdapter

from grader.errors import BadCall
from grader.model import Json, Opinion, Points, Report, Status
from grader.render.report_schema import SCHEMA_VERSION, JudgementJson, ReportJson

_POINTS = ("points", "possible", "decided", "final")
"""Names of the JSON properties that contain points."""


def schema(ref_template: str = "#/$defs/{model}") -> Json:
    """Return the JSON schema of a report."""
    generated = ReportJson.model_json_schema(mode="serialization", ref_template=ref_template)
    title = f"Grading report, version {SCHEMA_VERSION}"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | generated | {"title": title}


def as_json(report: Report) -> Json:
    """Return a report as a JSON object."""
    totals = {name: getattr(report, name) for name in ("decided", "waiting", "possible")} | {"earned": report.points}
    others = {"points": totals, "first_to_fix": tuple(check.id for check in report.first_to_fix)}
    same = {name: getattr(report, name) for name in ReportJson.model_fields.keys() - {*others, "schema_version"}}
    return ReportJson.model_validate(same | others).model_dump(mode="json", by_alias=True)


def dumps(report: Report) -> str:
    return json.dumps(as_json(report), indent=2, allow_nan=False) + "\n"


def opinion_as_json(opinion: Opinion | None) -> list[Json] | None:
    """Return the JSON property `opinion` of a written answer: one object for each compared formula."""
    if opinion is None:
        return None
    return [JudgementJson.model_validate(judgement).model_dump(mode="json") for judgement in opinion.judgements]


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────


def loads(text: str) -> Report:
    """Return the report in a JSON text that `dumps` wrote.

    Notes on how the code was found are lost, because the JSON does not contain them. Values that follow from others,
    such as sums of points, are computed again.

    Raises:
        BadCall: If the text is not a report, or has another schema version.
    """
    try:
        written = json.loads(text, object_hook=_with_exact_points)
        if written["schema"] != SCHEMA_VERSION:
            raise BadCall(
                f"the report has schema version {written['schema']!r}, and this grader reads version {SCHEMA_VERSION}: "
                "grade again"
            )
        ReportJson.model_validate(written)
        return _report_of(written)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadCall("the file is not a JSON report: make one with grader check --json") from None


def _with_exact_points(read: Json) -> Json:
    fractions = {name: Points(str(read[name])) for name in _POINTS if isinstance(read.get(name), float)}
    return read | fractions


def _report_of(read: Json) -> Report:
    parts, evidence = list(map(_part_of, read["parts"])), list(map(_evidence_of, read["evidence"]))
    found: Report = _adapter(Report).validate_python(read | {"parts": parts, "evidence": evidence})
    return found


def opinion_of(read: Sequence[Json] | None) -> Opinion | None:
    """Parse the JSON property `opinion` of a written answer."""
    if not read:
        return None
    found: Opinion = _adapter(Opinion).validate_python({"judgements": list(map(_with_exact_points, read))})
    return found


_adapter = cache(TypeAdapter)
"""Function that returns pydantic's adapter of a class. Building one takes 10 ms, so each is built at its first use."""


def _part_of(read: Json) -> Json:
    return read | {"checks": list(map(_check_of, read["checks"])), "written": list(map(_written_of, read["written"]))}


def _check_of(read: Json) -> Json:
    line, call = read["line"], read["failed_call"]
    if line and call:
        call |= {"column": line.get("column")}
    return read | {"place": line, "source": line["source"] if line else "", "failed_call": call}


def _written_of(read: Json) -> Json:
    opinion = read["opinion"]
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

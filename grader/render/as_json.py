"""Convert reports to JSON and back, with the models in `report_schema`. Increase `SCHEMA_VERSION` when a model
changes."""

from __future__ import annotations

import json
import math

from grader.errors import BadCall
from grader.model import (
    CheckResult,
    Environment,
    Evidence,
    FailedCall,
    FalseEquality,
    Json,
    Judgement,
    LatePenalty,
    Loaded,
    Opinion,
    Part,
    Place,
    Report,
    ReportScope,
    Series,
    Skipped,
    Status,
    Usage,
    Written,
)
from grader.render.report_schema import (
    SCHEMA_VERSION,
    AnswerJson,
    CheckJson,
    EvidenceJson,
    FailedCallJson,
    JudgementJson,
    PartJson,
    ReportJson,
)

READABLE = (3, 4, SCHEMA_VERSION)
"""Versions of the schema that `loads` can read. Version 3 lacks only the opinions on written answers of version 4."""


def schema(ref_template: str = "#/$defs/{model}") -> Json:
    """Return the JSON schema of a report."""
    generated = ReportJson.model_json_schema(mode="serialization", ref_template=ref_template)
    title = f"Grading report, version {SCHEMA_VERSION}"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | generated | {"title": title}


def as_json(report: Report) -> Json:
    """Return a report as a JSON object."""
    return _report(report).model_dump(mode="json", by_alias=True)


def dumps(report: Report) -> str:
    return json.dumps(as_json(report), indent=2, allow_nan=False) + "\n"


def judgements(opinion: Opinion) -> list[Json]:
    """Return the comparison of each formula of a written answer as JSON objects."""
    return [JudgementJson.model_validate(j).model_dump(mode="json") for j in opinion.judgements]


def _report(report: Report) -> ReportJson:
    return ReportJson.model_validate(
        {
            "assignment": {
                "id": report.assignment,
                "title": report.assignment_title,
                "digest": report.assignment_digest,
                "written_digest": report.written_digest,
            },
            "submission": {
                "digest": report.submission_digest,
                "files": report.files,
                "code_submitted": report.code_submitted,
                "missing": report.missing,
                "graded": report.loaded,
            },
            "points": {
                "earned": report.points,
                "decided": report.decided,
                "waiting": report.waiting,
                "possible": report.possible,
            },
            "first_to_fix": tuple(check.id for check in report.first_to_fix),
            **{
                name: getattr(report, name)
                for name in ("scope", "seed", "environment", "parts", "remarks", "evidence", "usage", "late")
            },
        }
    )


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────


def loads(text: str) -> Report:
    """Return the report in a JSON text that `dumps` wrote, in this or an earlier version.

    Notes on how the code was found are lost, because the JSON does not contain them.

    Raises:
        BadCall: If the text is not a report, or its schema version is not in `READABLE`.
    """
    try:
        written = json.loads(text)
        if written["schema"] not in READABLE:
            readable = f"{READABLE[0]} to {SCHEMA_VERSION}"
            raise BadCall(
                f"the report has schema version {written['schema']!r}, and this grader reads {readable}: grade again"
            )
        current = written if written["schema"] == SCHEMA_VERSION else from_version_4(written)
        return _report_of(ReportJson.model_validate(current))
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


def _report_of(read: ReportJson) -> Report:
    graded, late = read.submission.graded, read.late
    return Report(
        assignment=read.assignment.id,
        assignment_title=read.assignment.title,
        assignment_digest=read.assignment.digest,
        submission_digest=read.submission.digest,
        files=read.submission.files,
        loaded=Loaded(graded.source, graded.names, graded.cells) if graded else None,
        seed=read.seed,
        scope=ReportScope(read.scope.only, read.scope.quick, read.scope.without, read.scope.precheck),
        environment=Environment(**dict(read.environment)),
        parts=tuple(_part_of(part) for part in read.parts),
        remarks=read.remarks,
        evidence=tuple(_evidence_of(e) for e in read.evidence),
        usage={section: Usage(**dict(used)) for section, used in read.usage.items()},
        written_digest=read.assignment.written_digest,
        missing=read.submission.missing,
        late=LatePenalty(**dict(late)) if late else None,
    )


def _part_of(read: PartJson) -> Part:
    checks, written = map(_check_of, read.checks), map(_written_of, read.written)
    return Part(read.id, read.title, tuple(checks), tuple(written))


def _check_of(read: CheckJson) -> CheckResult:
    line, call = read.line, read.failed_call
    values = dict(read)
    del values["line"]
    return CheckResult(
        **values
        | {
            "place": Place(line.file, line.line) if line else None,
            "source": line.source if line else "",
            "failed_call": _failed_call_of(call, line.column if line else None) if call else None,
        }
    )


def _failed_call_of(read: FailedCallJson, column: int | None) -> FailedCall:
    place = read.raised_at
    raised_at = Place(place.file, place.line) if place else None
    return FailedCall(**dict(read) | {"raised_at": raised_at, "column": column})


def _written_of(read: AnswerJson) -> Written:
    return Written(
        id=read.id,
        title=read.title,
        possible=read.possible,
        found=read.found,
        answer=read.answer,
        cells=read.cells,
        opinion=Opinion(tuple(map(_judgement_of, read.opinion))) if read.opinion is not None else None,
        decided=read.status is Status.PASSED,
        notes=read.notes,
    )


def _judgement_of(read: JudgementJson) -> Judgement:
    equalities = tuple(FalseEquality(**dict(equality)) for equality in read.equalities)
    skipped = tuple(Skipped(**dict(skipped)) for skipped in read.skipped)
    return Judgement(**dict(read) | {"equalities": equalities, "skipped": skipped})


def _evidence_of(read: EvidenceJson) -> Evidence:
    series = {
        name: Series(tuple(math.nan if v is None else v for v in one.values), one.step)
        for name, one in read.series.items()
    }
    return Evidence(**dict(read) | {"series": series})

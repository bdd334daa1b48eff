"""Report ⇄ JSON. The schema is `report.schema.json` beside this file; its version goes up when a field changes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from importlib.resources import files
from typing import Any

from grader.errors import BadCall
from grader.model import (
    CheckResult,
    Comparison,
    Environment,
    Evidence,
    FalseEquality,
    Json,
    Judgement,
    LatePenalty,
    Loaded,
    Opinion,
    Part,
    Place,
    Points,
    Report,
    Series,
    Shelf,
    Skipped,
    Status,
    Usage,
    Written,
)
from grader.render.phrases import failure

SCHEMA_VERSION = 5
READABLE = (3, 4, SCHEMA_VERSION)
"""Version 3 is version 4 without opinions on written answers."""


def schema() -> Json:
    text = files("grader.render").joinpath("report.schema.json").read_text("utf-8")
    loaded: Json = json.loads(text)
    return loaded


def as_json(report: Report) -> Json:
    """Plain data. Two equal gradings differ only in `usage`."""
    return {
        "schema": SCHEMA_VERSION,
        "assignment": {
            "id": report.assignment,
            "title": report.assignment_title,
            "digest": report.assignment_digest,
            "written_digest": report.written_digest,
        },
        "submission": {
            "digest": report.submission_digest,
            "files": list(report.files),
            "code_submitted": report.code_submitted,
            "missing": report.missing,
            "graded": _graded(report.loaded) if report.loaded else None,
        },
        "scope": report.scope,
        "seed": report.seed,
        "environment": asdict(report.environment),
        "points": {
            "earned": _number(report.points),
            "decided": _number(report.decided),
            "waiting": _number(report.waiting),
            "possible": _number(report.possible),
        },
        "parts": [_part(part) for part in report.parts],
        "first_to_fix": [check.id for check in report.first_to_fix],
        "remarks": list(report.remarks),
        "evidence": [_evidence(e) for e in report.evidence],
        "usage": {section: _usage(used) for section, used in report.usage.items()},
        "late": _late(report.late) if report.late else None,
    }


def _late(late: LatePenalty) -> Json:
    final = None if late.final is None else _number(late.final)
    return {"sentence": late.sentence, "final": final, "decided": _number(late.decided)}


def _graded(loaded: Loaded) -> Json:
    return {"source": loaded.source, "names": list(loaded.names), "cells": list(loaded.cells)}


def dumps(report: Report) -> str:
    return json.dumps(as_json(report), indent=2, allow_nan=False) + "\n"


def _part(part: Part) -> Json:
    return {
        "id": part.id,
        "title": part.title,
        "points": _number(part.points),
        "possible": _number(part.possible),
        "checks": [_check(c) for c in part.checks],
        "written": [_written(w) for w in part.written],
    }


def _check(check: CheckResult) -> Json:
    return {
        "id": check.id,
        "title": check.title,
        "points": _number(check.points),
        "possible": _number(check.possible),
        "status": str(check.status),
        "reason": check.reason,
        "mistake": check.mistake,
        "follows_from": list(check.follows_from),
        "line": _line(check, check.place) if check.place else None,
        "remarks": list(check.remarks),
        "outcome": check.outcome,
    }


def _line(check: CheckResult, place: Place) -> Json:
    failed = failure(check)
    return {
        "file": place.file,
        "line": place.line,
        "column": failed.column if failed else None,
        "source": check.source,
    }


def _written(written: Written) -> Json:
    return {
        "id": written.id,
        "title": written.title,
        "points": _number(written.points),
        "possible": _number(written.possible),
        "status": str(written.status),
        "found": written.found,
        "answer": written.answer,
        "cells": list(written.cells),
        "notes": list(written.notes),
        "shelf": str(written.shelf),
        "group": written.group,
        "opinion": judgements(written.opinion) if written.opinion else None,
    }


def judgements(opinion: Opinion) -> list[Json]:
    return [_judgement(j) for j in opinion.judgements]


def _judgement(judgement: Judgement) -> Json:
    return {
        "asked": judgement.asked,
        "comparison": str(judgement.comparison),
        "points": None if judgement.points is None else _number(judgement.points),
        "possible": _number(judgement.possible),
        "words": judgement.words,
        "formula": judgement.formula,
        "evidence": judgement.evidence,
        "remarks": list(judgement.remarks),
        "shelf": str(judgement.shelf),
        "group": judgement.group,
        "mistake": judgement.mistake,
        "equalities": [asdict(equality) for equality in judgement.equalities],
        "skipped": [asdict(skipped) for skipped in judgement.skipped],
        "automatic": judgement.automatic,
    }


def _evidence(evidence: Evidence) -> Json:
    return {
        "name": evidence.name,
        "accuracy": evidence.accuracy,
        "series": {n: {"step": s.step, "values": [_finite(v) for v in s.values]} for n, s in evidence.series.items()},
        "weights": [list(unit) for unit in evidence.weights],
        "confusion": [list(row) for row in evidence.confusion],
    }


def _usage(used: Usage) -> Mapping[str, float]:
    return {"cpu_seconds": round(used.cpu_seconds, 4), "wall_seconds": round(used.wall_seconds, 4)}


# ── and back ─────────────────────────────────────────────────────────────────────────────────────────


def loads(text: str) -> Report:
    """Read a report that `dumps` or an earlier version has written.

    Notes on how the code was found and some digits of usage are not in it; no renderer shows them.

    Raises:
        BadCall: It is not a report, or has a schema that this version cannot read.
    """
    try:
        written = json.loads(text)
        if written["schema"] not in READABLE:
            raise BadCall(f"the report has schema {written['schema']!r}, and this is {SCHEMA_VERSION}: grade again")
        return _report_of(written if written["schema"] == SCHEMA_VERSION else from_version_4(written))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadCall("this is not a report in JSON: make one with grader check --json") from None


_STATUSES_OF_4 = {"held": Status.PASSED, "partly": Status.PARTIAL, "lost": Status.FAILED, "waiting": Status.WAITING}
_NOT_RUN_IN_4 = "not run here"
"""The reason of checks that the scope left out."""


def from_version_4(report: Json) -> Json:
    """Convert a report of version 3 or 4 to the current version."""
    missing = report["submission"].get("missing", "")

    def check(old: Json) -> Json:
        status = _STATUSES_OF_4[old["status"]]
        if missing:
            status = Status.NOT_SUBMITTED
        elif status is Status.WAITING and old["reason"] == _NOT_RUN_IN_4:
            status = Status.NOT_RUN
        return old | {"status": status}

    def answer(old: Json) -> Json:
        status = _STATUSES_OF_4[old["status"]]
        return old | {"status": status if old["found"] or status.is_decided else Status.NOT_SUBMITTED}

    def part(old: Json) -> Json:
        return old | {"checks": list(map(check, old["checks"])), "written": list(map(answer, old["written"]))}

    return report | {"schema": SCHEMA_VERSION, "parts": list(map(part, report["parts"]))}


def _report_of(written: Json) -> Report:
    graded = written["submission"]["graded"]
    return Report(
        assignment=written["assignment"]["id"],
        assignment_title=written["assignment"]["title"],
        assignment_digest=written["assignment"]["digest"],
        submission_digest=written["submission"]["digest"],
        files=tuple(written["submission"]["files"]),
        loaded=Loaded(graded["source"], tuple(graded["names"]), tuple(graded["cells"])) if graded else None,
        seed=written["seed"],
        scope=written["scope"],
        environment=Environment(**written["environment"]),
        parts=tuple(_part_of(part) for part in written["parts"]),
        remarks=tuple(written["remarks"]),
        evidence=tuple(_evidence_of(e) for e in written["evidence"]),
        usage={section: Usage(**used) for section, used in written["usage"].items()},
        written_digest=written["assignment"].get("written_digest", ""),
        missing=written["submission"].get("missing", ""),
        late=_late_of(written.get("late")),
    )


def _late_of(written: Json | None) -> LatePenalty | None:
    if written is None:
        return None
    final = written["final"]
    return LatePenalty(
        written["sentence"], None if final is None else _points_of(final), _points_of(written["decided"])
    )


def _part_of(written: Json) -> Part:
    return Part(
        id=written["id"],
        title=written["title"],
        checks=tuple(_check_of(c) for c in written["checks"]),
        written=tuple(_written_of(w) for w in written["written"]),
    )


def _check_of(written: Json) -> CheckResult:
    line = written["line"]
    return CheckResult(
        id=written["id"],
        title=written["title"],
        points=_points_of(written["points"]),
        possible=_points_of(written["possible"]),
        status=Status(written["status"]),
        reason=written["reason"],
        mistake=written["mistake"],
        follows_from=tuple(written.get("follows_from", ())),
        place=Place(line["file"], line["line"]) if line else None,
        source=line["source"] if line else "",
        remarks=tuple(written["remarks"]),
        outcome=written["outcome"],
    )


def _written_of(written: Json) -> Written:
    return Written(
        id=written["id"],
        title=written["title"],
        possible=_points_of(written["possible"]),
        found=written["found"],
        answer=written["answer"],
        cells=tuple(written["cells"]),
        opinion=_opinion_of(written.get("opinion")),
        decided=written["status"] == Status.PASSED,
        notes=tuple(written.get("notes", ())),
    )


def _opinion_of(judgements: list[Json] | None) -> Opinion | None:
    return None if judgements is None else Opinion(tuple(_judgement_of(j) for j in judgements))


def _judgement_of(written: Json) -> Judgement:
    return Judgement(
        asked=written["asked"],
        comparison=Comparison(written["comparison"]),
        points=None if written["points"] is None else _points_of(written["points"]),
        possible=_points_of(written["possible"]),
        words=written["words"],
        formula=written["formula"],
        evidence=written["evidence"],
        remarks=tuple(written["remarks"]),
        shelf=Shelf(written.get("shelf", Shelf.UNREAD)),
        group=written.get("group", ""),
        mistake=written.get("mistake", ""),
        equalities=tuple(FalseEquality(**equality) for equality in written.get("equalities", ())),
        skipped=tuple(Skipped(**skipped) for skipped in written.get("skipped", ())),
        automatic=written.get("automatic", False),
    )


def _evidence_of(written: Json) -> Evidence:
    return Evidence(
        name=written["name"],
        series={name: _series_of(series) for name, series in written["series"].items()},
        weights=tuple(tuple(unit) for unit in written["weights"]),
        confusion=tuple(tuple(row) for row in written["confusion"]),
        accuracy=written["accuracy"],
    )


def _series_of(written: Json) -> Series:
    return Series(tuple(math.nan if v is None else v for v in written["values"]), written["step"])


def _points_of(number: int | float) -> Points:
    return Points(str(number))


def _finite(value: float) -> Any:
    """JSON knows no NaN; a gap in the curve is null."""
    return value if math.isfinite(value) else None


def _number(points: Points) -> int | float:
    """Exact: points are multiples of 1/100, which print and read back as they are."""
    return int(points) if points.denominator == 1 else float(points)

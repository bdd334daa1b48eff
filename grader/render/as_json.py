"""Report ⇄ JSON. The schema is `report.schema.json` beside this file; its version goes up when a field changes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from importlib.resources import files
from typing import Any

from grader.model import CheckResult, Evidence, Json, Loaded, Part, Place, Points, Report, Usage, Written
from grader.render.said import failure

SCHEMA_VERSION = 2


def schema() -> Json:
    text = files("grader.render").joinpath("report.schema.json").read_text("utf-8")
    loaded: Json = json.loads(text)
    return loaded


def as_json(report: Report) -> Json:
    """Plain data. Two equal gradings differ only in `usage`."""
    return {
        "schema": SCHEMA_VERSION,
        "assignment": {"id": report.assignment, "title": report.assignment_title, "digest": report.assignment_digest},
        "submission": {
            "digest": report.submission_digest,
            "files": list(report.files),
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
    }


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
        "line": _line(check, check.place) if check.place else None,
        "remarks": list(check.remarks),
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
        "possible": _number(written.possible),
        "status": "waiting",
        "found": written.found,
        "answer": written.answer,
        "cells": list(written.cells),
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


def _finite(value: float) -> Any:
    """JSON knows no NaN; a gap in the curve is null."""
    return value if math.isfinite(value) else None


def _number(points: Points) -> int | float:
    """Exact: points are multiples of 1/100, which print and read back as they are."""
    return int(points) if points.denominator == 1 else float(points)

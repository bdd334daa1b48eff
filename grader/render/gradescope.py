"""Convert a report to Gradescope's results.json.

Gradescope requires that the `max_score` of all tests add up to the points of the assignment. Therefore a check or
written answer without a score yet becomes a test with `max_score` and without `score`, which Gradescope does not show
as a zero. All output has the format `text`, so that nothing that a student wrote is interpreted.
"""

from __future__ import annotations

from grader.model import (
    NOTHING_USED,
    CheckResult,
    Json,
    Part,
    Points,
    Report,
    Status,
    Written,
    show_points,
)
from grader.render.as_json import opinion_as_json
from grader.render.phrases import reason_phrase, scope
from grader.render.text import clean, one_line

OUTPUT_LIMIT = 2_000
PERSON = "Awaits marking; not in the score yet."
PROVEN = "Correct (graded automatically)."
OPEN = "Not graded yet; not in the score."


def gradescope(report: Report) -> Json:
    """Return the content of results.json."""
    return {
        # given explicitly: Gradescope would add the scores of the tests as floats, which is not exact
        "score": float(report.points),
        "execution_time": round(sum(report.usage.values(), NOTHING_USED).wall_seconds, 3),
        "output": _output(report),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [test for part in report.parts for test in _tests(part)],
        "extra_data": _extra(report),
    }


def _tests(part: Part) -> list[Json]:
    checks = [
        _judged_test(part, c)
        if c.status.is_decided
        else _test(part, c.title or c.id, c.id, c.possible, clean(c.reason or OPEN, OUTPUT_LIMIT))
        for c in part.checks
    ]
    return checks + [
        _test(part, w.title, w.id, w.possible, PROVEN) | {"score": float(w.points), "status": "passed"}
        if w.decided
        else _test(part, w.title, w.id, w.possible, PERSON)
        for w in part.written
    ]


def _test(part: Part, title: str, id: str, possible: Points, output: str) -> Json:
    """Return one entry of Gradescope's `tests`, without score and status. The caller adds both if the check has a
    score."""
    return {
        "name": one_line(f"{title} ({id})"),
        "name_format": "text",
        "number": part.id.removeprefix("q"),
        "max_score": float(possible),
        "output": output,
        "output_format": "text",
        "visibility": "visible",
        "extra_data": {"id": id},
    }


def _judged_test(part: Part, check: CheckResult) -> Json:
    return _test(part, check.title, check.id, check.possible, _check_output(check)) | {
        "score": float(check.points),
        "status": "passed" if check.status is Status.PASSED else "failed",
        "extra_data": {"id": check.id, "mistake": one_line(check.mistake)},
    }


def _check_output(check: CheckResult) -> str:
    """Return the text below a check in Gradescope: the reason for lost points, the line of code, and remarks."""
    lines = [clean(reason_phrase(check), OUTPUT_LIMIT)] if check.reason else []
    if check.status is Status.PARTIAL:
        lines.append(f"Partial: {show_points(check.points)} of {show_points(check.possible)} points.")
    if check.place is not None:
        lines.append(f"{one_line(check.place.file, 80)}:{check.place.line}  {one_line(check.source)}".rstrip())
    lines += [f"Remark: {clean(remark, OUTPUT_LIMIT)}" for remark in check.remarks]
    return "\n".join(lines)


def _output(report: Report) -> str:
    lines = [] if report.scope.is_full else [f"This is not the grade: {one_line(scope(report.scope))}."]
    if report.code_absent:
        lines.append(f"Code not submitted, and not in the score: {report.submission.missing}")
    lines.append(f"Autograded: {show_points(report.points)} of {show_points(report.decided)} points.")
    if report.late is not None:
        lines.append(report.late.words)
    open_checks = [c for c in report.checks if not c.status.is_decided and report.submission.code_submitted]
    if open_checks:
        lines.append(f"Not graded yet, and not in the score: {', '.join(c.id for c in open_checks)}.")
    answers = [a for a in report.written if not a.decided]
    if answers:
        lines.append(_waiting_line(answers))
    lines += [f"Remark: {clean(remark, OUTPUT_LIMIT)}" for remark in report.remarks]
    return "\n".join(lines)


def _waiting_line(answers: list[Written]) -> str:
    points = show_points(sum((a.possible for a in answers), Points(0)))
    ids = ", ".join(a.id for a in answers)
    line = f"Await marking, and not in the score yet: {ids} ({points} points)."
    missing = [a.id for a in answers if not a.found]
    return f"{line} No answer was found for {', '.join(missing)}; a marker will check." if missing else line


def _extra(report: Report) -> Json:
    return {
        "assignment": report.assignment.id,
        "assignment_digest": report.assignment.digest,
        "submission_digest": report.submission.digest,
        "seed": report.seed,
        "scope": report.scope.label,
        "code_submitted": report.submission.code_submitted,
        "grader": report.environment.grader,
        "isolation": report.environment.isolation,
        "waiting_for_a_person": [_waiting_answer(a) for a in report.written if not a.decided],
    }


def _waiting_answer(answer: Written) -> Json:
    """Return the `extra_data` of an answer that awaits marking, with the comparison of its formulas. Students do not
    see `extra_data`."""
    row: Json = {"id": answer.id, "possible": float(answer.possible), "found": answer.found}
    return row if answer.opinion is None else row | {"opinion": opinion_as_json(answer.opinion)}

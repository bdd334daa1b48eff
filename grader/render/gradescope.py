"""Convert a report to Gradescope's results.json.

Gradescope requires that the `max_score` of all tests add up to the points of the assignment. Therefore a check or
written answer without a score yet becomes a test with `max_score` and without `score`, which Gradescope does not show
as a zero. All output has the format `text`, so that nothing that a student wrote is interpreted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from grader.model import (
    NOTHING_USED,
    ZERO,
    CheckResult,
    Json,
    Part,
    Report,
    Status,
    Written,
    show_points,
)
from grader.render.as_json import as_json
from grader.render.phrases import late_penalty, reason_phrase, scope
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


def _tests(part: Part) -> Iterator[Json]:
    """Yield the entries of Gradescope's `tests` for the checks and written answers of a part."""
    for check in part.checks:
        test = _test(part, check, _check_output(check))
        if check.status.is_decided:
            test["extra_data"]["mistake"] = one_line(check.mistake)
        yield test
    for answer in part.written:
        yield _test(part, answer, PROVEN if answer.decided else PERSON)


def _test(part: Part, result: CheckResult | Written, output: str) -> Json:
    """Return one entry of Gradescope's `tests`, with score and status if the result is decided."""
    test: Json = {
        "name": one_line(f"{result.title or result.id} ({result.id})"),
        "name_format": "text",
        "number": part.id.removeprefix("q"),
        "max_score": float(result.possible),
        "output": output,
        "output_format": "text",
        "visibility": "visible",
        "extra_data": {"id": result.id},
    }
    if result.status.is_decided:
        test["score"] = float(result.points)
        test["status"] = "passed" if result.status is Status.PASSED else "failed"
    return test


def _check_output(check: CheckResult) -> str:
    """Return the text below a check in Gradescope: the reason for lost points, the line of code, and remarks."""
    if not check.status.is_decided:
        return clean(check.reason or OPEN, OUTPUT_LIMIT)
    lines = [clean(reason_phrase(check), OUTPUT_LIMIT)] if check.reason else []
    if check.status is Status.PARTIAL:
        lines.append(f"Partial: {show_points(check.points)} of {show_points(check.possible)} points.")
    if check.line is not None:
        file, source = one_line(check.line.file, 80), one_line(check.line.source)
        lines.append(f"{file}:{check.line.line}  {source}".rstrip())
    return "\n".join([*lines, *_remarks(check.remarks)])


def _remarks(remarks: Sequence[str]) -> list[str]:
    return [f"Remark: {clean(remark, OUTPUT_LIMIT)}" for remark in remarks]


def _output(report: Report) -> str:
    """Return the text at the top of Gradescope's page: the score, what is not in it, and remarks on the submission."""
    lines = [] if report.scope.is_full else [f"This is not the grade: {one_line(scope(report.scope))}."]
    if report.code_absent:
        lines.append(f"Code not submitted, and not in the score: {report.submission.missing}")
    lines.append(f"Autograded: {show_points(report.points)} of {show_points(report.decided)} points.")
    if report.late is not None:
        lines.append(late_penalty(report.late))
    open_checks = [check.id for check in report.checks if not check.status.is_decided]
    if open_checks and report.submission.code_submitted:
        lines.append(f"Not graded yet, and not in the score: {', '.join(open_checks)}.")
    answers = [answer for answer in report.written if not answer.decided]
    if answers:
        lines.append(_waiting_line(answers))
    return "\n".join([*lines, *_remarks(report.remarks)])


def _waiting_line(answers: list[Written]) -> str:
    """Return a line that names the written answers without a score."""
    points = show_points(sum((answer.possible for answer in answers), ZERO))
    ids = ", ".join(answer.id for answer in answers)
    line = f"Await marking, and not in the score yet: {ids} ({points} points)."
    missing = ", ".join(answer.id for answer in answers if not answer.found)
    if missing:
        line += f" No answer was found for {missing}; a marker will check."
    return line


def _extra(report: Report) -> Json:
    """Return the `extra_data` of a report, which only staff see: facts about the grading, such as the seed, and the
    answers that await marking."""
    return {
        "assignment": report.assignment.id,
        "assignment_digest": report.assignment.digest,
        "submission_digest": report.submission.digest,
        "seed": report.seed,
        "scope": report.scope.label,
        "code_submitted": report.submission.code_submitted,
        "grader": report.environment.grader,
        "isolation": report.environment.isolation,
        "waiting_for_a_person": [_waiting_answer(answer) for answer in report.written if not answer.decided],
    }


def _waiting_answer(answer: Written) -> Json:
    """Return the `extra_data` of an answer that awaits marking, with the comparison of its formulas. Students do not
    see `extra_data`."""
    row: Json = {"id": answer.id, "possible": float(answer.possible), "found": answer.found}
    if answer.opinion is not None:
        row["opinion"] = as_json(answer.opinion)["judgements"]
    return row

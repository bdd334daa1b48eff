"""Compare the scores of another gradebook with the scores of this batch, and give a reason for each difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from grader.batch.export import Author
from grader.batch.gradebooks import Row
from grader.batch.matching import Recogniser
from grader.batch.outcome import Result
from grader.batch.people import ClassStudent
from grader.batch.scores import OtherScore
from grader.model import ZERO, Report, show_points
from grader.render.phrases import fixes

COLUMNS = ("student", "name", "other_score", "score", "difference", "reason")


def why_lost(report: Report) -> str:
    """Return the lost points of a report with their reasons as text, such as "q2.2.W1 -3: The data term …; q2.3 -1:
    …"."""
    return "; ".join(
        f"{', '.join(c.id for c in fix.checks)} -{show_points(fix.lost)}: {fix.sentence}" for fix in fixes(report)
    )


def compared(results: Sequence[Result], losses: Mapping[str, str], old: Sequence[OtherScore]) -> Iterator[Row]:
    """Yield the rows of compare.csv: a title row, and a row for each person in either gradebook.

    Args:
        results: The results of this batch.
        losses: Key of a student → the text that `why_lost` returns.
        old: The scores of the other gradebook.
    """
    yield COLUMNS
    theirs, unmatched = _matched(results, old)
    for result in results:
        before = theirs.get(result.student.key)
        yield _line(result, before, _reason(result, before, losses.get(result.student.key, "")))
    for other in unmatched:
        score = "" if other.points is None else show_points(other.points)
        yield (other.student.key, other.student.shown, score, "", "", "only in the other gradebook")


def _line(result: Result, before: OtherScore | None, reason: str) -> Row:
    old, new = (before.points if before else None), result.final
    difference = "" if old is None or new is None else show_points(new - old)
    shown = ["" if points is None else show_points(points) for points in (old, new)]
    return (result.student.key, result.student.shown, *shown, difference, reason)


def _reason(result: Result, before: OtherScore | None, lost: str) -> str:
    """Return the reason why a student's score differs from `before`, the other gradebook's score. Return "" if they are
    equal."""
    old, new = (before.points if before else None), result.final
    if old == new:
        return ""
    if before is None:
        return "not in the other gradebook"
    if old is None:
        return "the other gradebook has no score" + (f" ({before.status})" if before.status else "")
    if new is None:
        return f"no score here: {result.status}"
    return "; ".join(_parts(result, lost)) or "no points were lost here"


def _parts(result: Result, lost: str) -> Iterator[str]:
    if lost:
        yield lost
    if result.late is not None and result.points is not None and result.final != result.points:
        yield f"late -{show_points(result.points - (result.final or ZERO))}: {result.late.sentence}"
    if result.waiting:
        yield f"{show_points(result.waiting)} points await marking and are not counted here"


def _matched(results: Sequence[Result], old: Sequence[OtherScore]) -> tuple[dict[str, OtherScore], list[OtherScore]]:
    """Match the rows of the other gradebook to students. Return (student's key → row, all other rows)."""
    keys = [result.student.key for result in results]
    recogniser = Recogniser([result.student for result in results])
    theirs: dict[str, OtherScore] = {}
    unmatched: list[OtherScore] = []
    for one in old:
        key = _key_of(one.student, keys, recogniser)
        if key is None or key in theirs:
            unmatched.append(one)
        else:
            theirs[key] = one
    return theirs, unmatched


def _key_of(student: ClassStudent, keys: Sequence[str], recogniser: Recogniser) -> str | None:
    """Return the key of the student to whom a row of another gradebook belongs. The row's key is compared first, then
    its ids, email, login and name, until exactly one student matches. Return None if there is no such student."""
    if (own := student.cells.get("student", student.key)) in keys:
        return own
    facts = [Author(id=id) for id in student.ids]
    facts += [
        Author(email=student.email),
        Author(login=student.login),
        Author(name=student.name),
    ]
    fitting = (at for fact in facts for _, at in recogniser.fitting(fact))
    return next((keys[min(at)] for at in fitting if len(at) == 1), None)

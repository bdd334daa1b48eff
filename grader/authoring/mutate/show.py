"""Show the results of mutation testing on the terminal and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from grader.authoring.mutate.measure import GradedMutant, Measured
from grader.model import CheckResult, Json
from grader.model.grouping import grouped

KINDS = ("same", "allowed", "wrong", "undecided")


def as_json(measured: Measured) -> Json:
    """Return the statistics, and the data of each mutant."""
    return {"figures": figures(measured), "mutants": [_mutant_json(row) for row in measured.rows]}


def figures(measured: Measured) -> Json:
    """Return the statistics by name, such as "score"."""
    points = float(measured.points)
    return {
        "distinct_mutants": measured.distinct,
        "graded": len(measured.rows),
        "classes": {kind: len(measured.of(kind)) for kind in KINDS},
        "score": measured.score,
        "survivors": len(measured.survivors),
        "false_charges_points": float(measured.false_charges),
        "false_charges_share": float(measured.false_charges) / points if points else 0.0,
        "caught_only_elsewhere": sum(row.charged_elsewhere for row in measured.rows),
        "median_points_lost": measured.median_loss,
        "failed_checks": len(measured.failed),
        "never_failed": measured.never_failed,
        "lines": dict(measured.lines),
        "diagnoses": dict(measured.diagnoses),
    }


def _mutant_json(row: GradedMutant) -> Json:
    """Return the data of a mutant, and its grading, for `as_json`."""
    mutant, classified, expected = row.mutant, row.classified, row.expected
    checks = [_check_json(row, check) for check in row.report.checks if check.status.is_decided]
    return {
        "id": mutant.id,
        "operator": mutant.operator,
        "file": mutant.file,
        "line": mutant.line,
        "lines": sorted(mutant.lines),
        "diff": mutant.diff,
        "class": classified.kind,
        "why": classified.why,
        "wrong_parts": list(classified.parts),
        "must_lose": list(expected.must),
        "may_lose": list(expected.may),
        "points_lost": float(row.points_lost),
        "false_charges": float(row.false_charges),
        "checks": checks,
    }


def _check_json(row: GradedMutant, check: CheckResult) -> Json:
    """Return the result of one check for `as_json`."""
    return {
        "id": check.id,
        "points": float(check.points),
        "possible": float(check.possible),
        "reason": check.reason,
        "mistake": check.mistake,
        "follows_from": list(check.follows_from),
        "line": check.place.line if check.place else None,
        "line_is": row.line_of(check) if check.points < check.possible else "",
    }


def on_terminal(measured: Measured, least: float) -> RenderableType:
    """Return the statistics, and the mutants that the checks graded wrongly.

    Args:
        measured: The graded mutants.
        least: The required share of wrong mutants that lose points, 0 … 1.
    """
    return Group(*_report_parts(measured, least))


def _report_parts(measured: Measured, least: float) -> Iterator[RenderableType]:
    """Yield each mutant that the checks graded wrongly (red if it survives, yellow if it loses the wrong points), the
    table of operators, and the statistics."""
    for row in measured.rows:
        if row.is_survivor:
            yield Text(f"✗ {row.mutant.id} survives ({row.classified.kind}: {row.classified.why})", "red")
            yield Text(row.mutant.diff, "dim")
        elif row.false_charges or row.charged_elsewhere:
            yield Text(f"✗ {row.mutant.id} ({row.classified.kind}: {row.classified.why})", "yellow")
            yield Text(row.mutant.diff, "dim")
            for check in row.report.lost:
                yield Text(f"    loses {check.id}: {check.reason}", "yellow")
            yield Text(f"    should lose {' or '.join(row.expected.must) or 'nothing'}", "yellow")
    yield _operators(measured)
    yield from _statistics_lines(measured, least)


def _operators(measured: Measured) -> Table:
    """Return a table with the numbers of mutants by operator and class."""
    table = Table("operator", *KINDS, "survive")
    by_operator = grouped((row.mutant.operator, row) for row in measured.rows)
    for operator, rows in sorted(by_operator.items()):
        _add_row(table, operator, Measured(tuple(rows), len(rows)), "")
    _add_row(table, "all", measured, "bold")
    return table


def _add_row(table: Table, name: str, measured: Measured, style: str) -> None:
    counts = [len(measured.of(kind)) for kind in KINDS]
    counts.append(len(measured.survivors))
    table.add_row(name, *map(str, counts), style=style)


def _statistics_lines(measured: Measured, least: float) -> Iterator[Text]:
    """Yield the statistics as sentences. The score is green if it reaches `least`."""
    statistics = figures(measured)
    elsewhere = statistics["caught_only_elsewhere"]
    points = statistics["false_charges_points"]
    yield Text(f"{len(measured.rows)} of {measured.distinct} distinct mutants graded")
    yield Text(
        f"false charges: {points:g} points, {statistics['false_charges_share']:.2%} of {float(measured.points):g}"
        f" · caught only where nothing is wrong: {elsewhere}"
    )
    yield Text(f"points that a wrong mutant loses: {measured.median_loss:g} at the median")
    yield Text(f"failed checks: {len(measured.failed)} · line {_shares(measured.lines)}")
    yield Text(f"reasons: {_shares(measured.diagnoses)}")
    if measured.never_failed:
        yield Text(f"checks that no wrong mutant loses: {', '.join(measured.never_failed)}", "yellow")
    style = "green" if measured.score >= least else "red"
    yield Text(f"score: {measured.score:.2%} of wrong mutants lose points (at least {least:.0%} wanted)", style)


def _shares(counts: Counter[str]) -> str:
    """Return counts as percentages of their total, such as "exact 80.0%, none 20.0%"."""
    if not counts:
        return "none"
    total = counts.total()
    return ", ".join(f"{name} {count / total:.1%}" for name, count in sorted(counts.items()))

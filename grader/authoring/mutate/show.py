"""Show the results of mutation testing on the terminal and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from grader.authoring.mutate.measure import GradedMutant, Measured
from grader.model import CheckResult, Json

KINDS = ("same", "allowed", "wrong", "undecided")


def as_json(measured: Measured) -> Json:
    """Return the statistics, and the data of each mutant."""
    return {"figures": figures(measured), "mutants": [_row(row) for row in measured.rows]}


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


def _row(row: GradedMutant) -> Json:
    return {
        "id": row.mutant.id,
        "operator": row.mutant.operator,
        "file": row.mutant.file,
        "line": row.mutant.line,
        "lines": sorted(row.mutant.lines),
        "diff": row.mutant.diff,
        "class": row.classified.kind,
        "why": row.classified.why,
        "wrong_parts": list(row.classified.parts),
        "must_lose": list(row.expected.must),
        "may_lose": list(row.expected.may),
        "points_lost": float(row.points_lost),
        "false_charges": float(row.false_charges),
        "checks": [_check(row, c) for c in row.report.checks if c.status.is_decided],
    }


def _check(row: GradedMutant, check: CheckResult) -> Json:
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
    return Group(*_parts(measured, least))


def _parts(measured: Measured, least: float) -> Iterator[RenderableType]:
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
    yield from _lines(measured, least)


def _operators(measured: Measured) -> Table:
    table = Table("operator", *KINDS, "survive")
    for operator in sorted({row.mutant.operator for row in measured.rows}):
        rows = [row for row in measured.rows if row.mutant.operator == operator]
        kinds = Counter(str(row.classified.kind) for row in rows)
        table.add_row(operator, *(str(kinds[k]) for k in KINDS), str(sum(r.is_survivor for r in rows)))
    table.add_row("all", *(str(len(measured.of(k))) for k in KINDS), str(len(measured.survivors)), style="bold")
    return table


def _lines(measured: Measured, least: float) -> Iterator[Text]:
    found = figures(measured)
    yield Text(f"{found['graded']} of {found['distinct_mutants']} distinct mutants graded")
    yield Text(
        f"false charges: {found['false_charges_points']:g} points, {found['false_charges_share']:.2%} of "
        f"{float(measured.points):g} · caught only where nothing is wrong: {found['caught_only_elsewhere']}"
    )
    yield Text(f"points that a wrong mutant loses: {found['median_points_lost']:g} at the median")
    yield Text(f"failed checks: {found['failed_checks']} · line {_shares(measured.lines)}")
    yield Text(f"reasons: {_shares(measured.diagnoses)}")
    if measured.never_failed:
        yield Text(f"checks that no wrong mutant loses: {', '.join(measured.never_failed)}", "yellow")
    holds = measured.score >= least
    yield Text(
        f"score: {measured.score:.2%} of wrong mutants lose points (at least {least:.0%} wanted)",
        "green" if holds else "red",
    )


def _shares(counts: Counter[str]) -> str:
    total = sum(counts.values()) or 1
    return ", ".join(f"{name} {count / total:.1%}" for name, count in sorted(counts.items())) or "none"

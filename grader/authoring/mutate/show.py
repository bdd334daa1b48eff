"""Show the results of mutation testing on the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from grader.authoring.mutate.measure import GradedMutant, Measured
from grader.authoring.mutate.model import Kind
from grader.model import Json
from grader.model.grouping import grouped
from grader.render.as_json import as_json as report_as_json

KINDS = get_args(Kind)


def as_json(measured: Measured) -> Json:
    """Return the statistics, and each mutant with its class and the report on it."""
    mutants: list[Json] = []
    for row in measured.rows:
        mutant = {"id": row.mutant.id, "lines": sorted(row.mutant.lines), "diff": row.mutant.diff}
        classified = {"class": row.classified.kind, "why": row.classified.why, "wrong_parts": row.classified.parts}
        mutants.append({**mutant, **classified, "report": report_as_json(row.report)})
    figures = {
        "distinct_mutants": measured.distinct,
        "stopped": measured.is_stopped,
        "score": measured.score,
        "false_charges_share": measured.false_charges_share,
        "lines": measured.lines,
    }
    return {"figures": figures, "mutants": mutants}


def on_terminal(measured: Measured, least: float) -> RenderableType:
    """Return the statistics, and the mutants that the checks graded wrongly.

    Args:
        measured: The graded mutants.
        least: The required share of wrong mutants that lose points, 0 … 1.
    """
    parts: list[RenderableType] = []
    for row in measured.rows:
        if row.is_survivor or row.charged_elsewhere or row.false_charges:
            parts += _wrongly_graded(row)
    return Group(*parts, _operators(measured), *_statistics(measured, least))


def _wrongly_graded(row: GradedMutant) -> Iterator[Text]:
    """Yield a mutant that the checks graded wrongly: in red if it survives, in yellow if it loses the wrong points."""
    classified = f"{row.classified.kind}: {row.classified.why}"
    if row.is_survivor:
        yield Text(f"✗ {row.mutant.id} survives ({classified})", "red")
        yield Text(row.mutant.diff, "dim")
        return
    yield Text(f"✗ {row.mutant.id} ({classified})", "yellow")
    yield Text(row.mutant.diff, "dim")
    for check in row.report.lost:
        yield Text(f"    loses {check.id}: {check.reason}", "yellow")
    yield Text(f"    should lose {' or '.join(row.expected.must) or 'nothing'}", "yellow")


def _operators(measured: Measured) -> Table:
    """Return a table with the numbers of mutants by operator and class."""
    table = Table("operator", *KINDS, "survive")
    by_operator = grouped((row.mutant.operator, row) for row in measured.rows)
    for operator, rows in [*sorted(by_operator.items()), ("all", measured.rows)]:
        mutants = Measured(tuple(rows), len(rows))
        counts = [len(mutants.of(kind)) for kind in KINDS]
        counts.append(len(mutants.survivors))
        table.add_row(operator, *map(str, counts), style="bold" if operator == "all" else "")
    return table


def _statistics(measured: Measured, least: float) -> Iterator[Text]:
    """Yield the statistics as sentences. The score is green if it reaches `least`."""
    stopped = ", then stopped" if measured.is_stopped else ""
    yield Text(f"{len(measured.rows)} of {measured.distinct} distinct mutants graded{stopped}")
    charges = f"{float(measured.false_charges):g} points, {measured.false_charges_share:.2%}"
    elsewhere = sum(row.charged_elsewhere for row in measured.rows)
    yield Text(
        f"false charges: {charges} of {float(measured.points):g} · caught only where nothing is wrong: {elsewhere}"
    )
    total = measured.lines.total()
    shares = ", ".join(f"{name} {count / total:.1%}" for name, count in sorted(measured.lines.items()))
    yield Text(f"failed checks: {total} · line {shares or 'none'}")
    never_failed = ", ".join(measured.never_failed)
    if never_failed:
        yield Text(f"checks that no wrong mutant loses: {never_failed}", "yellow")
    style = "green" if measured.score >= least else "red"
    yield Text(f"score: {measured.score:.2%} of wrong mutants lose points (at least {least:.0%} wanted)", style)

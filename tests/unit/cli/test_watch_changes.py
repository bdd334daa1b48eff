"""The line of keys and the line of changes of `grader watch`."""

from __future__ import annotations

from dataclasses import replace

from grader.assignments.catalogue import Assignment
from grader.cli.watch import change, keys
from grader.model import Report, Status
from tests.unit.render import samples


def test_a_key_is_offered_only_if_it_works(ps4: Assignment) -> None:
    again = "saving the file grades it again"
    assert keys(ps4, pressed=True) == f"{again} · m runs MNIST too · q quits"
    assert keys(replace(ps4, recorded=True), pressed=True) == f"{again} · q quits"
    assert keys(ps4, pressed=False) == f"{again} · Ctrl-C quits"


def _passed(report: Report, *ids: str) -> Report:
    """Return the report with these checks passed, or all if there are none."""
    parts = tuple(
        replace(
            part,
            checks=tuple(
                replace(c, points=c.possible, status=Status.PASSED) if not ids or c.id in ids else c
                for c in part.checks
            ),
        )
        for part in report.parts
    )
    return replace(report, parts=parts)


def _undecided(report: Report, id: str) -> Report:
    """Return the report as a student's pack makes it if it cannot decide this check."""
    parts = tuple(
        replace(part, checks=tuple(replace(c, status=Status.NOT_RUN) if c.id == id else c for c in part.checks))
        for part in report.parts
    )
    return replace(report, parts=parts)


def test_a_change_begins_with_the_points() -> None:
    before = samples.wrong()
    fixed = next(c for c in before.checks if c.status is Status.FAILED and not c.outcome)
    after = _passed(before, fixed.id)
    assert f": +{fixed.possible} {fixed.id}" in change(before, after).plain
    assert f": -{fixed.possible} {fixed.id}" in change(after, before).plain
    assert change(_undecided(before, fixed.id), after).plain == f"32.5 → 35.5: +{fixed.possible} {fixed.id}"
    assert change(before, before).plain.endswith(", no change since the last save")
    assert change(before, _passed(before)).plain.endswith(" → 40, all passed")

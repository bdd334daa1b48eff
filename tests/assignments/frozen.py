"""Verdicts on ps4's specimens and on mutants, as they were when its checks were written without the author's kit.

    python -m tests.assignments.frozen write       writes the table anew
    python -m tests.assignments.frozen [NAME …]    shows what is different, also of some names alone

A rewrite of the checks must keep them: `test_frozen.py` grades everything again, on the same problems, and compares.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from grader.assignments import catalogue
from grader.assignments.catalogue import Assignment
from grader.assignments.public_problems import PublicProblemCache
from grader.assignments.seeds import Seed
from grader.authoring import certify
from grader.authoring.mutate import measure
from grader.engine.grade import Scope, grade
from grader.intake.receive import receive, receive_path
from grader.model import Report, Submission
from grader.sandbox.choose import choose
from grader.sandbox.contract import Sandbox
from grader.settings import Settings

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TABLE = HERE / "frozen.json"
DIFFERENCES = HERE / "frozen-differences.md"
MUTANTS, SEED = 250, 13

STATUSES = {"held": "passed", "partly": "partial", "lost": "failed"}
"""Statuses as the table names them → their names today."""

Row = list[str]
"""Points, possible points, status and known mistake of one check."""


def submissions(assignment: Assignment, table: dict[str, Any]) -> Iterator[tuple[str, Submission]]:
    """Yield the name and content of everything in the table, which later specimens are not."""
    for folder in ("perfect", "partly", "notebook", "notebook_and_file"):
        yield f"submissions/{folder}", receive_path(ROOT / "submissions" / folder, "mlp.py")
    for specimen in certify.specimens(assignment):
        if specimen.name in table.get("verdicts", {specimen.name}):
            yield specimen.name, specimen.submission
    for name, (path, first, last, lines) in table["mutants"].items():
        source = (assignment.folder / path).read_text("utf-8").splitlines()
        mutated = "\n".join([*source[:first], *lines, *source[last:]]) + "\n"
        yield name, receive(assignment.files[0], mutated.encode(), "mlp.py")


def verdicts(
    assignment: Assignment, sandbox: Sandbox, table: dict[str, Any], names: Sequence[str] = ("",), every: int = 1
) -> dict[str, dict[str, Row]]:
    """Grade what is in the table, on the problems that it was made with: all, or names that contain one of these, or
    one in `every`."""
    # the assignment's own cache may hold problems of its present digest
    pinned = replace(assignment, digest=table["digest"], public_cache=PublicProblemCache(assignment.truths))

    def one(entry: tuple[str, Submission]) -> tuple[str, dict[str, Row]]:
        name, submission = entry
        return name, _rows(grade(submission, pinned, sandbox, Seed(), Scope(code_only=True)))

    with ThreadPoolExecutor(2) as pool:
        chosen = [entry for entry in submissions(assignment, table) if any(name in entry[0] for name in names)]
        return dict(pool.map(one, chosen[::every]))


def differences(now: dict[str, dict[str, Row]], table: dict[str, Any]) -> dict[tuple[str, str], tuple[Row, Row]]:
    """Return (before, now) of the checks that are different, by submission and check."""
    frozen = {
        name: {check: [*points, STATUSES[status], mistake] for check, (*points, status, mistake) in rows.items()}
        for name, rows in table["verdicts"].items()
    }
    return {
        (name, check): (frozen[name].get(check, []), rows.get(check, []))
        for name, rows in now.items()
        for check in [*rows, *(frozen[name].keys() - rows.keys())]
        if frozen[name].get(check) != rows.get(check)
    }


def listed_differences() -> set[tuple[str, str]]:
    """Return (submission, check) of the differences that frozen-differences.md explains."""
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|", DIFFERENCES.read_text("utf-8"), re.MULTILINE)
    return set(rows)


def _rows(report: Report) -> dict[str, Row]:
    return {
        c.id: [str(c.points), str(c.possible), c.status.value, c.mistake] for c in report.checks if c.status.is_decided
    }


def _mutants(assignment: Assignment) -> dict[str, list[Any]]:
    mutation: Any = catalogue.mutation_module(assignment.folder)
    found = []
    for _, its_mutants in measure.prepare(assignment, mutation):
        found += its_mutants
    drawn = measure.draw(found, MUTANTS, SEED, mutation.KEPT_APART)
    return {mutant.id: _edit(mutant.file, mutant.original, mutant.source) for mutant in drawn}


def _edit(file: str, original: str, mutated: str) -> list[Any]:
    """Return a mutant as the lines of a variant that it replaces: path, first, last, new lines."""
    before, after = original.splitlines(), mutated.splitlines()
    shorter = min(len(before), len(after))
    first = next((i for i in range(shorter) if before[i] != after[i]), shorter)
    tail = next((i for i in range(shorter - first) if before[-1 - i] != after[-1 - i]), shorter - first)
    return [f"variants/{file}", first, len(before) - tail, after[first : len(after) - tail]]


def main(arguments: Sequence[str]) -> None:
    assignment = catalogue.load(ROOT / "reference" / "ps4")
    sandbox, _ = choose("bubblewrap", Settings().runtime)
    if arguments == ["write"]:
        table: dict[str, Any] = {"digest": assignment.digest, "mutants": _mutants(assignment)}
        table["verdicts"] = verdicts(assignment, sandbox, table)
        TABLE.write_text(_text(table), "utf-8")
    else:
        table = json.loads(TABLE.read_text("utf-8"))
        for (name, check), (before, now) in differences(
            verdicts(assignment, sandbox, table, arguments or ("",)), table
        ).items():
            print(f"{name} {check}: {' '.join(before)} → {' '.join(now)}")
    sandbox.close()


def _text(table: dict[str, Any]) -> str:
    """Return the table as JSON with an entry a line."""
    parts = [f'"digest": {json.dumps(table["digest"])}']
    for key in ("mutants", "verdicts"):
        rows = ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in table[key].items())
        parts.append(f'"{key}": {{\n{rows}\n}}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    main(sys.argv[1:])

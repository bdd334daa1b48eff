"""`grader doctor`: test the promises of the sandbox on this machine."""

from __future__ import annotations

import typer

from grader.cli.common import SandboxOption, print_check, print_line, progress, sandbox_for
from grader.render.text import one_line
from grader.sandbox import selftest


def doctor(sandbox: SandboxOption = "bubblewrap") -> None:
    """Run the sandbox self-test; exit with 4 if any of its tests fails."""
    with progress("running the sandbox self-test"), sandbox_for(sandbox) as chosen:
        results = selftest.probe(chosen)
    broken = [result for result in results if not result.holds]
    for result in results:
        print_check(result.promise.text, one_line(result.seen, 120), passed=result.holds)
    summary = f"{len(broken)} promises do not hold" if broken else "every promise holds"
    print_line(f"{chosen.name}: {summary}")
    raise typer.Exit(4 if broken else 0)

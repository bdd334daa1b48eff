"""The program that Gradescope's container runs for each submission, to grade it and to write results.json.

python -m grader.cli.gradescope_harness /autograder /autograder/source/ASSIGNMENT
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path

from grader.assignments import catalogue
from grader.assignments.seeds import Seed
from grader.engine.grade import grade
from grader.errors import GraderError, Refused, SandboxUnavailable
from grader.intake.receive import receive_path
from grader.model import Json
from grader.render.gradescope import gradescope
from grader.sandbox.choose import another
from grader.sandbox.contract import Sandbox
from grader.settings import Settings


def main(root: Path, assignment: Path) -> int:
    """Grade the submission, write results.json and return exit code 0. If the grader fails, return another exit code
    and write no file: Gradescope then gives no score."""
    try:
        results = results_of(root / "submission", assignment)
    except GraderError as ours:
        print(f"grader: {ours}", file=sys.stderr)  # noqa: T201  Gradescope shows standard error to staff
        return ours.exit_code
    (root / "results").mkdir(exist_ok=True)
    (root / "results" / "results.json").write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    return 0


def results_of(submission: Path, assignment: Path) -> Json:
    """Grade a submission and return the content of results.json."""
    settings = Settings()
    task = catalogue.load(assignment)
    try:
        received = receive_path(submission, task.files[0])
    except Refused as unreadable:
        return {  # the student must resubmit
            "score": 0,
            "output": str(unreadable),
            "output_format": "text",
            "visibility": "visible",
            "stdout_visibility": "hidden",
        }
    with closing(_first_sandbox_that_works(task.runtime(settings.runtime))) as chosen:
        return gradescope(grade(received, task, chosen, Seed(settings.secret.encode() or None)))


def _first_sandbox_that_works(runtime: Path) -> Sandbox:
    """Return a sandbox with the Python environment `runtime`. Raise `SandboxUnavailable` if none works."""
    whys = []
    for name in ("bubblewrap", "landlock"):
        try:
            return another(name, runtime)
        except SandboxUnavailable as why:
            whys.append(f"{name}: {why}")
    raise SandboxUnavailable(f"no sandbox works in this container ({'; '.join(whys)})")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))

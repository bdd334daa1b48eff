"""`grader worker` whose gradings take no time: each has the report in the file INSTANT_REPORT.

    INSTANT_REPORT=report.json python -m tests.benchmarks.instant_worker

Replaced is only the function that grading processes call for a submission that they have read. Tickets, leases, the
files from the database, the channel to the grading process, reading the files, and storing the report are real.
Grading processes are spawned, and run this module too before they begin.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from grader.cli import main
from grader.model import Report
from grader.render import as_json
from grader.workers import grading_process

REPORT = as_json.loads(Path(os.environ["INSTANT_REPORT"]).read_text("utf-8"))


def instant(*_: object) -> Report:
    return REPORT


grading_process.grade = instant  # type: ignore[assignment]

if __name__ == "__main__":
    sys.argv[1:] = ["worker", "--sandbox", "plain"]  # no session is started
    main()

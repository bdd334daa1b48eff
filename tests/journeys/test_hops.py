"""The paths from the command line, from HTTP and from a batch to the first judged claim are short enough to read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from grader.cli.app import app
from tests.conftest import ROOT
from tests.journeys import hops
from tests.running import WAIT_SECONDS

pytestmark = pytest.mark.long

MOST_HOPS = 8
MOST_HOPS_THROUGH_THE_QUEUE = 12


def test_few_hops_lead_from_the_command_line_to_the_first_judgement(capsys: pytest.CaptureFixture[str]) -> None:
    stacks: list[list[str]] = []

    def profile(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call" and not stacks and hops.is_judgement(frame):
            stacks.append(hops.stack(frame))

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        app(["check", str(ROOT / "submissions" / "perfect"), "--only", "q2.1"], standalone_mode=False)
    finally:
        sys.setprofile(before)
    (stack,) = stacks
    assert stack[0] == "check"
    assert len(stack) - 1 <= MOST_HOPS, " → ".join(stack)


@pytest.mark.parametrize("entry", ["http", "batch"])
def test_few_hops_lead_through_the_queue_to_the_first_judgement(entry: str, tmp_path: Path) -> None:
    """Hops are counted within each thread and process on the way. A hand-over is one of them: the function that passes
    the job on. The loop that receives it was running before."""
    program = [sys.executable, "-m", "tests.journeys.hops", entry, str(tmp_path)]
    subprocess.run(program, cwd=ROOT, check=True, timeout=WAIT_SECONDS, capture_output=True)
    enqueue, worker, judgement = (
        json.loads((tmp_path / f"{name}.json").read_text()) for name in ("enqueue", "worker", "judgement")
    )
    if entry == "http":  # submissions are stored in a thread, which the request waits for
        request = json.loads((tmp_path / "command.json").read_text())
        assert [request[-2], enqueue[0]] == ["submit", "_store"]
        enqueue = [*request[-2:], *enqueue]
    else:
        assert enqueue[0] == "batch"
    assert (worker[0], judgement[0]) == ("LocalWorkers._work", "_main")
    path = [enqueue, worker[1:], judgement[1:]]
    assert sum(map(len, path)) - 1 <= MOST_HOPS_THROUGH_THE_QUEUE, " ⇢ ".join(" → ".join(part) for part in path)

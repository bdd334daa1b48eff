"""What is written to the log when one thing fails again and again."""

from __future__ import annotations

import json
import subprocess
import sys

from grader.cli import logs

SCRIPT = """
import logging, structlog
from grader.cli import logs

logs.configure_logging()
log, of_a_library = structlog.get_logger(), logging.getLogger("asyncio")
{body}
"""


def written(body: str) -> list[dict[str, object]]:
    ran = subprocess.run([sys.executable, "-c", SCRIPT.format(body=body)], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stderr.splitlines()]


def test_a_line_that_is_repeated_is_left_out_and_counted() -> None:
    lines = written("""
for _ in range(1000):
    log.error("internal error", why="the disk is full")
    of_a_library.error("socket.accept() out of system resource")
""")
    counts = {line["line"]: line["count"] for line in lines if line["event"] == "repeated lines left out"}
    assert counts == {
        "internal error the disk is full": 990,
        "asyncio: socket.accept() out of system resource": 990,
    }
    assert len(lines) == 22


def test_as_many_different_lines_as_one_likes_are_counted_in_little_memory() -> None:
    said: list[tuple[str, int]] = []
    repeats = logs.Repeats(lambda line, count: said.append((line, count)))
    assert sum(repeats.allow(f"line {n}") for n in range(10_000)) == 110
    repeats.begin_again()
    assert said == []  # its minute is not over
    repeats.begin_again(at_once=True)
    assert said == [("other lines", 9_890)]


def test_a_line_may_be_logged_while_the_interpreter_ends() -> None:
    lines = written("""
class Late:
    def __del__(self):
        log.warning("late")

kept = Late()
kept.itself = kept
""")
    assert [line["event"] for line in lines] == ["late"]

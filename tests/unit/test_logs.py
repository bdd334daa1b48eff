"""What is written to the log when one thing fails again and again."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

from grader import logs

SCRIPT = """
import logging, threading, structlog
from grader import logs

logs.Repeats.__init__.__defaults__ = (10, 0.2)  # a shorter minute
logs.configure()
log, of_a_library = structlog.get_logger(), logging.getLogger("asyncio")
{body}
for thread in threading.enumerate():
    if isinstance(thread, threading.Timer):
        thread.join()
"""


def written(body: str) -> list[dict[str, object]]:
    ran = subprocess.run([sys.executable, "-c", SCRIPT.format(body=body)], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stderr.splitlines()]


def test_a_line_that_is_repeated_is_left_out_and_counted() -> None:
    lines = written("""
for _ in range(1000):
    log.error("our failure", why="the disk is full")
    of_a_library.error("socket.accept() out of system resource")
""")
    counts = {line["line"]: line["count"] for line in lines if line["event"] == "repeated lines left out"}
    assert counts == {
        "our failure the disk is full": 990,
        "asyncio: socket.accept() out of system resource": 990,
    }
    assert len(lines) == 22


def test_lines_that_differ_are_all_written() -> None:
    assert len(written("for n in range(50): log.error('our failure', why=f'reason {n}')")) == 50


def test_what_is_no_warning_is_never_left_out() -> None:
    assert len(written("for _ in range(100): log.info('request', path='/healthz')")) == 100


def test_as_many_different_lines_as_one_likes_are_counted_in_little_memory() -> None:
    said: list[tuple[str, int]] = []
    repeats = logs.Repeats(lambda line, count: said.append((line, count)), seconds=0.2)
    assert sum(repeats.allow(f"line {n}") for n in range(10_000)) == 110
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join()
    assert said == [("other lines", 9_890)]

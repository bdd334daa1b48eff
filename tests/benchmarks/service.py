"""200 students hand in within a minute, on one machine, while it grades (and trains) what has come before.

    python -m tests.benchmarks.service

Wanted: no error, an answer within 300 ms for 99 of 100, and everybody told their place and about how long it takes.
The students run on the same machine, so that what they use is in the figures.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from grader.store import gradings, offerings, submissions
from grader.store.records import Offering, Page, State
from tests.conftest import ROOT
from tests.running import WAIT_SECONDS, Running, running

STUDENTS = 200
SECONDS = 60.0
PERFECT = (ROOT / "submissions" / "perfect" / "mlp.py").read_bytes()


@dataclass(frozen=True)
class Answered:
    status: int
    seconds: float
    """From the request's first byte to the receipt's last, a new connection included."""
    told: bool
    """Whether the receipt names a place in the queue and an estimate, or it was begun already."""


def main() -> None:
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), STUDENTS) as service:
        offer(service)
        service.start()
        first = hand_in_and_wait(service)
        print(f"one submission alone, trainings included: {first:.0f} s from hand-in to report")
        answers = asyncio.run(all_students(service))
        show(answers, states(service))


def offer(service: Running) -> None:
    """The real assignment."""
    (service.assignments / "ps4").symlink_to(ROOT / "reference" / "ps4")
    store = service.open_store()
    with store.write() as tx:
        offerings.put_offering(tx, Offering("ml", "ps4"))
    store.close()


def hand_in_and_wait(service: Running) -> float:
    """Before it, nobody knows how long a grading takes."""
    started = time.monotonic()
    headers = {"Authorization": f"Bearer {service.tokens[0]}"}
    with httpx.Client(base_url=service.url, headers=headers, timeout=60) as client:
        at = client.post(address(), files={"files": ("mlp.py", PERFECT)}).headers["location"]
        while client.get(at).json()["state"] != "graded":
            assert time.monotonic() - started < 10 * WAIT_SECONDS
            time.sleep(0.5)
    return time.monotonic() - started


async def all_students(service: Running) -> list[Answered]:
    moments = random.Random(1)
    return await asyncio.gather(*(student(service, n, moments.uniform(0, SECONDS)) for n in range(STUDENTS)))


async def student(service: Running, number: int, moment: float) -> Answered:
    headers = {"Authorization": f"Bearer {service.tokens[number]}"}
    async with httpx.AsyncClient(base_url=service.url, headers=headers, timeout=60) as client:
        await asyncio.sleep(moment)
        files = {"files": ("mlp.py", PERFECT + f"# student {number}\n".encode())}  # nobody's is known already
        started = time.monotonic()
        answer = await client.post(address(), files=files)
        seconds = time.monotonic() - started
        return Answered(answer.status_code, seconds, answer.status_code == 202 and is_told(answer.json()))


def is_told(receipt: dict[str, Any]) -> bool:
    """Who is begun at once has no place."""
    return receipt["position"] is None or receipt["estimate_seconds"] is not None


def address() -> str:
    return "/api/v1/courses/ml/assignments/ps4/submissions"


def states(service: Running) -> Counter[State]:
    store = service.open_store()
    with store.read() as tx:
        found = submissions.of_offering(tx, "ml", "ps4", page=Page(10 * STUDENTS))
        states = Counter(g.state for g in gradings.of_submissions(tx, [s.id for s in found]).values())
    store.close()
    return states


def show(answers: Sequence[Answered], states: Counter[State]) -> None:
    accepted = sorted(1000 * a.seconds for a in answers if a.status == 202)
    others = Counter(a.status for a in answers if a.status != 202)
    p50, p90, p99 = (statistics.quantiles(accepted, n=100)[percent - 1] for percent in (50, 90, 99))
    print(f"{len(answers)} students within {SECONDS:.0f} s: {len(accepted)} accepted, others: {dict(others) or 'none'}")
    print(f"accepted after: p50 {p50:.0f} ms, p90 {p90:.0f} ms, p99 {p99:.0f} ms, most {accepted[-1]:.0f} ms")
    print(f"told their place and an estimate: {sum(a.told for a in answers)} of {len(answers)}")
    print("then: " + ", ".join(f"{count} {state}" for state, count in states.items()))


if __name__ == "__main__":
    main()

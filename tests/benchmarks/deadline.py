"""How long students wait for their reports at a deadline, and the workers that they need.

    python -m tests.benchmarks.deadline                   # both of these:
    python -m tests.benchmarks.deadline case              # 200 submissions in a minute: simulated beside measured
    python -m tests.benchmarks.deadline classes [FILE]    # 300, 5,000 and 100,000 students: simulated, with a picture

The case: `grader serve` with two workers accepts 200 submissions of two_layer_net at random moments of a minute,
several times. The simulator (`simulator.py`) is given the moments, and the times of accepting and of grading: those of
the same minute, in their order or at random, or those of the other minutes. In their order they tell whether the model
of the queue is right, also if other work on the machine comes and goes. Wanted: a median and a p99 within `WITHIN` of
the measured ones.

The classes: each student submits `ATTEMPTS` times, and each of these submissions comes at a random moment of the last
week. The probability is inversely proportional to the time left, as Alfi, Parisi and Pietronero found for the
registrations of conferences ("Conference registration: how people react to a deadline", Nature Physics 3, 746, 2007).
The singularity at the deadline is assumed to be cut off at `CUTOFF_SECONDS`: 28 % of the submissions come in the last
hour, and 1.4 % in the last minute. Counted are the waits of submissions of the last hour.
"""

from __future__ import annotations

import json
import math
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from matplotlib.figure import Figure
from sqlalchemy import select

from grader.store import offerings
from grader.store.records import Offering
from grader.store.tables import gradings, submissions
from tests.benchmarks.ceiling import MEASURED, keep, processes, tree
from tests.benchmarks.simulator import Arrival, Site, waits
from tests.conftest import ROOT
from tests.running import VERIFY, Running, running

WITHIN = 0.2
SUBMISSIONS = 200
SECONDS = 60.0
MINUTES = 4
LONGEST_SECONDS = 900.0
"""Until everything is graded; a loaded machine takes minutes."""
SIMULATIONS = 50
"""Of each minute."""

STUDENTS = (300, 5_000, 100_000)
ATTEMPTS = 3
WEEK = 7 * 24 * 3600.0
CUTOFF_SECONDS = 600.0
BEGIN_SECONDS = 2 * 3600.0
"""The simulation begins so long before the deadline."""
HOUR = 3600.0
WANTED_SECONDS = 300.0
TRAINING_SECONDS = 40.0
"""CPU time of a ps4 submission with both trainings (docs/operator.md). That without trainings is measured."""
CONNECTIONS = 3
"""Of a grading process with PostgreSQL."""
BUSY = 0.7
"""Share of the time that an API process or a core of the database may be busy."""


# ── the measured case ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Minute:
    """What was measured in a minute, in seconds."""

    arrivals: list[Arrival]
    accepting: list[float]
    grading: list[float]
    waits: list[float]


def case() -> None:
    """Print the measured waits beside the simulated ones."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"GRADER_WORKERS": "2", "GRADER_ASSIGNMENTS": str(ROOT / "reference")}
        with running(Path(folder), SUBMISSIONS, **settings) as service:
            store = service.open_store()
            with store.write() as tx:
                offerings.put_offering(tx, Offering("ml", "two_layer_net"))
            store.close()
            service.start()
            measure(service, 0, SUBMISSIONS // 5, SECONDS / 5)  # warm
            minutes = []
            before = cpu_seconds(service)
            for number in range(1, MINUTES + 1):
                minutes.append(measure(service, number, SUBMISSIONS, SECONDS))
                show(f"minute {number} (load {os.getloadavg()[0]:.1f})", minutes[-1:], minutes[-1:], in_order=True)
            used = (cpu_seconds(service) - before) / SUBMISSIONS / MINUTES
    others = [joined([other for other in minutes if other is not minute]) for minute in minutes]
    show("all minutes, with their own times in order", minutes, minutes, in_order=True)
    show("all minutes, with their own times at random", minutes, minutes)
    show("all minutes, with the times of the others at random", minutes, others)
    print(f"CPU time of the service for a submission and its grading: {used:.3f} s")
    keep("code", round(used, 3))


def cpu_seconds(service: Running) -> float:
    """Return the CPU seconds of all processes of a service, also of those that have ended."""
    assert service.process is not None
    table = processes()
    return sum(own + of_ended for _, own, of_ended in (table[pid] for pid in tree(table, service.process.pid)))


def joined(minutes: Sequence[Minute]) -> Minute:
    lists: list[list[Any]] = [[], [], [], []]
    for minute in minutes:
        for together, values in zip(
            lists, (minute.arrivals, minute.accepting, minute.grading, minute.waits), strict=True
        ):
            together += values
    return Minute(*lists)


def show(name: str, minutes: Sequence[Minute], times: Sequence[Minute], *, in_order: bool = False) -> None:
    """Print measured waits beside those that are simulated with the times of the same or of other minutes."""
    measured = joined(minutes).waits
    simulated: list[float] = []
    for minute, given in zip(minutes, times, strict=True):
        site = Site(2, given.grading, SUBMISSIONS, given.accepting, in_order)
        for seed in range(1 if in_order else SIMULATIONS):
            simulated += waits(minute.arrivals, site, seed)
    parts = []
    for label, quantile in (("p50", 50), ("p99", 99)):
        real, model = percentile(measured, quantile), percentile(simulated, quantile)
        verdict = "as wanted" if abs(model / real - 1) <= WITHIN else f"not within {WITHIN:.0%}"
        parts.append(f"{label} measured {real:.2f} s, simulated {model:.2f} s ({model / real:.2f} times: {verdict})")
    print(f"{name}: {'; '.join(parts)}", flush=True)


def measure(service: Running, number: int, count: int, seconds: float) -> Minute:
    """Send submissions at random moments, wait for their reports, and return what the database knows about them."""
    choice = random.Random(number)
    moments = sorted(choice.uniform(0, seconds) for _ in range(count))
    source = (ROOT / "reference" / "two_layer_net" / "reference.py").read_text("utf-8")
    started = time.monotonic()
    threads = []
    for student, moment in enumerate(moments):
        time.sleep(max(0.0, started + moment - time.monotonic()))
        files = {"files": ("neural_net.py", f"{source}# {number} {student}\n".encode())}
        threads.append(threading.Thread(target=submit, args=(service, student, files)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    rows = finished(service, count)
    begin = rows[0].received_at
    arrivals = [Arrival((row.received_at - begin).total_seconds(), place) for place, row in enumerate(rows)]
    return Minute(
        arrivals,
        [(row.queued_at - row.received_at).total_seconds() for row in rows],
        occupied(rows),
        [(row.finished_at - row.received_at).total_seconds() for row in rows],
    )


def submit(service: Running, student: int, files: dict[str, tuple[str, bytes]]) -> None:
    url = f"{service.url}/api/v1/courses/ml/assignments/two_layer_net/submissions"
    headers = {"Authorization": f"Bearer {service.tokens[student]}"}
    answer = httpx.post(url, files=files, headers=headers, timeout=60, verify=VERIFY)
    assert answer.status_code == 202, answer.text


def finished(service: Running, count: int) -> list[Any]:
    """Wait until everything is graded. Return the newest rows, in the order of submission."""
    columns = gradings.c.worker, gradings.c.queued_at, gradings.c.started_at, gradings.c.finished_at
    query = select(*columns, submissions.c.received_at).join(submissions, submissions.c.id == gradings.c.submission)
    query = query.order_by(gradings.c.id.desc()).limit(count)
    deadline = time.monotonic() + LONGEST_SECONDS
    store = service.open_store()
    try:
        while True:
            with store.read() as tx:
                rows = tx.execute(query).all()
            if all(row.finished_at is not None for row in rows):
                return sorted(rows, key=lambda row: row.received_at)
            assert time.monotonic() < deadline
            time.sleep(1)
    finally:
        store.close()


def occupied(rows: Sequence[Any]) -> list[float]:
    """Return how long each submission occupied its worker: until its report was stored and, if another submission
    waited, until the worker took the next one."""
    times = []
    by_start = sorted(rows, key=lambda row: row.started_at)
    for place, row in enumerate(by_start):
        end = row.finished_at
        following = next((later for later in by_start[place + 1 :] if later.worker == row.worker), None)
        if following is not None and following.queued_at < row.finished_at:
            end = following.started_at
        times.append((end - row.started_at).total_seconds())
    return times


# ── classes ──────────────────────────────────────────────────────────────────────────────────────────


def classes(files: Sequence[str]) -> None:
    """Print the workers that classes need, and what else. Draw the picture into the files."""
    costs = json.loads(MEASURED.read_text("utf-8"))
    api = costs["submission"]["API processes"] / BUSY
    database = (costs["submission"]["PostgreSQL"] + costs["job"]["PostgreSQL"]) / BUSY
    curves = {}
    print(
        "| students | submissions in the last hour, minute | a grading | workers | median and p99 of waiting "
        "| API processes | database: cores, connections |\n|---|---|---|---|---|---|---|"
    )
    for students in STUDENTS:
        arrivals = deadline_arrivals(students)
        hour, minute = (sum(arrival.moment >= BEGIN_SECONDS - period for arrival in arrivals) for period in (HOUR, 60))
        for seconds in (costs["code"], TRAINING_SECONDS):
            waited = waits_by_workers(arrivals, [seconds])
            enough = min(workers for workers, values in waited.items() if percentile(values, 99) <= WANTED_SECONDS)
            curves[f"{students:,} students, {seconds:.2g} s for each"] = {
                workers: percentile(values, 99) for workers, values in waited.items()
            }
            median, p99 = (duration(percentile(waited[enough], percent)) for percent in (50, 99))
            processes = math.ceil(minute / 60 * api)
            cores = math.ceil(minute / 60 * database)
            print(
                f"| {students:,} | {hour:,}, {minute:,} | {seconds:.2g} s | {enough:,} | {median}, {p99} | {processes} "
                f"| {cores}, {CONNECTIONS * enough:,} |",
                flush=True,
            )
    for file in files:
        draw(curves, file)


def deadline_arrivals(students: int, seed: int = 0) -> list[Arrival]:
    """Return the submissions of the last hours. The deadline is at `BEGIN_SECONDS`."""
    choice = random.Random(seed)
    arrivals = []
    most = math.log1p(WEEK / CUTOFF_SECONDS)
    for student in range(students):
        for _ in range(ATTEMPTS):
            left = CUTOFF_SECONDS * math.expm1(choice.uniform(0, most))
            if left < BEGIN_SECONDS:
                arrivals.append(Arrival(BEGIN_SECONDS - left, student))
    return sorted(arrivals, key=lambda arrival: arrival.moment)


def waits_at_deadline(arrivals: Sequence[Arrival], grading: Sequence[float], workers: int) -> list[float]:
    """Return the waits of the submissions of the last hour."""
    simulated = zip(arrivals, waits(arrivals, Site(workers, grading)), strict=True)
    return [waited for arrival, waited in simulated if arrival.moment >= BEGIN_SECONDS - HOUR]


def waits_by_workers(arrivals: Sequence[Arrival], grading: Sequence[float]) -> dict[int, list[float]]:
    """Return the waits by the number of workers. Among these numbers is, to 1 %, the least one with which the p99 is as
    wanted."""
    results: dict[int, list[float]] = {}

    def suffice(workers: int) -> bool:
        results[workers] = waits_at_deadline(arrivals, grading, workers)
        return percentile(results[workers], 99) <= WANTED_SECONDS

    # half of the workers that would be busy on average
    many = max(1, int(len(arrivals) * statistics.mean(grading) / BEGIN_SECONDS / 2))
    few = 0
    while not suffice(many):
        few, many = many, 2 * many
    while many - few > max(1, many // 100):
        middle = (few + many) // 2
        few, many = (few, middle) if suffice(middle) else (middle, many)
    return results


def percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 2 * HOUR else f"{seconds / HOUR:.0f} h"


# ── the picture ──────────────────────────────────────────────────────────────────────────────────────


def draw(curves: dict[str, dict[int, float]], file: str) -> None:
    """Draw the p99 of waiting over the number of workers, for each class."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for place, (label, by_workers) in enumerate(curves.items()):
        counts = sorted(by_workers)
        waited = [by_workers[count] for count in counts]
        axes.plot(counts, waited, "o-" if place % 2 == 0 else "s--", color=f"C{place // 2}", label=label, markersize=3)
    axes.axhline(WANTED_SECONDS, color="gray", linewidth=0.8)
    axes.text(1, WANTED_SECONDS * 1.15, "5 minutes", color="gray")
    axes.set(xscale="log", yscale="log", xlabel="workers", ylabel="p99 of waiting, in seconds")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(file, dpi=110)


def main() -> None:
    match sys.argv[1:]:
        case ["case"]:
            case()
        case ["classes", *files]:
            classes(files)
        case _:
            case()
            classes([])


if __name__ == "__main__":
    main()

"""Seven faults, caused one after the other in real processes: each fires an alert of deploy/alerts.yml.

`python -m pytest -s` prints how many seconds passed until a scrape showed each of them.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import psycopg
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import ROOT, TOY_SOLUTION
from tests.journeys.test_operating import SMALL_DISK, Student, disk_of, full
from tests.postgres import Cluster
from tests.running import VERIFY, WAIT_SECONDS, Running, running

pytestmark = pytest.mark.long

ALERTS = ROOT / "deploy" / "alerts.yml"
SCRAPES = 12
"""Number of scrapes after the fault, 15 s apart. The last one is after the longest `for` of a rule."""

Samples = dict[str, float]
"""Series, such as `grader_ready{part="database"}`, → value."""


def scrape(service: Running) -> Samples:
    """What Prometheus knows after a scrape: the metrics, or that there was no answer."""
    try:
        answer = httpx.get(f"{service.url}/metrics", timeout=10, verify=VERIFY)
    except httpx.HTTPError:
        return {"up": 0}
    assert answer.status_code == 200, answer.text
    samples: Samples = {"up": 1}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
            samples[f"{sample.name}{{{labels}}}"] = sample.value
    return samples


def firing(folder: Path, before: Samples, after: Samples) -> set[str]:
    """The alerts that fire if Prometheus scrapes `before` once and `after` from then on, according to promtool."""
    series = []
    for name in sorted({*before, *after}):
        first = f"{before[name]:.6f}" if name in before else "_"
        others = f"{after[name]:.6f}+0x{SCRAPES}" if name in after else "stale"
        labelled = 'up{job="grader"}' if name == "up" else name
        series.append({"series": labelled, "values": f"{first} {others}"})
    expectation = {
        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
        "eval_time": f"{SCRAPES * 15}s",
        "exp_samples": [],  # so that promtool prints those that it has
    }
    test = {"interval": "15s", "input_series": series, "promql_expr_test": [expectation]}
    file = folder / "alerts_test.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(ALERTS)], "evaluation_interval": "15s", "tests": [test]}))
    done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True, timeout=60)
    assert "error" not in done.stdout + done.stderr, done
    alerts = set(re.findall(r'alertname="(\w+)"', done.stdout + done.stderr))
    assert bool(alerts) == bool(done.returncode), done
    return alerts


class Watch:
    """Prometheus, from before a fault on."""

    def __init__(self, folder: Path, service: Running) -> None:
        self._folder = folder
        self._service = service
        self._before = scrape(service)
        self._quiet = firing(folder, self._before, self._before)
        self._since = time.monotonic()

    def sees(self, fault: str, alert: str) -> None:
        """Wait until the alert fires, which did not fire before."""
        assert alert not in self._quiet
        self.until(lambda: alert in self._now())
        print(f"{fault}: {alert} after {time.monotonic() - self._since:.0f} s")

    def sees_the_end_of(self, alert: str) -> None:
        self.until(lambda: alert not in self._now())

    def _now(self) -> set[str]:
        return firing(self._folder, self._before, scrape(self._service))

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not holds():
            assert time.monotonic() < deadline, scrape(self._service)
            time.sleep(0.5)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, postgres: Cluster) -> Iterator[Running]:
    """An API process with PostgreSQL, whose TMPDIR is a disk of 40 MiB."""
    folder = tmp_path_factory.mktemp("door")
    disk = folder / "disk"
    disk.mkdir()
    settings = {"GRADER_WORKERS": "1", "DISK": str(disk), "TMPDIR": str(disk)}
    with postgres.database() as url, running(folder, students=1, GRADER_DATABASE_URL=url, **settings) as door:
        own_disk = [part.replace("size=8m", "size=40m") for part in SMALL_DISK]
        own_disk = [part.replace('cp "$GRADER_HOME/grader.db" "$DISK"; GRADER_HOME="$DISK"; ', "") for part in own_disk]
        door.within = tuple(own_disk)
        door.start()
        yield door


@contextlib.contextmanager
def worker_of(door: Running, **settings: str) -> Iterator[Running]:
    worker = door.worker()
    worker.environment = door.environment | settings
    worker.environment.pop("TMPDIR")
    worker.start()
    try:
        yield worker
    finally:
        worker.end()


@pytest.fixture
def student(door: Running) -> Iterator[Student]:
    student = Student(door)
    yield student
    student.close()


def test_a_worker_that_stops(door: Running, tmp_path: Path) -> None:
    with worker_of(door) as worker:
        watch = Watch(tmp_path, door)
        assert worker.process is not None
        worker.process.send_signal(signal.SIGKILL)
        watch.sees("the only worker is killed", "GraderNoWorker")


def test_one_worker_of_two_that_stops(door: Running, tmp_path: Path) -> None:
    with worker_of(door), worker_of(door) as other:
        watch = Watch(tmp_path, door)
        other.send(signal.SIGTERM)
        watch.sees("one worker of two ends", "GraderFewerWorkers")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_an_api_process_that_stops(door: Running, tmp_path: Path, how: signal.Signals) -> None:
    other = door.another()
    other.start()
    try:
        watch = Watch(tmp_path, other)
        assert other.process is not None
        other.process.send_signal(how)
        watch.sees(f"an API process gets {how.name}", "GraderStopped")
    finally:
        other.end()


def test_a_worker_with_another_secret(door: Running, student: Student, tmp_path: Path) -> None:
    with worker_of(door, GRADER_SECRET="another secret, long enough"):
        watch = Watch(tmp_path, door)
        receipt = student.hand_in(f"{TOY_SOLUTION}# another secret")
        watch.sees("a worker has another secret", "GraderUnserved")
        with worker_of(door):
            assert student.graded(receipt) == "graded"
            watch.sees_the_end_of("GraderUnserved")


def test_a_worker_of_other_code_and_a_job_that_no_worker_fits(door: Running, student: Student, tmp_path: Path) -> None:
    """An upgrade in which a job comes from a process that was not upgraded yet."""
    newer = tmp_path / "newer"
    shutil.copytree(door.assignments, newer)
    with (newer / "toy" / "checks.py").open("a") as checks:
        checks.write("\n# a newer version\n")
    upgraded = replace(door.another(), environment=door.environment | {"GRADER_ASSIGNMENTS": str(newer)})
    with worker_of(upgraded):
        upgraded.start()
        try:
            watches = {"a worker has other code": Watch(tmp_path, door), "no worker fits": Watch(tmp_path, upgraded)}
            receipt = student.hand_in(f"{TOY_SOLUTION}# of the version before")
            for fault, watch in watches.items():
                watch.sees(fault, "GraderUnserved")
        finally:
            upgraded.end()
    with worker_of(door):
        assert student.graded(receipt) == "graded"


def test_a_database_that_is_gone(door: Running, postgres: Cluster, tmp_path: Path) -> None:
    watch = Watch(tmp_path, door)
    with postgres.gone():
        watch.sees("the database is gone", "GraderDatabaseGone")
        watch.sees("the database is gone", "GraderNotReady")
    watch.sees_the_end_of("GraderDatabaseGone")


def test_slow_requests(door: Running, student: Student, tmp_path: Path) -> None:
    student.get("/api/v1/me")
    watch = Watch(tmp_path, door)
    with psycopg.connect(door.database) as connection:
        connection.execute("LOCK TABLE tokens IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(httpx.ReadTimeout):
            student.get("/api/v1/me", timeout=4)
    watch.sees("requests take longer than three seconds", "GraderSlow")


def test_a_queue_that_is_behind(door: Running, student: Student, tmp_path: Path) -> None:
    watch = Watch(tmp_path, door)
    receipt = student.hand_in(f"{TOY_SOLUTION}# an old one")
    with psycopg.connect(door.database) as connection:
        connection.execute("UPDATE gradings SET queued_at = queued_at - interval '31 minutes' WHERE state = 'queued'")
    watch.sees("a submission has waited for 31 minutes", "GraderBehind")
    with worker_of(door):
        assert student.graded(receipt) == "graded"
    watch.sees_the_end_of("GraderBehind")


def test_a_full_disk_of_an_api_process(door: Running, tmp_path: Path) -> None:
    watch = Watch(tmp_path, door)
    with full(disk_of(door)):
        watch.sees("the disk for uploads is full", "GraderNotReady")
        assert httpx.get(f"{door.url}/readyz", verify=VERIFY).json()["parts"]["uploads"]["ok"] is False
    watch.sees_the_end_of("GraderNotReady")


# ── one machine ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`grader serve` with SQLite, on a disk of 40 MiB. Its bubblewrap fails while there is a file `broken`."""
    folder = tmp_path_factory.mktemp("machine")
    disk = folder / "disk"
    disk.mkdir()
    bwrap = folder / "bwrap"
    bwrap.write_text(f'#!/bin/sh\n[ -e {folder}/broken ] && exit 1\nexec {shutil.which("bwrap")} "$@"\n')
    bwrap.chmod(0o755)
    path = f"{folder}:{os.environ['PATH']}"
    with running(folder, students=1, GRADER_WORKERS="1", DISK=str(disk), PATH=path) as machine:
        machine.within = tuple(part.replace("size=8m", "size=40m") for part in SMALL_DISK)
        machine.start()
        yield machine


def test_a_sandbox_that_breaks(machine: Running, tmp_path: Path) -> None:
    student = Student(machine)
    broken = machine.home.parent / "broken"
    watch = Watch(tmp_path, machine)
    broken.touch()
    for process in grading_processes(machine):
        os.kill(process, signal.SIGKILL)
    receipt = student.hand_in(f"{TOY_SOLUTION}# the sandbox is broken")
    watch.sees("the sandbox is broken", "GraderNotReady")
    # the killed processes alone raise the alarm too
    watch.until(lambda: student.get("/readyz").json()["parts"]["sandbox"]["ok"] is False)
    broken.unlink()
    assert student.graded(receipt) == "graded"
    watch.sees_the_end_of("GraderNotReady")
    student.close()


def grading_processes(machine: Running) -> list[int]:
    assert machine.process is not None
    children = subprocess.run(["pgrep", "--parent", str(machine.process.pid)], capture_output=True, text=True)
    return [int(child) for child in children.stdout.split()]


def test_a_full_disk(machine: Running, tmp_path: Path) -> None:
    watch = Watch(tmp_path, machine)
    with full(disk_of(machine)):
        watch.sees("the disk of the database is full", "GraderNotReady")
        # a few transactions still find room in the write-ahead log
        assert httpx.get(f"{machine.url}/readyz", verify=VERIFY).json()["parts"]["uploads"]["ok"] is False
    watch.sees_the_end_of("GraderNotReady")

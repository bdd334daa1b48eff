"""Submissions that are accepted and jobs that are finished in a second, if gradings take no time, on PostgreSQL.

    python -m tests.benchmarks.ceiling [SECONDS [GRADINGS]]

API processes and workers are real, and each job passes through Procrastinate and the database, which has a million
earlier gradings. Only the grading itself is replaced (`instant_worker.py`): it returns the report of a real one. The
submissions are those of ps4, each with another file. Clients submit as fast as they are answered, and enough jobs wait
for the workers. Everything runs on one machine. So the rates are those of its cores together, and what is worth
knowing elsewhere is the CPU time of each part for a submission and for a job.

`measured.json` beside this file keeps these times, for `deadline.py`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from grader.assignments import catalogue
from grader.assignments.seeds import Seed
from grader.engine.grade import Scope, grade
from grader.intake.receive import receive_path
from grader.render import as_json
from grader.sandbox.plain import Plain
from grader.settings import Settings
from grader.store import offerings, people, submissions
from grader.store.queue import StoreQueue
from grader.store.records import Kind, Offering, Priority
from grader.workers.compatibility import compatibility_keys
from tests.benchmarks.accepting import send
from tests.conftest import ROOT
from tests.postgres import cluster
from tests.running import Running, RunningWorker, running

API_PROCESSES = (1, 2, 3)
WORKERS = (1, 2, 4, 8)
STUDENTS = 300
CLIENTS = 8
"""For each API process."""
WAITING = 3_000
"""Jobs that wait when a measurement with workers begins."""
SECRET = "s" * 32
MEASURED = Path(__file__).with_name("measured.json")
COURSE = "/api/v1/courses/ml/assignments/ps4/submissions"
SOURCE = (ROOT / "submissions" / "perfect" / "mlp.py").read_text("utf-8")
POSTGRES = {"shared_buffers": "128MB", "max_connections": "300", "max_wal_size": "1GB"}
"""The defaults of PostgreSQL, but for the connections."""
UNLIMITED = {
    "GRADER_RATE_LIMIT": "",
    "GRADER_RATE_LIMIT_UPLOADS": "",
    "GRADER_WAITING_LIMIT": "1000000",
    "GRADER_ASSIGNMENTS": str(ROOT / "reference"),
    "GRADER_SECRET": SECRET,
}
COMMITTING = 8
"""Connections that write at the same time."""
WRITE = "INSERT INTO scratch VALUES (1)"
TICKS = os.sysconf("SC_CLK_TCK")

# 20,000 students with 50 submissions each in a hundred courses. Files and reports are shorter than real ones, so that
# filling takes a minute; the indexes and the number of rows are as with real ones.
FILL = """
SET session_replication_role = replica;  -- neither tickets nor foreign keys
INSERT INTO people (id, login, name, created_at)
    SELECT lpad(n::text, 26, '0'), 'earlier' || n, 'Student', now() FROM generate_series(1, 20000) n;
INSERT INTO submissions (id, course, assignment, kind, interface, digest, by, received_at)
    SELECT lpad(n::text, 26, '0'), 'c' || n % 100, CASE n % 10 WHEN 0 THEN 'ps4' ELSE 'ps' || n % 10 END,
        'submission', 'api', encode(sha256(n::text::bytea), 'hex'), lpad((n % 20000 + 1)::text, 26, '0'), now()
    FROM generate_series(1, {gradings}) n;
INSERT INTO authors SELECT id, by FROM submissions;
INSERT INTO files (submission, position, name, sha256, content)
    SELECT id, 0, 'mlp.py', digest, convert_to(repeat('x = 1  # ' || digest, 8), 'UTF8') FROM submissions;
INSERT INTO gradings (id, submission, state, counts, priority, turn, fairness_key, compatibility_key, queued_at,
        started_at, finished_at, starts, failures, why, grader, assignment_digest, seed, points, decided, possible,
        report)
    SELECT id, id, 'graded', true, 1, 0, by, '{key}', now(), now(), now(), 1, 0, '', '1', digest, '{seed}', 4000,
        4000, 8000, convert_to(repeat(digest, 16), 'UTF8')
    FROM submissions;
INSERT INTO results (grading, "check", position, points, possible, status, mistake, reason)
    SELECT id, check_id, 0, 100, 100, 'passed', '', '' FROM submissions, (VALUES ('q2.1.a'), ('q2.2.a')) v (check_id);
SET session_replication_role = DEFAULT;
"""
WAITS = """
SELECT CASE WHEN state = 'idle in transaction' THEN 'the client' WHEN wait_event_type IS NULL THEN 'CPU'
    ELSE wait_event_type || ' ' || wait_event END
FROM pg_stat_activity WHERE backend_type = 'client backend' AND state <> 'idle' AND pid <> pg_backend_pid()
"""
FINISHED = "SELECT count(*) FROM gradings WHERE id > '001' AND state = 'graded'"
"""Without those that were there before, whose ids are smaller."""
BUSY = "SELECT count(DISTINCT worker) FROM gradings WHERE id > '001' AND state = 'graded' AND worker LIKE '%:{pid} %'"
QUEUED = "SELECT count(*) FROM gradings WHERE state = 'queued'"


@dataclass
class Part:
    """The processes that are counted together, such as the API processes without their children."""

    name: str
    cpu_seconds: float = 0.0
    largest: float = 0.0
    """CPU seconds of the process that has used most."""

    def add(self, seconds: float) -> None:
        self.cpu_seconds += seconds
        self.largest = max(self.largest, seconds)


@dataclass
class Measurement:
    """What happened within some seconds."""

    seconds: float = 0.0
    accepted: int = 0
    finished: int = 0
    parts: dict[str, Part] = field(default_factory=dict)
    idle: float = 0.0
    """Share of the machine's cores that did nothing."""
    waits: Counter[str] = field(default_factory=Counter)
    """What PostgreSQL's active connections waited for, in samples."""

    def limit(self) -> str:
        """Return which part keeps the rates from being higher."""
        cpu = sum(part.cpu_seconds for part in self.parts.values())
        largest = max(self.parts.values(), key=lambda part: part.cpu_seconds)
        single = max(self.parts.values(), key=lambda part: part.largest)
        if self.idle < 0.1:
            return f"the cores of this machine; most is used by {largest.name}, {largest.cpu_seconds / cpu:.0%}"
        if single.largest > 0.8 * self.seconds:
            return f"one core of {single.name}"
        return f"waiting ({self._waits()})"

    def _waits(self) -> str:
        total = self.waits.total() or 1
        return ", ".join(f"{name} {count / total:.0%}" for name, count in self.waits.most_common(3))

    def show(self, name: str) -> None:
        parts = [f"{part.name} {part.cpu_seconds / self.seconds:.2f}" for part in self.parts.values()]
        cores = os.cpu_count() or 1
        own = sum(part.cpu_seconds for part in self.parts.values()) / self.seconds
        idle = cores * self.idle
        parts += [f"other work {max(0.0, cores - own - idle):.2f}", f"idle {idle:.2f}"]
        print(
            f"{name}: accepted {self.accepted / self.seconds:.1f}, finished {self.finished / self.seconds:.1f} "
            f"a second; limit: {self.limit()}\n"
            f"  cores: {', '.join(parts)}; "
            f"PostgreSQL's connections: {self._waits()}; load {os.getloadavg()[0]:.1f}",
            flush=True,
        )


class InstantWorker(RunningWorker):
    """A process with some workers whose gradings take no time."""

    def launch(self) -> None:
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig=KILL", sys.executable, "-m", "tests.benchmarks.instant_worker"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


class Site:
    """The running processes of a service, which are measured."""

    def __init__(self, service: Running, database: psycopg.Connection[tuple[str]], server: int) -> None:
        self.service = service
        self.doors: list[Running] = []
        self.workers: Running | None = None
        self._database = database
        self._server = server
        self._sent = 0

    def start_workers(self, count: int) -> None:
        service = self.service
        environment = service.environment | {
            "GRADER_WORKERS": str(count),
            "INSTANT_REPORT": str(service.home / "report.json"),
        }
        self.workers = InstantWorker(service.home, service.assignments, "", environment, service.database)
        self.workers.start()
        pid = self.workers.process.pid if self.workers.process else 0
        while self._count(BUSY.format(pid=pid)) < count:  # until each has finished a job
            time.sleep(0.1)

    def stop_workers(self) -> None:
        assert self.workers is not None
        self.workers.send(signal.SIGTERM)
        self.workers = None

    def start_door(self) -> None:
        """Start another API process."""
        door = self.service.another() if self.doors else self.service
        door.start()
        self.doors.append(door)

    def end(self) -> None:
        for process in [*self.doors, *([self.workers] if self.workers else [])]:
            process.end()

    def queue(self, count: int) -> None:
        """Fill the queue until `count` jobs wait."""
        queue = StoreQueue(keys_of_ps4())
        store = self.service.open_store()
        with store.write() as tx:
            waiting = self._count(QUEUED)
            students = [member.person.id for member in people.roster(tx, "ml")]
            for number in range(waiting, count):
                self._sent += 1
                files = (("mlp.py", f"{SOURCE}# {self._sent}\n".encode()),)
                person = students[number % STUDENTS]
                new = submissions.NewSubmission(
                    "ml", "ps4", Kind.SUBMISSION, "api", f"q{self._sent}", person, (person,), files
                )
                queue.enqueue(tx, submissions.add(tx, new), "ps4", person, Priority.INTERACTIVE)
        store.close()

    def measure(self, seconds: float, *, submitting: bool) -> Measurement:
        """Return what happens within some seconds."""
        before, idle, finished = self._cpu(), idle_seconds(), self._count(FINISHED)
        started = time.monotonic()
        measurement = Measurement()
        with self._watched(measurement.waits):
            if submitting:
                measurement.accepted = asyncio.run(self._submit(seconds))
            else:
                time.sleep(seconds)
        measurement.seconds = time.monotonic() - started
        measurement.finished = self._count(FINISHED) - finished
        measurement.idle = (idle_seconds() - idle) / measurement.seconds / (os.cpu_count() or 1)
        for (name, process), used in self._cpu().items():
            part = measurement.parts.setdefault(name, Part(name))
            part.add(used - before.get((name, process), 0.0))
        return measurement

    async def _submit(self, seconds: float) -> int:
        """Submit from clients that each send the next submission when the last one is accepted. Return their number."""
        accepted = 0
        end = time.monotonic() + seconds

        async def client(door: Running) -> None:
            nonlocal accepted
            while time.monotonic() < end:
                self._sent += 1
                token = self.service.tokens[self._sent % STUDENTS]
                status = await send(door, upload(f"{SOURCE}# {self._sent}\n", token))
                assert status == 202, status
                accepted += 1

        async with asyncio.TaskGroup() as clients:
            for door in self.doors * CLIENTS:
                clients.create_task(client(door))
        return accepted

    @contextmanager
    def _watched(self, waits: Counter[str]) -> Iterator[None]:
        """Look ten times a second what the connections of the database wait for."""
        ended = threading.Event()

        def watch() -> None:
            with psycopg.connect(self.service.database, autocommit=True) as connection:
                while not ended.wait(0.1):
                    waits.update(row[0] for row in connection.execute(WAITS))

        watching = threading.Thread(target=watch)
        watching.start()
        yield
        ended.set()
        watching.join()

    def _count(self, query: str) -> int:
        row = self._database.execute(query).fetchone()
        assert row is not None
        return int(row[0])

    def _cpu(self) -> dict[tuple[str, int], float]:
        """Return the CPU seconds of each process so far."""
        roots = [(door, "API processes", "reading uploads") for door in self.doors]
        if self.workers is not None:
            roots.append((self.workers, "worker process", "grading processes"))
        used = {("clients", os.getpid()): time.process_time()}
        table = processes()
        for running_process, name, name_of_children in roots:
            assert running_process.process is not None
            root = running_process.process.pid
            for pid in tree(table, root):
                used[name if pid == root else name_of_children, pid] = table[pid][1]
        total = sum(table[pid][1] for pid in tree(table, self._server))
        return used | {("PostgreSQL", self._server): total + table[self._server][2]}


def processes() -> dict[int, tuple[int, float, float]]:
    """Return the parent, the CPU seconds, and the CPU seconds of ended children of each process."""
    table = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            fields = file.read_text("utf-8").rpartition(")")[2].split()
            user, system, user_of_children, system_of_children = (int(ticks) / TICKS for ticks in fields[11:15])
            table[int(file.parent.name)] = int(fields[1]), user + system, user_of_children + system_of_children
    return table


def tree(table: dict[int, tuple[int, float, float]], root: int) -> list[int]:
    """Return a process and its descendants."""
    pids = [root]
    for pid in pids:  # which grows
        pids += [child for child, (parent, *_) in table.items() if parent == pid]
    return pids


def idle_seconds() -> float:
    """Return how long the cores of this machine have done nothing, in seconds of one core."""
    fields = Path("/proc/stat").read_text("utf-8").split(maxsplit=6)
    return (int(fields[4]) + int(fields[5])) / TICKS


def upload(source: str, token: str) -> bytes:
    """Return a request that submits a file."""
    form = (
        '--x\r\nContent-Disposition: form-data; name="files"; filename="mlp.py"\r\n\r\n' + source + "\r\n--x--\r\n"
    ).encode()
    lines = (
        f"POST {COURSE} HTTP/1.1",
        "Host: x",
        "Connection: close",
        "Content-Type: multipart/form-data; boundary=x",
        f"Content-Length: {len(form)}",
        f"Authorization: Bearer {token}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + form


def keys_of_ps4() -> dict[str, str]:
    assignment = catalogue.load(ROOT / "reference" / "ps4")
    return compatibility_keys([assignment], Settings().runtime, SECRET.encode())


def write_report(file: Path) -> None:
    """Write the report of a real grading of ps4, without trainings."""
    submission = receive_path(ROOT / "submissions" / "perfect", "mlp.py")
    assignment = catalogue.load(ROOT / "reference" / "ps4")
    report = grade(submission, assignment, Plain(), Seed(SECRET.encode()), Scope(code_only=True))
    file.write_text(as_json.dumps(report), "utf-8")


def fill(service: Running, gradings: int) -> None:
    """Add the offering, and gradings of earlier years."""
    store = service.open_store()
    with store.write() as tx:
        offerings.put_offering(tx, Offering("ml", "ps4"))
    store.close()
    key = keys_of_ps4()["ps4"]
    started = time.monotonic()
    with psycopg.connect(service.database, autocommit=True) as database:
        for statement in FILL.format(gradings=gradings, key=key, seed=Seed(SECRET.encode()).label).split(";\n"):
            database.execute(statement)  # type: ignore[call-overload]
        database.execute("VACUUM ANALYZE")
        (size,) = database.execute("SELECT pg_size_pretty(pg_database_size(current_database()))").fetchone() or ("",)
    print(f"{gradings:,} earlier gradings, {size}, made in {time.monotonic() - started:.0f} s", flush=True)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    gradings = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with ExitStack() as stack:
        server = stack.enter_context(cluster(**POSTGRES))
        url = stack.enter_context(server.database())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        service = stack.enter_context(running(folder, STUDENTS, GRADER_DATABASE_URL=url, **UNLIMITED))
        write_report(service.home / "report.json")
        fill(service, gradings)
        database = stack.enter_context(psycopg.connect(url, autocommit=True))
        site = Site(service, database, server.pid)
        stack.callback(site.end)
        show_costs(*measure_all(site, seconds))
        site.end()
        show_commits(url, seconds)


def measure_all(site: Site, seconds: float) -> tuple[list[Measurement], list[Measurement]]:
    """Return the measurements of submitting alone, and those of workers alone."""
    submitting, working = [], []
    for count in API_PROCESSES:
        site.start_door()
        site.measure(seconds / 5, submitting=True)  # warm
        measurement = site.measure(seconds, submitting=True)
        measurement.show(f"{count} API processes, no workers")
        submitting.append(measurement)
        for workers in WORKERS:
            site.queue(WAITING)
            site.start_workers(workers)
            if count == 1:
                measurement = site.measure(seconds, submitting=False)
                measurement.show(f"no submissions, {workers} workers")
                working.append(measurement)
            site.queue(WAITING)
            site.measure(seconds, submitting=True).show(f"{count} API processes, {workers} workers")
            site.stop_workers()
    return submitting, working


def show_costs(submitting: list[Measurement], working: list[Measurement]) -> None:
    """Print and keep the CPU time of each part for a submission and for a job, as a median of the measurements."""
    show_cost("submission", [(measurement, measurement.accepted) for measurement in submitting])
    show_cost("job", [(measurement, measurement.finished) for measurement in working])


def show_cost(name: str, measurements: list[tuple[Measurement, int]]) -> None:
    cost = {}
    for part in measurements[0][0].parts:
        each = [measurement.parts[part].cpu_seconds / count for measurement, count in measurements]
        cost[part] = round(statistics.median(each), 5)
    shown = ", ".join(f"{part} {1000 * cpu:.1f} ms" for part, cpu in cost.items())
    print(f"CPU time for a {name}: {shown}")
    keep(name, cost)


def show_commits(url: str, seconds: float) -> None:
    """Print how many transactions PostgreSQL commits. Those that notify, as each ticket and event does, commit one
    after another, whatever the number of cores and connections."""
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("CREATE TABLE scratch (number int)")
    for name, statement in (
        ("commits", WRITE),
        ("commits that notify", f"{WRITE}; NOTIFY scratch"),
        ("notifications", "NOTIFY scratch"),
    ):
        alone, together = (commits(url, seconds / 4, statement, connections) for connections in (1, COMMITTING))
        print(f"{name}: {alone:.0f} a second over one connection, {together:.0f} over {COMMITTING}", flush=True)


def commits(url: str, seconds: float, statement: str, connections: int) -> float:
    """Return the number of commits in a second."""
    end = time.monotonic() + seconds
    counts: Counter[int] = Counter()

    def write(number: int) -> None:
        with psycopg.connect(url, autocommit=True) as database:
            while time.monotonic() < end:
                database.execute(statement)
                counts[number] += 1

    threads = [threading.Thread(target=write, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts.total() / seconds


def keep(name: str, value: object) -> None:
    """Keep measured times for `deadline.py`."""
    measured = json.loads(MEASURED.read_text("utf-8")) if MEASURED.exists() else {}
    MEASURED.write_text(json.dumps(measured | {name: value}) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""What many tests need: the real assignment, the real sandbox, the real command, and hand-ins made of text."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from grader.assignments import catalogue
from grader.assignments.catalogue import Assignment
from grader.cli import app, common
from grader.intake.receive import receive
from grader.model import Submission
from grader.sandbox.choose import choose
from grader.sandbox.contract import Sandbox
from grader.settings import Settings
from tests.postgres import Cluster, cluster

ROOT = Path(__file__).resolve().parents[1]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background of a shell; the commands would ignore it too
    signal.signal(signal.SIGINT, signal.default_int_handler)

hypothesis.settings.register_profile("steady", deadline=None)  # a loaded machine is no bug
hypothesis.settings.load_profile("steady")

LONGEST = (
    "journeys/test_documentation.py",
    "journeys/test_pages_in_browser.py",
    "assignments/test_write_an_assignment.py",
    "assignments/test_certified.py",
    "assignments/test_mutants.py",
    "journeys/test_pack.py",
    "journeys/test_wheels.py",
    "journeys/test_batch_killed.py",
    "journeys/test_xqueue.py",
    "journeys/test_learning_platforms.py",
    "contract/test_scores_killed.py",
    "api/test_forged_launches.py",
    "contract/test_workers.py",
    "journeys/test_same_at_every_door.py",
    "contract/test_dispatch.py",
    "journeys/test_every_assignment.py",
    "assignments/test_new.py",
    "hostile/test_hostile.py",
    "hostile/test_replies.py",
    "unit/kit/test_lines.py",
    "journeys/test_batch.py",
    "assignments/test_ps4.py",
    "contract/test_store.py",
    "journeys/test_check.py",
    "contract/test_sandboxes.py",
    "assignments/test_frozen.py",
    "journeys/test_certify_mutants.py",
    "journeys/test_hops.py",
    "journeys/test_notebook_magics.py",
    "journeys/test_watch.py",
    "journeys/test_report_in_browser.py",
    "journeys/test_lti_in_browser.py",
    "journeys/test_from_a_hub.py",
    "api/test_accessible_pages.py",
    "contract/test_doctor.py",
)

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Submit = Callable[[str], Submission]
MakeNotebook = Callable[..., bytes]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as there are cores: many tests wait, for a process to start or for a lease to run out."""
    cores = len(os.sched_getaffinity(0))
    return cores + (cores + 1) // 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first, so that no core waits for the last of them.

    A file's tests stay on one core (--dist loadfile), where they share what they have set up.
    """
    places = {ROOT / "tests" / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


def without_settings() -> dict[str, str]:
    """Return the environment of these tests without settings of the grader."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GRADER_")}


@pytest.fixture(scope="session")
def ps4() -> Assignment:
    return catalogue.load(ROOT / "reference" / "ps4")


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """Bubblewrap, and a failure where there is none: nothing is skipped."""
    chosen, _ = choose("bubblewrap", Settings().runtime)
    yield chosen
    chosen.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL server for this run (for each process of it), and a failure where none is installed."""
    with cluster() as running:
        yield running


@pytest.fixture
def postgres_url(postgres: Cluster) -> Iterator[str]:
    """An empty database of this test's own."""
    with postgres.database() as url:
        yield url


@pytest.fixture(scope="session")
def grader(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Runs the installed command as a user would, and returns what it said and its exit code."""
    home = str(tmp_path_factory.mktemp("home") / "grader")

    def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).with_name("grader")), *map(str, arguments)],
            cwd=ROOT,
            env=without_settings() | {"COLUMNS": "400", "GRADER_HOME": home} | environment,
            capture_output=True,
            text=True,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )

    return run


class Lent:
    """A sandbox that stays open when its borrower closes it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.name, self.session = sandbox.name, sandbox.session

    def close(self) -> None:
        pass


@pytest.fixture(scope="session")
def command(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Runs the command as `grader` does, but in this process and with the tests' own sandbox: a tenth of the time, for
    tests whose subject is neither the start of the process nor that of the sandbox."""
    home = str(tmp_path_factory.mktemp("home") / "grader")

    def lend(name: str, runtime: Path, *rest: Any) -> tuple[Sandbox, str]:
        usual = name in ("auto", sandbox.name) and runtime == Settings().runtime
        return (Lent(sandbox), "") if usual else choose(name, runtime, *rest)

    def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        buffers = io.BytesIO(), io.BytesIO()
        printed, told = (io.TextIOWrapper(buffer, "utf-8", write_through=True) for buffer in buffers)
        with pytest.MonkeyPatch.context() as patch, printed, told:
            for name in [name for name in os.environ if name.startswith("GRADER_")]:
                patch.delenv(name)
            for name, value in ({"COLUMNS": "400", "GRADER_HOME": home} | environment).items():
                patch.setenv(name, value)
            patch.chdir(ROOT)
            patch.setattr(sys, "argv", ["grader", *map(str, arguments)])
            patch.setattr(sys, "stdin", io.StringIO())
            patch.setattr(common, "choose", lend)
            for console in (common.out, common.err):
                patch.setattr(console, "width", int(os.environ["COLUMNS"]))
            on_sigterm = signal.getsignal(signal.SIGTERM)
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(told):
                try:
                    app.run()
                except SystemExit as ended:
                    code = ended.code
                finally:
                    signal.signal(signal.SIGTERM, on_sigterm)
            texts = [buffer.getvalue().decode() for buffer in buffers]
        return subprocess.CompletedProcess(sys.argv, int(code or 0), *texts)

    return run


@pytest.fixture
def submit() -> Submit:
    """Source text → the submission that handing in this mlp.py makes."""

    def make(source: str) -> Submission:
        return receive("mlp.py", source.encode(), "mlp.py")

    return make


@pytest.fixture(scope="session")
def make_notebook() -> MakeNotebook:
    """("code" | "markdown", source) pairs → the bytes of a notebook."""

    def make(*cells: tuple[str, str | Sequence[str]]) -> bytes:
        rows = [{"cell_type": kind, "metadata": {}, "source": source} | _code(kind) for kind, source in cells]
        return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": rows}).encode()

    return make


def _code(kind: str) -> dict[str, object]:
    return {"execution_count": None, "outputs": []} if kind == "code" else {}


@pytest.fixture(scope="session")
def perfect() -> str:
    """The source of a right solution that knows nothing of the reference."""
    return (ROOT / "submissions" / "perfect" / "mlp.py").read_text("utf-8")


# ── an assignment small enough to be read in a test ──────────────────────────────────────────────────

TOY_TOML = """\
id = "toy"
title = "Sums"
files = ["sums.py"]
class = { name = "Sums" }
points = 5.5

[limits]
load_cpu_seconds = 5
call_cpu_seconds = 1

[[part]]
id = "q1.1"
title = "Adding"
written = [{ id = "q1.1.written", title = "Why", points = 1.5 }]
[part.checks."q1.1"]
small = 1.25
large = 0.75

[[part]]
id = "q1.2"
title = "Negating"
[part.checks."q1.2"]
negative = 2
"""

TOY_CHECKS = '''\
from grader.kit import check, claim, near


def add(a, b):
    return a + b


def pairs(draw, truth):
    yield from draw.random.normal(size=(2, 2)).tolist()


@check("q1.1", each=pairs)
def small(student, pair):
    """Small numbers."""
    answer = student.new().call("add", *pair)
    yield claim("small", lambda truth: near(answer, truth.add(*pair)))


@check("q1.1")
def large(student):
    """Large numbers."""
    answer = student.new().call("add", 1e9, 1e9)
    yield claim("large", lambda truth: near(answer, truth.add(1e9, 1e9)))


@check("q1.2")
def negative(student):
    """Minus one."""
    answer = student.new().call("negative", 1.0)
    yield claim("negative", lambda truth: near(answer, -1.0))
'''

TOY_SOLUTION = """\
class Sums:
    def add(self, a, b):
        return a + b

    def negative(self, a):
        return -a
"""

MakeAssignment = Callable[..., Path]


def write_toy(root: Path, toml: str = TOY_TOML, checks: str = TOY_CHECKS, name: str = "toy") -> Path:
    """Write the toy assignment into a new folder below `root`, and return it."""
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "assignment.toml").write_text(toml, "utf-8")
    (folder / "checks.py").write_text(checks, "utf-8")
    return folder


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Assignment:
    return catalogue.load(write_toy(tmp_path_factory.mktemp("assignments")))


@pytest.fixture
def make_assignment(tmp_path: Path) -> MakeAssignment:
    """The toy's folder, with other text in its two files where given."""

    def make(toml: str = TOY_TOML, checks: str = TOY_CHECKS, name: str = "toy") -> Path:
        return write_toy(tmp_path, toml, checks, name)

    return make

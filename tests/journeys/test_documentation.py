"""The commands of README and docs/ are run as they stand."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest

from grader.cli import app
from grader.settings import Settings
from tests.conftest import ROOT, without_settings
from tests.documentation import (
    CERTIFY_DERIVATIONS,
    COMMANDS,
    DOCUMENTATION,
    DOCUMENTS,
    PACK_STUDENT,
    blocks,
    run,
)
from tests.running import WAIT_SECONDS, free_port

pytestmark = pytest.mark.long

SERVICE = blocks("bash")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A folder where what the commands write does no harm."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "submissions", folder / "submissions")
    return folder


@pytest.fixture(scope="module")
def ran(checkout):
    """Runs a command once, however many tests look at what it said."""
    return cache(lambda command: run(command, checkout))


ELSEWHERE = (PACK_STUDENT, CERTIFY_DERIVATIONS)


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in ELSEWHERE])
def test_a_documented_command_works(ran, command):
    done = ran(command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_typical_wrong_submission_fits_thirty_lines_of_a_small_terminal(ran):
    """In full, with its trainings."""
    lines = ran("grader check submissions/partly/mlp.py").stdout.splitlines()
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 80
    (first,) = (line for line in lines if line.startswith("Fix first"))
    assert "accuracy" not in first


def test_the_demo_says_what_it_does_and_shows_the_report_and_no_raw_commands():
    make = ["make", "--no-print-directory", "demo"]
    done = subprocess.run(make, cwd=ROOT, env=without_settings(), capture_output=True, text=True, timeout=300)
    assert "Grading submissions/perfect, a right solution of ps4" in done.stdout
    assert "\nps4 · A two-layer perceptron, derived and programmed\n" in done.stdout
    assert ".venv/bin" not in done.stdout


@contextmanager
def made_to_serve(port, environment, said):
    """`make serve`, which writes what it says to the file `said`. On the way out it gets the Ctrl-C of its terminal."""
    with said.open("wb") as log:
        make = ["make", "--no-print-directory", "serve", f"OPTIONS=--port {port}"]
        process = subprocess.Popen(make, cwd=ROOT, env=environment, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while "grader is at" not in said.read_text("utf-8"):
            assert process.poll() is None, said.read_text("utf-8")
            assert time.monotonic() < deadline, said.read_text("utf-8")
            time.sleep(0.1)
        yield
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(WAIT_SECONDS)


@pytest.fixture(scope="module")
def served(checkout, tmp_path_factory):
    """What the documented commands have got from the documented service: real MNIST, 50,000 images, 20 epochs, both
    activations."""
    folder = tmp_path_factory.mktemp("served")
    port, home = free_port(), folder / "home"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = without_settings() | {"GRADER_HOME": str(home), "PATH": path}
    (lines,) = SERVICE
    lines = lines.replace("127.0.0.1:8000", f"127.0.0.1:{port}")  # somebody else may have that port
    with made_to_serve(port, environment, folder / "said"):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", lines],
            cwd=checkout,
            env=environment | {"GRADER_ASSIGNMENTS": str(ROOT / "reference")},
            capture_output=True,
            text=True,
            timeout=600,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return SimpleNamespace(
        port=port,
        home=home,
        answered=done.stdout,
        said=(folder / "said").read_text("utf-8"),
        report=json.loads((checkout / "report.json").read_text("utf-8")),
        page=(checkout / "report.html").read_text("utf-8"),
    )


def test_the_documented_service_takes_a_submission_and_gives_it_40_of_40(served):
    assert "40 of 80 points" in served.answered
    assert '"state":"graded"' in served.answered.replace(" ", "")
    assert served.report["points"] == {"earned": 40, "decided": 40, "waiting": 40, "possible": 80}
    assert served.report["scope"]["label"] == "full"


def test_both_nets_learn_and_their_plots_are_in_the_page(served):
    accuracies = {e["name"]: e["accuracy"] for e in served.report["evidence"]}
    assert accuracies["sigmoid"] > 0.85
    assert accuracies["relu"] > 0.95
    assert served.page.count("<svg") >= 5


def test_the_documented_service_says_how_to_log_in(served):
    assert "running the sandbox self-test …" in served.said
    (first, *_) = (line for line in served.said.splitlines() if "grader is at" in line)
    assert str(served.home / "first-login") in first
    assert f"http://127.0.0.1:{served.port}/login?next=%2Fsettings#token=" in (served.home / "first-login").read_text(
        "utf-8"
    )


def test_every_setting_is_documented():
    missing = [name for name in Settings.model_fields if f"`GRADER_{name.upper()}`" not in DOCUMENTS["operator.md"]]
    assert not missing


def test_every_command_is_documented():
    documented = {name for name in app.COMMANDS if re.search(rf"`{name}\b|grader {name}\b", DOCUMENTATION)}
    assert set(app.COMMANDS) - documented == set()


def test_the_readme_is_short():
    assert len(DOCUMENTS["README.md"].splitlines()) <= 150


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8").partition("nav:\n")[2]
    assert set(re.findall(r"[\w-]+\.md", navigation)) == {file.name for file in (ROOT / "docs").glob("*.md")}

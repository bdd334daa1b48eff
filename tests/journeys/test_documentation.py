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
from pathlib import Path

import pytest

from grader.cli import app
from grader.settings import Settings
from tests.conftest import ROOT
from tests.documentation import COMMANDS, DOCUMENTATION, DOCUMENTS, PACK_STUDENT, blocks, run
from tests.running import WAIT_SECONDS, free_port

pytestmark = pytest.mark.long

SERVICE = blocks("bash")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A folder where what the commands write does no harm."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "submissions", folder / "submissions")
    return folder


@pytest.mark.parametrize("command", [command for command in COMMANDS if command != PACK_STUDENT])
def test_a_documented_command_works(checkout, command):
    done = run(command, checkout)
    assert done.returncode == 0, done.stdout + done.stderr


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


def test_the_documented_service_takes_a_submission_and_gives_it_40_of_40(checkout, tmp_path):
    port, home = free_port(), tmp_path / "home"
    ours = {name: value for name, value in os.environ.items() if not name.startswith("GRADER_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = ours | {"GRADER_HOME": str(home), "PATH": path}
    (lines,) = SERVICE
    lines = lines.replace("127.0.0.1:8000", f"127.0.0.1:{port}")  # somebody else may have that port
    with made_to_serve(port, environment, tmp_path / "said"):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", lines],
            cwd=checkout,
            env=environment | {"GRADER_ASSIGNMENTS": str(ROOT / "reference")},
            capture_output=True,
            text=True,
            timeout=600,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "40 of 40 points" in done.stdout
    assert '"state":"graded"' in done.stdout.replace(" ", "")
    assert json.loads((checkout / "report.json").read_text("utf-8"))["points"]["earned"] == 40
    assert "running the sandbox self-test …" in (tmp_path / "said").read_text("utf-8")
    (first, *_) = (line for line in (tmp_path / "said").read_text("utf-8").splitlines() if "grader is at" in line)
    assert str(home / "first-login") in first
    assert f"http://127.0.0.1:{port}/login#token=" in (home / "first-login").read_text("utf-8")


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

"""CONTRIBUTING's new assignment, followed to the letter in a folder of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
FILES = re.findall(r"^```\w+ file=(\S+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
COMMANDS = re.search(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def followed(tmp_path):
    for name, content in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    return tmp_path


def run(folder, *arguments):
    environment = os.environ | {"GRADER_ASSIGNMENTS": str(folder / "reference")}
    grader = Path(sys.executable).with_name("grader")
    return subprocess.run(
        [grader, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("command", COMMANDS[1].split("\n")[:-1])
def test_the_commands_of_the_new_assignment_work(followed, command):
    done = run(followed, *command.split()[1:])
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_new_assignment_gives_its_reference_all_machine_points(followed):
    done = run(followed, "check", "reference/line/line.py", "-a", "line")
    assert "9.5/9.5" in done.stdout


def test_the_new_assignment_takes_points_from_a_wrong_file(followed):
    done = run(followed, "check", "reference/line/faults/no_intercept.py", "-a", "line")
    assert "Autograded 4/9.5" in done.stdout
    assert "intercept" in done.stdout


def test_a_claim_without_points_is_the_authors_fault_and_not_a_zero(followed):
    toml = followed / "reference/line/assignment.toml"
    toml.write_text(toml.read_text().replace("intercept = 3\n", "").replace("points = 10", "points = 7"))
    done = run(followed, "check", "reference/line/line.py", "-a", "line")
    assert done.returncode == 3
    assert "intercept" in done.stderr

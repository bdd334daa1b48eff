"""The README's commands are run as they stand."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grader.cli import app
from grader.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A folder where what the commands write does no harm."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "submissions", folder / "submissions")
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readmes_command_works(checkout, command):
    program, *arguments = shlex.split(command)
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=checkout,
        env=os.environ | {"GRADER_ASSIGNMENTS": str(ROOT / "reference"), "GRADER_HOME": str(checkout / "home")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_setting_is_documented():
    missing = [name for name in Settings.model_fields if f"`GRADER_{name.upper()}`" not in README]
    assert not missing


def test_every_command_is_documented():
    names = {(c.name or c.callback.__name__) for c in app.registered_commands} - {"version"}
    missing = [
        name for name in names if not re.search(rf"`(grader )?{name}\b", README) and f"grader {name}" not in README
    ]
    assert not missing

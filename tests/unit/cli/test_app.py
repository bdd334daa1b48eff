"""Commands are imported when they are called; the list of them is kept beside them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from grader import __version__
from grader.cli import app
from tests.conftest import ROOT, Command


@pytest.mark.parametrize("name", app.COMMANDS)
def test_the_listed_sentence_is_that_of_the_command(name: str) -> None:
    text = " ".join((app.load(name).help or "").split())
    assert text.startswith(app.COMMANDS[name][1])


def test_help_and_completion_import_no_command() -> None:
    heavy = ("numpy", "nbformat", "grader.settings", "grader.assignments", "grader.kit", "sqlalchemy")
    code = f"""
import sys
from typer.testing import CliRunner
from grader.cli.app import app
assert CliRunner().invoke(app, ["--help"]).exit_code == 0
complete = {{"_GRADER_COMPLETE": "complete_bash", "COMP_WORDS": "grader ch", "COMP_CWORD": "1"}}
print(CliRunner().invoke(app, [], prog_name="grader", env=complete).output.split())
print([m for m in {heavy} if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout == "['check']\n[]\n", done.stderr


def test_version_and_short_help(grader: Command) -> None:
    assert grader("--version").stdout == grader("version").stdout == f"{__version__}\n"
    for call in (["-h"], ["check", "-h"], ["admin", "link", "-h"]):
        done = grader(*call)
        assert (done.returncode, done.stderr) == (0, "")
        assert "Usage: " in done.stdout

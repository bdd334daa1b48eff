"""Commands are imported when they are called; the list of them is kept beside them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from grader import __version__
from grader.cli import app
from tests.conftest import ROOT, Command


@pytest.mark.parametrize("name", app.COMMANDS)
def test_the_listed_sentence_is_that_of_the_command(name: str) -> None:
    text = " ".join((app.load(name).help or "").split())
    assert text.startswith(app.COMMANDS[name][1])


def test_commands_are_listed_by_role(command: Command) -> None:
    text = command("--help").stdout
    headings = re.findall(r"─ (For .+?|Commands) ─", text)
    assert headings == ["For students", "For teachers", "For authors of assignments", "For operators"]
    of_students = text[text.index("For students") : text.index("For teachers")]
    assert re.findall(r"│ (\w+) ", of_students) == [
        "check", "watch", "replay", "login", "logout", "submit", "status",
    ]  # fmt: skip


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
    assert grader("--version").stdout == f"{__version__}\n"
    for call in (["-h"], ["check", "-h"], ["admin", "link", "-h"]):
        done = grader(*call)
        assert (done.returncode, done.stderr) == (0, "")
        assert "Usage: " in done.stdout


WORDS = {
    "grader wat": ["watch"],
    "grader check --qu": ["--quick"],
    "grader check --sandbox land": ["landlock"],
    "grader check -a two": ["two_layer_net"],
    "grader check --only q2.2": ["q2.2", "q2.2.W1", "q2.2.b1", "q2.2.W2", "q2.2.b2"],
    "grader check mlp.py -a softmax --only ha": ["handout"],
    "grader check -a nothing --only q2": [],
    "grader admin tok": ["token", "tokens"],
    "grader check tests/unit/cli/test_a": [],  # bash itself completes files
}


@pytest.mark.parametrize("line", WORDS)
def test_bash_completes_commands_and_their_options(line: str) -> None:
    program = Path(sys.executable).with_name("grader")
    script = """
source <(_GRADER_COMPLETE=source_bash "$0")
COMP_WORDS=($1) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_grader_completion "$0"
printf '%s\n' "${COMPREPLY[@]}"
"""
    done = subprocess.run(["bash", "-c", script, program, line], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.stdout.split(), done.stderr) == (WORDS[line], "")

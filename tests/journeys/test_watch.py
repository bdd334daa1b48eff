"""`grader watch` on a real terminal: a save is graded, and what it changed is said."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import TOY_SOLUTION

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]


class Watched:
    def __init__(self, file, *options):
        self.file = file
        self.screen, inside = pty.openpty()
        program = Path(sys.executable).with_name("grader")
        environment = os.environ | {"TERM": "xterm", "COLUMNS": "120", "LINES": "60"}
        self.process = subprocess.Popen(
            [program, "watch", file, *options], stdin=inside, stdout=inside, stderr=inside, cwd=ROOT, env=environment
        )
        os.close(inside)

    def until(self, words, seconds=60.0):
        """Everything shown until the words appear."""
        shown, deadline = "", time.monotonic() + seconds
        while words not in shown:
            assert time.monotonic() < deadline, f"{words!r} never came: {shown}"
            if select.select([self.screen], [], [], 0.2)[0]:
                shown += os.read(self.screen, 65536).decode("utf-8", "replace")
                shown = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", shown)  # colors
        return shown

    def press(self, key):
        os.write(self.screen, key.encode())

    def end(self):
        self.process.kill()
        self.process.wait()
        os.close(self.screen)


@pytest.fixture
def watched(tmp_path):
    file = tmp_path / "mlp.py"
    shutil.copy(ROOT / "submissions" / "partly" / "mlp.py", file)
    watched = Watched(file)
    yield watched
    watched.end()


def test_a_save_is_graded_and_its_gain_is_shown(watched):
    watched.until("q quits")
    text = watched.file.read_text("utf-8")
    watched.file.write_text(text.replace("X.T.dot(dz1) + reg", "X.T.dot(dz1) / X.shape[0] + reg"), "utf-8")
    shown = watched.until("q quits")
    assert shown.index("28 → 31: +3 q2.2.W1") < shown.index("A two-layer perceptron")
    watched.file.write_bytes(b"")  # as in the middle of a save that takes long
    time.sleep(1)
    shutil.copy(ROOT / "submissions" / "perfect" / "mlp.py", watched.file)
    shown = watched.until("q quits")
    assert shown.index("31 → 34, all passed") < shown.index("A two-layer perceptron")


def test_a_save_during_a_training_is_graded_and_nothing_is_lost_that_was_not_run(watched):
    assert "grading mlp.py" in watched.until("q quits")
    watched.press("m")
    watched.until("usually")
    text = watched.file.read_text("utf-8")
    watched.file.write_text(text.replace("X.T.dot(dz1) + reg", "X.T.dot(dz1) / X.shape[0] + reg"), "utf-8")
    shown = watched.until("the save ended the long run")
    assert "28 → 31: +3 q2.2.W1" in shown
    assert "-3" not in shown


def test_a_save_of_a_module_that_the_notebook_imports_is_graded(make_assignment, make_notebook, tmp_path):
    notebook, module = tmp_path / "answers.ipynb", tmp_path / "sums.py"
    notebook.write_bytes(make_notebook(("code", "from sums import Sums")))
    module.write_text(TOY_SOLUTION.replace("return -a", "return a"))
    watched = Watched(notebook, "-a", make_assignment())
    try:
        watched.until("q quits")
        module.write_text(TOY_SOLUTION)
        assert "2 → 4, all passed" in watched.until("q quits")
    finally:
        watched.end()

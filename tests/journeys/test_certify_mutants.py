"""grader certify --mutate, by the command, of a small assignment, which has few mutants to compare."""

import json
import os
import pty
import re
import sys
from contextlib import suppress
from pathlib import Path

import pytest

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def folder(grader, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("reference"))
    assert grader("new", "line", "--class", "Line", GRADER_ASSIGNMENTS=folder).returncode == 0
    return folder


@pytest.fixture(scope="module")
def mutated(grader, folder):
    """Runs the command on three mutants."""
    drawn = ("certify", "line", "--mutate", "--mutants", "3", "--seed", "3")
    return lambda *options: grader(*drawn, *options, GRADER_ASSIGNMENTS=folder)


def test_every_mutant_has_a_row_that_a_program_can_read(mutated):
    done = mutated("--json", "--least", "0")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["figures"]["distinct_mutants"] > 50
    assert len(found["mutants"]) == 3
    assert {row["class"] for row in found["mutants"]} >= {"wrong"}
    for row in found["mutants"]:
        assert row["why"]
        assert row["diff"].count("\n@@") == 1
        assert (row["class"] == "wrong") == bool(row["wrong_parts"])
        checks = [check for part in row["report"]["parts"] for check in part["checks"]]
        assert all(check["reason"] for check in checks if check["points"] < check["possible"])


def test_a_score_under_the_least_one_ends_with_3(mutated):
    done = mutated("--least", "1.5")
    assert done.returncode == 3, done.stderr
    assert "score: " in done.stdout
    assert "false charges: " in done.stdout


def test_ctrl_c_shows_what_was_graded(folder):
    program = str(Path(sys.executable).with_name("grader"))
    process, terminal = pty.fork()
    if process == 0:
        os.execve(program, [program, "certify", "line", "--mutate"], os.environ | {"GRADER_ASSIGNMENTS": folder})
    shown = ""
    with suppress(OSError):  # so a terminal says that nobody writes to it any more
        while more := os.read(terminal, 65536):
            before, shown = shown, shown + more.decode("utf-8", "replace")
            if re.search(r"\b[1-9]\d?/100", shown) and not re.search(r"\b[1-9]\d?/100", before):
                os.write(terminal, b"\x03")
    assert re.search(r"\b[1-9]\d? of \d+ distinct mutants graded, then stopped", shown), shown
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 130

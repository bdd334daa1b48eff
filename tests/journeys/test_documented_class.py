"""The documented way from a Canvas download to a Canvas upload, run as it stands."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import classes
from tests.conftest import TOY_CHECKS, TOY_TOML
from tests.documentation import blocks

pytestmark = pytest.mark.long

(COMMANDS,) = blocks("shell")


def test_the_documented_commands_lead_from_a_canvas_zip_to_a_gradebook_that_comes_in_again(tmp_path: Path) -> None:
    """Under the name of ps4 lies an assignment that is graded in no time."""
    pupils = [p for p in classes.fifty() if p.number in (0, 3, 16, 20, 27, 35, 43, 45)]
    classes.canvas(pupils, tmp_path / "submissions.zip")
    classes.canvas_gradebook(pupils, tmp_path / "gradebook.csv")
    classes.laid_out(
        tmp_path / "assignments" / "ps4",
        {"assignment.toml": TOY_TOML.replace('"toy"', '"ps4"').encode(), "checks.py": TOY_CHECKS.encode()},
    )
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    folders = {"GRADER_ASSIGNMENTS": str(tmp_path / "assignments"), "GRADER_HOME": str(tmp_path / "home")}
    environment = os.environ | folders | {"PATH": programs}
    done = subprocess.run(
        ["bash", "-euc", COMMANDS], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    scores = {row["ID"]: row["Problem Set 4 (1234)"] for row in rows(tmp_path / "out" / "canvas.csv")}
    assert [scores[p.id] for p in pupils] == ["" if p.points is None else f"{float(p.points):g}" for p in pupils]
    compared = rows(tmp_path / "out" / "compare.csv")
    assert [row["other_score"] for row in compared] == [row["score"] for row in compared]
    assert not [row["reason"] for row in compared if row["reason"]]
    assert (tmp_path / "out" / "feedback.zip").is_file()


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))

"""`grader mark`: answers of a batch's folder go out as a CSV, and points come back."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.assignments import catalogue
from grader.batch.outcome import Result, Standing, for_students
from grader.batch.outputs import opinions_of
from grader.batch.people import ClassStudent
from grader.cli import mark
from grader.errors import BadCall
from grader.model import Report
from grader.render import as_json
from tests.conftest import ROOT, Command
from tests.documentation import DOCUMENTS, blocks

Read = Callable[..., int]


@pytest.fixture(scope="module")
def report(command: Command) -> Report:
    """Of the notebook in submissions/, which answers every question; without the trainings."""
    done = command("check", "submissions/notebook", "--code", "--json")
    assert done.returncode == 0, done.stderr
    return as_json.loads(done.stdout)


@pytest.fixture
def out(tmp_path: Path, report: Report) -> Path:
    """As a batch leaves it: lovelace and bob have handed in the same, and what students see has no suggestions."""
    for student in ("lovelace", "bob"):
        folder = tmp_path / "out" / "students" / student
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(
            as_json.dumps(for_students(report, Result(ClassStudent(), Standing.GRADED))), "utf-8"
        )
    opinions = tmp_path / "out" / "graded" / "opinions.json"
    opinions.parent.mkdir()
    opinions.write_text(json.dumps({report.submission.digest: opinions_of(report)}), "utf-8")
    return tmp_path / "out"


def read(*arguments: object) -> int:
    return mark.app([str(a) for a in arguments], standalone_mode=False) or 0


def rows_of(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(file.read_text("utf-8-sig").splitlines(keepends=True)))


def fill_in(file: Path) -> None:
    """As a marker who finds all of it right would."""
    ps4 = catalogue.load(ROOT / "reference" / "ps4")
    worth = {id: question.points for id, question in ps4.questions.items()}
    rows = rows_of(file)
    with file.open("w", encoding="utf-8", newline="") as sheet:
        writer = csv.DictWriter(sheet, rows[0])
        writer.writeheader()
        writer.writerows(row | {"points": str(worth[row["question"]]), "comment": "Good."} for row in rows)


def totals(out: Path) -> dict[str, str]:
    return {row["student"]: row["points"] for row in rows_of(out / "written.csv") if row["question"] == "total"}


def test_points_come_back_into_a_folder_of_reports_for_everybody_who_wrote_the_same(out: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "answers.csv"
    read("export-reports", out, "--to", sheet)
    rows = rows_of(sheet)
    assert (len(rows), {row["students"] for row in rows}) == (10, {"2"})
    suggested = next(row for row in rows if row["question"] == "q1.2")
    assert (suggested["suggested"], suggested["by machine"][-11:]) == ("5", "Suggests 5.")
    assert "lovelace" not in sheet.read_text("utf-8-sig")
    read("import-reports", out, sheet)
    before = totals(out)
    fill_in(sheet)
    read("import-reports", out, sheet)
    assert {student: float(points) - float(before[student]) for student, points in totals(out).items()} == {
        "lovelace": 40,
        "bob": 40,
    }


def test_the_same_words_of_which_the_machine_thinks_differently_have_no_suggestion(
    out: Path, tmp_path: Path, report: Report
) -> None:
    sheet, file = tmp_path / "answers.csv", out / "students" / "bob" / "report.json"
    other = json.loads(as_json.dumps(report))
    (written,) = (w for part in other["parts"] for w in part["written"] if w["id"] == "q1.2")
    written["opinion"][0]["words"] = "It means something else here."
    file.write_text(json.dumps(other), "utf-8")
    read("export-reports", out, "q1.2", "--to", sheet)
    assert [(row["students"], row["suggested"], row["by machine"]) for row in rows_of(sheet)] == [("2", "", "")]


def test_importing_again_changes_nothing(out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "answers.csv"
    read("export-reports", out, "q1.6", "--to", sheet)
    fill_in(sheet)
    said = []
    for _ in range(2):
        capsys.readouterr()
        read("import-reports", out, sheet)
        said.append(capsys.readouterr().out.splitlines()[0])
    assert said == ["1 marks, 1 of them new or changed", "1 marks, 0 of them new or changed"]
    read("export-reports", out, "q1.6", "--to", sheet)
    assert [(row["points"], row["comment"]) for row in rows_of(sheet)] == [("5", "Good.")]


def test_a_wrong_line_keeps_nothing(out: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "answers.csv"
    read("export-reports", out, "--to", sheet)
    fill_in(sheet)
    sheet.write_text(sheet.read_text("utf-8").replace("5,Good.", "6,Good.", 1), "utf-8")
    with pytest.raises(BadCall, match="worth 5 points, less than 6"):
        read("import-reports", out, sheet)
    assert not (out / "marks.json").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("export-reports", "submissions", "q9", "--to", "a.csv"), "no written question 'q9'"),
        (("export-reports", "reference", "--to", "a.csv"), "no reports"),
        (("export-reports", "reference", "--to", "answers.doc"), "does not end with .csv"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: tuple[str, ...], says: str) -> None:
    with pytest.raises(Exception, match=re.escape(says)):
        read(*arguments)


# ── the documentation ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.proof
def test_the_documented_notebook_goes_in_and_80_points_come_out(tmp_path: Path) -> None:
    (block,) = blocks("console", DOCUMENTS["marker.md"])
    shutil.copytree(ROOT / "submissions", tmp_path / "submissions")
    environment = os.environ | {"GRADER_ASSIGNMENTS": str(ROOT / "reference")}
    for command in re.findall(r"^\$ grader (.*)$", block, re.MULTILINE):
        if command.startswith("mark import-reports"):
            fill_in(tmp_path / "answers.csv")
        program = str(Path(sys.executable).with_name("grader"))
        subprocess.run([program, *shlex.split(command)], cwd=tmp_path, env=environment, check=True, timeout=1_500)
    assert totals(tmp_path / "out") == {"notebook": "80"}

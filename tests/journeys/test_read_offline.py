"""`grader read`: answers go out as a CSV or a page, and points come back, from a batch's folder and a database."""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from grader import catalogue
from grader.errors import BadCall
from grader.model import Report
from grader.read import door
from grader.render import as_json
from grader.store import gradings, offerings, people, submissions
from grader.store.database import Store
from grader.store.records import Course, Kind, Offering, Priority, Role
from grader.store.submissions import NewSubmission
from tests.conftest import ROOT, Command
from tests.journeys.test_report_in_browser import CHROMIUM, FLAGS

README = (ROOT / "README.md").read_text("utf-8")
Read = Callable[..., int]


@pytest.fixture(scope="module")
def report(grader: Command) -> Report:
    """Of the notebook in submissions/, which answers every question; without the trainings."""
    done = grader("check", "submissions/notebook", "--code", "--json")
    assert done.returncode == 0, done.stderr
    return as_json.loads(done.stdout)


@pytest.fixture
def out(tmp_path: Path, report: Report) -> Path:
    """As a batch leaves it: lovelace and bob have handed in the same."""
    for student in ("lovelace", "bob"):
        folder = tmp_path / "out" / "students" / student
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(as_json.dumps(report), "utf-8")
    return tmp_path / "out"


def read(*arguments: object) -> int:
    return door.app([str(a) for a in arguments], standalone_mode=False) or 0


def rows_of(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(file.read_text("utf-8-sig").splitlines(keepends=True)))


def fill_in(file: Path) -> None:
    """As a reader who finds all of it right would."""
    ps4 = catalogue.load(ROOT / "reference" / "ps4")
    worth = {question: points for part in ps4.parts for question, points in part.written.items()}
    rows = rows_of(file)
    with file.open("w", encoding="utf-8", newline="") as sheet:
        writer = csv.DictWriter(sheet, rows[0])
        writer.writeheader()
        writer.writerows(row | {"points": str(worth[row["question"]]), "comment": "Good."} for row in rows)


def totals(out: Path) -> dict[str, str]:
    return {row["student"]: row["points"] for row in rows_of(out / "written.csv") if row["question"] == "total"}


def test_points_come_back_into_a_folder_of_reports_for_everybody_who_wrote_the_same(out: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "answers.csv"
    read("export", "--from", out, "--to", sheet)
    rows = rows_of(sheet)
    assert (len(rows), {row["students"] for row in rows}) == (10, {"2"})
    assert next(row for row in rows if row["question"] == "q1.1")["suggested"] == "5"
    assert "lovelace" not in sheet.read_text("utf-8-sig")
    read("import", sheet, "--into", out)
    before = totals(out)
    fill_in(sheet)
    read("import", sheet, "--into", out)
    assert {student: float(points) - float(before[student]) for student, points in totals(out).items()} == {
        "lovelace": 40,
        "bob": 40,
    }


def test_importing_again_changes_nothing(out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "answers.csv"
    read("export", "q1.6", "--from", out, "--to", sheet)
    fill_in(sheet)
    said = []
    for _ in range(2):
        capsys.readouterr()
        read("import", sheet, "--into", out)
        said.append(capsys.readouterr().out.splitlines()[0])
    assert said == ["1 readings, 1 of them new or changed", "1 readings, 0 of them new or changed"]
    read("export", "q1.6", "--from", out, "--to", sheet)
    assert [(row["points"], row["comment"]) for row in rows_of(sheet)] == [("5", "Good.")]


def test_a_wrong_line_keeps_nothing(out: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "answers.csv"
    read("export", "--from", out, "--to", sheet)
    fill_in(sheet)
    sheet.write_text(sheet.read_text("utf-8").replace("5,Good.", "6,Good.", 1), "utf-8")
    with pytest.raises(BadCall, match="worth 5 points; 6 are more"):
        read("import", sheet, "--into", out)
    assert not (out / "readings.json").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("export", "q9", "--from", "."), "no written question 'q9'"),
        (("export",), "say where the answers are"),
        (("export", "--course", "ml"), "--reader is missing"),
        (("export", "--from", "reference"), "no reports"),
        (("export", "--from", ".", "--to", "answers.doc"), "neither .csv nor .html"),
        (("import", "none.csv", "--from", "x"), "No such option"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: tuple[str, ...], says: str) -> None:
    with pytest.raises(Exception, match=re.escape(says)):
        read(*arguments)


# ── the page that works offline ──────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(offline=True)
        yield context.new_page()
        browser.close()


def test_the_page_is_filled_in_without_a_network_and_what_it_saves_is_imported(
    out: Path, tmp_path: Path, page: Page
) -> None:
    form, saved = tmp_path / "answers.html", tmp_path / "saved.csv"
    read("export", "q1.1", "q1.6", "--from", out, "--to", form)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(form.as_uri())
    assert page.locator("math").count() > 0
    page.get_by_role("button", name="Agree").first.click()
    page.locator("article").nth(1).locator(".points").fill("3.5")
    page.locator("article").nth(1).locator("textarea").fill('=1+1 "quoted",\nnot only exponentially')
    assert page.locator("#count").inner_text() == "2 of 2 read"
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the file").click()
    download.value.save_as(saved)
    read("import", saved, "--into", out)
    kept = {row["question"]: row for row in rows_of(out / "written.csv") if row["student"] == "lovelace"}
    assert (kept["q1.1"]["points"], kept["q1.6"]["points"]) == ("5", "3.5")
    assert kept["q1.6"]["comment"] == '\'=1+1 "quoted",\nnot only exponentially'
    assert (download.value.suggested_filename, complaints) == ("answers.csv", [])


def test_what_a_student_wrote_does_nothing_on_the_page(out: Path, tmp_path: Path, page: Page, report: Report) -> None:
    hostile = as_json.dumps(report).replace(
        "ReLU. With", "</div><script>document.title=1</script><img src=x onerror=y>"
    )
    (out / "students" / "bob" / "report.json").write_text(hostile, "utf-8")
    form = tmp_path / "answers.html"
    read("export", "q2.5.written", "--from", out, "--to", form)
    page.goto(form.as_uri())
    assert page.locator("article").count() == 2
    assert page.locator("article img").count() == 0
    assert page.title() != "1"


# ── the service's database ───────────────────────────────────────────────────────────────────────────


@pytest.fixture
def home(tmp_path: Path, report: Report, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course in which ann's notebook is graded; grace is its staff."""
    monkeypatch.setenv("GRADER_HOME", str(tmp_path))
    store = Store(f"sqlite:///{tmp_path}/grader.db")
    store.migrate()
    with store.write() as tx:
        people.add_course(tx, Course("ml", "Machine learning"))
        offerings.put_offering(tx, Offering("ml", "ps4"))
        ann, grace = (people.put_person(tx, login, login.title()) for login in ("ann", "grace"))
        people.put_member(tx, "ml", ann.id, Role.STUDENT)
        people.put_member(tx, "ml", grace.id, Role.STAFF)
        new = NewSubmission("ml", "ps4", Kind.SUBMISSION, "api", "0" * 64, ann.id, (ann.id,), (("a.ipynb", b"{}"),))
        gradings.enqueue(tx, submissions.add(tx, new), ann.id, Priority.INTERACTIVE, "lane")
        leased = gradings.claim(tx, "worker")
        assert leased is not None
        gradings.finish(tx, leased, report, "lane")
    store.close()
    return tmp_path


def test_points_come_back_into_the_service(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet, of = home / "answers.csv", ("--course", "ml", "--reader", "grace")
    read("export", *of, "--to", sheet)
    fill_in(sheet)
    for changed in (10, 0):
        capsys.readouterr()
        read("import", sheet, *of)
        assert capsys.readouterr().out.strip() == f"10 readings, {changed} of them new or changed"
    with pytest.raises(BadCall, match="not staff of ml"):
        read("import", sheet, "--course", "ml", "--reader", "ann")


# ── the README ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.proof
def test_the_readmes_notebook_goes_in_and_80_points_come_out(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```console\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    shutil.copytree(ROOT / "submissions", tmp_path / "submissions")
    environment = os.environ | {"GRADER_ASSIGNMENTS": str(ROOT / "reference")}
    for command in re.findall(r"^\$ grader (.*)$", block, re.MULTILINE):
        if command.startswith("read import"):
            fill_in(tmp_path / "answers.csv")
        program = str(Path(sys.executable).with_name("grader"))
        subprocess.run([program, *shlex.split(command)], cwd=tmp_path, env=environment, check=True, timeout=1_500)
    assert totals(tmp_path / "out") == {"notebook": "80"}

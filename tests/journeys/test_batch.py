"""`grader batch`: whatever a platform exports, the same class comes to the same gradebook."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.authoring.certify import specimens
from grader.batch import formats
from grader.batch.feedback import pack
from grader.batch.file_tree import tree_of_zip
from grader.batch.scores import read_scores
from grader.cli import mark as offline
from grader.cli.batch import app
from grader.errors import BadCall
from grader.model import show_points
from grader.render import as_json
from grader.render.gradescope import gradescope
from grader.render.terminal import Terminal
from tests import classes
from tests.classes import Pupil
from tests.conftest import ROOT, TOY_SOLUTION, MakeNotebook, write_toy

LATE = ("--due", classes.DUE.isoformat(), "--late", '{"per_day": "10%"}')
TENTH = Fraction(1, 10)
Batch = Callable[..., int]


@pytest.fixture(scope="module")
def pupils() -> list[Pupil]:
    return classes.fifty()


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy(tmp_path_factory.mktemp("assignments"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """This machine's state folder."""
    folder = tmp_path_factory.mktemp("home") / "grader"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADER_HOME", str(folder))
        patch.delenv("GRADER_SECRET", raising=False)
        yield folder


@pytest.fixture(scope="module")
def batch(toy: Path, home: Path) -> Batch:
    """Runs the command here, and returns its exit code."""

    def run(path: Path, to: Path, *arguments: str | Path) -> int:
        told = [str(path), "-o", str(to), "-a", str(toy), *map(str, arguments)]
        return app(told, standalone_mode=False) or 0

    return run


@pytest.fixture(scope="module")
def graded(batch: Batch, pupils: list[Pupil], tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The class as Canvas exports it, graded once for all these tests."""
    folder = tmp_path_factory.mktemp("class")
    made = SimpleNamespace(
        export=classes.canvas(pupils, folder / "submissions.zip"),
        roster=classes.roster(pupils, folder / "roster.csv"),
        out=folder / "out",
    )
    assert batch(made.export, made.out, "--roster", made.roster, *LATE) == 0
    return made


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def canvas_cells(out: Path) -> dict[str, str]:
    """The scores in the gradebook for Canvas by student."""
    return {row["Student"]: row["Sums"] for row in rows(out / "canvas.csv")}


def expected(pupil: Pupil) -> tuple[str, str]:
    """(what the gradebook says of them, their final points)"""
    if not pupil.files:
        return "missing", ""
    if pupil.points is None:
        return "unreadable", ""
    return "graded", f"{float(classes.after(pupil.points, pupil, TENTH)):g}"


def said(out: Path) -> list[tuple[str, str]]:
    return [(row["status"].partition(":")[0], row["final"]) for row in rows(out / "gradebook.csv")]


def test_a_class_of_fifty_comes_to_the_right_gradebook(graded: SimpleNamespace, pupils: list[Pupil]) -> None:
    assert said(graded.out) == [expected(p) for p in pupils]
    by_login = {row["login"]: row for row in rows(graded.out / "gradebook.csv")}
    assert by_login["s37"]["status"].endswith("the same files as Student38 Family38, Student39 Family39")
    assert "no answers found to questions worth 1.5 points" in by_login["s16"]["status"]
    assert by_login["s16"]["waiting"] == "0"
    assert "Late by 2 days 2 hours (day 3 after" in by_login["s46"]["status"]


@pytest.mark.parametrize("name", ["moodle", "gradescope", "nbgrader", "folders", "loose"])
def test_every_export_comes_to_the_same_gradebook(
    batch: Batch, graded: SimpleNamespace, pupils: list[Pupil], tmp_path: Path, name: str
) -> None:
    """What was graded stays so whatever it comes in, so this costs no grading but where files differ."""
    out = tmp_path / "out"
    shutil.copytree(graded.out / "graded", out / "graded")
    export = classes.EXPORTS[name](pupils, tmp_path / "export")
    before = set(classes.graded_in(out))
    assert batch(export, out, "--roster", graded.roster, *LATE) == 0
    alone = name == "loose"  # which has no place for a second file, and takes no essay for a hand-in
    assert set(classes.graded_in(out)) == before or alone
    want = [expected(p) if not (alone and "essay.pdf" in p.files) else ("missing", "") for p in pupils]
    assert said(out) == want


def test_the_dry_run_says_what_then_happens(
    batch: Batch, graded: SimpleNamespace, pupils: list[Pupil], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert batch(graded.export, tmp_path, "--roster", graded.roster, *LATE, "--dry-run", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["format"] == "Canvas download"
    assert not classes.graded_in(tmp_path)
    assert not (tmp_path / "gradebook.csv").exists()
    becomes = {"to grade": "graded"}
    states = [becomes.get(line["state"], line["state"]) for line in plan["lines"]]
    assert states == [state for state, _ in said(graded.out)]
    places = [row["submission"] for row in rows(graded.out / "gradebook.csv")]
    assert [line["submission"] for line in plan["lines"]] == places
    notes = {line["student"]: line["notes"] for line in plan["lines"]}
    assert "the same files as" in notes["Student38 Family38"]
    assert "Late by 2 hours" in notes["Student45 Family45"]


@pytest.mark.long
def test_code_that_was_not_submitted_is_flagged_everywhere_and_is_no_zero(
    batch: Batch, toy: Path, make_notebook: MakeNotebook, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export, out = tmp_path / "export", tmp_path / "out"
    files = {
        "ada/sums.ipynb": make_notebook(("markdown", "Q1.1 solution\nbecause"), ("code", "from sums import Sums")),
        "bob/solution.py": TOY_SOLUTION.encode(),
        "cyd/solution.py": TOY_SOLUTION.encode(),
        "cyd/answers.ipynb": make_notebook(("markdown", "Q1.1 solution\nbecause")),
    }
    for name, content in files.items():
        (export / name).parent.mkdir(parents=True, exist_ok=True)
        (export / name).write_bytes(content)
    why = "sums.py was not submitted, and no notebook defines a class Sums: submit the file with your code too."
    assert batch(export, out, "--dry-run", "--json") == 0
    plan = {line["student"]: line for line in json.loads(capsys.readouterr().out)["lines"]}
    assert (plan["ada"]["state"], plan["ada"]["notes"]) == ("code not submitted", why)
    assert plan["bob"]["state"] == "to grade"
    assert batch(export, out) == 0
    ours = {row["student"]: row for row in rows(out / "gradebook.csv")}
    assert (ours["ada"]["status"], ours["ada"]["points"], ours["ada"]["final"]) == (
        f"code not submitted: {why}",
        "",
        "",
    )
    assert ours["bob"]["final"] == "4"
    assert (ours["cyd"]["final"], ours["cyd"]["status"]) == ("4", "partly graded: 1.5 points await marking")
    assert canvas_cells(out) == {"ada": "", "bob": "4", "cyd": "", "    Points Possible": "5.5"}
    assert f"<td>{why}</td>" in (out / "class.html").read_text("utf-8")
    # answers are marked, and the batch runs again
    sheet = tmp_path / "answers.csv"
    offline.app(["export-reports", str(out), "-a", str(toy), "--to", str(sheet)], standalone_mode=False)
    sheet.write_text(re.sub(r"(?m),,,\s*$", ",1,Good.,", sheet.read_text("utf-8")), "utf-8")
    offline.app(["import-reports", str(out), str(sheet), "-a", str(toy)], standalone_mode=False)
    assert batch(export, out) == 0
    assert canvas_cells(out) == {"ada": "1", "bob": "4", "cyd": "5", "    Points Possible": "5.5"}
    (marked,) = (row for row in rows(out / "scores.csv") if row["student"] == "cyd" and row["status"] == "marked")
    assert (marked["points"], marked["possible"]) == ("1", "1.5")


def test_another_late_policy_is_recomputed_without_any_grading(
    batch: Batch, graded: SimpleNamespace, tmp_path: Path
) -> None:
    shutil.copytree(graded.out, tmp_path / "out")
    policy = ("--due", classes.DUE.isoformat(), "--late", '{"per_day": "25%"}')
    assert batch(graded.export, tmp_path / "out", "--roster", graded.roster, *policy) == 0
    final = {row["login"]: row["final"] for row in rows(tmp_path / "out" / "gradebook.csv")}
    assert (final["s16"], final["s45"], final["s46"]) == ("4", "3", "1")


def test_a_students_report_and_feedback_file_have_the_gradebooks_late_penalty(graded: SimpleNamespace) -> None:
    of = {row["login"]: row for row in rows(graded.out / "gradebook.csv")}
    said_to_student = (
        "Late by 2 hours (day 1 after the due date): penalty 10 % of the points, 10 % a day. "
        f"Score after the late penalty: {of['s45']['final']} points."
    )
    assert of["s45"]["final"] == "3.6"
    for folder, is_late in (("s45", True), ("s16", False)):
        report = as_json.loads((graded.out / "students" / folder / "report.json").read_text("utf-8"))
        page = (graded.out / "students" / folder / "report.html").read_text("utf-8")
        console = Console(width=200, record=True, file=io.StringIO())
        console.print(Terminal(report))
        shown = (page, console.export_text(), gradescope(report)["output"])
        assert [said_to_student in text for text in shown] == [is_late] * 3
    pack(graded.out, graded.out.parent / "feedback.zip")
    with zipfile.ZipFile(graded.out.parent / "feedback.zip") as feedback:
        told = [name for name in feedback.namelist() if "Score after the late penalty" in feedback.read(name).decode()]
    assert len(told) == 2


@pytest.mark.long
def test_a_late_mark_without_a_time_takes_nothing_off_and_says_so(batch: Batch, tmp_path: Path) -> None:
    export, out = tmp_path / "export", tmp_path / "out"
    export.mkdir()
    for name in ("lovelaceada_LATE_17_1001_solution.py", "hopper_18_1002_solution.py"):
        (export / name).write_text(f"{TOY_SOLUTION}# {name}\n", "utf-8")
    assert batch(export, out, "--due", "2026-12-01 23:59", "--late", '{"per_day": "10%"}') == 0
    found = {row["student"]: row for row in rows(out / "gradebook.csv")}
    assert found["lovelaceada"]["status"].endswith("Late, no timestamp: no penalty applied.")
    assert found["lovelaceada"]["final"] == found["lovelaceada"]["points"] == "4"


def test_late_days_which_a_batch_cannot_count_are_refused(batch: Batch, tmp_path: Path) -> None:
    policy = ("--due", "2026-12-01 23:59", "--late", '{"per_day": "25%", "free_days": 2}')
    with pytest.raises(BadCall, match="only the service counts late days"):
        batch(tmp_path, tmp_path / "out", *policy)


# ── the class's files ────────────────────────────────────────────────────────────────────────────────


def files_of(out: Path) -> dict[str, bytes]:
    """Everything but the journal, whose reports are of all scopes."""
    found = (f for f in out.rglob("*") if f.is_file() and f.name != ".lock" and (out / "graded") not in f.parents)
    return {f.relative_to(out).as_posix(): f.read_bytes() for f in found}


def never_graded(out: Path, file: str) -> str:
    """Undo the one grading of a submission with this file; return its id."""
    with closing(sqlite3.connect(out / "graded" / "queue.db")) as queue, queue:
        asked = "SELECT g.id FROM gradings g JOIN files f ON f.submission = g.submission WHERE f.name = ?"
        ((grading,),) = queue.execute(asked, (file,)).fetchall()
        for table in ("results", "answers"):
            queue.execute(f"DELETE FROM {table} WHERE grading = ?", (grading,))
        queue.execute("UPDATE gradings SET state = 'cancelled', counts = 0, report = NULL WHERE id = ?", (grading,))
    return str(grading)


@pytest.fixture
def own_out(graded: SimpleNamespace, tmp_path: Path) -> Path:
    """The graded class in a folder that a test may change."""
    return Path(shutil.copytree(graded.out, tmp_path / "class"))


def test_another_scope_does_not_overwrite_the_class(batch: Batch, graded: SimpleNamespace, own_out: Path) -> None:
    before = files_of(own_out)
    asked = ("--roster", graded.roster, *LATE, "--only", "q1.1")
    with pytest.raises(
        BadCall, match=r"would lose scores: .* full assignment, and this run is only q1.1\. Choose anoth"
    ):
        batch(graded.export, own_out, *asked)
    assert files_of(own_out) == before


def test_some_students_do_not_overwrite_a_class_that_was_graded_with_another_secret(
    batch: Batch, graded: SimpleNamespace, own_out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files_of(own_out)
    monkeypatch.setenv("GRADER_SECRET", "another secret of a course")
    with pytest.raises(
        BadCall,
        match=r"would lose scores: .* another grader, assignment, scope or secret, and this run grades only",
    ):
        batch(graded.export, own_out, "--roster", graded.roster, *LATE, "--students", "s16")
    assert files_of(own_out) == before


def test_one_students_export_does_not_overwrite_the_class(
    batch: Batch, graded: SimpleNamespace, own_out: Path, pupils: list[Pupil], tmp_path: Path
) -> None:
    before = files_of(own_out)
    again = classes.canvas([pupils[16]], tmp_path / "again.zip")
    with pytest.raises(BadCall, match="would lose scores: this export lacks submissions that were graded before, of "):
        batch(again, own_out, "--roster", graded.roster, *LATE, "--students", "s16")
    assert files_of(own_out) == before


@pytest.mark.long
def test_some_students_of_the_class_are_completed_and_everybody_keeps_their_score(
    batch: Batch, graded: SimpleNamespace, own_out: Path
) -> None:
    before = files_of(own_out)
    todo = never_graded(own_out, "helper.py")
    assert todo not in classes.graded_in(own_out)
    assert batch(graded.export, own_out, "--roster", graded.roster, *LATE, "--students", "s42") == 0
    assert todo in classes.graded_in(own_out)
    after = files_of(own_out)
    assert after["gradebook.csv"] == before["gradebook.csv"]
    assert set(after) == set(before)


def test_a_class_has_one_folder_a_student_whatever_the_roster_calls_them(
    batch: Batch, graded: SimpleNamespace, own_out: Path, pupils: list[Pupil], tmp_path: Path
) -> None:
    names = tmp_path / "names.csv"
    with names.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("name", "id"), *((p.name, p.id) for p in pupils)])
    remark = own_out / "students" / "s16" / "remark.txt"
    remark.write_text("mine", "utf-8")
    reports = len(list(own_out.glob("students/*/report.json")))
    assert batch(graded.export, own_out, "--roster", names, *LATE) == 0
    assert len(list(own_out.glob("students/*/report.json"))) == reports
    assert [file.name for file in remark.parent.iterdir()] == ["remark.txt"]


@pytest.mark.long
def test_only_those_asked_for_are_graded(
    batch: Batch, graded: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roster = ("--roster", graded.roster)
    wanted = ("--students", "s16, 40017,Student18 Family18", "--only", "q1.1", "--similar")
    assert batch(graded.export, tmp_path, *roster, *wanted) == 0
    assert (tmp_path / "similar.html").is_file()
    shown = " ".join(capsys.readouterr().out.split())
    assert "This is not the grade: only q1.1 was graded. Do not upload canvas.csv or moodle.csv." in shown
    assert "Do not upload canvas.csv or moodle.csv." in (tmp_path / "class.html").read_text("utf-8")
    assert len(classes.graded_in(tmp_path)) == 3
    states = {row["login"]: row["status"] for row in rows(tmp_path / "gradebook.csv")}
    assert "only q1.1: not the grade" in states["s16"]
    assert states["s19"] == "not graded yet"
    with pytest.raises(BadCall, match="--students eve: no student has that id"):
        batch(graded.export, tmp_path, *roster, "--students", "eve")


def test_no_cell_of_a_gradebook_is_a_formula_and_no_name_is_lost(graded: SimpleNamespace, pupils: list[Pupil]) -> None:
    for file in graded.out.glob("*.csv"):
        for row in rows(file):
            assert not [cell for cell in (*row, *row.values()) if re.match(r"[=+\-@\t\r](?!\d+(\.\d+)?$)", cell)]
    names = [row["name"] for row in rows(graded.out / "gradebook.csv")]
    assert [name.removeprefix("'") for name in names] == [p.name for p in pupils]


# ── the class report ─────────────────────────────────────────────────────────────────────────────────

SEEDED = {"dW1_not_averaged": 6, "b1_missing": 4, "reg_gradient_missing": 3}
SENTENCES = (
    "The data term of the gradient of W1 is summed over the batch; divide it by N.",
    "b1 is missing from the forward pass",
    "The gradients of W1 and W2 lack the regularisation",
)


@pytest.fixture(scope="module")
def misunderstood(ps4: Assignment, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """class.html of a class in which thirteen have three misunderstandings, and five none."""
    folder = tmp_path_factory.mktemp("misunderstood")
    wrong = {s.name.rpartition("/")[2]: s.submission.files for s in specimens(ps4)}
    handed_in = [wrong[name] for name, count in SEEDED.items() for _ in range(count)]
    handed_in += [{"mlp.py": (ROOT / "submissions" / "perfect" / "mlp.py").read_bytes()}] * 5
    for number, files in enumerate(handed_in):
        classes.laid_out(folder / "class" / f"<i>student{number}", files)
    told = [str(folder / "class"), "-o", str(folder / "out"), "-a", "ps4", "--code"]
    assert app(told, standalone_mode=False) == 0
    return folder / "out" / "class.html"


def test_three_seeded_misunderstandings_are_the_first_three_rows_with_their_counts(misunderstood: Path) -> None:
    found = re.findall(r"<tr><td>(\d+)</td>\s*<td>(.*?)\s*<p class", misunderstood.read_text("utf-8"), re.DOTALL)
    assert [int(count) for count, _ in found] == list(SEEDED.values())
    assert all(said.startswith(sentence) for (_, said), sentence in zip(found, SENTENCES, strict=True))


def test_the_class_report_is_one_file_in_which_no_name_is_markup(misunderstood: Path) -> None:
    page = misunderstood.read_text("utf-8")
    assert "<i>student" not in page
    assert "&lt;i&gt;student0" in page
    assert not re.search(r'(src|href)="(?!#|data:)', page)
    assert "This is not the grade" in page


# ── back to the platform, and in again ───────────────────────────────────────────────────────────────


@pytest.fixture
def again(batch: Batch, graded: SimpleNamespace, tmp_path: Path) -> Callable[..., Path]:
    """The same class with another roster or other wishes; nothing is graded."""

    def run(*arguments: str | Path, export: Path = graded.export) -> Path:
        out = tmp_path / "again"
        shutil.copytree(graded.out / "graded", out / "graded", dirs_exist_ok=True)
        assert batch(export, out, *arguments) == 0
        return out

    return run


@pytest.mark.parametrize("name", ["gradebook.csv", "canvas.csv", "moodle.csv"])
def test_every_gradebook_comes_in_again_with_the_same_scores(
    graded: SimpleNamespace, pupils: list[Pupil], name: str
) -> None:
    found = read_scores((graded.out / name).read_bytes())
    assert [old.student.name for old in found] == [" ".join(p.name.split()) for p in pupils]
    assert [p.id in old.student.ids for old, p in zip(found, pupils, strict=True)] == [True] * len(pupils)
    scores = ["" if old.points is None else show_points(old.points) for old in found]
    assert scores == [expected(p)[1] for p in pupils]


def test_a_canvas_gradebook_is_a_roster_whose_own_columns_come_out_again(
    again: Callable[..., Path], pupils: list[Pupil], tmp_path: Path
) -> None:
    gradebook = classes.canvas_gradebook(pupils, tmp_path / "canvas.csv")
    out = again("--roster", gradebook, "--column", "Sums (9)")
    points, *found = rows(out / "canvas.csv")
    assert (points["Student"].strip(), points["Sums (9)"]) == ("Points Possible", "5.5")
    assert [row["ID"] for row in found] == [p.id for p in pupils]
    assert {(row["Section"], row["SIS User ID"][0]) for row in found} == {("ML 101", "U")}
    assert list(found[0]) == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Sums (9)"]
    assert read_scores((out / "canvas.csv").read_bytes())[16].points == 4


def test_a_moodle_worksheet_comes_out_again_with_grades_and_feedback(
    again: Callable[..., Path], pupils: list[Pupil], tmp_path: Path
) -> None:
    worksheet = classes.moodle_worksheet(pupils, tmp_path / "worksheet.csv")
    out = again("--roster", worksheet, export=classes.moodle(pupils, tmp_path / "moodle.zip"))
    found = rows(out / "moodle.csv")
    assert [row["Identifier"] for row in found] == [f"Participant {p.id}" for p in pupils]
    assert (found[16]["Grade"], found[43]["Grade"], found[16]["Maximum Grade"]) == ("4", "", "5.50")
    assert found[16]["Feedback comments"] == "graded: no answers found to questions worth 1.5 points"


@pytest.mark.parametrize("name", ["canvas", "moodle", "gradescope"])
def test_feedback_goes_back_under_names_that_lead_to_the_same_people(
    again: Callable[..., Path], graded: SimpleNamespace, pupils: list[Pupil], tmp_path: Path, name: str
) -> None:
    export = classes.EXPORTS[name](pupils, tmp_path / "export.zip")
    out = again("--roster", graded.roster, export=export)
    assert pack(out, tmp_path / "feedback.zip") == sum(p.points is not None for p in pupils)
    with zipfile.ZipFile(tmp_path / "feedback.zip") as feedback, zipfile.ZipFile(export) as came:
        tops = {re.split("_report.html|/report.html", n)[0] for n in feedback.namelist()}
        assert all(any(there.split("export/")[-1].startswith(top) for there in came.namelist()) for top in tops)
        if name != "gradescope":  # which keeps who it is in another file
            again_read = formats.read(tree_of_zip(feedback), "toy", "sums.py")
            ids = {submission.authors[0].first_id for submission in again_read.submissions}
            assert ids == {p.id for p in pupils if p.points is not None}


def test_students_are_not_shown_what_the_machine_makes_of_their_answers(graded: SimpleNamespace) -> None:
    report = json.loads((graded.out / "students" / "s16" / "report.json").read_text("utf-8"))
    assert [w["opinion"] for part in report["parts"] for w in part["written"]] == [None]


# ── what fresh problems are drawn with ───────────────────────────────────────────────────────────────


def contents(path: Path) -> Iterator[bytes]:
    """Every file below a folder, what zips hold among them."""
    for file in sorted(path.rglob("*")):
        if file.is_file():
            yield file.read_bytes()
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                yield from (archive.read(name) for name in archive.namelist())


def test_a_batch_draws_with_a_secret_that_is_in_nothing_it_passes_on(
    graded: SimpleNamespace, home: Path, toy: Path, tmp_path: Path
) -> None:
    batch_id = (graded.out / "graded" / "id").read_text("ascii").strip()
    secret = (home / "batches" / batch_id).read_text("ascii")
    report = json.loads((graded.out / "students" / "s16" / "report.json").read_text("utf-8"))
    assert report["seed"] == Seed(secret.encode()).label
    pack(graded.out, tmp_path / "feedback.zip")
    export = ["export-reports", str(graded.out), "--to", str(tmp_path / "answers.csv"), "-a", str(toy)]
    assert not offline.app(export, standalone_mode=False)
    raw = bytes.fromhex(secret)
    forms = (secret.encode(), raw, base64.b64encode(raw), base64.b64encode(secret.encode()))
    found = [*contents(graded.out), *contents(tmp_path)]
    assert len(found) > 100
    assert not [form for content in found for form in forms if form in content]

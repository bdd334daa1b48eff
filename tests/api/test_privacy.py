"""Export and erasure of one person, on pages and as commands."""

from __future__ import annotations

import io
import json
from pathlib import Path
from zipfile import ZipFile

import pytest

from grader.model import Points
from grader.model.answers import digest_of
from grader.store import adjustments, answer_marks, erasure, people, rubrics
from grader.store.answer_marks import NewMark
from grader.store.recording import Author
from grader.store.rubrics import OfferedQuestion
from tests.api.world import World, answering
from tests.conftest import TOY_SOLUTION, Command


@pytest.fixture
def ada(world: World) -> str:
    """The id of ada's graded submission; bob has one too."""
    for login in ("bob", "ada"):
        id = world.hand_in(login, TOY_SOLUTION + f"# {login}wrote\n")
        world.grade_next()
    with world.service.store.write(Author(world.people["grace"].id, "request")) as tx:
        adjustments.add_adjustment(
            tx, "ml", "toy", world.people["ada"].id, Points(1), "spoken exam", world.people["grace"].id
        )
    return id


def exported(content: bytes) -> dict[str, str]:
    """The files of an export by name."""
    with ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def export(world: World) -> dict[str, str]:
    answer = world.client.get("/people/ada/export.zip", headers=world.headers("root"))
    assert answer.status_code == 200, answer.text
    return exported(answer.content)


def test_an_export_has_files_reports_and_rows_of_one_person(world: World, ada: str) -> None:
    files = export(world)
    assert set(files) == {"data.json", f"{ada}/0-mlp.py", f"{ada}/submission.json", f"{ada}/report.json"}
    assert files[f"{ada}/0-mlp.py"] == TOY_SOLUTION + "# adawrote\n"
    assert json.loads(files[f"{ada}/submission.json"])["score"]["final"] is not None
    data = json.loads(files["data.json"])
    assert [row["login"] for row in data["people"]] == ["ada"]
    assert [row["label"] for row in data["tokens"]] == ["tests"]
    assert [row["reason"] for row in data["adjustments"]] == ["spoken exam"]
    assert [row["action"] for row in data["audit"]] == ["adjustments added"]
    text = "".join(files.values())
    assert "hash" not in data["tokens"][0]
    assert "bob" not in text


@pytest.mark.parametrize("setting", [{"held": True}, {"hidden": ("q1.2",)}])
def test_an_export_tells_nothing_that_is_not_released(world: World, ada: str, setting: dict[str, object]) -> None:
    world.set(**setting)
    files = export(world)
    data = json.loads(files["data.json"])
    assert (data["audit"], data["adjustments"]) == ([], [])
    assert ("spoken exam" in "".join(files.values())) == ("hidden" in setting)  # then the score tells it
    report = json.loads(files[f"{ada}/report.json"])
    hidden = [check for part in report["parts"] for check in part["checks"] if check["id"].startswith("q1.2")]
    assert hidden
    assert {check["status"] for check in hidden} == {"waiting"}


def test_an_export_has_no_marks_that_are_not_decided(world: World) -> None:
    world.reports = world.reports | {"right": answering(world.reports["right"], "because")}
    world.hand_in("ada")
    world.grade_next()
    question = OfferedQuestion("ml", "toy", "q1.1.written")
    grace = world.people["grace"].id
    with world.service.store.write(Author(grace, "request")) as tx:
        rubrics.set_markers(tx, question, 2)
        answer_marks.put(
            tx, question, digest_of("because"), grace, NewMark(adjustment=Points(1), comment="of one marker")
        )
    assert "of one marker" not in "".join(export(world).values())


def test_staff_are_told_that_a_report_was_erased(world: World, ada: str) -> None:
    erasure.erase(world.service.store, "ada", Author(None, "grader admin"))
    answer = world.client.get(f"/submissions/{ada}", headers=world.headers("grace") | {"Accept": "text/html"})
    assert answer.status_code == 409
    assert "it was erased with the personal data of the student" in answer.text


def test_an_export_has_submissions_without_a_report_and_of_courses_that_the_person_left(world: World, ada: str) -> None:
    waiting = world.hand_in("ada")
    with world.service.store.write() as tx:
        people.remove_member(tx, "ml", world.people["ada"].id)
    files = export(world)
    assert {f"{ada}/report.json", f"{waiting}/submission.json", f"{waiting}/0-mlp.py"} < set(files)
    assert f"{waiting}/report.json" not in files


def test_people_who_do_not_exist_are_not_found(world: World) -> None:
    assert world.client.get("/people/nobody/export.zip", headers=world.headers("root")).status_code == 404
    form = {"confirmation": "nobody"}
    answer = world.client.post("/people/nobody/erase", data=form, headers=world.headers("root"))
    assert (answer.status_code, "no person nobody" in answer.text) == (422, True)


def test_an_erasure_is_confirmed_by_the_login(world: World, ada: str) -> None:
    answers = []
    for confirmation in ("bob", "ada"):
        form = {"confirmation": confirmation}
        headers = world.headers("root") | {"Accept": "text/html"}
        answer = world.client.post("/people/ada/erase", data=form, headers=headers, follow_redirects=False)
        answers.append(answer.status_code)
        page = world.client.get(f"/submissions/{ada}", headers=world.headers("grace"))
        assert ("Ada" in page.text) == (confirmation == "bob")
    assert answers == [422, 303]
    assert world.client.get("/api/v1/me", headers=world.headers("ada")).status_code == 401
    scores = world.client.get("/courses/ml/assignments/toy/scores", headers=world.headers("grace")).text
    assert "erased-" in scores
    assert "bob" in scores
    report = world.client.get(f"/submissions/{ada}", headers=world.headers("grace"))
    assert report.status_code == 409
    history = world.client.get("/history", headers=world.headers("root")).text
    assert "people erased" in history
    assert "Ada" not in history


def test_the_commands_export_and_erase_a_person(world: World, ada: str, command: Command, tmp_path: Path) -> None:
    settings = {"GRADER_HOME": str(tmp_path), "GRADER_ASSIGNMENTS": str(world.service.settings.assignments)}
    zip, backup = tmp_path.with_suffix(".zip"), tmp_path.with_suffix(".db")
    done = command("admin", "export-person", "ada", "-o", zip, **settings)
    assert done.returncode == 0, done.stderr
    assert f"{ada}/report.json" in exported(zip.read_bytes())
    refused = command("admin", "export-person", "nobody", "-o", tmp_path.with_suffix(".2"), **settings)
    assert (refused.returncode, "no person nobody" in refused.stderr) == (2, True)
    assert not tmp_path.with_suffix(".2").exists()
    assert zip.stat().st_mode & 0o777 == 0o600
    assert command("admin", "erase-person", "ada", **settings).returncode != 0  # the answer is not yes
    world.service.store.close()
    done = command("admin", "erase-person", "ada", "--yes", **settings)
    assert "erased: now erased-" in done.stdout, done.stderr
    assert command("backup", backup, **settings).returncode == 0
    for file in (*tmp_path.rglob("*"), backup):
        if file.is_file():
            assert b"adawrote" not in file.read_bytes(), file
            assert b'"Ada"' not in file.read_bytes(), file
    assert b"bobwrote" in backup.read_bytes()

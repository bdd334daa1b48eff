"""Every assignment goes every way: the command, packs, a class, the service and its pages. No text of one speaks of
another."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from rich.console import Console

from grader.assignments import catalogue
from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.authoring.gradescope_pack import pack_gradescope
from grader.cli import watch
from grader.sandbox.contract import Sandbox
from grader.store import offerings
from grader.store.records import Offering
from tests.conftest import ROOT, Command
from tests.running import VERIFY, WAIT_SECONDS, Running, running

pytestmark = pytest.mark.long

REFERENCE = ROOT / "reference"
IDS = sorted(path.parent.name for path in REFERENCE.glob("*/assignment.toml"))
ASSIGNMENTS = {id: catalogue.load(REFERENCE / id) for id in IDS}


def words(assignment: Assignment) -> set[str]:
    """Return what only a text about this assignment should name. Its id may be an ordinary word."""
    manifest = assignment.manifest
    return {*manifest.files, *manifest.entry_points.names, *(long.name for long in manifest.long)}


def speaks_of_others(text: str, assignment: Assignment) -> list[str]:
    others = set().union(*(words(other) for other in ASSIGNMENTS.values() if other.id != assignment.id))
    return [word for word in others - words(assignment) if re.search(rf"(?<![\w.]){re.escape(word)}(?!\w)", text)]


def right_solution(assignment: Assignment) -> Path:
    """Return a complete right submission."""
    return next(path for path in sorted((assignment.folder / "variants").glob("*.py")))


@pytest.fixture(params=IDS)
def assignment(request: pytest.FixtureRequest) -> Assignment:
    return ASSIGNMENTS[request.param]


@pytest.fixture
def wrong(assignment: Assignment, tmp_path: Path) -> Path:
    """A file whose last line with code cannot be read."""
    file = tmp_path / assignment.files[0]
    file.write_text(right_solution(assignment).read_text("utf-8") + "\nclass :\n", "utf-8")
    return file


def test_a_right_solution_earns_every_code_point(assignment: Assignment, command: Command) -> None:
    done = command("check", right_solution(assignment), "-a", assignment.id, "--code", "--json")
    assert done.returncode == 0, done.stderr
    points = json.loads(done.stdout)["points"]
    assert points["earned"] == points["decided"] > 0


def test_what_is_shown_speaks_of_no_other(assignment: Assignment, command: Command, wrong: Path) -> None:
    shown = [
        command("check", file, "-a", assignment.id, "--code").stdout for file in (right_solution(assignment), wrong)
    ]
    assert "SyntaxError" in shown[1]
    assert speaks_of_others("\n".join(shown), assignment) == []


def test_one_verdict_is_formed_again(assignment: Assignment, command: Command, tmp_path: Path) -> None:
    solution = right_solution(assignment)
    (tmp_path / "report.json").write_text(command("check", solution, "-a", assignment.id, "--code", "--json").stdout)
    (tmp_path / solution.name).write_bytes(solution.read_bytes())
    long = {section for check in assignment.manifest.long for section in check.sections}
    checks = [id for part in assignment.parts for id in part.points_of_checks if id.rpartition(".")[0] not in long]
    done = command("replay", tmp_path / "report.json", checks[-1])
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_save_is_watched(assignment: Assignment, sandbox: Sandbox) -> None:
    console = Console(file=io.StringIO(), width=200)
    report = watch._grade_once(right_solution(assignment), assignment, sandbox, Seed(), None, console)
    assert report is not None
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert assignment.id in shown
    assert speaks_of_others(shown + watch.keys(assignment, pressed=True), assignment) == []


@pytest.mark.parametrize("assignment", sorted(set(IDS) - {"ps4"}), indirect=True)
def test_the_students_pack_earns_the_same(assignment: Assignment, command: Command, tmp_path: Path) -> None:
    """ps4's pack, the largest, has tests of its own."""
    done = command("pack", "student", assignment.id, "--to", tmp_path / "pack.zip")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "pack.zip") as archive:
        archive.extractall(tmp_path / "pack")
    readme = (tmp_path / "pack" / "README.txt").read_text("utf-8")
    assert assignment.files[0] in readme
    assert speaks_of_others(readme, assignment) == []
    held = [path.name for path in (tmp_path / "pack" / assignment.id).iterdir()]
    assert not {"reference.py", "truth.py", "mistakes.py", "variants", "faults"} & set(held)
    checked = command("check", right_solution(assignment), "-a", tmp_path / "pack" / assignment.id, "--json")
    assert checked.returncode == 0, checked.stderr
    points = json.loads(checked.stdout)["points"]
    assert points["earned"] == points["decided"] > 0


def test_gradescopes_zip_has_it(assignment: Assignment) -> None:
    with zipfile.ZipFile(io.BytesIO(pack_gradescope(assignment, "secret"))) as archive:
        names = set(archive.namelist())
        texts = archive.read("run_autograder").decode() + archive.read("setup.sh").decode()
    assert {f"{assignment.id}/assignment.toml", f"{assignment.id}/reference.py"} <= names
    assert speaks_of_others(texts, assignment) == []


def test_a_class_is_graded(assignment: Assignment, grader: Command, wrong: Path, tmp_path: Path) -> None:
    for name, file in (("ada", right_solution(assignment)), ("bob", wrong)):
        (tmp_path / "class" / name).mkdir(parents=True)
        (tmp_path / "class" / name / assignment.files[0]).write_bytes(file.read_bytes())
    out = tmp_path / "out"
    done = grader("batch", tmp_path / "class", "-o", out, "-a", assignment.id, "--code", "--json")
    assert done.returncode == 0, done.stderr
    page = (out / "class.html").read_text("utf-8")
    assert speaks_of_others(done.stdout + page, assignment) == []


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A service that offers all of them to one student."""
    with running(tmp_path_factory.mktemp("service"), students=1, GRADER_WORKERS="1") as found:
        store = found.open_store()
        with store.write() as tx:
            for id in IDS:
                (found.assignments / id).symlink_to(REFERENCE / id)
                offerings.put_offering(tx, Offering("ml", id))
        store.close()
        found.start()
        with httpx.Client(base_url=found.url, timeout=60, verify=VERIFY, follow_redirects=True) as browser:
            browser.post("/login", data={"token": found.tokens[0]}, headers={"Origin": found.url})
            yield SimpleNamespace(running=found, browser=browser)


def test_the_service_grades_it_and_its_pages_speak_of_no_other(
    assignment: Assignment, service: SimpleNamespace, wrong: Path
) -> None:
    found: Running = service.running
    headers = {"Authorization": f"Bearer {found.tokens[0]}"}
    with httpx.Client(base_url=found.url, headers=headers, timeout=60, verify=VERIFY) as client:
        place = f"/api/v1/courses/ml/assignments/{assignment.id}/submissions"
        receipt = client.post(place, files={"files": (wrong.name, wrong.read_bytes())}, data={"kind": "precheck"})
        assert receipt.status_code == 202, receipt.text
        submission = receipt.headers["location"]
        deadline = time.monotonic() + WAIT_SECONDS
        while (state := client.get(submission).json()["state"]) in ("queued", "running"):
            assert time.monotonic() < deadline, state
            time.sleep(0.1)
        assert state == "graded"
        report = client.get(f"{submission}/report.json").text
    assert speaks_of_others(report, assignment) == []
    for path in (f"/courses/ml/assignments/{assignment.id}", f"/submissions/{submission.rpartition('/')[2]}"):
        page = service.browser.get(path)
        assert page.status_code == 200, page.text[:500]
        assert assignment.title in page.text
        assert speaks_of_others(page.text, assignment) == []

"""What students install: it checks, and it does not hold the solution."""

import json
import re
import subprocess
import sys
import zipfile

import pytest

from grader.assignments import catalogue
from grader.authoring.pack import code_of_checks
from grader.errors import BadAssignment
from tests.conftest import ROOT, TOY_CHECKS, TOY_SOLUTION
from tests.documentation import PACK_STUDENT, run

REFERENCE = ROOT / "reference" / "ps4"


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    """By the documented command."""
    folder = tmp_path_factory.mktemp("pack")
    done = run(PACK_STUDENT, folder)
    assert (done.returncode, done.stderr) == (0, "")
    with zipfile.ZipFile(folder / "ps4-student.zip") as archive:
        archive.extractall(folder / "student")
    return folder / "student"


def checked(grader, assignment, submission, *options):
    done = grader("check", str(ROOT / "submissions" / submission), "-a", str(assignment), "--json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_no_reference_variant_or_fault_is_in_it(pack):
    names = {p.relative_to(pack).as_posix() for p in pack.rglob("*") if p.is_file()}
    secret = r"ps4/((reference|truth|mistakes|written|mutation)\.py|variants|faults|answers)"
    assert not {n for n in names if re.search(secret, n)}


def test_no_line_of_the_reference_is_in_it(pack):
    telling = [line.strip() for line in (REFERENCE / "reference.py").read_text("utf-8").splitlines() if "g2" in line]
    assert telling
    for path in pack.rglob("*.py"):
        text = path.read_text("utf-8")
        assert not [line for line in telling if line in text], path


def test_only_what_the_checks_import_is_packed(make_assignment):
    folder = make_assignment(checks=f"from .helpers import nothing\n{TOY_CHECKS}")
    (folder / "helpers.py").write_text("nothing = None\n")
    (folder / "answers_in_words.py").write_text("solution = 1\n")
    assert code_of_checks(catalogue.load(folder)) == ["checks.py", "helpers.py"]


def test_checks_that_import_the_solution_cannot_be_packed(make_assignment):
    folder = make_assignment(checks=f"from . import helpers\n{TOY_CHECKS}")
    (folder / "helpers.py").write_text("from .reference import Sums\n")
    (folder / "reference.py").write_text(TOY_SOLUTION)
    with pytest.raises(BadAssignment, match=r"toy/helpers.py imports reference.py, which must not be in"):
        code_of_checks(catalogue.load(folder))


def test_a_right_solution_earns_every_code_point_with_it(grader, pack):
    report = checked(grader, pack / "ps4", "perfect/mlp.py")
    assert report["points"]["earned"] == report["points"]["decided"] == 34


def test_it_agrees_with_the_full_check_wherever_it_decides(grader, pack):
    packed = checked(grader, pack / "ps4", "partly/mlp.py")
    full = checked(grader, REFERENCE, "partly/mlp.py", "--only", "q2.4")
    verdicts = {c["id"]: c["points"] for part in full["parts"] for c in part["checks"]}
    decided = {c["id"]: c["points"] for part in packed["parts"] for c in part["checks"] if c["status"] != "not_run"}
    assert {i: decided[i] for i in decided if i in verdicts} == {i: verdicts[i] for i in decided if i in verdicts}
    assert decided["q2.2.W1"] == 0


def test_what_it_cannot_decide_is_open_and_not_a_zero(grader, pack):
    report = checked(grader, pack / "ps4", "partly/mlp.py")
    not_run = {c["id"] for part in report["parts"] for c in part["checks"] if c["status"] == "not_run"}
    assert {"q2.5.sigmoid.accuracy", "q2.5.relu.accuracy"} < not_run
    assert not_run.isdisjoint(report["first_to_fix"])


def test_its_grader_is_a_package_that_builds(pack):
    project = (pack / "precheck" / "pyproject.toml").read_text("utf-8")
    assert 'name = "grader"' in project
    shown = subprocess.run(
        [sys.executable, "-m", "grader", "version"], cwd=pack / "precheck", capture_output=True, text=True, timeout=60
    )
    assert shown.returncode == 0, shown.stderr


def test_the_handout_finds_mnist_in_it_without_a_network(pack):
    script = (
        "import socket; socket.socket.connect = None\nimport utils; print([a.shape for a in utils.get_MNIST_data()][0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=pack / "handout", capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "(50000, 784)\n", done.stderr


def test_its_report_says_that_it_is_not_the_grade(grader, pack):
    done = grader("check", str(ROOT / "submissions" / "perfect" / "mlp.py"), "-a", str(pack / "ps4"))
    assert "This is not the grade: a pre-check; the rest is graded after you submit." in done.stdout


def test_written_answers_wait_in_it_without_an_opinion(grader, pack, tmp_path):
    notebook = json.loads((ROOT / "submissions" / "notebook" / "ps4.ipynb").read_text("utf-8"))
    (tmp_path / "ps4.ipynb").write_text(json.dumps(notebook))
    done = grader("check", str(tmp_path / "ps4.ipynb"), "-a", str(pack / "ps4"), "--only", "q1", "--json")
    written = [w for part in json.loads(done.stdout)["parts"] for w in part["written"]]
    assert {(w["status"], w["opinion"]) for w in written} == {("waiting", None)}

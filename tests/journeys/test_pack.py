"""What students install: it checks, and it does not hold the solution."""

import io
import json
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

from grader.assignments import catalogue
from grader.authoring.pack import code_of_checks, pack_student
from grader.errors import BadAssignment
from tests.conftest import ROOT, TOY_CHECKS, TOY_SOLUTION
from tests.documentation import PACK_STUDENT, run
from tests.installing import install
from tests.leaks import leaked
from tests.unit.test_portability import ELSEWHERE

pytestmark = pytest.mark.long

REFERENCE = ROOT / "reference" / "ps4"


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    """By the documented command."""
    folder = tmp_path_factory.mktemp("pack")
    done = run(PACK_STUDENT, folder)
    assert (done.returncode, done.stderr) == (0, "recording the reference's answers …\n")
    with zipfile.ZipFile(folder / "ps4-student.zip") as archive:
        archive.extractall(folder / "student")
    return folder / "student"


def checked(command, assignment, submission, *options):
    done = command("check", str(ROOT / "submissions" / submission), "-a", str(assignment), "--json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_no_reference_variant_or_fault_is_in_it(pack):
    names = {p.relative_to(pack).as_posix() for p in pack.rglob("*") if p.is_file()}
    secret = r"ps4/((reference|truth|mistakes|written|mutation)\.py|variants|faults|answers)"
    assert not {n for n in names if re.search(secret, n)}


def test_no_solution_of_an_assignment_is_in_it(pack):
    assert leaked(pack.with_name("ps4-student.zip")) == {}


def test_it_is_small_and_without_a_server(pack):
    files = [p for p in pack.rglob("*") if p.is_file()]
    assert pack.with_name("ps4-student.zip").stat().st_size <= 5_000_000
    assert sum(p.stat().st_size for p in files) <= 5 << 20
    assert {p.name for p in (pack / "precheck" / "grader").iterdir() if p.is_dir()} & {
        "api",
        "store",
        "workers",
    } == set()


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    return tmp_path_factory.mktemp("student") / "venv"


@pytest.fixture(scope="module")
def student(pack, environment):
    """The command as a student installs it, with the pack's requirements alone."""
    return install(environment, pack / "precheck")


def test_it_works_without_what_only_linux_has(student, environment, pack):
    done = subprocess.run(
        [
            environment / "bin" / "python",
            "-c",
            f"{ELSEWHERE}sys.argv = ['grader', 'check', 'handout/mlp.py', '--only', 'q2.1']\n"
            "import grader.cli.grading\nfrom grader.cli.app import run\nsys.platform = 'darwin'\nrun()",
        ],
        cwd=pack,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "0/8" in done.stdout  # the handout's own file
    assert "Sandbox: plain" in done.stdout


def verdicts(report):
    return {c["id"]: (c["status"], c["points"]) for part in report["parts"] for c in part["checks"]}


def test_a_student_gets_the_verdicts_of_the_full_grader(command, student, pack):
    shutil.copy(ROOT / "submissions" / "partly" / "mlp.py", pack / "handout" / "mlp.py")
    done = student("check", "handout/mlp.py", "--json", cwd=pack)
    assert done.returncode == 0, done.stderr
    assert "no isolation" in done.stderr
    theirs, full = (
        verdicts(r) for r in (json.loads(done.stdout), checked(command, REFERENCE, "partly/mlp.py", "--code"))
    )
    decided = {id: verdict for id, verdict in theirs.items() if verdict[0] != "not_run"}
    assert decided == {id: full[id] for id in decided}
    assert len(decided) >= 14


def test_only_what_the_checks_import_is_packed(make_assignment):
    folder = make_assignment(checks=f"from .helpers import nothing\n{TOY_CHECKS}")
    (folder / "helpers.py").write_text("nothing = None\n")
    (folder / "answers_in_words.py").write_text("solution = 1\n")
    assert code_of_checks(catalogue.load(folder)) == ["checks.py", "helpers.py"]


def test_the_rubrics_are_not_for_students(tmp_path, sandbox):
    folder = shutil.copytree(catalogue.DEMO, tmp_path / "demo")
    (folder / "rubric.toml").write_text("# for markers\n", "utf-8")
    with zipfile.ZipFile(io.BytesIO(pack_student(catalogue.load(folder), sandbox))) as archive:
        assert "demo/assignment.toml" in archive.namelist()
        assert not [name for name in archive.namelist() if name.endswith("rubric.toml")]


def test_checks_that_import_the_solution_cannot_be_packed(make_assignment):
    folder = make_assignment(checks=f"from . import helpers\n{TOY_CHECKS}")
    (folder / "helpers.py").write_text("from .reference import Sums\n")
    (folder / "reference.py").write_text(TOY_SOLUTION)
    with pytest.raises(BadAssignment, match=r"toy/helpers.py imports reference.py, which must not be in"):
        code_of_checks(catalogue.load(folder))


def test_a_right_solution_earns_every_code_point_with_it(command, pack):
    report = checked(command, pack / "ps4", "perfect/mlp.py")
    assert report["points"]["earned"] == report["points"]["decided"] == 34


def test_what_it_cannot_decide_is_open_and_not_a_zero(command, pack):
    report = checked(command, pack / "ps4", "partly/mlp.py")
    not_run = {c["id"] for part in report["parts"] for c in part["checks"] if c["status"] == "not_run"}
    assert {"q2.5.sigmoid.accuracy", "q2.5.relu.accuracy"} < not_run
    assert not_run.isdisjoint(report["first_to_fix"])


def test_the_handout_finds_mnist_beside_it_without_a_network(pack):
    """Where README.txt says that a student puts it."""
    assert "mnist.npz" in (pack / "README.txt").read_text("utf-8")
    (pack / "handout" / "mnist.npz").symlink_to(REFERENCE / "data" / "mnist.npz")
    script = (
        "import socket; socket.socket.connect = None\nimport utils; print([a.shape for a in utils.get_MNIST_data()][0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=pack / "handout", capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "(50000, 784)\n", done.stderr

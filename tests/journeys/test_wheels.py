"""The wheels, built and installed into new environments as a stranger would."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from grader import __version__
from grader.settings import Settings
from tests.conftest import ROOT
from tests.installing import UV, Run, install
from tests.leaks import leaked

pytestmark = pytest.mark.long

ENGINE, PS4 = "numgrader", "numgrader_ps4"
RUNTIME = {"GRADER_RUNTIME": str(Settings().runtime)}
"""The environment of students' code is not made again here; tests/unit/sandbox/test_runtime.py does that."""


def wheel(folder: Path, name: str) -> Path:
    (found,) = folder.glob(f"{name}-{__version__}-*.whl")
    return found


def build(to: Path, *sources: Path) -> Path:
    for source in sources:
        subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", to, source], check=True, timeout=300)
    return to


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheels"), ROOT, ROOT / "reference" / "ps4")


@pytest.fixture(scope="module")
def alone(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The engine without another assignment."""
    return install(tmp_path_factory.mktemp("alone") / "venv", wheel(wheels, ENGINE), **RUNTIME)


@pytest.fixture(scope="module")
def with_ps4(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return install(tmp_path_factory.mktemp("ps4") / "venv", wheel(wheels, ENGINE), wheel(wheels, PS4), **RUNTIME)


def test_a_second_build_is_equal_byte_for_byte(wheels: Path, tmp_path: Path) -> None:
    again = build(tmp_path, ROOT)
    assert wheel(again, ENGINE).read_bytes() == wheel(wheels, ENGINE).read_bytes()


def test_the_engine_has_no_solution_of_a_graded_assignment(wheels: Path) -> None:
    assert leaked(wheel(wheels, ENGINE)) == {}
    assert len(leaked(wheel(wheels, PS4))) > 100  # so it would be seen
    with zipfile.ZipFile(wheel(wheels, ENGINE)) as opened:
        assert [name for name in opened.namelist() if name.endswith((".npz", ".fault"))] == []


def test_the_version_is_that_of_the_package(alone: Run) -> None:
    assert alone("--version").stdout == f"{__version__}\n"


def test_the_engine_alone_grades_its_demo(alone: Run) -> None:
    listed = json.loads(alone("assignments", "--json").stdout)
    assert [a["id"] for a in listed] == ["demo"]
    done = alone("demo")
    assert done.returncode == 0, done.stderr
    assert "Autograded 10/10" in done.stdout
    assert "Autograded 6/10" in done.stdout
    assert "divided by N - 1" in done.stdout


def test_a_service_without_its_packages_says_what_to_install(alone: Run) -> None:
    done = alone("serve")
    assert (done.returncode, done.stdout) == (2, "")
    assert "python -m pip install 'numgrader[server]'" in " ".join(done.stderr.split())


def test_an_installed_assignment_is_found_and_its_demo_earns_everything(with_ps4: Run) -> None:
    listed = json.loads(with_ps4("assignments", "--json").stdout)
    assert [a["id"] for a in listed] == ["demo", "ps4"]
    done = with_ps4("demo", "ps4")
    assert done.returncode == 0, done.stderr
    assert "Autograded 40/40" in done.stdout

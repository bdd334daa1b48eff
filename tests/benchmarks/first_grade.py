"""`python -m tests.benchmarks.first_grade`: from an empty environment to the first grade, here and elsewhere.

Each grader is installed into a new environment with an empty home, and grades one submission as its own quickstart
says: the demo assignment here, `nbgrader quickstart` with the example's solution handed in, and a question of one cell
with `otter assign` and `otter run`. Packages come from the index or from the installer's cache, in which the first
round puts them; the median of the later rounds compares without the network. None of the others isolates.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.conftest import ROOT
from tests.installing import UV

ROUNDS = 4

Quickstart = Callable[[Path, Callable[..., str]], None]


def numgrader(_home: Path, run: Callable[..., str]) -> None:
    shown = run("grader", "demo")
    assert "Autograded 10/10" in shown, shown


def nbgrader(home: Path, run: Callable[..., str]) -> None:
    run("nbgrader", "quickstart", "course")
    course = home / "course"
    run("nbgrader", "generate_assignment", "ps1", cwd=course)
    shutil.copytree(course / "source" / "ps1", course / "submitted" / "student" / "ps1")
    run("nbgrader", "autograde", "ps1", cwd=course)
    run("nbgrader", "export", cwd=course)
    assert "student" in (course / "grades.csv").read_text("utf-8")


QUESTION = (
    ("raw", "# ASSIGNMENT CONFIG\nname: hw\nexport_cell: false\ngenerate: true"),
    ("raw", "# BEGIN QUESTION\nname: q1\npoints: 1"),
    ("raw", "# BEGIN SOLUTION"),
    ("code", "x = 1 # SOLUTION"),
    ("raw", "# END SOLUTION"),
    ("raw", "# BEGIN TESTS"),
    ("code", "assert x == 1"),
    ("raw", "# END TESTS"),
    ("raw", "# END QUESTION"),
)


def otter(home: Path, run: Callable[..., str]) -> None:
    cells = [
        {"cell_type": kind, "metadata": {}, "id": f"c{place}", "source": source}
        | ({"execution_count": None, "outputs": []} if kind == "code" else {})
        for place, (kind, source) in enumerate(QUESTION)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells}
    (home / "hw.ipynb").write_text(json.dumps(notebook), "utf-8")
    run("otter", "assign", "hw.ipynb", "dist")
    (autograder,) = (home / "dist" / "autograder").glob("*.zip")
    shown = run("otter", "run", "-a", autograder, home / "dist" / "autograder" / "hw.ipynb")
    assert "1.0" in shown, shown


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        build = [UV, "build", "--quiet", "--wheel", "--out-dir", folder, ROOT]
        subprocess.run(build, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        contestants: dict[str, tuple[list[str], Quickstart]] = {
            "grader": ([str(wheel)], numgrader),
            "nbgrader": (["nbgrader"], nbgrader),
            "otter-grader": (["otter-grader", "ipykernel"], otter),
        }
        rounds = [
            {name: seconds(Path(folder) / f"{name}-{number}", *how) for name, how in contestants.items()}
            for number in range(ROUNDS)
        ]
    print(f"{'':14}{'first round':>14}{'later, median':>16}{'ratio':>8}")
    ours = statistics.median(later["grader"] for later in rounds[1:])
    for name in contestants:
        median = statistics.median(later[name] for later in rounds[1:])
        print(f"{name:14}{rounds[0][name]:12.1f} s{median:14.1f} s{median / ours:8.2f}")


def seconds(home: Path, what: list[str], quickstart: Quickstart) -> float:
    """Return the seconds from an empty folder to the first grade."""
    environment = home / "venv"

    def run(program: str, *arguments: str | Path, cwd: Path = home) -> str:
        done = subprocess.run(
            [environment / "bin" / program, *arguments],
            cwd=cwd,
            env={"PATH": f"{environment / 'bin'}:{os.environ['PATH']}", "HOME": str(home), "JUPYTER_PLATFORM_DIRS": "1"}
            | {name: value for name, value in os.environ.items() if name.startswith(("UV_", "SSL_"))},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    home.mkdir()
    started = time.perf_counter()
    subprocess.run([UV, "venv", "--quiet", environment], check=True)
    subprocess.run([UV, "pip", "install", "--quiet", "--python", environment, *what], check=True)
    quickstart(home, run)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()

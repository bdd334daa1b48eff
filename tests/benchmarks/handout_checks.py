"""`python -m tests.benchmarks.handout_checks`: the handout's four checks on one submission, here and elsewhere.

Two losses and two numerical gradient checks. The floor is that work in a process that has everything imported. The
grader does it in a session that was made while the one before it was at work, and forms the verdict outside; the
others start afresh, and none of them isolates. Each is run in turn with the floor, and the ratio of every pair is
taken. At most 2.3 is wanted of the grader.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import track

from grader import __version__
from grader.assignments import catalogue
from grader.assignments.seeds import Seed
from grader.engine.grade import Scope, grade
from grader.intake.receive import receive_path
from grader.model import ZERO
from grader.sandbox.choose import choose
from grader.sandbox.prewarmed import PrewarmedSandbox
from grader.settings import Settings

ROOT = Path(__file__).parents[2]
OTHERS = ROOT / ".venv" / "others" / "bin"
"""An environment with the other graders: `make bench` makes it."""

CHECKS = '''\
"""The handout's four checks, as a course would write them."""
import numpy as np
from mlp import TwoLayerMLP
from utils import eval_numerical_gradient


def toy(activation):
    np.random.seed(0)
    net = TwoLayerMLP(4, 10, 3, std=0.1, activation=activation)
    np.random.seed(1)
    return net, 10 * np.random.randn(5, 4), np.array([0, 1, 2, 2, 1])


def check_loss(activation, published):
    net, X, y = toy(activation)
    loss, _ = net.loss(X, y, reg=0.1)
    assert abs(loss - published) < 1e-6


def check_gradients(activation):
    net, X, y = toy(activation)
    _, grads = net.loss(X, y, reg=0.1)
    for name in ("W1", "b1", "W2", "b2"):
        numeric = eval_numerical_gradient(lambda _: net.loss(X, y, reg=0.1)[0], net.params[name], verbose=False)
        assert np.linalg.norm(numeric - grads[name]) < 1e-6 * np.linalg.norm(grads[name])


def loss_of_sigmoid():
    check_loss("sigmoid", 1.182248)


def loss_of_relu():
    check_loss("relu", 1.303788)


def gradients_of_sigmoid():
    check_gradients("sigmoid")


def gradients_of_relu():
    check_gradients("relu")


ALL = [loss_of_sigmoid, loss_of_relu, gradients_of_sigmoid, gradients_of_relu]
'''

PYTEST = "import checks\nimport pytest\n\n\n@pytest.mark.parametrize('one', checks.ALL)\ndef test(one):\n    one()\n"

GRADESCOPE = """\
import unittest
import checks
from gradescope_utils.autograder_utils.decorators import weight
from gradescope_utils.autograder_utils.json_test_runner import JSONTestRunner


class Checks(unittest.TestCase):
    pass


for one in checks.ALL:
    setattr(Checks, f"test_{one.__name__}", weight(1)(lambda self, one=one: one()))
with open("results.json", "w") as out:
    JSONTestRunner(visibility="visible", stream=out).run(unittest.defaultTestLoader.loadTestsFromTestCase(Checks))
"""

OTTER = """\
import checks
OK_FORMAT = False
from otter.test_files import test_case

name = {name!r}
points = 1


@test_case(points=1)
def test_it():
    checks.{name}()
"""

Act = Callable[[], object]


def main() -> None:
    out = Console(highlight=False)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        rows = {name: compare(act, floor(place), rounds, name) for name, act, rounds in contestants(place)}
    out.print(f"{'':44}{'ms':>8}{'ratio to the floor':>22}")
    for name, (milliseconds, ratio) in rows.items():
        out.print(f"{name:44}{milliseconds:8.0f}{ratio:22.2f}")


def contestants(place: Path) -> list[tuple[str, Act, int]]:
    """Name, what to do, how often."""
    lay_out(place)
    return [
        ("in process (the floor)", floor(place), 60),
        (f"grader {__version__}, sandboxed, warm", ours(), 60),
        ("a fresh python3", command(place, sys.executable, "fresh.py"), 15),
        (f"gradescope-utils {version('gradescope-utils')}", command(place, OTHERS / "python", "run_gradescope.py"), 15),
        (f"pytest {version('pytest')}", command(place, OTHERS / "python", "-m", "pytest", "-q", "test_checks.py"), 10),
        (f"otter run {version('otter-grader')}", otter(place), 5),
        (f"nbgrader autograde {version('nbgrader')}", nbgrader(place), 5),
    ]


def lay_out(place: Path) -> None:
    """The submission, the checks, and who runs them."""
    (place / "checks.py").write_text(CHECKS)
    shutil.copy(ROOT / "submissions/perfect/mlp.py", place)
    shutil.copy(ROOT / "reference/ps4/handout/utils.py", place)
    (place / "test_checks.py").write_text(PYTEST)
    (place / "run_gradescope.py").write_text(GRADESCOPE)
    fresh = "import checks\nfor one in checks.ALL:\n    one()\n"
    (place / "fresh.py").write_text(fresh)


def version(package: str) -> str:
    """In the other environment."""
    ask = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.run([OTHERS / "python", "-c", ask], capture_output=True, text=True, check=True).stdout.strip()


def compare(act: Act, baseline: Act, rounds: int, name: str) -> tuple[float, float]:
    """Median milliseconds, and the median ratio to the floor beside it."""
    act(), baseline()
    pairs = []
    for _ in track(range(rounds), name, console=Console(stderr=True), transient=True):
        first, second = took(act), took(baseline)
        pairs.append((first, first / second))
    return statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)


def took(act: Act) -> float:
    started = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - started)


def floor(place: Path) -> Act:
    if str(place) not in sys.path:
        sys.path.insert(0, str(place))
    import checks

    return lambda: [one() for one in checks.ALL]


def ours() -> Act:
    task, submission = catalogue.load(ROOT / "reference/ps4"), receive_path(ROOT / "submissions/perfect", "mlp.py")
    room = PrewarmedSandbox(choose("bubblewrap", Settings().runtime)[0], task.limits)

    def act() -> None:
        report = grade(submission, task, room, Seed(), Scope(only="handout"))
        asked = [check for check in report.checks if check.status.is_decided]
        assert asked
        assert sum((check.points for check in asked), ZERO) == sum((check.possible for check in asked), ZERO)

    return act


def command(place: Path, *words: str | Path) -> Act:
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg", "JUPYTER_PLATFORM_DIRS": "1"}
    environment["PATH"] = f"{OTHERS}:{os.environ['PATH']}"  # nbgrader starts a command of its own

    def act() -> None:
        done = subprocess.run([str(w) for w in words], cwd=place, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    return act


def otter(place: Path) -> Act:
    home = place / "otter"
    (home / "tests").mkdir(parents=True)
    for name in ("loss_of_sigmoid", "loss_of_relu", "gradients_of_sigmoid", "gradients_of_relu"):
        (home / "tests" / f"{name}.py").write_text(OTTER.format(name=name))
    for file in ("checks.py", "mlp.py", "utils.py"):
        shutil.copy(place / file, home)
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [code("import mlp")]}
    (home / "hw.ipynb").write_text(json.dumps(notebook))
    make = ["generate", "-t", "tests", "-o", "autograder.zip", "checks.py", "mlp.py", "utils.py"]
    command(home, OTHERS / "otter", *make)()
    return command(home, OTHERS / "otter", "run", "-a", "autograder.zip", "hw.ipynb")


def nbgrader(place: Path) -> Act:
    home = place / "course"
    source, submitted = home / "source" / "ps", home / "submitted" / "student" / "ps"
    for folder in (source, submitted):
        folder.mkdir(parents=True)
    cells = [code("import checks")]
    for name in ("loss_of_sigmoid", "loss_of_relu", "gradients_of_sigmoid", "gradients_of_relu"):
        marks = {"grade": True, "solution": False, "locked": True, "points": 1, "schema_version": 3}
        cells.append(code(f"checks.{name}()", {"nbgrader": marks | {"grade_id": name, "task": False}}))
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": cells}
    (source / "ps.ipynb").write_text(json.dumps(notebook))
    for file in ("checks.py", "mlp.py", "utils.py"):
        shutil.copy(place / file, source)
    command(home, OTHERS / "nbgrader", "generate_assignment", "ps")()
    for file in (home / "release" / "ps").iterdir():
        shutil.copy(file, submitted)
    return command(home, OTHERS / "nbgrader", "autograde", "ps", "--force")


def code(source: str, metadata: dict[str, object] | None = None) -> dict[str, object]:
    cell = {"cell_type": "code", "id": f"c{abs(hash(source))}", "source": source, "metadata": metadata or {}}
    return cell | {"execution_count": None, "outputs": []}


if __name__ == "__main__":
    main()

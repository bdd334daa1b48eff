"""A reference with a [runtime] runs in the sandbox, with packages that the grader does not have."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from grader.assignments import catalogue
from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.engine.grade import Scope, grade
from grader.errors import BadAssignment
from grader.intake.receive import receive
from grader.kit import testing
from grader.model import Report
from grader.sandbox.contract import Sandbox

TOML = """
id = "shop"
title = "A shop"
points = 4
files = ["shop.py"]
functions = ["total", "share"]
part = [
    { id = "q1", title = "Total", checks = { q1 = { total = 2 } } },
    { id = "q2", title = "Share", checks = { q2 = { share = 2 } } },
]

[runtime]
"""
REFERENCE = """
import pandas as pd

RATE = pd.Series([1.0]).sum()


def total(price, count):
    return float(pd.Series(price * count).sum())


def share(price, count):
    return price * count / total(price, count) * RATE
"""
CHECKS = """
from grader import kit


def prices(draw, truth):
    for size in (4, 7):
        price = draw.random.normal(10, size=size)
        assert truth.total(price, price) > 0
        yield price, draw.random.integers(1, 9, size)


@kit.check("q1", each=prices)
def total(ask, ref, expect, price, count):
    "Total"
    expect("total", ask.total(price, count), ref.total(price, count))


@kit.check("q2", each=prices, builds_on={"q1": "total"})
def share(ask, ref, expect, price, count):
    "Share"
    expect("share", ask.share(price, count), ref.share(price, count))
"""
MISTAKES = """
import pandas as pd

from grader import kit

from .reference import total as right_total


@kit.mistake("The count is left out: multiply by it.", of="total", fails=["q1"])
def without_count(price, count):
    return float(pd.Series(price).sum())


@kit.mistake("The total is doubled.", of="total", fails=["q1"])
def doubled(price, count):
    return 2 * right_total(price, count)
"""
PUBLIC = Seed()
RIGHT = "import numpy as np\ndef total(price, count): return price @ count\n"
SHARE = "def share(price, count): return price * count / total(price, count)\n"


def write_shop(folder: Path) -> Path:
    """Write the assignment into a new folder, and return it."""
    folder.mkdir(parents=True)
    files = {"assignment.toml": TOML, "reference.py": REFERENCE, "checks.py": CHECKS, "mistakes.py": MISTAKES}
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Assignment:
    return catalogue.load(write_shop(tmp_path_factory.mktemp("assignments") / "shop"))


def graded(source: str, shop: Assignment, sandbox: Sandbox, seed: Seed = PUBLIC) -> Report:
    return grade(receive("shop.py", source.encode(), "shop.py"), shop, sandbox, seed, Scope())


def lost(report: Report) -> dict[str, str]:
    return {check.id: check.reason for check in report.lost}


def test_the_grader_knows_its_mistakes_without_its_packages(shop: Assignment) -> None:
    assert "pandas" not in sys.modules
    assert [mistake.id for mistake in shop.mistakes] == ["without_count", "doubled"]
    with pytest.raises(BadAssignment, match="runs only in a sandbox"):
        shop.truths("", frozenset())


@pytest.mark.parametrize("seed", [Seed(), Seed(b"a secret of sixteen")])
def test_a_right_solution_earns_everything(shop: Assignment, sandbox: Sandbox, seed: Seed) -> None:
    assert lost(graded(RIGHT + SHARE, shop, sandbox, seed)) == {}


@pytest.mark.parametrize(
    ("total", "says"), [("price.sum()", "The count is left out"), ("2 * (price @ count)", "The total is doubled")]
)
def test_a_known_mistake_is_diagnosed_and_charged_once(
    shop: Assignment, sandbox: Sandbox, total: str, says: str
) -> None:
    report = graded(RIGHT.replace("price @ count", total) + SHARE, shop, sandbox)
    assert lost(report).keys() == {"q1.total"}
    assert says in lost(report)["q1.total"]


def test_what_follows_from_the_students_own_function_keeps_its_points(shop: Assignment, sandbox: Sandbox) -> None:
    wrong = RIGHT.replace("price @ count", "7 * (price @ count) + 1")  # no known mistake
    report = graded(wrong + SHARE, shop, sandbox)
    assert lost(report).keys() == {"q1.total"}
    (share,) = [check for check in report.checks if check.id == "q2.share"]
    assert share.follows_from == ("q1.total",)
    report = graded(wrong + SHARE.replace("price * count", "price"), shop, sandbox)
    assert lost(report).keys() == {"q1.total", "q2.share"}


def test_truths_differ_by_their_changes_and_forget_them(shop: Assignment, sandbox: Sandbox) -> None:
    bound = shop.in_sandbox(sandbox)
    truths = bound.truths
    price, count = np.array([1.0, 2.0]), np.array([3, 4])
    totals = []
    for assumed in [set(), {"doubled"}, {"without_count"}, set()]:
        totals.append(truths("", frozenset(assumed)).total(price, count))
    assert totals == [11, 22, 3, 11]
    with pytest.raises(ValueError, match="two mistakes in one function cannot be combined"):
        truths("", frozenset({"doubled", "without_count"})).total(price, count)
    bound.rest()


def test_a_reference_that_raises_says_so(shop: Assignment, sandbox: Sandbox) -> None:
    bound = shop.in_sandbox(sandbox)
    with pytest.raises(ValueError, match="the reference's total raises"):
        bound.truths("", frozenset()).total(np.ones(2), np.ones(3))
    bound.rest()


def test_a_reference_that_cannot_be_loaded_is_the_authors_to_change(
    shop: Assignment, sandbox: Sandbox, tmp_path: Path
) -> None:
    for file in shop.folder.glob("*.*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "reference.py").write_text(f"import no_such_package\n{REFERENCE}", "utf-8")
    broken = catalogue.load(tmp_path)
    with pytest.raises(BadAssignment, match=r"does not run in its \[runtime\]: .*no_such_package"):
        graded(RIGHT + SHARE, broken, sandbox)
    (tmp_path / "mistakes.py").write_text(MISTAKES.replace('["q1"]', "CHECKS"), "utf-8")
    with pytest.raises(BadAssignment, match=r"/mistakes\.py cannot be loaded: NameError"):
        catalogue.load(tmp_path)


CLASS = """
import pandas as pd


class Line:
    def fit(self, x):
        self.slope = float(pd.Series(x).mean())

    def predict(self, x):
        return self.slope * x
"""


def test_a_class_runs_in_the_sandbox_too(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "reference.py").write_text(CLASS, "utf-8")
    toml = TOML.replace('functions = ["total", "share"]', 'class = { name = "Line", methods = ["fit", "predict"] }')
    (tmp_path / "assignment.toml").write_text(toml, "utf-8")
    (tmp_path / "checks.py").write_text(
        """
from grader import kit

def lines(draw, _truth):
    yield (draw.random.normal(5, size=4),)

@kit.check("q1", each=lines)
def fit(ask, ref, expect, x):
    "Slope"
    line, right = ask.Line(), ref.Line()
    line.fit(x)
    right.fit(x)
    expect("total", line.slope, right.slope)

@kit.check("q2", each=lines, builds_on={"q1": "fit"})
def predict(ask, ref, expect, x):
    "Values"
    line, right = ask.Line(), ref.Line()
    line.fit(x)
    right.fit(x)
    expect("share", line.predict(x), right.predict(x))
""",
        "utf-8",
    )
    (tmp_path / "mistakes.py").write_text(
        "from grader import kit\nfrom .reference import Line\n\n"
        '@kit.mistake("The slope is negated.", fails=["q1.total"])\n'
        "class Negated(Line):\n    def fit(self, x):\n        super().fit(-x)\n",
        "utf-8",
    )
    task = catalogue.load(tmp_path)
    right = CLASS.replace("import pandas as pd", "").replace("float(pd.Series(x).mean())", "x.mean()")
    assert lost(graded(right, task, sandbox)) == {}
    report = graded(right.replace("x.mean()", "-x.mean()"), task, sandbox)
    assert "The slope is negated." in lost(report)["q1.total"]


def test_an_imported_reference_is_graded_in_process(shop: Assignment, tmp_path: Path) -> None:
    for file in shop.folder.glob("*.*"):
        text = (
            file.read_text("utf-8")
            .replace("import pandas as pd", "")
            .replace("float(pd.Series(price).sum())", "sum(price)")
        )
        text = text.replace("float(pd.Series(price * count).sum())", "sum(price * count)").replace(
            "pd.Series([1.0]).sum()", "1"
        )
        (tmp_path / file.name).write_text(text, "utf-8")
    task = catalogue.load(tmp_path)
    assert testing.failed(testing.grade(task, vars(task.imported().reference_module))) == frozenset()
    for mistake in task.mistakes:
        report = testing.grade(task, testing.specimen(task, mistake))
        assert testing.diagnosed(report) == {mistake.id}

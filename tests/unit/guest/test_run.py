"""Statements are run one by one: what raises is left out, and what replaces something better is undone."""

from __future__ import annotations

import linecache
from types import ModuleType
from typing import Any

import pytest

from grader.guest.run import Runner
from grader.guest.sources import read_notebook

ACT = "def act(a):\n    return 1"


def run(*cells: str) -> Runner:
    source = read_notebook({"path": "a.ipynb", "code": cells, "numbers": range(1, len(cells) + 1)})
    for number, cell in enumerate(cells, 1):
        linecache.cache[f"a.ipynb cell {number}"] = (len(cell), None, cell.splitlines(keepends=True), "")
    runner = Runner(ModuleType("notebook"))
    runner.run(source.statements)
    return runner


def names(*cells: str) -> dict[str, Any]:
    return vars(run(*cells).module)


@pytest.mark.parametrize("value", ["act = act(3)", "act, other = act(3), 4", "act = [act(x) for x in range(3)]"])
def test_a_function_outlives_a_value_of_its_name(value: str) -> None:
    assert names(ACT, "other = None", "def other(): pass", value)["act"](0) == 1


@pytest.mark.parametrize("again", ["act = lambda a: 2", "two = lambda a: 2\nact = two", "def act(a):\n    return 2"])
def test_a_function_that_is_made_anew_is_the_new_one(again: str) -> None:
    assert names(ACT, again)["act"](0) == 2


def test_an_empty_copy_of_a_function_is_undone_and_noted() -> None:
    runner = run(ACT, "def act(a):\n    pass")
    assert runner.module.act(0) == 1
    assert runner.notes == {("empty", "a.ipynb cell 2"): "act"}


def test_a_shorter_class_without_empty_methods_counts() -> None:
    two = "class Net:\n    def f(self): return 1\n    def g(self): return 2"
    assert names(two, "class Net:\n    def f(self): return 3")["Net"]().f() == 3


def test_one_missing_name_of_an_import_costs_no_other() -> None:
    found = names("import os, no_such_module, sys", "from math import exp, no_such_function")
    assert (found["os"].sep, found["exp"](0)) == ("/", 1)
    for missing in ("no_such_module", "no_such_function"):
        with pytest.raises(ImportError):
            found[missing]()


def test_a_class_whose_default_is_missing_is_defined() -> None:
    net = "class Net:\n    top = max(X)\n    def f(self, size=D, *, half=int(D) // 2):\n        return 7"
    found = names("X = open('no file')", "N, D = X.shape", net)
    assert found["Net"]().f() == 7


def test_a_statement_that_cannot_be_compiled_costs_nothing_else() -> None:
    found = names("return 3\nx = 1", "for _ in ():\n    pass\nbreak", "await x")
    assert found["x"] == 1

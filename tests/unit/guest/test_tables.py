"""DataFrames cross as plain data. Those of pandas are made in a session, since these tests have no pandas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from grader.guest.entry_points import EntryPoints
from grader.guest.tables import CATEGORIES, COLUMNS, INDEX, SERIES, TEXTS, TIMES, texts_of
from grader.guest.wire import Opaque
from grader.kit.answer import Answer
from grader.kit.calls import same
from grader.kit.student import Student
from grader.model import Limits, Submission
from grader.sandbox.contract import Sandbox

CODE = b"""
import pandas as pd

def identity(table):
    assert isinstance(table, (pd.DataFrame, pd.Series)), type(table)
    return table

def by_city(table):
    return table.groupby("city")["price"].sum()

def of(code):
    return eval(code)
"""
TABLE = {
    COLUMNS: ["city", "price", "day"],
    INDEX: [],
    "city": {TEXTS: np.array([1, 0, -1, 1]), CATEGORIES: ["Basel", "Bern"]},
    "price": np.array([1.0, np.nan, 2.0, 3.0]),
    "day": {TIMES["M"]: np.arange(4) * 86_400_000_000_000},
}


@pytest.fixture(scope="module")
def student(sandbox: Sandbox) -> Iterator[Student]:
    points = EntryPoints("functions", ("identity", "by_city", "of"))
    student = Student(Submission({"a.py": CODE}, (), ""), sandbox, points, ["a.py"], Limits(), {}, {})
    student.begin()
    assert student.load_failure is None
    yield student
    student.close()


def test_a_table_arrives_as_a_table_and_comes_back(student: Student) -> None:
    got = student.call("identity", TABLE).value
    assert got.keys() == TABLE.keys()
    assert got["city"][TEXTS].tolist() == [1, 0, -1, 1]
    np.testing.assert_array_equal(got["price"], TABLE["price"])
    assert got["day"][TIMES["M"]].tolist() == TABLE["day"][TIMES["M"]].tolist()


def test_a_series_has_its_index(student: Student) -> None:
    got = student.call("by_city", TABLE)
    assert got.value[COLUMNS] == ["(city)", "price"]
    assert got.value[INDEX] == ["(city)"]
    assert got.value[SERIES] is True
    assert texts_of(got.value["(city)"]) == ["Basel", "Bern"]
    assert got.value["price"].tolist() == [0, 4]
    assert same(student.call("identity", got.value), got.value).holds


@pytest.mark.parametrize(
    ("code", "column"),
    [
        ("pd.array([1, None, 3], dtype='Int64')", [1, np.nan, 3]),
        ("pd.array([True, False, True], dtype='boolean')", [True, False, True]),
        ("pd.Categorical([5, 7, 5])", [5, 7, 5]),
        ("np.array([1, 2, 3], 'int8')", [1, 2, 3]),
    ],
)
def test_numbers_of_pandas_become_arrays(student: Student, code: str, column: list[Any]) -> None:
    got = student.call("of", f"pd.DataFrame({{'a': {code.replace('np.', 'pd.core.common.np.')}}})").value["a"]
    np.testing.assert_array_equal(got, column)


@pytest.mark.parametrize("code", ["pd.Timestamp('2020')", "pd.DataFrame({'a': [[1], [2]]})['a']"])
def test_other_objects_are_opaque(student: Student, code: str) -> None:
    got = student.call("of", code).value
    assert type(got["a"] if isinstance(got, dict) else got) is Opaque


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({COLUMNS: ["city", "price"]}, "it must return 3 values but returned a list of 2"),
        ({"city": {TEXTS: np.array([1, 0, 0, 1]), CATEGORIES: ["Basel", "Bern"]}}, "f()['city'] has another text"),
        ({"city": {TEXTS: np.array([1, 0]), CATEGORIES: ["Basel", "Bern"]}}, "f()['city'] has another text"),
        ({"city": {TEXTS: np.array([1]), CATEGORIES: [np.ones(3)]}}, "f()['city'] has another text"),
        ({"city": np.zeros(4)}, "f()['city'] has another text"),
        ({"price": np.array([1.0, 0.0, 2.0, 3.0])}, "f()['price'] must be NaN at 1 of 4 entries, and at no other"),
        ({"price": np.array([1.0, np.nan, 2.0, 4.0])}, "f()['price']: relative error 0.267"),
        ({"day": {TIMES["M"]: np.zeros(4, int)}}, "3 of 4 labels differ"),
    ],
)
def test_a_wrong_column_is_named(change: dict[str, Any], says: str) -> None:
    assert same(Answer("f()", TABLE), TABLE).holds
    verdict = same(Answer("f()", {**TABLE, **change}), TABLE)
    assert not verdict.holds
    assert says in verdict.reason


def test_an_array_is_no_table() -> None:
    verdict = same(Answer("f()", np.ones((4, 3))), TABLE)
    assert "has no '(columns of a DataFrame)': it is an array of shape (4, 3)" in verdict.reason

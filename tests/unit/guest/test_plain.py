"""A student's odd but right values become what they mean; anything with operators of its own becomes opaque."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque, namedtuple
from enum import IntEnum
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.guest.plain import MAX_DEPTH, MAX_ITEMS, MAX_TEXT, plain
from grader.guest.wire import Opaque, encode


class Winner(np.ndarray):
    def __eq__(self, other: object) -> bool:  # type: ignore[override]
        return True


class LyingFloat(float):
    def __sub__(self, other: object) -> float:
        return 0.0


class LyingDict(dict[str, float]):
    def items(self) -> Any:
        raise RuntimeError("never asked")


class LyingList(list[float]):
    def __iter__(self) -> Any:
        raise RuntimeError("never asked")

    __len__ = __getitem__ = __iter__


class LyingName(str):
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return True


class Colour(IntEnum):
    RED = 1


Pair = namedtuple("Pair", "loss grads")


@pytest.mark.parametrize(
    ("value", "means"),
    [
        (None, None),
        (True, True),
        ((1.5, {"W1": "x"}), [1.5, {"W1": "x"}]),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (LyingDict(a=1.0), {"a": 1.0}),
        ({np.str_("W1"): 1}, {"W1": 1}),
        (LyingList(["x"]), ["x"]),
        (Counter("aab"), {"a": 2, "b": 1}),
        (Pair(1.0, {"W1": 2}), [1.0, {"W1": 2}]),
        ({1: "a", "b": 2, None: 3, ("c",): 4}, {"b": 2}),
        (["1.0", 2], ["1.0", 2]),
    ],
    ids=repr,
)
def test_right_but_odd_values_become_what_they_mean(value: Any, means: Any) -> None:
    assert plain(value) == means
    assert type(plain(value)) is type(means)


@pytest.mark.parametrize(
    ("value", "means"),
    [
        ([1.0, 2.0], np.array([1.0, 2.0])),
        ([np.float64(1), 2.0], np.array([1.0, 2.0])),
        ([np.int64(1), np.int32(2)], np.array([1, 2])),
        (deque([1.0, 2.0], maxlen=5), np.array([1.0, 2.0])),
        (LyingList([1.0, 2.0]), np.array([1.0, 2.0])),
        ([np.array([1.0]), np.array([[2.0]]), 3.0], np.array([1.0, 2.0, 3.0])),
        (np.longdouble(0.5), np.array(0.5)),
        (np.arange(4, dtype=np.longdouble), np.arange(4.0)),
        (np.float32(0.5), np.array(0.5, np.float32)),
        (np.bool_(True), np.array(True)),
        (np.arange(4, dtype=">f8"), np.arange(4.0)),
    ],
    ids=repr,
)
def test_numbers_of_numpy_and_lists_of_numbers_become_arrays(value: Any, means: np.ndarray) -> None:
    got = plain(value)
    assert type(got) is np.ndarray
    assert (got.dtype.newbyteorder("="), got.shape, got.tolist()) == (means.dtype, means.shape, means.tolist())


@pytest.mark.parametrize(
    "value",
    [
        object(),
        lambda: None,
        np,
        1j,
        b"bytes",
        {1, 2},
        iter([1]),
        LyingFloat(1.0),
        LyingName("W1"),
        Colour.RED,
        np.zeros(2).view(Winner),
        np.ma.masked_array([1.0], [True]),
        np.array([object()]),
        np.array(["text"]),
        np.zeros(2, complex),
        np.zeros(2, np.clongdouble),
        np.zeros(2, [("a", "f8")]),
        np.complex128(1),
        1 << 63,
        -(1 << 63) - 1,
        [1 << 70, 1],
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_might_answer_for_itself_becomes_opaque(value: Any) -> None:
    assert type(plain(value)) is Opaque


class Tensor:
    """An array of another library: with gradients, or on another device, it converts only after `detach` and `cpu`."""

    def __init__(self, values: Any, *, on_cpu: bool = False) -> None:
        self.values, self.on_cpu = values, on_cpu

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return Tensor(self.values, on_cpu=True)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if not self.on_cpu:
            raise TypeError("can't convert device type tensor to numpy")
        return np.array(self.values)


class Frozen:
    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.arange(3.0)


class Lost:
    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise SystemError("lost")


def test_arrays_of_other_libraries_become_arrays() -> None:
    got = plain([Frozen(), Tensor([1, 2]), {"W": Tensor([[1.5]])}])
    assert [got[0].tolist(), got[1].tolist(), got[2]["W"].tolist()] == [[0, 1, 2], [1, 2], [[1.5]]]


def test_an_array_that_cannot_be_converted_is_opaque() -> None:
    assert [plain(Lost()), plain(Tensor(["a"]))] == [Opaque("Lost"), Opaque("array of dtype <U1")]


def test_a_name_with_operators_of_its_own_is_no_key() -> None:
    assert plain({LyingName("W1"): 1, "b1": 2}) == {"b1": 2}


def test_nesting_without_end_ends() -> None:
    endless: list[Any] = ["x"]
    endless.append(endless)
    got = plain(endless)
    for _ in range(MAX_DEPTH - 1):
        got = got[1]
    assert type(got[1]) is Opaque


@pytest.mark.parametrize(
    "value", [[0] * (MAX_ITEMS + 1), {str(i): i for i in range(MAX_ITEMS + 1)}], ids=["list", "dict"]
)
def test_more_items_than_anybody_needs_become_opaque(value: Any) -> None:
    assert type(plain(value)) is Opaque


def test_long_text_is_cut() -> None:
    assert plain("x" * (MAX_TEXT + 5)) == "x" * MAX_TEXT


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.binary()
    | st.sampled_from(
        [np.float32(1), np.array(2), np.array([None]), np.array(None), np.zeros(2).view(Winner), LyingFloat(), object()]
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(anything)
def test_whatever_a_student_returns_can_be_sent(value: Any) -> None:
    encode(plain(value))

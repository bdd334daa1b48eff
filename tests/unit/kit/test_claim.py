"""The comparisons are total: they answer for any value that can cross the wire, and hold only for right ones."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.guest.wire import DTYPES, Opaque, Ref
from grader.kit.answer import Answer, describe, explain
from grader.kit.compare import agree, is_rounding, ladder, near
from grader.kit.verdict import Verdict, failed, passed
from grader.model import Died, Limit, Place, Raised, SourceLine, Stopped, Unusable

HALF = Fraction(1, 2)


def answer(value: Any) -> Answer:
    return Answer("the answer", value)


text = st.text(max_size=10)
arrays = st.sampled_from(sorted(DTYPES)).flatmap(
    lambda name: hnp.arrays(np.dtype(name), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)
failures = st.sampled_from(
    [
        Raised("ValueError", "no", Place("mlp.py", 3), "x = 1"),
        Raised("KeyError", ""),
        *(Stopped(limit, 10.0) for limit in Limit),
        Died("gone"),
        Unusable("odd"),
    ]
)
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats()
    | text
    | text.map(Ref)
    | text.map(Opaque)
    | arrays
    | failures,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
shapes = st.sampled_from([(), (3,), (1, 3), (3, 1), (2, 3), (1, 1), (3, 3)])
finite = st.floats(-1e6, 1e6)


def reference(shape: tuple[int, ...]) -> np.ndarray:
    """Numbers that no example above meets by chance."""
    return np.asarray(np.arange(np.prod(shape, dtype=int)).reshape(shape) * 17.3 + 0.618)


# ── near ─────────────────────────────────────────────────────────────────────────────────────────────


@given(plain, shapes)
def test_near_answers_for_any_value(value: Any, shape: tuple[int, ...]) -> None:
    with np.errstate(all="ignore"):  # as the diagnosis has it
        verdict = near(answer(value), reference(shape))
    assert not verdict.holds
    assert verdict.reason


@given(plain, st.sampled_from([1, 2, 3]))
def test_agree_answers_for_any_value(value: Any, rows: int) -> None:
    with np.errstate(all="ignore"):
        assert not agree(answer(value), np.full(rows, 123_456_789)).credit


@pytest.mark.parametrize(
    "value",
    [
        ["1.0"],
        [True],
        [1.0],
        "1.0",
        True,
        None,
        {"0": 1.0},
        [],
        np.array(True),
        np.array([1.0, 1.0]),
        np.array([]),
        np.array(np.nan),
        np.array([None]),
        np.array(["1.0"]),
        np.array(1 + 0j),
        np.array([1.0]).view(np.recarray),
        float("nan"),
        float("inf"),
        Opaque("Winner"),
        Ref("X"),
        np.float64(1.0),
    ],
    ids=repr,
)
def test_what_is_not_one_finite_number_is_not_near_one(value: Any) -> None:
    assert not near(answer(value), 1.0).credit


@pytest.mark.parametrize(
    "value", [1, 1.0, np.array(1.0), np.array([1.0]), np.array([[1]]), np.array(1, np.uint8)], ids=repr
)
def test_one_number_is_near_itself_however_it_is_wrapped(value: Any) -> None:
    assert near(answer(value), 1.0) == passed()


@pytest.mark.parametrize("shape", [(1,), (), (1, 3), (2, 1), (3, 2), (6,), (2, 3, 2), (2, 1, 3, 2), (0, 3), (1, 1)])
def test_shapes_that_would_only_broadcast_are_refused(shape: tuple[int, ...]) -> None:
    verdict = near(answer(np.ones(shape)), np.ones((2, 3)))
    assert "shape" in verdict.reason
    assert not verdict.credit


@pytest.mark.parametrize("value", [1.0, [1.0, 1.0], [[1.0, 1.0, 1.0]] * 2, {"0": 1.0}])
def test_a_matrix_cannot_be_a_number_or_a_list(value: Any) -> None:
    assert not near(answer(value), np.ones((2, 3))).credit


@pytest.mark.parametrize("shape", [(4,), (1, 4), (4, 1)])
@pytest.mark.parametrize("wanted", [(4,), (1, 4), (4, 1)])
def test_a_vector_is_a_vector_however_it_lies(shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    values = np.array([1.0, -2.0, 3.0, 0.5])
    assert near(answer(values.reshape(shape)), values.reshape(wanted)).holds


def test_a_transposed_matrix_is_told_so() -> None:
    want = np.arange(6.0).reshape(2, 3)
    assert near(answer(want.T), want).reason.endswith("it must have (2, 3): transpose it")
    assert near(answer(want.T + 1), want).reason.endswith("it must have (2, 3)")


def test_a_transposed_square_matrix_is_not_near() -> None:
    square = np.arange(9.0).reshape(3, 3)
    assert not near(answer(square.T), square).credit


@given(hnp.arrays(np.float64, st.sampled_from([(3,), (2, 3)]), elements=finite), st.floats(0, 0.5))
def test_near_is_norm_wise(want: np.ndarray, share: float) -> None:
    norm = float(np.linalg.norm(want))
    assume(norm > 1e-3)
    off = np.zeros_like(want)
    off.flat[0] = norm * 1e-6
    assert near(answer(want + share * off), want).holds
    assert not near(answer(want + (2 + share) * off), want).credit


any_floats = st.sampled_from([(), (1,), (3,), (2, 3)]).flatmap(
    lambda shape: st.tuples(*[hnp.arrays(np.float64, shape, elements=st.floats(width=64))] * 2)
)


@given(any_floats)
@example((np.array(1.0), np.array(1.7e308)))
@example((np.array(1.7e308), np.array(1e-100)))
def test_near_judges_all_floats(pair: tuple[np.ndarray, np.ndarray]) -> None:
    got, want = pair
    with np.errstate(all="ignore"):
        assert type(near(answer(got if got.shape else float(got)), want).credit) is Fraction


def test_the_absolute_tolerance_is_absolute() -> None:
    assert near(answer(1.1822479804), 1.182248, rtol=0, atol=1e-6).holds
    assert not near(answer(1.1822495), 1.182248, rtol=0, atol=1e-6).credit


def test_nothing_is_near_nothing_but_itself() -> None:
    assert near(answer(np.zeros(3)), np.zeros(3)).holds
    assert not near(answer(np.full(3, 1e-12)), np.zeros(3)).credit


@pytest.mark.parametrize("noise", [-1e-15, 0, 1e-15])
def test_of_equally_bad_places_the_first_is_named(noise: float) -> None:
    verdict = near(answer(np.array([1.0, 3.5 + noise, 4.5, 4.0])), np.arange(1.0, 5.0))
    assert verdict.values.startswith("at [1] got")


ZERO = np.array([3e-17, -1e-17, -2e-17])


def test_rounding_beside_a_right_answers_size_is_zero() -> None:
    assert near(answer(-ZERO), ZERO, least=1e-2).holds
    assert near(answer(np.zeros(3)), ZERO, least=1e-2).holds
    assert near(answer(ZERO.astype(np.float32) * 1e9), ZERO, least=1e-2).holds


def test_what_is_more_than_rounding_is_not_zero() -> None:
    assert not near(answer(np.full(3, 1e-7)), ZERO, least=1e-2).credit
    assert not near(answer(-ZERO), ZERO).credit


def test_the_least_size_of_a_right_answer_changes_nothing_for_larger_ones() -> None:
    want = np.array([3.0, 4.0])
    assert near(answer(want * (1 + 0.9e-6)), want, least=1e-2).holds
    assert not near(answer(want * (1 + 1.1e-6)), want, least=1e-2).credit


@pytest.mark.parametrize(
    ("norm", "scale", "rounding"),
    [(1e-16, 1.0, True), (0.0, 1.0, True), (1e-11, 1.0, False), (1e-16, 1e-16, False), (0.0, 0.0, False)],
)
def test_rounding_is_small_beside_what_it_might_have_been(norm: float, scale: float, rounding: bool) -> None:
    assert is_rounding(norm, scale) is rounding
    assert not is_rounding(float("nan"), scale)
    assert not is_rounding(norm, float("nan"))


@pytest.mark.parametrize(
    "value",
    [np.array([1.00005, 2.00005, 3.0], np.float32), np.array([1, 2, 3], np.float16)],
    ids=["float32", "float16"],
)
def test_single_precision_is_compared_more_coarsely_and_says_so(value: np.ndarray) -> None:
    verdict = near(answer(value), np.array([1.0, 2.0, 3.0]))
    assert verdict == passed("computed in float32, so compared at 1e-4")


def test_single_precision_of_the_parameters_counts_too() -> None:
    assert near(answer(1.00005), 1.0, single=True).holds
    assert not near(answer(1.00005), 1.0).credit


def test_integers_are_not_single_precision() -> None:
    assert not near(answer(np.array([10000, 20001], np.int32)), np.array([10000.0, 20000.0])).credit


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (np.full(3, np.nan), "is NaN (first at [0])"),
        (np.array([1.0, np.inf, 1.0]), "is infinite (first at [1])"),
        (np.array([5.0, 5.0, 5.0]), "is 5 times the reference"),
        (np.array([1.0, 1.0, 1.5]), "1 of 3 entries differ, the first at [2]"),
        (np.array([True, True, True]), "has dtype bool; it must hold numbers"),
        (None, "is None (is a return missing?), not an array of shape (3,)"),
    ],
)
def test_the_reason_says_what_is_wrong(value: Any, says: str) -> None:
    assert says in near(answer(value), np.ones(3)).reason


@pytest.mark.parametrize("value", [1e308, np.full(3, 1e308), np.full(3, -1e308), np.array([5e-324] * 3)], ids=repr)
def test_numbers_at_the_end_of_the_range_are_only_wrong(value: Any) -> None:
    shape = np.shape(value)
    with np.errstate(all="ignore"):
        assert not near(answer(value), np.ones(shape)).credit


# ── agree and ladder ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "labels",
    [np.array([2, 0, 1]), np.array([2.0, 0.0, 1.0]), np.array([[2], [0], [1]]), np.array([2, 0, 1], np.uint8)],
    ids=["int", "float", "column", "uint8"],
)
def test_labels_agree_whatever_their_dtype(labels: np.ndarray) -> None:
    assert agree(answer(labels), np.array([2, 0, 1])) == passed()


@pytest.mark.parametrize(
    "labels",
    [
        np.array([2, 0, 0]),
        np.array([2, 0]),
        np.array([2.0, 0.0, np.nan]),
        np.array([[2, 0, 1]] * 3),
        np.array(2),
        np.array([True, False, True]),
        [["2"], ["0"], ["1"]],
        None,
        Opaque("Winner"),
    ],
    ids=repr,
)
def test_wrong_labels_do_not_agree(labels: Any) -> None:
    assert not agree(answer(labels), np.array([2, 0, 1])).credit


def test_labels_that_are_scores_agree_up_to_rounding() -> None:
    scores = np.array([0.1 + 0.2, 7.5, -3.25])
    assert agree(answer(np.array([0.3, 7.5, -3.25])), scores).holds
    assert agree(answer(scores.astype(np.float32)), scores).holds
    assert not agree(answer(scores + 1e-3), scores).credit
    assert not agree(answer(scores), np.array([0.3, 7.5, np.inf])).credit


def test_labels_that_are_integers_agree_exactly_however_large() -> None:
    assert agree(answer(np.array([2.0, 1 + 2e-16])), np.array([2, 1])).holds
    assert not agree(answer(np.array([123_456_790])), np.array([123_456_789])).credit


def test_agreeing_on_a_share_is_enough_where_the_check_says_so() -> None:
    assert agree(answer(np.array([0, 1, 2, 9])), np.arange(4), share=0.75).holds
    assert not agree(answer(np.array([0, 1, 9, 9])), np.arange(4), share=0.75).credit


STEPS = [(0.85, Fraction(1)), (0.80, HALF)]


@pytest.mark.parametrize(
    ("value", "credit"), [(1.0, 1), (0.85, 1), (0.8499, HALF), (0.80, HALF), (0.7999, 0), (0.0, 0), (float("nan"), 0)]
)
def test_a_ladder_gives_the_credit_of_the_highest_step_reached(value: float, credit: Fraction) -> None:
    verdict = ladder(value, STEPS, "accuracy")
    assert verdict.credit == credit
    assert verdict.holds or "0.85 " in verdict.reason


# ── verdicts ─────────────────────────────────────────────────────────────────────────────────────────

verdicts = st.builds(
    Verdict,
    credit=st.sampled_from([Fraction(0), HALF, Fraction(1)]),
    reason=st.sampled_from(["", "one", "two"]),
    remarks=st.lists(st.sampled_from("abc"), max_size=2).map(tuple),
)


@given(verdicts, verdicts)
def test_of_two_verdicts_the_worse_counts_with_the_remarks_of_both(a: Verdict, b: Verdict) -> None:
    both = a & b
    assert both.credit == min(a.credit, b.credit)
    assert both.reason in {v.reason for v in (a, b) if v.credit == both.credit}
    assert set(both.remarks) == {*a.remarks, *b.remarks}


def test_the_place_goes_with_the_reason() -> None:
    raised = Verdict(Fraction(0), "raised", line=SourceLine("mlp.py", 3, "x"))
    assert (passed() & raised).line == raised.line
    assert (raised & failed("later")).line == raised.line


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────


@given(plain, st.integers(0, 2) | text)
def test_any_answer_can_be_asked_for_an_item(value: Any, key: int | str) -> None:
    item = answer(value).item(key, "its item")
    assert item.what == "its item"
    assert describe(item.value)


def test_a_failure_goes_on_into_its_items() -> None:
    died = Died("it ended")
    assert answer(died).item(1, "grads").item("W1", "grads['W1']") == Answer("grads['W1']", died)


@pytest.mark.parametrize(
    ("value", "key", "says"),
    [
        ({"w1": 1}, "W1", "has no 'W1': it is a dict with the keys ['w1']"),
        (None, "W1", "None (is a return missing?)"),
        (1.5, 1, "must return several values but returned a float"),
        (np.float64(1.5).reshape(()), 1, "a single number"),
        ([1.5], 1, "1 values"),
    ],
)
def test_a_missing_item_is_the_students_failure_and_says_what_there_is(value: Any, key: int | str, says: str) -> None:
    failure = answer(value).item(key, "its item").failure
    assert isinstance(failure, Unusable)
    assert says in failure.detail


def test_a_description_stays_short_whatever_the_student_returns() -> None:
    crowd = {f"{i:0200}": 1 for i in range(10_000)}
    assert len(describe(crowd)) < 2_000
    assert len(explain(answer(crowd).item("W1", "W1").value)) < 2_000


@pytest.mark.parametrize(
    ("raised", "hint"),
    [
        (
            Raised("TypeError", "only 0-dimensional arrays can be converted to Python scalars"),
            "A single number is needed here, but this is an array",
        ),
        (Raised("TypeError", "'float' object cannot be interpreted as an integer"), "A whole number is needed"),
        (Raised("NameError", "name 'get_ipython' is not defined"), "exists in notebooks only"),
        (Raised("FileNotFoundError", "[Errno 2] No such file or directory: 'mnist.npz'"), "upload it with your code"),
    ],
    ids=lambda value: getattr(value, "message", value) or "",
)
def test_the_errors_that_students_meet_most_say_what_to_do(raised: Raised, hint: str) -> None:
    assert hint in explain(raised)


# ── checks ───────────────────────────────────────────────────────────────────────────────────────────


def test_labels_and_counts_are_counted_and_have_no_relative_error() -> None:
    want = np.array([0, 1, 2, 1])
    wrong = near(Answer("predict(X)", np.array([0, 2, 1, 1.0])), want)
    assert (wrong.reason, wrong.values) == ("predict(X): 2 of 4 labels differ", "row 1: got 2, expected 1")
    assert near(Answer("predict(X)", want.astype(np.float32)), want).holds
    assert near(Answer("count", 5), 7).reason == "count is not the right number"
    assert near(Answer("count", 7.0), 7).holds

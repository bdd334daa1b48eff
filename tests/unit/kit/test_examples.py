"""Inputs drawn around examples, and the reference as the default truth."""

from __future__ import annotations

import numpy as np
import pytest

from grader.errors import BadAssignment
from grader.guest.wire import Ref
from grader.kit.answer import Answer
from grader.kit.calls import VARIES, Call, Episode, same
from grader.kit.draws import Draw
from grader.kit.examples import around, fresh, read, write
from grader.kit.reference_truth import RAISED, ReferenceTruth, is_near

RANDOM = np.random.default_rng(0)
FIT = Episode(
    calls=(Call("fit", (Ref("W"), Ref("X"), Ref("y"), 0.5), {"batch": 8, "steps": 2, "name": "sgd"}),),
    arrays={"W": RANDOM.normal(size=(5, 3)), "X": RANDOM.normal(size=(8, 5)), "y": np.array([0, 1, 2, 1, 0, 2, 1, 0])},
)


@pytest.fixture(scope="module")
def drawn():
    random = np.random.default_rng(1)
    return [fresh(FIT.until("fit"), [FIT], random) for _ in range(100)]


def test_equal_lengths_are_one_axis_and_no_two_axes_have_one_length(drawn):
    for one in drawn:
        (D, C), (N, of_X), (of_y,) = (one.arrays[name].shape for name in ("W", "X", "y"))
        assert (of_X, of_y) == (D, N)
        assert len({D, C, N}) == 3
    assert len({one.arrays["X"].shape for one in drawn}) > 20


def test_an_integer_that_is_a_length_follows_it(drawn):
    assert all(one.calls[0].kwargs["batch"] == len(one.arrays["X"]) for one in drawn)


def called(*values):
    """Examples of f(x, number), and numbers drawn around them with the lengths of their x."""
    known = [Episode((Call("f", (Ref("x"), value)),), {"x": np.arange(n) + 0.5}) for n, value in values]
    random = np.random.default_rng(2)
    drawn = [fresh(form.until("f"), known, random) for form in known for _ in range(100)]
    return [(len(one.arrays["x"]), one.calls[0].args[1]) for one in drawn]


def test_an_integer_equals_a_length_only_where_an_example_shows_it():
    assert any(number == length for length, number in called((6, 3), (8, 8)))
    assert all(number <= length for length, number in called((6, 3), (8, 8)))
    assert all(number < length for length, number in called((6, 3), (8, 4)))
    assert all(number == length for length, number in called((6, 6), (8, 8)))


def test_labels_have_every_class_of_the_axis_that_they_refer_to(drawn):
    assert all(set(one.arrays["y"]) == set(range(one.arrays["W"].shape[1])) for one in drawn)
    assert all(one.arrays["y"].dtype == FIT.arrays["y"].dtype for one in drawn)


@pytest.mark.parametrize(
    "labels", [[0, 1, 1, 0, 1, 0, 0, 1], [-1.0, 1.0] * 4, [1, 2, 3, 1, 2, 3, 1, 3], [True, False] * 4]
)
def test_labels_that_count_no_axis_stay_those_of_the_example(labels):
    form = Episode((Call("f", (Ref("X"), Ref("y"))),), {"X": FIT.arrays["X"], "y": np.array(labels)})
    random = np.random.default_rng(3)
    drawn = np.concatenate([fresh(form, [form], random).arrays["y"] for _ in range(50)])
    assert (drawn.dtype, set(drawn)) == (np.array(labels).dtype, set(labels))


def test_an_integer_that_is_the_number_of_classes_stays_it():
    form = Episode((Call("f", (Ref("X"), Ref("y"), 3)),), {"X": np.ones((8, 2)) / 3, "y": FIT.arrays["y"]})
    random = np.random.default_rng(4)
    drawn = [fresh(form, [form], random) for _ in range(50)]
    assert all(set(one.arrays["y"]) == set(range(one.calls[0].args[2])) for one in drawn)
    assert len({one.calls[0].args[2] for one in drawn}) > 3


def test_numbers_change_and_words_stay(drawn):
    assert len({one.calls[0].args[3] for one in drawn}) == 100
    assert len({one.calls[0].kwargs["steps"] for one in drawn}) > 1
    assert {one.calls[0].kwargs["name"] for one in drawn} == {"sgd"}


def test_a_list_of_rows_of_different_lengths_is_near_no_array():
    assert not is_near([np.ones(2), np.ones(3)], np.ones((2, 2)), 1e-8)


def test_a_file_of_examples_holds_what_was_written(tmp_path):
    made = Episode(
        calls=(Call("train", (Ref("X"), None, True, [1, 2], {"rate": 0.1})),),
        arrays={"X": np.ones((2, 3), np.float32)},
        new=Call("Net", (3,)),
        put={"params": {"W": np.zeros(2)}},
        attributes=("params",),
    )
    write(tmp_path / "examples.json", [made])
    (found,) = read(tmp_path / "examples.json")
    assert (found.calls, found.new, found.attributes) == (made.calls, made.new, made.attributes)
    assert found.arrays["X"].dtype == np.float32
    assert found.put["params"]["W"].tolist() == [0, 0]


# ── the reference as the truth ───────────────────────────────────────────────────────────────────────


def ask(function, *arrays, seed=0):
    names = [f"a{i}" for i in range(len(arrays))]
    call = Call("f", tuple(map(Ref, names)))
    return ReferenceTruth({"f": function}), Episode(
        (call, call), dict(zip(names, arrays, strict=True)), judged="f", seed=seed
    )


def test_the_truth_leaves_its_arguments_alone_and_says_what_the_reference_changes():
    array = np.ones(3)
    truth, episode = ask(lambda x: np.multiply(x, 2, out=x), array)
    played = truth.play(episode)
    assert (array.tolist(), played["arrays"]["a0"].tolist()) == ([1, 1, 1], [4, 4, 4])
    assert [answer.tolist() for answer in played["answers"]] == [[2, 2, 2], [4, 4, 4]]


def test_what_is_random_all_the_same_is_compared_by_its_shape_and_says_so():
    truth, episode = ask(lambda x: x + np.random.default_rng().random(3), np.ones(3))
    right = truth.play(episode)["answers"][0]
    assert right == {VARIES: [3]}
    verdict = same(Answer("f(x)", np.zeros(3)), right)
    assert (verdict.holds, verdict.remarks) == (True, ("random, so only its shape was compared",))
    assert not same(Answer("f(x)", np.zeros(4)), right).holds


def test_inputs_that_the_reference_refuses_are_not_used():
    truth, episode = ask(lambda x: x[100], np.ones(3))
    assert RAISED in truth.play(episode)
    assert not truth.usable(episode)
    with pytest.raises(ValueError, match="the reference has no answers in this episode: it raises IndexError"):
        truth.play(episode)["answers"]


def test_a_reference_that_answers_to_no_input_is_the_authors_to_change():
    draw = around([Episode((Call("f", (1.5,)),))], "f")
    with pytest.raises(BadAssignment, match=r"rejects every input .* of 'f' \(its results are infinite.*: change"):
        list(draw(Draw(np.random.default_rng(0), False), ReferenceTruth({"f": lambda _x: np.inf})))
    with pytest.raises(BadAssignment, match=r"rejects every input .* of 'f' \(TypeError: .*: change"):
        list(draw(Draw(np.random.default_rng(0), False), ReferenceTruth({"f": lambda: 1})))


@pytest.mark.parametrize(
    ("got", "holds"), [(np.nan, True), (np.array(np.nan), True), (1.0, False), (1, False), ("nan", False)]
)
def test_nan_equals_nan_and_nothing_else(got, holds):
    assert same(Answer("f()", got), np.nan).holds is holds


def test_nan_must_be_in_the_same_places():
    want = np.array([1.0, np.nan, 3.0])
    assert same(Answer("f()", want.astype(np.float32)), want).holds
    for got in ([np.nan, 2, 3], [1, 2, 3], [1, np.nan, 4], [1, np.nan, np.nan], [1, np.nan], [1, np.nan, np.inf]):
        assert not same(Answer("f()", np.array(got, float)), want).holds


def test_inputs_for_which_the_reference_returns_nan_are_used():
    example = Episode((Call("f", (Ref("x"),)),), {"x": np.array([1.0, -2.0, np.nan, 3.0, 4.0])})
    truth = ReferenceTruth({"f": lambda x: np.array([np.nan, np.nanmean(x)])})
    drawn = list(around([example], "f")(Draw(np.random.default_rng(0), False), truth))
    assert len(drawn) == 12
    assert 0 < np.mean([np.isnan(episode.arrays["x"]).mean() for episode in drawn]) < 0.5


def test_inputs_for_which_the_reference_overflows_are_not_used():
    example = Episode((Call("f", (Ref("x"),)),), {"x": np.array([1.0, -2.0, 0.5, 3.0, 4.0])})
    truth = ReferenceTruth({"f": lambda x: np.exp(x) / np.exp(x).sum()})  # inf / inf is NaN
    drawn = list(around([example], "f")(Draw(np.random.default_rng(0), False), truth))
    assert len(drawn) == 12
    assert not any(np.isnan(truth.play(episode)["answers"][0]).any() for episode in drawn)

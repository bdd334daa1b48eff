"""Recorded answers are those of the truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader import nets
from grader.assignments.catalogue import Assignment
from grader.assignments.recorded_truth import (
    RECORDED,
    AnswerRecorder,
    RecordedTruth,
    dumps,
)


def problem(activation: str) -> nets.Problem:
    random, sizes = np.random.default_rng(5), (5, 7, 3)
    params = {"W1": (5, 7), "b1": (7,), "W2": (7, 3), "b2": (3,)}
    drawn = {name: random.normal(size=shape) for name, shape in params.items()}
    options = {"std": 0.1, "activation": activation}
    return nets.Problem(drawn, random.normal(size=(6, 5)), np.arange(6) % 3, 0.4, sizes, options)


def training(activation: str) -> nets.Training:
    of = problem(activation)
    rows = replace(of, X=np.tile(of.X[:1], (6, 1)), y=np.full(6, 2))
    recipe = dict(num_epochs=2, batch_size=3, learning_rate=0.2, learning_rate_decay=0.5)
    return nets.Training(rows, of.X, of.y, recipe)


QUESTIONS = [
    *[(method, problem(a)) for method in ("loss", "gradients", "labels", "scores") for a in ("sigmoid", "relu")],
    *[(method, training(a)) for method in ("trained", "trained_parameters") for a in ("sigmoid", "relu")],
]


def answer(truth: Any, method: str, about: Any) -> Any:
    with np.errstate(all="ignore"):
        try:
            return getattr(truth, method)(about)
        except Exception as error:  # a mistake may leave nothing that can be computed
            return type(error)


def is_same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(is_same(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(is_same, one, other))
    return bool(np.array_equal(one, other, equal_nan=isinstance(one, float | np.ndarray)))


@pytest.mark.parametrize(("method", "about"), QUESTIONS, ids=lambda value: value if isinstance(value, str) else "")
def test_an_answer_under_a_mistake_is_that_of_the_mistaken_reference(ps4: Assignment, method: str, about: Any) -> None:
    recorder = AnswerRecorder(ps4.truths)
    for interpretation in ps4.interpretations:
        for assumed in (frozenset[str](), *(frozenset({mistake.id}) for mistake in ps4.mistakes[::8])):
            recorded = answer(recorder.truth(interpretation.id, assumed), method, about)
            direct = answer(ps4.truths(interpretation.id, assumed), method, about)
            assert recorded is direct or is_same(recorded, direct), (interpretation.id, assumed)
    assert len(recorder.answers.distinct) < len(recorder.answers.of_questions)


@pytest.mark.parametrize("method", ["ends", "learnt"])
def test_what_a_truth_computes_when_it_is_asked_for_is_recorded_whole(ps4: Assignment, method: str) -> None:
    of = training("sigmoid")
    few = replace(of, problem=of.problem.rows(slice(4))).changed(batch_size=2, num_epochs=1)
    interpretation = ps4.interpretations[0].id
    recorded = answer(AnswerRecorder(ps4.truths).truth(interpretation, frozenset()), method, few)
    directly = list(answer(ps4.truths(interpretation, frozenset()), method, few))
    assert len(directly) == {"ends": 100, "learnt": 1}[method]
    assert is_same(recorded, directly)


def test_answers_are_read_as_they_were_recorded(ps4: Assignment, tmp_path: Path) -> None:
    recorder = AnswerRecorder(ps4.truths)
    key = (ps4.interpretations[0].id, frozenset({ps4.mistakes[0].id}))
    wanted = [answer(recorder.truth(*key), method, about) for method, about in QUESTIONS]
    (tmp_path / RECORDED).write_bytes(dumps("digest", recorder.answers, ps4.mistakes, ps4.interpretations))
    truth = RecordedTruth.read(tmp_path / RECORDED).truths({})(*key)
    for (method, about), want in zip(QUESTIONS, wanted, strict=True):
        assert is_same(answer(truth, method, about), want if not isinstance(want, tuple) else list(want))

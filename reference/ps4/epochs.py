"""Checks of a single epoch: the examples that it uses, and the accuracies that train records after it.

Handout: "num_epochs: how many times to go through the training set"; "train_acc_history: share of right answers on the
training set, after each epoch".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from grader import nets
from grader.kit import Claim, Draw, Student, Verdict, all_hold, because, claim, failed, near, numbers, passed, until
from grader.nets import Array, Training

from .problems import SIGMOID

# ── the examples that an epoch uses ──────────────────────────────────────────────────────────────────

FEW, SOME, MOST = 0.3, 0.45, 0.8
"""Thresholds of the share of 100 examples that one epoch uses. Drawing without replacement uses all. Drawing with
replacement uses 0.63 ± 0.03 of them, or 0.68 ± 0.03 if no batch of 25 contains an example twice."""


def one_row_an_example(draw: Draw, _truth: Any) -> Iterator[Training]:
    """Draw one epoch whose X is the identity, to see which examples train uses, and with which labels.

    Row i of W1 changes only if example i is used. The direction depends on the example's label. Three of four labels
    are 1, so that every batch contains a 1. The steps are so small that W2 hardly changes. Its two columns are drawn
    far apart: with nearly equal columns, float32 rounding would hide the changes of W1.
    """
    recipe = {"num_epochs": 1, "batch_size": 25, "learning_rate": 0.01, "learning_rate_decay": 1.0}
    problem = SIGMOID.draw(draw.random, (100, 4, 2, 100))
    width = len(problem.params["W2"])
    column = draw.random.choice((-1.0, 1.0), width) * draw.random.uniform(0.5, 1.0, width)
    problem = problem.at({"W2": np.stack((column, -column), axis=1)})
    y = draw.random.permutation((np.arange(len(problem.X)) % 4 > 0).astype(int))
    yield nets.on_the_identity(SIGMOID, problem, y, recipe)


def every_example(student: Student, training: Training, *, name: str, given: Sequence[str]) -> Iterator[Claim]:
    """Claim that one epoch of train uses all of the data, each row with its own label.

    Args:
        student: The submission.
        training: A training whose X is the identity, from `one_row_an_example`.
        name: Name of the claim.
        given: Ids of the checks that the claim builds on.

    Returns:
        One claim.
    """
    params = nets.train(student, training).arrays()
    N, W1 = len(training.problem.X), training.problem.params["W1"]

    def judge(truth: Any) -> Verdict:
        expected_params, _ = truth.trained(training)
        if isinstance(params, Verdict):
            return params
        used, expected_used = nets.rows_moved(W1, params["W1"]), nets.rows_moved(W1, expected_params["W1"])
        uses = f"one epoch of {training.steps} batches of {training.batch_size} uses"
        uses_too_few = used < SOME * N <= expected_used
        uses_too_many = expected_used < FEW * N and used >= SOME * N  # only the truth with a known mistake uses so few
        if uses_too_few or uses_too_many:
            return because(
                failed(f"{uses} only {used} of {N} examples"),
                "An epoch must go through the data: every batch takes other rows.",
            )
        if MOST * N < used < N:
            return because(
                failed(f"{uses} {used} of {N} examples"),
                "Some rows are left out: check the permutation and the indices that cut it into batches.",
            )
        mislabelled = _with_other_labels(W1, params["W1"], expected_params["W1"])
        if mislabelled:
            return because(
                failed(f"{mislabelled} of {N} examples are trained with the label of another example"),
                "X_batch and y_batch must be the same rows of X and y: does every row go with its own label?",
            )
        return passed()

    yield nets.claim_on_batches(name, judge, student, training, given, first="W1")


def _with_other_labels(start: Array, end: Array, expected: Array) -> int:
    """Return the number of examples that were trained with another example's label: their rows of W1 moved opposite to
    the right direction. Changes within float32 rounding are ignored.

    Args:
        start, end: W1 (N, H) before and after the student's training.
        expected: W1 (N, H) after a right training.
    """
    right_move = expected - start
    length = np.linalg.norm(right_move, axis=1)
    direction = np.divide(right_move, length[:, None], out=np.zeros_like(right_move), where=length[:, None] > 0)
    moved = np.sum((end - start) * direction, axis=1)
    rounding = 4 * np.finfo(np.float32).eps * np.sum(np.abs(start * direction), axis=1)
    return int(np.sum((np.minimum(length, -moved) > rounding) & (moved < 0)))


# ── the accuracies after an epoch ────────────────────────────────────────────────────────────────────


def different_examples(draw: Draw, truth: Any) -> Iterator[Training]:
    """Draw one epoch of one batch of 24 different examples. The initial parameters classify about half of them
    correctly."""
    recipe = {"num_epochs": 1, "batch_size": 24, "learning_rate": 0.02, "learning_rate_decay": 1.0}
    *sizes, _ = nets.SHAPES[0]
    inputs, classes = sizes[0], sizes[-1]

    def half_right(problem: nets.Problem) -> bool:
        return 0.3 < float(truth.accuracy(problem)) < 0.7

    problem = until(lambda: SIGMOID.draw(draw.random, (*sizes, 24)), half_right)
    X_val, y_val = nets.draw_inputs(draw.random, 20, inputs), nets.draw_labels(draw.random, 20, classes)
    yield Training(problem, X_val, y_val, recipe)


def accuracies(trainer: nets.Trainer, student: Student, training: Training, *, given: Sequence[str]) -> Iterator[Claim]:
    """Claim that the last accuracies in train's histories are right: the shares of right labels for the parameters
    after the training.

    Args:
        trainer: Ids of the checks of train, and the names of the histories that train returns.
        student: The submission, in a session that has begun.
        training: One epoch on different examples, from `different_examples`.
        given: Ids of the checks that the claim builds on.

    Returns:
        One claim.
    """
    model = nets.Model(student, training.problem)
    answer = nets.train(student, training, model)
    params = answer.arrays()
    own_trainings = nets.OwnTrainings(trainer, student, training)
    data = trainer.measured_data(training)
    guesses = {history: model.predict(problem.X) for history, problem in data.items()}

    def judge(truth: Any) -> Verdict:
        if isinstance(params, Verdict):
            return params
        verdict = passed()
        right_shares = dict(zip(data, truth.measured(training, params), strict=True))
        _, expected_histories = truth.trained(training)
        for history, problem in data.items():
            if not expected_histories[history]:  # the truth with a known mistake runs no epoch
                verdict &= near(answer.history(history), np.zeros(0))
                continue
            entry = numbers(nets.last_of(answer.stats.item(history, history)), ())
            if isinstance(entry, Verdict):
                return entry
            accepted = [right_shares[history], nets.share_of_right(guesses[history], problem.y)]
            if problem is training.problem:
                # train may measure on a batch drawn with replacement: any share of its rows but none and all
                accepted += [rows / training.batch_size for rows in range(1, training.batch_size)]
            near_a_tie = float(np.mean(~truth.clear_rows(problem.at(params))))
            is_accepted = np.nanmin(np.abs(entry - accepted)) <= near_a_tie + 1e-6
            if not is_accepted and not nets.are_no_labels(guesses[history], problem.y):
                verdict &= failed(f"the last entry of {history} is not the accuracy (with different examples)")
        return verdict

    def own(truth: Any, _causes: Sequence[str]) -> Verdict:
        by_constants = own_trainings.by_constants(truth)
        if by_constants is None:
            return failed("train runs with the student's own gradients, which were used above")
        constant_answer, expected = by_constants
        return all_hold(
            near(constant_answer.history(history), np.array(expected.histories[history])) for history in data
        )

    yield claim("histories", judge, given=given, own=own, own_work=own)

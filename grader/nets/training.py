"""Checks of a student's `train` and `predict`. Each function yields claims, for use in a check of an assignment.

A training on copies of one example leads to the same parameters however batches are drawn, so its parameters are
compared with the reference's. Separate functions judge how batches are drawn.

Common parameters: `student`, in a session that has begun; a training or a pair of problems; `name`, the name of the
claims; `given`, the ids of the earlier checks that the claims build on; and `hint`, a function that returns a sentence
about the likely cause if no known mistake explains a failure (see `claim`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from grader.kit.answer import Answer
from grader.kit.claim import Claim, Judgement, claim
from grader.kit.compare import EXACT, agree, array_of, near
from grader.kit.student import Student
from grader.kit.verdict import Verdict, all_hold, because, call_failure, failed, passed
from grader.model import Died, Raised, Stopped
from grader.nets.losses import Hint, already_charged
from grader.nets.models import Model, floats_of, is_near, last_of
from grader.nets.own_answers import OwnAnswers, ProblemAnswer, gradients_are_zero, gradients_use_data, labels_follow
from grader.nets.own_trainings import OwnTrainings, Trainer, share_of_right
from grader.nets.problems import Pair, Params, Problem, Training
from grader.nets.train_results import TrainAnswer, train
from grader.sandbox.contract import Array

GOES_ON = (
    "The last entries are right, and those before them are of an earlier training: start with empty lists in each call "
    "of train, and not in a default argument."
)
ZERO = "All gradients that loss returns are zero here, so no step can move a parameter: correct the gradients first."


# ── where a training ends ────────────────────────────────────────────────────────────────────────────


def trained_parameters(
    trainer: Trainer,
    student: Student,
    training: Training,
    *,
    name: str,
    given: Sequence[str],
    model: Model | None = None,
    uses_data: bool = False,
    hint: Hint | None = None,
) -> Iterator[Claim]:
    """Call the student's train, and claim that the parameters afterwards are the reference's.

    If checks of the student's gradients or steps have lost points, the claim also passes if the parameters are right
    for the student's own gradients or steps. Calls `truth.trained_parameters`, `truth.trained` and `truth.moved_by`.

    Args:
        trainer: Ids of the checks of train, and the names of the histories that train returns.
        student: The submission, in a session that has begun.
        training: A training on copies of one example.
        name: Name of the claim.
        given: Ids of the checks that the claim builds on.
        model: The model to train, for callers that use it afterwards; by default a new one.
        uses_data: True to accept results of wrong gradients only if these gradients depend on the examples.
        hint: Function that returns a sentence about the likely cause if no known mistake explains a failure.

    Returns:
        One claim.
    """
    answer = train(student, training, model)
    own_trainings = OwnTrainings(trainer, student, training)

    def judge(truth: Any) -> Verdict:
        failure = call_failure(answer.stats)
        if failure is not None and isinstance(answer.stats.failure, Stopped | Died):
            return failure  # before calling the truth, which takes time
        return answer.compare(truth.trained_parameters(training))

    def own(truth: Any, causes: Sequence[str]) -> Verdict:
        """Pass parameters that are right for the student's own gradients or steps. If a training with gradients of zero
        leaves the parameters unchanged, fail it with this cause."""
        for compared, expected in own_trainings.comparisons(answer, causes, truth):
            if compared.compare(expected.params).holds:
                if trainer.about_training(causes) and not own_trainings.takes_steps:
                    return failed("train takes no steps")
                return gradients_use_data(student, training.problem, labels=False) if uses_data else passed()
        is_unchanged = answer.compare_moves(training.problem.params).holds
        if trainer.about_losses(causes) and is_unchanged and gradients_are_zero(student, training.problem):
            return because(answer.compare(truth.trained_parameters(training)), ZERO)
        return failed("does not follow the student's own gradients or steps")

    yield claim(
        name,
        judge,
        given=given,
        own=own,
        own_work=own,
        diagnosable=not isinstance(answer.stats.failure, Raised),
        hint=hint,
    )


def trained_again(training: Training, model: Model, *, name: str, given: Sequence[str]) -> Iterator[Claim]:
    """Train again from the same initial parameters with the same arrays, and claim that the parameters are right. Calls
    `truth.trained_again`.

    Args:
        training: A training on copies of one example.
        model: A model that has run this training once.
        name: Name of the claim.
        given: Ids of the checks that the claim builds on.

    Returns:
        One claim.
    """
    stats = model.train_again(training)
    answer = TrainAnswer(training, stats, model.parameters(), model)

    def judge(truth: Any) -> Verdict:
        return because(
            answer.compare(truth.trained_again(training)),
            "This is the same training a second time, from the same parameters on the same arrays: train keeps "
            "something between calls, or changes X or y.",
        )

    yield claim(name, judge, given=given, own=already_charged, own_work=already_charged)


# ── how batches are drawn ────────────────────────────────────────────────────────────────────────────


LEARNT = 0.95
"""Least accuracy of a training that has learnt random labels."""
LEAST_SHARE_USED = 0.45
"""Least share of the examples that a right epoch uses: drawing with replacement uses 0.63 of a hundred."""


def claim_on_batches(
    name: str, judge: Judgement, student: Student, training: Training, given: Sequence[str], *, first: str = ""
) -> Claim:
    """Return a claim on how batches are drawn.

    After wrong gradients or steps, the parameters do not show which rows a batch contains. If checks of gradients or
    steps have lost points, the claim passes if the student's gradients depend on the examples, and if train does not
    leave out most of the rows that it moves when all of them are one batch.

    Args:
        name: Name of the claim.
        judge: Its judgement.
        student: The submission.
        training: The training that is judged.
        given: Ids of the checks that the claim builds on.
        first: Name of the first layer's weights if X is the identity, so that row i moves only if example i is used.
    """

    def own(_truth: Any, _causes: Sequence[str]) -> Verdict:
        if first and _share_moved(student, training, first) < LEAST_SHARE_USED:
            one_batch = training.one_step(training.problem, float(training.recipe["learning_rate"]))
            if _share_moved(student, one_batch, first) == 1:
                return failed("most examples are in no batch")
        return gradients_use_data(student, training.problem, labels=False)

    return claim(name, judge, given=given, own=own, own_work=own)


def _share_moved(student: Student, training: Training, first: str) -> float:
    """Return the share of the rows of the first layer's weights that a training has moved; NaN if it fails."""
    start, params = training.problem.params[first], train(student, training).arrays()
    return np.nan if isinstance(params, Verdict) else rows_moved(start, params[first]) / len(start)


def batch_size(student: Student, training: Training, *, name: str, given: Sequence[str]) -> Iterator[Claim]:
    """Claim that every step of train uses a batch of `batch_size` examples.

    Some sequence of such batches must lead to the same parameters as the student's train. Calls `truth.ends`.

    Args:
        student: The submission.
        training: One epoch of few batches, from `examples_of_one_class`.
        name: Name of the claim.
        given: Ids of the checks that the claim builds on.

    Returns:
        One claim.
    """
    answer = train(student, training)
    params = answer.arrays()

    def judge(truth: Any) -> Verdict:
        """Pass if one of the possible sequences of batches leads to the student's parameters."""
        changes = truth.ends(training)
        if isinstance(params, Verdict):
            return params
        if changes is None:  # too many sequences to try
            return passed()
        for change in changes:
            end = {name: start + change[name] for name, start in training.problem.params.items()}
            if answer.agrees(end):
                return passed()
        examples, rows = len(training.problem.X), training.batch_size
        return because(
            failed(
                f"with {examples} examples and batch_size={rows}, the parameters after one epoch are not the result of "
                f"any {training.steps} batches of {rows} rows"
            ),
            "An epoch must take N / batch_size steps, each on batch_size rows of X with their own labels.",
        )

    yield claim_on_batches(name, judge, student, training, given)


def at_random(student: Student, training: Training, *, name: str, given: Sequence[str]) -> Iterator[Claim]:
    """Claim that train draws batches at random.

    The parameters after one epoch must differ from those of training on batches in the order of the data. Calls
    `truth.in_order` and `truth.trained`.

    Args:
        student: The submission.
        training: One epoch, from `examples_of_one_class`. It needs so many examples that a random order hardly ever
            equals the order of the data.
        name: Name of the claim.
        given: Ids of the checks that the claim builds on.

    Returns:
        One claim.
    """
    answer = train(student, training)
    params = answer.arrays()

    def judge(truth: Any) -> Verdict:
        """Fail parameters that are those of batches in the order of the data, if random batches lead elsewhere."""
        in_order, (expected_params, _) = truth.in_order(training), truth.trained(training)
        if isinstance(params, Verdict):
            return params
        if answer.agrees(in_order) and not _are_equal(expected_params, in_order):
            return because(
                failed("one epoch leads to the same parameters as batches in the order of the data"),
                "The batches follow the order of the data: draw them at random.",
            )
        return passed()

    yield claim_on_batches(name, judge, student, training, given)


def _are_equal(params: Params, other_params: Params) -> bool:
    """Return whether two sets of parameters are equal up to rounding."""
    return all(np.allclose(value, other_params[name], rtol=EXACT, atol=0) for name, value in params.items())


def rows_moved(start: Array, end: Array) -> int:
    """Return the number of rows of a matrix that a training has changed. A cast to float32 is not counted."""
    moves = np.linalg.norm(end - start, axis=1)
    moves_of_cast = np.linalg.norm(end - start.astype(np.float32), axis=1)
    return int((np.minimum(moves, moves_of_cast) > 1e-9).sum())


def own_label(student: Student, training: Training, first: str, *, name: str, given: Sequence[str]) -> Iterator[Claim]:
    """Claim that train uses every example, and learns it with its own label. Calls `truth.accuracy` and `truth.learnt`.

    Args:
        student: The submission.
        training: A training on random labels, from `by_heart`. With 24 examples and 60 epochs, drawing with replacement
            leaves an example unused once in 10^25 trainings.
        first: Name of the first layer's weights, of shape (N, …) for N examples. Row i changes only if example i is
            used.
        name: Name of the claim.
        given: Ids of the checks that the claim builds on.

    Returns:
        One claim.
    """
    answer = train(student, training)
    problem = training.problem
    N, start = len(problem.X), problem.params[first]

    def judge(truth: Any) -> Verdict:
        """Fail if rows of the first layer have not moved, or if the labels are not learnt although right training
        learns them."""
        params = answer.arrays()
        if not isinstance(params, Verdict):
            used_rows, accuracy = rows_moved(start, params[first]), truth.accuracy(problem.at(params))
            if used_rows == N and accuracy >= LEARNT:
                return passed()  # a right training, which takes time, would change nothing
        for expected_params, loss in truth.learnt(training):
            if not all(np.isfinite(value).all() for value in expected_params.values()):
                return passed()  # with a known mistake, the truth may overflow, and then shows nothing
            if isinstance(params, Verdict):
                return params
            if used_rows < rows_moved(start, expected_params[first]) == N:
                return because(
                    failed(f"{N - used_rows} of {N} examples are never used in {training.epochs} epochs"),
                    "Batches must be drawn from all rows, from 0 to N - 1.",
                )
            # the loss of a right training is 0.003; with a known mistake, even the truth may not learn the labels
            if accuracy < LEARNT and loss < 0.01:
                return because(
                    failed(f"{N} examples are not fitted in {training.epochs} epochs (accuracy {accuracy:.2f})"),
                    "Does every row of a batch go with its own label?",
                )
        return passed()

    yield claim_on_batches(name, judge, student, training, given, first=first)


# ── histories ────────────────────────────────────────────────────────────────────────────────────────


def histories(
    trainer: Trainer,
    student: Student,
    training: Training,
    *,
    name: str = "histories",
    given: Sequence[str],
    hint: Hint | None = None,
) -> Iterator[Claim]:
    """Claim that train returns its histories, with the right entries. Calls `truth.trained`, `truth.labels` and
    `truth.moved_by`.

    Args:
        trainer: Ids of the checks of train, and the names of the histories that train returns.
        student: The submission, in a session that has begun.
        training: A training on copies of one example.
        name: Name of the claims.
        given: Ids of the checks that the claims build on.
        hint: Function that returns a sentence about the likely cause if no known mistake explains a failure.

    Returns:
        One claim for each history.
    """
    model = Model(student, training.problem)
    answer = train(student, training, model)
    own_trainings = OwnTrainings(trainer, student, training, measures=True)
    data = trainer.measured_data(training)
    accuracies_on_changed_data = _accuracies_on_changed_data(student, model, data)
    guesses = {history: model.predict(problem.X) for history, problem in data.items()}

    def judge(history: str, truth: Any) -> Verdict:
        """Compare one history with the right entries."""
        _, expected_histories = truth.trained(training)
        expected = expected_histories[history]
        entries = answer.history(history)
        verdict = near(entries, np.array(expected), single=model.single)
        verdict = replace(verdict, inconclusive=False)  # an accuracy of 0 counts as a result
        return _explain_too_long(verdict, entries, expected)

    def own(history: str, truth: Any, causes: Sequence[str]) -> Verdict:
        """Pass a history that is right for the student's own gradients, steps or predict."""
        follows = own_trainings.history_follows(answer, history, causes, truth)
        if not follows and history in data:
            is_charged = trainer.predict in causes
            follows = _follows_own_predict(answer, history, data[history], guesses[history], is_charged, truth)
        if not follows and history in accuracies_on_changed_data:
            entries = array_of(answer.stats.item(history, history), (training.recorded,))
            follows = entries is not None and bool(entries[-1] == accuracies_on_changed_data[history])
        return passed() if follows else failed(f"{history} does not follow from the checks that have lost points")

    for history in trainer.histories:
        own_of_history = partial(own, history)
        yield claim(name, partial(judge, history), given=given, own=own_of_history, own_work=own_of_history, hint=hint)


def _accuracies_on_changed_data(student: Student, model: Model, data: Mapping[str, Problem]) -> dict[str, float]:
    """Return, by history, the accuracy of the student's predict on the data that the student's train has changed in
    place. Histories of unchanged data are left out. Call this right after train.

    Args:
        student: The submission.
        model: The trained model.
        data: The training and then the validation data, as sent to train, by the names of their histories.
    """
    accuracies: dict[str, float] = {}
    current = student.look("X", "X_val")
    for (history, problem), array_name in zip(data.items(), ("X", "X_val"), strict=True):
        X = array_of(current.item(array_name, array_name), problem.X.shape)
        if X is not None and not np.array_equal(X, problem.X):
            accuracies[history] = share_of_right(model.predict(X), problem.y)
    return accuracies


def _follows_own_predict(
    answer: TrainAnswer, history: str, data: Problem, guess: Answer, is_charged: bool, truth: Any
) -> bool:
    """Return whether the last entry of a history is the accuracy of the student's wrong predict on the data.

    Any entry is accepted if predict is not implemented, does not return N labels, or gives equal rows different labels,
    which rounding then decides. A right predict explains nothing; one that has lost points may be right at the end.

    Args:
        answer: The result of the student's train.
        history: Name of a history of accuracies.
        data: The training or validation data on which train measures this accuracy.
        guess: What the student's predict has returned for these data after the training.
        is_charged: True if the check of predict has lost points.
        truth: Object with the right results.
    """
    params = answer.arrays()
    entries = array_of(answer.stats.item(history, history), (answer.training.recorded,))
    if entries is None or isinstance(params, Verdict):
        return False
    problem = data.at(params)  # with the parameters that the student's train has led to
    if are_no_labels(guess, problem.y):
        return True
    labels = array_of(guess, problem.y.shape)
    if labels is None or (agree(guess, truth.labels(problem)).holds and not is_charged):
        return False
    if np.all(problem.X[0] == problem.X) and np.any(labels != labels[0]):
        return True
    return bool(abs(entries[-1] - np.mean(labels == problem.y)) < 1e-9)


def are_no_labels(guess: Answer, y: Array) -> bool:
    """Return whether the student's predict is not implemented, or does not return one label for each row.

    The check of predict then loses its points, and any accuracy that train computes with predict is accepted.
    """
    if guess.failure is not None:
        return isinstance(guess.failure, Raised) and guess.failure.kind == NotImplementedError.__name__
    if isinstance(guess.value, np.ndarray):
        return guess.value.size != len(y)
    return not isinstance(guess.value, list) or len(guess.value) != len(y)


def _explain_too_long(verdict: Verdict, history: Answer, expected: Sequence[float]) -> Verdict:
    """Return the verdict on a history, with a cause added if the history is too long and its last entries are right."""
    entries = floats_of(history)
    if entries.ndim != 1 or not 0 < len(expected) < entries.size:
        return verdict
    last_entries = entries[-len(expected) :]
    return because(verdict, GOES_ON) if is_near(last_entries, np.array(expected)) else verdict


# ── predict ──────────────────────────────────────────────────────────────────────────────────────────


def predicted(
    student: Student,
    pair: Pair,
    training: Training,
    *,
    name: str = "predict",
    given: Sequence[str],
) -> Iterator[Claim]:
    """Claim that predict's labels are right: on two batches, on a single row, with other parameters, and after a
    training.

    Calls `truth.labels` and `truth.clear_rows`.

    Args:
        student: The submission, in a session that has begun.
        pair: Two batches to classify, from `predictions`.
        training: A short training on the pair's second batch.
        name: Name of the claim.
        given: Ids of the checks that the claim builds on.

    Returns:
        One claim.
    """
    model = Model(student, pair.first)
    flipped = pair.first.at({name: -value for name, value in pair.first.params.items()})
    answers: list[ProblemAnswer] = []

    def predict(problem: Problem, when: str) -> None:
        answer = model.predict(problem.X)
        if len(problem.X) == 1:
            answer = last_of(answer)
        answers.append(ProblemAnswer(OwnAnswers(student, problem), answer.named(f"predict(X){when}")))

    predict(pair.first, "")
    predict(pair.second, " on other rows")
    predict(pair.first.rows(slice(1)), " on a single row")
    put_answer = model.put(flipped.params)
    predict(flipped, ", after the parameters have changed,")
    stats = model.train(training)
    model.put(pair.first.params)
    predict(pair.second, ", after training and new parameters,")

    def labels() -> list[ProblemAnswer]:
        """Return the answers of predict, without the one after a training that failed."""
        return answers if stats.failure is None else answers[:-1]

    def judge(truth: Any) -> Verdict:
        return call_failure(put_answer) or all_hold(_labels_agree(answer, truth) for answer in labels())

    def own(_truth: Any, _causes: Sequence[str]) -> Verdict:
        return labels_follow(labels())

    yield claim(name, judge, given=given, own=own, own_work=own)


def _labels_agree(answer: ProblemAnswer, truth: Any) -> Verdict:
    """Compare predict's labels with the right ones. Rows near a tie between two labels may have either label."""
    problem: Problem = answer.own.problem
    share = float(np.mean(truth.clear_rows(problem)))
    return agree(answer.answer, truth.labels(problem), share=share)

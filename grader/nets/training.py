"""Checks of a student's `train` and `predict`. Each function yields claims, for use in a check of an assignment.

A training on copies of one example leads to the same parameters however batches are drawn, so its parameters are
compared with the reference's. Separate functions judge how batches are drawn.

Common parameters: `student`, in a session that has begun; a training or a pair of problems; `name`, the name of the
claims; `given`, the ids of the earlier checks that the claims build on; and `hint`, a function that returns a sentence
about the likely cause if no known mistake explains a failure (see `claim`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from grader.kit.answer import Answer
from grader.kit.claim import Claim, Judgement, claim
from grader.kit.compare import EXACT, agree, array_of, near, numbers
from grader.kit.student import Student
from grader.kit.verdict import Verdict, all_hold, because, call_failure, failed, passed
from grader.model import Died, Raised, Stopped
from grader.nets.follow_through import (
    Ended,
    OwnAnswers,
    ProblemAnswer,
    Trainer,
    gradients_are_zero,
    gradients_use_data,
    labels_follow,
    share_of_right,
    trained,
)
from grader.nets.losses import Hint, already_charged
from grader.nets.model_truth import Histories, sketch
from grader.nets.models import Model, floats_of, history_of, is_near, last_of, parameters_after
from grader.nets.problems import Pair, Params, Problem, Training
from grader.sandbox.contract import Array

DIVERGED = 1e6
"""A training counts as diverged if a parameter's largest entry has grown by more than this factor."""
GOES_ON = (
    "The last entries are right, and those before them are of an earlier training: start with empty lists in each call "
    "of train, and not in a default argument."
)
ZERO = "All gradients that loss returns are zero here, so no step can move a parameter: correct the gradients first."
SLOWER = (1e-4, 1e-7)
"""Factors by which to reduce the learning rate, so that a training with wrong gradients does not diverge."""


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
        uses_data: True to accept results of wrong gradients only if these gradients depend on the data.
        hint: Function that returns a sentence about the likely cause if no known mistake explains a failure.

    Returns:
        One claim.
    """
    model = model or Model(student, training.problem)
    stats, after = model.train(training), model.parameters()
    single = model.single

    def judge(truth: Any) -> Verdict:
        if isinstance(stats.failure, Stopped | Died) and (wrong := call_failure(stats)) is not None:
            return wrong  # before calling the truth, which takes time
        return compare_parameters(truth.trained_parameters(training), stats, after, training, single)

    def own(truth: Any, causes: Sequence[str]) -> Verdict:
        for at, ended, (want, _) in followed_trainings(trainer, student, training, (stats, after), causes, truth):
            if compare_parameters(want, *ended, at, single).holds:
                return gradients_use_data(student, training.problem) if uses_data else passed()
        unchanged = compare_moves(after, training.problem.params, training.problem.params, single)
        if trainer.about_losses(causes) and unchanged.holds and gradients_are_zero(student, training.problem):
            return because(compare_parameters(truth.trained_parameters(training), stats, after, training, single), ZERO)
        return failed("does not follow the student's own gradients or steps")

    raised = isinstance(stats.failure, Raised)
    yield claim(name, judge, given=given, own=own, own_work=own, diagnosable=not raised, hint=hint)


def followed_trainings(
    trainer: Trainer, student: Student, training: Training, ended: Ended, causes: Sequence[str], truth: Any
) -> Iterator[tuple[Training, Ended, tuple[Params, Histories]]]:
    """Yield trainings, each with the student's result and a result to compare it with: that of a right training, which
    may use the student's own gradients or steps.

    The trainings, in this order:
    - the given one;
    - the same with smaller learning rates, with which wrong gradients do not diverge;
    - a single epoch, if the check of the decay of the learning rate has lost points;
    - the same for `problem.gentle()`, if the student's gradients or steps cannot be used for the given one;
    - the given one with constant gradients, if train cannot run with the student's own gradients.

    Args:
        trainer: Ids of the checks of train, and the names of the histories that train returns.
        student: The submission.
        training: A training on copies of one example.
        ended: The result of the given training with the student's train.
        causes: Ids of the checks that have lost points.
        truth: Object with the right results.

    Returns:
        For each training: (training, the student's result, expected parameters and histories).
    """
    rate = float(training.recipe["learning_rate"])
    options = [training, *(training.changed(learning_rate=share * rate) for share in SLOWER)]
    if trainer.decay in causes and training.epochs > 1:
        options.append(training.lasting(1))
    followable = False
    for at in options:
        if at is not training:
            ended = trained(student, at)
            yield at, ended, truth.trained(at)
        for followed in trainer.own_trainings(student, at, causes):
            followable |= at is training
            yield at, ended, followed
    if not followable:
        gentle = replace(training, problem=training.problem.gentle())
        ended = trained(student, gentle)
        for followed in trainer.own_trainings(student, gentle, causes):
            yield gentle, ended, followed
    if (by_constants := trainer.by_constants(student, training, truth)) is not None:
        yield training, *by_constants


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
    stats, after = model.train_again(training), model.parameters()

    def judge(truth: Any) -> Verdict:
        return because(
            compare_parameters(truth.trained_again(training), stats, after, training, model.single),
            "This is the same training a second time, from the same parameters on the same arrays: train keeps "
            "something between calls, or changes X or y.",
        )

    yield claim(name, judge, given=given, own=already_charged, own_work=already_charged)


def compare_parameters(
    want: Params, stats: Answer, after: Mapping[str, Answer], training: Training, single: bool
) -> Verdict:
    """Compare the parameters after train with the right ones. Right parameters pass even if train raised later.

    Args:
        want: The right parameters.
        stats: The answer of train.
        after: The parameters after train, by name.
        training: The arguments of train.
        single: True if the student's code computes in float32.

    Returns:
        The verdict.
    """
    before = training.problem.params
    moved, wrong = compare_moves(after, before, want, single), call_failure(stats)
    if wrong is None or (moved.holds and not moves_agree(after, before, before, single)):
        return moved
    return wrong


def compare_moves(after: Mapping[str, Answer], before: Params, want: Params, single: bool) -> Verdict:
    """Compare the changes of all parameters in a training with the right changes.

    Args:
        after: The parameters after train, by name.
        before: The parameters before train.
        want: The right parameters after train, or their sketches (`sketch`).
        single: True if the student's code computes in float32.

    Returns:
        The verdict.
    """
    return all_hold([_compare_move(after[p], before[p], want[p], single) for p in before])


def moves_agree(after: Mapping[str, Answer], before: Params, want: Params, single: bool) -> bool:
    """Return whether `compare_moves` passes, but stop at the first parameter that differs."""
    return all(_compare_move(after[p], before[p], want[p], single).holds for p in before)


def diverged(after: Array, before: Array) -> bool:
    """Return whether an array has diverged in a training: it is infinite, NaN, or more than `DIVERGED` times as large
    as before."""
    return not np.isfinite(after).all() or bool(np.abs(after).max(initial=0) > DIVERGED * np.abs(before).max(initial=0))


def _compare_move(after: Answer, before: Array, want: Array, single: bool) -> Verdict:
    if want.shape != before.shape:
        value: Array | Verdict = floats_of(after)
        if isinstance(value, Verdict) or value.shape != before.shape:
            value = numbers(after, before.shape)
        if isinstance(value, Verdict):
            return value
        with np.errstate(all="ignore"):
            after, before = Answer(after.what, sketch(value)), sketch(before)
    if diverged(want, before):  # with a known mistake, the truth may diverge as the student's training does
        both = diverged(floats_of(after), before)
        return passed() if both else failed(f"{after.what} does not diverge")
    got = numbers(after, before.shape)
    if isinstance(got, Verdict):
        return got
    if np.array_equal(got, before) and not np.array_equal(want, before):
        return failed(f"{after.what} is unchanged by train")
    change = Answer(f"the change of {after.what} in training", got - before)
    # allow for the rounding of the parameters themselves
    rounding = (1e-6 if single else 1e-14) * float(np.linalg.norm(want))
    return near(change, want - before, single=single, atol=rounding)


# ── how batches are drawn ────────────────────────────────────────────────────────────────────────────


def _claim_on_batches(name: str, judge: Judgement, student: Student, training: Training, given: Sequence[str]) -> Claim:
    """Return a claim on how batches are drawn.

    After wrong gradients or steps, the parameters do not show which rows a batch contains. If checks of gradients or
    steps have lost points, the claim passes if the student's gradients depend on the data.
    """

    def own(_truth: Any, _causes: Sequence[str]) -> Verdict:
        return gradients_use_data(student, training.problem)

    return claim(name, judge, given=given, own=own, own_work=own)


def _if_usable(judge: Callable[[Any, Params], Verdict], ended: Ended, training: Training) -> Judgement:
    """Return a judgement that calls `judge` with the truth and the parameters after a training. If the parameters are
    not usable, the judgement returns a failed verdict."""
    params = parameters_after(*ended, training)
    return lambda truth: params if isinstance(params, Verdict) else judge(truth, params)


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
    ended = trained(student, training)
    _, after = ended
    N, rows = len(training.problem.X), training.batch_size
    single = student.in_single

    def judge(truth: Any, _params: Params) -> Verdict:
        before, changes = training.problem.params, truth.ends(training)
        ends = ({name: before[name] + change[name] for name in before} for change in changes or ())
        if changes is None or any(moves_agree(after, before, end, single) for end in ends):
            return passed()
        return because(
            failed(
                f"with {N} examples and batch_size={rows}, the parameters after one epoch are not the result of any "
                f"{training.steps} batches of {rows} rows"
            ),
            "An epoch must take N / batch_size steps, each on batch_size rows of X with their own labels.",
        )

    yield _claim_on_batches(name, _if_usable(judge, ended, training), student, training, given)


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
    ended = trained(student, training)
    _, after = ended
    single = student.in_single

    def judge(truth: Any, _params: Params) -> Verdict:
        before, in_order, (want, _) = training.problem.params, truth.in_order(training), truth.trained(training)
        if moves_agree(after, before, in_order, single) and not _same(want, in_order):
            return because(
                failed("one epoch leads to the same parameters as batches in the order of the data"),
                "The batches follow the order of the data: draw them at random.",
            )
        return passed()

    yield _claim_on_batches(name, _if_usable(judge, ended, training), student, training, given)


def _same(some: Params, others: Params) -> bool:
    """Return whether two sets of parameters are equal up to rounding."""
    return all(np.allclose(value, others[p], rtol=EXACT, atol=0) for p, value in some.items())


FEW, SOME, MOST = 0.3, 0.45, 0.8
"""Thresholds of the share of 100 examples that one epoch uses. Drawing without replacement uses all. Drawing with
replacement uses 0.63 ± 0.03 of them, or 0.68 ± 0.03 if no batch of 25 contains an example twice."""


def every_example(
    student: Student, training: Training, first: str, *, name: str, given: Sequence[str]
) -> Iterator[Claim]:
    """Claim that one epoch of train uses all of the data, each row with its own label. Calls `truth.trained`.

    Args:
        student: The submission.
        training: A training whose X is the identity, from `one_row_an_example`.
        first: Name of the first layer's weights, of shape (N, …) for N examples. Row i changes only if example i is
            used.
        name: Name of the claim.
        given: Ids of the checks that the claim builds on.

    Returns:
        One claim.
    """
    ended = trained(student, training)
    N, before = len(training.problem.X), training.problem.params[first]

    def judge(truth: Any, params: Params) -> Verdict:
        want, _ = truth.trained(training)
        used, wanted = (rows_moved(before, p[first]) for p in (params, want))
        uses = f"one epoch of {training.steps} batches of {training.batch_size} uses"
        if used < SOME * N <= wanted or wanted < FEW * N < SOME * N <= used:
            return because(
                failed(f"{uses} only {used} of {N} examples"),
                "An epoch must go through the data: every batch takes other rows.",
            )
        if MOST * N < used < N:
            return because(
                failed(f"{uses} {used} of {N} examples"),
                "Some rows are left out: check the permutation and the indices that cut it into batches.",
            )
        if strange := _with_other_labels(before, params[first], want[first]):
            return because(
                failed(f"{strange} of {N} examples are trained with the label of another example"),
                "X_batch and y_batch must be the same rows of X and y: does every row go with its own label?",
            )
        return passed()

    yield _claim_on_batches(name, _if_usable(judge, ended, training), student, training, given)


def _with_other_labels(before: Array, after: Array, want: Array) -> int:
    """Return the number of examples that were trained with another example's label: their rows of weights moved
    opposite to the right direction.

    Assumes two classes, and one row of weights for each example. Changes within float32 rounding are ignored.

    Args:
        before, after: Weights (N, H) before and after the student's training.
        want: Weights (N, H) after a right training.
    """
    right_move = want - before
    length = np.linalg.norm(right_move, axis=1)
    along = np.divide(right_move, length[:, None], out=np.zeros_like(right_move), where=length[:, None] > 0)
    moved = np.sum((after - before) * along, axis=1)
    rounding = 4 * np.finfo(np.float32).eps * np.sum(np.abs(before * along), axis=1)
    return int(np.sum((np.minimum(length, -moved) > rounding) & (moved < 0)))


def rows_moved(before: Array, after: Array) -> int:
    """Return the number of rows of a matrix that a training has changed. A cast to float32 is not counted."""
    moves = [np.linalg.norm(after - start, axis=1) for start in (before, before.astype(np.float32))]
    return int((np.minimum(*moves) > 1e-9).sum())


def own_label(student: Student, training: Training, first: str, *, name: str, given: Sequence[str]) -> Iterator[Claim]:
    """Claim that train uses every example, and learns it with its own label. Calls `truth.trained`, `truth.accuracy`
    and `truth.loss`.

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
    stats, after = trained(student, training)
    problem = training.problem
    N, before = len(problem.X), problem.params[first]

    def judge(truth: Any) -> Verdict:
        want, _ = truth.trained(training)
        if not all(np.isfinite(p).all() for p in want.values()):
            return passed()  # with a known mistake, the truth may overflow, and then shows nothing
        params = parameters_after(stats, after, training)
        if isinstance(params, Verdict):
            return params
        reached, reachable = (rows_moved(before, p[first]) for p in (params, want))
        if reached < reachable == N:
            return because(
                failed(f"{N - reached} of {N} examples are never used in {training.epochs} epochs"),
                "Batches must be drawn from all rows, from 0 to N - 1.",
            )
        got = truth.accuracy(problem.at(params))
        # the loss of a right training is 0.003; with a known mistake, even the truth may not learn the labels
        learnt = truth.loss(replace(problem.at(want), reg=0.0)) < 0.01
        if got < 0.95 and learnt:
            return because(
                failed(f"{N} examples are not fitted in {training.epochs} epochs (accuracy {got:.2f})"),
                "Does every row of a batch go with its own label?",
            )
        return passed()

    yield _claim_on_batches(name, judge, student, training, given)


# ── histories ────────────────────────────────────────────────────────────────────────────────────────


def histories(
    trainer: Trainer,
    student: Student,
    training: Training,
    *,
    name: str = "histories",
    given: Sequence[str],
    hint: Hint | None = None,
    own_predict: bool = False,
) -> Iterator[Claim]:
    """Claim that train returns its histories, with the right entries. Calls `truth.trained`,
    `truth.decided_by_rounding` and `truth.labels`.

    Args:
        trainer: Ids of the checks of train, and the names of the histories that train returns.
        student: The submission, in a session that has begun.
        training: A training on copies of one example.
        name: Name of the claims.
        given: Ids of the checks that the claims build on.
        hint: Function that returns a sentence about the likely cause if no known mistake explains a failure.
        own_predict: True to accept the accuracies of the student's own predict after each epoch of a right training, if
            the check of predict has lost points. `truth.after_epochs` is then called too.

    Returns:
        One claim for each history.
    """
    model = Model(student, training.problem)
    ended = stats, after = model.train(training), model.parameters()
    problem, (of_train, of_val) = training.problem, trainer.accuracies
    data = {of_train: (problem.X, problem.y), of_val: (training.X_val, training.y_val)}
    changed = _changed_by_train(student, {of_train: ("X", problem.X), of_val: ("X_val", training.X_val)})
    guesses = {history: model.predict(X) for history, (X, _) in data.items()}
    on_changed = {history: model.predict(X) for history, X in changed.items()}

    def judge(history: str, truth: Any) -> Verdict:
        entries, (_, want) = history_of(stats, history), truth.trained(training)
        chance = truth.decided_by_rounding(training)  # always called, so that a student's pack records the result
        verdict = near(entries, np.array(want[history]), single=model.single)
        if history == of_train and _equal_but_for_rounding(entries, want[history], chance):
            return passed()
        verdict = replace(verdict, inconclusive=False)  # an accuracy of 0 counts as a result
        return _explain_too_long(verdict, entries, want[history])

    def own(history: str, truth: Any, causes: Sequence[str]) -> Verdict:
        if _history_follows(trainer, student, training, ended, history, truth, causes):
            return passed()
        with_predict = own_predict and trainer.predict in causes
        follows = with_predict and _follows_each_epoch(trainer, student, training, stats, history, truth)
        after_training = parameters_after(stats, after, training)
        if history in data and not isinstance(after_training, Verdict):
            there = replace(problem.at(after_training), X=data[history][0], y=data[history][1])
            values = array_of(stats.item(history, history), (training.recorded,))
            follows = follows or _follows_predict(values, guesses[history], there, truth)
            if history in changed and values is not None:  # train has measured on data that it had changed in place
                follows = follows or bool(values[-1] == share_of_right(on_changed[history], there.y))
        return passed() if follows else failed(f"{history} does not follow from the checks that have lost points")

    for history in trainer.histories:
        follows = partial(own, history)
        yield claim(name, partial(judge, history), given=given, own=follows, own_work=follows, hint=hint)


def _history_follows(
    trainer: Trainer,
    student: Student,
    training: Training,
    ended: Ended,
    history: str,
    truth: Any,
    causes: Sequence[str],
) -> bool:
    """Return whether a history is that of a right training with the student's own gradients or steps.

    The trainings of `followed_trainings` are compared. With a tiny learning rate, a train that never changes the
    parameters has the expected history too. So a smaller learning rate counts only if the original history has
    diverged, and a training other than the given one counts only if its parameters are right too.
    """
    steady = not diverged(floats_of(history_of(ended[0], history)), np.ones(1))
    others = [cause for cause in causes if cause != trainer.predict]
    for at, ended_at, (want, recorded) in followed_trainings(trainer, student, training, ended, others, truth):
        slowed = at.recipe["learning_rate"] != training.recipe["learning_rate"]
        entries, expected = history_of(ended_at[0], history), np.array(recorded.get(history, []))
        same = near(entries, expected, single=student.in_single).holds and not (slowed and steady)
        if same and (at is training or compare_parameters(want, *ended_at, at, student.in_single).holds):
            return True
    return False


def _changed_by_train(student: Student, inputs: Mapping[str, tuple[str, Array]]) -> dict[str, Array]:
    """Return the inputs that the student's last training has changed in place.

    Args:
        student: The submission.
        inputs: History of accuracies → name of its inputs in the sandbox, "X" or "X_val", and their original values.

    Returns:
        History → current values of its inputs, if they have changed.
    """
    kept = student.look(*(name for name, _ in inputs.values()))
    now = {history: array_of(kept.item(name, name), X.shape) for history, (name, X) in inputs.items()}
    return {history: X for history, X in now.items() if X is not None and not np.array_equal(X, inputs[history][1])}


def _follows_each_epoch(
    trainer: Trainer, student: Student, training: Training, stats: Answer, history: str, truth: Any
) -> bool:
    """Return whether a history contains the accuracies of the student's own predict after each epoch of a right
    training. Return False for a history of something other than accuracies."""
    if history not in trainer.accuracies:
        return False
    at_epochs = (training.problem.at(params) for params in truth.after_epochs(training))
    entries = [share for at in at_epochs for share in trainer.own_accuracies(student, at, training)[history]]
    return near(history_of(stats, history), np.array(entries)).holds


def _follows_predict(history: Array | None, guess: Answer, at: Problem, truth: Any) -> bool:
    """Return whether the last entry of a history is the accuracy of the student's wrong predict.

    Any entry is accepted if predict is not implemented, does not return N labels, or gives equal rows different labels,
    which rounding then decides.
    """
    if history is None or _are_no_labels(guess, at.y):
        return history is not None
    right, labels = agree(guess, truth.labels(at)).holds, array_of(guess, at.y.shape)
    if labels is None:
        return False
    by_rounding = bool(np.all(at.X[0] == at.X) and np.any(labels != labels[0]))
    return not right and (by_rounding or abs(float(history[-1]) - float(np.mean(labels == at.y))) < 1e-9)


def _are_no_labels(guess: Answer, y: Array) -> bool:
    """Return whether the student's predict is not implemented, or does not return one label for each row.

    The check of predict then loses its points, and any accuracy that train computes with predict is accepted.
    """
    if guess.failure is not None:
        return isinstance(guess.failure, Raised) and guess.failure.kind == NotImplementedError.__name__
    value = guess.value
    return (value.size if isinstance(value, np.ndarray) else len(value) if isinstance(value, list) else 1) != len(y)


def _explain_too_long(verdict: Verdict, history: Answer, want: Sequence[float]) -> Verdict:
    """Return the verdict on a history, with a cause added if the history is too long and its last entries are right."""
    value = floats_of(history)
    goes_on = value.ndim == 1 and value.size > len(want) > 0 and is_near(value[-len(want) :], np.array(want))
    return because(verdict, GOES_ON) if goes_on else verdict


def _equal_but_for_rounding(history: Answer, want: Sequence[float], chance: Array) -> bool:
    """Return whether a history of accuracies is right, except after epochs for which rounding decides the labels."""
    got = array_of(history, (len(want),))
    if got is None or len(chance) != len(want):
        return False
    return bool(np.all(chance | (np.abs(got - want) <= 1e-6)))


def accuracies(
    trainer: Trainer, student: Student, training: Training, *, name: str = "histories", given: Sequence[str]
) -> Iterator[Claim]:
    """Claim that the last accuracies in train's histories are right: the shares of right labels for the parameters
    after the training.

    Calls `truth.measured` and `truth.clear_rows`.

    Args:
        trainer: Ids of the checks of train, and the names of the histories that train returns.
        student: The submission, in a session that has begun.
        training: One epoch on different examples, from `one_epoch`.
        name: Name of the claim.
        given: Ids of the checks that the claim builds on.

    Returns:
        One claim.
    """
    model, problem = Model(student, training.problem), training.problem
    stats = model.train(training)
    ended = stats, model.parameters()
    data = (problem.X, problem.y), (training.X_val, training.y_val)
    guesses = [model.predict(X) for X, _ in data]
    # train may measure on a batch drawn with replacement: any share of its rows is accepted but none and all
    of_batch = tuple(np.arange(1, training.batch_size) / training.batch_size), ()

    def judge(truth: Any, params: Params) -> Verdict:
        verdict = passed()
        for history, share, guess, (X, y), others in zip(
            trainer.accuracies, truth.measured(training, params), guesses, data, of_batch, strict=True
        ):
            got = numbers(last_of(stats.item(history, history)), ())
            if isinstance(got, Verdict):
                return got
            near_a_tie = float(np.mean(~truth.clear_rows(replace(problem.at(params), X=X, y=y))))
            shares = share, share_of_right(guess, y), *others
            recorded = any(abs(float(got) - s) <= near_a_tie + 1e-6 for s in shares)
            if not recorded and not _are_no_labels(guess, y):
                verdict = verdict & failed(f"the last entry of {history} is not the accuracy (with different examples)")
        return verdict

    def own(truth: Any, _causes: Sequence[str]) -> Verdict:
        if (by_constants := trainer.by_constants(student, training, truth)) is None:
            return failed("train runs with the student's own gradients, which were used above")
        (stats_then, _), (_, recorded) = by_constants
        return all_hold([near(history_of(stats_then, h), np.array(recorded[h])) for h in trainer.accuracies])

    yield claim(name, _if_usable(judge, ended, training), given=given, own=own, own_work=own)


# ── predict ──────────────────────────────────────────────────────────────────────────────────────────


def predicted(
    student: Student,
    pair: Pair,
    training: Training,
    *,
    name: str = "predict",
    given: Sequence[str],
    charged: str = "",
    work: bool = True,
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
        charged: Id of an earlier check that judges predict for another kind of model. If that check has lost points,
            this claim loses none.
        work: True to judge labels by the student's own scores even after a mistake with `carries=False` (see
            `mistake`).

    Returns:
        One claim.
    """
    problem, other = pair.first, pair.second
    flipped = problem.at({n: -p for n, p in problem.params.items()})
    model = Model(student, problem)
    asked = [
        ("", model.predict(problem.X), problem),
        (" on other rows", model.predict(other.X), other),
        (" on a single row", last_of(model.predict(problem.X[:1])), problem.rows(slice(1))),
    ]
    changed = model.put(flipped.params)
    asked.append((", after the parameters have changed,", model.predict(problem.X), flipped))
    stats = model.train(training)
    model.put(problem.params)
    if stats.failure is None:
        asked.append((", after training and new parameters,", model.predict(other.X), other))
    named = [
        ProblemAnswer(OwnAnswers(student, at), replace(answer, what=f"predict(X){when}")) for when, answer, at in asked
    ]

    def judge(truth: Any) -> Verdict:
        if (wrong := call_failure(changed)) is not None:
            return wrong
        return all_hold([_agrees(one, truth) for one in named])

    def own(_truth: Any, causes: Sequence[str]) -> Verdict:
        return passed() if charged in causes else labels_follow(named)

    yield claim(name, judge, given=given, own=own, own_work=own if work else None)


def _agrees(asked: ProblemAnswer, truth: Any) -> Verdict:
    """Compare predict's labels with the right ones. Rows near a tie between two labels may have either label."""
    problem: Problem = asked.own.problem
    share = float(np.mean(truth.clear_rows(problem)))
    return agree(asked.answer, truth.labels(problem), share=share)

"""Follow-through: judge losses, gradients and labels by the student's own wrong results of earlier checks.

One cause costs its points once. For example, a gradient passes if it is right for the student's wrong scores. These
functions are called only after an earlier check has lost points. Answers that ignore the data or the parameters earn
nothing.

To use a function whose last parameters are `truth, causes` as `own` of a claim, bind the others: `claim("loss", judge,
own=partial(loss_follows, answers))`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from grader.kit.answer import Answer
from grader.kit.compare import agree, array_of, near
from grader.kit.student import Student
from grader.kit.verdict import Verdict, call_failure, failed, passed
from grader.nets.models import Model, gradient_of, gradients_of, is_near, loss_of
from grader.nets.problems import Params, Problem
from grader.sandbox.contract import Array

NOT_OWN = failed("does not follow from the student's own earlier answers")
MOST_LOSSES = 200
"""Limit on the calls of the student's loss to derive probabilities: one call for each example and label."""
TINY_CHANGE = 1e-7
"""Relative change of X. Answers that differ clearly after such a change are random or unstable."""


def model_in_session(student: Student, problem: Problem) -> Model:
    """Return the student's model with the problem's parameters. Starts a session if none is running."""
    student.begin()
    return Model(student, problem)


class OwnAnswers:
    """A student's scores, losses and gradients for one problem. Scores and losses by label are cached."""

    def __init__(self, student: Student, problem: Problem) -> None:
        self.student, self.problem = student, problem

    def at(self, problem: Problem) -> Self:
        """Return an object for the same student's answers to another problem."""
        return type(self)(self.student, problem)

    def model(self) -> Model:
        """Return the student's model with the problem's parameters."""
        return model_in_session(self.student, self.problem)

    @cached_property
    def scores(self) -> Array | None:
        """The student's scores (N, C); None if loss(X) does not return such an array."""
        X, classes = self.problem.X, self.problem.classes
        answer = self.model().scores(X)
        return array_of(answer, (len(X), classes))

    @cached_property
    def scores_show_work(self) -> bool:
        """True if the student's scores are computed from X and the weights.

        The scores must change if X or one of the weights is set to zero, and must hardly change if X changes by a tiny
        amount. Constants, functions of a single parameter, and noise seeded by the data fail. Because saturated units
        can hide the changes, the test is repeated at `problem.gentle()`, where no unit is saturated.
        """
        if self.scores is None:
            return False
        return self._change_with_the_data() or self.at(self.problem.gentle())._change_with_the_data()

    def _change_with_the_data(self) -> bool:
        """Return whether the scores for this problem pass the test of `scores_show_work`: hardly changed by a tiny
        change of X, but changed if X or one of the weights is set to zero."""
        problem = self.problem
        nearby = self.at(replace(problem, X=problem.X * (1 + TINY_CHANGE))).scores
        if self.scores is None or nearby is None or not is_near(nearby, self.scores, rtol=1e-3):
            return False
        ablated_problems = [replace(problem, X=0 * problem.X)]
        ablated_problems += [problem.at({name: 0 * problem.params[name]}) for name in problem.weights]
        for ablated_problem in ablated_problems:
            scores = self.at(ablated_problem).scores
            if scores is None or is_near(scores, self.scores):
                return False
        return True

    def loss_at(self, problem: Problem) -> float | None:
        """Return the student's loss for another problem of the same model; None if it is not a number."""
        answer = model_in_session(self.student, problem).loss(problem)
        value = array_of(loss_of(answer), ())
        return None if value is None else float(value)

    @cached_property
    def losses_by_label(self) -> Array | None:
        """Entry [i, c] is the student's loss for example i alone with label c, without regularisation. None if there
        are more than `MOST_LOSSES` entries or one is not a number."""

        def single_example(i: int, label: int) -> Problem:
            return replace(self.problem.rows([i]), y=np.array([label]), reg=0.0)

        return self._losses(single_example)

    @cached_property
    def losses_by_label_in_batch(self) -> Array | None:
        """Like `losses_by_label`, but entry [i, c] is N times the loss of the whole batch with label c for example i.
        Each row differs from that of `losses_by_label` by a constant, unless an example's probabilities depend on the
        rest of the batch."""

        def whole_batch(i: int, label: int) -> Problem:
            y = self.problem.y.copy()
            y[i] = label
            return replace(self.problem, y=y, reg=0.0)

        losses = self._losses(whole_batch)
        return None if losses is None else len(losses) * losses

    def _losses(self, problem_of: Callable[[int, int], Problem]) -> Array | None:
        """Return an array (N, C) of the student's losses for the problems `problem_of(i, label)`; None if a loss is not
        a number."""
        N, C = len(self.problem.X), self.problem.classes
        if N * C > MOST_LOSSES:
            return None
        model = self.model()
        losses = np.zeros((N, C))
        for i, label in np.ndindex(N, C):
            answer = model.loss(problem_of(i, label))
            loss = array_of(loss_of(answer), ())
            if loss is None:
                return None
            losses[i, label] = loss
        return losses

    def gradients(self, problem: Problem) -> Params | None:
        """Return the student's gradients for another problem of the same model; None if one does not have the shape of
        its parameter."""
        answer = model_in_session(self.student, problem).loss(problem)
        gradients = gradients_of(answer, problem.params)
        return None if isinstance(gradients, Verdict) else gradients


@dataclass(frozen=True)
class ProblemAnswer:
    """The answer of `loss` or `predict` for a problem, with the student's other answers for the same problem."""

    own: OwnAnswers
    answer: Answer


# ── losses ───────────────────────────────────────────────────────────────────────────────────────────


def loss_follows(answers: Sequence[ProblemAnswer], truth: Any, causes: Sequence[str]) -> Verdict:
    """Judge losses after a check of the forward pass has lost points.

    Losses that are right for the student's own wrong scores pass. If a check of the loss has already lost its points,
    losses also pass if the scores are right and the losses depend on the data. Calls `truth.scores` and
    `truth.loss_from`.

    Args:
        answers: What the student's `loss` has returned for each problem.
        truth: Object with the right results.
        causes: Ids of the checks that have lost points. Those whose ids contain "scores" judge the scores; all others
            count as checks of the loss.

    Returns:
        The verdict.
    """
    charged_as_scores = any("scores" in cause for cause in causes)
    if charged_as_scores and all(right_for_own_scores(answer, truth) for answer in answers):
        return passed()
    charged_as_loss = any("scores" not in cause for cause in causes)
    if charged_as_loss and all(scores_are_right(answer.own, truth) for answer in answers) and depend_on_data(answers):
        return passed()
    return NOT_OWN


def right_for_own_scores(answer: ProblemAnswer, truth: Any) -> bool:
    """Return whether the student's loss is right for the student's scores, and these depend on X and the weights."""
    own = answer.own
    if own.scores is None:
        return False
    expected_loss = truth.loss_from(own.problem, own.scores)
    return near(loss_of(answer.answer), expected_loss).holds and own.scores_show_work


def scores_are_right(own: OwnAnswers, truth: Any) -> bool:
    """Return whether the student's scores are right, up to a relative error of 1e-4."""
    return own.scores is not None and is_near(own.scores, truth.scores(own.problem), rtol=1e-4)


def depend_on_data(answers: Sequence[ProblemAnswer]) -> bool:
    """Return whether each of the student's losses, without regularisation, changes with labels and examples."""
    return all(_loss_depends_on_data(answer.own) for answer in answers)


def _loss_depends_on_data(own: OwnAnswers) -> bool:
    """Return whether the student's loss, without regularisation, changes with the labels and with the examples."""
    problem = replace(own.problem, reg=0.0)
    loss = own.loss_at(problem)
    if loss is None:
        return False
    relabelled = replace(problem, y=(problem.y + 1) % problem.classes)
    moved = replace(problem, X=problem.X[::-1] + 0.1)
    for changed_problem in (relabelled, moved):
        changed_loss = own.loss_at(changed_problem)
        # a large wrong penalty makes the relative change tiny, but still larger than rounding
        if changed_loss is None or abs(changed_loss - loss) <= 1e-13 * abs(loss):
            return False
    return True


# ── gradients ────────────────────────────────────────────────────────────────────────────────────────

Passes = Callable[[Any, Any], Iterator[Params | None]]
"""Function (own answers, object with the right results) → iterator over gradients by parameter name. Each item has the
results of a right backward pass from the student's own forward pass. The forward pass is derived from the student's
scores for one item, and from the student's losses for others. An item is None if these are missing."""


def from_own_scores(own: OwnAnswers, truth: Any) -> Iterator[Params | None]:
    """Yield the gradients of a right backward pass from the student's own probabilities, one item for each item of
    `own_probabilities`. Calls `truth.probabilities_of(scores)` and `truth.gradients_from(problem, probabilities)`."""
    for probabilities in own_probabilities(own, truth):
        yield None if probabilities is None else truth.gradients_from(own.problem, probabilities)


def own_probabilities(own: OwnAnswers, truth: Any) -> Iterator[Array | None]:
    """Yield the student's probabilities (N, C), derived in three ways: from the scores, from the losses of single
    examples, and from the losses of the batch. An item is None if its scores or losses are missing or not finite."""
    yield None if own.scores is None else _finite(truth.probabilities_of(own.scores))
    yield None if own.losses_by_label is None else _finite(np.exp(-own.losses_by_label))
    losses = own.losses_by_label_in_batch
    yield None if losses is None else _finite(truth.probabilities_of(-losses))  # they are known up to a constant a row


def _finite(values: Array) -> Array | None:
    return values if np.isfinite(values).all() else None


def gradient_follows(
    answers: Sequence[ProblemAnswer], name: str, truth: Any, *, passes: Passes = from_own_scores, single: bool = False
) -> Verdict:
    """Judge the student's gradients of one parameter by a right backward pass from the student's own forward pass.

    Args:
        answers: What the student's `loss` has returned for each problem.
        name: Name of the parameter.
        truth: Object with the right results.
        passes: Function that derives the right gradients in several ways (`Passes`). One of these ways must fit the
            gradients for all problems.
        single: True if the student's code computes in float32.

    Returns:
        The verdict.
    """
    expected = _explaining_gradients(answers, [name], truth, passes, single)
    if expected is None:
        return NOT_OWN
    if all(np.any(gradients[name]) for gradients in expected):
        return passed()
    own = answers[0].own
    return gradients_use_data(own.student, own.problem) if own.scores_show_work else NOT_OWN


def all_gradients_follow(
    answers: Sequence[ProblemAnswer], truth: Any, *, passes: Passes = from_own_scores, single: bool = False
) -> Verdict:
    """Judge the student's gradients of all parameters by a right backward pass from the student's own forward pass.

    Args:
        answers: What the student's `loss` has returned for each problem.
        truth: Object with the right results.
        passes: Function that derives the right gradients in several ways (`Passes`). One of these ways must fit all
            gradients for all problems.
        single: True if the student's code computes in float32.

    Returns:
        The verdict.
    """
    names = list(answers[0].own.problem.params)
    expected = _explaining_gradients(answers, names, truth, passes, single)
    return NOT_OWN if expected is None else passed()


def _explaining_gradients(
    answers: Sequence[ProblemAnswer], names: Sequence[str], truth: Any, passes: Passes, single: bool
) -> Sequence[Params] | None:
    """Return the right gradients for each problem, derived in the first way (see `Passes`) that gives the student's
    gradients of the parameters `names`. Return None if no way does."""

    def explains(answer: ProblemAnswer, gradients: Params) -> bool:
        return all(near(gradient_of(answer.answer, name), gradients[name], single=single).holds for name in names)

    ways = [passes(answer.own, truth) for answer in answers]
    for gradients_of_problems in zip(*ways, strict=True):
        derived = [gradients for gradients in gradients_of_problems if gradients is not None]
        if len(derived) == len(answers) and all(map(explains, answers, derived)):
            return derived
    return None


def gradients_use_data(student: Student, problem: Problem, *, labels: bool = True) -> Verdict:
    """Judge whether the student's gradients, right or wrong, depend on the batch.

    The gradients must change with the examples: otherwise the batches are not used. They must hardly change if the
    examples change by a tiny amount: otherwise they are noise. If the test fails, it is repeated at `problem.gentle()`,
    because perhaps no unit is active at the problem itself.

    Args:
        student: The submission.
        problem: The parameters and the batch.
        labels: True if the gradients must change with the labels, too.
    """
    verdict = _gradients_use_data_at(student, problem, labels)
    return verdict if verdict.holds else _gradients_use_data_at(student, problem.gentle(), labels)


def _gradients_use_data_at(student: Student, problem: Problem, labels: bool) -> Verdict:
    """Judge for one problem whether the student's gradients depend on its batch (see `gradients_use_data`). One weight
    matrix whose gradient does is enough."""
    if not problem.y.any():  # all labels are 0, as the other labels below are
        problem = replace(problem, y=problem.y + 1)
    changed_problems = [replace(problem, X=0.5 - 0.5 * problem.X)]
    if labels:
        changed_problems.append(replace(problem, y=0 * problem.y))
    gradients = raw_gradients(student, problem)
    used = gradients.keys() & problem.weights
    for changed_problem in changed_problems:
        changed_gradients = raw_gradients(student, changed_problem)
        used = {
            name for name in used & changed_gradients.keys() if not are_equal(changed_gradients[name], gradients[name])
        }
    if not used:
        return failed("loss's gradients do not change with the batch, so the batches are never used")
    nearby = raw_gradients(student, replace(problem, X=problem.X * (1 + TINY_CHANGE)))
    if not any(name in nearby and are_equal(nearby[name], gradients[name], rtol=1e-3) for name in used):
        return failed("loss's gradients are noise: examples that are equal up to rounding give different gradients")
    return passed()


def gradients_are_zero(student: Student, problem: Problem) -> bool:
    """Return whether the student's loss returns a gradient for each parameter, and all these gradients are zero."""
    gradients = raw_gradients(student, problem)
    return gradients.keys() >= problem.params.keys() and not any(value.any() for value in gradients.values())


def raw_gradients(student: Student, problem: Problem) -> Params:
    """Return the student's gradients by parameter name, without those that are not finite numeric arrays. Shapes are
    not checked."""
    answer = model_in_session(student, problem).loss(problem)
    grads = answer.item(1, "grads").value
    if not isinstance(grads, dict):
        return {}
    return {name: value for name, value in grads.items() if _is_finite_array(value)}


def _is_finite_array(value: Any) -> bool:
    return type(value) is np.ndarray and value.dtype.kind in "fiu" and bool(np.isfinite(value).all())


def are_equal(first: Array, second: Array, rtol: float = 1e-9) -> bool:
    """Return whether two arrays have the same shape and agree in norm.

    Args:
        first, second: The arrays to compare.
        rtol: Relative tolerance of the norm of their difference.

    Returns:
        True if they agree.
    """
    return first.shape == second.shape and is_near(first, second, rtol=rtol)


# ── labels ───────────────────────────────────────────────────────────────────────────────────────────


def labels_follow(answers: Sequence[ProblemAnswer]) -> Verdict:
    """Judge predict's labels by the student's own scores. If these ignore the data or the parameters, the labels fail.

    Args:
        answers: What the student's `predict` has returned for each problem.

    Returns:
        The verdict.
    """
    if not any(answer.own.scores_show_work for answer in answers):
        return NOT_OWN
    for answer in answers:
        verdict = _labels_follow(answer)
        if not verdict.holds:
            return verdict
    return passed()


def _labels_follow(answer: ProblemAnswer) -> Verdict:
    """Judge predict's labels for one problem: each must be the class with the largest of the student's own scores. Rows
    in which two scores are nearly equal may have any label."""
    own, scores = answer.own, answer.own.scores
    if scores is None or call_failure(answer.answer) is not None:
        return NOT_OWN
    if not (_mostly_differ(scores) or _mostly_differ(own.at(own.problem.gentle()).scores)):
        return NOT_OWN  # scores that are equal for most rows show no work on the data
    sorted_scores = np.sort(scores, axis=1)
    lead = sorted_scores[:, -1] - sorted_scores[:, -2]
    clear_share = float(np.mean(lead > 1e-6 * (1 + np.abs(scores).max())))
    return agree(answer.answer, scores.argmax(axis=1), share=clear_share)


def _mostly_differ(scores: Array | None) -> bool:
    """Return whether more than half of the rows of scores are distinct. (Even right answers have equal rows: those of
    examples for which no unit is active.)"""
    if scores is None:
        return False
    return 2 * len(np.unique(scores, axis=0)) > len(scores)

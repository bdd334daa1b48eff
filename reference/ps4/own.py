"""How later checks follow from the student's own answers, as far as it takes a hidden layer and two activations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from grader import kit, nets
from grader.kit import Answer, Student, Verdict, passed
from grader.nets import Array, Params, ProblemAnswer, Training, is_near

from .problems import SMALL, Problem

NOT_OWN = kit.failed("does not follow from the student's own earlier answers")
NUDGE = 1e-4
"""Change of b1 for a difference quotient, whose error is then about 1e-9."""
SAME_SCORES = 1e-6
"""Factor of W2 that makes the scores of both activations equal b2, up to about this much."""


class OwnAnswers(nets.OwnAnswers):
    """A student's own answers, and the hidden layer that they show."""

    problem: Problem

    @cached_property
    def hidden(self) -> Array | None:
        """The hidden layer (N, H), read off the scores: with unit columns for W2 and b2 = 0 they are the hidden units.
        None if that does not work."""
        (_, H, C), N = self.problem.sizes, len(self.problem.X)
        calls = -(-H // C)
        columns = np.eye(H, calls * C).reshape(H, calls, C).transpose(1, 0, 2)
        stacks = {name: np.repeat(p[None], calls, axis=0) for name, p in self.problem.params.items()}
        stacks |= {"W2": np.ascontiguousarray(columns), "b2": np.zeros((calls, C))}
        answer = self.model().remote.call_many("params", stacks, "loss", self.problem.X).value
        if not (isinstance(answer, list) or (isinstance(answer, np.ndarray) and answer.ndim)) or len(answer) != calls:
            return None
        parts = [kit.array_of(Answer("scores", part), (N, C)) for part in answer]
        found = [part for part in parts if part is not None]
        return np.hstack(found)[:, :H] if len(found) == calls else None

    @cached_property
    def slope(self) -> Array | None:
        """The derivative (N, H) of the hidden layer by its pre-activation, read off by small changes of b1. None if
        that fails, or if the derivative is the same everywhere but not zero, as that of no activation is."""
        b1 = self.problem.params["b1"]
        up, down = (self.at(self.problem.at({"b1": b1 + by})).hidden for by in (NUDGE, -NUDGE))
        if up is None or down is None:
            return None
        slope: Array = (up - down) / (2 * NUDGE)
        is_constant = np.ptp(slope) < 1e-6
        return None if is_constant and slope.any() else slope


# ── losses ───────────────────────────────────────────────────────────────────────────────────────────


def relu_loss_follows(asked: Sequence[ProblemAnswer], truth: Any, causes: Sequence[str]) -> Verdict:
    """Judge a ReLU net's losses: as `loss_follows` after a check of the ReLU has lost points; or, after one of the
    sigmoid has, by whether both activations share the fault."""
    of_relu = [cause for cause in causes if cause.startswith("q2.4.")]
    right_for_scores = all(nets.right_for_own_scores(one, truth) for one in asked)
    scores_right = all(nets.scores_are_right(one.own, truth) for one in asked)
    if of_relu and (right_for_scores or scores_right) and nets.depend_on_data(asked):
        return passed()
    if len(of_relu) == len(causes):
        return NOT_OWN
    own = [OwnAnswers(one.own.student, one.own.problem) for one in asked]
    if scores_right and all(_losses_are_shared(one) for one in own) and nets.depend_on_data(asked):
        return passed()
    if not right_for_scores or not all(_scores_vary(one) for one in own):
        return NOT_OWN
    behind = all(_output_is_shared(one) for one in own)
    return passed() if behind or all(_hidden_is_shared(one, truth) for one in own) else NOT_OWN


def _scores_vary(own: OwnAnswers) -> bool:
    """Return whether the student's scores differ between examples. Saturated units can make them equal, so
    `problem.gentle()` is tried too, where no unit is saturated."""
    for scores in (own.scores, own.at(own.problem.gentle()).scores):
        if scores is not None and np.ptp(scores, axis=0).max() > 1e-9:
            return True
    return False


def _losses_are_shared(own: OwnAnswers) -> bool:
    """Return whether nets of both activations that have the same scores have the same loss."""
    even = own.problem.at({"W2": 0 * own.problem.params["W2"]})
    relu, sigmoid = own.loss_at(even), own.loss_at(even.activated("sigmoid"))
    return relu is not None and sigmoid is not None and is_near(relu, sigmoid)


def _hidden_is_shared(own: OwnAnswers, truth: Any) -> bool:
    """Return whether the hidden layer is ReLU's at the pre-activations that the sigmoid's hidden layer shows. They are
    made small, so that a fault that enlarges them does not saturate the sigmoid."""
    at = own.problem.with_preactivations_up_to(SMALL)
    hidden, sigmoid = own.at(at).hidden, own.at(at.activated("sigmoid")).hidden
    if sigmoid is None or hidden is None:
        return False
    if not (np.all(sigmoid > 1e-9) and np.all(sigmoid < 1 - 1e-9)):
        return False  # no sigmoid at all: its pre-activations cannot be read off
    return is_near(hidden, truth.hidden_like(sigmoid, "relu"), rtol=1e-4)


def _output_is_shared(own: OwnAnswers) -> bool:
    """Return whether nets of both activations that have the same hidden layer have the same scores, and a ReLU net's
    hidden layer is zero at negative pre-activations. The hidden layer is set by b1 alone."""
    D, H, _ = own.problem.sizes
    h = np.linspace(0.2, 0.8, H)

    def scores(activation: str, b1: Array) -> Array | None:
        return own.at(own.problem.activated(activation).at({"W1": np.zeros((D, H)), "b1": b1})).scores

    relu, sigmoid = scores("relu", h), scores("sigmoid", np.log(h / (1 - h)))
    below, at_zero = scores("relu", -h), scores("relu", 0 * h)
    if relu is None or sigmoid is None or below is None or at_zero is None:
        return False
    return is_near(relu, sigmoid) and is_near(below, at_zero) and not is_near(relu, at_zero)


# ── gradients ────────────────────────────────────────────────────────────────────────────────────────


def gradient_follows(
    asked: Sequence[ProblemAnswer], name: str, truth: Any, causes: Sequence[str], single: bool
) -> Verdict:
    """Judge a gradient by the student's own forward pass, where that has lost points; a ReLU net's also by the
    sigmoid's gradient, where that has."""
    follows = nets.gradient_follows(asked, name, truth, passes=_every_pass, single=single)
    if follows.holds or f"q2.2.{name}" not in causes:
        return follows
    return _same_fault_as_in_sigmoid(asked[0].own, name, truth)


def backward_pass_follows(asked: Sequence[ProblemAnswer], truth: Any, single: bool) -> Verdict:
    """Judge all gradients together, with this activation's derivative, of a net that ignores its activation forward. If
    the derivative was charged as missing, nothing of the activation is left."""
    a = np.array([-1.0, 1.0])
    if not np.ptp(truth.made(asked[0].own.problem).slope(a, a)):
        return NOT_OWN
    return nets.all_gradients_follow(asked, truth, passes=_passes, single=single)


def _passes(own: OwnAnswers, truth: Any, *, every: bool = False) -> Iterator[Params | None]:
    """Yield right gradients for the student's own probabilities and hidden layer, however these are read off."""
    layers: list[tuple[Array | None, Array | None]] = [(None, None), (own.hidden, None)]
    if every:
        at_own = None if own.hidden is None else truth.slope_at(own.hidden, own.problem.activation)
        layers += [(own.hidden, own.slope), (own.hidden, at_own)]
    for p in nets.own_probabilities(own, truth):
        for hidden, slope in layers:
            yield None if p is None else truth.gradients_from(own.problem, p, hidden, slope)


def _every_pass(own: OwnAnswers, truth: Any) -> Iterator[Params | None]:
    return _passes(own, truth, every=True)


def _same_fault_as_in_sigmoid(own: Any, name: str, truth: Any) -> Verdict:
    """Judge a ReLU net's gradient after the sigmoid's was wrong too: with the same scores, one example and no
    regularisation, the two may differ only by the activation and its derivative."""
    problem: Problem = own.problem
    relu, sigmoid = (
        nets.raw_gradients(own.student, at).get(name, np.zeros(0)).shape
        for at in (problem, problem.activated("sigmoid"))
    )
    if relu == sigmoid != problem.params[name].shape:
        return nets.gradients_use_data(own.student, problem)
    for row in range(min(len(problem.X), 3)):
        if (verdict := _same_fault_at(own, problem.rows([row]), name, truth)) is not None:
            return verdict
    return passed()


def _same_fault_at(own: OwnAnswers, one: Problem, name: str, truth: Any) -> Verdict | None:
    """Judge one example by the gradients for two labels; None if the two activations share the fault."""
    one = replace(one, reg=0.0).with_preactivations_up_to(3.0)  # where both activations have a slope
    one = one.at({"W2": SAME_SCORES * one.params["W2"]})
    found = []
    for at in (one, replace(one, y=(one.y + 1) % one.classes)):
        other = at.activated("sigmoid")
        relu, sigmoid = own.gradients(at), own.gradients(other)
        if relu is None or sigmoid is None:
            return NOT_OWN
        ratio = _ratio(truth.gradients(at)[name], truth.gradients(other)[name])
        if not is_near(relu[name], sigmoid[name] * ratio, rtol=1e-3):
            return NOT_OWN
        found.append(sigmoid[name])
    if is_near(*found, rtol=1e-3):  # it ignores the labels, so the other gradients must show work
        return nets.gradients_use_data(own.student, own.problem)
    return None


def _ratio(of: Array, to: Array) -> Array:
    return np.divide(of, to, out=np.zeros_like(of), where=to != 0)


# ── trainings ────────────────────────────────────────────────────────────────────────────────────────


def trains_alike(student: Student, training: Training, with_sigmoid: Training) -> bool:
    """Return whether the student's train treats both activations alike: constant gradients change both nets in the same
    way, and a step of train depends on the examples.

    Args:
        student: The submission.
        training: A training of a ReLU net.
        with_sigmoid: The same training of a net with the sigmoid.
    """
    start = training.problem.params
    relu = nets.train_by_constants(student, training).arrays()
    sigmoid = nets.train_by_constants(student, with_sigmoid).arrays()
    if isinstance(relu, Verdict) or isinstance(sigmoid, Verdict):
        return False
    if all(np.array_equal(relu[name], start[name]) for name in start):
        return False
    is_alike = all(is_near(relu[name], sigmoid[name]) for name in start)
    return is_alike and _steps_use_data(student, training)


def _steps_use_data(student: Student, training: Training) -> bool:
    """Return whether a single step of the student's train depends on the examples."""
    problem, rate = training.problem, float(training.recipe["learning_rate"])
    moved_problem = replace(problem, X=problem.X + 0.5)
    params, moved_params = (
        nets.train(student, training.one_step(batch, rate)).arrays() for batch in (problem, moved_problem)
    )
    if isinstance(params, Verdict) or isinstance(moved_params, Verdict):
        return False
    return not all(is_near(params[name], moved_params[name], rtol=1e-9) for name in params)

"""The student's own answers as the truth: how later checks are judged where earlier ones have lost their points.

One cause costs its points once: a gradient that is right for wrong scores is right, and so is a training that follows
wrong gradients. Nothing here is asked before points were lost, and only work is paid for: nothing follows from answers
that ignore the data or the parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from grader.checks.answer import Answer
from grader.checks.claim import Verdict, agree, failed, held, lost, near, numbers
from grader.checks.student import Student

from .nets import PARAMETERS, Net, gradient_of, gradients_of, history_of, is_near, loss_of, parameters_after
from .problems import Array, Params, Problem, Training

NOT_OWN = lost("does not follow from the student's own earlier answers")
MOST_LOSSES = 200
"""Most losses to ask for, one example under one label each, to read off the student's own probabilities."""
NUDGE = 1e-4
"""Change of b1 for a difference quotient, whose error is then about 1e-9."""
HARDLY = 1e-10
"""X is changed by so little, relative to it, that whatever is computed from it stays the same up to rounding."""
SAME_SCORES = 1e-6
"""Factor of W2 that makes the scores of both activations equal b2, up to about this much."""
SMALL = 0.02
"""Largest right pre-activation at which a fault that enlarges them fiftyfold leaves the sigmoid unsaturated."""


class Own:
    """A student's own answers at one problem, each asked for at most once."""

    def __init__(self, student: Student, problem: Problem) -> None:
        self.student, self.problem = student, problem

    def _net(self, problem: Problem | None = None) -> Net:
        self.student.begin()
        at = problem or self.problem
        return Net(self.student, at.activation, at.params)

    @cached_property
    def scores(self) -> Array | None:
        """The scores (N, C); None if loss(X) does not return them."""
        answer = self._net().scores(self.problem.X)
        return _array(answer, (len(self.problem.X), self.problem.sizes[2]))

    @cached_property
    def scores_show_work(self) -> bool:
        """Whether the scores are made of X, W1 and W2: they change where one of these is zero, and hardly change where
        X hardly does. Constants, functions of one parameter and noise that the data seed are no work to follow. Where
        the sigmoid saturates, small pre-activations show it."""
        if self.scores is None:
            return False
        small = Own(self.student, _with_preactivations_up_to(SMALL, self.problem))
        return self._change_with_the_data() or small._change_with_the_data()

    def _change_with_the_data(self) -> bool:
        problem, params = self.problem, self.problem.params
        without = [replace(problem, X=0 * problem.X)]
        without += [replace(problem, params=params | {name: 0 * params[name]}) for name in ("W1", "W2")]
        others = [Own(self.student, other).scores for other in without]
        beside = Own(self.student, replace(problem, X=problem.X * (1 + HARDLY))).scores
        if self.scores is None or beside is None:
            return False
        changed = all(other is not None and not is_near(other, self.scores) for other in others)
        return changed and is_near(beside, self.scores, rtol=1e-3)

    @cached_property
    def losses_by_label(self) -> Array | None:
        """Each example's loss under each label (N, C), without regularisation; None if there are too many."""
        N, C = len(self.problem.X), self.problem.sizes[2]
        if N * C > MOST_LOSSES:
            return None
        net, rows = self._net(), []
        for i in range(N):
            for c in range(C):
                one = replace(self.problem, X=self.problem.X[[i]], y=np.array([c]), reg=0.0)
                if (value := _array(loss_of(net.loss(one)), ())) is None:
                    return None
                rows.append(float(value))
        return np.array(rows).reshape(N, C)

    @cached_property
    def hidden(self) -> Array | None:
        """The hidden layer (N, H), read off the scores: with unit columns for W2 and b2 = 0 they are the hidden units.
        None if that does not work."""
        (_, H, C), N = self.problem.sizes, len(self.problem.X)
        calls = -(-H // C)
        columns = np.eye(H, calls * C).reshape(H, calls, C).transpose(1, 0, 2)
        stacks = {name: np.repeat(p[None], calls, axis=0) for name, p in self.problem.params.items()}
        stacks |= {"W2": np.ascontiguousarray(columns), "b2": np.zeros((calls, C))}
        answer = self._net().scores_at(stacks, self.problem.X).value
        if not isinstance(answer, list | np.ndarray) or len(answer) != calls:
            return None
        parts = [_array(Answer("scores", part), (N, C)) for part in answer]
        found = [part for part in parts if part is not None]
        return np.hstack(found)[:, :H] if len(found) == calls else None

    @cached_property
    def slope(self) -> Array | None:
        """The derivative (N, H) of the hidden layer by its pre-activation, read off by small changes of b1."""
        up, down = (
            Own(self.student, replace(self.problem, params=self.problem.params | {"b1": b1})).hidden
            for b1 in (self.problem.params["b1"] + NUDGE, self.problem.params["b1"] - NUDGE)
        )
        return None if up is None or down is None else (up - down) / (2 * NUDGE)

    def gradients(self, problem: Problem) -> Params | None:
        """Return the gradients at a variation of the problem, or None if one of them has another shape."""
        found = gradients_of(self._net(problem).loss(problem), problem.params)
        return None if isinstance(found, Verdict) else found


def _array(answer: Answer, shape: Sequence[int]) -> Array | None:
    value = numbers(answer, shape)
    return None if isinstance(value, Verdict) else value


# ── scores and loss ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Asked:
    """A loss that a check has asked for, and the problem that it was asked at."""

    own: Own
    loss: Answer


def loss_follows(asked: Sequence[Asked], truth: Any, causes: Sequence[str]) -> Verdict:
    """Judge a sigmoid net's losses. They hold if they are right for the student's own wrong scores, or wrong for right
    scores after another loss has lost its points for that."""
    if any("scores" in cause for cause in causes) and all(_right_for_own_scores(a, truth) for a in asked):
        return held()
    charged_as_loss = any("scores" not in cause for cause in causes)
    if charged_as_loss and all(_scores_are_right(a.own, truth) for a in asked) and _depend_on_data(asked):
        return held()
    return NOT_OWN


def relu_loss_follows(student: Student, asked: Sequence[Asked], truth: Any, causes: Sequence[str]) -> Verdict:
    """Judge a ReLU net's losses: as `loss_follows` after a check of the ReLU has lost points; or, after one of the
    sigmoid has, by whether both activations share the fault."""
    of_relu = [cause for cause in causes if cause.startswith("q2.4.")]
    right_for_scores = all(_right_for_own_scores(a, truth) for a in asked)
    scores_right = all(_scores_are_right(a.own, truth) for a in asked)
    if of_relu and (right_for_scores or scores_right) and _depend_on_data(asked):
        return held()
    if len(of_relu) == len(causes):
        return NOT_OWN
    if scores_right and all(_losses_are_shared(student, a.own.problem) for a in asked) and _depend_on_data(asked):
        return held()
    if right_for_scores and _vary(asked):
        behind = all(_output_is_shared(student, a.own.problem) for a in asked)
        if behind or all(_hidden_is_shared(student, a.own, truth) for a in asked):
            return held()
    return NOT_OWN


def _right_for_own_scores(asked: Asked, truth: Any) -> bool:
    own = asked.own
    right = own.scores is not None and near(asked.loss, truth.loss_of(own.problem, own.scores)).holds
    return right and own.scores_show_work


def _scores_are_right(own: Own, truth: Any) -> bool:
    return own.scores is not None and is_near(own.scores, truth.scores(own.problem), rtol=1e-4)


def _depend_on_data(asked: Sequence[Asked]) -> bool:
    """Return whether each loss changes with the labels and with the examples. A large penalty would hide it."""
    for one in asked:
        problem = replace(one.own.problem, reg=0.0)
        if (value := _array(loss_of(one.own._net(problem).loss(problem)), ())) is None:
            return False
        relabelled = replace(problem, y=(problem.y + 1) % problem.sizes[2])
        for other in (relabelled, replace(problem, X=problem.X[::-1] + 0.1)):
            changed = _array(loss_of(one.own._net(other).loss(other)), ())
            if changed is None or abs(float(changed - value)) <= 1e-9 * abs(float(value)):
                return False
    return True


def _vary(asked: Sequence[Asked]) -> bool:
    """Return whether the scores differ between examples. Where no unit is active, another b1 shows it."""
    return all(_varies(a.own.scores) or _varies(_unsaturated(a.own).scores) for a in asked)


def _varies(scores: Array | None) -> bool:
    return scores is not None and np.ptp(scores, axis=0).max() > 1e-9


def _mostly_differ(scores: Array | None) -> bool:
    """Return whether most examples have different scores; a few may have no active unit of a ReLU."""
    return scores is not None and 2 * len(np.unique(scores, axis=0)) > len(scores)


def _unsaturated(own: Own) -> Own:
    """Return the same net where no sigmoid is saturated and no b1 keeps a unit of a ReLU inactive."""
    at = _with_preactivations_up_to(SMALL, own.problem)
    return Own(own.student, replace(at, params=at.params | {"b1": 0 * at.params["b1"]}))


def _losses_are_shared(student: Student, problem: Problem) -> bool:
    """Return whether nets of both activations that have the same scores have the same loss."""
    even = replace(problem, params=problem.params | {"W2": 0 * problem.params["W2"]})
    values = [
        _array(loss_of(Own(student, at)._net().loss(at)), ()) for at in (even, replace(even, activation="sigmoid"))
    ]
    return values[0] is not None and values[1] is not None and is_near(values[0], values[1])


def _hidden_is_shared(student: Student, relu: Own, truth: Any) -> bool:
    """Return whether the hidden layer is ReLU's at the pre-activations that the sigmoid's hidden layer shows. They are
    made small, so that a fault that enlarges them does not saturate the sigmoid."""
    at = _with_preactivations_up_to(SMALL, relu.problem)
    hidden, sigmoid = Own(student, at).hidden, Own(student, _as_sigmoid(at)).hidden
    if sigmoid is None or hidden is None:
        return False
    if not (np.all(sigmoid > 1e-9) and np.all(sigmoid < 1 - 1e-9)):
        return False  # no sigmoid at all: its pre-activations cannot be read off
    return is_near(hidden, truth.hidden_like(sigmoid, "relu"), rtol=1e-4)


def _output_is_shared(student: Student, problem: Problem) -> bool:
    """Return whether nets of both activations that have the same hidden layer have the same scores, and a ReLU net's
    hidden layer is zero at negative pre-activations. The hidden layer is set by b1 alone."""
    D, H, _ = problem.sizes
    h = np.linspace(0.2, 0.8, H)

    def scores(activation: str, b1: Array) -> Array | None:
        params = problem.params | {"W1": np.zeros((D, H)), "b1": b1}
        return Own(student, replace(problem, activation=activation, params=params)).scores

    relu, sigmoid = scores("relu", h), scores("sigmoid", np.log(h / (1 - h)))
    below, at_zero = scores("relu", -h), scores("relu", 0 * h)
    if relu is None or sigmoid is None or below is None or at_zero is None:
        return False
    return is_near(relu, sigmoid) and is_near(below, at_zero) and not is_near(relu, at_zero)


def _with_preactivations_up_to(largest: float, problem: Problem) -> Problem:
    """Return the problem with W1 and b1 scaled so that no right pre-activation is larger in size."""
    W1, b1 = problem.params["W1"], problem.params["b1"]
    factor = largest / np.abs(problem.X @ W1 + b1).max()
    return replace(problem, params=problem.params | {"W1": factor * W1, "b1": factor * b1})


# ── gradients ────────────────────────────────────────────────────────────────────────────────────────


AskedGradients = Sequence[tuple[Own, Answer]]
"""(problem, loss's answer) of each problem."""


def gradient_follows(asked: AskedGradients, name: str, truth: Any, *, single: bool) -> Verdict:
    """Judge a parameter's gradients by a right backward pass from the student's own scores, probabilities and hidden
    layer."""
    for want in zip(*(_backward_passes(own, truth) for own, _ in asked), strict=True):  # the same way at every problem
        if _are_near(asked, want, [name], single):
            own = asked[0][0]
            nothing = any(not np.any(one[name]) for one in want if one is not None)
            if nothing and not own.scores_show_work:
                return NOT_OWN
            return gradients_use_data(own.student, own.problem) if nothing else held()
    return NOT_OWN


def backward_pass_follows(asked: AskedGradients, truth: Any, *, single: bool) -> Verdict:
    """Judge all gradients together, with this activation's derivative, of a net that ignores its activation forward."""
    for want in zip(*(_backward_passes(own, truth, every=False) for own, _ in asked), strict=True):
        if _are_near(asked, want, PARAMETERS, single):
            return held()
    return NOT_OWN


def _are_near(asked: AskedGradients, want: Sequence[Params | None], names: Sequence[str], single: bool) -> bool:
    return all(
        one is not None and near(gradient_of(answer, name), one[name], single=single).holds
        for (_, answer), one in zip(asked, want, strict=True)
        for name in names
    )


def _backward_passes(own: Own, truth: Any, *, every: bool = True) -> Iterator[Params | None]:
    """Yield right gradients for the student's own probabilities and hidden layer, however these are read off."""
    probabilities = [
        None if own.scores is None else truth.probabilities_of(own.scores),
        None if own.losses_by_label is None else np.exp(-own.losses_by_label),
    ]
    layers: list[tuple[Array | None, Array | None]] = [(None, None), (own.hidden, None)]
    if every:
        at_own = None if own.hidden is None else truth.slope_at(own.hidden, own.problem.activation)
        layers += [(own.hidden, own.slope), (own.hidden, at_own)]
    for p in probabilities:
        for hidden, slope in layers:
            usable = p is not None and np.isfinite(p).all()
            yield truth.gradients_from(own.problem, p, hidden, slope) if usable else None


def same_fault_as_in_sigmoid(student: Student, problem: Problem, name: str, truth: Any) -> Verdict:
    """Judge a ReLU net's gradient after the sigmoid's was wrong too: with the same scores, one example and no
    regularisation, the two may differ only by the activation and its derivative."""
    shapes = [_raw_gradients(student, at).get(name, np.zeros(0)).shape for at in (problem, _as_sigmoid(problem))]
    if shapes[0] == shapes[1] != problem.params[name].shape:
        return gradients_use_data(student, problem)
    for row in range(min(len(problem.X), 3)):
        one = replace(problem, X=problem.X[[row]], y=problem.y[[row]], reg=0.0)
        one = _with_preactivations_up_to(3.0, one)  # where both activations have a slope
        one = replace(one, params=one.params | {"W2": SAME_SCORES * problem.params["W2"]})
        relabelled = replace(one, y=(one.y + 1) % problem.sizes[2])
        found = []
        for at in (one, relabelled):
            relu = Own(student, at).gradients(at)
            sigmoid = Own(student, other := _as_sigmoid(at)).gradients(other)
            if relu is None or sigmoid is None:
                return NOT_OWN
            ratio = _ratio(truth.gradients(at)[name], truth.gradients(other)[name])
            if not is_near(relu[name], sigmoid[name] * ratio, rtol=1e-3):
                return NOT_OWN
            found.append(sigmoid[name])
        if is_near(*found, rtol=1e-3):  # it ignores the labels, so the other gradients must show work
            return gradients_use_data(student, problem)
    return held()


def _as_sigmoid(problem: Problem) -> Problem:
    return replace(problem, activation="sigmoid")


def _ratio(of: Array, to: Array) -> Array:
    return np.divide(of, to, out=np.zeros_like(of), where=to != 0)


# ── training ─────────────────────────────────────────────────────────────────────────────────────────

LOSSES = ("q2.1", "q2.2", "q2.4.forward", "q2.4.backward")
"""Sections in which the loss and its gradients are judged."""

Histories = dict[str, list[float]]
Score = Callable[[Params], float]
Step = Callable[[Params, Problem, float], tuple[Params, Histories] | None]
"""(parameters, batch, learning rate) → the parameters after one step, and what it records; None where it fails."""


def about_losses(causes: Sequence[str]) -> bool:
    return any(cause.startswith(LOSSES) for cause in causes)


def about_training(causes: Sequence[str]) -> bool:
    return any(not cause.startswith(LOSSES) for cause in causes)


def own_training(student: Student, training: Training, causes: Sequence[str]) -> Iterator[tuple[Params, Histories]]:
    """Yield the result of a right training with the student's own gradients, if the loss or a gradient has lost points,
    and with the student's own single steps, if those have. All rows of the training are the same."""
    if about_losses(causes) and (led := _led_by(_by_own_gradient(student, training), student, training)) is not None:
        yield led
    if not about_training(causes) or (led := _led_by(_by_own_step(student, training), student, training)) is None:
        return
    if len(training.problem.X) <= int(training.recipe["batch_size"]) or _steps_use_data(student, training):
        yield led


def _steps_use_data(student: Student, training: Training) -> bool:
    """Return whether train's own steps lead elsewhere with other examples: else its batches are never used."""
    problem, rate = training.problem, float(training.recipe["learning_rate"])
    step = _by_own_step(student, training)
    here, there = (step(problem.params, at, rate) for at in (problem, replace(problem, X=problem.X + 0.5)))
    return here is not None and there is not None and any(not _equal(here[0][p], there[0][p]) for p in PARAMETERS)


def _led_by(step: Step, student: Student, training: Training) -> tuple[Params, Histories] | None:
    problem, recipe = training.problem, training.recipe
    rows = min(len(problem.X), int(recipe["batch_size"]))
    batch = replace(problem, X=problem.X[:rows], y=problem.y[:rows])
    params, rate = dict(problem.params), float(recipe["learning_rate"])
    histories: Histories = {}
    for _ in range(int(recipe["num_epochs"])):
        for _ in range(len(problem.X) // rows):
            if (after := step(params, batch, rate)) is None:
                return None
            params = after[0]
            _extend(histories, after[1])
        rate *= float(recipe["learning_rate_decay"])
        _extend(histories, _own_accuracies(student, replace(problem, params=params), training))
    if all(np.array_equal(params[p], problem.params[p]) for p in PARAMETERS):
        return None  # nothing moves: there is no work to follow
    return params, histories


def _extend(histories: Histories, more: Histories) -> None:
    for name, values in more.items():
        histories.setdefault(name, []).extend(values)


def _by_own_gradient(student: Student, training: Training) -> Step:
    student.begin()
    net = Net(student, training.problem.activation, training.problem.params)

    def step(params: Params, batch: Problem, rate: float) -> tuple[Params, Histories] | None:
        net.remote.put("params", params)
        answer = net.loss(batch)
        grads, loss = gradients_of(answer, params), numbers(loss_of(answer), ())
        if isinstance(grads, Verdict) or isinstance(loss, Verdict):
            return None
        recorded = {"loss_history": [float(loss)], "grad_magnitude_history": [float(np.linalg.norm(grads["W1"]))]}
        return {p: value - rate * grads[p] for p, value in params.items()}, recorded

    return step


def _by_own_step(student: Student, training: Training) -> Step:
    def step(params: Params, batch: Problem, rate: float) -> tuple[Params, Histories] | None:
        recipe = {**training.recipe, "num_epochs": 1, "batch_size": len(batch.X), "learning_rate": rate}
        single = replace(training, problem=replace(batch, params=params), recipe=recipe)
        student.begin()
        net = Net(student, batch.activation, params)
        stats = net.train(single)
        after = parameters_after(stats, net.parameters(), single)
        if isinstance(after, Verdict):
            return None
        found = {n: _array(history_of(stats, n), (1,)) for n in ("loss_history", "grad_magnitude_history")}
        return after, {name: values.tolist() for name, values in found.items() if values is not None}

    return step


def _own_accuracies(student: Student, problem: Problem, training: Training) -> Histories:
    student.begin()
    net = Net(student, problem.activation, problem.params)
    data = (("train", problem.X, problem.y), ("val", training.X_val, training.y_val))
    return {f"{name}_acc_history": [share_of_right(net.remote.call("predict", X), y)] for name, X, y in data}


def share_of_right(guess: Answer, y: Array) -> float:
    """Return the share of right labels; NaN if predict failed."""
    labels = numbers(guess, y.shape)
    return float(np.mean(labels == y)) if not isinstance(labels, Verdict) else np.nan


def gradients_use_data(student: Student, problem: Problem) -> Verdict:
    """Judge batches where gradients have lost points: the gradients must at least change with the examples and with
    their labels, or the batches are never used; and hardly change where the examples hardly do, or they are noise.
    Where no unit is active, other parameters show it."""
    verdict = _gradients_use_data_at(student, problem)
    return verdict if verdict.holds else _gradients_use_data_at(student, _unsaturated(Own(student, problem)).problem)


def _gradients_use_data_at(student: Student, problem: Problem) -> Verdict:
    if not problem.y.any():
        problem = replace(problem, y=problem.y + 1)
    base = _raw_gradients(student, problem)
    others = (replace(problem, X=0.5 - 0.5 * problem.X), replace(problem, y=0 * problem.y))
    changed = [_raw_gradients(student, other) for other in others]
    weights = [n for n in ("W1", "W2") if n in base and all(n in c and not _equal(c[n], base[n]) for c in changed)]
    if not weights:
        return lost("loss's gradients do not change with X and y, so the batches are never used")
    beside = _raw_gradients(student, replace(problem, X=problem.X * (1 + HARDLY)))
    if not any(n in beside and _equal(beside[n], base[n], rtol=1e-3) for n in weights):
        return lost("loss's gradients are noise: examples that are the same up to rounding have others")
    return held()


def _raw_gradients(student: Student, problem: Problem) -> dict[str, Array]:
    """Return the finite numeric gradients, of any shape."""
    student.begin()
    grads = Net(student, problem.activation, problem.params).loss(problem).item(1, "grads").value
    values = grads if isinstance(grads, dict) else {}
    return {n: v for n, v in values.items() if type(v) is np.ndarray and v.dtype.kind in "fiu" and np.isfinite(v).all()}


def _equal(first: Array, second: Array, rtol: float = 1e-9) -> bool:
    return first.shape == second.shape and is_near(first, second, rtol=rtol)


Ended = tuple[Answer, dict[str, Answer]]
"""(train's answer, the parameters after it)."""


def _by_constants(student: Student, training: Training, activation: str) -> tuple[dict[str, Array], Ended]:
    """Train with a loss that always answers 1 and the same gradients, so that train alone is seen; return them too."""
    rng = np.random.default_rng(0)
    problem = training.problem
    gradients: Params = {name: np.asarray(rng.normal(size=value.shape)) for name, value in problem.params.items()}
    student.begin()
    net = Net(student, activation, problem.params)
    net.remote.answer_always("loss", [1.0, gradients])
    net.remote.stand_in("predict")
    return gradients, (net.train(training), net.parameters())


def trained_by_constants(
    student: Student, training: Training, truth: Any
) -> tuple[Ended, tuple[Params, Histories]] | None:
    """Return the student's and the right training with constant gradients; None if the student's own can be followed.

    They cannot if loss raises, or if its gradients do not have the shapes of the parameters.
    """
    problem, epochs = training.problem, int(training.recipe["num_epochs"])
    student.begin()
    own = gradients_of(Net(student, problem.activation, problem.params).loss(problem), problem.params)
    if not isinstance(own, Verdict):
        return None
    gradients, ended = _by_constants(student, training, problem.activation)
    steps = epochs * max(len(problem.X) // int(training.recipe["batch_size"]), 1)
    recorded = {
        "loss_history": steps * [1.0],
        "grad_magnitude_history": steps * [float(np.linalg.norm(gradients["W1"]))],
        "train_acc_history": epochs * [float(np.mean(problem.y == 0))],
        "val_acc_history": epochs * [float(np.mean(training.y_val == 0))],
    }
    return ended, (truth.moved_by(training, gradients), recorded)


def trains_both_alike(student: Student, training: Training) -> bool:
    """Return whether train treats both activations alike: then a ReLU net's training follows from the sigmoid's."""
    ended = [_by_constants(student, training, activation)[1] for activation in ("relu", "sigmoid")]
    relu, sigmoid = (parameters_after(stats, after, training) for stats, after in ended)
    if isinstance(relu, Verdict) or isinstance(sigmoid, Verdict):
        return False
    moved = any(not np.array_equal(relu[p], training.problem.params[p]) for p in PARAMETERS)
    alike = moved and all(is_near(relu[p], sigmoid[p]) for p in PARAMETERS)
    return alike and _steps_use_data(student, training)


# ── MNIST ──

CLEARLY = 0.1
"""An accuracy that is so much lower is no chance: over seeds right ones differ by 0.03 at most
(calibration-quick.json)."""
Gradients = Callable[[Problem], Params | None]


def learns_less(student: Student, start: Problem, recipe: Mapping[str, Any], truth: Any, score: Score) -> bool:
    """Return whether descent along the student's own gradients learns clearly less than along the right ones.

    Args:
        start: the parameters to start from, and the images and labels to learn.
        recipe: num_epochs, batch_size, learning_rate and learning_rate_decay.
        score: parameters → accuracy.
    """
    student.begin()
    net = Net(student, start.activation, start.params)

    def own(problem: Problem) -> Params | None:
        net.remote.put("params", problem.params)
        found = gradients_of(net.loss(problem), problem.params)
        return None if isinstance(found, Verdict) else found

    ended = _descend(start, recipe, own)
    right = _descend(start, recipe, truth.gradients_once)
    return ended is None or right is None or score(ended) < score(right) - CLEARLY


def _descend(start: Problem, recipe: Mapping[str, Any], gradients: Gradients) -> Params | None:
    """Return the parameters that batches in a fixed random order lead to, None where there is no gradient."""
    rng, size = np.random.default_rng(0), int(recipe["batch_size"])
    params, rate = dict(start.params), float(recipe["learning_rate"])
    for _ in range(int(recipe["num_epochs"])):
        for rows in rng.permutation(len(start.X)).reshape(-1, size):
            found = gradients(replace(start, params=params, X=start.X[rows], y=start.y[rows]))
            if found is None:
                return None
            params = {name: value - rate * found[name] for name, value in params.items()}
        rate *= float(recipe["learning_rate_decay"])
    return params


# ── predict ──────────────────────────────────────────────────────────────────────────────────────────


def labels_follow(asked: Sequence[tuple[Own, Answer]]) -> Verdict:
    """Judge labels by the student's own scores. Scores that ignore the data or the parameters are no work to follow."""
    if not any(own.scores_show_work for own, _ in asked):
        return NOT_OWN
    for own, answer in asked:
        scores = own.scores
        if scores is None or failed(answer) is not None:
            return NOT_OWN
        if not (_mostly_differ(scores) or _mostly_differ(_unsaturated(own).scores)):
            return NOT_OWN
        best = np.sort(scores, axis=1)
        clear = float(np.mean(best[:, -1] - best[:, -2] > 1e-6 * (1 + np.abs(best).max())))
        if not (verdict := agree(answer, scores.argmax(axis=1), share=clear)).holds:
            return verdict
    return held()

"""Follow-through: judge later checks by the student's own wrong results of earlier checks.

One cause costs its points once. For example, a gradient passes if it is right for the student's wrong scores, and a
training passes if it is right for the student's wrong gradients. These functions are called only after an earlier check
has lost points. Answers that ignore the data or the parameters earn nothing.

To use a function whose last parameters are `truth, causes` as `own` of a claim, bind the others: `claim("loss", judge,
own=partial(loss_follows, asked))`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from grader.kit.answer import Answer
from grader.kit.compare import agree, array_of, near
from grader.kit.student import Student
from grader.kit.verdict import Verdict, call_failure, failed, passed
from grader.nets.model_truth import Histories
from grader.nets.models import Model, gradient_of, gradients_of, history_of, is_near, loss_of, parameters_after
from grader.nets.problems import Params, Problem, Training
from grader.sandbox.contract import Array

NOT_OWN = failed("does not follow from the student's own earlier answers")
MOST_LOSSES = 200
"""Limit on the calls of the student's loss to derive probabilities: one call for each example and label."""
TINY_CHANGE = 1e-10
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

    def model(self, problem: Problem | None = None) -> Model:
        """Return the student's model with a problem's parameters, by default those of `self.problem`."""
        return model_in_session(self.student, problem or self.problem)

    @cached_property
    def scores(self) -> Array | None:
        """The student's scores (N, C); None if loss(X) does not return such an array."""
        return array_of(self.model().scores(self.problem.X), (len(self.problem.X), self.problem.classes))

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
        problem = self.problem
        without = [replace(problem, X=0 * problem.X)]
        without += [problem.at({name: 0 * problem.params[name]}) for name in problem.weights]
        others = [self.at(other).scores for other in without]
        nearby = self.at(replace(problem, X=problem.X * (1 + TINY_CHANGE))).scores
        if self.scores is None or nearby is None:
            return False
        changed = all(other is not None and not is_near(other, self.scores) for other in others)
        return changed and is_near(nearby, self.scores, rtol=1e-3)

    def loss_at(self, problem: Problem) -> float | None:
        """Return the student's loss for another problem of the same model; None if it is not a number."""
        value = array_of(loss_of(self.model(problem).loss(problem)), ())
        return None if value is None else float(value)

    @cached_property
    def losses_by_label(self) -> Array | None:
        """Entry [i, c] is the student's loss for example i alone with label c, without regularisation. None if there
        are more than `MOST_LOSSES` entries or one is not a number."""
        problem = self.problem
        return self._losses(lambda i, c: replace(problem, X=problem.X[[i]], y=np.array([c]), reg=0.0))

    @cached_property
    def losses_by_label_in_batch(self) -> Array | None:
        """Like `losses_by_label`, but entry [i, c] is N times the loss of the whole batch with label c for example i.
        Each row differs from that of `losses_by_label` by a constant, unless an example's probabilities depend on the
        rest of the batch."""
        problem, rows = self.problem, np.arange(len(self.problem.X))
        losses = self._losses(lambda i, c: replace(problem, y=np.where(rows == i, c, problem.y), reg=0.0))
        return None if losses is None else len(rows) * losses

    def _losses(self, at: Callable[[int, int], Problem]) -> Array | None:
        """Return an array (N, C) of the student's losses for the problems `at(i, c)`; None if a loss is not a
        number."""
        N, C = len(self.problem.X), self.problem.classes
        if N * C > MOST_LOSSES:
            return None
        model, found = self.model(), []
        for i, c in np.ndindex(N, C):
            if (value := array_of(loss_of(model.loss(at(i, c))), ())) is None:
                return None
            found.append(float(value))
        return np.array(found).reshape(N, C)

    def gradients(self, problem: Problem) -> Params | None:
        """Return the student's gradients for another problem of the same model; None if one does not have the shape of
        its parameter."""
        found = gradients_of(self.model(problem).loss(problem), problem.params)
        return None if isinstance(found, Verdict) else found


@dataclass(frozen=True)
class ProblemAnswer:
    """The answer of `loss` or `predict` for a problem, with the student's other answers for the same problem."""

    own: OwnAnswers
    answer: Answer


# ── losses ───────────────────────────────────────────────────────────────────────────────────────────


def loss_follows(
    asked: Sequence[ProblemAnswer], truth: Any, causes: Sequence[str], *, scores: str = "scores"
) -> Verdict:
    """Judge losses after a check of the forward pass has lost points.

    Losses that are right for the student's own wrong scores pass. If a check of the loss has already lost its points,
    losses also pass if the scores are right and the losses depend on the data. Calls `truth.scores` and
    `truth.loss_from`.

    Args:
        asked: What the student's `loss` has returned for each problem.
        truth: Object with the right results.
        causes: Ids of the checks that have lost points.
        scores: Checks whose ids contain this text, such as "q1.scores", judge the scores. All others in `causes` count
            as checks of the loss.

    Returns:
        The verdict.
    """
    if any(scores in cause for cause in causes) and all(right_for_own_scores(a, truth) for a in asked):
        return passed()
    charged_as_loss = any(scores not in cause for cause in causes)
    if charged_as_loss and all(scores_are_right(a.own, truth) for a in asked) and depend_on_data(asked):
        return passed()
    return NOT_OWN


def right_for_own_scores(asked: ProblemAnswer, truth: Any) -> bool:
    """Return whether the student's loss is right for the student's scores, and these depend on X and the weights."""
    own = asked.own
    right = own.scores is not None and near(asked.answer, truth.loss_from(own.problem, own.scores)).holds
    return right and own.scores_show_work


def scores_are_right(own: OwnAnswers, truth: Any) -> bool:
    """Return whether the student's scores are right, up to a relative error of 1e-4."""
    return own.scores is not None and is_near(own.scores, truth.scores(own.problem), rtol=1e-4)


def depend_on_data(asked: Sequence[ProblemAnswer]) -> bool:
    """Return whether each of the student's losses, without regularisation, changes with labels and examples."""
    return all(_depends_on_data(one.own, replace(one.own.problem, reg=0.0)) for one in asked)


def _depends_on_data(own: OwnAnswers, problem: Problem) -> bool:
    if (value := own.loss_at(problem)) is None:
        return False
    relabelled = replace(problem, y=(problem.y + 1) % problem.classes)
    others = (relabelled, replace(problem, X=problem.X[::-1] + 0.1))
    # a large wrong penalty makes the relative change tiny, but still larger than rounding
    return all(
        (changed := own.loss_at(other)) is not None and abs(changed - value) > 1e-13 * abs(value) for other in others
    )


def vary(asked: Sequence[ProblemAnswer]) -> bool:
    """Return whether the student's scores differ between the examples of each problem. Saturated units can make them
    equal, so `problem.gentle()` is tried too, where no unit is saturated."""
    return all(_varies(a.own.scores) or _varies(a.own.at(a.own.problem.gentle()).scores) for a in asked)


def _varies(scores: Array | None) -> bool:
    return scores is not None and np.ptp(scores, axis=0).max() > 1e-9


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
    asked: Sequence[ProblemAnswer], name: str, truth: Any, *, passes: Passes = from_own_scores, single: bool = False
) -> Verdict:
    """Judge the student's gradients of one parameter by a right backward pass from the student's own forward pass.

    Args:
        asked: What the student's `loss` has returned for each problem.
        name: Name of the parameter.
        truth: Object with the right results.
        passes: Function that derives the right gradients in several ways (`Passes`). One of these ways must fit the
            gradients for all problems.
        single: True if the student's code computes in float32.

    Returns:
        The verdict.
    """
    want, own = _explaining(asked, [name], truth, passes, single), asked[0].own
    if want is None:
        return NOT_OWN
    if all(np.any(one[name]) for one in want):
        return passed()
    return gradients_use_data(own.student, own.problem) if own.scores_show_work else NOT_OWN


def all_gradients_follow(
    asked: Sequence[ProblemAnswer], truth: Any, *, passes: Passes = from_own_scores, single: bool = False
) -> Verdict:
    """Judge the student's gradients of all parameters by a right backward pass from the student's own forward pass.

    Args:
        asked: What the student's `loss` has returned for each problem.
        truth: Object with the right results.
        passes: Function that derives the right gradients in several ways (`Passes`). One of these ways must fit all
            gradients for all problems.
        single: True if the student's code computes in float32.

    Returns:
        The verdict.
    """
    names = list(asked[0].own.problem.params)
    return NOT_OWN if _explaining(asked, names, truth, passes, single) is None else passed()


def _explaining(
    asked: Sequence[ProblemAnswer], names: Sequence[str], truth: Any, passes: Passes, single: bool
) -> Sequence[Params] | None:
    """Return the right gradients for each problem, derived in the first way (see `Passes`) that gives the student's
    gradients of the parameters `names`. Return None if no way does."""
    for way in zip(*(passes(one.own, truth) for one in asked), strict=True):
        want = [right for right in way if right is not None]
        if len(want) == len(asked) and all(
            near(gradient_of(one.answer, name), right[name], single=single).holds
            for one, right in zip(asked, want, strict=True)
            for name in names
        ):
            return want
    return None


def gradients_use_data(student: Student, problem: Problem) -> Verdict:
    """Judge whether the student's gradients, right or wrong, depend on the batch.

    The gradients must change with the examples and with the labels: otherwise the batches are not used. They must
    hardly change if the examples change by a tiny amount: otherwise they are noise. If the test fails, it is repeated
    at `problem.gentle()`, because perhaps no unit is active at the problem itself.
    """
    verdict = _gradients_use_data_at(student, problem)
    return verdict if verdict.holds else _gradients_use_data_at(student, problem.gentle())


def _gradients_use_data_at(student: Student, problem: Problem) -> Verdict:
    if not problem.y.any():
        problem = replace(problem, y=problem.y + 1)
    base = raw_gradients(student, problem)
    others = (replace(problem, X=0.5 - 0.5 * problem.X), replace(problem, y=0 * problem.y))
    changed = [raw_gradients(student, other) for other in others]
    used = [n for n in problem.weights if n in base and all(n in c and not are_equal(c[n], base[n]) for c in changed)]
    if not used:
        return failed("loss's gradients do not change with X and y, so the batches are never used")
    nearby = raw_gradients(student, replace(problem, X=problem.X * (1 + TINY_CHANGE)))
    if not any(n in nearby and are_equal(nearby[n], base[n], rtol=1e-3) for n in used):
        return failed("loss's gradients are noise: examples that are equal up to rounding give different gradients")
    return passed()


def gradients_are_zero(student: Student, problem: Problem) -> bool:
    """Return whether the student's loss returns a gradient for each parameter, and all these gradients are zero."""
    found = raw_gradients(student, problem)
    return found.keys() >= problem.params.keys() and not any(value.any() for value in found.values())


def raw_gradients(student: Student, problem: Problem) -> Params:
    """Return the student's gradients by parameter name, without those that are not finite numeric arrays. Shapes are
    not checked."""
    grads = model_in_session(student, problem).loss(problem).item(1, "grads").value
    values = grads if isinstance(grads, dict) else {}
    return {n: v for n, v in values.items() if type(v) is np.ndarray and v.dtype.kind in "fiu" and np.isfinite(v).all()}


def are_equal(first: Array, second: Array, rtol: float = 1e-9) -> bool:
    """Return whether two arrays have the same shape and agree in norm.

    Args:
        first, second: The arrays to compare.
        rtol: Relative tolerance of the norm of their difference.

    Returns:
        True if they agree.
    """
    return first.shape == second.shape and is_near(first, second, rtol=rtol)


# ── trainings ────────────────────────────────────────────────────────────────────────────────────────


Score = Callable[[Params], float]
Record = Callable[[float, Params], float]
"""Function (loss, gradients by parameter name) → number that train adds to a history after a step."""
Step = Callable[[Params, Problem, float], tuple[Params, Histories] | None]
"""Function (parameters, batch, learning rate) → (parameters, new history entries) after a step; None if it fails."""
Ended = tuple[Answer, Mapping[str, Answer]]
"""The answer of train, and the parameters after training."""


@dataclass(frozen=True)
class Trainer:
    """The ids of an assignment's checks of `train`, and the names of the histories that train returns.

    Args:
        losses: Ids of the sections or checks that judge the loss and its gradients.
        decay: Id of the check that judges the decay of the learning rate.
        predict: Id of the check that judges predict.
        record: Functions that compute a history's entry for a step, by the history's name: {"loss_history": lambda
            loss, gradients: loss}.
        accuracies: Names of the histories of training and validation accuracies, which have an entry for each epoch.
    """

    losses: tuple[str, ...]
    decay: str
    predict: str
    record: Mapping[str, Record] = field(default_factory=lambda: {"loss_history": lambda loss, _gradients: loss})
    accuracies: tuple[str, str] = ("train_acc_history", "val_acc_history")

    @property
    def histories(self) -> tuple[str, ...]:
        """Names of all histories that train must return."""
        return (*self.record, *self.accuracies)

    def about_losses(self, causes: Sequence[str]) -> bool:
        """Return whether a check of the loss or its gradients has lost points."""
        return any(cause.startswith(self.losses) for cause in causes)

    def about_training(self, causes: Sequence[str]) -> bool:
        """Return whether a check of something other than the loss and its gradients has lost points."""
        return any(not cause.startswith(self.losses) for cause in causes)

    def recorded(self, loss: float, gradients: Params) -> Histories:
        """Return the history entries of one step."""
        return {name: [entry(loss, gradients)] for name, entry in self.record.items()}

    # ── a right training with the student's own parts ────────────────────────────────────────────────

    def own_trainings(
        self, student: Student, training: Training, causes: Sequence[str]
    ) -> Iterator[tuple[Params, Histories]]:
        """Run trainings by the grader in which only the gradients or the steps come from the student's code.

        Args:
            student: The submission.
            training: A training on copies of one example.
            causes: Ids of the checks that have lost points.

        Returns:
            Iterator over (parameters, histories) after each training. If a check of the loss or of a gradient has lost
            points, one training uses the gradients of the student's loss. If `batch_size` is larger than the number of
            examples, its batches have each example once, and those of a second training have `batch_size` rows. If any
            other check has lost points, the steps of one training are single-step calls of the student's train.
        """
        problem = training.problem
        if self.about_losses(causes):
            for rows in sorted({training.batch_size, training.recipe["batch_size"]}):
                batch = problem.rows(np.arange(rows) % len(problem.X))
                result = self._result_of_steps(self._by_own_gradient(student, training), student, training, batch)
                if result is not None:
                    yield result
        if not self.about_training(causes):
            return
        batch = problem.rows(slice(training.batch_size))
        result = self._result_of_steps(self._by_own_step(student, training), student, training, batch)
        if result is not None and (training.steps == 1 or self.steps_use_data(student, training)):
            yield result

    def steps_use_data(self, student: Student, training: Training) -> bool:
        """Return whether a single step of the student's train depends on the examples."""
        problem, rate = training.problem, float(training.recipe["learning_rate"])
        step = self._by_own_step(student, training)
        here, there = (step(problem.params, at, rate) for at in (problem, replace(problem, X=problem.X + 0.5)))
        if here is None or there is None:
            return False
        return any(not are_equal(here[0][p], there[0][p]) for p in problem.params)

    def _result_of_steps(
        self, step: Step, student: Student, training: Training, batch: Problem
    ) -> tuple[Params, Histories] | None:
        """Run a training that calls `step` with the same batch each time. Return the parameters and histories, or None
        if a step fails or no parameter changes."""
        problem, params = training.problem, dict(training.problem.params)
        histories: Histories = {}
        for number, rate in enumerate(training.rates()):
            if (after := step(params, batch, rate)) is None:
                return None
            params = after[0]
            _extend(histories, after[1])
            if training.ends_epoch(number):
                _extend(histories, self.own_accuracies(student, problem.at(params), training))
        if all(np.array_equal(params[p], problem.params[p]) for p in params):
            return None
        return params, histories

    def _by_own_gradient(self, student: Student, training: Training) -> Step:
        model = model_in_session(student, training.problem)

        def step(params: Params, batch: Problem, rate: float) -> tuple[Params, Histories] | None:
            model.put(params)
            answer = model.loss(batch)
            grads, loss = gradients_of(answer, params), array_of(loss_of(answer), ())
            if isinstance(grads, Verdict) or loss is None:
                return None
            return {p: value - rate * grads[p] for p, value in params.items()}, self.recorded(float(loss), grads)

        return step

    def _by_own_step(self, student: Student, training: Training) -> Step:
        def step(params: Params, batch: Problem, rate: float) -> tuple[Params, Histories] | None:
            single = training.one_step(batch.at(params), rate)
            stats, answers = trained(student, single)
            after = parameters_after(stats, answers, single)
            if isinstance(after, Verdict):
                return None
            found = {name: array_of(history_of(stats, name), (1,)) for name in self.record}
            return after, {name: values.tolist() for name, values in found.items() if values is not None}

        return step

    def own_accuracies(self, student: Student, problem: Problem, training: Training) -> Histories:
        """Return the training and validation accuracies of the student's own predict.

        Args:
            student: The submission.
            problem: A problem with the parameters and the training data.
            training: The training, for its validation data.

        Returns:
            One entry for each history of accuracies, by name; NaN if predict fails.
        """
        model = model_in_session(student, problem)
        data = ((problem.X, problem.y), (training.X_val, training.y_val))
        return {name: [share_of_right(model.predict(X), y)] for name, (X, y) in zip(self.accuracies, data, strict=True)}

    # ── train alone ──────────────────────────────────────────────────────────────────────────────

    def by_constants(
        self, student: Student, training: Training, truth: Any
    ) -> tuple[Ended, tuple[Params, Histories]] | None:
        """Run the student's train with constant gradients, if the gradients of the student's loss cannot be used.

        Args:
            student: The submission.
            training: A training on copies of one example.
            truth: Object with the right results. `truth.moved_by` is called.

        Returns:
            The student's result and the right result; None if loss returns gradients of the right shapes.
        """
        problem = training.problem
        own = gradients_of(model_in_session(student, problem).loss(problem), problem.params)
        if not isinstance(own, Verdict):
            return None
        gradients, ended = trained_by_constants(student, training)
        recorded = {name: training.iterations * values for name, values in self.recorded(1.0, gradients).items()}
        for name, y in zip(self.accuracies, (problem.y, training.y_val), strict=True):
            recorded[name] = training.recorded * [float(np.mean(y == 0))]
        return ended, (truth.moved_by(training, gradients), recorded)

    def trains_alike(self, student: Student, training: Training, other: Training) -> bool:
        """Return whether the student's train works in the same way for two kinds of models, so that a result for one
        kind holds for the other.

        Args:
            student: The submission.
            training: A training of the first kind of model.
            other: The same training of the second kind of model.

        Returns:
            True if constant gradients change both models in the same way, and train's steps depend on the data.
        """
        ended = [trained_by_constants(student, one)[1] for one in (training, other)]
        first, second = (parameters_after(stats, after, training) for stats, after in ended)
        if isinstance(first, Verdict) or isinstance(second, Verdict):
            return False
        moved = any(not np.array_equal(first[p], value) for p, value in training.problem.params.items())
        alike = moved and all(is_near(first[p], second[p]) for p in first)
        return alike and self.steps_use_data(student, training)


def trained(student: Student, training: Training) -> Ended:
    """Call the student's train on a new model, and return its answer and the parameters afterwards."""
    model = model_in_session(student, training.problem)
    stats = model.train(training)
    return stats, model.parameters()


def trained_by_constants(student: Student, training: Training) -> tuple[Params, Ended]:
    """Call the student's train with `loss` replaced by a function that always returns the loss 1 and the same random
    gradients. Return these gradients and the result of train."""
    random, problem = np.random.default_rng(0), training.problem
    gradients: Params = {name: np.asarray(random.normal(size=value.shape)) for name, value in problem.params.items()}
    model = model_in_session(student, problem)
    model.remote.answer_always("loss", [1.0, gradients])
    model.remote.stand_in("predict")
    return gradients, (model.train(training), model.parameters())


def _extend(histories: Histories, more: Histories) -> None:
    for name, values in more.items():
        histories.setdefault(name, []).extend(values)


def share_of_right(guess: Answer, y: Array) -> float:
    """Return the share of right labels in an answer of predict; NaN if predict failed."""
    labels = array_of(guess, y.shape)
    return np.nan if labels is None else float(np.mean(labels == y))


# ── long trainings ───────────────────────────────────────────────────────────────────────────────────

CLEARLY = 0.1
"""Least difference in accuracy that counts as clear. Different seeds change the accuracy of right trainings by less."""
Gradients = Callable[[Problem], Params | None]


def learns_less(student: Student, training: Training, truth: Any, score: Score) -> bool:
    """Return whether gradient descent with the student's own gradients learns clearly less than with the right ones.

    Calls `truth.gradients_once`.

    Args:
        student: The submission.
        training: The initial parameters, the data, and the arguments of train.
        truth: Object with the right results.
        score: Function (parameters) → accuracy.

    Returns:
        True if the accuracy is lower by more than `CLEARLY`, or if a gradient is missing.
    """
    model = model_in_session(student, training.problem)

    def own(problem: Problem) -> Params | None:
        model.put(problem.params)
        found = gradients_of(model.loss(problem), problem.params)
        return None if isinstance(found, Verdict) else found

    ended = _descend(training, own)
    if ended is None:
        return True
    right = _descend(training, truth.gradients_once)
    return right is None or score(ended) < score(right) - CLEARLY


def _descend(training: Training, gradients: Gradients) -> Params | None:
    """Run gradient descent on batches in a fixed random order. Return the parameters; None if a gradient is missing."""
    random, problem = np.random.default_rng(0), training.problem
    params, order = dict(problem.params), np.zeros((0, 0), int)
    for number, rate in enumerate(training.rates()):
        if number % training.steps == 0:
            order = random.permutation(len(problem.X))[: training.steps * training.batch_size]
            order = order.reshape(training.steps, training.batch_size)
        found = gradients(problem.at(params).rows(order[number % training.steps]))
        if found is None:
            return None
        params = {name: value - rate * found[name] for name, value in params.items()}
    return params


# ── labels ───────────────────────────────────────────────────────────────────────────────────────────


def labels_follow(asked: Sequence[ProblemAnswer]) -> Verdict:
    """Judge predict's labels by the student's own scores. If these ignore the data or the parameters, the labels fail.

    Args:
        asked: What the student's `predict` has returned for each problem.

    Returns:
        The verdict.
    """
    if not any(one.own.scores_show_work for one in asked):
        return NOT_OWN
    return next((verdict for verdict in map(_labels_follow, asked) if not verdict.holds), passed())


def _labels_follow(asked: ProblemAnswer) -> Verdict:
    own, scores = asked.own, asked.own.scores
    if scores is None or call_failure(asked.answer) is not None:
        return NOT_OWN
    if not (_mostly_differ(scores) or _mostly_differ(own.at(own.problem.gentle()).scores)):
        return NOT_OWN
    best = np.sort(scores, axis=1)
    clear = float(np.mean(best[:, -1] - best[:, -2] > 1e-6 * (1 + np.abs(best).max())))
    return agree(asked.answer, scores.argmax(axis=1), share=clear)


def _mostly_differ(scores: Array | None) -> bool:
    """Return whether more than half of the rows of scores are distinct. (Even right answers have equal rows: those of
    examples for which no unit is active.)"""
    return scores is not None and 2 * len(np.unique(scores, axis=0)) > len(scores)

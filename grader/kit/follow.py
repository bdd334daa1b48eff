"""The student's own answers as the truth: how later checks are judged where earlier ones have lost points.

One cause costs its points once: a gradient that is right for wrong scores is right, and so is a training that follows
wrong gradients. Nothing here is asked before points were lost, and only work earns points: nothing follows from answers
that ignore the data or the parameters.

Functions whose last arguments are `truth, causes` are made for `claim(own=…)` with `functools.partial`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from grader.checks.answer import Answer
from grader.checks.claim import Verdict, agree, failed, held, lost, near
from grader.checks.student import Student
from grader.kit.models import (
    Model,
    array_of,
    gradient_of,
    gradients_of,
    history_of,
    is_near,
    loss_of,
    parameters_after,
)
from grader.kit.problems import Array, Params, Problem, Training
from grader.kit.truth import Histories

NOT_OWN = lost("does not follow from the student's own earlier answers")
MOST_LOSSES = 200
"""Most losses to ask for, one example under one label each, to read off the student's own probabilities."""
HARDLY = 1e-10
"""X is changed by so little, relative to it, that whatever is computed from it stays the same up to rounding."""


class Own:
    """A student's own answers at one problem, each asked for at most once."""

    def __init__(self, student: Student, problem: Problem) -> None:
        self.student, self.problem = student, problem

    def at(self, problem: Problem) -> Self:
        """Return the same student's answers at another problem."""
        return type(self)(self.student, problem)

    def model(self, problem: Problem | None = None) -> Model:
        """Return the student's model at this problem, or at another, in a session that is alive."""
        self.student.begin()
        return Model(self.student, problem or self.problem)

    @cached_property
    def scores(self) -> Array | None:
        """The scores (N, C); None if loss(X) does not return them."""
        return array_of(self.model().scores(self.problem.X), (len(self.problem.X), self.problem.classes))

    @cached_property
    def scores_show_work(self) -> bool:
        """Whether the scores are made of X and the weights: they change where one of these is zero, and hardly change
        where X hardly does. Constants, functions of one parameter and noise that the data seed are no work to follow.
        Where units saturate, the gentle variation shows it."""
        if self.scores is None:
            return False
        return self._change_with_the_data() or self.at(self.problem.gentle())._change_with_the_data()

    def _change_with_the_data(self) -> bool:
        problem = self.problem
        without = [replace(problem, X=0 * problem.X)]
        without += [problem.at({name: 0 * problem.params[name]}) for name in problem.weights]
        others = [self.at(other).scores for other in without]
        beside = self.at(replace(problem, X=problem.X * (1 + HARDLY))).scores
        if self.scores is None or beside is None:
            return False
        changed = all(other is not None and not is_near(other, self.scores) for other in others)
        return changed and is_near(beside, self.scores, rtol=1e-3)

    def loss_at(self, problem: Problem) -> float | None:
        """Return the loss at a variation of the problem, or None if it is not a number."""
        value = array_of(loss_of(self.model(problem).loss(problem)), ())
        return None if value is None else float(value)

    @cached_property
    def losses_by_label(self) -> Array | None:
        """Each example's loss under each label (N, C), without regularisation; None if there are too many."""
        N, C = len(self.problem.X), self.problem.classes
        if N * C > MOST_LOSSES:
            return None
        model, found = self.model(), []
        for i in range(N):
            for c in range(C):
                one = replace(self.problem, X=self.problem.X[[i]], y=np.array([c]), reg=0.0)
                if (value := array_of(loss_of(model.loss(one)), ())) is None:
                    return None
                found.append(float(value))
        return np.array(found).reshape(N, C)

    def gradients(self, problem: Problem) -> Params | None:
        """Return the gradients at a variation of the problem, or None if one of them has another shape."""
        found = gradients_of(self.model(problem).loss(problem), problem.params)
        return None if isinstance(found, Verdict) else found


@dataclass(frozen=True)
class Asked:
    """An answer that a check has got, and the student's own answers at the same problem."""

    own: Own
    answer: Answer


# ── losses ───────────────────────────────────────────────────────────────────────────────────────────


def loss_follows(asked: Sequence[Asked], truth: Any, causes: Sequence[str], *, scores: str = "scores") -> Verdict:
    """Judge losses after a check of the forward pass has lost points.

    They hold if they are right for the student's own wrong scores, or wrong for right scores after another loss has
    lost its points for that. Asks the truth `scores` and `loss_from`.

    Args:
        asked: losses.
        scores: part of the ids of checks that judge scores; the other causes judge losses.
    """
    if any(scores in cause for cause in causes) and all(right_for_own_scores(a, truth) for a in asked):
        return held()
    charged_as_loss = any(scores not in cause for cause in causes)
    if charged_as_loss and all(scores_are_right(a.own, truth) for a in asked) and depend_on_data(asked):
        return held()
    return NOT_OWN


def right_for_own_scores(asked: Asked, truth: Any) -> bool:
    """Return whether a loss is right for the student's own scores, and these show work."""
    own = asked.own
    right = own.scores is not None and near(asked.answer, truth.loss_from(own.problem, own.scores)).holds
    return right and own.scores_show_work


def scores_are_right(own: Own, truth: Any) -> bool:
    return own.scores is not None and is_near(own.scores, truth.scores(own.problem), rtol=1e-4)


def depend_on_data(asked: Sequence[Asked]) -> bool:
    """Return whether each loss changes with the labels and with the examples. A large penalty would hide it."""
    return all(_depends_on_data(one.own, replace(one.own.problem, reg=0.0)) for one in asked)


def _depends_on_data(own: Own, problem: Problem) -> bool:
    if (value := own.loss_at(problem)) is None:
        return False
    relabelled = replace(problem, y=(problem.y + 1) % problem.classes)
    others = (relabelled, replace(problem, X=problem.X[::-1] + 0.1))
    return all(
        (changed := own.loss_at(other)) is not None and abs(changed - value) > 1e-9 * abs(value) for other in others
    )


def vary(asked: Sequence[Asked]) -> bool:
    """Return whether the scores differ between examples. Where no unit is active, the gentle variation shows it."""
    return all(_varies(a.own.scores) or _varies(a.own.at(a.own.problem.gentle()).scores) for a in asked)


def _varies(scores: Array | None) -> bool:
    return scores is not None and np.ptp(scores, axis=0).max() > 1e-9


# ── gradients ────────────────────────────────────────────────────────────────────────────────────────

Passes = Callable[[Any, Any], Iterator[Params | None]]
"""(own, truth) → right gradients for parts of the student's own forward pass, one for each way to read them off; None
where a way does not work."""


def from_own_scores(own: Own, truth: Any) -> Iterator[Params | None]:
    """Yield the right gradients for the student's own probabilities. Asks the truth `probabilities_of(scores)` and
    `gradients_from(problem, probabilities)`."""
    for probabilities in own_probabilities(own, truth):
        yield None if probabilities is None else truth.gradients_from(own.problem, probabilities)


def own_probabilities(own: Own, truth: Any) -> list[Array | None]:
    """Return the student's own probabilities (N, C), by scores and by losses; None where they are not finite."""
    found = [
        None if own.scores is None else truth.probabilities_of(own.scores),
        None if own.losses_by_label is None else np.exp(-own.losses_by_label),
    ]
    return [p if p is not None and np.isfinite(p).all() else None for p in found]


def gradient_follows(
    asked: Sequence[Asked], name: str, truth: Any, *, passes: Passes = from_own_scores, single: bool = False
) -> Verdict:
    """Judge one parameter's gradients by a right backward pass from the student's own forward pass.

    Args:
        asked: answers of loss. The same way must explain all of them.
        passes: ways to read off the forward pass.
        single: the student computes in float32.
    """
    for want in zip(*(passes(one.own, truth) for one in asked), strict=True):
        if _are_near(asked, want, [name], single):
            own = asked[0].own
            nothing = any(not np.any(one[name]) for one in want if one is not None)
            if nothing and not own.scores_show_work:
                return NOT_OWN
            return gradients_use_data(own.student, own.problem) if nothing else held()
    return NOT_OWN


def all_gradients_follow(
    asked: Sequence[Asked], truth: Any, *, passes: Passes = from_own_scores, single: bool = False
) -> Verdict:
    """Judge all gradients together, where the forward pass leaves no work to build on."""
    names = list(asked[0].own.problem.params)
    for want in zip(*(passes(one.own, truth) for one in asked), strict=True):
        if _are_near(asked, want, names, single):
            return held()
    return NOT_OWN


def _are_near(asked: Sequence[Asked], want: Sequence[Params | None], names: Sequence[str], single: bool) -> bool:
    return all(
        right is not None and near(gradient_of(one.answer, name), right[name], single=single).holds
        for one, right in zip(asked, want, strict=True)
        for name in names
    )


def gradients_use_data(student: Student, problem: Problem) -> Verdict:
    """Judge batches where gradients have lost points.

    The gradients must at least change with the examples and with their labels, or the batches are never used; and
    hardly change where the examples hardly do, or they are noise. Where no unit is active, the gentle variation of the
    problem shows it.
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
        return lost("loss's gradients do not change with X and y, so the batches are never used")
    beside = raw_gradients(student, replace(problem, X=problem.X * (1 + HARDLY)))
    if not any(n in beside and are_equal(beside[n], base[n], rtol=1e-3) for n in used):
        return lost("loss's gradients are noise: examples that are the same up to rounding have others")
    return held()


def raw_gradients(student: Student, problem: Problem) -> Params:
    """Return the finite numeric gradients, of any shape."""
    student.begin()
    grads = Model(student, problem).loss(problem).item(1, "grads").value
    values = grads if isinstance(grads, dict) else {}
    return {n: v for n, v in values.items() if type(v) is np.ndarray and v.dtype.kind in "fiu" and np.isfinite(v).all()}


def are_equal(first: Array, second: Array, rtol: float = 1e-9) -> bool:
    """Return whether two arrays have one shape and agree in norm."""
    return first.shape == second.shape and is_near(first, second, rtol=rtol)


# ── trainings ────────────────────────────────────────────────────────────────────────────────────────


Score = Callable[[Params], float]
Record = Callable[[float, Params], float]
"""(loss, gradients by parameter name) of a step → the entry of a history."""
Step = Callable[[Params, Problem, float], tuple[Params, Histories] | None]
"""(parameters, batch, learning rate) → the parameters after one step, and what it records; None where it fails."""
Ended = tuple[Answer, Mapping[str, Answer]]
"""(train's answer, the parameters after it)."""


@dataclass(frozen=True)
class Trainer:
    """What an assignment says about train, for checks of it.

    Args:
        losses: ids of the sections or checks in which the loss and its gradients are judged.
        decay: id of the check that judges the decay of the learning rate.
        predict: id of the check that judges predict.
        record: histories with an entry for each step.
        accuracies: names of the histories of the accuracies on the training and on the validation data, which have an
            entry for each epoch.
    """

    losses: tuple[str, ...]
    decay: str
    predict: str
    record: Mapping[str, Record] = field(default_factory=lambda: {"loss_history": lambda loss, _gradients: loss})
    accuracies: tuple[str, str] = ("train_acc_history", "val_acc_history")

    @property
    def histories(self) -> tuple[str, ...]:
        """Names of all histories."""
        return (*self.record, *self.accuracies)

    def about_losses(self, causes: Sequence[str]) -> bool:
        return any(cause.startswith(self.losses) for cause in causes)

    def about_training(self, causes: Sequence[str]) -> bool:
        return any(not cause.startswith(self.losses) for cause in causes)

    def recorded(self, loss: float, gradients: Params) -> Histories:
        """Return what one step records."""
        return {name: [entry(loss, gradients)] for name, entry in self.record.items()}

    # ── a right training with the student's own parts ────────────────────────────────────────────────

    def own_trainings(
        self, student: Student, training: Training, causes: Sequence[str]
    ) -> Iterator[tuple[Params, Histories]]:
        """Yield the result of a right training with the student's own gradients, if the loss or a gradient has lost
        points, and with the student's own single steps, if those have. All rows of the training are the same."""
        if self.about_losses(causes):
            led = self._led_by(self._by_own_gradient(student, training), student, training)
            if led is not None:
                yield led
        if not self.about_training(causes):
            return
        led = self._led_by(self._by_own_step(student, training), student, training)
        if led is not None and (training.steps == 1 or self.steps_use_data(student, training)):
            yield led

    def steps_use_data(self, student: Student, training: Training) -> bool:
        """Return whether train's own steps lead elsewhere with other examples: else its batches are never used."""
        problem, rate = training.problem, float(training.recipe["learning_rate"])
        step = self._by_own_step(student, training)
        here, there = (step(problem.params, at, rate) for at in (problem, replace(problem, X=problem.X + 0.5)))
        if here is None or there is None:
            return False
        return any(not are_equal(here[0][p], there[0][p]) for p in problem.params)

    def _led_by(self, step: Step, student: Student, training: Training) -> tuple[Params, Histories] | None:
        problem = training.problem
        batch, params = problem.rows(slice(training.batch_size)), dict(problem.params)
        histories: Histories = {}
        for number, rate in enumerate(training.rates()):
            if (after := step(params, batch, rate)) is None:
                return None
            params = after[0]
            _extend(histories, after[1])
            if training.ends_epoch(number):
                _extend(histories, self.own_accuracies(student, problem.at(params), training))
        if all(np.array_equal(params[p], problem.params[p]) for p in params):
            return None  # nothing moves: there is no work to follow
        return params, histories

    def _by_own_gradient(self, student: Student, training: Training) -> Step:
        student.begin()
        model = Model(student, training.problem)

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
        """Return the accuracies of the student's own predict at a problem's parameters, one entry for each history."""
        student.begin()
        model = Model(student, problem)
        data = ((problem.X, problem.y), (training.X_val, training.y_val))
        return {name: [share_of_right(model.predict(X), y)] for name, (X, y) in zip(self.accuracies, data, strict=True)}

    # ── train by itself ──────────────────────────────────────────────────────────────────────────────

    def by_constants(
        self, student: Student, training: Training, truth: Any
    ) -> tuple[Ended, tuple[Params, Histories]] | None:
        """Return the student's and the right training with constant gradients; None if the student's own can be
        followed. They cannot if loss raises, or if its gradients do not have the shapes of the parameters."""
        problem = training.problem
        student.begin()
        own = gradients_of(Model(student, problem).loss(problem), problem.params)
        if not isinstance(own, Verdict):
            return None
        gradients, ended = trained_by_constants(student, training)
        recorded = {name: training.iterations * values for name, values in self.recorded(1.0, gradients).items()}
        for name, y in zip(self.accuracies, (problem.y, training.y_val), strict=True):
            recorded[name] = training.recorded * [float(np.mean(y == 0))]
        return ended, (truth.moved_by(training, gradients), recorded)

    def trains_alike(self, student: Student, training: Training, other: Training) -> bool:
        """Return whether train treats models of two kinds alike, so that the training of one follows from the
        other's."""
        ended = [trained_by_constants(student, one)[1] for one in (training, other)]
        first, second = (parameters_after(stats, after, training) for stats, after in ended)
        if isinstance(first, Verdict) or isinstance(second, Verdict):
            return False
        moved = any(not np.array_equal(first[p], value) for p, value in training.problem.params.items())
        alike = moved and all(is_near(first[p], second[p]) for p in first)
        return alike and self.steps_use_data(student, training)


def trained(student: Student, training: Training) -> Ended:
    """Train a new model."""
    student.begin()
    model = Model(student, training.problem)
    stats = model.train(training)
    return stats, model.parameters()


def trained_by_constants(student: Student, training: Training) -> tuple[Params, Ended]:
    """Train with a loss that always answers 1 and the same gradients, so that train alone is seen; return them too."""
    random, problem = np.random.default_rng(0), training.problem
    gradients: Params = {name: np.asarray(random.normal(size=value.shape)) for name, value in problem.params.items()}
    student.begin()
    model = Model(student, problem)
    model.remote.answer_always("loss", [1.0, gradients])
    model.remote.stand_in("predict")
    return gradients, (model.train(training), model.parameters())


def _extend(histories: Histories, more: Histories) -> None:
    for name, values in more.items():
        histories.setdefault(name, []).extend(values)


def share_of_right(guess: Answer, y: Array) -> float:
    """Return the share of right labels; NaN if predict failed."""
    labels = array_of(guess, y.shape)
    return np.nan if labels is None else float(np.mean(labels == y))


# ── long trainings ───────────────────────────────────────────────────────────────────────────────────

CLEARLY = 0.1
"""An accuracy that is so much lower is no chance. Right trainings of one recipe differ less from seed to seed."""
Gradients = Callable[[Problem], Params | None]


def learns_less(student: Student, training: Training, truth: Any, score: Score) -> bool:
    """Return whether descent along the student's own gradients learns clearly less than along the right ones.

    Asks the truth `gradients_once`.

    Args:
        training: where to start from, what to learn, and how.
        score: parameters → accuracy.
    """
    student.begin()
    model = Model(student, training.problem)

    def own(problem: Problem) -> Params | None:
        model.put(problem.params)
        found = gradients_of(model.loss(problem), problem.params)
        return None if isinstance(found, Verdict) else found

    ended = _descend(training, own)
    right = _descend(training, truth.gradients_once)
    return ended is None or right is None or score(ended) < score(right) - CLEARLY


def _descend(training: Training, gradients: Gradients) -> Params | None:
    """Return the parameters that batches in a fixed random order lead to, None where there is no gradient."""
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


def labels_follow(asked: Sequence[Asked]) -> Verdict:
    """Judge labels by the student's own scores. Scores that ignore the data or the parameters are no work to follow.

    Args:
        asked: answers of predict.
    """
    if not any(one.own.scores_show_work for one in asked):
        return NOT_OWN
    for one in asked:
        if (verdict := _label_follows(one)) is not None:
            return verdict
    return held()


def _label_follows(asked: Asked) -> Verdict | None:
    own, scores = asked.own, asked.own.scores
    if scores is None or failed(asked.answer) is not None:
        return NOT_OWN
    if not (_mostly_differ(scores) or _mostly_differ(own.at(own.problem.gentle()).scores)):
        return NOT_OWN
    best = np.sort(scores, axis=1)
    clear = float(np.mean(best[:, -1] - best[:, -2] > 1e-6 * (1 + np.abs(best).max())))
    verdict = agree(asked.answer, scores.argmax(axis=1), share=clear)
    return None if verdict.holds else verdict


def _mostly_differ(scores: Array | None) -> bool:
    """Return whether most examples have different scores; a few may have no active unit."""
    return scores is not None and 2 * len(np.unique(scores, axis=0)) > len(scores)

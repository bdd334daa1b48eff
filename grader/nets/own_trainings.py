"""Follow-through of trainings: judge later checks by trainings that use the student's own gradients or steps.

One cause costs its points once: a training passes if it is right for the student's wrong gradients. These functions are
called only after an earlier check has lost points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import tee
from typing import Any

import numpy as np

from grader.kit.answer import Answer
from grader.kit.compare import array_of, near
from grader.kit.student import Student
from grader.kit.verdict import Verdict
from grader.nets.model_truth import Histories
from grader.nets.models import arrays, cosine, flattened, floats_of, gradients_of, loss_of
from grader.nets.own_answers import are_equal, model_in_session
from grader.nets.problems import Params, Problem, Training
from grader.nets.train_results import TrainAnswer, TrainingResult, has_diverged, train
from grader.sandbox.contract import Array

SLOWER = (1e-4, 1e-7)
"""Factors by which to reduce the learning rate, so that a training with wrong gradients does not diverge."""

Score = Callable[[Params], float]
Record = Callable[[float, Params], float]
"""Function (loss, gradients by parameter name) → number that train adds to a history after a step."""
Step = Callable[[Params, Problem, float], TrainingResult | None]
"""Function (parameters, batch, learning rate) → parameters and new history entries after a step; None if it fails."""


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

    def measured_data(self, training: Training) -> dict[str, Problem]:
        """Return the data on which train measures accuracies, by the names of their histories."""
        validation = replace(training.problem, X=training.X_val, y=training.y_val)
        return dict(zip(self.accuracies, (training.problem, validation), strict=True))

    def about_losses(self, causes: Sequence[str]) -> bool:
        """Return whether a check of the loss or its gradients has lost points."""
        return any(cause.startswith(self.losses) for cause in causes)

    def about_training(self, causes: Sequence[str]) -> bool:
        """Return whether a check of something other than the loss and its gradients has lost points."""
        return not all(cause.startswith(self.losses) for cause in causes)

    def entries(self, loss: float, gradients: Params) -> Histories:
        """Return the history entries of one step."""
        return {name: [entry(loss, gradients)] for name, entry in self.record.items()}


@dataclass(frozen=True)
class OwnTrainings:
    """Trainings with a student's own gradients or steps, to compare the student's train with. The student's code runs
    each of them once, however often they are asked for.

    Args:
        trainer: Ids of the checks of train, and the names of the histories that train returns.
        student: The submission.
        training: A training on copies of one example.
        measures: True to compute the accuracies after each epoch.
    """

    trainer: Trainer
    student: Student
    training: Training
    measures: bool = False
    _compared: dict[tuple[bool, ...], Iterator[tuple[TrainAnswer, TrainingResult | None]]] = field(
        default_factory=dict, init=False
    )

    def comparisons(
        self, answer: TrainAnswer, causes: Sequence[str], truth: Any
    ) -> Iterator[tuple[TrainAnswer, TrainingResult]]:
        """Yield results of the student's train, each with a result to compare it with: that of a right training, which
        may use the student's own gradients or steps.

        The trainings, in this order:
        - the given one;
        - the same with smaller learning rates, with which wrong gradients do not diverge;
        - a single epoch, if the check of the decay of the learning rate has lost points;
        - the given one and a slower one for `problem.gentle()`, if the student's gradients or steps cannot be used for
          the given one;
        - the given one with constant gradients, if train cannot run with the student's own gradients.

        Args:
            answer: The result of the given training with the student's train.
            causes: Ids of the checks that have lost points.
            truth: Object with the right results.

        Returns:
            Iterator over (result of the student's train, expected result).
        """
        key = (self.trainer.about_losses(causes), self.trainer.about_training(causes), self.trainer.decay in causes)
        compared_trainings = self._compared.get(key) or self._compare(answer, causes)
        self._compared[key], compared_trainings = tee(compared_trainings)  # for later calls, and for this one
        for compared, own_result in compared_trainings:
            yield compared, own_result or TrainingResult(*truth.trained(compared.training))
        by_constants = self.by_constants(truth)
        if by_constants is not None:
            yield by_constants

    def _compare(
        self, answer: TrainAnswer, causes: Sequence[str]
    ) -> Iterator[tuple[TrainAnswer, TrainingResult | None]]:
        """Yield the items of `comparisons`, except those by constants; None stands for the result of a right
        training."""
        training = self.training
        own_results = 0
        for own_result in self.own_results(causes):
            own_results += 1
            yield answer, own_result
        rate = float(training.recipe["learning_rate"])
        simpler_trainings = [training.changed(learning_rate=share * rate) for share in SLOWER]
        if self.trainer.decay in causes and training.epochs > 1:
            simpler_trainings.append(training.lasting(1))
        for simpler_training in simpler_trainings:
            simpler_answer = train(self.student, simpler_training)
            yield simpler_answer, None
            for own_result in replace(self, training=simpler_training).own_results(causes):
                yield simpler_answer, own_result
        if not own_results:
            gentle_problem = training.problem.gentle()
            for rough_training in (training, simpler_trainings[0]):
                gentle_training = replace(rough_training, problem=gentle_problem)
                gentle_answer = train(self.student, gentle_training)
                for own_result in replace(self, training=gentle_training).own_results(causes):
                    yield gentle_answer, own_result

    def own_results(self, causes: Sequence[str]) -> Iterator[TrainingResult]:
        """Run trainings by the grader in which only the gradients or the steps come from the student's code.

        Args:
            causes: Ids of the checks that have lost points.

        Returns:
            Iterator over the results. If a check of the loss or of a gradient has lost points, one training uses the
            gradients of the student's loss. If `batch_size` is larger than the number of examples, its batches have
            each example once, and those of a second training have `batch_size` rows. If any other check has lost
            points, the steps of one training are single-step calls of the student's train.
        """
        training, problem = self.training, self.training.problem
        if self.trainer.about_losses(causes):
            for batch_size in sorted({training.batch_size, training.recipe["batch_size"]}):
                batch = problem.rows(np.arange(batch_size) % len(problem.X))
                result = self._run(self._gradient_step(), batch)
                if result is not None:
                    yield result
        if self.trainer.about_training(causes):
            result = self._run(self._single_step, problem.rows(slice(training.batch_size)))
            if result is not None:
                yield result

    @cached_property
    def takes_steps(self) -> bool:
        """True if the student's train moves the parameters step by step: along the gradients that `loss` returns. If it
        computes its own gradients, its steps must depend on the examples and grow with the learning rate."""
        problem = self.training.problem
        two_steps = self.training.changed(batch_size=len(problem.X) // 2).lasting(1)  # one may be left out by mistake
        half_rate = 0.5 * two_steps.recipe["learning_rate"]
        other_examples = replace(problem, X=problem.X + 0.5)
        move = self._move_by_constants(two_steps)
        half_move = self._move_by_constants(two_steps.changed(learning_rate=half_rate))
        other_move = self._move_by_constants(replace(two_steps, problem=other_examples))
        if move is None or half_move is None or other_move is None:
            return False
        constants = flattened(random_gradients(problem))
        unrelated = 1 / np.sqrt(constants.size)  # deviation of the cosine of unrelated vectors
        # without what a train does at its start, such as drawing other parameters, the difference of two moves is left
        if any(abs(cosine(step, constants)) > 3 * unrelated for step in (move, move - half_move)):
            return True
        is_farther = np.linalg.norm(move) > 1.5 * np.linalg.norm(half_move)
        return bool(is_farther) and not are_equal(move, other_move)

    @cached_property
    def learns_slower(self) -> bool:
        """True if the learning rates of the student's train sum to clearly less than the right ones."""
        move = self._move_by_constants(self.training)
        constants = flattened(random_gradients(self.training.problem))
        right_length = sum(self.training.rates()) * np.vdot(constants, constants)
        return move is None or bool(np.vdot(-move, constants) < 0.9 * right_length)

    def _move_by_constants(self, training: Training) -> Array | None:
        """Return how far the student's train moves the parameters with constant gradients, as one vector, even if it
        raises after its steps; None if a parameter is unusable."""
        params = arrays(train_by_constants(self.student, training).params, training.problem.params)
        return None if isinstance(params, Verdict) else flattened(params) - flattened(training.problem.params)

    def _run(self, step: Step, batch: Problem) -> TrainingResult | None:
        """Run a training that calls `step` with the same batch each time. Return its result, or None if a step fails or
        no parameter changes."""
        start = self.training.problem.params
        params, histories = start, {name: list[float]() for name in self.trainer.histories}
        for number, rate in enumerate(self.training.rates()):
            result = step(params, batch, rate)
            if result is None:
                return None
            params, entries = result.params, result.histories
            if self.measures and self.training.ends_epoch(number):
                entries = entries | self.own_accuracies(params)
            for name, values in entries.items():
                histories[name] += values
        if all(np.array_equal(params[name], start[name]) for name in start):
            return None
        return TrainingResult(params, histories)

    def _gradient_step(self) -> Step:
        """Return a function that makes a step of gradient descent by the grader, with the gradients that the student's
        loss returns for the batch."""
        model = model_in_session(self.student, self.training.problem)

        def step(params: Params, batch: Problem, rate: float) -> TrainingResult | None:
            """Return the parameters and history entries after the step; None if loss returns no usable gradients."""
            model.put(params)
            answer = model.loss(batch)
            gradients, loss = gradients_of(answer, params), array_of(loss_of(answer), ())
            if isinstance(gradients, Verdict) or loss is None:
                return None
            moved_params = {name: value - rate * gradients[name] for name, value in params.items()}
            return TrainingResult(moved_params, self.trainer.entries(float(loss), gradients))

        return step

    def _single_step(self, params: Params, batch: Problem, rate: float) -> TrainingResult | None:
        """Make a step by a call of the student's train that takes a single step on the batch. Return the parameters and
        history entries afterwards; None if train fails or a parameter is unusable."""
        answer = train(self.student, self.training.one_step(batch.at(params), rate))
        moved_params = answer.arrays()
        if isinstance(moved_params, Verdict):
            return None
        entries: Histories = {}
        for name in self.trainer.record:
            values = array_of(answer.history(name), (1,))
            if values is not None:
                entries[name] = values.tolist()
        return TrainingResult(moved_params, entries)

    def own_accuracies(self, params: Params) -> Histories:
        """Return the training and validation accuracies of the student's own predict with these parameters.

        Returns:
            One entry for each history of accuracies, by name; NaN if predict fails.
        """
        model = model_in_session(self.student, self.training.problem.at(params))
        accuracies: Histories = {}
        for history, data in self.trainer.measured_data(self.training).items():
            accuracies[history] = [share_of_right(model.predict(data.X), data.y)]
        return accuracies

    def history_follows(self, answer: TrainAnswer, history: str, causes: Sequence[str], truth: Any) -> bool:
        """Return whether a history is that of a right training with the student's own gradients or steps.

        With a tiny learning rate, a train that never changes the parameters has the expected history too. So a smaller
        learning rate counts only if the original history has diverged, and a training other than the given one counts
        only if its parameters are right too.

        Args:
            answer: The result of the given training with the student's train.
            history: Name of the history.
            causes: Ids of the checks that have lost points.
            truth: Object with the right results.
        """
        is_steady = not has_diverged(floats_of(answer.history(history)), np.ones(1))
        other_causes = [cause for cause in causes if cause != self.trainer.predict]
        for compared, expected in self.comparisons(answer, other_causes, truth):
            is_slower = compared.training.recipe["learning_rate"] != self.training.recipe["learning_rate"]
            if is_slower and is_steady:
                continue
            expected_entries = np.array(expected.histories.get(history, []))
            if not near(compared.history(history), expected_entries, single=answer.single).holds:
                continue
            if compared.training is self.training or compared.compare(expected.params).holds:
                return True
        return False

    # ── train alone ──────────────────────────────────────────────────────────────────────────────

    def by_constants(self, truth: Any) -> tuple[TrainAnswer, TrainingResult] | None:
        """Run the student's train with constant gradients, if the gradients of the student's loss cannot be used.

        Args:
            truth: Object with the right results. `truth.moved_by` is called.

        Returns:
            The student's result and the right result; None if loss returns gradients of the right shapes.
        """
        training = self.training
        if self._constants_answer is None:
            return None
        gradients = random_gradients(training.problem)
        histories: Histories = {}
        for name, entries in self.trainer.entries(1.0, gradients).items():
            histories[name] = training.iterations * entries
        for name, data in self.trainer.measured_data(training).items():
            histories[name] = training.recorded * [float(np.mean(data.y == 0))]
        result = TrainingResult(truth.moved_by(training, gradients), histories)
        return self._constants_answer, result

    @cached_property
    def _constants_answer(self) -> TrainAnswer | None:
        """The result of the student's train with constant gradients; None if loss returns gradients of the right
        shapes."""
        problem = self.training.problem
        answer = model_in_session(self.student, problem).loss(problem)
        is_usable = not isinstance(gradients_of(answer, problem.params), Verdict)
        return None if is_usable else train_by_constants(self.student, self.training)


def random_gradients(problem: Problem) -> Params:
    """Return the constant random gradients, by parameter name, that `train_by_constants` uses."""
    random = np.random.default_rng(0)
    return {name: np.asarray(random.normal(size=value.shape)) for name, value in problem.params.items()}


def train_by_constants(student: Student, training: Training) -> TrainAnswer:
    """Call the student's train with `loss` replaced by a function that always returns the loss 1 and the same random
    gradients (`random_gradients`)."""
    model = model_in_session(student, training.problem)
    model.remote.answer_always("loss", [1.0, random_gradients(training.problem)])
    model.remote.stand_in("predict")
    return train(student, training, model)


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

    def own_gradients(problem: Problem) -> Params | None:
        model.put(problem.params)
        gradients = gradients_of(model.loss(problem), problem.params)
        return None if isinstance(gradients, Verdict) else gradients

    own_params = _descend(training, own_gradients)
    if own_params is None:
        return True
    right_params = _descend(training, truth.gradients_once)
    return right_params is None or score(own_params) < score(right_params) - CLEARLY


def _descend(training: Training, gradients_of_batch: Gradients) -> Params | None:
    """Run gradient descent on batches in a fixed random order. Return the parameters; None if a gradient is missing."""
    random, problem = np.random.default_rng(0), training.problem
    params, batches = problem.params, np.zeros((0, 0), int)
    for number, rate in enumerate(training.rates()):
        if number % training.steps == 0:
            order = random.permutation(len(problem.X))[: training.steps * training.batch_size]
            batches = order.reshape(training.steps, training.batch_size)
        batch = problem.at(params).rows(batches[number % training.steps])
        gradients = gradients_of_batch(batch)
        if gradients is None:
            return None
        params = {name: value - rate * gradients[name] for name, value in params.items()}
    return params

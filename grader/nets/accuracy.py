"""Long trainings: the student's code trains a model on a data set in the sandbox, and the grader measures its accuracy.

The accuracy is computed outside of the sandbox from the trained parameters, on test images whose labels never enter the
sandbox. Classes are renumbered for each submission, so that hard-coded labels do not help.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from grader.guest.wire import Ref
from grader.kit.answer import Answer
from grader.kit.claim import Claim, OwnJudgement, claim
from grader.kit.compare import agree, ladder
from grader.kit.student import Student, stopped_softly
from grader.kit.verdict import Verdict, call_failure, failed, passed
from grader.model import Curve, Evidence, Images, Raised
from grader.nets.losses import already_charged
from grader.nets.models import SIMILAR, arrays, cosine, floats_of, gradient_of, predicts_nothing
from grader.nets.own_answers import gradients_use_data, model_in_session
from grader.nets.own_trainings import OwnTrainings, Score, Trainer, learns_less
from grader.nets.plots import CURVES, confusion, curve, grey
from grader.nets.problems import Params, Problem, Training
from grader.sandbox.contract import Array

ROWS_OF_DATA = 20
"""Number of examples with which to test whether the student's gradients depend on the data."""


@dataclass(frozen=True, eq=False)
class DataSet:
    """A data set with inputs (N, D) and labels (N,), for training, validation and testing."""

    X_train: Array
    y_train: Array
    X_val: Array
    y_val: Array
    X_test: Array
    y_test: Array

    def shared(self) -> dict[str, Array]:
        """Return the arrays to share with the sandbox, by name: the inputs. Test labels never enter the sandbox."""
        return {"X_train": self.X_train, "X_val": self.X_val, "X_test": self.X_test}

    def renumbered(self, new: Array) -> DataSet:
        """Return the data set with each class c renumbered as new[c]."""
        return replace(self, y_train=new[self.y_train], y_val=new[self.y_val], y_test=new[self.y_test])


@dataclass(frozen=True, eq=False)
class LongTraining:
    """A training on a data set, and the accuracies that it must reach.

    Args:
        name: Name of the model in the report.
        start: Parameters and a part of the training data for a short training by the grader. This tests the student's
            gradients if the accuracy is low. (The long training in the sandbox starts from parameters that the
            student's code draws.)
        data: The whole data set. Its inputs are shared with the sandbox (`DataSet.shared`).
        recipe: Keyword arguments of train.
        cpu_seconds: Limit of train in CPU seconds.
        steps: (accuracy, credit) of each threshold, the highest first. `grader calibrate` measures suitable accuracies.
        given: Ids of the checks that the accuracy builds on.
        predict_given: Ids of the checks that predict's answers build on.
        trainer: Ids of the checks of train, and the names of the histories that train returns.
        chance: Largest accuracy of a model that has learnt nothing.
        training: Class of the short training: `Training` or a subclass.
        curves: Key of a history in train's answer → its curve in the report, without values.
    """

    name: str
    start: Problem
    data: DataSet
    recipe: Mapping[str, Any]
    cpu_seconds: float
    steps: Sequence[tuple[float, Fraction]]
    given: Sequence[str]
    predict_given: Sequence[str]
    trainer: Trainer
    chance: float
    training: type[Training] = Training
    curves: Mapping[str, Curve] = field(default_factory=lambda: CURVES)

    def tested(self, params: Params) -> Problem:
        """Return a problem with the test data and these trained parameters."""
        return replace(self.start, params=params, X=self.data.X_test, y=self.data.y_test)


def learns(student: Student, long: LongTraining, *, name: str = "accuracy") -> Iterator[Claim]:
    """Train a model with the student's code, and claim that it reaches the accuracies in `long.steps` on the test data.

    Calls `truth.accuracy`, `truth.labels`, `truth.best` and, after earlier checks have lost points,
    `truth.gradients_once`.

    Args:
        student: The submission, in a session that shares the data (`DataSet.shared`). Sections under [[long]] in
            assignment.toml have such a session.
        long: The data, the arguments of train, and the accuracies to reach.
        name: Name of both claims.

    Returns:
        Two claims: the accuracy, and the labels of predict with the trained parameters.
    """
    stats, is_unfinished, params_answer, guess = _train(student, long)
    answers = {name: params_answer.item(name, f"params['{name}']") for name in long.start.params}
    params = arrays(answers, long.start.params)

    def judge(truth: Any) -> Verdict:
        """Judge the accuracy of the trained parameters, even if train was stopped before it was finished."""
        failure = call_failure(stats)
        if failure is not None and not is_unfinished:
            return failure
        if isinstance(params, Verdict):
            return params
        accuracy = truth.accuracy(long.tested(params))
        verdict = ladder(accuracy, long.steps, "accuracy on the test images")
        return _in_time(verdict, is_unfinished, long.cpu_seconds, accuracy)

    def honest(truth: Any) -> Verdict:
        """Judge whether predict returns the labels that the trained parameters give, and not others."""
        if isinstance(params, Verdict):
            return passed()  # judged above
        return agree(guess, truth.labels(long.tested(params)), share=0.999)

    yield claim(
        name,
        judge,
        outcome=True,
        given=long.given,
        own=_own_accuracy(student, long, params),
        evidence=lambda truth: _evidence(long, stats, params, truth),
    )
    # a predict that has lost points in its own check does not lose points again
    yield claim(name, honest, given=long.predict_given, own=already_charged)


def _evidence(long: LongTraining, stats: Answer, params: Params | Verdict, truth: Any) -> Evidence:
    """Return the plots of a training: its histories, the weights of the first layer as images, and a confusion matrix.
    No verdict depends on them. If the parameters cannot be used, there are no plots. A history that is not a numeric
    array is left out."""
    if isinstance(params, Verdict):
        return Evidence(long.name)
    problem = long.tested(params)
    with np.errstate(all="ignore"):  # parameters may be finite and yet overflow on the data
        labels = truth.best(problem)
        units = grey(params[problem.weights[0]].T)
    curves = [curve(stats.item(key, key), empty) for key, empty in long.curves.items()]
    return Evidence(
        name=long.name,
        curves=tuple(curve for curve in curves if curve is not None),
        images=Images("First-layer weights", tuple(map(tuple, units.tolist()))),
        matrix=confusion(problem.y, labels, problem.classes),
        accuracy=float(np.mean(labels == problem.y)),
    )


def _train(student: Student, long: LongTraining) -> tuple[Answer, bool, Answer, Answer]:
    """Return (train's answer, True if its time ran out, the trained parameters, predict's answer for the test data)."""
    start, data = long.start, long.data
    net = student.new(*start.sizes, **start.options)
    arguments = (Ref("X_train"), data.y_train, Ref("X_val"), data.y_val)
    options = {"cpu_seconds": long.cpu_seconds, "reg": start.reg, **long.recipe}
    stats = net.call_long("train", *arguments, **options)
    if isinstance(stats.failure, Raised) and predicts_nothing(net, np.zeros((2, start.inputs))):
        net.stand_in("predict")  # another check judges predict
        stats = net.call_long("train", *arguments, **options)
    is_unfinished = stopped_softly(stats, student)
    return stats, is_unfinished, net.get("params"), net.call("predict", Ref("X_test"))


def _in_time(verdict: Verdict, is_unfinished: bool, seconds: float, accuracy: float) -> Verdict:
    """Add a remark to the verdict on a training: the accuracy, or a note that train was stopped at its time limit."""
    if not is_unfinished:
        return verdict & passed(f"accuracy {accuracy:.3f} on the test images")
    note = f"training was stopped after {seconds:g} CPU seconds and is judged by what it had learnt: vectorise loss"
    if verdict.holds:
        return verdict & passed(note)
    return replace(verdict, reason=f"{note} ({verdict.reason})", call=None)


def _own_accuracy(student: Student, long: LongTraining, params: Params | Verdict) -> OwnJudgement:
    """Return a function for `claim(own=…)` that judges an accuracy after earlier checks have lost points.

    If a check of train has lost points, any accuracy above chance passes, unless train takes no steps at all, or has
    only lost those of its learning rates and these are not too small. Otherwise a low accuracy passes if the grader's
    own training learns clearly less with the student's gradients than with the right ones, and the student's gradients
    show work.
    """
    training = long.training(long.start, long.data.X_val, long.data.y_val, long.recipe)
    own_trainings = OwnTrainings(long.trainer, student, training)
    section = long.trainer.decay.rpartition(".")[0] + "."  # the section with the checks of train
    verdict_on_gradients: Verdict | None = None

    def own(truth: Any, causes: Sequence[str]) -> Verdict:
        """Judge a low accuracy. `causes` are the ids of the checks that have lost points."""
        nonlocal verdict_on_gradients

        def score(params: Params) -> float:
            """Return the accuracy on the test data, by the right scores for these parameters."""
            return float(truth.accuracy(long.tested(params)))

        of_train = [cause for cause in causes if cause.startswith(section) and cause != long.trainer.predict]
        if of_train and not own_trainings.takes_steps:
            return failed("train takes no steps down the gradients")
        explains = of_train and (of_train != [long.trainer.decay] or own_trainings.learns_slower)
        if explains and not isinstance(params, Verdict) and score(params) > long.chance:
            return passed()
        if verdict_on_gradients is None:  # takes seconds, so computed once: with the right truth, which is tried first
            verdict_on_gradients = _gradients_learn_too_little(student, training, truth, score)
        return verdict_on_gradients

    return own


def _gradients_learn_too_little(student: Student, training: Training, truth: Any, score: Score) -> Verdict:
    """Judge by a short training of the grader's: pass if the student's gradients learn clearly less than right ones,
    and show work. Then they explain a low accuracy."""
    if not learns_less(student, training, truth, score):
        return failed("the gradients learn as well as right ones")
    return _gradients_show_work(student, training.problem.rows(slice(ROWS_OF_DATA)), truth)


def _gradients_show_work(student: Student, problem: Problem, truth: Any) -> Verdict:
    """Judge whether the student's gradients are finite and depend on the data, and whether the gradient of some weights
    resembles the right one."""
    gentle = problem.gentle()  # where no unit is saturated, whose gradients would be zero
    right_gradients = truth.gradients_once(gentle)
    answer = model_in_session(student, gentle).loss(gentle)
    gradients = {name: floats_of(gradient_of(answer, name)) for name in right_gradients}
    if not all(np.isfinite(gradient).all() for gradient in gradients.values()):
        return failed("a gradient is not finite")
    for name in problem.weights:
        same_shape = gradients[name].shape == right_gradients[name].shape
        if same_shape and abs(cosine(gradients[name], right_gradients[name])) > SIMILAR:
            return gradients_use_data(student, problem)
    return failed("no gradient resembles the right one")

"""The checks of problem set 4, in the order of the handout."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np

from grader.checks.answer import Answer
from grader.checks.claim import Claim, Draw, Verdict, agree, check, claim, failed, held, ladder, lost, near, numbers
from grader.checks.student import Remote, Student, stopped_softly
from grader.guest.wire import Ref
from grader.model import Died, Evidence, Raised, Series, Stopped

from .problems import (
    Array,
    Mnist,
    Pair,
    Params,
    Problem,
    Training,
    as_large_as_mnist,
    by_default,
    by_heart,
    four_examples,
    mnist,
    one_epoch,
    one_large_step,
    one_row_an_example,
    pairs,
    predictions,
    saturated,
    toy,
    trainings,
    twelve_examples,
)

CONFIG = tomllib.loads((Path(__file__).parent / "assignment.toml").read_text("utf-8"))
FORWARD, BACKWARD, TRAINING = ("loss", "forward"), ("backward", "loss", "forward"), ("training", "predict", "forward")
HISTORIES = ("histories", "training")
"""Topics of the known mistakes that each kind of check looks for. A mistake in predict is charged before the
histories are judged, and would explain some of their few numbers by chance."""
PARAMETERS = ("W1", "b1", "W2", "b2")


class Net:
    """A student's net, at parameters that we chose."""

    def __init__(self, student: Student, activation: str, params: Params) -> None:
        (D, H), C = params["W1"].shape, params["b2"].size
        self._student = student
        self.remote: Remote
        self.remote, self._put, held = student.new_with("params", params, D, H, C, std=0.1, activation=activation)
        self._note_precision(held)

    @property
    def single(self) -> bool:
        """Whether this student computes in float32."""
        return self._student in _IN_SINGLE

    def _note_precision(self, answer: Answer) -> None:
        if _single_precision(answer):
            _IN_SINGLE.add(self._student)

    def loss(self, problem: Problem) -> Answer:
        """(loss, grads) at the problem's data, which lie inside as the student's own arrays would."""
        if self._put.failure is not None:
            return self._put
        X, y = self._student.keep(X=problem.X, y=problem.y)
        answer = self.remote.call("loss", X, y, reg=problem.reg)
        self._note_precision(answer.item(1, "grads"))
        return answer

    def loss_again(self, problem: Problem) -> Answer:
        """The same call on the very same arrays, whatever the first has made of them."""
        again = self.remote.call("loss", Ref("X"), Ref("y"), reg=problem.reg)
        return replace(again, what=f"{again.what}, called a second time,")

    def kept_as_it_was(self, problem: Problem) -> bool:
        """Whether loss has left X and y alone."""
        kept = self._student.look("X", "y")
        return all(
            np.array_equal(kept.item(name, name).value, value) for name, value in (("X", problem.X), ("y", problem.y))
        )

    def train(self, training: Training) -> Answer:
        """On data that lie inside. predict is judged by itself: one that does not work must not take train along, so
        a stand-in takes its place."""
        if self._put.failure is not None:
            return self._put
        stats = self._train_on(training)
        if isinstance(stats.failure, Raised) and predicts_nothing(self.remote, training.problem.X):
            self.remote.stand_in("predict")
            self.remote.put("params", training.problem.params)
            stats = self._train_on(training)
        return stats

    def _train_on(self, training: Training) -> Answer:
        problem = training.problem
        self._student.keep(X=problem.X, y=problem.y, X_val=training.X_val, y_val=training.y_val)
        return self._train(training)

    def train_again(self, training: Training) -> Answer:
        """From the same parameters on the very same arrays, whatever the first training has made of them."""
        self.remote.put("params", training.problem.params)
        again = self._train(training)
        return replace(again, what=f"{again.what}, called a second time,")

    def train_by_default(self, training: Training) -> Answer:
        """Without any of the options, which are then the handout's."""
        problem = training.problem
        self._student.keep(X=problem.X, y=problem.y, X_val=training.X_val, y_val=training.y_val)
        return self._call_train({})

    def _train(self, training: Training) -> Answer:
        return self._call_train({"reg": training.problem.reg, **training.recipe})

    def _call_train(self, options: Mapping[str, Any]) -> Answer:
        data = (Ref("X"), Ref("y"), Ref("X_val"), Ref("y_val"))
        return self.remote.call("train", *data, **options)

    def parameters(self) -> dict[str, Answer]:
        params = self.remote.get("params")
        self._note_precision(params)
        return {name: params.item(name, f"params['{name}']") for name in PARAMETERS}


def predicts_nothing(net: Remote, X: Array) -> bool:
    """Whether predict raises, or answers something else than a number for each row."""
    return isinstance(numbers(net.call("predict", X), (len(X),)), Verdict)


_IN_SINGLE: WeakSet[Student] = WeakSet()
"""Students who have been seen to compute in float32, in one net or another: those who do so inside and keep float64
parameters show it in their gradients alone, and are as right."""


def _single_precision(arrays: Answer) -> bool:
    """By a dtype; or by weights that float32 can hold exactly, which were cast. Biases' gradients tell nothing: where
    the softmax saturates they are simple fractions."""
    values = arrays.value if isinstance(arrays.value, dict) else {}
    floats = {n: v for n, v in values.items() if type(v) is np.ndarray and v.dtype.kind == "f"}
    return any(v.dtype.itemsize < 8 or (name.startswith("W") and _was_cast(v)) for name, v in floats.items())


def _was_cast(value: Array) -> bool:
    return bool(np.count_nonzero(value) > 1 and np.all(value.astype(np.float32) == value))


def _loss_of(answer: Answer) -> Answer:
    return answer.item(0, answer.what)


def _gradient_of(answer: Answer, name: str) -> Answer:
    again = ", called a second time," if "second time" in answer.what else ""
    return answer.item(1, "grads").item(name, f"grads['{name}']{again}")


# ── Q2.1 and the forward pass of Q2.4 ────────────────────────────────────────────────────────────────


def published_loss(activation: str, student: Student) -> Iterator[Claim]:
    problem = toy(activation)
    net = Net(student, activation, problem.params)
    loss = _loss_of(net.loss(problem))
    nearby = replace(problem, params={name: 1.01 * value + 0.01 for name, value in problem.params.items()})
    net.remote.put("params", nearby.params)
    other = replace(_loss_of(net.loss(nearby)), what="the loss a small step from the toy problem")
    tolerance = float(CONFIG["published"]["tolerance"])

    def judge(truth: Any) -> Verdict:
        """A number that is known by heart earns nothing: the loss must follow the parameters."""
        published = near(loss, truth.loss(problem), rtol=0, atol=tolerance, single=net.single)
        return published & near(other, truth.loss(nearby), single=net.single)

    yield claim("published", judge, shows_values=True)


def fresh_losses(student: Student, pair: Pair) -> Iterator[Claim]:
    net = Net(student, pair.first.activation, pair.first.params)
    first = _loss_of(net.loss(pair.first))
    again = _loss_of(net.loss_again(pair.first))
    untouched = net.kept_as_it_was(pair.first)
    second = _loss_of(net.loss(pair.second))

    def judge(truth: Any) -> Verdict:
        verdict = near(first, truth.loss(pair.first), single=net.single)
        repeated = near(again, truth.loss(pair.first), single=net.single)
        other = near(second, truth.loss(pair.second), single=net.single)
        return _repeatable(verdict, repeated, untouched) & _of_other_batch(other, verdict)

    yield claim("loss", judge, aspect="" if pair.first.reg else "data")


def _repeatable(verdict: Verdict, repeated: Verdict, untouched: bool) -> Verdict:
    """A first call that was right, and the same call again that was not, have something between them."""
    if not verdict.holds:
        return verdict
    if repeated.holds:
        return verdict if untouched else verdict & held("loss changes X or y in place; nothing came of it here")
    cause = "keeps something between calls" if untouched else "changes X or y in place (work on a copy)"
    return replace(repeated, reason=f"{repeated.reason}: the first call was right, so loss {cause}")


def _of_other_batch(other: Verdict, first: Verdict) -> Verdict:
    if other.holds or not first.holds:
        return other
    return replace(other, reason=f"{other.reason}; it was right for another batch, of another size, just before")


@check("q2.1", handout=True, topics=FORWARD)
def toy_loss(student: Student) -> Iterator[Claim]:
    """The loss that the handout prints for the sigmoid, at its toy problem."""
    yield from published_loss("sigmoid", student)


@check("q2.1", each=pairs("sigmoid", 4), topics=FORWARD)
def scores(student: Student, pair: Pair) -> Iterator[Claim]:
    """Without labels, loss returns the scores (N, C)."""
    problem = pair.first
    net = Net(student, problem.activation, problem.params)
    answer = net.remote.call("loss", problem.X)
    if answer.failure is None:
        yield claim("scores", lambda truth: near(answer, truth.scores(problem), single=net.single))
    else:
        yield from _scores_from_losses(net, problem)


def _scores_from_losses(net: Net, problem: Problem) -> Iterator[Claim]:
    """Older skeletons have no loss(X): there, minus the loss of one example under each label is its log-softmax."""
    N, C = len(problem.X), problem.sizes[2]
    answers = [
        [_loss_of(net.loss(replace(problem, X=problem.X[[i]], y=np.array([c]), reg=0.0))) for c in range(C)]
        for i in range(min(N, 3))
    ]

    def judge(truth: Any) -> Verdict:
        verdict = held("loss(X) without labels does not work, so the scores were read off the losses")
        for i, row in enumerate(answers):
            for c, answer in enumerate(row):
                one = replace(problem, X=problem.X[[i]], y=np.array([c]), reg=0.0)
                verdict = verdict & near(answer, truth.loss(one), single=net.single, atol=1e-9)
        return verdict

    yield claim("scores", judge)


@check("q2.1", each=pairs("sigmoid", 6), topics=FORWARD)
def loss(student: Student, pair: Pair) -> Iterator[Claim]:
    """The loss on fresh problems: several shapes, with and without regularisation, asked more than once."""
    yield from fresh_losses(student, pair)


@check("q2.1", each=pairs("sigmoid", 1), topics=FORWARD)
def default_net(student: Student, pair: Pair) -> Iterator[Claim]:
    """A net and a loss without options are a sigmoid's, without regularisation."""
    problem = pair.first
    net = Net(student, problem.activation, problem.params)
    given = _loss_of(net.loss(problem))
    remote = student.new(*problem.sizes)
    put = remote.put("params", problem.params)
    plain = replace(_loss_of(remote.call("loss", problem.X, problem.y)), what="loss(X, y) of a net without options")

    def judge(truth: Any) -> Verdict:
        want = truth.loss(problem)
        if put.failure is None and near(given, want, single=net.single).holds:
            return near(plain, want, single=net.single)
        return held("judged above")

    yield claim("loss", judge)


@check("q2.1", each=pairs("sigmoid", 1), topics=FORWARD)
def two_nets(student: Student, pair: Pair) -> Iterator[Claim]:
    """A net stays as it is when another is made."""
    problem = pair.first
    net = Net(student, problem.activation, problem.params)
    alone = _loss_of(net.loss(problem))
    other = replace(problem, activation="relu", params={name: -value for name, value in problem.params.items()})
    Net(student, other.activation, other.params).loss(other)
    beside = _loss_of(net.loss(problem))

    def judge(truth: Any) -> Verdict:
        first, second = (near(answer, truth.loss(problem), single=net.single) for answer in (alone, beside))
        if second.holds or not first.holds:
            return first & second
        return replace(
            second,
            reason=f"{second.reason}: it was right until another net was made and used, so the two share something; "
            "keep parameters and activation on self, not on the class or in globals",
        )

    yield claim("loss", judge)


@check("q2.1", each=saturated, topics=FORWARD)
def stable(student: Student, problem: Problem) -> Iterator[Claim]:
    """The loss at scores of about ±1000, where a plain exp overflows."""
    net = Net(student, problem.activation, problem.params)
    answer = net.loss(problem)
    loss = _loss_of(answer)

    def judge(truth: Any) -> Verdict:
        verdict = near(loss, truth.loss(problem), single=net.single)
        if not verdict.holds:
            finite = np.isfinite(_values(loss)).all()
            return verdict if finite else replace(verdict, reason=f"{verdict.reason}: {STABLE}")
        if np.isnan(_values(_gradient_of(answer, "b2"))).any():
            return lost(f"grads['b2'] is NaN at large scores, where the loss is right: {STABLE}")
        return held()

    yield claim("stable", judge)


STABLE = (
    "exp overflows at large numbers and log(0) is infinite; take each row's largest score away, then "
    "scores - log(sum(exp(scores))) is the log-probability itself, and 1 / (1 + exp(-a)) a safe sigmoid"
)


def _values(answer: Answer) -> Array:
    """The answer's floats as they are, NaN and all; none where it has none."""
    value = np.asarray(answer.value) if type(answer.value) in (float, np.ndarray) else np.zeros(0)
    return value if value.dtype.kind == "f" else np.zeros(0)


# ── Q2.2 and the backward pass of Q2.4 ───────────────────────────────────────────────────────────────


def fresh_gradients(student: Student, pair: Pair) -> Iterator[Claim]:
    net = Net(student, pair.first.activation, pair.first.params)
    first, again = net.loss(pair.first), net.loss_again(pair.first)
    untouched = net.kept_as_it_was(pair.first)
    second = net.loss(pair.second)

    def judge(name: str, truth: Any) -> Verdict:
        want = truth.gradients(pair.first)[name]
        verdict = near(_gradient_of(first, name), want, single=net.single)
        repeated = near(_gradient_of(again, name), want, single=net.single)
        other = near(_gradient_of(second, name), truth.gradients(pair.second)[name], single=net.single)
        return _repeatable(verdict, repeated, untouched) & _of_other_batch(other, verdict)

    for name in PARAMETERS:
        yield claim(name, partial(judge, name), aspect="" if pair.first.reg else "data")


def numerical_check(activation: str, loss_check: str, student: Student) -> Iterator[Claim]:
    """The handout's own check. Its losses are believed only where they are the reference's: a loss can tell that
    it is being differenced and play along."""
    problem = toy(activation)
    net = Net(student, activation, problem.params)
    gradients = net.loss(problem)
    losses = {
        name: net.remote.call_many("params", _nudged(problem, name), "loss", problem.X, problem.y, reg=problem.reg)
        for name in PARAMETERS
    }

    def judge_gradient(name: str, truth: Any) -> Verdict:
        answer = _gradient_of(gradients, name)
        verdict = near(answer, truth.gradients(problem)[name], single=net.single)
        return verdict & held(*_elementwise_remark(name, answer, losses[name])) if verdict.holds else verdict

    def judge_losses(name: str, truth: Any) -> Verdict:
        want = truth.losses(_nudged_problem(problem, name), _nudged(problem, name))
        answer = replace(losses[name], what=f"the loss near the toy problem ({name} nudged)")
        verdict = near(answer, want, single=net.single)
        got, central = numbers(answer, want.shape), numbers(_loss_of(gradients), ())
        if not verdict.holds or isinstance(got, Verdict) or isinstance(central, Verdict):
            return verdict
        return verdict & _changes(name, got - central, want - truth.loss(problem), float(central), net.single)

    for name in PARAMETERS:
        yield claim(name, partial(judge_gradient, name), shows_values=True)
        yield claim(
            name,
            partial(judge_losses, name),
            shows_values=True,
            rests_on=loss_check,
        )


def _changes(name: str, got: Array, want: Array, loss: float, single: bool) -> Verdict:
    """How the loss changes with the parameter. A single nudge moves it by no more than its tolerance, so that a loss
    that stood still would pass; and by less than float32 can tell, for which the last two, of all entries, are."""
    for some in (slice(None, -2), slice(-2, None)):
        rounding = (1e-6 if single else 1e-14) * abs(loss) * np.sqrt(want[some].size)
        change = Answer(f"the change of the loss with {name}", got[some])
        if not (verdict := near(change, want[some], rtol=1e-3, atol=float(rounding))).holds:
            return replace(verdict, reason=f"{verdict.reason}: does loss compute everything anew in each call?")
    return held()


STEP, FAR = 1e-5, 0.05
_NUDGED: dict[tuple[int, str], dict[str, Array]] = {}
_NUDGED_PROBLEMS: dict[tuple[int, str], Problem] = {}


def _nudged(problem: Problem, name: str) -> dict[str, Array]:
    """All parameters at the 2K points of the central differences of one of them, first up, then down; and with all its
    entries moved further, up and down."""
    if (id(problem), name) not in _NUDGED:
        size = problem.params[name].size
        stacks = {n: np.repeat(p[None], 2 * size + 2, axis=0) for n, p in problem.params.items()}
        flat = stacks[name].reshape(2 * size + 2, size)
        flat[np.arange(size), np.arange(size)] += STEP
        flat[np.arange(size) + size, np.arange(size)] -= STEP
        flat[-2] += FAR
        flat[-1] -= FAR
        _NUDGED[id(problem), name] = stacks
    return _NUDGED[id(problem), name]


def _nudged_problem(problem: Problem, name: str) -> Problem:
    """The toy problem under another identity, so that the truth remembers the losses of each parameter apart."""
    return _NUDGED_PROBLEMS.setdefault((id(problem), name), replace(problem))


def _elementwise_remark(name: str, gradient: Answer, losses: Answer) -> tuple[str, ...]:
    """The handout's own metric, for the record; a right sigmoid's b1 shows 2e-7 to 2e-6 there, and that is fine."""
    shape = toy("sigmoid").params[name].shape
    analytic = numbers(gradient, shape)
    values = numbers(losses, (2 * int(np.prod(shape)) + 2,))
    if isinstance(analytic, Verdict) or isinstance(values, Verdict):
        return ()
    up, down = values[:-2].reshape(2, -1)
    numeric = ((up - down) / (2 * STEP)).reshape(shape)
    worst = float(np.max(np.abs(numeric - analytic) / np.maximum(1e-8, np.abs(numeric) + np.abs(analytic))))
    if not 1e-8 <= worst <= 1e-4:
        return ()
    return (f"the handout's elementwise check shows {worst:.0e} for {name}; a right solution may show 2e-6",)


@check("q2.2", each=pairs("sigmoid", 5), topics=BACKWARD)
def gradients(student: Student, pair: Pair) -> Iterator[Claim]:
    """Every parameter's gradient equals the reference's, on problems nobody has seen."""
    yield from fresh_gradients(student, pair)


@check("q2.2", handout=True, topics=BACKWARD)
def toy_gradients(student: Student) -> Iterator[Claim]:
    """The handout's numerical gradient check."""
    yield from numerical_check("sigmoid", "q2.1.loss", student)


@check("q2.2", each=as_large_as_mnist, topics=BACKWARD)
def large_gradients(student: Student, problem: Problem) -> Iterator[Claim]:
    """The backward pass at the size of MNIST, where gradients by differences of the loss would take minutes."""
    net = Net(student, problem.activation, problem.params)
    answer = net.loss(problem)

    def judge(name: str, truth: Any) -> Verdict:
        gradient = _gradient_of(answer, name)
        if (wrong := failed(gradient)) is not None:
            return wrong  # whatever the truth, which is dear here
        return near(gradient, truth.gradients(problem)[name], single=net.single)

    for name in PARAMETERS:
        yield claim(name, partial(judge, name))


# ── Q2.3 and the training of Q2.4 ────────────────────────────────────────────────────────────────────


def trained_parameters(name: str, student: Student, training: Training, net: Net | None = None) -> Iterator[Claim]:
    """The parameters have moved from where they were exactly as the reference's have; or, where the student's own
    gradients have lost their points already, as a right training with those gradients moves them."""
    net = net or Net(student, training.problem.activation, training.problem.params)
    stats, after = net.train(training), net.parameters()
    own = _own_training(student, training)

    def judge(truth: Any) -> Verdict:
        if isinstance(stats.failure, Stopped | Died) and (wrong := failed(stats)) is not None:
            return wrong  # whatever the truth
        want, _ = truth.trained(training)
        verdict = _trained_to(want, stats, after, training, net.single)
        if verdict.holds or own is None or not _trained_to(own[0], stats, after, training, net.single).holds:
            return verdict
        return held(OWN_GRADIENTS)

    yield claim(name, judge)


def trained_again(name: str, training: Training, net: Net) -> Iterator[Claim]:
    """The same training a second time, from the same parameters on the same arrays, ends at the same parameters."""
    stats, after = net.train_again(training), net.parameters()

    def judge(truth: Any) -> Verdict:
        verdict = _trained_to(truth.trained_again(training), stats, after, training, net.single)
        if verdict.holds:
            return verdict
        return replace(
            verdict,
            reason=f"{verdict.reason}: this is the same training a second time, from the same parameters on the same "
            "arrays, so train keeps something between calls or changes X or y",
        )

    yield claim(name, judge)


def _trained_to(want: Params, stats: Answer, after: Mapping[str, Answer], training: Training, single: bool) -> Verdict:
    """Where train has raised in the end, what it had done by then counts."""
    before = training.problem.params
    moved, wrong = _all_moved(after, before, want, single), failed(stats)
    if wrong is None or (moved.holds and not _all_moved(after, before, before, single).holds):
        return moved
    return wrong


OWN_GRADIENTS = "right for the gradients that loss returns, which have lost their points already"


def _lost_before_training(student: Student) -> bool:
    """Whether the loss or a gradient has lost points."""
    return any(check.startswith(("q2.1.", "q2.2.", "q2.4.forward.", "q2.4.backward.")) for check in student.lost)


def _own_training(student: Student, training: Training) -> tuple[Params, dict[str, Array]] | None:
    """Parameters and histories of a right training that takes loss and gradients from the student's own loss. None
    where those are right or unusable, or leave the weights where they are. (Biases may stay: at large scores the
    probabilities are 0 and 1, and then only the regularisation moves anything.)"""
    if not _lost_before_training(student):
        return None
    problem, recipe = training.problem, training.recipe
    net = Net(student, problem.activation, problem.params)
    rows = min(len(problem.X), int(recipe["batch_size"]))
    batch = replace(problem, X=problem.X[:rows], y=problem.y[:rows])  # all rows are the same
    params, rate = dict(problem.params), float(recipe["learning_rate"])
    histories: dict[str, list[float]] = {name: [] for name in _HISTORIES.values()}
    for _ in range(int(recipe["num_epochs"])):
        for _ in range(len(problem.X) // rows):
            answer = net.loss(batch)
            loss = numbers(_loss_of(answer), ())
            found = {p: _gradient_of(answer, p) for p in PARAMETERS}
            grads = _arrays(found, {p: value.shape for p, value in params.items()})
            if isinstance(loss, Verdict) or isinstance(grads, Verdict):
                return None
            params = {p: value - rate * grads[p] for p, value in params.items()}
            net.remote.put("params", params)
            histories["loss_history"].append(float(loss))
            histories["grad_magnitude_history"].append(float(np.linalg.norm(grads["W1"])))
        rate *= float(recipe["learning_rate_decay"])
        for name, X, y in (("train", problem.X, problem.y), ("val", training.X_val, training.y_val)):
            histories[f"{name}_acc_history"].append(share_of_right(net.remote.call("predict", X), y))
    if any(np.allclose(params[p], problem.params[p]) for p in ("W1", "W2")):
        return None
    return params, {name: np.array(values) for name, values in histories.items()}


def _diverged(after: Array, before: Array) -> bool:
    return not np.isfinite(after).all() or bool(np.abs(after).max(initial=0) > 1e6 * np.abs(before).max())


def _moved(after: Answer, before: Array, want: Array, single: bool) -> Verdict:
    if _diverged(want, before):  # a mistaken truth may, just as the student does, and rounding then decides where to
        return held() if _diverged(_values(after), before) else lost(f"{after.what} does not diverge")
    got = numbers(after, before.shape)
    if isinstance(got, Verdict):
        return got
    change = Answer(f"the change of {after.what} in training", got - before)
    # what float32 rounds away of the parameters themselves is not the update's fault
    rounding = 1e-6 * float(np.linalg.norm(want)) if single else 1e-14 * float(np.linalg.norm(want))
    return near(change, want - before, single=single, atol=rounding)


@check(
    "q2.3",
    # reg 400 makes gradients so large that clipping them shows
    each=trainings("sigmoid", 0.3, 0.0, 400.0, num_epochs=1, batch_size=12, learning_rate=0.5, learning_rate_decay=0.9),
    topics=TRAINING,
)
def step(student: Student, training: Training) -> Iterator[Claim]:
    """One step moves every parameter by exactly -learning_rate * gradient."""
    yield from trained_parameters("step", student, training)


@check(
    "q2.3",
    # so many epochs that stopping early shows, where the accuracy has long stopped to grow, and a floor of the rate
    each=trainings("sigmoid", 0.3, 0.0, num_epochs=21, batch_size=100, learning_rate=0.2, learning_rate_decay=0.6),
    topics=TRAINING,
)
def decay(student: Student, training: Training) -> Iterator[Claim]:
    """Several epochs on fewer examples than a batch holds, the learning rate decaying after each; and once more."""
    net = Net(student, training.problem.activation, training.problem.params)
    yield from trained_parameters("decay", student, training, net)
    if not _lost_before_training(student):
        yield from trained_again("decay", training, net)


@check(
    "q2.3",
    each=trainings("sigmoid", 0.3, 0.0, num_epochs=3, batch_size=4, learning_rate=0.4, learning_rate_decay=0.8),
    topics=TRAINING,
)
def batches(student: Student, training: Training) -> Iterator[Claim]:
    """Several batches in each of several epochs, whatever the sampling."""
    yield from trained_parameters("batches", student, training)


@check("q2.3", each=by_default, topics=("defaults",))
def defaults(student: Student, training: Training) -> Iterator[Claim]:
    """train without options does what the handout's defaults say."""
    if _lost_before_training(student):
        return
    net = Net(student, training.problem.activation, training.problem.params)
    stats, after = net.train_by_default(training), net.parameters()

    def judge(truth: Any) -> Verdict:
        verdict = _trained_to(truth.trained(training)[0], stats, after, training, net.single)
        if verdict.holds or isinstance(stats.failure, Raised):
            return held()  # train with options is judged above
        return replace(verdict, reason=f"{verdict.reason}: the defaults of train are {DEFAULTS}")

    yield claim("batches", judge)


DEFAULTS = "learning_rate=1e-3, learning_rate_decay=0.95, reg=1e-5, num_epochs=10, batch_size=100"


def _has_lost_gradients(student: Student) -> bool:
    """Then batches are judged where all examples are the same, since there the student's own gradients can be
    followed."""
    return any(check.startswith("q2.2.") for check in student.lost)


@check("q2.3", each=four_examples, topics=TRAINING)
def batch_size(student: Student, training: Training) -> Iterator[Claim]:
    """Every step is taken on a batch of batch_size examples."""
    if _has_lost_gradients(student):
        return
    stats, after, single = _train(student, training)

    def judge(truth: Any) -> Verdict:
        params = _after(stats, after, training)
        if isinstance(params, Verdict):
            return params
        ends = truth.ends(training)
        if ends is None or any(_all_moved(after, training.problem.params, end, single).holds for end in ends):
            return held()
        return lost("with 4 examples and batch_size=2, an epoch does not end where any two batches of two lead")

    yield claim("batches", judge)


@check("q2.3", each=twelve_examples, topics=TRAINING)
def at_random(student: Student, training: Training) -> Iterator[Claim]:
    """The batches of an epoch are drawn at random."""
    if _has_lost_gradients(student):
        return
    stats, after, single = _train(student, training)

    def judge(truth: Any) -> Verdict:
        params = _after(stats, after, training)
        if isinstance(params, Verdict):
            return params
        before, in_order, (want, _) = training.problem.params, truth.in_order(training), truth.trained(training)
        if _all_moved(after, before, in_order, single).holds and any(np.any(want[p] != in_order[p]) for p in want):
            return lost("the batches of an epoch follow the order of the data: draw them at random")
        return held()

    yield claim("batches", judge)


@check("q2.3", each=one_row_an_example, topics=TRAINING)
def every_example(student: Student, training: Training) -> Iterator[Claim]:
    """An epoch goes over the data."""
    stats, after, _ = _train(student, training)

    def judge(truth: Any) -> Verdict:
        params = _after(stats, after, training)
        if isinstance(params, Verdict):
            overflowed = stats.failure is None and _has_lost_gradients(student)
            return held("gradients that have lost their points lead too far") if overflowed else params
        want, _ = truth.trained(training)
        used, wanted = (_rows_moved(training.problem.params, p) for p in (params, want))
        if used < 45 <= wanted or wanted < 30 < 45 <= used:
            return lost(
                f"one epoch of 4 batches of 25 uses only {used} of 100 examples: every batch takes other rows, until "
                "the data have been gone over"
            )
        if not _has_lost_gradients(student) and (strange := _with_other_labels(training, params, want)):
            return lost(
                f"{strange} of 100 examples are trained on another label than their own: does every row of a batch go "
                "with its own label?"
            )
        return held()

    yield claim("batches", judge)


def _with_other_labels(training: Training, after: Params, want: Params) -> int:
    """Row i of W1 moves along the difference of W2's two columns, one way for one label and the other for the other.
    What single precision's rounding could have moved says nothing."""
    before = training.problem.params
    along = before["W2"][:, 1] - before["W2"][:, 0]
    rounding = 4 * np.finfo(np.float32).eps * np.abs(before["W1"]) @ np.abs(along)
    ours, theirs = ((params["W1"] - before["W1"]) @ along for params in (want, after))
    clear = np.minimum(np.abs(ours), np.abs(theirs)) > rounding
    return int(np.sum(clear & (np.sign(ours) != np.sign(theirs))))


@check("q2.3", each=by_heart, topics=TRAINING)
def own_label(student: Student, training: Training) -> Iterator[Claim]:
    """Every example is used and is learnt with its own label. Whoever draws with replacement misses one of 24 in 60
    epochs once in 10^25 times."""
    if _lost_before_training(student):
        return  # whether a wrong net learns anything by heart says nothing about the labels
    stats, after, _ = _train(student, training)

    def judge(truth: Any) -> Verdict:
        problem = training.problem
        want, _ = truth.trained(training)
        if not all(np.isfinite(p).all() for p in want.values()):
            return held()  # a mistaken truth may overflow, and then this tells nothing
        params = _after(stats, after, training)
        if isinstance(params, Verdict):
            return params
        reached, reachable = (_rows_moved(problem.params, p) for p in (params, want))
        if reached < reachable == len(problem.X):
            return lost(
                f"{reachable - reached} of {reachable} examples are not used once in 60 epochs: draw from all rows, "
                "from 0 to N - 1"
            )
        got = truth.accuracy(params, problem.activation, problem.X, problem.y)
        # 0.003 where all is right; a mistaken training that comes near the labels may miss them on other batches
        learnt = truth.loss_at(want, problem) < 0.01
        if got < 0.95 and learnt:
            return lost(
                f"24 examples are not learnt by heart in 60 epochs (accuracy {got:.2f}): does every row of a batch go "
                "with its own label?"
            )
        return held()

    yield claim("batches", judge)


def _train(student: Student, training: Training) -> tuple[Answer, dict[str, Answer], bool]:
    """train's answer, the parameters after it, and whether they are float32."""
    net = Net(student, training.problem.activation, training.problem.params)
    stats = net.train(training)
    return stats, net.parameters() if stats.failure is None else {}, net.single


def _after(stats: Answer, after: Mapping[str, Answer], training: Training) -> Params | Verdict:
    if (wrong := failed(stats)) is not None:
        return wrong
    return _arrays(after, {p: value.shape for p, value in training.problem.params.items()})


def _all_moved(after: Mapping[str, Answer], before: Params, want: Params, single: bool) -> Verdict:
    verdict = held()
    for p in PARAMETERS:
        verdict = verdict & _moved(after[p], before[p], want[p], single)
    return verdict


def _rows_moved(before: Params, after: Params) -> int:
    return int((np.linalg.norm(after["W1"] - before["W1"], axis=1) > 1e-9).sum())


def predicted(name: str, rests_on: str, student: Student, pair: Pair) -> Iterator[Claim]:
    """predict, on other rows, after the parameters have changed, and after training."""
    problem, other = pair.first, pair.second
    activation, params = problem.activation, problem.params
    flipped = {n: -p for n, p in params.items()}
    net = Net(student, activation, params)
    first, second = net.remote.call("predict", problem.X), net.remote.call("predict", other.X)
    alone = net.remote.call("predict", problem.X[:1])
    changed = net.remote.put("params", flipped)
    third = net.remote.call("predict", problem.X)
    one_epoch = {"num_epochs": 1, "batch_size": 100, "learning_rate": 0.1, "learning_rate_decay": 1.0}
    trained = net.train(Training(other, other.X, other.y, one_epoch))
    net.remote.put("params", params)
    last = net.remote.call("predict", other.X)

    def judge(truth: Any) -> Verdict:
        def as_at(answer: Answer, when: str, at: Params, rows: Problem) -> Verdict:
            # rows that are near a tie at these parameters may go either way
            share = float(np.mean(truth.clear_rows(at, activation, rows.X)))
            named = replace(answer, what=f"predict(X){when}")
            return agree(named, truth.labels(at, activation, rows.X), share=share)

        if (wrong := failed(changed)) is not None:
            return wrong
        verdict = as_at(first, "", params, problem) & as_at(second, " on other rows", params, other)
        verdict = verdict & as_at(_last(alone), " on a single row", params, _first_row(problem))
        verdict = verdict & as_at(third, ", after the parameters have changed,", flipped, problem)
        if trained.failure is None:
            verdict = verdict & as_at(last, ", after training and new parameters,", params, other)
        return verdict

    yield claim(name, judge, rests_on=rests_on)


def _first_row(problem: Problem) -> Problem:
    return replace(problem, X=problem.X[:1], y=problem.y[:1])


@check("q2.3", each=predictions("sigmoid"), topics=TRAINING)
def predict(student: Student, pair: Pair) -> Iterator[Claim]:
    """predict is the argmax of the forward pass at the net's parameters as they are."""
    yield from predicted("predict", "", student, pair)


@check(
    "q2.3",
    each=trainings("sigmoid", 0.3, 0.0, num_epochs=4, batch_size=12, learning_rate=0.5, learning_rate_decay=0.8),
    topics=HISTORIES,
)
def histories(student: Student, training: Training) -> Iterator[Claim]:
    """train returns the four histories, and they hold what they claim."""
    net = Net(student, training.problem.activation, training.problem.params)
    stats, after = net.train(training), net.parameters()
    problem = training.problem
    data = {"train_acc_history": (problem.X, problem.y), "val_acc_history": (training.X_val, training.y_val)}
    guesses = {name: net.remote.call("predict", X) for name, (X, _) in data.items()}
    own = _own_training(student, training)

    def judge(name: str, truth: Any) -> Verdict:
        history = stats.item(name, name)
        _, want = truth.trained(training)
        verdict = near(history, np.array(want[name]), single=net.single)
        if verdict.holds:
            return verdict
        if own is not None and near(history, own[1][name], single=net.single).holds:
            return held(OWN_GRADIENTS)
        if name in data and _follows_predict(history, guesses[name], *data[name], truth):
            return held(f"{name} is right for what predict answers, which is judged by itself")
        return verdict

    def _follows_predict(history: Answer, guess: Answer, X: Array, y: Array, truth: Any) -> bool:
        """predict is wrong, and the history ends with the accuracy of just these answers."""
        labels = numbers(guess, y.shape)
        values = numbers(history, (int(training.recipe["num_epochs"]),))
        params = _after(stats, after, training)
        if isinstance(labels, Verdict) or isinstance(values, Verdict) or isinstance(params, Verdict):
            return False
        wrong = bool(np.any(labels != truth.labels(params, problem.activation, X)))
        return wrong and abs(float(values[-1]) - float(np.mean(labels == y))) < 1e-9

    for name in _HISTORIES.values():
        yield claim("histories", partial(judge, name))


@check("q2.3", each=one_epoch, topics=HISTORIES)
def accuracies(student: Student, training: Training) -> Iterator[Claim]:
    """The accuracy histories hold shares of right answers, at the parameters that the epoch ended with."""
    net = Net(student, training.problem.activation, training.problem.params)
    stats, after, problem = net.train(training), net.parameters(), training.problem
    guesses = [net.remote.call("predict", X) for X in (problem.X, training.X_val)]

    def judge(truth: Any) -> Verdict:
        params = _after(stats, after, training)
        if isinstance(params, Verdict):
            return params
        verdict = held()
        data = (problem.X, problem.y), (training.X_val, training.y_val)
        for name, share, guess, (X, y) in zip(
            _ACCURACIES, truth.measured(training, params), guesses, data, strict=True
        ):
            got = numbers(_last(stats.item(name, name)), ())
            if isinstance(got, Verdict):
                return got
            near_a_tie = float(np.mean(~truth.clear_rows(params, problem.activation, X)))
            shares = share, share_of_right(guess, y), *(_BATCH_SHARES if name == "train_acc_history" else ())
            if not any(abs(float(got) - s) <= near_a_tie + 1e-6 for s in shares):
                verdict = verdict & lost(f"{name} is not the share of right answers, where examples differ")
        return verdict

    yield claim("histories", judge)


_ACCURACIES = ("train_acc_history", "val_acc_history")
_BATCH_SHARES = tuple(np.arange(1, 24) / 24)
"""Who measures the training accuracy on the last batch, drawn with replacement, may have met any share but all or
none; that is one batch of 24 instead of the 24 examples, and accepted."""


def _last(history: Answer) -> Answer:
    """Its last entry; how many there are is judged above. A list of one does not come as an array."""
    value = history.value
    if type(value) is np.ndarray and value.ndim == 1 and value.size:
        return replace(history, value=value[-1:])
    return history.item(0, history.what) if type(value) is list else history


def share_of_right(guess: Answer, y: Array) -> float:
    """Of a predict that is judged by itself; NaN where it did not answer."""
    labels = numbers(guess, y.shape)
    return float(np.mean(labels == y)) if not isinstance(labels, Verdict) else np.nan


# ── Q2.4 ─────────────────────────────────────────────────────────────────────────────────────────────


@check("q2.4.forward", handout=True, settles=True, topics=FORWARD)
def relu_toy_loss(student: Student) -> Iterator[Claim]:
    """The ReLU's loss at the toy problem: 1.303788 for max(0, a), 1.320973 for softplus."""
    yield from published_loss("relu", student)


@check("q2.4.forward", each=pairs("relu", 5), settles=True, topics=FORWARD)
def relu_loss(student: Student, pair: Pair) -> Iterator[Claim]:
    """The ReLU's loss on fresh problems."""
    yield from fresh_losses(student, pair)


@check("q2.4.backward", each=pairs("relu", 5), topics=BACKWARD)
def relu_gradients(student: Student, pair: Pair) -> Iterator[Claim]:
    """The ReLU's gradients on fresh problems."""
    yield from fresh_gradients(student, pair)


@check("q2.4.backward", handout=True, topics=BACKWARD)
def relu_toy_gradients(student: Student) -> Iterator[Claim]:
    """The handout's numerical gradient check, for the ReLU."""
    yield from numerical_check("relu", "q2.4.forward.loss", student)


@check(
    "q2.4.training",
    each=trainings("relu", 0.3, 0.0, num_epochs=3, batch_size=4, learning_rate=0.1, learning_rate_decay=0.7),
    topics=TRAINING,
)
def relu_epochs(student: Student, training: Training) -> Iterator[Claim]:
    """Several batches in each of several epochs, with the ReLU."""
    yield from trained_parameters("epochs", student, training)


@check("q2.4.training", each=predictions("relu"), topics=TRAINING)
def relu_predict(student: Student, pair: Pair) -> Iterator[Claim]:
    """predict uses the ReLU as well."""
    yield from predicted("epochs", "q2.3.predict", student, pair)


@check("q2.4.training", each=one_large_step, topics=TRAINING)
def large_step(student: Student, training: Training) -> Iterator[Claim]:
    """One step at the size of MNIST."""
    yield from trained_parameters("epochs", student, training)


# ── Q2.5 ─────────────────────────────────────────────────────────────────────────────────────────────


def images(quick: bool) -> int:
    return int(CONFIG["mnist"]["quick"]["images"]) if quick else 50_000


def shared(quick: bool) -> Mapping[str, Array]:
    """What lies ready in the sessions that train: images alone. Held-out labels stay outside."""
    data = mnist(images(quick))
    return {"X_train": data.X_train, "X_val": data.X_val, "X_test": data.X_test}


def with_permuted_labels(draw: Draw, _truth: Any) -> Iterator[tuple[Mnist, bool]]:
    """The classes under other numbers, so that labels known by heart are of no use."""
    new = draw.random.permutation(10)
    data = mnist(images(draw.quick))
    yield replace(data, y_train=new[data.y_train], y_val=new[data.y_val], y_test=new[data.y_test]), draw.quick


def trains_on_mnist(activation: str, student: Student, data: Mnist, quick: bool) -> Iterator[Claim]:
    recipe = CONFIG["mnist"]
    net = student.new(784, recipe["hidden_size"], 10, std=recipe["std"], activation=activation)
    options = {n: recipe[n] for n in ("num_epochs", "batch_size", "learning_rate", "learning_rate_decay", "reg")}
    seconds = float(recipe["cpu_seconds"])
    labels = data.y_train, data.y_val

    def train() -> Answer:
        return net.call_long(
            "train", Ref("X_train"), labels[0], Ref("X_val"), labels[1], cpu_seconds=seconds, **options
        )

    stats = train()
    if isinstance(stats.failure, Raised) and predicts_nothing(net, np.zeros((2, 784))):
        net.stand_in("predict")  # it is judged in Q2.3
        stats = train()
    unfinished = stopped_softly(stats, student)
    params = net.get("params")
    guess = net.call("predict", Ref("X_test"))
    table = recipe["quick"]["steps"] if quick else recipe["steps"]
    steps = [(float(least), Fraction(part)) for least, part in table[activation]]

    def judge(truth: Any) -> Verdict:
        if not unfinished and (wrong := failed(stats)) is not None:
            return wrong
        trained = _trained(params)
        if isinstance(trained, Verdict):
            return trained
        accuracy = truth.accuracy(trained, activation, data.X_test, data.y_test)
        return _in_time(ladder(accuracy, steps, "accuracy on the test images"), unfinished, seconds, accuracy)

    def honest(truth: Any) -> Verdict:
        trained = _trained(params)
        if isinstance(trained, Verdict):
            return trained
        return agree(guess, truth.labels(trained, activation, data.X_test), share=0.999)

    yield claim(
        "accuracy",
        judge,
        outcome=True,
        evidence=lambda truth: _evidence(activation, stats, params, data, truth),
    )
    # a predict that has lost its points in Q2.3 does not lose them here again
    yield claim("accuracy", honest, rests_on="q2.3.predict")


def _in_time(verdict: Verdict, unfinished: bool, seconds: float, accuracy: float) -> Verdict:
    """Training that was interrupted is judged by what it had reached."""
    if not unfinished:
        return verdict & held(f"accuracy {accuracy:.3f} on the test images")
    note = f"training was stopped after {seconds:g} CPU seconds; what it had learnt by then is judged: vectorise loss"
    return replace(verdict, reason=f"{note} ({verdict.reason})") if not verdict.holds else verdict & held(note)


def _trained(params: Answer) -> Params | Verdict:
    hidden = int(CONFIG["mnist"]["hidden_size"])
    shapes = {"W1": (784, hidden), "b1": (hidden,), "W2": (hidden, 10), "b2": (10,)}
    return _arrays({name: params.item(name, f"params['{name}']") for name in shapes}, shapes)


def _arrays(answers: Mapping[str, Answer], shapes: Mapping[str, tuple[int, ...]]) -> Params | Verdict:
    """All of them as numbers, or what is wrong with the first that is not."""
    arrays: Params = {}
    for name, shape in shapes.items():
        value = numbers(answers[name], shape)
        if isinstance(value, Verdict):
            return value
        arrays[name] = value
    return arrays


def _evidence(activation: str, stats: Answer, params: Answer, data: Mnist, truth: Any) -> Evidence:
    trained = _trained(params)
    if isinstance(trained, Verdict):
        return Evidence(activation)
    with np.errstate(all="ignore"):  # parameters may be finite and yet overflow on the images
        labels = truth.best(trained, activation, data.X_test)
        units = _grey(trained["W1"].T)
    confusion = np.zeros((10, 10), int)
    np.add.at(confusion, (data.y_test, labels), 1)
    return Evidence(
        name=activation,
        series={key: s for key, name in _HISTORIES.items() if (s := _series(stats, name)) is not None},
        weights=tuple(tuple(int(v) for v in unit) for unit in units),
        confusion=tuple(tuple(int(v) for v in row) for row in confusion),
        accuracy=float(np.mean(labels == data.y_test)),
    )


_HISTORIES = {
    "loss": "loss_history",
    "gradient": "grad_magnitude_history",
    "train_accuracy": "train_acc_history",
    "val_accuracy": "val_acc_history",
}


def _series(stats: Answer, name: str) -> Series | None:
    """The student's own history, thinned to at most 500 points."""
    value = stats.item(name, name).value
    if type(value) is not np.ndarray or value.ndim != 1 or value.dtype.kind not in "fiu" or not value.size:
        return None
    every = -(-value.size // 500)
    return Series(tuple(float(f"{v:.5g}") for v in value[::every].astype(np.float64)), every)


def _grey(units: Array) -> Array:
    """Each hidden unit's weights stretched to 0 … 255; black where their range overflows."""
    low, high = units.min(axis=1, keepdims=True), units.max(axis=1, keepdims=True)
    share = (units - low) / np.maximum(high - low, 1e-12)
    return np.asarray(np.nan_to_num(255 * share, posinf=0).round().astype(int))


@check("q2.5.sigmoid", each=with_permuted_labels, long=True)
def sigmoid_on_mnist(student: Student, drawn: tuple[Mnist, bool]) -> Iterator[Claim]:
    """Sigmoid trained on MNIST as the handout does it; accuracy recomputed from the parameters."""
    yield from trains_on_mnist("sigmoid", student, *drawn)


@check("q2.5.relu", each=with_permuted_labels, long=True)
def relu_on_mnist(student: Student, drawn: tuple[Mnist, bool]) -> Iterator[Claim]:
    """ReLU trained on MNIST as the handout does it; accuracy recomputed from the parameters."""
    yield from trains_on_mnist("relu", student, *drawn)

"""The checks of problem set 4, in the order of the handout. Each names the sentence of the handout that it rests on."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from grader.checks.answer import Answer
from grader.checks.claim import (
    EXACT,
    Claim,
    Draw,
    Holds,
    Verdict,
    agree,
    because,
    check,
    claim,
    failed,
    held,
    ladder,
    lost,
    near,
    numbers,
)
from grader.checks.student import Student, stopped_softly
from grader.guest.wire import Ref
from grader.kit.settings import manifest
from grader.model import Died, Evidence, Raised, Series, Stopped

from .nets import PARAMETERS, Net, arrays, gradient_of, history_of, loss_of, parameters_after, predicts_nothing
from .own import (
    Asked,
    Own,
    backward_pass_follows,
    gradient_follows,
    gradients_use_data,
    labels_follow,
    learns_less,
    loss_follows,
    own_training,
    relu_loss_follows,
    same_fault_as_in_sigmoid,
    share_of_right,
    trained_by_constants,
    trains_both_alike,
)
from .problems import (
    LEAST_GRADIENT,
    LEAST_LOSS,
    Array,
    Mnist,
    Pair,
    Params,
    Problem,
    Training,
    as_large_as_mnist,
    by_heart,
    four_examples,
    mnist,
    near_the_toy,
    one_epoch,
    one_large_step,
    one_row_an_example,
    pairs,
    predictions,
    saturated,
    sketch,
    toy,
    trainings,
    twelve_examples,
)

MANIFEST = manifest(__package__)
SETTINGS: Mapping[str, Any] = MANIFEST.settings
FORWARD, BACKWARD, TRAINING = ("loss", "forward"), ("backward", "loss", "forward"), ("training", "predict", "forward")
HISTORIES = ("histories", "training")
"""Topics of the known mistakes that each kind of check looks for. A mistake in predict is charged before the
histories are judged, and would explain some of their few numbers by chance."""


def all_hold(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of several verdicts."""
    return functools.reduce(Verdict.__and__, verdicts, held())


def _already_charged(_truth: Any, _causes: Sequence[str]) -> Verdict:
    """Accept a claim that only repeats a check that has lost points."""
    return held()


# ── Q2.1 and the forward pass of Q2.4 ────────────────────────────────────────────────────────────────


def published_loss(student: Student, nearby: Problem, *, given: Sequence[str], relu: bool = False) -> Iterator[Claim]:
    """Claim the published loss. A hard-coded number earns nothing: the loss must also be right near the toy problem."""
    problem = toy(nearby.activation)
    net = Net(student, problem.activation, problem.params)
    loss = loss_of(net.loss(problem))
    net.remote.put("params", nearby.params)
    other = replace(loss_of(net.loss(nearby)), what="the loss a small step from the toy problem")
    tolerance = float(SETTINGS["published"]["tolerance"])
    asked = [Asked(Own(student, problem), loss), Asked(Own(student, nearby), other)]

    def judge(truth: Any) -> Verdict:
        published = near(loss, truth.loss(problem), rtol=0, atol=tolerance, single=net.single)
        return published & near(other, truth.loss(nearby), single=net.single)

    yield claim("published", judge, shows_values=True, given=given, own=_own_loss(student, asked, relu), hint=_in_loss)


def _own_loss(student: Student, asked: Sequence[Asked], relu: bool) -> Any:
    if relu:
        return partial(relu_loss_follows, student, asked)
    return partial(loss_follows, asked)


def _in_loss(holds: Holds) -> str:
    """Narrow down where an undiagnosed loss goes wrong, by the scores that it is computed from."""
    if not holds("q2.1.scores"):
        return "the scores are wrong as well: correct the forward pass first"
    if holds("loss", "reg = 0") and not holds("loss", "reg > 0"):
        return "the scores and the data loss are right: check the regularisation term"
    parts = "the cross-entropy and its mean over the examples"
    if holds("loss", "reg = 0"):
        parts += ", the regularisation term"
    return f"the scores are right: check {parts}, and that the loss is what you return"


def fresh_losses(student: Student, pair: Pair, *, given: Sequence[str], relu: bool = False) -> Iterator[Claim]:
    net = Net(student, pair.first.activation, pair.first.params)
    first = loss_of(net.loss(pair.first))
    again = loss_of(net.loss_again(pair.first))
    untouched = net.kept_as_it_was(pair.first)
    second = loss_of(net.loss(pair.second))
    asked = [Asked(Own(student, pair.first), first), Asked(Own(student, pair.second), second)]
    follows = _own_loss(student, asked, relu)

    def judge(truth: Any) -> Verdict:
        as_here = partial(near, least=LEAST_LOSS, single=net.single)
        verdict = as_here(first, truth.loss(pair.first))
        repeated = as_here(again, truth.loss(pair.first))
        other = as_here(second, truth.loss(pair.second))
        return _repeatable(verdict, repeated, first, again, untouched) & _of_other_batch(other, verdict)

    def own(truth: Any, causes: Sequence[str]) -> Verdict:
        verdict: Verdict = follows(truth, causes)
        return verdict & _same_again(first, again)

    yield claim(
        "loss", judge, aspect="" if pair.first.reg else "data", case=_case(pair.first), given=given, own=own,
        hint=_in_loss,
    )  # fmt: skip


def _case(problem: Problem) -> str:
    """Leave out a reg so large that nothing else is seen beside it."""
    return "" if problem.reg > 1e3 else "reg > 0" if problem.reg else "reg = 0"


def _repeatable(verdict: Verdict, repeated: Verdict, first: Answer, again: Answer, untouched: bool) -> Verdict:
    """Explain a call that answers otherwise the second time, on the same arrays."""
    if verdict.holds and repeated.holds:
        return verdict if untouched else verdict & held("loss changes X or y in place (no effect on this check)")
    if verdict.holds:
        cause = "keeps something between calls" if untouched else "changes X or y in place (work on a copy)"
        return because(repeated, f"The first call was right, so loss {cause}.")
    if untouched and not _same_again(first, again).holds:
        return because(verdict, "Two equal calls differ: loss is random from call to call, or keeps something.")
    return verdict


def _same_again(first: Answer, again: Answer) -> Verdict:
    value = first.value
    if type(value) is not float and not (type(value) is np.ndarray and value.dtype.kind in "fiu"):
        return held()  # whatever it is, it is judged as an answer
    if type(again.value) is type(value) and np.array_equal(again.value, value, equal_nan=True):
        return held()
    return near(again, value, rtol=1e-9)


def _of_other_batch(other: Verdict, first: Verdict) -> Verdict:
    if other.holds or not first.holds:
        return other
    return because(other, "loss was right for another batch, of another size, just before: it keeps something of it.")


@check("q2.1", each=near_the_toy("sigmoid"), handout=True, topics=FORWARD)
def toy_loss(student: Student, nearby: Problem) -> Iterator[Claim]:
    """The loss that the handout prints for the sigmoid, at its toy problem.

    Handout: "The loss on the toy data, with reg = 0.1, must be 1.182248 up to 1e-6."
    """
    yield from published_loss(student, nearby, given=["q2.1.scores"])


@check("q2.1", each=pairs("sigmoid", 4), topics=FORWARD)
def scores(student: Student, pair: Pair) -> Iterator[Claim]:
    """Without labels, loss returns the scores (N, C).

    Handout: "`loss(X, y=None, reg=0.0)` returns the scores, shape (N, C), where `y` is None."
    """
    problem = pair.first
    net = Net(student, problem.activation, problem.params)
    answer = replace(net.scores(problem.X), what="the scores, loss(X),")
    if answer.failure is None:
        yield claim("scores", lambda truth: near(answer, truth.scores(problem), single=net.single), hint=_in_scores)
    else:
        yield from _scores_from_losses(net, problem)


def _in_scores(holds: Holds) -> str:
    return "" if holds("scores") else "check the forward pass: X W1 + b1, the activation, then h W2 + b2"


def _scores_from_losses(net: Net, problem: Problem) -> Iterator[Claim]:
    """Older skeletons have no loss(X): there, minus the loss of one example under each label is its log-softmax."""
    N, C = len(problem.X), problem.sizes[2]
    answers = [
        [loss_of(net.loss(replace(problem, X=problem.X[[i]], y=np.array([c]), reg=0.0))) for c in range(C)]
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
    """The loss on fresh problems: several shapes, with and without regularisation, asked more than once.

    Handout: "J = mean cross entropy + ½·reg·(‖W1‖²_F + ‖W2‖²_F), and the biases are not regularised."; "Each call
    stands for itself."
    """
    yield from fresh_losses(student, pair, given=["q2.1.scores", "q2.1.published"])


@check("q2.1", each=pairs("sigmoid", 1), topics=FORWARD)
def two_nets(student: Student, pair: Pair) -> Iterator[Claim]:
    """A net stays as it is when another is made.

    Handout: "Results must not depend on anything kept from an earlier call"; "The parameters are in the dict
    `self.params`."
    """
    problem = pair.first
    net = Net(student, problem.activation, problem.params)
    alone = loss_of(net.loss(problem))
    other = replace(problem, activation="relu", params={name: -value for name, value in problem.params.items()})
    Net(student, other.activation, other.params).loss(other)
    beside = loss_of(net.loss(problem))

    def judge(truth: Any) -> Verdict:
        first, second = (near(answer, truth.loss(problem), single=net.single) for answer in (alone, beside))
        if second.holds or not first.holds:
            return first & second
        return because(
            second,
            "It was right until another net was made and used, so the two share something: keep parameters and "
            "activation on self, not on the class or in globals.",
        )

    def own(truth: Any, causes: Sequence[str]) -> Verdict:
        return loss_follows([Asked(Own(student, problem), alone)], truth, causes) & _same_again(alone, beside)

    yield claim("loss", judge, given=["q2.1.scores", "q2.1.published"], own=own)


@check("q2.1", each=pairs("sigmoid", 1), topics=FORWARD)
def parameters(student: Student, pair: Pair) -> Iterator[Claim]:
    """A new net's parameters have the shapes that the handout gives.

    Handout: "The parameters are in the dict `self.params`: `W1` of shape (D, H), `b1` (H,), `W2` (H, C), `b2` (C,)."
    """
    D, H, C = pair.first.sizes
    params = student.new(D, H, C, std=0.1, activation="sigmoid").get("params")

    def judge(_truth: Any) -> Verdict:
        shapes = {"W1": (D, H), "b1": (H,), "W2": (H, C), "b2": (C,)}
        found = {name: params.item(name, f"params['{name}'] of a new net") for name in shapes}
        verdict = all_hold(
            value if isinstance(value := numbers(found[name], shape), Verdict) else held()
            for name, shape in shapes.items()
        )
        return verdict if verdict.holds else because(verdict, "Check __init__: W1 (D, H), b1 (H,), W2 (H, C), b2 (C,).")

    yield claim("scores", judge)


@check("q2.1", each=saturated, topics=FORWARD)
def stable(student: Student, problem: Problem) -> Iterator[Claim]:
    """The loss at scores of about ±1000, where a plain exp overflows.

    Handout: "The grader tries scores and pre-activations of about ±1000."
    """
    net = Net(student, problem.activation, problem.params)
    answer = net.loss(problem)
    loss = loss_of(answer)

    def judge(truth: Any) -> Verdict:
        verdict = near(loss, truth.loss(problem), single=net.single)
        if not verdict.holds:
            finite = np.isfinite(_values(loss)).all()
            return verdict if finite else because(verdict, STABLE)
        return verdict & _no_nan()

    def own(truth: Any, causes: Sequence[str]) -> Verdict:
        """Judge a loss that has lost its points elsewhere: here it must only stay finite."""
        value = numbers(loss, ())
        if isinstance(value, Verdict):
            return value
        return _no_nan() & loss_follows([Asked(Own(student, problem), loss)], truth, causes)

    def _no_nan() -> Verdict:
        if np.isnan(_values(gradient_of(answer, "b2"))).any():
            return because(lost("grads['b2'] is NaN at large scores, where the loss is right"), STABLE)
        return held()

    given = ["q2.1.scores", "q2.1.published", "q2.1.loss"]
    yield claim("stable", judge, given=given, own=own, hint=_in_loss_at_large_scores)


def _in_loss_at_large_scores(holds: Holds) -> str:
    return "" if holds("q2.1.scores") else "the scores are wrong as well: correct the forward pass first"


STABLE = (
    "exp overflows at large numbers, and log(0) is infinite: subtract each row's largest score, then "
    "scores - log(sum(exp(scores))) is the log-probability itself, and 1 / (1 + exp(-a)) a safe sigmoid."
)


def _values(answer: Answer) -> Array:
    """Return the answer's floats as they are, NaN and all; none where it has none."""
    value = np.asarray(answer.value) if type(answer.value) in (float, np.ndarray) else np.zeros(0)
    return value if value.dtype.kind == "f" else np.zeros(0)


# ── Q2.2 and the backward pass of Q2.4 ───────────────────────────────────────────────────────────────

LOSS_OF_RELU = ("q2.1", "q2.4.forward")


def fresh_gradients(student: Student, pair: Pair, *, given: Sequence[str], relu: bool = False) -> Iterator[Claim]:
    net = Net(student, pair.first.activation, pair.first.params)
    first, again = net.loss(pair.first), net.loss_again(pair.first)
    untouched = net.kept_as_it_was(pair.first)
    second = net.loss(pair.second)
    asked = [(Own(student, pair.first), first), (Own(student, pair.second), second)]

    def judge(name: str, truth: Any) -> Verdict:
        want = truth.gradients(pair.first)[name]
        mine, mine_again = gradient_of(first, name), gradient_of(again, name)
        as_here = partial(near, least=LEAST_GRADIENT, single=net.single)
        verdict = as_here(mine, want)
        repeated = as_here(mine_again, want)
        other = as_here(gradient_of(second, name), truth.gradients(pair.second)[name])
        return _repeatable(verdict, repeated, mine, mine_again, untouched) & _of_other_batch(other, verdict)

    def own(name: str, truth: Any, causes: Sequence[str]) -> Verdict:
        if not _same_again(gradient_of(first, name), gradient_of(again, name)).holds:
            return lost("two equal calls differ")
        return _own_gradient(student, asked, name, truth, causes, net.single)

    for name in PARAMETERS:
        yield claim(
            name,
            partial(judge, name),
            aspect="" if pair.first.reg else "data",
            case=_case(pair.first),
            given=[*given, f"q2.2.{name}"] if relu else given,
            own=partial(own, name),
            own_work=_whole_backward_pass(asked, net),
            hint=partial(_in_gradient, name),
        )


def _whole_backward_pass(asked: Sequence[tuple[Own, Answer]], net: Net) -> Any:
    """Follow a forward pass that leaves no work to build on, where the whole backward pass from it is right."""
    return lambda truth, _causes: backward_pass_follows(asked, truth, single=net.single)


def _own_gradient(
    student: Student,
    asked: Sequence[tuple[Own, Answer]],
    name: str,
    truth: Any,
    causes: Sequence[str],
    single: bool,
) -> Verdict:
    """Judge a gradient by the student's own forward pass, where that has lost points; a ReLU net's also by the
    sigmoid's gradient, where that has."""
    own = gradient_follows(asked, name, truth, single=single)
    if own.holds or f"q2.2.{name}" not in causes:
        return own
    return same_fault_as_in_sigmoid(student, asked[0][0].problem, name, truth)


def _loss_holds(holds: Holds) -> bool:
    """Return whether the loss is right at scores of ordinary size."""
    return all(holds(id) for id in ("q2.1.published", "q2.1.scores", "q2.1.loss", "q2.4.forward"))


def _in_gradient(name: str, holds: Holds) -> str:
    """Narrow down an undiagnosed gradient by those that are right: each is computed from others."""
    beside = {"W1": "b1", "b1": "W1", "W2": "b2", "b2": "W2"}[name]
    if holds(name, "reg = 0") and not holds(name, "reg > 0"):
        return "without regularisation it is right: check the term with reg"
    if holds(beside):
        of, by = ("scores", "hᵀ") if name in ("W2", "b2") else ("hidden layer", "Xᵀ")
        product = f"the product of {by} with it" if name.startswith("W") else "its sum over the examples"
        return f"the gradient of the {of} is right, since that of {beside} is: check {product}"
    if name in ("W1", "b1") and holds("W2") and holds("b2"):
        return (
            "the gradients of W2 and b2 are right: check the gradient of the hidden layer (the step back through W2, "
            "the activation's derivative), and that W1's and b1's are made from it"
        )
    if not _loss_holds(holds):
        return "the loss is wrong as well: correct it first, then compare with numerical gradients"
    if not any(holds(parameter, case) for parameter in PARAMETERS for case in ("reg = 0", "reg > 0")):
        return (
            "the gradients of W1, b1, W2 and b2 are all wrong: check first the gradient of the scores, which they have "
            "in common, (softmax - one-hot labels) / N"
        )
    return ""


def numerical_check(activation: str, loss_section: str, student: Student) -> Iterator[Claim]:
    """The handout's own check. Its losses are believed only where they are the reference's: a loss can tell that
    it is being differenced and play along."""
    problem = toy(activation)
    net = Net(student, activation, problem.params)
    gradients = net.loss(problem)
    losses = {
        name: net.remote.call_many("params", _nudged(problem, name), "loss", problem.X, problem.y, reg=problem.reg)
        for name in PARAMETERS
    }
    asked = [(Own(student, problem), gradients)]
    given = LOSS_OF_RELU if activation == "relu" else ("q2.1",)

    def judge_gradient(name: str, truth: Any) -> Verdict:
        answer = gradient_of(gradients, name)
        verdict = near(answer, truth.gradients(problem)[name], least=LEAST_GRADIENT, single=net.single)
        return verdict & held(*_rounding_remark(name, student.printed)) if verdict.holds else verdict

    def own(name: str, truth: Any, causes: Sequence[str]) -> Verdict:
        return _own_gradient(student, asked, name, truth, causes, net.single)

    def judge_losses(name: str, truth: Any) -> Verdict:
        want = truth.losses(_nudged_problem(problem, name), _nudged(problem, name))
        unmoved = truth.loss(problem)  # asked for in any case, so that a student's pack has the answer
        answer = replace(losses[name], what=f"the loss near the toy problem ({name} nudged)")
        verdict = near(answer, want, single=net.single)
        got, central = numbers(answer, want.shape), numbers(loss_of(gradients), ())
        if not verdict.holds or isinstance(got, Verdict) or isinstance(central, Verdict):
            return verdict
        return verdict & _changes(name, got - central, want - unmoved, float(central), net.single)

    for name in PARAMETERS:
        yield claim(
            name,
            partial(judge_gradient, name),
            shows_values=True,
            case="the toy problem",
            given=[*given, f"q2.2.{name}"] if activation == "relu" else given,
            own=partial(own, name),
            own_work=_whole_backward_pass(asked, net),
        )
        yield claim(
            name,
            partial(judge_losses, name),
            shows_values=True,
            given=[*given, loss_section],
            own=_already_charged,
            own_work=_already_charged,
        )


def _changes(name: str, got: Array, want: Array, loss: float, single: bool) -> Verdict:
    """How the loss changes with the parameter. A single nudge moves it by no more than its tolerance, so that a loss
    that stood still would pass; and by less than float32 can tell, for which the last two, of all entries, are."""
    for some in (slice(None, -2), slice(-2, None)):
        rounding = (1e-6 if single else 1e-14) * abs(loss) * np.sqrt(want[some].size)
        change = Answer(f"the change of the loss with {name}", got[some])
        if not (verdict := near(change, want[some], rtol=1e-3, atol=float(rounding))).holds:
            return because(verdict, "Does loss compute everything anew in each call?")
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


def _rounding_remark(name: str, printed: str) -> tuple[str, ...]:
    """Explain an error above 1e-8 that the student's notebook prints for a right gradient: older handouts ask for less
    than 1e-8, which rounding alone exceeds (up to 2e-6 for a right sigmoid's b1)."""
    errors = re.findall(rf"\b{name}\b[^\n]{{0,80}}?(\d(?:\.\d{{1,20}})?e[-+]\d{{1,3}})", printed)
    large = [float(error) for error in errors if 1e-8 < float(error) < 1e-4]
    if not large:
        return ()
    return (
        f"your notebook prints an error of {max(large):.0e} for {name}: that is rounding, and the gradient is right",
    )


@check("q2.2", each=pairs("sigmoid", 5), topics=BACKWARD)
def gradients(student: Student, pair: Pair) -> Iterator[Claim]:
    """Every parameter's gradient equals the reference's, on fresh problems.

    Handout: "the gradient of the loss with respect to `W1`, `b1`, `W2` and `b2`"; "‖yours - ours‖ / ‖ours‖ must be at
    most 1e-6".
    """
    yield from fresh_gradients(student, pair, given=["q2.1"])


@check("q2.2", handout=True, topics=BACKWARD)
def toy_gradients(student: Student) -> Iterator[Claim]:
    """The handout's numerical gradient check.

    Handout: "The next cell compares your gradients with numerical ones."
    """
    yield from numerical_check("sigmoid", "q2.1.loss", student)


def gradients_at_mnist_size(student: Student, problem: Problem, *, given: Sequence[str]) -> Iterator[Claim]:
    """Claim the gradients at a size at which differences of the loss take minutes and backpropagation milliseconds."""
    net = Net(student, problem.activation, problem.params)
    answer = net.loss(problem)
    asked = [(Own(student, problem), answer)]

    def judge(name: str, truth: Any) -> Verdict:
        gradient = gradient_of(answer, name)
        if (wrong := failed(gradient)) is not None:
            return wrong  # whatever the truth, which is dear here
        want, shape = truth.sketched_gradients(problem)[name], problem.params[name].shape
        if len(shape) == 1:
            return near(gradient, want, least=LEAST_GRADIENT, single=net.single)
        value = numbers(gradient, shape if want.shape[-1:] == shape[-1:] else shape[::-1])  # a mistake may transpose it
        if isinstance(value, Verdict):
            return value
        return near(
            Answer(f"{gradient.what} (sums of rows)", sketch(value)), want, least=LEAST_GRADIENT, single=net.single
        )

    def own(name: str, truth: Any, causes: Sequence[str]) -> Verdict:
        if (wrong := failed(gradient_of(answer, name))) is not None:
            return wrong
        return _own_gradient(student, asked, name, truth, causes, net.single)

    for name in PARAMETERS:
        of_sigmoid = [f"q2.2.{name}"] if problem.activation == "relu" else []
        yield claim(
            name,
            partial(judge, name),
            case="an MNIST-sized problem",
            given=[*given, *of_sigmoid],
            own=partial(own, name),
            own_work=_whole_backward_pass(asked, net),
        )


@check("q2.2", each=as_large_as_mnist("sigmoid"), topics=BACKWARD)
def large_gradients(student: Student, problem: Problem) -> Iterator[Claim]:
    """The backward pass at the size of MNIST.

    Handout: "toy checks, each call: 10 CPU seconds"; "Backward pass" is asked for, which differences are not.
    """
    yield from gradients_at_mnist_size(student, problem, given=["q2.1"])


# ── Q2.3 and the training of Q2.4 ────────────────────────────────────────────────────────────────────

LOSS_AND_GRADIENTS = ("q2.1", "q2.2")
OF_RELU = (*LOSS_AND_GRADIENTS, "q2.4.forward", "q2.4.backward")


def trained_parameters(
    name: str,
    student: Student,
    training: Training,
    *,
    given: Sequence[str],
    net: Net | None = None,
    uses_data: bool = False,
) -> Iterator[Claim]:
    """Claim that the parameters have moved exactly as the reference's; or, if the student's own gradients or steps have
    lost points, as a right training with those moves them."""
    net = net or Net(student, training.problem.activation, training.problem.params)
    stats, after = net.train(training), net.parameters()
    single = net.single

    def judge(truth: Any) -> Verdict:
        if isinstance(stats.failure, Stopped | Died) and (wrong := failed(stats)) is not None:
            return wrong  # whatever the truth
        want, _ = truth.trained(training)
        return _trained_to(want, stats, after, training, single)

    def own(truth: Any, causes: Sequence[str]) -> Verdict:
        for at, ended, (want, _) in _that_follow(student, training, (stats, after), causes, truth):
            if _trained_to(want, *ended, at, single).holds:
                return gradients_use_data(student, training.problem) if uses_data else held()
        return lost("does not follow the student's own gradients or steps")

    raised = isinstance(stats.failure, Raised)
    hint = partial(_in_training, name)
    yield claim(name, judge, given=given, own=own, own_work=own, diagnosable=not raised, hint=hint)


Ended = tuple[Answer, Mapping[str, Answer]]
"""(train's answer, the parameters after it)."""


def _that_follow(
    student: Student, training: Training, ended: Ended, causes: Sequence[str], truth: Any
) -> Iterator[tuple[Training, Ended, tuple[Params, Mapping[str, Any]]]]:
    """Yield (training, the student's result, the parameters and histories that follow from earlier losses).

    The expected result uses the student's own gradients or steps. Trainings have the given rate and smaller ones, at
    which wrong gradients do not diverge; a single epoch if the decay has lost points; and constant gradients if the
    student's cannot be followed.
    """
    rate = float(training.recipe["learning_rate"])
    options: list[dict[str, Any]] = [{}, {"learning_rate": 1e-4 * rate}, {"learning_rate": 1e-7 * rate}]
    if "q2.3.decay" in causes and int(training.recipe["num_epochs"]) > 1:
        options.append({"num_epochs": 1})
    for changed in options:
        at = replace(training, recipe={**training.recipe, **changed})
        if changed:
            student.begin()
            net = Net(student, at.problem.activation, at.problem.params)
            ended = net.train(at), net.parameters()
            yield at, ended, truth.trained(at)
        for followed in own_training(student, at, causes):
            yield at, ended, followed
    if (by_constants := trained_by_constants(student, training, truth)) is not None:
        yield training, *by_constants


def _in_training(name: str, holds: Holds) -> str:
    """Narrow down an undiagnosed training by the simpler ones that are right."""
    if name != "epochs" and not _loss_holds(holds):
        return "the loss is wrong by itself: correct it first"
    match name:
        case "step" if holds("q2.2"):
            return (
                "loss and gradients are right by themselves: check what train passes to self.loss, then the update, "
                "parameter -= learning_rate * gradient"
            )
        case "step":
            return "the gradients are wrong by themselves: correct them first, then check the update"
        case "histories" if not holds("q2.2"):
            return "the gradients are wrong by themselves: correct them first"
        case "decay" | "batches" if not holds("step"):
            return "a single step is wrong as well: correct that first"
        case "decay":
            return "one epoch is right and several are not: check what happens between epochs"
        case "batches" if holds("decay"):
            return "check how an epoch is cut into batches: how many there are, and the rows of each"
        case "epochs" if holds("q2.3.step") and holds("q2.3.decay") and holds("q2.3.batches"):
            return "training is right with the sigmoid: check what train does for the ReLU"
        case "epochs":
            return "training is wrong with the sigmoid as well: correct that first"
    return ""


def trained_again(name: str, training: Training, net: Net, given: Sequence[str]) -> Iterator[Claim]:
    """The same training a second time, from the same parameters on the same arrays, ends at the same parameters."""
    stats, after = net.train_again(training), net.parameters()

    def judge(truth: Any) -> Verdict:
        verdict = _trained_to(truth.trained_again(training), stats, after, training, net.single)
        if verdict.holds:
            return verdict
        return because(
            verdict,
            "This is the same training a second time, from the same parameters on the same arrays: train keeps "
            "something between calls, or changes X or y.",
        )

    yield claim(name, judge, given=given, own=_already_charged, own_work=_already_charged)


def _trained_to(want: Params, stats: Answer, after: Mapping[str, Answer], training: Training, single: bool) -> Verdict:
    """Compare the parameters after train. If train raised after moving them rightly, that counts."""
    before = training.problem.params
    moved, wrong = _all_moved(after, before, want, single), failed(stats)
    if wrong is None or (moved.holds and not _all_moved(after, before, before, single).holds):
        return moved
    return wrong


def _diverged(after: Array, before: Array) -> bool:
    return not np.isfinite(after).all() or bool(np.abs(after).max(initial=0) > 1e6 * np.abs(before).max(initial=0))


def _moved(after: Answer, before: Array, want: Array, single: bool) -> Verdict:
    if _diverged(want, before):  # a mistaken truth may, just as the student does, and rounding then decides where to
        both = _diverged(_values(after), before)
        return held() if both else lost(f"{after.what} does not diverge")
    got = numbers(after, before.shape)
    if isinstance(got, Verdict):
        return got
    if np.array_equal(got, before) and not np.array_equal(want, before):
        return lost(f"{after.what} is unchanged by train")
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
    """One step moves every parameter by exactly -learning_rate * gradient.

    Handout: "call self.loss on them to get `loss` and `grads`, and move every parameter a little way down its
    gradient"; "single training steps and whole trainings [are judged] by the parameters they lead to".
    """
    yield from trained_parameters("step", student, training, given=LOSS_AND_GRADIENTS)


@check(
    "q2.3",
    # so many epochs that stopping early shows, where the accuracy has long stopped to grow, and a floor of the rate
    each=trainings("sigmoid", 0.3, 0.0, num_epochs=21, batch_size=100, learning_rate=0.2, learning_rate_decay=0.6),
    topics=TRAINING,
)
def decay(student: Student, training: Training) -> Iterator[Claim]:
    """Several epochs on fewer examples than a batch holds, the learning rate decaying after each; and once more.

    Handout: "multiplies the learning rate by the decay **once after each epoch**"; "a training set that is smaller
    [than a batch] is used whole"; "Each call stands for itself."
    """
    given = (*LOSS_AND_GRADIENTS, "q2.3.step")
    net = Net(student, training.problem.activation, training.problem.params)
    yield from trained_parameters("decay", student, training, given=given, net=net)
    yield from trained_again("decay", training, net, given)


BEFORE_BATCHES = (*LOSS_AND_GRADIENTS, "q2.3.step", "q2.3.decay")


@check(
    "q2.3",
    each=trainings("sigmoid", 0.3, 0.0, num_epochs=3, batch_size=4, learning_rate=0.4, learning_rate_decay=0.8),
    topics=TRAINING,
)
def batches(student: Student, training: Training) -> Iterator[Claim]:
    """Several batches in each of several epochs, whatever the sampling.

    Handout: "runs stochastic gradient descent on minibatches"; "Batches are drawn at random; with or without
    replacement, and leaving out or using a smaller last batch are all fine."
    """
    yield from trained_parameters("batches", student, training, given=BEFORE_BATCHES, uses_data=True)


def _sampling(student: Student, training: Training) -> Any:
    """Follow wrong gradients or steps, with which the rows of a batch cannot be told, as far as they use the data."""
    return lambda _truth, _causes: gradients_use_data(student, training.problem)


@check("q2.3", each=four_examples, topics=TRAINING)
def batch_size(student: Student, training: Training) -> Iterator[Claim]:
    """Every step is taken on a batch of batch_size examples.

    Handout: "Draw `batch_size` random examples".
    """
    stats, after, single = _train(student, training)

    def judge(truth: Any) -> Verdict:
        params = parameters_after(stats, after, training)
        if isinstance(params, Verdict):
            return params
        ends = truth.ends(training)
        if ends is None or any(_all_moved(after, training.problem.params, end, single).holds for end in ends):
            return held()
        return because(
            lost("with 4 examples and batch_size=2, an epoch ends where no two batches of two rows lead"),
            "An epoch must take N / batch_size steps, each on batch_size rows of X with their own labels.",
        )

    own = _sampling(student, training)
    yield claim("batches", judge, given=BEFORE_BATCHES, own=own, own_work=own)


@check("q2.3", each=twelve_examples, topics=TRAINING)
def at_random(student: Student, training: Training) -> Iterator[Claim]:
    """The batches of an epoch are drawn at random.

    Handout: "Batches are drawn at random".
    """
    stats, after, single = _train(student, training)

    def judge(truth: Any) -> Verdict:
        params = parameters_after(stats, after, training)
        if isinstance(params, Verdict):
            return params
        before, in_order, (want, _) = training.problem.params, truth.in_order(training), truth.trained(training)
        if _all_moved(after, before, in_order, single).holds and not _same(want, in_order):
            return because(
                lost("they lead where batches in that order lead"), "The batches follow the order of the data."
            )
        return held()

    own = _sampling(student, training)
    yield claim("batches", judge, given=BEFORE_BATCHES, own=own, own_work=own)


def _same(some: Params, others: Params) -> bool:
    """Return whether parameters are equal up to rounding."""
    return all(np.allclose(some[p], others[p], rtol=EXACT, atol=0) for p in PARAMETERS)


@check("q2.3", each=one_row_an_example, topics=TRAINING)
def every_example(student: Student, training: Training) -> Iterator[Claim]:
    """An epoch goes over the data, each row with its own label.

    Handout: "num_epochs: how many times to go through the training set".
    """
    stats, after, _ = _train(student, training)

    def judge(truth: Any) -> Verdict:
        params = parameters_after(stats, after, training)
        if isinstance(params, Verdict):
            return params
        want, _ = truth.trained(training)
        used, wanted = (_rows_moved(training.problem.params, p) for p in (params, want))
        if used < 45 <= wanted or wanted < 30 < 45 <= used:
            return because(
                lost(f"one epoch of 4 batches of 25 uses only {used} of 100 examples"),
                "An epoch must go through the data: every batch takes other rows.",
            )
        if 80 < used < 100:  # without replacement 100, with it 63 ± 3, or 68 ± 3 where each batch has no row twice
            return because(
                lost(f"one epoch of 4 batches of 25 uses {used} of 100 examples"),
                "Batches lose some of their rows: check the indices that cut an epoch into batches.",
            )
        if strange := _with_other_labels(training, params, want):
            return because(
                lost(f"{strange} of 100 examples are trained with the label of another"),
                "X_batch and y_batch must be the same rows of X and y: does every row go with its own label?",
            )
        return held()

    own = _sampling(student, training)
    yield claim("batches", judge, given=BEFORE_BATCHES, own=own, own_work=own)


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
    """Every example is used and is learnt with its own label.

    Drawing with replacement misses one of 24 examples in 60 epochs once in 10^25 times.

    Handout: "Draw `batch_size` random examples"; y holds "the right class of each row".
    """
    stats, after, _ = _train(student, training)

    def judge(truth: Any) -> Verdict:
        problem = training.problem
        want, _ = truth.trained(training)
        if not all(np.isfinite(p).all() for p in want.values()):
            return held()  # a mistaken truth may overflow, and then this tells nothing
        params = parameters_after(stats, after, training)
        if isinstance(params, Verdict):
            return params
        reached, reachable = (_rows_moved(problem.params, p) for p in (params, want))
        if reached < reachable == len(problem.X):
            return because(
                lost(f"{reachable - reached} of {reachable} examples are not used once in 60 epochs"),
                "Batches must be drawn from all rows, from 0 to N - 1.",
            )
        got = truth.accuracy(params, problem.activation, problem.X, problem.y)
        # 0.003 where all is right; a mistaken training that comes near the labels may miss them on other batches
        learnt = truth.loss_at(want, problem) < 0.01
        if got < 0.95 and learnt:
            return because(
                lost(f"24 examples are not fitted in 60 epochs (accuracy {got:.2f})"),
                "Does every row of a batch go with its own label?",
            )
        return held()

    own = _sampling(student, training)
    yield claim("batches", judge, given=BEFORE_BATCHES, own=own, own_work=own)


def _train(student: Student, training: Training) -> tuple[Answer, dict[str, Answer], bool]:
    """Return train's answer, the parameters after it, and whether they are float32."""
    net = Net(student, training.problem.activation, training.problem.params)
    stats = net.train(training)
    return stats, net.parameters() if stats.failure is None else {}, net.single


def _all_moved(after: Mapping[str, Answer], before: Params, want: Params, single: bool) -> Verdict:
    return all_hold(_moved(after[p], before[p], want[p], single) for p in PARAMETERS)


def _rows_moved(before: Params, after: Params) -> int:
    return int((np.linalg.norm(after["W1"] - before["W1"], axis=1) > 1e-9).sum())


def predicted(name: str, student: Student, pair: Pair, *, given: Sequence[str]) -> Iterator[Claim]:
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
    asked = [
        ("", first, problem),
        (" on other rows", second, other),
        (" on a single row", _last(alone), _first_row(problem)),
        (", after the parameters have changed,", third, replace(problem, params=flipped)),
    ]
    if trained.failure is None:
        asked.append((", after training and new parameters,", last, other))
    named = [(replace(answer, what=f"predict(X){when}"), at) for when, answer, at in asked]

    def judge(truth: Any) -> Verdict:
        if (wrong := failed(changed)) is not None:
            return wrong
        verdict = held()
        for answer, at in named:
            # rows that are near a tie at these parameters may go either way
            share = float(np.mean(truth.clear_rows(at.params, activation, at.X)))
            verdict = verdict & agree(answer, truth.labels(at.params, activation, at.X), share=share)
        return verdict

    def own(_truth: Any, causes: Sequence[str]) -> Verdict:
        if "q2.3.predict" in causes and activation == "relu":
            return held()
        return labels_follow([(Own(student, at), answer) for answer, at in named])

    yield claim(name, judge, given=given, own=own, own_work=own if activation == "sigmoid" else None)


def _first_row(problem: Problem) -> Problem:
    return replace(problem, X=problem.X[:1], y=problem.y[:1])


@check("q2.3", each=predictions("sigmoid"), topics=TRAINING)
def predict(student: Student, pair: Pair) -> Iterator[Claim]:
    """predict is the argmax of the forward pass at the net's parameters as they are.

    Handout: "Return the class with the largest score for each row of X: integers 0..C-1 of shape (N,)."
    """
    yield from predicted("predict", student, pair, given=["q2.1.scores", "q2.1.published", "q2.1.loss"])


@check(
    "q2.3",
    # verbose, as the handout trains on MNIST: what is printed must not end the training
    each=trainings(
        "sigmoid", 0.3, 0.0, num_epochs=4, batch_size=12, learning_rate=0.5, learning_rate_decay=0.8, verbose=True
    ),
    topics=HISTORIES,
)
def histories(student: Student, training: Training) -> Iterator[Claim]:
    """train returns the four histories, and they hold what they claim.

    Handout: "`loss_history` and `grad_magnitude_history`, an entry for each iteration (the second is the Frobenius
    norm of the gradient of W1), `train_acc_history` and `val_acc_history`, an entry for each epoch."
    """
    net = Net(student, training.problem.activation, training.problem.params)
    stats, after = net.train(training), net.parameters()
    problem = training.problem
    data = {"train_acc_history": (problem.X, problem.y), "val_acc_history": (training.X_val, training.y_val)}
    guesses = {name: net.remote.call("predict", X) for name, (X, _) in data.items()}

    def judge(name: str, truth: Any) -> Verdict:
        history, (_, want) = stats.item(name, name), truth.trained(training)
        chance = truth.decided_by_rounding(training)  # asked for in any case, so that a student's pack has the answer
        verdict = near(history, np.array(want[name]), single=net.single)
        if name == "train_acc_history" and _equal_but_for_rounding(history, want[name], chance):
            return held()
        return replace(verdict, inconclusive=False)  # no right answers is an accuracy too

    def own(name: str, truth: Any, causes: Sequence[str]) -> Verdict:
        history = stats.item(name, name)
        others = [cause for cause in causes if cause != "q2.3.predict"]
        for at, (said, _), (_, recorded) in _that_follow(student, training, (stats, after), others, truth):
            slowed = at.recipe["learning_rate"] != training.recipe["learning_rate"]
            if slowed and not _diverged(_values(history), np.ones(1)):
                continue  # at such a rate, a train that changes nothing has the same history
            if near(history_of(said, name), np.array(recorded.get(name, [])), single=net.single).holds:
                return held()
        follows = name in data and _follows_predict(history, guesses[name], *data[name], truth)
        return held() if follows else lost(f"{name} does not follow what has lost points before")

    def _follows_predict(history: Answer, guess: Answer, X: Array, y: Array, truth: Any) -> bool:
        """Return whether predict is wrong and the history ends with the accuracy of its answers. If predict gives equal
        rows different labels, rounding decides about them and may have decided otherwise in training."""
        labels = numbers(guess, y.shape)
        values = numbers(history, (int(training.recipe["num_epochs"]),))
        params = parameters_after(stats, after, training)
        if isinstance(labels, Verdict) or isinstance(values, Verdict) or isinstance(params, Verdict):
            return False
        right = agree(guess, truth.labels(params, problem.activation, X)).holds
        by_rounding = bool(np.all(X[0] == X) and np.any(labels != labels[0]))
        return not right and (by_rounding or abs(float(values[-1]) - float(np.mean(labels == y))) < 1e-9)

    given = (*BEFORE_BATCHES, "q2.3.batches", "q2.3.predict")
    for name in _HISTORIES.values():
        follows = partial(own, name)
        hint = partial(_in_training, "histories")
        yield claim("histories", partial(judge, name), given=given, own=follows, own_work=follows, hint=hint)


def _equal_but_for_rounding(history: Answer, want: Sequence[float], chance: Array) -> bool:
    """Return whether these accuracies are the wanted ones, but after epochs where rounding decides about them."""
    got = numbers(history, (len(want),))
    if isinstance(got, Verdict) or len(chance) != len(want):
        return False
    return bool(np.all(chance | (np.abs(got - want) <= 1e-6)))


@check("q2.3", each=one_epoch, topics=HISTORIES)
def accuracies(student: Student, training: Training) -> Iterator[Claim]:
    """The accuracy histories hold shares of right answers, at the parameters that the epoch ended with.

    Handout: "train_acc_history: share of right answers on the training set, after each epoch; val_acc_history: the
    same for the validation set".
    """
    net = Net(student, training.problem.activation, training.problem.params)
    stats, after, problem = net.train(training), net.parameters(), training.problem
    guesses = [net.remote.call("predict", X) for X in (problem.X, training.X_val)]

    def judge(truth: Any) -> Verdict:
        params = parameters_after(stats, after, training)
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

    def own(truth: Any, _causes: Sequence[str]) -> Verdict:
        if (by_constants := trained_by_constants(student, training, truth)) is None:
            return lost("train can be followed, and was")
        (said, _), (_, recorded) = by_constants
        return all_hold(near(history_of(said, name), np.array(recorded[name])) for name in _ACCURACIES)

    yield claim("histories", judge, given=BEFORE_BATCHES, own=own, own_work=own)


_ACCURACIES = ("train_acc_history", "val_acc_history")
_BATCH_SHARES = tuple(np.arange(1, 24) / 24)
"""Accepted training accuracies of one batch of 24 rows, drawn with replacement, in place of all 24 examples: any share
but all or none."""


def _last(history: Answer) -> Answer:
    """Return its last entry; how many there are is judged above. A list of one does not come as an array."""
    value = history.value
    if type(value) is np.ndarray and value.ndim == 1 and value.size:
        return replace(history, value=value[-1:])
    return history.item(0, history.what) if type(value) is list else history


# ── Q2.4 ─────────────────────────────────────────────────────────────────────────────────────────────


@check("q2.4.forward", each=near_the_toy("relu"), handout=True, settles=True, topics=FORWARD)
def relu_toy_loss(student: Student, nearby: Problem) -> Iterator[Claim]:
    """The ReLU's loss at the toy problem: 1.303788 for max(0, a), 1.320973 for softplus.

    Handout: "With max(0, a) the toy loss is 1.303788. Older editions of this course printed 1.320973 … Either is
    accepted".
    """
    yield from published_loss(student, nearby, given=["q2.1"], relu=True)


@check("q2.4.forward", each=pairs("relu", 5), settles=True, topics=FORWARD)
def relu_loss(student: Student, pair: Pair) -> Iterator[Claim]:
    """The ReLU's loss on fresh problems.

    Handout: "Let your class handle `activation='relu'` too: forward, backward and training".
    """
    yield from fresh_losses(student, pair, given=["q2.1", "q2.4.forward.published"], relu=True)


@check("q2.4.backward", each=pairs("relu", 5), topics=BACKWARD)
def relu_gradients(student: Student, pair: Pair) -> Iterator[Claim]:
    """The ReLU's gradients on fresh problems.

    Handout: "provided that you use the same function and its own derivative throughout".
    """
    yield from fresh_gradients(student, pair, given=LOSS_OF_RELU, relu=True)


@check("q2.4.backward", handout=True, topics=BACKWARD)
def relu_toy_gradients(student: Student) -> Iterator[Claim]:
    """The handout's numerical gradient check, for the ReLU.

    Handout: "Let the gradients pass this check before you train."
    """
    yield from numerical_check("relu", "q2.4.forward.loss", student)


@check("q2.4.backward", each=as_large_as_mnist("relu"), topics=BACKWARD)
def large_relu_gradients(student: Student, problem: Problem) -> Iterator[Claim]:
    """The ReLU's backward pass at the size of MNIST.

    Handout: "toy checks, each call: 10 CPU seconds"; "backward" is asked for, which differences are not.
    """
    yield from gradients_at_mnist_size(student, problem, given=LOSS_OF_RELU)


@check(
    "q2.4.training",
    each=trainings("relu", 0.3, 0.0, num_epochs=3, batch_size=4, learning_rate=0.1, learning_rate_decay=0.7),
    topics=TRAINING,
)
def relu_epochs(student: Student, training: Training) -> Iterator[Claim]:
    """Several batches in each of several epochs, with the ReLU.

    Handout: "Let your class handle `activation='relu'` too: forward, backward and training".
    """
    yield from _relu_training(student, training)


def _relu_training(student: Student, training: Training) -> Iterator[Claim]:
    of_train = ("q2.3.step", "q2.3.decay", "q2.3.batches")
    for one in trained_parameters("epochs", student, training, given=(*OF_RELU, *of_train), uses_data=True):
        by_gradients = one.own

        def own(truth: Any, causes: Sequence[str], follow: Any = by_gradients) -> Verdict:
            if any(cause in of_train for cause in causes) and trains_both_alike(student, training):
                return gradients_use_data(student, training.problem)
            verdict: Verdict = follow(truth, [cause for cause in causes if cause not in of_train])
            return verdict

        yield replace(one, own=own)


@check("q2.4.training", each=predictions("relu"), topics=TRAINING)
def relu_predict(student: Student, pair: Pair) -> Iterator[Claim]:
    """predict uses the ReLU as well.

    Handout: "use the same function … throughout: forward, backward, in training and on MNIST".
    """
    given = ["q2.1.scores", "q2.1.published", "q2.1.loss", "q2.4.forward", "q2.3.predict"]
    yield from predicted("epochs", student, pair, given=given)


@check("q2.4.training", each=one_large_step, topics=TRAINING)
def large_step(student: Student, training: Training) -> Iterator[Claim]:
    """One step at the size of MNIST.

    Handout: "toy checks, each call: 10 CPU seconds".
    """
    yield from _relu_training(student, training)


# ── Q2.5 ─────────────────────────────────────────────────────────────────────────────────────────────


def images(quick: bool) -> int:
    return int(SETTINGS["mnist"]["shorter_images"]) if quick else 50_000


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
    recipe = SETTINGS["mnist"]
    net = student.new(784, recipe["hidden_size"], 10, std=recipe["std"], activation=activation)
    options = {n: recipe[n] for n in ("num_epochs", "batch_size", "learning_rate", "learning_rate_decay", "reg")}
    long = MANIFEST.long[0]
    seconds = long.cpu_seconds
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
    steps = (long.shorter_steps if quick else long.steps)[activation]

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
            return held()  # judged above
        return agree(guess, truth.labels(trained, activation, data.X_test), share=0.999)

    yield claim(
        "accuracy",
        judge,
        outcome=True,
        given=OF_RELU_TRAINING if activation == "relu" else OF_SIGMOID_TRAINING,
        own=_own_accuracy(student, activation, params, data),
        evidence=lambda truth: _evidence(activation, stats, params, data, truth),
    )
    # a predict that has lost its points in Q2.3 does not lose them here again
    yield claim("accuracy", honest, given=["q2.3.predict", "q2.1", "q2.4.forward"], own=_already_charged)


def _own_accuracy(student: Student, activation: str, params: Answer, data: Mnist) -> Any:
    """Follow gradients that learn less than right ones; or a train that has lost points, where it learns."""
    names = ("num_epochs", "batch_size", "learning_rate", "learning_rate_decay")
    recipe = {name: SETTINGS["mnist"][name] for name in names}

    def own(truth: Any, causes: Sequence[str]) -> Verdict:
        def score(at: Params) -> float:
            return float(truth.accuracy(at, activation, data.X_test, data.y_test))

        trained = _trained(params)
        learnt = not isinstance(trained, Verdict) and score(trained) > CHANCE
        if learnt and any(cause.startswith("q2.3.") and cause != "q2.3.predict" for cause in causes):
            return held()
        start = _first_images(activation, data)
        if not learns_less(student, start, recipe, truth, score):
            return lost("the gradients learn as well as right ones")
        return gradients_use_data(student, replace(start, X=start.X[:20], y=start.y[:20]))

    return own


OF_SIGMOID_TRAINING = (*LOSS_AND_GRADIENTS, "q2.3.step", "q2.3.decay", "q2.3.batches")
OF_RELU_TRAINING = (*OF_RELU, "q2.3.step", "q2.3.decay", "q2.3.batches", "q2.4.training")
CHANCE = 0.2
"""Twice the accuracy of guessing: below it, nothing was learnt."""


def _first_images(activation: str, data: Mnist) -> Problem:
    """A few images to learn, from weights as the handout draws them."""
    random, recipe = np.random.default_rng(0), SETTINGS["mnist"]
    hidden, images = int(recipe["hidden_size"]), int(recipe["quick"]["images"])
    std = float(recipe["std"])
    params = {
        "W1": std * random.normal(size=(784, hidden)),
        "b1": np.zeros(hidden),
        "W2": std * random.normal(size=(hidden, 10)),
        "b2": np.zeros(10),
    }
    return Problem(activation, params, data.X_train[:images], data.y_train[:images], float(recipe["reg"]))


def _in_time(verdict: Verdict, unfinished: bool, seconds: float, accuracy: float) -> Verdict:
    """Training that was interrupted is judged by what it had reached."""
    if not unfinished:
        return verdict & held(f"accuracy {accuracy:.3f} on the test images")
    note = f"training was stopped after {seconds:g} CPU seconds; what it had learnt by then is judged: vectorise loss"
    return replace(verdict, reason=f"{note} ({verdict.reason})") if not verdict.holds else verdict & held(note)


def _trained(params: Answer) -> Params | Verdict:
    hidden = int(SETTINGS["mnist"]["hidden_size"])
    shapes = {"W1": (784, hidden), "b1": (hidden,), "W2": (hidden, 10), "b2": (10,)}
    return arrays({name: params.item(name, f"params['{name}']") for name in shapes}, shapes)


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

"""Checks of a softmax classifier. Every sentence in quotes is the handout's."""

from functools import partial

import numpy as np

from grader import kit, nets

from .repeated_calls import call_twice, uses
from .speed import speed_ratio

NAIVE, VECTORIZED = "softmax_loss_naive", "softmax_loss_vectorized"
SHAPES = ((5, 3, 7), (4, 6, 8), (9, 2, 5), (3, 5, 8))
"""(D, C, N): all lengths of a problem differ, so that no transposed matrix passes."""


def draw_arguments(random, D, C, N, reg, scale=1.0):
    y = random.permutation(np.concatenate([np.arange(C), random.integers(0, C, N - C)]))
    return scale * random.normal(size=(D, C)), random.normal(0.3, 1.0, size=(N, D)), y, reg


def problems(draw, _truth):
    for shape, reg in zip(SHAPES, (0.0, 0.6, 0.0, 1.7), strict=True):
        yield draw_arguments(draw.random, *shape, reg)


def large_scores(draw, truth):
    """Scores of about ±1000, of which some input's own class is far below the best: its loss is about 1000."""

    def wrong_by_far(arguments):
        return truth.softmax_loss_vectorized(*arguments)[0] > 50

    for shape in SHAPES[:2]:
        yield kit.until(partial(draw_arguments, draw.random, *shape, 0.0, scale=500.0), wrong_by_far)


def uses_data(student, function, W, X, y, reg):
    """Return whether loss and gradient change with inputs, labels and weights."""
    others = (W, X + 0.5, y, reg), (W, X, (y + 1) % W.shape[1], reg), (W + 0.3 * W[::-1], X, y, reg)
    return uses(student, function, (W, X, y, reg), *others, items=2)


def loss_and_gradient(function, other, earlier, student, arguments):
    """Claim both; where the other function has lost points before, they may equal that one's."""
    called = call_twice(student, function, *arguments, items=2)
    W, X, y, reg = arguments

    def judge(item, truth):
        return called.near(item, truth.softmax_loss_vectorized(*arguments)[item])

    def as_other(item, _truth, _causes):
        student.begin()
        theirs = kit.array_of(student.call(other, *arguments).unpack(2)[item], W.shape if item else ())
        same = bool(earlier) and theirs is not None and kit.near(called.first[item], theirs).holds
        return kit.passed() if same and uses_data(student, function, *arguments) else kit.failed("it is no other's")

    def of_own_loss(truth, causes):
        """Judge the gradient by the probabilities that the student's own losses of single inputs mean."""
        student.begin()
        losses = [
            kit.array_of(student.call(function, W, X[[i]], np.array([c]), 0.0).unpack(2)[0], ())
            for i in range(len(X))
            for c in range(W.shape[1])
        ]
        if all(loss is not None for loss in losses):
            logs = -np.array(losses).reshape(len(X), -1)
            want = X.T.dot(truth.by_scores(logs, y)) + truth.penalty_gradient(W, reg)
            if kit.near(called.first[1], want).holds and uses_data(student, function, *arguments):
                return kit.passed()
        return as_other(1, truth, causes)

    section = "q2" if earlier else "q1"
    kind = {"aspect": "" if reg else "data", "case": "reg > 0" if reg else "reg = 0"}
    yield kit.claim("loss", partial(judge, 0), given=[f"{s}.loss" for s in earlier], own=partial(as_other, 0), **kind)
    given = [f"{section}.loss", *(f"{s}.{name}" for s in earlier for name in ("loss", "gradient"))]
    yield kit.claim("gradient", partial(judge, 1), given=given, own=of_own_loss, **kind)


@kit.check("q1", each=problems, settles=True)
def loops(student, arguments):
    """Naive {name}, fresh problems

    "Returns the loss, a number, and its gradient with respect to W": the naive function.
    """
    yield from loss_and_gradient(NAIVE, VECTORIZED, [], student, arguments)


@kit.check("q2", each=problems, settles=True)
def without_loops(student, arguments):
    """Vectorised {name}, fresh problems

    "Compute the same, as softmax_loss_naive does": the vectorised function.
    """
    yield from loss_and_gradient(VECTORIZED, NAIVE, ["q1"], student, arguments)


@kit.check("q3", each=large_scores)
def stable(student, arguments):
    """Loss and gradient at scores of about ±1000

    "Scores may be as large as 1000: exp must not overflow."
    """

    def numbers(answers, _truth, _causes):
        """Judge answers that have lost their points elsewhere: here what is a number must be finite."""
        loss = kit.numbers(answers[0], ())
        finite = np.isfinite(nets.floats_of(answers[1])).all()
        if isinstance(loss, kit.Verdict):
            return loss
        return kit.passed() if finite else kit.failed("the gradient is infinite")

    def judge(answers, truth):
        wants = truth.softmax_loss_vectorized(*arguments)
        verdict = kit.all_hold([kit.near(a, want) for a, want in zip(answers, wants, strict=True)])
        finite = not any(np.size(nets.floats_of(a)) > np.isfinite(nets.floats_of(a)).sum() for a in answers)
        return verdict if verdict.holds or finite else kit.because(verdict, nets.STABLE)

    for function, given in ((NAIVE, ["q1"]), (VECTORIZED, ["q1", "q2"])):
        answers = student.call(function, *arguments).unpack(2)
        yield kit.claim("stable", partial(judge, answers), given=given, own=partial(numbers, answers))


def sizes(random, N):
    return draw_arguments(random, 8, 10, N, 0.1)


@kit.check("q4", each=lambda draw, _truth: [int(draw.random.integers(1 << 32))])
def fast(student, seed):
    """Speed of the vectorised function

    "At least six times as fast on large inputs", by CPU time on this machine.
    """
    speed = speed_ratio(student, slow=NAIVE, fast=VECTORIZED, draw=sizes, seed=seed)

    def own(truth, _causes):
        """Judge a function whose answers have lost their points elsewhere: they must be work all the same."""
        works = uses_data(student, VECTORIZED, *speed.arguments)
        return speed.ratio_verdict(truth) if works else kit.failed(f"{VECTORIZED} ignores X or y")

    yield kit.claim("speed", speed.against, given=["q1", "q2"], own=own, outcome=True)

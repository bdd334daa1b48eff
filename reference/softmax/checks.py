"""Checks of a softmax classifier. Every sentence in quotes is the handout's."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from grader import kit
from grader.kit.losses import STABLE, repeatable

NAIVE, VECTORIZED = "softmax_loss_naive", "softmax_loss_vectorized"
SHAPES = ((5, 3, 7), (4, 6, 3), (9, 2, 5), (3, 5, 8))
"""(D, C, N): all lengths of a problem differ, so that no transposed matrix passes."""
REGS = (0.0, 0.6, 0.0, 1.7)


@dataclass(frozen=True, eq=False)
class Problem:
    W: np.ndarray
    X: np.ndarray
    y: np.ndarray
    reg: float

    @property
    def arguments(self):
        return self.W, self.X, self.y, self.reg


def draw_problem(random, D, C, N, reg, scale=1.0):
    y = random.permutation(np.concatenate([np.arange(C), random.integers(0, C, max(N - C, 0))]))[:N]
    return Problem(scale * random.normal(size=(D, C)), random.normal(0.3, 1.0, size=(N, D)), y, reg)


def problems(draw, _truth):
    for shape, reg in zip(SHAPES, REGS, strict=True):
        yield draw_problem(draw.random, *shape, reg)


def large_scores(draw, truth):
    """Scores of about ±1000, of which some input's own class is far below the best: its loss is about 1000."""

    def wrong_by_far(problem):
        return truth.answer(*problem.arguments)[0] > 50

    for shape in SHAPES[:2]:
        yield kit.until(lambda shape=shape: draw_problem(draw.random, *shape, 0.0, scale=500.0), wrong_by_far)


def asked(student, function, problem):
    W, X, y = student.keep(W=problem.W, X=problem.X, y=problem.y)
    return student.call(function, W, X, y, problem.reg).unpack(2)


def uses_data(student, function, problem):
    """Return whether loss and gradient change with the inputs and with the labels: constants are no work to follow."""
    student.begin()
    others = (replace(problem, X=problem.X + 0.5), replace(problem, y=(problem.y + 1) % problem.W.shape[1]))
    first, *changed = (asked(student, function, p) for p in (problem, *others))
    if any(kit.failed(answer) for answers in (first, *changed) for answer in answers):
        return False
    return not any(kit.near(a, b.value).holds for one in changed for a, b in zip(first, one, strict=True))


def loss_and_gradient(function, other, student, problem):
    """Claim both at a problem; where the other function has lost points, equal to that one's."""
    first = asked(student, function, problem)
    again = student.call(function, kit.Ref("W"), kit.Ref("X"), kit.Ref("y"), problem.reg).unpack(2)
    kept = student.look("W", "X", "y")
    untouched = all(np.array_equal(kept.item(n, n).value, getattr(problem, n)) for n in ("W", "X", "y"))

    def judge(item, truth):
        want = truth.answer(*problem.arguments)[item]
        verdicts = [kit.near(answer[item], want) for answer in (first, again)]
        return repeatable(*verdicts, first[item], again[item], untouched)

    def as_other(item, _truth, _causes):
        student.begin()
        theirs = asked(student, other, problem)[item]
        same = theirs.failure is None and kit.near(first[item], theirs.value).holds
        return kit.held() if same and uses_data(student, function, problem) else kit.lost("it differs from the other")

    def of_own_loss(truth, causes):
        """Judge the gradient by the probabilities that the student's own losses mean."""
        student.begin()
        N, C = len(problem.X), problem.W.shape[1]
        one = [[replace(problem, X=problem.X[[i]], y=np.array([c]), reg=0.0) for c in range(C)] for i in range(N)]
        logs = [[kit.array_of(asked(student, function, p)[0], ()) for p in row] for row in one]
        if any(value is None for row in logs for value in row):
            return kit.lost("its loss is no number")
        verdict = kit.near(first[1], truth.gradient_from(*problem.arguments, -np.array(logs, float)))
        return verdict if verdict.holds and uses_data(student, function, problem) else as_other(1, truth, causes)

    section, earlier = ("q2", ["q1"]) if function == VECTORIZED else ("q1", [])
    aspect, case = ("", "reg > 0") if problem.reg else ("data", "reg = 0")
    for item, name in enumerate(("loss", "gradient")):
        given = [f"{s}.{name}" for s in earlier] + [f"{section}.loss"] * item
        own = of_own_loss if item else partial(as_other, item)
        yield kit.claim(name, partial(judge, item), aspect=aspect, case=case, given=given, own=own)


@kit.check("q1", each=problems, settles=True)
def loops(student, problem):
    """ "Returns the loss, a number, and its gradient with respect to W": the naive function, on fresh problems."""
    yield from loss_and_gradient(NAIVE, VECTORIZED, student, problem)


@kit.check("q2", each=problems)
def without_loops(student, problem):
    """ "Compute the same, as softmax_loss_naive does": the vectorised function, on fresh problems."""
    yield from loss_and_gradient(VECTORIZED, NAIVE, student, problem)


@kit.check("q3", each=large_scores)
def stable(student, problem):
    """ "Scores may be as large as 1000: exp must not overflow." """

    def judge(loss, gradient, truth):
        wants = truth.answer(*problem.arguments)
        verdict = kit.near(loss, wants[0]) & kit.near(gradient, wants[1])
        finite = all(np.isfinite(a.value).all() for a in (loss, gradient) if isinstance(a.value, float | np.ndarray))
        return verdict if verdict.holds or finite else kit.because(verdict, STABLE)

    def numbers(loss, gradient, _truth, _causes):
        """Judge answers that have lost their points elsewhere: here they must be finite."""
        found = kit.numbers(loss, ()), kit.numbers(gradient, problem.W.shape)
        return next((one for one in found if isinstance(one, kit.Verdict)), kit.held())

    for function, section in ((NAIVE, "q1"), (VECTORIZED, "q2")):
        answers = asked(student, function, problem)
        yield kit.claim("stable", partial(judge, *answers), given=[section], own=partial(numbers, *answers))


def sizes(random, N):
    return draw_problem(random, 8, 10, N, 0.1).arguments


@kit.check("q4", each=lambda draw, _truth: [int(draw.random.integers(1 << 32))])
def fast(student, seed):
    """ "At least six times as fast on large inputs", by CPU time on this machine."""
    speed = kit.speed_ratio(student, slow=NAIVE, fast=VECTORIZED, draw=sizes, seed=seed)

    def judge(truth):
        if (wrong := kit.failed(speed.answer)) is not None:
            return wrong
        verdict = speed.against(truth.naive)
        for answer, want in zip(speed.answer.unpack(2), truth.answer(*speed.arguments), strict=True):
            verdict = verdict & kit.near(answer, want)
        return verdict

    def own(truth, _causes):
        """Judge a function whose answers have lost their points elsewhere: they must be work all the same."""
        student.begin()
        works = uses_data(student, VECTORIZED, Problem(*speed.arguments))
        return speed.against(truth.naive) if works else kit.lost(f"{VECTORIZED} ignores X or y")

    yield kit.claim("speed", judge, given=["q1", "q2"], own=own, outcome=True)

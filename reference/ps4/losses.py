"""Checks of `loss` that this handout alone asks for: of a net beside another one, and of the size of MNIST.

Handout: "Results must not depend on anything kept from an earlier call"; "toy checks, each call: 10 CPU seconds".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from grader import nets
from grader.kit import Answer, Claim, Student, Verdict, because, claim, near, numbers
from grader.kit.verdict import call_failure
from grader.nets import Array, GradientChecks, OwnAnswers, ProblemAnswer
from grader.nets.losses import same_again
from grader.nets.model_truth import sketch
from grader.nets.models import gradient_of, loss_of
from grader.nets.problems import LEAST_GRADIENT

from .problems import Problem


def two_nets(student: Student, problem: nets.Problem, second: nets.Problem, *, given: Sequence[str]) -> Iterator[Claim]:
    """Claim that a net's loss is still right after another net has been created and used.

    Args:
        student: The submission, in a session that has begun.
        problem: The problem of the first net.
        second: The problem of the other net, with another activation.
        given: Ids of the checks that the claim builds on.

    Returns:
        One claim.
    """
    model = nets.Model(student, problem)
    first = model.loss(problem)
    nets.Model(student, second).loss(second)
    again = model.loss(problem)

    def judge(truth: Any) -> Verdict:
        verdict = near(loss_of(first), truth.loss(problem), single=model.single)
        verdict_again = near(loss_of(again), truth.loss(problem), single=model.single)
        if verdict_again.holds or not verdict.holds:
            return verdict & verdict_again
        return because(
            verdict_again,
            "The loss was right until another net was made and used, so the two share something: keep "
            "parameters and activation on self, not on the class or in globals.",
        )

    def own(truth: Any, causes: Sequence[str]) -> Verdict:
        answers = [ProblemAnswer(OwnAnswers(student, problem), first)]
        return nets.LossChecks().follow(answers, truth, causes) & same_again(loss_of(first), loss_of(again))

    yield claim("loss", judge, given=given, own=own)


def large_gradients(checks: GradientChecks, student: Student, problem: Problem) -> Iterator[Claim]:
    """Claim that the gradients are right for a problem so large that numerical differentiation would take minutes.
    Gradients are compared by their `sketch`.

    Args:
        checks: The checks of this activation's gradients.
        student: The submission, in a session that has begun.
        problem: The large problem.

    Returns:
        One claim for each parameter.
    """
    model = nets.Model(student, problem)
    answer = model.loss(problem)
    answers = [ProblemAnswer(checks.own(student, problem), answer)]

    def judge(name: str, truth: Any) -> Verdict:
        gradient = gradient_of(answer, name)
        failure = call_failure(gradient)
        if failure is not None:
            return failure  # before calling the truth, which is expensive here
        expected, shape = truth.sketched_gradients(problem)[name], problem.params[name].shape
        return _near_sketch(gradient, expected, shape, model.single)

    def own(name: str, truth: Any, causes: Sequence[str]) -> Verdict:
        failure = call_failure(gradient_of(answer, name))
        return failure or checks.follow(answers, name, truth, causes, model.single)

    for name in problem.params:
        options = checks.claim_options(name, answers, model)
        yield claim(name, partial(judge, name), own=partial(own, name), case="an MNIST-sized problem", **options)


def _near_sketch(gradient: Answer, expected: Array, shape: tuple[int, ...], single: bool) -> Verdict:
    if len(shape) == 1:
        return near(gradient, expected, least=LEAST_GRADIENT, single=single)
    # a known mistake may transpose the gradient
    is_transposed = expected.shape[-1:] != shape[-1:]
    value = numbers(gradient, shape[::-1] if is_transposed else shape)
    if isinstance(value, Verdict):
        return value
    sums = Answer(f"{gradient.what} (sums of rows)", sketch(value))
    return near(sums, expected, least=LEAST_GRADIENT, single=single)

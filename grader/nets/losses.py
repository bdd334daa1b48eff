"""Checks of the loss, scores and gradients that a student's model computes. Each check yields claims.

Common parameters: `student`, in a session that has begun; the problems; `name`, the name of the claims; and `given`,
the ids of the earlier checks that the claims build on (see `claim`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from grader.kit.answer import Answer
from grader.kit.claim import Claim, Holds, claim
from grader.kit.compare import near, numbers
from grader.kit.student import Student
from grader.kit.verdict import Verdict, because, failed, passed
from grader.nets.model_truth import nudged
from grader.nets.models import Model, floats_of, gradient_of, is_near, loss_of
from grader.nets.own_answers import OwnAnswers, ProblemAnswer, all_gradients_follow, gradient_follows, loss_follows
from grader.nets.problems import LEAST_GRADIENT, LEAST_LOSS, Pair, Problem
from grader.sandbox.contract import Array

Follow = Callable[[Sequence[ProblemAnswer], Any, Sequence[str]], Verdict]
"""Function (answers of loss, object with the right results, ids of checks that have lost points) → verdict. It judges
the losses by the student's own scores."""
Part = Callable[[Answer], Answer]
"""Function that returns the loss or one gradient from an answer of loss."""
Hint = Callable[[Holds], str]
"""Function that gets a `Holds`, which tells which checks passed, and returns a sentence about the likely cause."""


def already_charged(_truth: Any, _causes: Sequence[str]) -> Verdict:
    """Return a passing verdict. It serves as `own` of a claim that repeats an earlier check: if that check has lost
    points, the claim does not lose points again."""
    return passed()


def case_of(problem: Problem) -> str:
    """Return "reg = 0" or "reg > 0" for messages, or "" if reg is so large that rounding hides the data loss."""
    if problem.reg > 1e3:
        return ""
    return "reg > 0" if problem.reg else "reg = 0"


# ── repeated calls ───────────────────────────────────────────────────────────────────────────────────

EQUAL = 1e-12
"""Relative tolerance of equal calls. A large regularisation term leaves little of a changed data loss."""


def same_again(first: Answer, again: Answer) -> Verdict:
    """Return a failed verdict if two equal calls have returned different numbers or arrays; else a passing one."""
    if not _is_numeric(first.value) or are_identical(first, again):  # other checks judge values that are not numeric
        return passed()
    return near(again, first.value, rtol=EQUAL)


def are_identical(first: Answer, again: Answer) -> bool:
    """Return whether two answers are the same number, or numeric arrays of the same type, shape and entries."""
    value, value_again = first.value, again.value
    if not _is_numeric(value) or type(value_again) is not type(value):
        return False
    return np.asarray(value).dtype == np.asarray(value_again).dtype and np.array_equal(
        value_again, value, equal_nan=True
    )


def _is_numeric(value: Any) -> bool:
    return type(value) is float or (type(value) is np.ndarray and value.dtype.kind in "fiu")


RIGHT_BEFORE = (
    "loss was right for another batch just before: check what depends on the number of rows, and what is kept from one "
    "call to the next."
)
"""Likely cause if the result is wrong for the second batch of a pair, but right for the first."""


class PairCalls:
    """Calls of the student's loss for a pair of problems: twice for the first problem, with the same arrays, and then
    for the second.

    Args:
        student: The submission, in a session that has begun.
        pair: Two problems: the same parameters with two batches.
        own: Class that requests the student's other answers.
    """

    def __init__(self, student: Student, pair: Pair, own: type[OwnAnswers] = OwnAnswers) -> None:
        self.pair, self.model = pair, Model(student, pair.first)
        self.first, self.again = self.model.loss(pair.first), self.model.loss_again(pair.first)
        self._arrays = student.look("X", "y")
        self.second = self.model.loss(pair.second)
        self.answers = [
            ProblemAnswer(own(student, pair.first), self.first),
            ProblemAnswer(own(student, pair.second), self.second),
        ]

    @cached_property
    def untouched(self) -> bool:
        """True if the first two calls have left X and y unchanged."""
        X, y = self._arrays.item("X", "X").value, self._arrays.item("y", "y").value
        return np.array_equal(X, self.pair.first.X) and np.array_equal(y, self.pair.first.y)

    def compare(self, part: Part, right: Callable[[Problem], Any], least: float) -> Verdict:
        """Compare the loss or a gradient with the right one, in all three calls.

        Args:
            part: Function that returns the loss or the gradient from an answer.
            right: Function (problem) → right loss or gradient.
            least: Least norm of a right result (see `near`).
        """
        compare = partial(near, least=least, single=self.model.single)
        first, again = part(self.first), part(self.again)
        expected = right(self.pair.first)
        verdict = verdict_again = compare(first, expected)
        if not are_identical(first, again):
            verdict_again = compare(again, expected)
        second_verdict = compare(part(self.second), right(self.pair.second))
        if not verdict.holds:
            if self.untouched and not same_again(first, again).holds:
                cause = "Two equal calls differ: loss is random, or keeps something from call to call."
                verdict = because(verdict, cause)
            return verdict & second_verdict
        second_verdict = because(second_verdict, RIGHT_BEFORE)
        if verdict_again.holds and not self.untouched:
            verdict = verdict & passed("loss changes X or y in place (no effect on this check)")
        if not verdict_again.holds:
            kind = "keeps something between calls" if self.untouched else "changes X or y in place (work on a copy)"
            verdict = because(verdict_again, f"The first call was right, so loss {kind}.")
        return verdict & second_verdict

    def right_alone(self, part: Callable[[OwnAnswers], Any], right: Callable[[Problem], Any]) -> bool:
        """Return whether the loss or gradient of each problem is right if it is computed first in a new session.

        Args:
            part: Function that asks for the loss or the gradient; None if it is unusable.
            right: Function (problem) → right loss or gradient.
        """
        for answer in self.answers:
            value = part(answer.own)
            if value is None or not is_near(value, right(answer.own.problem), single=self.model.single):
                return False
        return True

    def same_again(self, part: Part) -> Verdict:
        """Return a failed verdict if the equal calls have returned different losses or gradients."""
        return same_again(part(self.first), part(self.again))


# ── loss and scores ──────────────────────────────────────────────────────────────────────────────────

STABLE = (
    "exp overflows at large numbers, and log(0) is infinite: subtract each row's largest score, then "
    "scores - log(sum(exp(scores))) is the log-probability itself."
)

ANEW = "compute everything anew in each call, from the arrays that are in params then."
INFINITE_LOG = (
    "the gradient is finite here and the loss is not, so look at the logarithm in the loss: the log of 0 is infinite, "
    "and so is the log of a sum of exp that overflows; subtract each row's largest score from the scores, and take "
    "scores - log(sum(exp(scores))) of these as the log-probabilities"
)
"""Hint to a student whose loss is infinite or NaN although the gradient is finite."""


@dataclass(frozen=True)
class LossChecks:
    """Checks of the loss that the student's `loss(X, y, reg)` returns.

    The checks call `truth.loss`. The default `follow` also calls `truth.scores` and `truth.loss_from`.

    Args:
        follow: Function that judges wrong losses by the student's own scores, after earlier checks have lost points.
        hint: Function that returns a sentence about the likely cause if no known mistake explains a failure.
    """

    follow: Follow = loss_follows
    hint: Hint | None = None

    def fresh(self, student: Student, pair: Pair, *, name: str = "loss", given: Sequence[str] = ()) -> Iterator[Claim]:
        """Claim that the losses of both problems in `pair` are right. The student's loss is called twice for the first
        problem, with the same arrays.

        Args:
            student: The submission, in a session that has begun.
            pair: Two problems: the same parameters with two batches.
            name: Name of the claim.
            given: Ids of the checks that the claim builds on.

        Returns:
            One claim.
        """
        calls = PairCalls(student, pair)

        def judge(truth: Any) -> Verdict:
            return calls.compare(loss_of, truth.loss, LEAST_LOSS)

        def own(truth: Any, causes: Sequence[str]) -> Verdict:
            """Judge the losses after earlier checks have lost points."""
            is_charged = any(cause.endswith(f".{name}") for cause in causes)  # the same check in an earlier section
            if is_charged and calls.right_alone(lambda own: own.loss_at(own.problem), truth.loss):
                return passed()  # what is kept between calls is charged there
            return self.follow(calls.answers, truth, causes) & calls.same_again(loss_of)

        aspect = "" if pair.first.reg else "data"
        yield claim(name, judge, aspect=aspect, case=case_of(pair.first), given=given, own=own, hint=self.hint)

    def published(
        self,
        student: Student,
        problem: Problem,
        nearby: Problem,
        *,
        tolerance: float,
        name: str = "published",
        given: Sequence[str] = (),
    ) -> Iterator[Claim]:
        """Claim that the loss equals the number in the handout. The loss must also be right for slightly different
        parameters, so that hard-coding does not help.

        Args:
            student: The submission, in a session that has begun.
            problem: The handout's problem.
            nearby: The same problem with slightly different parameters.
            tolerance: Absolute tolerance, since the handout rounds the number.
            name: Name of the claim.
            given: Ids of the checks that the claim builds on.

        Returns:
            One claim.
        """
        model = Model(student, problem)
        answer = model.loss(problem)
        model.put(nearby.params)
        nearby_answer = model.loss(nearby)
        nearby_loss = loss_of(nearby_answer).named("the loss a small step from the toy problem")
        answers = [
            ProblemAnswer(OwnAnswers(student, problem), answer),
            ProblemAnswer(OwnAnswers(student, nearby), nearby_answer),
        ]

        def judge(truth: Any) -> Verdict:
            published = near(loss_of(answer), truth.loss(problem), rtol=0, atol=tolerance, single=model.single)
            return published & near(nearby_loss, truth.loss(nearby), single=model.single)

        yield claim(name, judge, shows_values=True, given=given, own=partial(self.follow, answers), hint=self.hint)

    def stable(
        self,
        student: Student,
        problem: Problem,
        *,
        bias: str,
        name: str = "stable",
        given: Sequence[str] = (),
        advice: str = STABLE,
    ) -> Iterator[Claim]:
        """Claim that the loss is right and a gradient is not NaN, for scores so large that exp overflows.

        Args:
            student: The submission, in a session that has begun.
            problem: A problem with large scores (`large_scores`).
            bias: Name of the parameter whose gradient must not be NaN.
            name: Name of the claim.
            given: Ids of the checks that the claim builds on.
            advice: Sentence to the student if the loss is not finite.

        Returns:
            One claim.
        """
        model = Model(student, problem)
        answer = model.loss(problem)
        loss = loss_of(answer)

        def numbers_only() -> Verdict:
            """Fail if the gradient is NaN; it may be infinite."""
            if np.isnan(floats_of(gradient_of(answer, bias))).any():
                return because(failed(f"grads['{bias}'] is NaN at large scores, where the loss is right"), advice)
            return passed()

        def judge(truth: Any) -> Verdict:
            verdict = near(loss, truth.loss(problem), single=model.single)
            return verdict & numbers_only() if verdict.holds else verdict

        def hint(holds: Holds) -> str:
            """Return a sentence that explains overflow, unless the hint of `LossChecks` names another cause."""
            earlier = self.hint(holds) if self.hint else ""
            if earlier or np.isfinite(floats_of(loss)).all():
                return earlier
            return INFINITE_LOG if numbers_only().holds else advice.rstrip(".")

        def own(truth: Any, causes: Sequence[str]) -> Verdict:
            """Judge the loss after earlier checks have lost points: it must be finite, and right for the student's own
            scores."""
            value = numbers(loss, ())
            if isinstance(value, Verdict):
                return value
            return numbers_only() & self.follow([ProblemAnswer(OwnAnswers(student, problem), answer)], truth, causes)

        yield claim(name, judge, given=given, own=own, hint=hint)


def fresh_scores(
    student: Student, problem: Problem, *, name: str = "scores", hint: Hint | None = None
) -> Iterator[Claim]:
    """Claim that loss(X), without labels, returns the right scores (N, C). Calls `truth.scores`.

    Args:
        student: The submission, in a session that has begun.
        problem: The model's parameters, and the inputs X.
        name: Name of the claim.
        hint: Function that returns a sentence about the likely cause if no known mistake explains a failure.

    Returns:
        One claim.
    """
    model = Model(student, problem)
    answer = model.scores(problem.X).named("loss(X), the scores")
    yield claim(name, lambda truth: near(answer, truth.scores(problem), single=model.single), hint=hint)


def new_parameters(student: Student, problem: Problem, *, advice: str, name: str = "scores") -> Iterator[Claim]:
    """Claim that the parameters of a new model have the same shapes as the problem's parameters.

    Args:
        student: The submission, in a session that has begun.
        problem: A problem for models of this kind.
        advice: Sentence to the student with the handout's shapes.
        name: Name of the claim.

    Returns:
        One claim.
    """
    params = student.new(*problem.sizes, **problem.options).get("params")

    def judge(_truth: Any) -> Verdict:
        verdict = passed()
        for parameter, right_value in problem.params.items():
            value = numbers(params.item(parameter, f"params['{parameter}'] of a new net"), right_value.shape)
            if isinstance(value, Verdict):
                verdict = verdict & value
        if params.failure is not None:
            return verdict  # the code has no model yet, so its shapes are not what to mend
        return because(verdict, advice)

    yield claim(name, judge)


# ── gradients ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class GradientChecks:
    """Checks of the gradients that the student's `loss(X, y, reg)` returns. Claims are named after the parameters.

    The checks call `truth.gradients`, `truth.loss` and `truth.losses_near`. The defaults of `follow` and `work` also
    call `truth.probabilities_of` and `truth.gradients_from`.

    Args:
        given: Ids of the checks that gradients build on.
        earlier: Id of an earlier section that judges gradients with the same names, for example those of another kind
            of model; or "". Each claim then builds on the check of the same name in that section.
        follow: Function that judges a wrong gradient by the student's own forward pass if earlier checks have lost
            points. It gets the answers of loss, the parameter's name, the truth, the ids of the earlier checks and True
            for float32, and returns a verdict. By default `gradient_follows`.
        work: Function (answers of loss, truth, True for float32) → verdict on all gradients together. It is used if an
            earlier check lost points to a mistake with `carries=False` (see `own_work` of `Claim`). By default
            `all_gradients_follow`.
        hint: Function that returns a sentence about the likely cause if no known mistake explains a failure. It gets
            the parameter's name and a `Holds` function.
        own: Class that requests the student's other answers: `OwnAnswers` or a subclass.
    """

    given: Sequence[str] = ()
    earlier: str = ""
    follow: Callable[[Sequence[ProblemAnswer], str, Any, Sequence[str], bool], Verdict] = (
        lambda answers, name, truth, _causes, single: gradient_follows(answers, name, truth, single=single)
    )
    work: Callable[[Sequence[ProblemAnswer], Any, bool], Verdict] = lambda answers, truth, single: all_gradients_follow(
        answers, truth, single=single
    )
    hint: Callable[[str, Holds], str] = lambda _name, _holds: ""
    own: type[OwnAnswers] = OwnAnswers

    def fresh(self, student: Student, pair: Pair) -> Iterator[Claim]:
        """Claim that the gradients for both problems in `pair` are right. The student's loss is called twice for the
        first problem, with the same arrays."""
        calls = PairCalls(student, pair, self.own)

        def right_gradient(name: str, truth: Any) -> Callable[[Problem], Array]:
            return lambda problem: truth.gradients(problem)[name]

        def judge(name: str, truth: Any) -> Verdict:
            return calls.compare(partial(gradient_of, name=name), right_gradient(name, truth), LEAST_GRADIENT)

        def loss_keeps_something() -> bool:
            """Return whether the student's losses depend on earlier calls: they differ in a new session, or for equal
            calls."""
            loss_alone = calls.answers[1].own.loss_at(pair.second)
            changes_alone = loss_alone is not None and not near(loss_of(calls.second), loss_alone, rtol=EQUAL).holds
            return changes_alone or not calls.same_again(loss_of).holds

        def own_gradient(name: str, own: OwnAnswers) -> Array | None:
            gradients = own.gradients(own.problem)
            return None if gradients is None else gradients[name]

        def own(name: str, truth: Any, causes: Sequence[str]) -> Verdict:
            """Judge the gradient of one parameter after earlier checks have lost points."""
            is_charged = f"{self.earlier}.{name}" in causes or loss_keeps_something()
            if is_charged and calls.right_alone(partial(own_gradient, name), right_gradient(name, truth)):
                return passed()  # what is kept between calls is charged there
            if not calls.same_again(partial(gradient_of, name=name)).holds:
                return failed("two equal calls differ")
            return self.follow(calls.answers, name, truth, causes, calls.model.single)

        aspect, case = "" if pair.first.reg else "data", case_of(pair.first)
        for name in pair.first.params:
            yield claim(
                name,
                partial(judge, name),
                own=partial(own, name),
                hint=partial(self.hint, name),
                aspect=aspect,
                case=case,
                **self.claim_options(name, calls.answers, calls.model),
            )

    def numerical(
        self, student: Student, problem: Problem, *, losses: Sequence[str], case: str = "the toy problem"
    ) -> Iterator[Claim]:
        """Claim that the gradients are right for the problem on which the handout checks them numerically. Also claim
        that the losses for nearby parameters are right.

        Without the second claim, a loss could detect the numerical check and return values that match wrong gradients.

        Args:
            student: The submission, in a session that has begun.
            problem: The handout's problem, one object for all submissions.
            losses: Ids of earlier checks that judge the loss.
            case: Name of the problem in messages.

        Returns:
            Two claims for each parameter: the gradient, and the losses near the problem.
        """
        model = Model(student, problem)
        answer = model.loss(problem)
        nearby_losses = {name: model.losses_at(nudged(problem, name), problem) for name in problem.params}
        answers = [ProblemAnswer(self.own(student, problem), answer)]

        def judge_gradient(name: str, truth: Any) -> Verdict:
            gradient = truth.gradients(problem)[name]
            return near(gradient_of(answer, name), gradient, least=LEAST_GRADIENT, single=model.single)

        def judge_losses(name: str, truth: Any) -> Verdict:
            losses = replace(nearby_losses[name], what=f"the loss near {case} ({name} nudged)")
            return _compare_nearby_losses(name, losses, loss_of(answer), problem, truth, model.single)

        def own(name: str, truth: Any, causes: Sequence[str]) -> Verdict:
            return self.follow(answers, name, truth, causes, model.single)

        for name in problem.params:
            options = self.claim_options(name, answers, model)
            yield claim(
                name, partial(judge_gradient, name), own=partial(own, name), case=case, shows_values=True, **options
            )
            yield claim(
                name,
                partial(judge_losses, name),
                shows_values=True,
                given=[*options["given"], *losses],
                own=already_charged,
                own_work=already_charged,
            )

    def claim_options(self, name: str, answers: Sequence[ProblemAnswer], model: Model) -> dict[str, Any]:
        """Return the arguments of `claim` that all claims on one parameter's gradient share."""
        earlier = [f"{self.earlier}.{name}"] if self.earlier else []
        return {
            "given": [*self.given, *earlier],
            "own_work": lambda truth, _causes: self.work(answers, truth, model.single),
        }


def _compare_nearby_losses(
    name: str, losses: Answer, loss: Answer, problem: Problem, truth: Any, single: bool
) -> Verdict:
    """Judge the student's losses for slightly changed parameters, and how they differ from the unchanged loss."""
    expected_losses = truth.losses_near(problem, name)
    expected_loss = truth.loss(problem)  # always called, so that a student's pack records the result
    verdict = near(losses, expected_losses, single=single)
    student_losses, student_loss = numbers(losses, expected_losses.shape), numbers(loss, ())
    if isinstance(student_losses, Verdict) or isinstance(student_loss, Verdict):
        return verdict
    if verdict.holds:
        changes, expected_changes = student_losses - student_loss, expected_losses - expected_loss
        return verdict & _compare_changes(name, changes, expected_changes, float(student_loss), single)
    if near(loss, expected_loss, single=single).holds:
        return because(verdict, f"The loss was right until {name} changed: {ANEW}")
    return verdict


def _compare_changes(name: str, changes: Array, expected: Array, loss: float, single: bool) -> Verdict:
    """Judge the changes of the loss when one parameter is changed (`nudged`).

    Changing one entry changes the loss by less than the tolerance of `near`, so a constant loss would pass if only the
    losses were compared. In the last two changes, all entries of the parameter change by more. These two are judged
    separately, because in float32 the others are lost in rounding.
    """
    for nudges in (slice(None, -2), slice(-2, None)):
        rounding = (1e-6 if single else 1e-14) * abs(loss) * np.sqrt(expected[nudges].size)
        change = Answer(f"the change of the loss with {name}", changes[nudges])
        verdict = near(change, expected[nudges], rtol=1e-3, atol=float(rounding))
        if not verdict.holds:
            return because(verdict, f"The loss must change with {name}: {ANEW}")
    return passed()

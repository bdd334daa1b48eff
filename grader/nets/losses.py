"""Checks of the loss, scores and gradients that a student's model computes. Each method yields claims.

Common parameters: `student`, in a session that has begun; the problems; `name`, the name of the claims; and `given`,
the ids of the earlier checks that the claims build on (see `claim`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from grader.kit.answer import Answer
from grader.kit.claim import Claim, Holds, claim
from grader.kit.compare import near, numbers
from grader.kit.student import Student
from grader.kit.verdict import Verdict, all_hold, because, call_failure, failed, passed
from grader.nets.follow_through import OwnAnswers, ProblemAnswer, all_gradients_follow, gradient_follows, loss_follows
from grader.nets.model_truth import nudged, sketch
from grader.nets.models import Model, floats_of, gradient_of, is_near, loss_of
from grader.nets.problems import LEAST_GRADIENT, LEAST_LOSS, Pair, Problem
from grader.sandbox.contract import Array

Follow = Callable[[Sequence[ProblemAnswer], Any, Sequence[str]], Verdict]
"""Function (answers of loss, object with the right results, ids of checks that have lost points) → verdict. It judges
the losses by the student's own scores."""
Hint = Callable[[Holds], str]
"""Function that gets a `Holds`, which tells which checks passed, and returns a sentence about the likely cause."""


def already_charged(_truth: Any, _causes: Sequence[str]) -> Verdict:
    """Return a passing verdict. It serves as `own` of a claim that repeats an earlier check: if that check has lost
    points, the claim does not lose points again."""
    return passed()


def case_of(problem: Problem) -> str:
    """Return "reg = 0" or "reg > 0" for messages, or "" if reg is so large that rounding hides the data loss."""
    return "" if problem.reg > 1e3 else "reg > 0" if problem.reg else "reg = 0"


# ── repeated calls ───────────────────────────────────────────────────────────────────────────────────


def explain_repeated(verdict: Verdict, repeated: Verdict, first: Answer, again: Answer, untouched: bool) -> Verdict:
    """Combine the verdicts on two calls of loss with the same arrays. If only the second is wrong, add the cause.

    Args:
        verdict, repeated: Verdicts on the first and the second answer.
        first, again: The first and the second answer.
        untouched: True if the calls left their arguments unchanged.

    Returns:
        The verdict.
    """
    if verdict.holds and repeated.holds:
        return verdict if untouched else verdict & passed("loss changes X or y in place (no effect on this check)")
    if verdict.holds:
        cause = "keeps something between calls" if untouched else "changes X or y in place (work on a copy)"
        return because(repeated, f"The first call was right, so loss {cause}.")
    if untouched and not same_again(first, again).holds:
        return because(verdict, "Two equal calls differ: loss is random, or keeps something from call to call.")
    return verdict


def same_again(first: Answer, again: Answer) -> Verdict:
    """Return a failed verdict if two equal calls have returned different numbers or arrays; else a passing one."""
    value = first.value
    if type(value) is not float and not (type(value) is np.ndarray and value.dtype.kind in "fiu"):
        return passed()  # other checks judge values that are not numeric
    if type(again.value) is type(value) and np.array_equal(again.value, value, equal_nan=True):
        return passed()
    return near(again, value, rtol=1e-9)


RIGHT_BEFORE = (
    "loss was right for another batch just before: check what depends on the number of rows, and what is kept from one "
    "call to the next."
)
"""Likely cause if the result is wrong for the second batch of a pair, but right for the first."""


def explain_other_batch(other: Verdict, first: Verdict) -> Verdict:
    """Return `other`, the verdict on the second batch of a pair. If it fails and `first`, the verdict on the first
    batch, passes, add a likely cause."""
    return because(other, RIGHT_BEFORE) if first.holds else other


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
    """Checks of `loss(X, y, reg)` and of the scores, `loss(X)`. The checks call `truth.loss` and `truth.scores`.

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
        model = Model(student, pair.first)
        first, again = loss_of(model.loss(pair.first)), loss_of(model.loss_again(pair.first))
        untouched = model.left_alone(pair.first)
        second = loss_of(model.loss(pair.second))
        answers = (pair.first, first), (pair.second, second)
        asked = [ProblemAnswer(OwnAnswers(student, problem), answer) for problem, answer in answers]

        def judge(truth: Any) -> Verdict:
            compare = partial(near, least=LEAST_LOSS, single=model.single)
            verdict, repeated = (compare(answer, truth.loss(pair.first)) for answer in (first, again))
            other = compare(second, truth.loss(pair.second))
            return explain_repeated(verdict, repeated, first, again, untouched) & explain_other_batch(other, verdict)

        def right_alone(truth: Any) -> bool:
            """Return whether the loss of each problem is right if it is computed first in a new session."""
            alone = ((one.own.loss_at(one.own.problem), truth.loss(one.own.problem)) for one in asked)
            return all(loss is not None and is_near(loss, want, single=model.single) for loss, want in alone)

        def own(truth: Any, causes: Sequence[str]) -> Verdict:
            if any(cause.endswith(f".{name}") for cause in causes) and right_alone(truth):
                return passed()  # what is kept between calls is charged there
            return self.follow(asked, truth, causes) & same_again(first, again)

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
        loss = loss_of(model.loss(problem))
        model.put(nearby.params)
        other = replace(loss_of(model.loss(nearby)), what="the loss a small step from the toy problem")
        asked = [ProblemAnswer(OwnAnswers(student, problem), loss), ProblemAnswer(OwnAnswers(student, nearby), other)]

        def judge(truth: Any) -> Verdict:
            published = near(loss, truth.loss(problem), rtol=0, atol=tolerance, single=model.single)
            return published & near(other, truth.loss(nearby), single=model.single)

        yield claim(name, judge, shows_values=True, given=given, own=partial(self.follow, asked), hint=self.hint)

    def two_models(
        self, student: Student, problem: Problem, other: Problem, *, name: str = "loss", given: Sequence[str] = ()
    ) -> Iterator[Claim]:
        """Claim that a model's loss is still right after another model has been created and used.

        Args:
            student: The submission, in a session that has begun.
            problem: The problem of the first model.
            other: The problem of the other model. Sizes and options should differ from the first problem's.
            name: Name of the claim.
            given: Ids of the checks that the claim builds on.

        Returns:
            One claim.
        """
        model = Model(student, problem)
        alone = loss_of(model.loss(problem))
        Model(student, other).loss(other)
        beside = loss_of(model.loss(problem))

        def judge(truth: Any) -> Verdict:
            first, second = (near(answer, truth.loss(problem), single=model.single) for answer in (alone, beside))
            if second.holds or not first.holds:
                return first & second
            kept = " and ".join(["parameters", *(name for name in problem.options if name in _changed(problem, other))])
            return because(
                second,
                "The loss was right until another net was made and used, so the two share something: keep "
                f"{kept} on self, not on the class or in globals.",
            )

        def own(truth: Any, causes: Sequence[str]) -> Verdict:
            asked = [ProblemAnswer(OwnAnswers(student, problem), alone)]
            return self.follow(asked, truth, causes) & same_again(alone, beside)

        yield claim(name, judge, given=given, own=own)

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
            return numbers_only() & self.follow([ProblemAnswer(OwnAnswers(student, problem), loss)], truth, causes)

        yield claim(name, judge, given=given, own=own, hint=hint)


def _changed(problem: Problem, other: Problem) -> set[str]:
    """Return the names of the constructor arguments in which the models of two problems differ."""
    return {name for name, value in problem.options.items() if other.options.get(name) != value}


def fresh_scores(
    student: Student, problem: Problem, *, name: str = "scores", hint: Hint | None = None, or_losses: bool = False
) -> Iterator[Claim]:
    """Claim that loss(X), without labels, returns the right scores (N, C).

    Args:
        student: The submission, in a session that has begun.
        problem: The model's parameters, and the inputs X.
        name: Name of the claim.
        hint: Function that returns a sentence about the likely cause if no known mistake explains a failure.
        or_losses: True to judge losses instead if loss(X) raises, for starter code that has no loss(X).

    Returns:
        One claim.
    """
    model = Model(student, problem)
    answer = replace(model.scores(problem.X), what="loss(X), the scores")
    if answer.failure is not None and or_losses:
        yield from _scores_from_losses(model, problem, name)
    else:
        yield claim(name, lambda truth: near(answer, truth.scores(problem), single=model.single), hint=hint)


def _scores_from_losses(model: Model, problem: Problem, name: str) -> Iterator[Claim]:
    """Claim that losses of single examples are right for every label. They determine the scores up to a constant."""
    ones = [
        replace(problem, X=problem.X[[i]], y=np.array([c]), reg=0.0)
        for i in range(min(len(problem.X), 3))
        for c in range(problem.classes)
    ]
    answers = [loss_of(model.loss(one)) for one in ones]

    def judge(truth: Any) -> Verdict:
        verdict = passed("loss(X) without labels does not work, so the scores were derived from losses")
        for one, answer in zip(ones, answers, strict=True):
            verdict = verdict & near(answer, truth.loss(one), single=model.single, atol=1e-9)
        return verdict

    yield claim(name, judge)


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
    shapes = {name: value.shape for name, value in problem.params.items()}

    def judge(_truth: Any) -> Verdict:
        found = [numbers(params.item(n, f"params['{n}'] of a new net"), shape) for n, shape in shapes.items()]
        return because(all_hold([value for value in found if isinstance(value, Verdict)]), advice)

    yield claim(name, judge)


# ── gradients ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class GradientChecks:
    """Checks of the gradients that the student's `loss(X, y, reg)` returns. Claims are named after the parameters.

    The checks call `truth.gradients`, `truth.sketched_gradients`, `truth.loss` and `truth.losses_near`.

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
        lambda asked, name, truth, _causes, single: gradient_follows(asked, name, truth, single=single)
    )
    work: Callable[[Sequence[ProblemAnswer], Any, bool], Verdict] = lambda asked, truth, single: all_gradients_follow(
        asked, truth, single=single
    )
    hint: Callable[[str, Holds], str] = lambda _name, _holds: ""
    own: type[OwnAnswers] = OwnAnswers

    def fresh(self, student: Student, pair: Pair) -> Iterator[Claim]:
        """Claim that the gradients for both problems in `pair` are right. The student's loss is called twice for the
        first problem, with the same arrays."""
        model = Model(student, pair.first)
        first, again = model.loss(pair.first), model.loss_again(pair.first)
        untouched = model.left_alone(pair.first)
        second = model.loss(pair.second)
        answers = (pair.first, first), (pair.second, second)
        asked = [ProblemAnswer(self.own(student, problem), answer) for problem, answer in answers]

        def judge(name: str, truth: Any) -> Verdict:
            compare = partial(near, least=LEAST_GRADIENT, single=model.single)
            answers = gradient_of(first, name), gradient_of(again, name)
            verdict, repeated = (compare(answer, truth.gradients(pair.first)[name]) for answer in answers)
            other = compare(gradient_of(second, name), truth.gradients(pair.second)[name])
            return explain_repeated(verdict, repeated, *answers, untouched) & explain_other_batch(other, verdict)

        def loss_keeps_something() -> bool:
            alone = asked[1].own.loss_at(pair.second)
            kept = alone is not None and not near(loss_of(second), np.array(alone), rtol=1e-9).holds
            return kept or not same_again(loss_of(first), loss_of(again)).holds

        def right_alone(name: str, truth: Any) -> bool:
            """Return whether the gradients of a parameter are right if each call is the first in a session."""
            alone = ((one.own.gradients(one.own.problem), truth.gradients(one.own.problem)[name]) for one in asked)
            return all(grads is not None and is_near(grads[name], want, single=model.single) for grads, want in alone)

        def own(name: str, truth: Any, causes: Sequence[str]) -> Verdict:
            if (f"{self.earlier}.{name}" in causes or loss_keeps_something()) and right_alone(name, truth):
                return passed()  # what is kept between calls is charged there
            if not same_again(gradient_of(first, name), gradient_of(again, name)).holds:
                return failed("two equal calls differ")
            return self._follows(asked, model, name, truth, causes)

        aspect, case = "" if pair.first.reg else "data", case_of(pair.first)
        for name in pair.first.params:
            hint = partial(self.hint, name)
            yield self._claim(name, judge, own, asked, model, case=case, aspect=aspect, hint=hint)

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
        near_it = {name: model.losses_at(nudged(problem, name), problem) for name in problem.params}
        asked = [ProblemAnswer(self.own(student, problem), answer)]

        def judge_gradient(name: str, truth: Any) -> Verdict:
            gradient = gradient_of(answer, name)
            verdict = near(gradient, truth.gradients(problem)[name], least=LEAST_GRADIENT, single=model.single)
            return verdict & passed(*rounding_remark(name, student.printed)) if verdict.holds else verdict

        def judge_losses(name: str, truth: Any) -> Verdict:
            what = f"the loss near {case} ({name} nudged)"
            return _differences(name, replace(near_it[name], what=what), loss_of(answer), problem, truth, model.single)

        own = partial(self._follows, asked, model)
        for name in problem.params:
            yield self._claim(name, judge_gradient, own, asked, model, case=case, shows_values=True)
            yield claim(
                name,
                partial(judge_losses, name),
                shows_values=True,
                given=[*self._given(name), *losses],
                own=already_charged,
                own_work=already_charged,
            )

    def large(self, student: Student, problem: Problem, *, case: str) -> Iterator[Claim]:
        """Claim that the gradients are right for a problem so large that numerical differentiation would take minutes.
        Gradients are compared by their `sketch`.

        Args:
            student: The submission, in a session that has begun.
            problem: The large problem.
            case: Name of the problem in messages.

        Returns:
            One claim for each parameter.
        """
        model = Model(student, problem)
        answer = model.loss(problem)
        asked = [ProblemAnswer(self.own(student, problem), answer)]

        def judge(name: str, truth: Any) -> Verdict:
            gradient = gradient_of(answer, name)
            if (wrong := call_failure(gradient)) is not None:
                return wrong  # before calling the truth, which is expensive here
            want, shape = truth.sketched_gradients(problem)[name], problem.params[name].shape
            return _near_sketch(gradient, want, shape, model.single)

        def own(name: str, truth: Any, causes: Sequence[str]) -> Verdict:
            return call_failure(gradient_of(answer, name)) or self._follows(asked, model, name, truth, causes)

        for name in problem.params:
            yield self._claim(name, judge, own, asked, model, case=case)

    def _given(self, name: str) -> list[str]:
        return [*self.given, *([f"{self.earlier}.{name}"] if self.earlier else [])]

    def _follows(
        self, asked: Sequence[ProblemAnswer], model: Model, name: str, truth: Any, causes: Sequence[str]
    ) -> Verdict:
        return self.follow(asked, name, truth, causes, model.single)

    def _claim(
        self,
        name: str,
        judge: Callable[[str, Any], Verdict],
        own: Callable[[str, Any, Sequence[str]], Verdict],
        asked: Sequence[ProblemAnswer],
        model: Model,
        *,
        case: str,
        aspect: str = "",
        shows_values: bool = False,
        hint: Hint | None = None,
    ) -> Claim:
        """Return the claim on one parameter's gradient."""
        return claim(
            name,
            partial(judge, name),
            shows_values=shows_values,
            aspect=aspect,
            given=self._given(name),
            own=partial(own, name),
            own_work=lambda truth, _causes: self.work(asked, truth, model.single),
            case=case,
            hint=hint,
        )


def _near_sketch(gradient: Answer, want: Array, shape: tuple[int, ...], single: bool) -> Verdict:
    if len(shape) == 1:
        return near(gradient, want, least=LEAST_GRADIENT, single=single)
    # a known mistake may transpose the gradient
    value = numbers(gradient, shape if want.shape[-1:] == shape[-1:] else shape[::-1])
    if isinstance(value, Verdict):
        return value
    sums = Answer(f"{gradient.what} (sums of rows)", sketch(value))
    return near(sums, want, least=LEAST_GRADIENT, single=single)


def _differences(name: str, losses: Answer, loss: Answer, problem: Problem, truth: Any, single: bool) -> Verdict:
    """Judge the student's losses for slightly changed parameters, and how they differ from the unchanged loss."""
    want = truth.losses_near(problem, name)
    unmoved = truth.loss(problem)  # always called, so that a student's pack records the result
    verdict = near(losses, want, single=single)
    got, central = numbers(losses, want.shape), numbers(loss, ())
    if isinstance(got, Verdict) or isinstance(central, Verdict):
        return verdict
    if not verdict.holds:
        is_right = near(loss, unmoved, single=single).holds
        return because(verdict, f"The loss was right until {name} changed: {ANEW}") if is_right else verdict
    return verdict & _changes(name, got - central, want - unmoved, float(central), single)


def _changes(name: str, got: Array, want: Array, loss: float, single: bool) -> Verdict:
    """Judge the changes of the loss when one parameter is changed (`nudged`).

    Changing one entry changes the loss by less than the tolerance of `near`, so a constant loss would pass if only the
    losses were compared. In the last two changes, all entries of the parameter change by more. These two are judged
    separately, because in float32 the others are lost in rounding.
    """
    for some in (slice(None, -2), slice(-2, None)):
        rounding = (1e-6 if single else 1e-14) * abs(loss) * np.sqrt(want[some].size)
        change = Answer(f"the change of the loss with {name}", got[some])
        if not (verdict := near(change, want[some], rtol=1e-3, atol=float(rounding))).holds:
            return because(verdict, f"The loss must change with {name}: {ANEW}")
    return passed()


def rounding_remark(name: str, printed: str) -> tuple[str, ...]:
    """Return a remark if the student's notebook prints an error above 1e-8 for a right gradient; otherwise nothing.

    Many handouts ask for an error below 1e-8, but rounding alone can cause one of up to 2e-6.
    """
    errors = re.findall(rf"\b{name}\b[^\n]{{0,80}}?(\d(?:\.\d{{1,20}})?e[-+]\d{{1,3}})", printed)
    large = [float(error) for error in errors if 1e-8 < float(error) < 1e-4]
    if not large:
        return ()
    return (
        f"your notebook prints an error of {max(large):.0e} for {name}: that is rounding, and the gradient is right",
    )

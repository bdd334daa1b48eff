"""The diagnosis, on a toy subject of our own: a loss (mean of x, plus half of reg) and its gradients in W and b."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from grader.kit.answer import Answer
from grader.kit.claim import Claim, NotRecorded, claim
from grader.kit.compare import near
from grader.kit.diagnosis import Diagnosis, Interpretation, JudgedCheck, Mistake
from grader.kit.verdict import Verdict, call_failure
from grader.model import Raised

X = [1.0, 2.0, 6.0]


class Truth:
    """What the toy answers under an interpretation and with mistakes in it."""

    def __init__(self, interpretation: str, assumed: frozenset[str]) -> None:
        self.offset = 10.0 if interpretation == "shifted" else 0.0
        self.assumed = assumed

    def loss(self, reg: float) -> float:
        data = sum(X) if "sum" in self.assumed else sum(X) / 3
        penalty = reg if "no_half" in self.assumed else reg / 2
        return data + penalty + self.offset

    def gradient(self, name: str) -> float:
        one = {"W": 2.0, "b": 5.0}[name]
        if "sum_in_all" in self.assumed or (name == "W" and "sum_in_W" in self.assumed):
            one *= 3
        return -one if "sign" in self.assumed else one

    def trained(self) -> float:
        return 7.0 - self.gradient("W") - self.gradient("b")

    def constant(self) -> float:
        return 0.0 if "constant" in self.assumed else 4.0


MISTAKES = [
    Mistake("sum", "loss", "Divide the loss by N."),
    Mistake("no_half", "loss", "Halve reg."),
    Mistake("sum_in_W", "gradient", "Divide dW by N."),
    Mistake("sum_in_all", "gradient", "Divide all gradients by N."),
    Mistake("sign", "gradient", "Turn the sign."),
    Mistake("constant", "constant", "This is constant.", carries=False),
]
LITERAL, SHIFTED = Interpretation("", "as written"), Interpretation("shifted", "ten more")


@pytest.fixture
def diagnosis() -> Diagnosis:
    return Diagnosis(Truth, MISTAKES, [LITERAL, SHIFTED])


def says(name: str, value: float, truth: Callable[[Truth], float], **options: Any) -> Claim:
    """A claim that the student's value is near the truth's."""
    check, topics = options.pop("check", ""), options.pop("topics", ())
    made = claim(name, lambda t: near(Answer(name, value), truth(t)), **options)
    return replace(made, check=check, topics=topics)


def student(*mistakes: str, interpretation: str = "") -> Truth:
    """Whoever makes these mistakes answers like the truth with them."""
    return Truth(interpretation, frozenset(mistakes))


def losses(who: Truth, **options: Any) -> list[Claim]:
    """Without regularisation and with it."""
    return [
        says("loss", who.loss(0.0), lambda t: t.loss(0.0), aspect="data", **options),
        says("loss", who.loss(4.0), lambda t: t.loss(4.0), **options),
    ]


def gradients(who: Truth, **options: Any) -> list[Claim]:
    return [says(n, who.gradient(n), lambda t, n=n: t.gradient(n), **options) for n in ("W", "b")]


def training(who: Truth, **options: Any) -> list[Claim]:
    return [says("trained", who.trained(), lambda t: t.trained(), **options)]


def named(judged: JudgedCheck) -> list[str]:
    return [m.id for m in judged.mistakes]


# ── diagnosis ────────────────────────────────────────────────────────────────────────────────────────


def test_the_right_answer_holds_and_nothing_is_diagnosed(diagnosis: Diagnosis) -> None:
    judged = diagnosis.judge("q1", losses(student()))
    assert (judged["loss"].verdict.holds, judged["loss"].follows_from) == (True, ())


@pytest.mark.parametrize("mistake", ["sum", "no_half"])
def test_a_known_mistake_is_named(diagnosis: Diagnosis, mistake: str) -> None:
    judged = diagnosis.judge("q1", losses(student(mistake)))
    assert (judged["loss"].verdict.credit, named(judged["loss"])) == (0, [mistake])


def test_a_name_holds_only_if_all_its_claims_do(diagnosis: Diagnosis) -> None:
    right, wrong = losses(student())[0], losses(student("no_half"))[1]
    assert not diagnosis.judge("q1", [right, wrong])["loss"].verdict.holds


def test_two_mistakes_at_once_are_told_apart_by_their_aspects(diagnosis: Diagnosis) -> None:
    judged = diagnosis.judge("q1", losses(student("sum", "no_half")))
    assert named(judged["loss"]) == ["sum", "no_half"]


def test_the_narrower_mistake_is_the_one_where_the_wider_does_not_fit(diagnosis: Diagnosis) -> None:
    judged = diagnosis.judge("q2", gradients(student("sum_in_W")))
    assert named(judged["W"]) == ["sum_in_W"]
    assert judged["b"].verdict.holds


def test_a_mistake_that_a_passing_check_contradicts_is_not_named() -> None:
    """Only one of the gradients has the wrong sign; the known mistake is in both."""
    diagnosis = Diagnosis(Truth, [m for m in MISTAKES if m.id == "sign"], [LITERAL])
    wrong, right = gradients(student("sign"))[0], gradients(student())[1]
    judged = diagnosis.judge("q2", [wrong, right])
    assert named(judged["W"]) == []
    assert judged["b"].verdict.holds


def test_a_mistake_is_contradicted_only_by_checks_of_its_topic(diagnosis: Diagnosis) -> None:
    claims = [gradients(student("sign"), topics=("gradient",))[0], *training(student(), topics=("training",))]
    assert named(diagnosis.judge("q2", claims)["W"]) == ["sign"]


# ── a mistake is charged once ────────────────────────────────────────────────────────────────────────


def test_what_follows_from_a_charged_mistake_is_not_charged_again(diagnosis: Diagnosis) -> None:
    who = student("sum_in_W")
    diagnosis.judge("q2", gradients(who))
    later = diagnosis.judge("q3", training(who))["trained"]
    assert later.verdict.holds
    assert later.follows_from == ("q2.W",)
    assert later.verdict.remarks == ("follows from q2.W (already penalised)",)


def test_a_mistake_is_charged_at_the_first_claim_that_shows_it(diagnosis: Diagnosis) -> None:
    """As many claims as make it unlikely that another order is this one by chance."""
    who = student("sign")
    claims = [says(f"W{n}", who.gradient("W"), lambda t: t.gradient("W"), check="gradients") for n in range(9)]
    diagnosis.judge("q2", claims)
    assert set(diagnosis.charged.values()) == {"q2.W0"}


def test_what_does_not_follow_from_it_is_charged(diagnosis: Diagnosis) -> None:
    diagnosis.judge("q2", gradients(student("sum_in_W")))
    assert not diagnosis.judge("q3", [says("trained", 99.0, lambda t: t.trained())])["trained"].verdict.credit


def test_a_second_mistake_on_top_of_a_charged_one_is_charged_alone(diagnosis: Diagnosis) -> None:
    diagnosis.judge("q2", gradients(student("sum_in_W")))
    later = diagnosis.judge("q3", training(student("sum_in_W", "sign")))["trained"]
    assert (later.verdict.credit, named(later)) == (0, ["sign"])


def test_a_mistake_costs_every_name_of_the_check_that_finds_it(diagnosis: Diagnosis) -> None:
    judged = diagnosis.judge("q2", gradients(student("sign"), check="q2:gradients"))
    assert [j.verdict.credit for j in judged.values()] == [0, 0]


def test_within_a_section_the_next_check_already_knows(diagnosis: Diagnosis) -> None:
    who = student("sum_in_W")
    judged = diagnosis.judge("q2", [*gradients(who, check="q2:gradients"), *training(who, check="q2:trains")])
    assert not judged["W"].verdict.credit
    assert judged["trained"].verdict.holds


def test_a_mistake_that_does_not_carry_is_charged_everywhere(diagnosis: Diagnosis) -> None:
    constant = [says("answer", student("constant").constant(), lambda t: t.constant())]
    first, second = diagnosis.judge("q1", constant)["answer"], diagnosis.judge("q2", constant)["answer"]
    assert (named(first), named(second)) == (["constant"], ["constant"])
    assert (first.verdict.credit, second.verdict.credit) == (0, 0)


def test_what_a_later_check_finds_out_explains_an_earlier_one(diagnosis: Diagnosis) -> None:
    who = student("sign")
    judged = diagnosis.judge(
        "q2", [*training(who, check="q2:first", topics=("loss",)), *gradients(who, check="q2:second")]
    )
    assert (judged["trained"].verdict.credit, named(judged["trained"])) == (0, ["sign"])
    assert not any(judged.undiagnosed for judged in diagnosis.failed.values())


# ── what a claim can say about itself ────────────────────────────────────────────────────────────────


def test_no_mistake_is_looked_for_in_an_outcome(diagnosis: Diagnosis) -> None:
    judged = diagnosis.judge("q3", training(student("sign"), outcome=True))
    assert (judged["trained"].verdict.credit, named(judged["trained"])) == (0, [])


# ── what follows from the student's own answers ──────────────────────────────────────────────────────


def own(verdict: Verdict) -> dict[str, Any]:
    """A claim that builds on the loss, and how it stands by the student's own loss."""
    return {"given": ["q1.loss"], "own": lambda _truth, _causes: verdict}


HOLDS, FAILS = Verdict(Fraction(1)), Verdict(Fraction(0), "does not follow")


def unknown() -> Claim:
    return says("loss", 123.4, lambda t: t.loss(0.0))


def test_what_follows_from_an_undiagnosed_loss_keeps_its_points_and_says_from_which(diagnosis: Diagnosis) -> None:
    diagnosis.judge("q1", [unknown()])
    judged = diagnosis.judge("q2", [says("W", -1.0, lambda t: t.gradient("W"), **own(HOLDS))])["W"]
    assert (judged.verdict.credit, judged.follows_from) == (1, ("q1.loss",))


def test_what_does_not_follow_from_the_students_own_answers_is_charged(diagnosis: Diagnosis) -> None:
    diagnosis.judge("q1", [unknown()])
    judged = diagnosis.judge("q2", [says("W", -1.0, lambda t: t.gradient("W"), **own(FAILS))])["W"]
    assert (judged.verdict.credit, judged.follows_from) == (0, ())


def test_nothing_follows_where_what_it_builds_on_is_right(diagnosis: Diagnosis) -> None:
    diagnosis.judge("q1", losses(student()))
    judged = diagnosis.judge("q2", [says("W", -1.0, lambda t: t.gradient("W"), **own(HOLDS))])["W"]
    assert (judged.verdict.credit, judged.follows_from) == (0, ())


def test_one_claim_that_fails_by_itself_costs_the_name(diagnosis: Diagnosis) -> None:
    diagnosis.judge("q1", [unknown()])
    follows = says("W", -1.0, lambda t: t.gradient("W"), **own(HOLDS))
    alone = says("W", -1.0, lambda t: t.gradient("W"))
    assert not diagnosis.judge("q2", [follows, alone])["W"].verdict.credit


def test_a_later_check_of_the_section_can_be_what_an_earlier_one_follows_from(diagnosis: Diagnosis) -> None:
    builds = says("published", 99.0, lambda t: t.loss(4.0), check="q1:published", **own(HOLDS))
    judged = diagnosis.judge("q1", [builds, replace(unknown(), check="q1:loss")])
    assert judged["published"].follows_from == ("q1.loss",)
    assert not judged["loss"].verdict.credit


def test_nothing_follows_from_a_mistake_that_leaves_no_work(diagnosis: Diagnosis) -> None:
    diagnosis.judge("q1", [says("loss", 0.0, lambda t: t.constant())])
    judged = diagnosis.judge("q2", [says("W", -1.0, lambda t: t.gradient("W"), **own(HOLDS))])["W"]
    assert not judged.verdict.credit


def test_work_of_its_own_follows_even_then(diagnosis: Diagnosis) -> None:
    diagnosis.judge("q1", [says("loss", 0.0, lambda t: t.constant())])
    own_work = {"own_work": lambda _truth, _causes: HOLDS}
    judged = diagnosis.judge("q2", [says("W", -1.0, lambda t: t.gradient("W"), **own_work, **own(FAILS))])["W"]
    assert judged.verdict.credit == 1


def test_an_answer_of_zero_does_not_follow_from_a_mistake_that_makes_it_zero() -> None:
    class Vanishing(Truth):
        def gradient(self, name: str) -> float:
            return 0.0 if "sign" in self.assumed else super().gradient(name)

    diagnosis = Diagnosis(Vanishing, MISTAKES, [LITERAL])
    zero = [says("W", 0.0, lambda t: t.gradient("W"))]
    assert named(diagnosis.judge("q1", zero)["W"]) == ["sign"]
    assert not diagnosis.judge("q2", zero)["W"].verdict.credit


def test_a_call_that_raised_is_not_explained_by_a_mistake(diagnosis: Diagnosis) -> None:
    judged = diagnosis.judge("q2", [says("W", -2.0, lambda t: t.gradient("W"), diagnosable=False)])["W"]
    assert (judged.verdict.credit, named(judged)) == (0, [])


# ── interpretations ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("followed", [LITERAL, SHIFTED], ids=lambda r: r.remark)
def test_the_interpretation_that_a_submission_follows_is_chosen(diagnosis: Diagnosis, followed: Interpretation) -> None:
    assert diagnosis.choose_interpretation("q1", losses(student(interpretation=followed.id))) == followed.remark
    assert diagnosis.interpretation == followed


def test_a_chosen_interpretation_binds_and_a_tie_leaves_it_open(diagnosis: Diagnosis) -> None:
    assert diagnosis.choose_interpretation("q1", [unknown()]) == ""
    diagnosis.choose_interpretation("q1", losses(student(interpretation="shifted")))
    assert not diagnosis.interpretations
    assert not diagnosis.judge("q2", losses(student()))["loss"].verdict.holds


def test_an_interpretation_is_chosen_under_what_is_charged_already(diagnosis: Diagnosis) -> None:
    diagnosis.judge("q1", losses(student("no_half")))
    diagnosis.choose_interpretation("q1", losses(student("no_half", interpretation="shifted")))
    assert diagnosis.interpretation == SHIFTED


# ── what cannot be decided here ──────────────────────────────────────────────────────────────────────


def not_recorded(_truth: Truth) -> Verdict:
    raise NotRecorded("trained")


def test_a_truth_that_is_not_there_leaves_the_check_open(diagnosis: Diagnosis) -> None:
    judged = diagnosis.judge("q3", [claim("trained", not_recorded)])["trained"]
    assert judged.open
    assert not any(judged.undiagnosed for judged in diagnosis.failed.values())


def test_a_call_that_failed_needs_no_truth(diagnosis: Diagnosis) -> None:
    failure = call_failure(Answer("f()", Raised("NameError", "name 'x' is not defined")))
    assert failure is not None
    claims = [claim("trained", not_recorded), claim("trained", lambda _truth: failure)]
    judged = diagnosis.judge("q3", claims)["trained"]
    assert (judged.open, judged.verdict) == (False, failure)


def test_a_broken_judgement_is_not_swallowed(diagnosis: Diagnosis) -> None:
    def broken(_truth: Truth) -> Verdict:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        diagnosis.judge("q1", [claim("loss", broken)])

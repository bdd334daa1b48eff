"""A verdict may leave the decision to a person: its points are neither earned nor lost."""

from __future__ import annotations

from fractions import Fraction

import pytest

from grader.kit.claim import Claim, claim
from grader.kit.diagnosis import Diagnosis, Interpretation, Mistake
from grader.kit.verdict import Verdict, failed, passed, waiting

WAITS, HALF = waiting("between"), Verdict(Fraction(1, 2))


@pytest.mark.parametrize(
    ("one", "other", "waits"),
    [(WAITS, passed(), True), (WAITS, HALF, True), (WAITS, failed("wrong"), False), (HALF, passed(), False)],
)
def test_what_fails_decides_and_what_passes_does_not(one: Verdict, other: Verdict, waits: bool) -> None:
    assert (one & other).waits is (other & one).waits is waits
    assert not (one & other).holds


def judged(*claims: Claim) -> dict[str, tuple[bool, bool]]:
    mistakes = (Mistake("m", "", "It is wrong."),)
    diagnosis = Diagnosis(lambda _interpretation, assumed: bool(assumed), mistakes, [Interpretation("", "")])
    diagnosis.judge("q1", [claim("first", lambda mistaken: passed() if mistaken else failed("wrong"))])
    found = diagnosis.judge("q2", claims)
    return {name: (one.open, one.undiagnosed) for name, one in found.items()}


def test_a_check_that_waits_is_open_and_has_lost_nothing() -> None:
    assert judged(claim("speed", lambda _mistaken: WAITS)) == {"speed": (True, False)}


def test_it_waits_under_a_charged_mistake_too() -> None:
    assert judged(claim("speed", lambda mistaken: WAITS if mistaken else failed("wrong"))) == {"speed": (True, False)}


def test_a_claim_that_fails_beside_it_is_lost() -> None:
    both = claim("speed", lambda _: WAITS), claim("speed", lambda _: failed("wrong"), outcome=True)
    assert judged(*both) == {"speed": (False, True)}

"""Problems that nobody can foresee and everybody can draw again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.assignments.seeds import Seed

ASSIGNMENT, SUBMISSION, CHECK = "a" * 64, "b" * 64, "q2.2:gradients"


def drawn(seed: Seed, assignment: str = ASSIGNMENT, submission: str = SUBMISSION, check: str = CHECK) -> list[float]:
    return seed.draw(assignment, submission, check).normal(size=4).tolist()


@pytest.mark.parametrize(
    "other",
    [
        lambda: drawn(Seed(b"another secret")),
        lambda: drawn(Seed()),
        lambda: drawn(Seed(b"secret"), assignment="c" * 64),
        lambda: drawn(Seed(b"secret"), submission="c" * 64),
        lambda: drawn(Seed(b"secret"), check="q2.2:toy_gradients"),
        lambda: drawn(Seed(b"public")),
    ],
    ids=["secret", "public", "assignment", "submission", "check", "the word public"],
)
def test_anything_else_draws_something_else(other) -> None:
    assert drawn(Seed(b"secret")) != other()


def test_the_public_seed_draws_the_same_for_every_submission() -> None:
    assert drawn(Seed()) == drawn(Seed(), submission="c" * 64)


def test_the_public_draw_is_pinned_because_students_packs_carry_its_answers() -> None:
    assert Seed().draw("a", "b", "c").integers(0, 1000, 5).tolist() == [195, 172, 715, 114, 442]


@given(st.binary(min_size=4))
def test_a_report_tells_nothing_of_a_secret(secret: bytes) -> None:
    assert Seed(secret).label == "secret"


def test_a_secret_is_told_by_its_fingerprint_alone() -> None:
    fingerprint = Seed(b"a secret").fingerprint
    assert b"a secret".hex() not in fingerprint
    assert fingerprint == Seed(b"a secret").fingerprint != Seed(b"a secretx").fingerprint

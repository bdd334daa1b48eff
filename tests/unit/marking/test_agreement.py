"""How far two markers agree; checked against scikit-learn's Cohen's kappa."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from grader.marking.agreement import agreement

POINTS = st.sampled_from([Fraction(0), Fraction(5, 2), Fraction(5)])


@given(st.lists(st.tuples(POINTS, POINTS), min_size=2, max_size=30))
def test_kappa_is_cohen_s(pairs: list[tuple[Fraction, Fraction]]) -> None:
    from sklearn.metrics import cohen_kappa_score  # a second, for this test alone

    assume(len({points for pair in pairs for points in pair}) > 1)
    theirs = cohen_kappa_score([str(a) for a, _ in pairs], [str(b) for _, b in pairs])
    assert agreement(pairs).kappa == pytest.approx(theirs)


def test_where_all_points_are_the_same_kappa_says_nothing() -> None:
    found = agreement([(Fraction(5), Fraction(5))] * 3)
    assert (found.share, found.kappa) == (1, None)


def test_nobody_agrees_about_nothing() -> None:
    found = agreement([])
    assert (found.answers, found.share, found.kappa) == (0, None, None)

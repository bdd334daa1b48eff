"""Thirty fixed mutants of right solutions, graded; `make proof` grades all of them."""

import pytest

from grader.authoring.mutate import measure

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def measured(ps4, sandbox):
    return measure.measure(ps4, sandbox, count=30, seed=3)


def test_wrong_mutants_lose_points(measured):
    assert measured.distinct > 800
    assert len(measured.of("wrong")) >= 20
    assert measured.score >= 0.98, [row.mutant.diff for row in measured.survivors]


def test_no_mutant_is_left_undecided(measured):
    assert not [(row.mutant.diff, row.classified.why) for row in measured.of("undecided")]


def test_what_is_wrong_loses_points_where_it_is_wrong(measured):
    assert not [(row.mutant.diff, row.expected.must) for row in measured.rows if row.charged_elsewhere]


def test_what_computes_the_same_loses_nothing(measured):
    assert not [(row.mutant.diff, row.report.lost) for row in measured.of("same") if row.report.lost]


def test_little_is_charged_where_nothing_is_wrong(measured):
    assert measured.false_charges <= measured.points / 100

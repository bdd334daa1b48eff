"""The assignments' specimens and known mistakes, code checks only; `make proof` runs the long ones as well."""

from functools import partial

import pytest

from grader.assignments import catalogue
from grader.authoring import certify
from grader.sandbox.choose import another
from grader.settings import Settings

pytestmark = pytest.mark.long

OTHERS = sorted(catalogue.folders().keys() - {"ps4"})
"""ps4 has far more specimens, and tests of its own."""


@pytest.mark.parametrize("name", OTHERS)
def test_every_other_assignment_certifies(sandbox, name):
    assignment = catalogue.find(name)
    chosen = [*certify.specimens(assignment), *certify.without_work(assignment)]
    rows = certify.certify(chosen, assignment, sandbox, long=False, workers=2)
    rows += certify.certify_mistakes(certify.mistakes(assignment), assignment, workers=2)
    assert len(rows) > 10
    assert not [(row.name, row.problems) for row in rows if not row.holds]


def test_what_is_no_work_earns_nothing_of_ps4(ps4, sandbox):
    rows = certify.certify(certify.without_work(ps4), ps4, sandbox, long=False, workers=2)
    assert [row.problems for row in rows] == [()] * 4


@pytest.fixture(scope="module", params=[pytest.param(1, marks=pytest.mark.proof), 4], ids=["all", "one in four"])
def every(request):
    """Of the wrong solutions and known mistakes, `make test` grades one in four."""
    return request.param


@pytest.fixture(scope="module")
def right(ps4, sandbox):
    chosen = [s for s in certify.specimens(ps4) if not s.loses]
    assert len(chosen) > 8
    return certify.certify(chosen, ps4, sandbox, long=False, workers=2)


def test_every_right_solution_earns_everything(right):
    assert not [(row.name, row.problems) for row in right if not row.holds]


@pytest.fixture(scope="module")
def wrong(ps4, sandbox, every):
    chosen = [s for s in certify.specimens(ps4) if s.loses]
    assert len(chosen) >= 60
    return certify.certify(chosen[::every], ps4, sandbox, long=False, workers=2)


def test_every_wrong_solution_loses_points(wrong):
    assert not [row.name for row in wrong if not row.failed]


def test_every_fault_loses_exactly_what_it_should(wrong):
    assert not [(row.name, row.problems) for row in wrong if not row.holds]


def test_every_known_mistake_is_diagnosed_as_itself_or_as_one_that_is_declared_alike(ps4, every):
    known = certify.mistakes(ps4)
    assert known == list(ps4.mistakes)
    rows = certify.certify_mistakes(known[::every], ps4, workers=2)
    assert len(rows) == len(known[::every])
    assert not [(row.name, row.problems) for row in rows if not row.holds]


def test_no_seed_costs_a_right_solution_a_point(ps4):
    """Of a few; `make proof` tries a thousand."""
    chosen = [s for s in certify.specimens(ps4) if s.name in ("reference", "variants/float32", "variants/softplus")]
    chooser = partial(another, "bubblewrap", Settings().runtime)
    rows = certify.certify_seeds(chosen, ps4, chooser, seeds=8, workers=2)
    assert not [(row.name, row.seed, row.problems) for row in rows if not row.holds]

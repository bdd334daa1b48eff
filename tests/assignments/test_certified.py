"""The assignments' specimens and known mistakes, code checks only; `make proof` runs the long ones as well."""

from functools import partial

import pytest

from grader.assignments import catalogue
from grader.authoring import certify
from grader.sandbox.choose import another
from grader.settings import Settings

OTHERS = sorted(catalogue.folders().keys() - {"ps4"})
"""ps4 has far more specimens, and tests of its own."""


@pytest.mark.parametrize("name", OTHERS)
def test_every_other_assignment_certifies(sandbox, name):
    assignment = catalogue.find(name)
    chosen = [*certify.specimens(assignment), *certify.handout(assignment)]
    rows = certify.certify(chosen, assignment, sandbox, long=False, workers=2)
    rows += certify.certify_mistakes(assignment, workers=2)
    assert len(rows) > 10
    assert not [(row.name, row.problems) for row in rows if not row.holds]


@pytest.fixture(scope="module")
def specimens(ps4):
    return {s.name: s for s in certify.specimens(ps4)}


def test_the_handout_of_ps4_earns_nothing(ps4, sandbox):
    (row,) = certify.certify(certify.handout(ps4), ps4, sandbox, long=False, workers=1)
    assert (row.name, row.problems) == ("handout", ())


@pytest.fixture(scope="module")
def rows(ps4, sandbox, specimens):
    return certify.certify(list(specimens.values()), ps4, sandbox, long=False, workers=2)


@pytest.fixture(scope="module")
def mistakes(ps4):
    return certify.certify_mistakes(ps4, workers=2)


def test_every_right_solution_earns_everything(rows, specimens):
    assert not [(row.name, row.problems) for row in rows if not specimens[row.name].loses and not row.holds]


def test_every_wrong_solution_loses_points(rows, specimens):
    assert not [row.name for row in rows if specimens[row.name].loses and not row.failed]


def test_every_fault_loses_exactly_what_it_should(rows, specimens):
    assert not [(row.name, row.problems) for row in rows if specimens[row.name].loses and not row.holds]


def test_every_known_mistake_is_diagnosed_as_itself_or_as_one_that_is_declared_alike(ps4, mistakes):
    assert [row.name for row in mistakes] == [f"mistakes/{m.id}" for m in ps4.mistakes]
    assert not [(row.name, row.problems) for row in mistakes if not row.holds]


def test_there_are_enough_variants_and_faults(rows):
    names = [row.name for row in rows]
    assert sum(n.startswith("variants/") for n in names) >= 8
    assert sum(n.startswith("faults/") for n in names) >= 60


def test_every_code_check_catches_a_fault_that_no_other_does(ps4, rows):
    checks = [
        f"{section}.{name}"
        for part in ps4.parts
        for section, claims in part.sections.items()
        for name in claims
        if not section.startswith("q2.5")  # an accuracy trains for long
    ]
    alone = certify.necessity(rows, checks)
    assert not [check for check in checks if not alone[check]]


def test_no_seed_costs_a_right_solution_a_point(ps4, specimens):
    """Of a few; `make proof` tries a thousand."""
    right = [specimens[name] for name in ("reference", "variants/float32", "variants/softplus")]
    chooser = partial(another, "bubblewrap", Settings().runtime)
    rows = certify.certify_seeds(right, ps4, chooser, seeds=8, workers=2)
    assert not [(row.name, row.seed, row.problems) for row in rows if not row.holds]

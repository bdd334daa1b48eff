"""The assignment's specimens, code checks only; `make proof` trains them on MNIST as well."""

from functools import partial

import pytest

from grader import certify
from grader.sandbox.choose import another
from grader.settings import Settings


@pytest.fixture(scope="module")
def rows(ps4, sandbox):
    return certify.certify(certify.specimens(ps4), ps4, sandbox, mnist=False, workers=2)


def test_every_right_solution_earns_everything(rows):
    assert not [(row.specimen.name, row.problems) for row in rows if not row.specimen.loses and not row.holds]


def test_every_wrong_solution_loses_points(rows):
    assert not [row.specimen.name for row in rows if row.specimen.loses and not row.lost]


def test_every_fault_loses_exactly_what_it_should(rows):
    assert not [(row.specimen.name, row.problems) for row in rows if row.specimen.loses and not row.holds]


def test_there_are_enough_variants_and_faults(rows):
    names = [row.specimen.name for row in rows]
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


def test_no_seed_costs_a_right_solution_a_point(ps4):
    """Of a few; `make proof` tries a thousand."""
    right = [s for s in certify.specimens(ps4) if s.name in ("reference", "variants/float32", "variants/softplus")]
    chooser = partial(another, "bubblewrap", Settings().runtime)
    rows = certify.certify_seeds(right, ps4, chooser, seeds=8, workers=2)
    assert not [(row.specimen.name, row.seed, row.problems) for row in rows if not row.holds]

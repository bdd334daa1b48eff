"""Which mutants are drawn, and how lost points are compared with those that should be lost."""

from dataclasses import replace
from fractions import Fraction
from io import StringIO

import pytest
from rich.console import Console

from grader.authoring.mutate import show
from grader.authoring.mutate.measure import GradedMutant, Measured, draw
from grader.authoring.mutate.model import Classified, Expected
from grader.authoring.mutate.operators import Mutant
from grader.model import CheckResult, Part, SourceLine, Status
from tests.unit.render.samples import perfect

KEPT = 7


def mutant(i, operator="sign"):
    return Mutant(f"{operator}:{i}", "net.py", operator, range(3, 4), 3, f"x = {i}\n", "x\n")


ALL = [mutant(i, "sign" if i % 4 else "axis") for i in range(400)]


def test_no_other_seed_draws_a_mutant_of_the_one_that_is_kept_apart():
    kept = {m.id for m in draw(ALL, 200, KEPT, KEPT)}
    assert len(kept) == 200
    for seed in range(5):
        assert not kept & {m.id for m in draw(ALL, 200, seed, KEPT)}


def test_a_seed_draws_the_same_ones_again_and_another_seed_others():
    assert draw(ALL, 40, 1, KEPT) == draw(ALL, 40, 1, KEPT) != draw(ALL, 40, 2, KEPT)


def check(id, points, possible, line=None):
    status = Status.PASSED if points == possible else Status.FAILED
    shown = SourceLine("mlp.py", line, "") if line else None
    return CheckResult(id, id, Fraction(points), Fraction(possible), status, line=shown)


PERFECT = perfect()


def row(kind, *checks, must=("q2.1",), may=("q2.1",)):
    report = replace(PERFECT, parts=(Part("q2", "", checks),))
    parts = ("loss.sigmoid",) if kind == "wrong" else ()
    expected = Expected(must, may) if kind == "wrong" else Expected((), ())
    return GradedMutant(mutant(1), Classified(kind, "", parts), expected, report)


CAUGHT = row("wrong", check("q2.1.loss", 0, 2, line=3), check("q2.2.W1", 1, 3, line=9), check("q2.3.step", 0, 1))
SURVIVOR = row("wrong", check("q2.1.loss", 2, 2))
ALLOWED = row("allowed", check("q2.1.loss", 1, 2))
SAME = row("same", check("q2.1.loss", 2, 2))
UNDECIDED = row("undecided", check("q2.1.loss", 0, 2))


@pytest.mark.parametrize(
    ("one", "false"), [(CAUGHT, 3), (SURVIVOR, 0), (ALLOWED, 1), (SAME, 0), (UNDECIDED, 0)], ids=str
)
def test_points_lost_where_nothing_is_wrong_are_false_charges(one, false):
    assert one.false_charges == false


def test_undecided_ones_survive_whatever_they_lose():
    measured = Measured((CAUGHT, SURVIVOR, ALLOWED, SAME, UNDECIDED), 5)
    assert measured.score == pytest.approx(1 / 3)
    assert measured.survivors == [SURVIVOR, UNDECIDED]


def test_a_check_that_no_wrong_mutant_loses_is_named():
    measured = Measured((SURVIVOR, SAME, UNDECIDED), 3)
    assert measured.never_failed == ["q2.1.loss"]
    assert not Measured((CAUGHT, SURVIVOR), 2).never_failed
    console = Console(width=200, file=StringIO())
    console.print(show.on_terminal(measured, 0.9))
    assert "checks that no wrong mutant loses: q2.1.loss" in console.file.getvalue()


def test_a_line_is_exact_where_the_fault_stands():
    assert Measured((CAUGHT,), 1).lines == {"exact": 1, "elsewhere": 1, "none": 1}

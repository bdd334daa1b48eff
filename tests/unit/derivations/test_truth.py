"""What answers are compared with is true: derivatives as differences give them, updates as descent does."""

from __future__ import annotations

import numpy as np
import pytest

from grader.assignments.catalogue import Assignment
from grader.derivations.evaluate import Evaluation, NotationInterpretation
from grader.derivations.formula_tree import named
from grader.derivations.question import Array, Quantities, Question, SampleProblem

NETWORK = ["x", "W1", "b1", "a1", "h1", "W2", "b2", "a2", "h2"]


def question(ps4: Assignment, id: str) -> Question:
    return next(q for q in ps4.known_questions if q.id == id)


def slope(quantities: Quantities, problem: SampleProblem, of: str, by: str) -> Array:
    """Central differences of a number by all elements of a quantity."""
    step, base = 1e-6, problem.values[by]
    found = np.zeros_like(base)
    for place in np.ndindex(base.shape):
        sides = []
        for sign in (1, -1):
            moved = base.copy()
            moved[place] += sign * step
            sides.append(float(quantities.complete(problem.values, {by: moved})[of]))
        found[place] = (sides[0] - sides[1]) / (2 * step)
    return found


@pytest.mark.parametrize(
    ("of", "by"), [*(("J", by) for by in NETWORK), *(("a2", by) for by in ("h1", "W2", "b2", "a1", "W1", "x"))]
)
def test_derivatives_are_differences(ps4: Assignment, of: str, by: str) -> None:
    quantities = question(ps4, "q1.1").quantities
    for problem in quantities.problems[::3]:
        found = Evaluation(quantities, problem.values).value(named(f"∂{of}/∂{by}"))
        assert np.allclose(found, slope(quantities, problem, of, by), rtol=1e-6, atol=1e-7)


def test_a_derivative_is_laid_out_as_its_variable_is(ps4: Assignment) -> None:
    quantities = question(ps4, "q1.1").quantities
    rows = next(name for name in quantities.layouts if "rows" in name)
    here = Evaluation(quantities, quantities.problems[0].values).value(named("∂J/∂W1"))
    way = NotationInterpretation(layout=rows)
    there = Evaluation(quantities, quantities.problems[0].values, way).value(named("∂J/∂W1"))
    assert np.array_equal(here.T, there)


@pytest.mark.parametrize("id", ["q3.1", "q3.2"])
def test_updates_descend_the_objective(ps4: Assignment, id: str) -> None:
    quantities = question(ps4, id).quantities
    for problem in quantities.problems[::3]:
        gradient = slope(quantities, problem, "objective", "θt")
        assert np.allclose(
            problem.values["θt+1"], problem.values["θt"] - problem.values["η"] * gradient, rtol=1e-5, atol=1e-8
        )

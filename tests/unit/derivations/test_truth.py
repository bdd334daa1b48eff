"""What answers are compared with is true: gradients as differences of the loss give them, updates as descent does."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import ModuleType

import numpy as np
import pytest
from grader.written.evaluate import Array
from grader.written.question import Question, World

from grader.assignments.catalogue import Assignment


@pytest.fixture
def written(ps4: Assignment) -> ModuleType:
    return importlib.import_module(ps4.checks[0].run.__module__.rpartition(".")[0] + ".written")


def question(ps4: Assignment, id: str) -> Question:
    return next(q for q in ps4.known_questions if q.id == id and isinstance(q, Question))


def slope(written: ModuleType, net: Mapping[str, Array], name: str, forward: bool) -> Array:
    """Central differences of the loss by one of the network's values."""
    step = 1e-6
    found = np.zeros_like(net[name])
    for place in np.ndindex(net[name].shape):
        sides = []
        for sign in (1, -1):
            moved = net[name].copy()
            moved[place] += sign * step
            values = {**net, name: moved}
            sides.append(written.loss(written.forward(values) if forward else values))
        found[place] = (sides[0] - sides[1]) / (2 * step)
    return found


@pytest.mark.parametrize("name", ["W1", "b1", "W2", "b2"])
def test_gradients_of_parameters_are_those_of_the_loss(ps4: Assignment, written: ModuleType, name: str) -> None:
    for world in question(ps4, "q1.1").worlds[::5]:
        found = slope(written, world.values, name, forward=True)
        assert np.allclose(found, world.truths[f"∂J/∂{name}"], rtol=1e-6, atol=1e-8)


def test_gradients_of_what_lies_between_are_those_of_the_loss(ps4: Assignment, written: ModuleType) -> None:
    for world in question(ps4, "q1.1").worlds[::5]:
        net, step = world.values, 1e-6
        by_a2 = [
            written.loss({**net, "h2": written.sigmoid(net["a2"] + sign * step)}) for sign in (1, -1)
        ]  # fmt: skip
        assert np.isclose((by_a2[0] - by_a2[1]) / (2 * step), world.truths["∂J/∂a2"], rtol=1e-6)
        for n in range(len(net["h1"])):
            sides = []
            for sign in (1, -1):
                h1 = net["h1"].copy()
                h1[n] += sign * step
                sides.append(written.loss({**net, "h2": written.sigmoid((net["W2"] @ h1).reshape(()) + net["b2"])}))
            assert np.isclose((sides[0] - sides[1]) / (2 * step), world.truths["∂J/∂h1"][n, 0], rtol=1e-6)


@pytest.mark.parametrize(("id", "penalty"), [("q3.1", lambda t: (t**2).sum()), ("q3.2", lambda t: np.abs(t).sum())])
def test_updates_descend_the_objective(ps4: Assignment, id: str, penalty: object) -> None:
    for world in question(ps4, id).worlds[::3]:
        assert np.allclose(world.truths["θt+1"], descended(world, penalty), rtol=1e-5, atol=1e-8)


def descended(world: World, penalty: object) -> Array:
    assert callable(penalty)
    theta, g, eta, lam = (world.values[n] for n in ("θt", "gt", "η", "λ"))
    by_penalty = np.zeros_like(theta)
    for n in range(len(theta)):
        nudge = np.zeros_like(theta)
        nudge[n] = 1e-6
        by_penalty[n] = (penalty(theta + nudge) - penalty(theta - nudge)) / 2e-6
    return np.asarray(theta - eta * (g + lam * by_penalty))


def test_sizes_tell_shapes_apart(ps4: Assignment) -> None:
    for world in question(ps4, "q1.5").worlds:
        hidden, inputs = world.values["W1"].shape
        assert len({1, hidden, inputs}) == 3


def test_the_questions_points_are_the_tables(ps4: Assignment) -> None:
    table = {id: question.points for id, question in ps4.questions.items()}
    assert {q.id: q.worth for q in ps4.known_questions} == {
        id: table[id] for id in ("q1.1", "q1.2", "q1.3", "q1.4", "q1.5", "q1.6", "q3.1", "q3.2")
    }


LOCAL = ["∂a1/∂b1", "∂a1/∂x", "∂a2/∂h1", "∂a2/∂W2", "∂a2/∂b2", "∂a2/∂a1", "∂a2/∂b1", "∂a2/∂W1", "∂a2/∂x", "∂h2/∂a2"]


@pytest.mark.parametrize("name", LOCAL)
def test_local_derivatives_are_those_of_the_forward_pass(ps4: Assignment, written: ModuleType, name: str) -> None:
    of, by = name.replace("∂", "").split("/")
    for world in question(ps4, "q1.1").worlds[::5]:
        net = world.values
        found = np.zeros_like(net[by])
        for place in np.ndindex(net[by].shape):
            sides = [_from(written, {**net, by: _moved(net[by], place, sign * 1e-6)}, by)[of] for sign in (1, -1)]
            found[place] = (sides[0] - sides[1]).sum() / 2e-6
        true = world.truths[name].sum(axis=0, keepdims=True) if of == "a1" and by == "x" else world.truths[name]
        assert np.allclose(
            found.ravel(), np.broadcast_to(true, true.shape or found.shape).ravel(), rtol=1e-6, atol=1e-8
        )


def _moved(a: Array, place: tuple[int, ...], step: float) -> Array:
    moved = a.copy()
    moved[place] += step
    return moved


def _from(written: ModuleType, net: Mapping[str, Array], by: str) -> Mapping[str, Array]:
    """What follows from the one value that was moved."""
    if by in ("x", "W1", "b1", "W2", "b2"):
        return dict(written.forward(net))
    h1 = written.sigmoid(net["a1"]) if by == "a1" else net["h1"]
    a2 = net["a2"] if by == "a2" else (net["W2"] @ h1).reshape(()) + net["b2"]
    return {**net, "h1": h1, "a2": a2, "h2": written.sigmoid(a2)}

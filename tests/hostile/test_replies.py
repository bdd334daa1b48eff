"""No damaged reply of a guest is an internal error: each ends in a report that every format can show."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.engine.grade import Scope, grade
from grader.intake.receive import receive
from grader.model import Limits, Raised, Report, Status, Unusable
from grader.render import as_json
from grader.sandbox.contract import Array, Sandbox
from tests.conftest import ROOT
from tests.hostile.replies import Damage, Damaged, DamagedReplies
from tests.hostile.test_hostile import rendered_safely

SOURCE = ROOT / "submissions" / "perfect" / "mlp.py"
RATES = (0.02, 0.05, 0.2, 0.5, 0.7)
CODE = Scope(code_only=True)
A_NUMBER_FOR_SCORES = 1227
"""A seed with which scores of several calls come as an array without axes."""


@pytest.fixture(scope="module")
def right() -> type:
    """Return the class of a right solution, in this process."""
    variables: dict[str, Any] = {"__name__": "right_mlp"}
    exec(compile(SOURCE.read_text("utf-8"), "/submission/mlp.py", "exec"), variables)
    found: type = variables["TwoLayerMLP"]
    return found


@pytest.fixture(scope="module")
def wrong(right: type) -> type:
    """A class whose faults lead the search for lines through every kind of traced call."""

    class Wrong(right):  # type: ignore[misc, valid-type]
        def loss(self, X: Array, y: Array | None = None, reg: float = 0.0) -> Any:
            answer = super().loss(X, y, reg)
            return answer if y is None else (2 * answer[0], {name: 3 * value for name, value in answer[1].items()})

    return Wrong


@pytest.fixture(scope="module")
def untrained(right: type) -> type:
    """The same, but that it spends no time on MNIST."""

    class Untrained(right):  # type: ignore[misc, valid-type]
        def train(self, X: Array, *rest: Any, **options: Any) -> Any:
            if len(X) < 1000:
                return super().train(X, *rest, **options)
            names = ("loss_history", "grad_magnitude_history", "train_acc_history", "val_acc_history")
            return {name: np.linspace(0, 1, 700) for name in names}

    return Untrained


@pytest.fixture(autouse=True)
def _numpy_warns_of_nothing() -> Iterator[None]:
    """The guest's own arithmetic may overflow here as it does inside a sandbox."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


def graded(ps4: Assignment, sandbox: Sandbox, scope: Scope = CODE) -> Report:
    return grade(receive("mlp.py", SOURCE.read_bytes(), "mlp.py"), ps4, sandbox, Seed(), scope)


def shown(report: Report) -> str:
    """The report as JSON, after every format has shown it."""
    rendered_safely(report)
    return as_json.dumps(report)


def damage_all(ps4: Assignment, found: type, seeds: Iterable[int], scope: Scope = CODE) -> int:
    """Grade once for each seed, and return how many replies were damaged."""
    damaged = 0
    for seed in seeds:
        damage = Damage(seed, RATES[seed % len(RATES)])
        report = graded(ps4, DamagedReplies(found, damage), scope)
        shown(report)
        assert len(as_json.dumps(replace(report, evidence=()))) < 500_000, f"seed {seed}"
        damaged += damage.damaged
    return damaged


def test_undamaged_replies_earn_everything(ps4: Assignment, right: type) -> None:
    assert graded(ps4, DamagedReplies(right, lambda reply: reply)).points == 34


@pytest.mark.long
def test_damaged_replies_end_in_a_report(ps4: Assignment, right: type, wrong: type) -> None:
    assert damage_all(ps4, right, [*range(10), A_NUMBER_FOR_SCORES]) > 150
    assert damage_all(ps4, wrong, range(10)) > 150


@pytest.mark.long
def test_damaged_replies_about_mnist_end_in_a_report(ps4: Assignment, untrained: type) -> None:
    assert damage_all(ps4, untrained, range(3, 8), Scope(only="q2.5", quick=True)) > 100


@pytest.mark.proof
def test_ten_thousand_damaged_replies_end_in_reports(
    ps4: Assignment, right: type, wrong: type, untrained: type
) -> None:
    damaged, seed = 0, 1000
    while damaged < 10_000:
        damaged += damage_all(ps4, right, range(seed, seed + 5))
        damaged += damage_all(ps4, wrong, range(seed + 5, seed + 10))
        damaged += damage_all(ps4, untrained, range(seed, seed + 2), Scope(only="q2.5", quick=True))
        seed += 10


# ── what the damage has found, one by one ────────────────────────────────────────────────────────────


def asked(reply: Any) -> Any:
    """Return the session's answer to this reply."""
    session = Damaged(object, lambda _honest: reply, Limits(), {})
    try:
        return session.request(["get", 0, "params"], 1)
    finally:
        session.close()


@pytest.mark.parametrize("kind", [np.zeros(0), np.zeros(3), np.zeros(()), None, ["value"], {"": 1}, 1])
def test_an_answer_whose_kind_is_no_text_breaks_the_protocol(kind: Any) -> None:
    answer = asked([kind, 1])
    assert isinstance(answer, Unusable)
    assert answer.detail.startswith("the process broke the protocol (it sent an unknown kind of answer)")


def test_a_parameter_without_a_name_costs_nothing(ps4: Assignment, right: type) -> None:
    def nameless(reply: list[Any]) -> list[Any]:
        if reply[0] == "several":
            return ["several", [nameless(one) for one in reply[1]]]
        if reply[0] == "value" and type(reply[1]) is dict and "W1" in reply[1]:
            return ["value", reply[1] | {"": np.zeros(3)}]
        return reply

    assert graded(ps4, DamagedReplies(right, nameless)).points == 34


def test_forged_texts_are_cut(ps4: Assignment, right: type) -> None:
    text = "x" * 100_000
    raised = asked(["raised", text, text, text, 3, text, 1])
    assert isinstance(raised, Raised)
    assert raised.place is not None
    assert sum(map(len, (raised.kind, raised.message, raised.place.file, raised.source))) < 5_000
    why = asked(["unusable", text])
    assert isinstance(why, Unusable)
    assert len(why.detail) <= 2_000

    def forged(reply: list[Any]) -> list[Any]:
        loads = type(reply[1]) is dict and "source" in reply[1]
        return reply if loads else ["raised", text, text, text, 3, text, 1]

    report = graded(ps4, DamagedReplies(right, forged))
    assert len(shown(report)) < 500_000
    assert {c.status for c in report.checks if not c.id.startswith("q2.5")} == {Status.FAILED}


def test_a_forged_description_of_the_class_is_cut(ps4: Assignment, right: type) -> None:
    def forged(reply: list[Any]) -> list[Any]:
        if type(reply[1]) is dict and "source" in reply[1]:
            text = "x" * 5_000
            notes = [["added", text, text]] * 50
            names = {"source": text, "names": [text] * 90}
            return ["value", names | {"cells": np.ones(9999), "notes": notes}]
        return reply

    report = graded(ps4, DamagedReplies(right, forged))
    assert report.points == Fraction(34)
    assert len(shown(report)) < 500_000

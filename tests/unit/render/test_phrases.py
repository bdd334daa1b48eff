"""Phrases for failed calls, as checks make them."""

from dataclasses import replace
from fractions import Fraction

import pytest

from grader.kit.answer import Answer
from grader.kit.claim import call_failure
from grader.model import CheckResult, Died, FailedCall, Limit, Place, Raised, Status, Stopped, Unusable
from grader.render.phrases import caret, fixes, reason_phrase, stopper
from tests.unit.render import samples

NUMPY = (
    "module 'numpy' has no attribute 'float'. `np.float` was a deprecated alias for the builtin `float`. To avoid this "
    "error in existing code, use `float` by itself. Doing this will not modify any behavior and is safe. The aliases "
    "was originally deprecated in NumPy 1.20; for more details and guidance see the original release note"
)


def lost(what, happened, id="q2.2.W1"):
    """The check whose call ended so."""
    verdict = call_failure(Answer(what, happened))
    return CheckResult(
        id,
        "",
        Fraction(0),
        Fraction(3),
        Status.FAILED,
        verdict.reason,
        place=verdict.place,
        source=verdict.source,
        failed_call=verdict.call,
    )


def test_a_failure_is_told_apart_from_the_call_that_met_it():
    raised = Raised("NotImplementedError", "GAP 1: compute (a: b)", Place("mlp.py", 64))
    assert lost("loss(X, y, reg=0.1)", raised).failed_call == FailedCall(
        "loss(X, y, reg=0.1)",
        "NotImplementedError: GAP 1: compute (a: b)",
        "This part still waits to be written",
        raised_at=Place("mlp.py", 64),
    )


def test_where_an_exception_was_raised_is_said_beside_another_line():
    check = lost("loss(X, y)", Raised("IndexError", "out of bounds", Place("mlp.py", 47)))
    assert "47" not in reason_phrase(check)
    assert (
        reason_phrase(replace(check, place=Place("mlp.py", 41)))
        == "loss(X, y): IndexError: out of bounds; raised at mlp.py:47"
    )


@pytest.mark.parametrize(
    "happened",
    [Stopped(Limit.CPU, 10.0), Died("it ended: so"), Unusable("no class"), Raised("KeyError", "'W1'")],
)
def test_so_is_one_without_a_place(happened):
    found = lost("grads['W1'], called a second time,", happened).failed_call
    assert found is not None
    assert found.call == "grads['W1'], called a second time,"


def test_an_answer_that_is_wrong_is_no_failure():
    assert samples.perfect().checks[0].failed_call is None
    assert all(c.failed_call is None for c in samples.wrong().first_to_fix)


def test_a_syntax_error_keeps_its_column():
    raised = Raised("SyntaxError", "'(' was never closed", Place("mlp.py", 4), "    def f(self:", caret=10)
    found = lost("params", raised).failed_call
    assert found is not None
    assert (found.error, found.column) == ("SyntaxError: '(' was never closed", 10)


def test_our_sentence_stands_before_a_long_one_of_numpys():
    said = reason_phrase(lost("loss(X)", Raised("AttributeError", NUMPY, Place("mlp.py", 36))))
    assert said.startswith("Newer numpy has removed np.float: write float (")
    assert len(said) < 300


def report_of(*checks):
    (part,) = samples.code_only().parts
    return replace(samples.code_only(), parts=(replace(part, checks=checks),))


def test_one_failure_that_many_calls_meet_is_one_thing_to_fix():
    raised = Raised("NotImplementedError", "GAP 1", Place("mlp.py", 64))
    checks = [lost(f"grads['{n}']", raised, f"q2.2.{n}") for n in ("W1", "b1")]
    (fix,) = fixes(report_of(*checks))
    assert fix.lost == 6
    assert fix.reason == "This part still waits to be written (NotImplementedError: GAP 1)"


def test_advice_is_told_apart_where_there_is_no_place_either():
    raised = Raised(
        "TypeError", "Net.loss() missing 1 required positional argument: 'y'", before="Net(…) cannot be made"
    )
    found = lost("params", raised).failed_call
    assert found is not None
    assert found.call == "Net(…) cannot be made"
    assert found.advice.startswith("loss() does not accept the arguments of this call")
    assert found.error == "TypeError: Net.loss() missing 1 required positional argument: 'y'"


def test_so_is_a_thing_that_every_name_lacks():
    checks = [lost(f"grads['{n}']", Unusable(f"grads has no '{n}'"), f"q2.2.{n}") for n in ("W1", "b1")]
    assert len(fixes(report_of(*checks))) == 1


def test_two_lines_are_two_things_to_fix():
    checks = [lost("loss(X)", Raised("ValueError", "x", Place("mlp.py", line)), f"q2.2.{line}") for line in (3, 4)]
    assert len(fixes(report_of(*checks))) == 2


def test_an_accuracy_that_only_follows_comes_last_and_is_not_what_to_fix_first():
    mistake = replace(lost("loss(X)", Unusable("no")), possible=Fraction(1))
    accuracy = replace(
        samples.wrong().checks[0], id="q2.5.relu.accuracy", status=Status.FAILED, points=Fraction(0), outcome=True
    )
    report = report_of(mistake, accuracy)
    assert [fix.first for fix in fixes(report)] == [mistake, accuracy]
    assert report.first_to_fix == (mistake,)
    assert report_of(accuracy).first_to_fix == (accuracy,)


def test_nothing_runs_where_every_check_met_a_failure():
    checks = [lost("params", Unusable("no class"), f"q2.2.{n}") for n in ("W1", "b1")]
    stopped = stopper(report_of(*checks))
    assert stopped is not None
    assert stopped.checks == tuple(checks)
    gap = lost("train(X)", Raised("NotImplementedError", "GAP 3", Place("mlp.py", 64)), "q2.2.step")
    assert stopper(report_of(*checks, gap)).checks == (gap,)  # what else fails may follow from it
    assert [fix.first for fix in fixes(report_of(*checks, gap))] == [checks[0], gap]
    assert stopper(samples.very_wrong()) is None
    assert stopper(samples.perfect()) is None


@pytest.mark.parametrize(
    ("source", "column", "shown"),
    [
        ("    def f(self:", 10, "def f(self:\n     ^"),
        ("x = (", 5, "x = (\n    ^"),
        ("\tprint 'é'", 2, "print 'é'\n^"),
        ("a\x1b(", 3, "a\\x1b(\n     ^"),
        ("", 9, "\n^"),
    ],
)
def test_a_caret_stands_under_the_column(source, column, shown):
    assert caret(source, column) == shown

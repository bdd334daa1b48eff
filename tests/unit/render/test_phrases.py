"""Phrases for failed calls, as checks make them."""

from dataclasses import replace
from fractions import Fraction

import pytest

from grader.kit.answer import Answer
from grader.kit.verdict import call_failure
from grader.model import CheckResult, FailedCall, Place, Raised, SourceLine, Status, Unusable
from grader.render.phrases import caret, fixes, plain, reason_phrase, stopper
from tests.unit.render import samples


def lost(what, happened, id="q2.2.W1"):
    """The check whose call ended so."""
    verdict = call_failure(Answer(what, happened))
    return CheckResult(
        id, "", Fraction(0), Fraction(3), Status.FAILED, verdict.reason, line=verdict.line, failed_call=verdict.call
    )


@pytest.mark.parametrize(
    ("latex", "text"),
    [(r"\nabla_b J", "∇_b J"), (r"\begin{pmatrix}\end{pmatrix}", r"\begin{pmatrix}\end{pmatrix}")],
)
def test_latex_is_plain_text_or_as_it_was_written(latex, text):
    assert plain(latex) == text


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
        reason_phrase(replace(check, line=SourceLine("mlp.py", 41, "h = X @ W1")))
        == "loss(X, y): IndexError: out of bounds; raised at mlp.py:47"
    )


def report_of(*checks):
    (part,) = samples.code_only().parts
    return replace(samples.code_only(), parts=(replace(part, checks=checks),))


def test_an_accuracy_that_only_follows_comes_last_and_is_not_what_to_fix_first():
    mistake = replace(lost("loss(X)", Unusable("no")), possible=Fraction(1))
    accuracy = replace(
        samples.wrong().checks[0], id="q2.5.relu.accuracy", status=Status.FAILED, points=Fraction(0), outcome=True
    )
    report = report_of(mistake, accuracy)
    assert [fix.first for fix in fixes(report)] == [mistake, accuracy]
    assert report.first_to_fix == (mistake.id,)
    assert report_of(accuracy).first_to_fix == (accuracy.id,)


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

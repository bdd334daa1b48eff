import io
from dataclasses import replace

from rich.console import Console

from grader.model import Status
from grader.render.terminal import Terminal
from tests.unit.render import samples


def shown(report, width=120):
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(Terminal(report))
    return console.file.getvalue()


def test_every_lost_check_and_its_reason_are_shown():
    typical = samples.wrong()
    text = " ".join(shown(typical).split())
    for check in typical.lost:
        assert check.reason[:30] in text


def test_both_kernels_are_named_where_they_differ():
    report = samples.wrong()
    assert "numpy 2.4.6, Haswell kernel\n" in shown(report)
    elsewhere = replace(report, environment=replace(report.environment, grader_kernel="SkylakeX"))
    assert "Haswell kernel (SkylakeX for the reference)" in shown(elsewhere)


def test_nothing_of_a_student_reaches_the_terminal_as_a_command():
    text = shown(samples.hostile())
    assert "\x1b" not in text
    assert "‮" not in text


def test_code_that_was_not_submitted_is_said_once_and_is_no_zero():
    text = " ".join(shown(samples.without_code()).split())
    assert (
        text.count(
            "mlp.py was not submitted, and no notebook defines a class TwoLayerMLP: submit the file with your code too."
        )
        == 1
    )
    assert "Nothing graded" in text
    assert " 0/" not in text
    assert "0 of 0" not in text


def test_a_lost_check_points_at_no_check_that_is_not_decided():
    cause = replace(samples.MISSING_1_OVER_N, reason="mlp.py raised KeyError: 'h'.")
    report = samples.losing({"q2.1.scores": cause, "q2.2.W1": cause, "q2.4.backward.W1": cause})
    assert "→ W1: as in q2.1" in shown(report)
    first, *rest = (part for part in report.parts if part.checks)
    undecided = replace(first, checks=tuple(replace(check, status=Status.NOT_RUN) for check in first.checks))
    text = shown(replace(report, parts=(undecided, *rest)))
    assert "→ W1: mlp.py raised KeyError: 'h'." in text
    assert "→ backward.W1: as in q2.2" in text

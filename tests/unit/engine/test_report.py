"""Findings → report: points exact, ids as in the table, and what waits is never a zero."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.assignments.catalogue import Assignment
from grader.assignments.manifest import Policy, WrittenTable
from grader.derivations.locate import locate
from grader.engine.finding import SectionResult, check_result
from grader.engine.report import assemble
from grader.intake.receive import receive, receive_files
from grader.kit.diagnosis import JudgedCheck, Mistake
from grader.kit.verdict import Verdict, failed, passed
from grader.model import (
    CheckResult,
    Comparison,
    Environment,
    Judgement,
    Loaded,
    Note,
    NoteKind,
    Opinion,
    Report,
    SourceLine,
    Status,
    Submission,
    Usage,
    show_points,
)
from tests.conftest import MakeNotebook

HALF = Fraction(1, 2)
ENVIRONMENT = Environment("0", "3", "2", "blas", "kernel", 1, "none")
MLP = b"class Sums:\n    def add(self, a, b):\n        return a * b\n"


def outcome(**judged: Verdict | JudgedCheck) -> dict[str, JudgedCheck]:
    return {name: j if isinstance(j, JudgedCheck) else JudgedCheck(j) for name, j in judged.items()}


def report(
    toy: Assignment,
    judged: Mapping[str, Mapping[str, JudgedCheck]],
    submission: Submission | None = None,
    **options: Any,
) -> Report:
    shows_values = options.get("shows_values", True)

    def result(section: str, name: str) -> CheckResult:
        id, points = f"{section}.{name}", toy.section_points(section)[name]
        return check_result(id, "A title", points, judged[section][name], shows_values=shows_values, is_outcome=False)

    submission = submission or receive("mlp.py", MLP, "mlp.py")
    return assemble(
        submission,
        toy,
        [SectionResult(s, tuple(result(s, name) for name in names), Usage(0.5, 1.0)) for s, names in judged.items()],
        "public",
        "full",
        ENVIRONMENT,
        options.get("loaded", Loaded("mlp.py", ("Sums",), ())),
        options.get("wants", lambda _section: True),
        locate(submission.notebooks, toy.handout, toy.manifest.labels),
        options.get("opinions", {}),
    )


PROVEN = Opinion((Judgement("", Comparison.EQUAL, Fraction(3, 2), Fraction(3, 2), "", automatic=True),))
DOUBTFUL = Opinion((Judgement("", Comparison.EQUAL, Fraction(3, 2), Fraction(3, 2), ""),))


@pytest.mark.parametrize(
    ("policy", "opinion", "decided"),
    [
        ("suggest", PROVEN, False),
        ("full-marks-only", PROVEN, True),
        ("full-marks-only", DOUBTFUL, False),
        ("full-marks-only", None, False),
    ],
)
def test_a_proven_answer_has_its_points_only_where_the_policy_lets_it(
    toy: Assignment, policy: Policy, opinion: Opinion | None, decided: bool
) -> None:
    opinions = {"q1.1.written": opinion} if opinion else {}
    manifest = toy.manifest.model_copy(update={"written": WrittenTable(policy=policy)})
    made = report(replace(toy, manifest=manifest), {}, opinions=opinions)
    (written,) = made.written
    assert (written.opinion, written.decided) == (opinion, decided)
    points = Fraction(3, 2) if decided else 0
    assert (made.points, made.decided, made.waiting) == (points, points, made.possible - points)


def test_points_add_up_exactly(toy: Assignment) -> None:
    made = report(
        toy, {"q1.1": outcome(small=Verdict(HALF, "half"), large=passed()), "q1.2": outcome(negative=failed("no"))}
    )
    assert (made.points, made.decided, made.waiting, made.possible) == (
        Fraction(11, 8), Fraction(4), Fraction(3, 2), Fraction(11, 2),
    )  # fmt: skip
    assert all(type(p) is Fraction for p in (made.points, made.decided, made.waiting, made.possible))


@pytest.mark.parametrize(
    ("verdict", "status"),
    [(passed(), Status.PASSED), (Verdict(HALF, "half"), Status.PARTIAL), (failed("no"), Status.FAILED)],
)
def test_a_status_follows_from_the_credit(toy: Assignment, verdict: Verdict, status: Status) -> None:
    check = report(toy, {"q1.2": outcome(negative=verdict)}).checks[-1]
    assert (check.status, check.reason) == (status, verdict.reason)


def test_what_was_not_run_is_no_zero(toy: Assignment) -> None:
    made = report(toy, {"q1.2": outcome(negative=passed())})
    assert [c.status for c in made.checks] == [Status.NOT_RUN, Status.NOT_RUN, Status.PASSED]
    assert (made.points, made.decided, made.waiting) == (2, 2, Fraction(7, 2))
    assert made.first_to_fix == ()


def test_what_cannot_be_decided_here_is_not_run_and_no_zero(toy: Assignment) -> None:
    check = report(toy, {"q1.2": outcome(negative=JudgedCheck(failed("graded after you submit"), open=True))}).checks[
        -1
    ]
    assert (check.status, check.reason) == (Status.NOT_RUN, "graded after you submit")


def test_written_answers_wait_whether_found_or_not(toy: Assignment, make_notebook: MakeNotebook) -> None:
    notebook = make_notebook(("markdown", "# Adding"), ("markdown", "Q1.1 solution: because"))
    without = report(toy, {})
    answered = report(toy, {}, receive_files([("mlp.py", MLP), ("ps4.ipynb", notebook)]))
    for made, found, answer, cells in ((without, False, "", ()), (answered, True, "because", (2,))):
        written = made.parts[0].written[0]
        assert (written.found, written.answer, written.cells) == (found, answer, cells)
        assert (written.possible, made.points) == (Fraction(3, 2), 0)


def test_parts_that_are_not_wanted_are_left_out(toy: Assignment) -> None:
    made = report(toy, {"q1.2": outcome(negative=passed())}, wants=lambda name: name.startswith("q1.2"))
    assert ([p.id for p in made.parts], made.possible) == (["q1.2"], 2)


def test_a_known_mistake_speaks_before_the_numbers(toy: Assignment) -> None:
    judged = JudgedCheck(
        failed("off by 3", "yours 4, ours 1"), (Mistake("times", "add", "Add instead of multiplying."),)
    )
    check = report(toy, {"q1.2": outcome(negative=judged)}).checks[-1]
    assert check.reason == "Add instead of multiplying. (off by 3; yours 4, ours 1)"
    assert (check.mistake, check.cause, check.failed_call) == ("times", "Add instead of multiplying.", None)


def test_values_are_shown_only_where_they_may_be(toy: Assignment) -> None:
    wrong = outcome(negative=failed("off by 3", "yours 4, ours 1"))
    assert [report(toy, {"q1.2": wrong}, shows_values=shown).checks[-1].reason for shown in (True, False)] == [
        "off by 3; yours 4, ours 1",
        "off by 3",
    ]


def test_a_line_that_raised_is_the_place(toy: Assignment) -> None:
    raised = Verdict(Fraction(0), "ValueError", line=SourceLine("mlp.py", 2, "def add"))
    check = report(toy, {"q1.2": outcome(negative=raised)}).checks[-1]
    assert check.line == SourceLine("mlp.py", 2, "def add")


def test_another_name_of_the_class_is_remarked(toy: Assignment) -> None:
    made = report(toy, {}, loaded=Loaded("mlp.py", ("Sum", "add"), ()))
    assert made.remarks == ("the class is called Sum; the handout calls it Sums (accepted)",)


@pytest.mark.parametrize("kind", NoteKind)
def test_what_happened_while_loading_is_remarked(toy: Assignment, kind: NoteKind) -> None:
    note = Note(kind, "net.ipynb cell 3", "the reason {why}")
    made = report(toy, {}, loaded=Loaded("mlp.py", ("Sums",), (), (note,)))
    (remark,) = made.remarks
    assert remark.startswith("net.ipynb cell 3 ")
    assert "the reason {why}" in remark or "mlp.py" in remark


def test_files_have_the_names_that_their_student_knows(toy: Assignment) -> None:
    submission = receive("Doe (final).py", MLP, "mlp.py")
    wrong = Verdict(HALF, "add(…): ValueError: no (mlp.py:3)", line=SourceLine("mlp.py", 3, ""))
    note = Note(NoteKind.SKIPPED, "mlp.py, line 9", "x (mlp.py, line 9)")
    loaded = Loaded("mlp.py", ("Sums",), (), (note,))
    made = report(toy, {"q1.2": outcome(negative=wrong)}, submission, loaded=loaded)
    (check,) = [c for c in made.checks if c.id == "q1.2.negative"]
    assert (made.submission.files, made.submission.graded and made.submission.graded.source) == (
        ("Doe (final).py",),
        "Doe (final).py",
    )
    assert (check.reason, str(check.place)) == ("add(…): ValueError: no (Doe (final).py:3)", "Doe (final).py:3")
    assert made.remarks[0].startswith("Doe (final).py, line 9 failed and was left out (x (Doe (final).py, line 9))")


def test_of_several_notebooks_it_says_whose_code_and_whose_answers_count(
    toy: Assignment, make_notebook: MakeNotebook
) -> None:
    first = make_notebook(("markdown", "Q1.1 solution\nfirst"), ("markdown", "Q1.2 solution\nonly here"))
    second = make_notebook(("markdown", "Q1.1 solution\nsecond"), ("code", "class Sums: pass"))
    submission = receive_files([("a.ipynb", first), ("b.ipynb", second)])
    made = report(toy, {}, submission, loaded=Loaded("b.ipynb", ("Sums",), (2,)))
    assert made.written[0].answer == "second"
    assert made.remarks == (
        "2 notebooks were submitted; the code of b.ipynb was graded",
        "a.ipynb answers q1.1.written too; the answer in b.ipynb counts",
        "the written answers to q1.1.written are those of b.ipynb",
    )


@given(st.integers(0, 10_000))
def test_points_are_shown_as_they_are(hundredths: int) -> None:
    points = Fraction(hundredths, 100)
    assert Fraction(show_points(points)) == points
    assert not show_points(points).endswith((".", ".0"))

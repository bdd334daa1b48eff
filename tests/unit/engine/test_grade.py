"""One submission, graded: our bugs are raised, the student's are values, and neither becomes the other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from grader.assignments import catalogue
from grader.assignments.catalogue import Assignment
from grader.assignments.public_problems import PublicProblemCache
from grader.assignments.seeds import Seed
from grader.engine.grade import Progress, Scope, grade, grade_code
from grader.errors import BadCall, BrokenCheck
from grader.intake.receive import receive, receive_path
from grader.model import Limits, Report, Status
from grader.render.as_json import dumps, loads
from grader.sandbox.contract import Array, Sandbox, Session
from tests.conftest import ROOT, TOY_CHECKS, TOY_SOLUTION, TOY_TOML, MakeAssignment, MakeNotebook, Submit

CHANNEL = """\
import os
import stat

def channel():
    for fd in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                return fd
        except OSError:
            pass

"""

RAISES = "    raise ZeroDivisionError('a bug of ours')\n"

LONG_TOML = f"""{TOY_TOML}
[[long]]
name = "the long one"
sections = ["q1.2"]
cpu_seconds = 5
"""
"""The toy, with a long check."""


def told(report: Report) -> str:
    """The report without what it cost."""
    return json.dumps(json.loads(dumps(report)) | {"usage": None})


def earned(report: Report) -> list[str]:
    return [c.id for c in report.checks if c.status is Status.PASSED]


# ── our bugs ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "checks",
    [
        TOY_CHECKS.replace('"""Large numbers."""\n', f'"""Large numbers."""\n{RAISES}'),
        TOY_CHECKS.replace("    yield from draw.random", f"{RAISES}    yield from draw.random"),
        TOY_CHECKS.replace("lambda truth: near(answer, -1.0)", "lambda truth: 1 / 0"),
        TOY_CHECKS.replace("lambda truth: near(answer, -1.0)", "lambda truth: truth.no_such_thing()"),
        TOY_CHECKS.replace("near(answer, -1.0)", "near(answer, 'minus one')"),
        TOY_CHECKS.replace('claim("negative"', 'claim("nobody"'),
        TOY_CHECKS.replace('    yield claim("negative", lambda truth: near(answer, -1.0))\n', "    yield from ()\n"),
    ],
    ids=["raises", "draws badly", "judges badly", "asks the truth badly", "wants a word", "claims more", "claims less"],
)
def test_a_broken_check_is_ours_and_not_a_zero(
    make_assignment: MakeAssignment, sandbox: Sandbox, submit: Submit, checks: str
) -> None:
    assert checks != TOY_CHECKS
    toy = catalogue.load(make_assignment(checks=checks))
    with pytest.raises(BrokenCheck, match=r"q1\.[12]"):
        grade(submit(TOY_SOLUTION), toy, sandbox, Seed())


@pytest.mark.parametrize("wrong", ["lambda truth: {}['answer']", "near(answer, {}['answer'])"])
def test_a_check_or_judgement_that_raises_is_told_with_its_file_and_line(
    make_assignment: MakeAssignment, sandbox: Sandbox, submit: Submit, wrong: str
) -> None:
    checks = TOY_CHECKS.replace("lambda truth: near(answer, -1.0)", wrong)
    number = next(n for n, line in enumerate(checks.splitlines(), start=1) if wrong in line)
    toy = catalogue.load(make_assignment(checks=checks))
    with pytest.raises(BrokenCheck, match=rf"toy/checks.py, line {number}: q1.2\S* raised KeyError: 'answer'"):
        grade(submit(TOY_SOLUTION), toy, sandbox, Seed())


def test_a_claim_that_builds_on_no_check_names_the_id(
    make_assignment: MakeAssignment, sandbox: Sandbox, submit: Submit
) -> None:
    checks = TOY_CHECKS.replace("near(answer, -1.0)", "near(answer, -1.0), given=['q1.1', 'q1.1.smal']")
    toy = catalogue.load(make_assignment(checks=checks))
    message = (
        "toy/checks.py: the claim 'negative' of q1.2:negative has 'q1.1.smal' in given=, which is no section or check"
    )
    with pytest.raises(BrokenCheck, match=message):
        grade(submit(TOY_SOLUTION), toy, sandbox, Seed())


def test_a_check_that_calls_no_method_of_the_class_names_it(
    make_assignment: MakeAssignment, sandbox: Sandbox, submit: Submit
) -> None:
    folder = make_assignment(checks=TOY_CHECKS.replace('call("add", *pair)', 'call("ad", *pair)'))
    (folder / "reference.py").write_text(TOY_SOLUTION)
    with pytest.raises(BrokenCheck, match=r"toy/checks.py: q1.1:small calls 'ad', which is neither"):
        grade(submit(TOY_SOLUTION), catalogue.load(folder), sandbox, Seed())


def test_a_training_is_broken_off_even_while_its_data_is_being_prepared(
    make_assignment: MakeAssignment, sandbox: Sandbox, submit: Submit
) -> None:
    checks = TOY_CHECKS.replace('"""Large numbers."""\n', f'"""Large numbers."""\n{RAISES}')
    checks = checks.replace(
        '    yield claim("negative"',
        "    Path(__file__).with_name('answered').write_text(str(answer.failure))\n    yield claim(\"negative\"",
    )
    checks += "\n\ndef shared(quick):\n    time.sleep(1)\n    return {}\n"
    folder = make_assignment(LONG_TOML, f"import time\nfrom pathlib import Path\n\n{checks}")
    with pytest.raises(BrokenCheck):
        grade(submit(TOY_SOLUTION), catalogue.load(folder), sandbox, Seed())
    assert "broken off" in (folder / "answered").read_text()


# ── code that was not submitted ──────────────────────────────────────────────────────────────────────


def test_code_that_was_not_submitted_waits_and_needs_no_sandbox(toy: Assignment, make_notebook: MakeNotebook) -> None:
    answered = make_notebook(("markdown", "Q1.1 solution\nbecause"), ("code", "from sums import Sums"))
    report = grade(receive("ps4.ipynb", answered, "mlp.py"), toy, Unreachable(), Seed())
    assert (report.submission.code_submitted, report.decided, report.code_absent) == (False, 0, 4)
    assert {(c.status, c.reason) for c in report.checks} == {
        (
            Status.NOT_SUBMITTED,
            "sums.py was not submitted, and no notebook defines a class Sums: submit the file with your code too.",
        )
    }
    assert [w.found for w in report.written] == [True]
    assert loads(dumps(report)).submission.code_submitted is False


class Unreachable:
    name = "none"

    def session(self, limits: Limits, shared: Mapping[str, Array]) -> Session:
        raise AssertionError("nothing is to be run")

    def close(self) -> None: ...


def test_a_scope_that_names_nothing_is_a_bad_call(toy: Assignment, sandbox: Sandbox, submit: Submit) -> None:
    with pytest.raises(BadCall, match=r"--only q9: no such part or check \(choose from: handout, q1.1, q1.2\)"):
        grade(submit(TOY_SOLUTION), toy, sandbox, Seed(), Scope(only="q9"))


# ── the student's ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("disaster", "says"),
    [
        ("import os; os._exit(0)", "the Python process ended in the middle of the call"),
        ("import ctypes; ctypes.string_at(0)", "by signal 11 (Segmentation fault): compiled code crashed"),
        ("while True: pass", "more than 1 CPU seconds"),
        ("raise SystemExit", "Remove exit()"),
        ("import sys; sys.setrecursionlimit(10**9); f = lambda: f(); f()", ""),
        ("os.write(channel(), b'\\1' + bytes(11) + b'\\xc1' * 100)", "the process broke the protocol"),
    ],
)
def test_a_disaster_in_one_check_costs_that_check_only(
    toy: Assignment, sandbox: Sandbox, submit: Submit, disaster: str, says: str
) -> None:
    source = CHANNEL + TOY_SOLUTION.replace(
        "        return a + b", f"        if a == 1e9:\n            {disaster}\n        return a + b"
    )
    report = grade(submit(source), toy, sandbox, Seed())
    assert earned(report) == ["q1.1.small", "q1.2.negative"]
    assert says in report.checks[1].reason


@pytest.mark.parametrize(
    "answer",
    [
        "return {f'{i:0200}': i for i in range(9_000)}",
        "raise ValueError('x' * 1_000_000)",
        "raise type('E' * 1_000_000, (Exception,), {})",
        "return type('E' * 1_000_000, (), {})()",
        "x = " + "+ ".join(["a"] * 50_000) + "; raise ValueError",
    ],
    ids=["many keys", "a long message", "a long name of an error", "a long name of a type", "a long line"],
)
def test_a_report_stays_small_whatever_the_student_answers(
    toy: Assignment, sandbox: Sandbox, submit: Submit, answer: str
) -> None:
    source = TOY_SOLUTION.replace("return a + b", answer)
    assert len(dumps(grade(submit(source), toy, sandbox, Seed()))) < 50_000


# ── the same answer everywhere ───────────────────────────────────────────────────────────────────────


@pytest.mark.long
def test_a_check_alone_says_what_it_says_in_a_full_grading(ps4: Assignment, sandbox: Sandbox, submit: Submit) -> None:
    partly = submit((ROOT / "submissions" / "partly" / "mlp.py").read_text())
    whole = {c.id: c for c in grade(partly, ps4, sandbox, Seed(), Scope(code_only=True)).checks}
    for only in ("q2.2.W1", "q2.3.decay"):
        alone = [c for c in grade(partly, ps4, sandbox, Seed(), Scope(only=only)).checks]
        assert alone == [whole[c.id] for c in alone]
        assert any(c.id.startswith(only) for c in alone)


def test_a_secret_seed_shows_no_value_of_ours(ps4: Assignment, sandbox: Sandbox, submit: Submit, perfect: str) -> None:
    wrong = submit(perfect.replace("return loss, grads", "return loss + (reg > 0.5) * 0.123, grads"))
    scope, secrets = Scope(only="q2.1"), (Seed(), Seed(b"secret"))
    public, secret = (grade(wrong, ps4, sandbox, seed, scope).checks for seed in secrets)
    assert [("expected" in c.reason) for c in public if c.id == "q2.1.loss"] == [True]
    assert [("expected" in c.reason) for c in secret if c.id == "q2.1.loss"] == [False]
    assert [c.status for c in public] == [c.status for c in secret]
    everywhere = submit(perfect.replace("return loss, grads", "return loss + 0.123, grads"))
    published = grade(everywhere, ps4, sandbox, secrets[1], scope).checks[0]
    assert "expected 1.18224" in published.reason


@pytest.mark.parametrize("seed", [Seed(), Seed(b"secret")], ids=["public", "secret"])
def test_problems_are_drawn_and_judged_with_one_truth(ps4: Assignment, sandbox: Sandbox, seed: Seed) -> None:
    made: list[tuple[str, frozenset[str]]] = []

    def truths(interpretation: str, assumed: frozenset[str]) -> object:
        made.append((interpretation, assumed))
        return ps4.truths(interpretation, assumed)

    counted = replace(ps4, truths=truths, public_cache=PublicProblemCache(truths))
    submission = receive_path(ROOT / "submissions" / "perfect", "mlp.py")
    grade(submission, counted, sandbox, seed, Scope(only="q2.2"))
    assert made == [(ps4.interpretations[0].id, frozenset())]


def test_many_seeds_in_one_session_say_what_single_gradings_say(
    toy: Assignment, sandbox: Sandbox, submit: Submit
) -> None:
    wrong = submit(TOY_SOLUTION.replace("return a + b", "return a - b"))
    seeds = [Seed(b"one"), Seed(b"two")]
    together = [told(r) for r in grade_code(wrong, toy, sandbox, seeds)]
    assert together == [told(grade(wrong, toy, sandbox, seed, Scope(code_only=True))) for seed in seeds]


# ── scopes and watchers ──────────────────────────────────────────────────────────────────────────────


def test_long_checks_that_are_left_out_are_not_run(
    make_assignment: MakeAssignment, sandbox: Sandbox, submit: Submit
) -> None:
    toy = catalogue.load(make_assignment(toml=LONG_TOML))
    report = grade(submit(TOY_SOLUTION), toy, sandbox, Seed(), Scope(code_only=True))
    assert [c.status for c in report.checks] == [Status.PASSED, Status.PASSED, Status.NOT_RUN]
    assert report.scope.label == "without the long one"


def test_a_file_that_cannot_be_loaded_loses_everything_for_that_one_reason_and_waits_for_no_data(
    make_assignment: MakeAssignment, sandbox: Sandbox, submit: Submit
) -> None:
    shared = "\n\ndef shared(quick):\n    Path(__file__).with_name('prepared').touch()\n    return {}\n"
    folder = make_assignment(LONG_TOML, f"from pathlib import Path\n\n{TOY_CHECKS}{shared}")
    report = grade(submit("class Sums:\n    def add(self, a, b)\n"), catalogue.load(folder), sandbox, Seed())
    assert not (folder / "prepared").exists()
    assert report.points == 0
    ((status, reason),) = {(c.status, c.reason) for c in report.checks}
    assert status is Status.FAILED
    assert "mlp.py:2" in reason
    assert "SyntaxError" in reason
    grade(submit(TOY_SOLUTION), catalogue.load(folder), sandbox, Seed())
    assert (folder / "prepared").exists()


def test_whoever_watches_sees_every_section_begin_and_end(toy: Assignment, sandbox: Sandbox, submit: Submit) -> None:
    seen: list[Progress] = []
    grade(submit(TOY_SOLUTION), toy, sandbox, Seed(), watch=seen.append)
    assert [(p.section, p.done) for p in seen] == [("q1.1", False), ("q1.1", True), ("q1.2", False), ("q1.2", True)]


def test_the_handouts_own_checks_alone(ps4: Assignment, sandbox: Sandbox, submit: Submit, perfect: str) -> None:
    report = grade(submit(perfect), ps4, sandbox, Seed(), Scope(only="handout"))
    decided = [c.id for c in report.checks if c.status.is_decided]
    parameters = ("W1", "b1", "W2", "b2")
    assert decided == [
        "q2.1.published",
        *(f"q2.2.{p}" for p in parameters),
        "q2.4.forward.published",
        *(f"q2.4.backward.{p}" for p in parameters),
    ]
    assert report.points == report.decided

"""Every hostile submission against the real sandbox: it earns no more than it says, nothing is left, nothing of ours
breaks, and an honest submission after it still earns everything.

`make test-hostile` runs all of them, in `make check` as an ordinary user. As root, `make test-long` runs one in six of
the families in which the user who grades makes a difference: what the kernel allows to a process depends on it, and how
an answer is judged does not.
"""

from __future__ import annotations

import io
import json
import os
import re
import secrets
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import numpy as np
import pytest
from rich.console import Console

from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.engine.grade import Scope, grade
from grader.errors import Refused
from grader.intake.receive import receive
from grader.model import Limits, Report
from grader.render.as_json import dumps, schema
from grader.render.gradescope import gradescope
from grader.render.html import html
from grader.render.terminal import Terminal
from grader.sandbox.contract import Answered, Sandbox
from tests.hostile.attacks import NOTHING, Attack, Hasty, attacks
from tests.hostile.traces import descendants, marked, traces, traces_since

pytestmark = pytest.mark.long

ALL = attacks()
FAMILIES = (
    "escape_and_persistence",
    "forged_verdicts",
    "hard_coded_answers",
    "hostile_files",
    "patched_shared_state",
    "protocol_attacks",
    "resource_abuse",
    "stealing_secrets",
)

OF_THE_USER = ("escape_and_persistence", "resource_abuse", "stealing_secrets")
"""The families in which it matters who grades."""

PARAMETERS = [
    pytest.param(
        attack, id=attack.id, marks=[pytest.mark.hostile] if number % 6 or attack.family not in OF_THE_USER else []
    )
    for number, attack in enumerate(ALL)
]

SECRET = secrets.token_bytes(24)

LOOKER = """
import builtins, os, sys, threading
import numpy as np

class Looker:
    def finds(self, half, other):
        mark = half + other
        found = [name for place in (builtins, np, sys, os) for name in vars(place) if mark in name]
        found += [n for n in sys.modules if mark in n] + [f"{n}={v}" for n, v in os.environ.items() if mark in n + v]
        found += ["a thread"] * (threading.active_count() - 1)
        for top in ("/tmp", "/dev/shm", "/var/tmp", "/dev"):
            for folder, folders, files in os.walk(top):
                for name in folders + files:
                    path = os.path.join(folder, name)
                    found += [path] if mark in name or mark in text(path) else []
        return ", ".join(found)

def text(path):
    try:
        with open(path, errors="replace") as file:
            return file.read(1 << 16) if os.path.isfile(path) else ""
    except OSError:
        return ""
"""


@pytest.fixture(scope="session")
def hasty(ps4: Assignment) -> Assignment:
    return replace(ps4, limits=Hasty())


@pytest.mark.parametrize("attack", PARAMETERS)
def test_hostile(attack: Attack, ps4: Assignment, sandbox: Sandbox, perfect: str, tmp_path: Path) -> None:
    sandbox.session(Limits(), {}).close()  # so that a warm process that somebody has killed is there again
    mark = f"hostile{secrets.token_hex(8)}"
    before = traces()
    if report := outcome(attack, ps4, sandbox, perfect, tmp_path, mark):
        assert report.points <= attack.most, said(report)
        assert re.search(attack.fails, said(report)), said(report)
        rendered_safely(report)
    assert traces_since(before) == before
    assert marked(mark, (path.replace("@MARK@", mark) for path in attack.leaves)) == []
    assert seen_by_the_next(sandbox, mark) == ""
    honest = grade(receive("mlp.py", perfect.encode(), "mlp.py"), ps4, sandbox, Seed(SECRET), Scope(only="handout"))
    assert honest.points == honest.decided > 0


def outcome(attack: Attack, ps4: Assignment, sandbox: Sandbox, perfect: str, folder: Path, mark: str) -> Report | None:
    """None where intake turned it down, in words that the attack foresees."""
    try:
        submission = attack.hand_in(folder, perfect, mark, SECRET)
    except Refused as refused:
        why = str(refused)
    else:
        assert not attack.refused, "it was to be refused"
        scope = Scope(only=attack.only) if attack.only else Scope(code_only=True)
        return grade(submission, replace(ps4, limits=attack.limits), sandbox, Seed(SECRET), scope)
    assert attack.family == "hostile_files"
    assert attack.refused, why
    assert re.search(attack.refused, why)
    assert why.isprintable()
    return None


def said(report: Report) -> str:
    lost = [f"{c.id} {c.points}/{c.possible}: {c.reason}" for c in report.checks if c.status.is_decided]
    return "\n".join([f"{float(report.points)} points", *lost, *report.remarks])


def rendered_safely(report: Report) -> None:
    """In every format: nothing raises, and no character of a stranger's acts."""
    jsonschema_rs.validate(schema(), json.loads(dumps(report)))
    console = Console(file=io.StringIO(), width=120, force_terminal=False)
    console.print(Terminal(report))
    assert isinstance(console.file, io.StringIO)
    texts = [dumps(report), json.dumps(gradescope(report), allow_nan=False), html(report), console.file.getvalue()]
    for text in texts:
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", text)
    assert "<script>alert" not in texts[2]


def seen_by_the_next(sandbox: Sandbox, mark: str) -> Any:
    """What another session finds of an attack's mark."""
    with sandbox.session(Limits(), {}) as session:
        files = {"mlp.py": np.frombuffer(LOOKER.encode(), np.uint8)}
        assert isinstance(
            session.request(["load", files, [], ["class", ["Looker"], []], ["mlp.py"], {}, 0.0], 20), Answered
        )
        session.request(["new", 0, [], {}], 20)
        answer = session.request(["call", 0, "finds", [mark[:9], mark[9:]], {}, 0.0], 20)
    assert isinstance(answer, Answered), answer
    return answer.value


# ── the tests' own tests ─────────────────────────────────────────────────────────────────────────────


def test_the_suite_is_as_large_as_it_says() -> None:
    families = Counter(attack.family for attack in ALL)
    assert sum(families.values()) >= 110
    assert sorted(families) == list(FAMILIES)
    assert min(families.values()) >= 8


def test_a_descriptor_that_is_left_is_seen_also_where_others_go() -> None:
    ours = os.memfd_create("before")
    before = traces()
    os.close(ours)
    assert traces_since(before) == before
    left = os.memfd_create("left")
    try:
        assert traces_since(before) != before
    finally:
        os.close(left)


@pytest.mark.parametrize(("won", "points"), [("True", 34), ("[]", 0)])
def test_an_attack_for_the_prize_is_paid_where_it_succeeds(
    ps4: Assignment, sandbox: Sandbox, perfect: str, tmp_path: Path, won: str, points: int
) -> None:
    path = tmp_path / "attack.py"
    path.write_text(f"won = {won}\n")
    attack = Attack(path, "", replace(ALL[0], path=path).most, around="prize")
    report = grade(attack.hand_in(tmp_path, perfect, "", SECRET), ps4, sandbox, Seed(SECRET), Scope(code_only=True))
    assert report.points == points
    assert (NOTHING in said(report)) is (points == 0)


def test_a_session_shares_no_writable_memory_with_the_template_or_another(sandbox: Sandbox) -> None:
    before = descendants()
    with sandbox.session(Limits(), {"X": np.arange(1000.0)}):
        (pid,) = descendants() - before
        lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    assert len(lines) > 100
    assert [line for line in lines if line.split()[1] in ("rw-s", "rwxs")] == []


def test_what_lies_ready_in_a_training_session_is_no_held_out_label(ps4: Assignment) -> None:
    shared = ps4.shared(True)
    assert sorted(shared) == ["X_test", "X_train", "X_val"]
    assert {array.shape[1:] for array in shared.values()} == {(784,)}

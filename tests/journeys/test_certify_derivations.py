"""The command that certifies the reading of written answers."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.conftest import ROOT, Command


def test_the_shipped_answers_are_certified(grader: Command) -> None:
    done = grader("certify", "ps4", "--written")
    assert (done.returncode, done.stderr) == (0, "")
    sums = re.findall(r"^(\w+): (\d+) answers · wrong but proven: (\d+) · right and proven:", done.stdout, re.MULTILINE)
    assert [name for name, _, _ in sums] == ["tuned", "held_out"]
    assert int(sums[0][1]) >= 60
    assert int(sums[1][1]) >= 40
    assert {wrong for _, _, wrong in sums} == {"0"}


def test_a_wrong_answer_that_is_proven_fails_the_certificate(grader: Command, tmp_path: Path) -> None:
    folder = tmp_path / "ps4"
    shutil.copytree(ROOT / "reference" / "ps4", folder, ignore=shutil.ignore_patterns("faults", "variants", "*.md"))
    answers = folder / "answers" / "tuned"
    answers.mkdir(parents=True, exist_ok=True)
    (answers / "mislabelled.md").write_text("question: q1.1\nis: wrong\n---\n$\\hat y - y$\n")
    done = grader("certify", str(folder), "--written")
    assert done.returncode == 1
    assert "✗ tuned/mislabelled  wrong: equal" in done.stdout


def test_an_answer_without_a_header_is_its_authors_fault(grader: Command, tmp_path: Path) -> None:
    folder = tmp_path / "ps4"
    shutil.copytree(ROOT / "reference" / "ps4", folder, ignore=shutil.ignore_patterns("faults", "variants", "*.md"))
    (folder / "answers" / "tuned").mkdir(parents=True, exist_ok=True)
    (folder / "answers" / "tuned" / "bare.md").write_text("$\\hat y - y$\n")
    done = grader("certify", str(folder), "--written")
    assert done.returncode == 3
    assert "bare.md does not begin with question:" in done.stderr.replace("\n", " ")

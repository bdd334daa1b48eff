"""The command that certifies the reading of written answers."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT, Command
from tests.documentation import CERTIFY_DERIVATIONS, run

pytestmark = pytest.mark.long


def test_the_shipped_answers_are_certified(tmp_path: Path) -> None:
    done = run(CERTIFY_DERIVATIONS, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    said = " ".join(done.stdout.split())
    sums = re.findall(r"(tuned|held_out): (\d+) answers · right and recognised: (\d+) of (\d+)", said)
    assert [name for name, *_ in sums] == ["tuned", "held_out"]
    assert all(int(answers) >= 200 and int(found) >= 0.97 * int(right) for _, answers, found, right in sums)
    assert re.findall(r"wrong with automatic marks: (\d+)", said) == ["0", "0"]


def test_a_wrong_answer_with_automatic_marks_fails_the_certificate(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "ps4"
    shutil.copytree(ROOT / "reference" / "ps4", folder, ignore=shutil.ignore_patterns("faults", "variants", "answers"))
    answers = folder / "answers" / "tuned"
    answers.mkdir(parents=True)
    (answers / "mislabelled.md").write_text("question: q1.1\nis: wrong\n---\n$\\hat y - y$\n")
    done = command("certify", str(folder), "--derivations")
    assert done.returncode == 1
    assert "✗ tuned/mislabelled  wrong: right" in done.stdout


def test_a_right_answer_that_is_called_different_fails_the_certificate(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "ps4"
    shutil.copytree(ROOT / "reference" / "ps4", folder, ignore=shutil.ignore_patterns("faults", "variants", "answers"))
    answers = folder / "answers" / "held_out"
    answers.mkdir(parents=True)
    (answers / "mislabelled.md").write_text("question: q1.1\nis: right\n---\n$y - \\hat y$\n")
    done = command("certify", str(folder), "--derivations")
    assert done.returncode == 1
    assert "✗ held_out/mislabelled  right: other_value" in done.stdout


def test_an_answer_without_a_header_is_its_authors_fault(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "ps4"
    shutil.copytree(ROOT / "reference" / "ps4", folder, ignore=shutil.ignore_patterns("faults", "variants", "answers"))
    (folder / "answers" / "tuned").mkdir(parents=True)
    (folder / "answers" / "tuned" / "bare.md").write_text("$\\hat y - y$\n")
    done = command("certify", str(folder), "--derivations")
    assert done.returncode == 3
    assert "bare.md must begin with 'question:'" in done.stderr.replace("\n", " ")

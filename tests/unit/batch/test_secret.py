"""A batch has a secret, which stays in this machine's state folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.batch.secret import ID, secret_of
from grader.errors import BadCall


def test_a_batch_that_goes_on_has_the_same_secret(tmp_path: Path) -> None:
    assert secret_of(tmp_path / "graded", tmp_path / "home") == secret_of(tmp_path / "graded", tmp_path / "home")


def test_another_batch_has_another(tmp_path: Path) -> None:
    assert secret_of(tmp_path / "one", tmp_path / "home") != secret_of(tmp_path / "other", tmp_path / "home")


def test_another_machine_makes_one_of_its_own(tmp_path: Path) -> None:
    assert secret_of(tmp_path / "graded", tmp_path / "here") != secret_of(tmp_path / "graded", tmp_path / "there")


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    secret = secret_of(tmp_path / "graded", tmp_path / "home")
    (file,) = (tmp_path / "home" / "batches").iterdir()
    assert file.read_text("ascii") == secret
    assert len(bytes.fromhex(secret)) == 32
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize("id", ["", "../../grader.db", "/etc/passwd", "x" * 32, "\0", "a" * 33])
def test_an_id_that_is_none_of_ours_is_replaced(tmp_path: Path, id: str) -> None:
    graded, home = tmp_path / "graded", tmp_path / "home"
    graded.mkdir()
    (graded / ID).write_text(id, "utf-8")
    secret_of(graded, home)
    assert (graded / ID).read_text("utf-8").strip() == next((home / "batches").iterdir()).name


def test_a_state_folder_that_cannot_be_written_to_is_a_wrong_call(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file", "utf-8")
    with pytest.raises(BadCall, match="set GRADER_SECRET"):
        secret_of(tmp_path / "graded", tmp_path / "home")

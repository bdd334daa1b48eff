"""An assignment that cannot be loaded is named, and harms no other one."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from grader.store import offerings
from grader.store.records import Offering
from tests.conftest import TOY_SOLUTION, TOY_TOML, Command, write_toy
from tests.running import running, until_final

pytestmark = pytest.mark.long


def write_broken(root: Path) -> None:
    """Assignments whose files raise, end the process, or cannot be read, or whose packages are missing."""
    write_toy(root, checks="import nowhere\n", name="missing")
    write_toy(root, checks="raise SystemExit\n", name="ending")
    (root / "unreadable" / "assignment.toml").mkdir(parents=True)
    (write_toy(root, name="notebook") / "handout").mkdir()
    (root / "notebook" / "handout" / "toy.ipynb").write_text("{", "utf-8")
    toml = TOY_TOML.replace('id = "toy"', 'id = "uninstalled"') + '\n[runtime]\nlock = "torch.lock"\n'
    (write_toy(root, toml, name="uninstalled") / "torch.lock").write_text("torch==2.0\n", "utf-8")


def test_the_service_leaves_it_out_and_grades_the_others(tmp_path: Path) -> None:
    with running(tmp_path, students=1, GRADER_WORKERS="1") as service:
        write_broken(service.assignments)
        store = service.open_store()
        with store.write() as tx:
            offerings.put_offering(tx, Offering("ml", "missing"))
        store.close()
        service.start()
        assert "missing cannot be loaded: missing/checks.py cannot be loaded: ModuleNotFoundError" in service.log()
        assert "ending cannot be loaded: ending/checks.py cannot be loaded: SystemExit" in service.log()
        assert "unreadable cannot be loaded: unreadable/assignment.toml cannot be read: Is a directory" in service.log()
        assert "notebook cannot be loaded: " in service.log()
        assert "uninstalled cannot be graded: numpy is not installed in" in service.log()
        course = f"{service.url}/api/v1/courses/ml"
        with httpx.Client(headers={"Authorization": f"Bearer {service.tokens[0]}"}, timeout=60) as client:
            assert [row["assignment"] for row in client.get(f"{course}/assignments").json()] == ["toy"]
            files = {"files": ("sums.py", TOY_SOLUTION.encode())}
            assert client.post(f"{course}/assignments/missing/submissions", files=files).status_code == 404
            receipt = client.post(f"{course}/assignments/toy/submissions", files=files)
            assert until_final(client, f"{service.url}{receipt.headers['location']}") == "graded"


def test_check_and_batch_name_it_and_grade_the_others(tmp_path: Path, command: Command) -> None:
    root = tmp_path / "reference"
    write_toy(root)
    write_broken(root)
    submission = tmp_path / "class" / "ada" / "sums.py"
    submission.parent.mkdir(parents=True)
    submission.write_text(TOY_SOLUTION, "utf-8")
    graded = ("check", submission), ("batch", tmp_path / "class", "-o", tmp_path / "out")
    for arguments in graded:
        done = command(*arguments, "-a", "missing", GRADER_ASSIGNMENTS=str(root))
        assert (done.returncode, "missing/checks.py cannot be loaded" in done.stderr) == (3, True), done.stderr
        done = command(*arguments, "-a", "toy", GRADER_ASSIGNMENTS=str(root))
        assert done.returncode == 0, done.stderr

"""A service that lost its disk goes on from a copy that was made while it ran."""

from __future__ import annotations

import datetime as dt
import os
import re
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from grader.cli.backup import backup, restore
from grader.errors import BadCall, StoreUnavailable
from grader.settings import Settings
from grader.store import installation, leases, offerings, people, procrastinate_jobs, submissions
from grader.store.database import Store
from grader.store.leases import LEASE
from grader.store.queue import StoreQueue
from grader.store.records import Course, Kind, Offering, Page, Priority, TokenKind
from grader.store.submissions import NewSubmission
from tests.conftest import ROOT, TOY_SOLUTION, Command
from tests.journeys.test_operating import Student
from tests.postgres import Cluster, binaries
from tests.running import running
from tests.schema import differences

pytestmark = pytest.mark.long


def test_a_copy_made_while_the_service_runs_brings_everything_back(tmp_path: Path, grader: Command) -> None:
    copy = tmp_path / "copy.db"
    with running(tmp_path, students=1, GRADER_WORKERS="1") as service:
        here = {"GRADER_HOME": str(service.home)}
        service.start()
        student = Student(service)
        done = student.hand_in(TOY_SOLUTION)
        assert student.graded(done) == "graded"
        report = student.get(f"{done.headers['location']}/report.json").json()
        waits = student.hand_in(f"{TOY_SOLUTION}# waits or runs while the copy is made")
        said = grader("backup", copy, **here)
        refused = grader("restore", copy, **here)
        service.end()
        for file in service.home.glob("grader.db*"):
            file.unlink()
        restored = grader("restore", copy, **here)
        service.start()
        assert student.get(f"{done.headers['location']}/report.json").json() == report
        assert student.graded(waits) == "graded"
        student.close()
        assert service.send(signal.SIGTERM) == 0
    assert (said.returncode, "2 submissions" in said.stdout) == (0, True), said.stderr
    assert (refused.returncode, "another grader serve runs" in refused.stderr) == (2, True)
    assert restored.returncode == 0, restored.stderr
    assert restored.stdout.startswith("restored: 2 submissions\nall people must log in again")
    assert "API tokens in the copy: 1;" in restored.stdout


# ── one file at a time ───────────────────────────────────────────────────────────────────────────────


def populate(store: Store) -> str:
    """A course, and a submission that waits; returns the service's secret."""
    with store.write() as tx:
        people.add_course(tx, Course("ml", "Machine learning"))
        offerings.put_offering(tx, Offering("ml", "toy"))
        who = people.put_person(tx, "ada", "Ada").id
        files = (("mlp.py", TOY_SOLUTION.encode()),)
        new = NewSubmission("ml", "toy", Kind.SUBMISSION, "api", "0" * 64, who, (who,), files)
        StoreQueue({"toy": "a key"}).enqueue(tx, submissions.add(tx, new), "toy", who, Priority.INTERACTIVE)
        return installation.secret(tx)


def holds(store: Store) -> tuple[str, int]:
    with store.write() as tx:
        return installation.secret(tx), len(submissions.of_offering(tx, "ml", page=Page(10)))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a service that has one submission."""
    settings = Settings(home=tmp_path)
    store = Store(f"sqlite:///{tmp_path}/grader.db")
    store.migrate()
    populate(store)
    store.close()
    return settings


def test_what_is_replaced_is_kept_with_its_newest_transactions(settings: Settings, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    backup(settings, copy)
    lively = Store(f"sqlite:///{tmp_path}/grader.db")  # open: what it writes is in its log alone
    with lively.write() as tx:
        people.put_person(tx, "bob", "Bob")
    before = restore(settings, copy).aside
    lively.close()
    assert before is not None
    kept, now = Store(f"sqlite:///{before}"), Store(f"sqlite:///{tmp_path}/grader.db")
    with kept.read() as old, now.read() as new:
        assert people.person_by_login(old, "bob") is not None
        assert people.person_by_login(new, "bob") is None
    assert holds(kept) == holds(now)
    kept.close()
    now.close()


def test_who_was_logged_in_when_the_copy_was_made_logs_in_again(settings: Settings, tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/grader.db")
    with store.write() as tx:
        bob = people.put_person(tx, "bob", "Bob").id
        made = {kind: people.new_token(tx, bob, kind) for kind in TokenKind}
        people.new_token(tx, bob, TokenKind.PROGRAM, lasts=-dt.timedelta(days=1))
    store.close()
    copy = tmp_path / "copy.db"
    backup(settings, copy)
    put = restore(settings, copy)
    store = Store(f"sqlite:///{tmp_path}/grader.db")
    with store.read() as tx:
        works = [kind for kind, secret in made.items() if people.token_holder(tx, secret, [kind])]
    store.close()
    assert works == [TokenKind.PROGRAM]
    assert put.tokens == 1


def test_a_copy_is_for_its_owner_alone_and_replaces_no_other(settings: Settings, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    assert backup(settings, copy).submissions == 1
    assert copy.stat().st_mode & 0o077 == 0
    with pytest.raises(BadCall, match="exists: choose another name"):
        backup(settings, copy)


def test_a_copy_that_cannot_be_finished_leaves_nothing(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        backup(settings, tmp_path / "no folder" / "copy.db")
    assert not (tmp_path / "no folder").exists()


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(5000)])
def test_what_is_no_copy_is_not_put_back_and_makes_no_folder(
    content: bytes, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "copy.db").write_bytes(content)
    before = (tmp_path / "grader.db").read_bytes()
    for target in (settings, Settings(home=tmp_path / "mistyped")):
        with pytest.raises(BadCall, match="not made by grader backup"):
            restore(target, tmp_path / "copy.db")
    assert (tmp_path / "grader.db").read_bytes() == before
    assert not (tmp_path / "mistyped").exists()


def test_a_damaged_copy_is_not_put_back(settings: Settings, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    backup(settings, copy)
    content = bytearray(copy.read_bytes())
    content[4096 : len(content) // 2] = os.urandom(len(content) // 2 - 4096)
    copy.write_bytes(content)
    with pytest.raises(BadCall, match=r"no copy|damaged"):
        restore(settings, copy)


def test_a_copy_from_a_newer_grader_is_refused_when_it_is_opened(settings: Settings, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "grader.db", isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    store = Store(f"sqlite:///{tmp_path}/grader.db")
    with pytest.raises(BadCall, match="newer version"):
        store.migrate()
    store.close()


def test_postgresql_is_dumped_and_restored_by_its_own_tools_as_documented(
    tmp_path: Path, postgres: Cluster, postgres_url: str
) -> None:
    dump = tmp_path / "grader.dump"
    store = Store(postgres_url)
    store.migrate()
    secret = populate(store)
    store.close()
    with postgres.database() as new:
        for command in (
            ["pg_dump", "--format=custom", f"--file={dump}", postgres_url],
            ["pg_restore", "--exit-on-error", "--no-owner", f"--dbname={new}", dump],
            ["psql", f"--dbname={new}", "--set=ON_ERROR_STOP=1", "-c", "DELETE FROM tokens WHERE kind <> 'program'"],
        ):
            subprocess.run([binaries() / str(command[0]), *command[1:]], check=True, timeout=120)
        again = Store(new)
        again.migrate()
        assert differences(again) == []
        assert holds(again) == (secret, 1)
        with again.write() as tx:
            assert procrastinate_jobs.sweep(tx, LEASE) == 0
            leased = leases.claim(tx, "a worker")
        assert leased is not None, "what waited still waits"
        again.close()


def test_the_unit_dumps_postgresql_and_deletes_old_dumps_alone(tmp_path: Path, postgres_url: str) -> None:
    store = Store(postgres_url)
    store.migrate()
    populate(store)
    store.close()
    old, of_others = tmp_path / "grader-old.dump", tmp_path / "another-old.dump"
    for file in (old, of_others):
        file.touch()
        os.utime(file, (0, 0))
    environment = {"STATE_DIRECTORY": str(tmp_path), "GRADER_DATABASE_URL": postgres_url}
    environment["PATH"] = f"{binaries()}:{os.defpath}"
    unit = (ROOT / "deploy" / "systemd" / "grader-backup-postgres.service").read_text("utf-8")
    for command in re.findall(r"^ExecStart(?:Post)?=/bin/sh -c '(.*)'$", unit, re.MULTILINE):
        subprocess.run(["/bin/sh", "-c", command.replace("%%", "%")], env=environment, check=True, timeout=120)
    assert not old.exists()
    (dump,) = {*tmp_path.iterdir()} - {of_others}
    listed = subprocess.run([binaries() / "pg_restore", "--list", dump], capture_output=True, text=True, check=True)
    assert "TABLE DATA public submissions" in listed.stdout

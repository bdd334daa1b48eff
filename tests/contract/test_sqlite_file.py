"""A database whose file is swapped for another one loses nothing, whichever step of the swap a kill interrupts."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from grader.cli.backup import backup, restore
from grader.cli.common import write_output
from grader.errors import BadCall, OurFailure, StoreUnavailable
from grader.settings import Settings
from grader.store import people
from grader.store.database import Store
from grader.store.files import write
from grader.store.records import Course

COURSES = ["acknowledged-1", "acknowledged-2"]
KILLED = """
import os, sys
from grader.store import people
from grader.store.database import Store
from grader.store.records import Course
store = Store(sys.argv[1])
store.migrate()
for course in sys.argv[2:]:
    with store.write() as tx:
        people.add_course(tx, Course(course, ""))
os._exit(9)
"""
"""Writes courses, and ends as a kill ends it: they are in the log alone."""


def url(file: Path) -> str:
    return f"sqlite:///{file}"


def test_a_damaged_page_is_named_as_such(tmp_path: Path) -> None:
    file = tmp_path / "grader.db"
    store = running(file)
    store.checkpoint()
    store.close()
    header, pages = file.read_bytes()[:4096], file.stat().st_size // 4096 - 1
    file.write_bytes(header + b"\xff" * 4096 * pages)
    damaged = Store(url(file))
    with pytest.raises(StoreUnavailable, match="the database is damaged, restore a copy"):
        courses(damaged)
    damaged.close()


def courses(store: Store) -> list[str]:
    with store.read() as tx:
        return [course.id for course in people.all_courses(tx)]


def running(file: Path) -> Store:
    """The store of a service that has acknowledged the first course."""
    store = Store(url(file))
    store.migrate()
    with store.write() as tx:
        people.add_course(tx, Course(COURSES[0], ""))
    return store


def opened(file: Path) -> list[str]:
    """What a service finds that starts with this file."""
    store = Store(url(file))
    try:
        store.migrate()
        return courses(store)
    finally:
        store.close()


def kill_a_writer(file: Path, *courses: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, url(file), *courses], timeout=120)
    assert done.returncode == 9


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A database whose log has what was acknowledged, as a kill has left it."""
    file = tmp_path / "grader.db"
    kill_a_writer(file, *COURSES)
    assert Path(f"{file}-wal").stat().st_size
    return file


def nothing(_file: Path) -> None:
    """The database's place is empty."""


def an_empty_file(file: Path) -> None:
    file.touch()


def text(file: Path) -> None:
    file.write_text("not a database\n" * 500, "utf-8")


def another_programs(file: Path) -> None:
    with closing(sqlite3.connect(file.with_name("other.db"))) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
    file.with_name("other.db").rename(file)


def another_graders(file: Path) -> None:
    folder = file.with_name("another")
    folder.mkdir()
    opened(folder / "grader.db")
    (folder / "grader.db").rename(file)


def a_backup(file: Path) -> None:
    """As somebody puts it there who does not know of `grader restore`."""
    file.with_name("copy.db").rename(file)


Takes = Callable[[Path], None]
TAKE_ITS_PLACE: list[Takes] = [nothing, an_empty_file, text, another_programs, another_graders]


@pytest.mark.parametrize("take_its_place", [*TAKE_ITS_PLACE, a_backup])
def test_a_start_beside_the_log_of_another_database_is_refused_and_the_log_stays(
    killed: Path, take_its_place: Takes
) -> None:
    acknowledged = COURSES
    if take_its_place is a_backup:
        backup(Settings(home=killed.parent), killed.with_name("copy.db"))
        kill_a_writer(killed, "acknowledged-3")
        acknowledged = [*COURSES, "acknowledged-3"]
    log = Path(f"{killed}-wal")
    gone, before = killed.rename(killed.with_name("gone.db")), log.read_bytes()
    take_its_place(killed)
    for _ in range(2):  # a supervisor tries again
        with pytest.raises((StoreUnavailable, BadCall)):
            opened(killed)
    assert log.read_bytes() == before
    gone.replace(killed)
    assert opened(killed) == acknowledged


@pytest.mark.parametrize("take_its_place", TAKE_ITS_PLACE)
def test_a_running_store_refuses_what_takes_its_files_place_and_goes_on_when_it_is_back(
    tmp_path: Path, take_its_place: Takes
) -> None:
    file = tmp_path / "grader.db"
    store = running(file)
    gone = file.rename(file.with_name("gone.db"))
    take_its_place(file)
    for use in (store.read, store.write, store.separate_connection):
        with pytest.raises(StoreUnavailable), use():
            raise AssertionError("it was used")
    with pytest.raises(StoreUnavailable):
        store.checkpoint()
    gone.replace(file)
    with store.write() as tx:
        people.add_course(tx, Course(COURSES[1], ""))
    assert courses(store) == COURSES
    store.close()
    assert opened(file) == COURSES


@pytest.mark.parametrize("take_its_place", [nothing, an_empty_file])
def test_a_store_that_ends_during_the_swap_keeps_its_log(tmp_path: Path, take_its_place: Takes) -> None:
    file = tmp_path / "grader.db"
    store = running(file)
    gone = file.rename(file.with_name("gone.db"))
    take_its_place(file)
    store.close()
    with pytest.raises(StoreUnavailable):
        opened(file)
    gone.replace(file)
    assert opened(file) == COURSES[:1]


# ── kills ────────────────────────────────────────────────────────────────────────────────────────────

PAGE_BYTES = 4096


def test_a_kill_within_a_checkpoint_keeps_no_service_from_starting(killed: Path) -> None:
    """The first page says already how long the file will be, and the pages at its end are still in the log alone."""
    kill_a_writer(killed, *(f"course-{n}" for n in range(200)))
    finished = killed.with_name("finished.db")
    for ending in ("", "-wal"):
        shutil.copy(f"{killed}{ending}", f"{finished}{ending}")
    with closing(sqlite3.connect(finished)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert finished.stat().st_size > killed.stat().st_size
    with killed.open("r+b") as file:
        file.write(finished.read_bytes()[:PAGE_BYTES])
    assert len(opened(killed)) == len(COURSES) + 200


# ── other files ──────────────────────────────────────────────────────────────────────────────────────


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "grader.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA application_id = 42")
        connection.execute("CREATE TABLE theirs (id)")
    before = file.read_bytes()
    with pytest.raises(StoreUnavailable, match="not a database of the grader"):
        opened(file)
    assert file.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["grader.db"]


def test_no_empty_database_is_made_where_one_has_been(tmp_path: Path) -> None:
    """It was closed in order: nothing but the file with its id says that there was one."""
    file = tmp_path / "grader.db"
    assert opened(file) == []
    file.rename(tmp_path / "gone.db")
    with pytest.raises(StoreUnavailable, match=r"grader\.db-id exist"):
        opened(file)
    assert not file.exists()


def test_a_backup_during_the_swap_is_refused_and_the_log_stays(killed: Path) -> None:
    gone = killed.rename(killed.with_name("gone.db"))
    killed.touch()
    with pytest.raises(StoreUnavailable, match="is empty"):
        backup(Settings(home=killed.parent), killed.with_name("copy.db"))
    gone.replace(killed)
    assert opened(killed) == COURSES


def test_a_database_that_is_copied_with_its_log_is_opened_with_all_that_was_acknowledged(
    killed: Path, tmp_path: Path
) -> None:
    """To a new machine, after a kill, by someone who knows SQLite's files and not the grader's."""
    home = tmp_path / "new"
    home.mkdir()
    for ending in ("", "-wal"):
        shutil.copy(f"{killed}{ending}", home)
    assert opened(home / "grader.db") == COURSES


def test_a_database_of_an_unreleased_version_is_refused_and_stays(killed: Path) -> None:
    with closing(sqlite3.connect(killed, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0008'")
    content = killed.read_bytes()
    with pytest.raises(BadCall, match=r"an unreleased or a newer version of the grader.*'0008'"):
        opened(killed)
    assert killed.read_bytes() == content


def test_processes_that_start_at_once_make_one_database(tmp_path: Path) -> None:
    file = tmp_path / "grader.db"
    start = [sys.executable, "-c", KILLED, url(file)]
    processes = [subprocess.Popen([*start, f"course-{n}"]) for n in range(4)]
    assert [process.wait(120) for process in processes] == [9] * 4
    assert sorted(opened(file)) == [f"course-{n}" for n in range(4)]
    assert not list(tmp_path.glob("*.unfinished"))


def test_looking_at_the_header_releases_no_lock_of_a_connection(tmp_path: Path) -> None:
    """Else another process that ends takes itself for the last one, and removes the log that is being written."""
    file = tmp_path / "grader.db"
    store = running(file)
    another = Store(url(file))
    assert courses(another) == COURSES[:1]
    another.close()
    subprocess.run([sys.executable, "-c", KILLED.replace("os._exit(9)", "store.close()"), url(file)], check=True)
    assert Path(f"{file}-wal").exists()
    store.close()
    assert opened(file) == COURSES[:1]


def test_a_checkpoint_brings_what_was_written_into_the_file_itself(tmp_path: Path) -> None:
    file = tmp_path / "grader.db"
    store = running(file)
    before = _without_its_log(file)
    store.checkpoint()
    after = _without_its_log(file)
    store.close()
    assert (before, after) == ([], COURSES[:1])


def _without_its_log(file: Path) -> list[str]:
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        return [id for (id,) in connection.execute("SELECT id FROM courses ORDER BY id")]


def test_a_restore_that_was_killed_may_be_done_again(killed: Path) -> None:
    """The database has been set aside, and its log has not."""
    settings = Settings(home=killed.parent)
    backup(settings, killed.with_name("copy.db"))
    kill_a_writer(killed, "acknowledged-3")
    killed.rename(killed.with_name("aside.db"))
    restore(settings, killed.with_name("copy.db"))
    assert opened(killed) == COURSES
    (log,) = killed.parent.glob("grader-before-*-wal")
    assert b"acknowledged-3" in log.read_bytes()


def test_a_restore_is_undone_by_moving_back_what_it_has_set_aside(killed: Path) -> None:
    settings = Settings(home=killed.parent)
    backup(settings, killed.with_name("copy.db"))
    kill_a_writer(killed, "acknowledged-3")
    aside = restore(settings, killed.with_name("copy.db")).aside
    assert aside is not None
    assert opened(killed) == COURSES
    for file in killed.parent.glob(f"{aside.name}*"):
        file.replace(killed.with_name(file.name.replace(aside.name, killed.name)))
    assert opened(killed) == [*COURSES, "acknowledged-3"]


def test_what_was_set_aside_with_its_log_is_restored_with_all_that_it_has(killed: Path) -> None:
    settings = Settings(home=killed.parent)
    backup(settings, killed.with_name("copy.db"))
    kill_a_writer(killed, "acknowledged-3")
    aside = restore(settings, killed.with_name("copy.db")).aside
    assert aside is not None
    assert Path(f"{aside}-wal").stat().st_size
    restore(settings, aside)
    assert opened(killed) == [*COURSES, "acknowledged-3"]


@pytest.mark.parametrize("mode", [None, 0o640])
def test_a_restore_leaves_the_files_to_the_owner_of_the_folder(mode: int | None, killed: Path, tmp_path: Path) -> None:
    copy, home = tmp_path / "copy.db", tmp_path / "service"
    backup(Settings(home=killed.parent), copy)
    home.mkdir()
    if mode is not None:
        killed.rename(home / "grader.db").chmod(mode)
    owner = 65534 if os.geteuid() == 0 else os.geteuid()  # root restores for the service's user
    os.chown(home, owner, -1)
    restore(Settings(home=home), copy)
    assert [(home / name).stat().st_uid for name in ("grader.db", "lock")] == [owner, owner]
    assert stat.S_IMODE((home / "grader.db").stat().st_mode) == (mode or 0o600)


def test_a_disk_that_refuses_a_checkpoint_is_an_internal_error(tmp_path: Path) -> None:
    """The heartbeat goes on, and says so in one line."""
    file = tmp_path / "grader.db"
    store = running(file)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
        with pytest.raises(StoreUnavailable, match="cannot be used"):
            store.checkpoint()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    store.close()


@pytest.mark.parametrize("write_file", [write, write_output])
def test_a_disk_that_is_full_keeps_no_half_of_a_file(write_file: Callable[[Path, str], None], tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
        with pytest.raises((OSError, OurFailure), match="File too large"):
            write_file(tmp_path / "class.json", "x" * 20_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


def test_threads_that_write_a_file_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Several threads write the marker if they are the first to open a database that has none."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: write(tmp_path / "grader.db-id", "7\n", private=True), range(400)))
    assert (tmp_path / "grader.db-id").read_text("ascii") == "7\n"

"""`grader login`, `submit` and `status`, against a real service."""

from __future__ import annotations

import datetime as dt
import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.store import groups, late_days, offerings
from grader.store.database import now
from grader.store.records import Offering
from tests.conftest import TOY_SOLUTION, without_settings
from tests.running import GRADER, WAIT_SECONDS, Running, running

Student = Callable[..., "subprocess.CompletedProcess[str]"]


IMPORT = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": "import sums"}

KEYRING = """\
import json, pathlib
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

class FileKeyring(KeyringBackend):
    priority = 5
    file = pathlib.Path(__file__).with_name("secrets.json")

    def known(self):
        return json.loads(self.file.read_text()) if self.file.exists() else {}

    def get_password(self, service, username):
        return self.known().get(f"{service} {username}")

    def set_password(self, service, username, password):
        self.file.write_text(json.dumps(self.known() | {f"{service} {username}": password}))

    def delete_password(self, service, username):
        left = self.known()
        if left.pop(f"{service} {username}", None) is None:
            raise PasswordDeleteError
        self.file.write_text(json.dumps(left))
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("service"), students=2, GRADER_WORKERS="1") as service:
        service.start()
        yield service


@pytest.fixture
def student(tmp_path: Path) -> Student:
    """Runs the command with a configuration folder of its own and without a keyring."""

    def run(
        *arguments: str | Path, typed: str = "", terminal: int | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        mine = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "GRADER_ASSIGNMENT": "toy", "COLUMNS": "400"}
        return subprocess.run(
            [GRADER, *map(str, arguments)],
            **({"input": typed} if terminal is None else {"stdin": terminal}),
            env=without_settings() | mine | {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"} | environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
        )

    return run


def until_graded(student: Student) -> str:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        done = student("status")
        assert done.returncode == 0, done.stderr
        if "graded: " in done.stdout:
            return done.stdout
        assert time.monotonic() < deadline, done.stdout
        time.sleep(0.2)


@pytest.mark.long
def test_a_student_logs_in_submits_and_sees_the_score(service: Running, student: Student, tmp_path: Path) -> None:
    (tmp_path / "sums.py").write_text(TOY_SOLUTION)
    (tmp_path / "answers.ipynb").write_text(
        json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [IMPORT]})
    )
    done = student("login", service.url, "ml", typed=service.tokens[0] + "\n")
    assert done.returncode == 0, done.stderr
    assert "logged in as Student 0 (s0), course ml" in done.stdout
    assert student("status").stdout == "Nothing submitted yet to ml, toy.\n"
    done = student("submit", "answers.ipynb")
    assert done.returncode == 0, done.stderr
    assert "Submitted to ml, toy: answers.ipynb, sums.py\n" in done.stdout  # what the notebook imports is submitted too
    assert f"{service.url}/submissions/" in done.stdout
    assert "graded: 4 of 5.5 points." in until_graded(student)
    done = student("status", "--html", "report.html")
    assert "q1.2" in (tmp_path / "report.html").read_text("utf-8")
    assert service.tokens[0] not in done.stdout + done.stderr


@pytest.mark.long
@pytest.mark.parametrize(("typed", "says"), [("y\n", "1 late day used, 2 left"), ("\n", "penalty 10 %")])
def test_on_a_terminal_a_student_is_asked_before_late_days_are_used(
    service: Running, student: Student, tmp_path: Path, typed: str, says: str
) -> None:
    student("login", service.url, "ml", typed=service.tokens[1])
    (tmp_path / "sums.py").write_text(TOY_SOLUTION)
    due = now() - dt.timedelta(hours=1)
    store = service.open_store()
    with store.write() as tx:
        late_days.put_budget(tx, "ml", 3)
        offerings.put_offering(tx, Offering("ml", "toy", due_at=due, late={"per_day": "10%", "free_days": 2}))
    ours, terminal = pty.openpty()
    os.write(ours, typed.encode())
    done = student("submit", "sums.py", terminal=terminal)
    assert "This is 1 day late. You have " in done.stderr
    assert "Use 1? [y/N]" in done.stderr
    assert says in done.stdout
    assert says in student("submit", "sums.py", "--late-days", "2" if "used" in says else "0").stdout
    with store.write() as tx:
        offerings.put_offering(tx, Offering("ml", "toy"))
    store.close()


@pytest.mark.long
def test_the_receipt_names_the_members_of_the_group(service: Running, student: Student, tmp_path: Path) -> None:
    student("login", service.url, "ml", typed=service.tokens[1])
    (tmp_path / "sums.py").write_text(TOY_SOLUTION)
    pairs = Offering("ml", "toy", group_size=2)
    store = service.open_store()
    with store.write() as tx:
        offerings.put_offering(tx, pairs)
        groups.put(tx, pairs, {"s0": "a", "s1": "a"})
    assert "It counts for Student 0, Student 1.\n" in student("submit", "sums.py").stdout
    with store.write() as tx:
        groups.put(tx, pairs, {"s0": "", "s1": ""})
    assert "It counts for" not in student("submit", "sums.py").stdout
    with store.write() as tx:
        offerings.put_offering(tx, Offering("ml", "toy"))
    store.close()


@pytest.mark.long
def test_the_token_is_in_a_file_that_only_its_owner_can_read(
    service: Running, student: Student, tmp_path: Path
) -> None:
    done = student("login", service.url, "ml", typed=service.tokens[1])
    file = tmp_path / "config" / "grader" / "login.json"
    assert str(file) in done.stdout
    assert file.stat().st_mode & 0o777 == 0o600
    assert [f.name for f in file.parent.iterdir()] == ["login.json"]
    file.chmod(0o644)
    done = student("status")
    assert done.returncode == 2
    assert "other users can read" in done.stderr
    file.chmod(0o600)
    assert student("status").returncode == 0
    assert student("logout").returncode == 0
    assert not file.exists()
    assert "you are not logged in: log in with grader login" in student("status").stderr


def test_a_keyring_keeps_the_token_where_there_is_one(service: Running, student: Student, tmp_path: Path) -> None:
    (tmp_path / "file_keyring.py").write_text(KEYRING)
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    mine = {"PYTHON_KEYRING_BACKEND": "file_keyring.FileKeyring", "PYTHONPATH": path}
    done = student("login", service.url, "ml", typed=service.tokens[1], **mine)
    assert "the token is in the system's keyring" in done.stdout
    assert service.tokens[1] not in (tmp_path / "config" / "grader" / "login.json").read_text()
    assert service.tokens[1] in (tmp_path / "secrets.json").read_text()
    assert student("status", **mine).returncode == 0
    assert student("logout", **mine).returncode == 0
    assert service.tokens[1] not in (tmp_path / "secrets.json").read_text()


@pytest.mark.parametrize(
    ("course", "typed", "says"),
    [
        ("ml", "wrong", "does not accept your token"),
        ("ml", "two words", "a token is one word"),
        ("ml", "", "a token is one word"),
        ("physics", None, "s0 is not in the course physics (courses: ml)"),
    ],
)
def test_a_wrong_login_stores_nothing(
    service: Running, student: Student, tmp_path: Path, course: str, typed: str | None, says: str
) -> None:
    done = student("login", service.url, course, typed=service.tokens[0] if typed is None else typed)
    assert done.returncode == 2
    assert says in done.stderr
    assert not (tmp_path / "config").exists()


@pytest.mark.parametrize(
    ("url", "code", "says"),
    [
        ("grader.example.edu", 2, "write a URL such as https://grader.example.edu"),
        ("http://grader.example.edu", 2, "is not encrypted, so others could read your token"),
        ("http://127.0.0.1:9", 4, "no answer from http://127.0.0.1:9 ([Errno 111] Connection refused)"),
    ],
)
def test_an_address_without_a_service_is_refused(student: Student, url: str, code: int, says: str) -> None:
    done = student("login", url, "ml", typed="token")
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr


@pytest.mark.long
def test_a_refusal_of_the_service_is_shown(service: Running, student: Student, tmp_path: Path) -> None:
    student("login", service.url, "ml", typed=service.tokens[0])
    (tmp_path / "sums.py").write_text("class Sums(:\n")
    (tmp_path / "data.bin").write_bytes(b"\0")
    assert "this assignment does not exist" in student("submit", "sums.py", "-a", "physics").stderr
    assert "unsupported file type" in student("submit", "data.bin").stderr
    assert "there is no file or folder nothing.py" in student("submit", "nothing.py").stderr


def test_a_token_is_not_sent_on_to_another_host(student: Student, tmp_path: Path) -> None:
    """A server that redirects to a second one, which would note the token that it is sent."""
    (tmp_path / "redirecting.py").write_text(
        "import http.server, sys, threading\n"
        "class Second(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        open('seen', 'w').write(str(self.headers))\n"
        "        self.send_response(200)\n"
        "        self.end_headers()\n"
        "second = http.server.HTTPServer(('127.0.0.1', 0), Second)\n"
        "threading.Thread(target=second.serve_forever, daemon=True).start()\n"
        "class First(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(302)\n"
        "        self.send_header('Location', f'http://127.0.0.1:{second.server_port}/')\n"
        "        self.end_headers()\n"
        "first = http.server.HTTPServer(('127.0.0.1', 0), First)\n"
        "print(first.server_port, flush=True)\n"
        "first.serve_forever()\n"
    )
    server = subprocess.Popen(
        [sys.executable, "redirecting.py"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        done = student("login", f"http://127.0.0.1:{port}", "ml", typed="secret")
        assert "log in with that address" in done.stderr
        assert not (tmp_path / "seen").exists()
    finally:
        server.kill()
        server.communicate()

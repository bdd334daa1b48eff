"""The first administrator of a new service: one of them, and a link that no log has."""

from __future__ import annotations

import os
import pty
import stat
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from grader.store import people
from grader.store.records import TokenKind
from tests.conftest import Command
from tests.postgres import Cluster
from tests.running import GRADER, WAIT_SECONDS, Running, running

pytestmark = pytest.mark.long


def log_in(service: Running, link: str) -> httpx.Response:
    return httpx.post(f"{service.url}/login", data={"token": link}, timeout=60)


def test_the_link_is_in_a_private_file_and_in_no_log(tmp_path: Path, grader: Command) -> None:
    with running(tmp_path, students=0, GRADER_WORKERS="1") as service:
        service.start()
        file = service.home / "first-login"
        link = file.read_text("utf-8")
        assert link.startswith(f"{service.url}/login?next=%2Fsettings#token="), "there they set a password"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert log_in(service, link).headers["location"] == "/"
        assert log_in(service, link).status_code == 403
        log = service.log()
        assert f"the link in {file}" in log
        assert "token=" not in log
        again = grader("admin", "link", "admin", GRADER_HOME=str(service.home))
        assert again.stdout.startswith(f"{service.url}/login#token="), "the address that the service has recorded"
        assert log_in(service, again.stdout.partition("\t")[0]).headers["location"] == "/"


def test_on_a_terminal_the_link_is_printed(tmp_path: Path) -> None:
    with running(tmp_path, students=0, GRADER_WORKERS="1") as service:
        ours, theirs = pty.openpty()
        serve = [GRADER, "serve", "--port", service.url.rpartition(":")[2]]
        service.process = subprocess.Popen(serve, env=service.environment, stderr=theirs, stdin=subprocess.DEVNULL)
        os.close(theirs)
        said = b""
        deadline = time.monotonic() + WAIT_SECONDS
        while b"#token=" not in said:
            assert time.monotonic() < deadline, said
            said += os.read(ours, 4096)
        os.close(ours)
        assert not (service.home / "first-login").exists()


def test_services_that_start_at_once_make_one_administrator(
    tmp_path: Path, postgres: Cluster, postgres_url: str
) -> None:
    with running(tmp_path, students=0, GRADER_DATABASE_URL=postgres_url) as first:
        services = [first, *(first.another() for _ in range(3))]
        for service in services:
            service.launch()
        try:
            for service in services:
                service.wait()
        finally:
            for service in services:
                service.end()
        assert first.log().count("its administrator logs in") == 1
        store = first.open_store()
        with store.read() as tx:
            (admin,) = [who for who in [people.person_by_login(tx, "admin")] if who and who.admin]
            links = [token for token in people.tokens_of(tx, admin.id) if token.kind is TokenKind.LOGIN]
        store.close()
        assert len(links) == 1

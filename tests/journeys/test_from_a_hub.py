"""From a real JupyterHub into the service: with Chromium, and from a notebook in a server that the hub has started."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from jupyter_client import BlockingKernelClient
from playwright.sync_api import expect, sync_playwright

from tests.conftest import TOY_SOLUTION, without_settings
from tests.hub import Hub, jupyterhub
from tests.journeys.test_notebook_magics import Notebook
from tests.journeys.test_report_in_browser import CHROMIUM, FLAGS
from tests.running import GRADER, VERIFY, WAIT_SECONDS, Running, running, until_final

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class Campus:
    """A service with the student s0, and the hub that it trusts."""

    service: Running
    hub: Hub


@pytest.fixture(scope="module")
def campus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campus]:
    folder = tmp_path_factory.mktemp("campus")
    with running(folder, students=1, GRADER_WORKERS="1") as service:
        environment = {
            "GRADER_URL": service.url,
            "GRADER_COURSE": "ml",
            "GRADER_ASSIGNMENT": "toy",
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        }
        with jupyterhub(folder / "hub", f"{service.url}/login/jupyterhub/back", environment) as hub:
            settings = {f"GRADER_{name.upper()}": value for name, value in hub.settings().items()}
            service.environment |= settings | {"GRADER_URL": service.url}
            service.start()
            hub.add_user("s0")
            yield Campus(service, hub)


def test_a_student_logs_in_at_the_hub_in_a_browser(campus: Campus) -> None:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = chromium.new_page()
        page.goto(f"{campus.service.url}/courses/ml")
        page.get_by_role("link", name="Log in with JupyterHub").click()
        assert page.url.startswith(campus.hub.url)
        page.get_by_label("Username").fill("s0")
        page.get_by_label("Password").fill("any")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Machine learning", exact=True)).to_be_visible()
        assert page.url == f"{campus.service.url}/courses/ml"
        chromium.close()


@pytest.fixture(scope="module")
def notebook(campus: Campus) -> Iterator[Notebook]:
    """A notebook of s0 that is open in the student's server."""
    server = campus.hub.start_server("s0")
    _, token = campus.hub.token("s0", "access:servers!user")
    file = campus.hub.folder / "s0" / "homework.ipynb"
    file.write_text("{}")
    session = {"path": file.name, "name": file.name, "type": "notebook", "kernel": {"name": "python3"}}
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.post(
        f"{server}/api/sessions", json=session, headers=headers, verify=VERIFY, timeout=WAIT_SECONDS
    ).raise_for_status()
    connection = Path(campus.hub.folder.parent, "runtime", f"kernel-{answer.json()['kernel']['id']}.json")
    client = BlockingKernelClient(connection_file=str(connection))
    client.load_connection_file()
    client.start_channels(hb=False)  # on a loaded machine, a late heartbeat would count as a death
    client.wait_for_ready(timeout=WAIT_SECONDS)
    yield Notebook(file, client)
    client.stop_channels()


def test_a_notebook_of_the_hub_submits_without_a_login_or_a_token(campus: Campus, notebook: Notebook) -> None:
    assert notebook.run("load", "%load_ext grader").error == ""
    notebook.run("class", TOY_SOLUTION)
    shown = notebook.run("submit", "%grader submit")
    assert "Submitted to ml, toy: homework.ipynb" in shown.text, shown
    submission = re.findall(rf"{campus.service.url}/submissions/(\w+)", shown.text)[0]
    headers = {"Authorization": f"Bearer {campus.service.tokens[0]}"}
    with httpx.Client(base_url=f"{campus.service.url}/api/v1/submissions/", headers=headers, verify=VERIFY) as client:
        assert until_final(client, submission) == "graded"
        assert client.get(submission).json()["authors"][0]["login"] == "s0"
    assert "graded: 4 of" in notebook.run("status", "%grader status").text
    token = notebook.run("token", "import os; print(os.environ['JUPYTERHUB_API_TOKEN'])").error.strip()
    assert token
    home = campus.hub.folder / "s0"
    notebook.cells.clear()
    notebook.save()  # without the output of the last cell
    assert token not in shown.text + shown.html + campus.service.log()
    assert [file for file in home.rglob("*") if file.is_file() and token.encode() in file.read_bytes()] == []
    assert not (home / ".config" / "grader").exists()


# ── where the token of a notebook server is sent ─────────────────────────────────────────────────────


def submit(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `grader submit` in a process with the environment of a notebook server."""
    (folder / "sums.py").write_text(TOY_SOLUTION)
    own = {"XDG_CONFIG_HOME": str(folder / "config"), "GRADER_ASSIGNMENT": "toy", "COLUMNS": "400"}
    return subprocess.run(
        [GRADER, "submit", "sums.py"],
        stdin=subprocess.DEVNULL,
        env=without_settings() | {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"} | own | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
    )


def test_a_stored_login_comes_before_that_of_the_hub(campus: Campus, tmp_path: Path) -> None:
    """Its token is another server's: the hub's goes to no other address than the operator's."""
    login = '{"url": "http://127.0.0.1:9", "course": "ml", "token": "stored"}'
    (tmp_path / "config" / "grader").mkdir(parents=True)
    file = tmp_path / "config" / "grader" / "login.json"
    file.write_text(login)
    file.chmod(0o600)
    done = submit(tmp_path, GRADER_URL=campus.service.url, GRADER_COURSE="ml", JUPYTERHUB_API_TOKEN="a-token")
    assert done.returncode != 0
    assert "no answer from http://127.0.0.1:9" in done.stderr


def test_the_token_is_sent_only_where_the_operator_says_and_only_encrypted(tmp_path: Path) -> None:
    done = submit(tmp_path, GRADER_URL="http://grader.uni.example", GRADER_COURSE="ml", JUPYTERHUB_API_TOKEN="a-token")
    assert done.returncode == 2
    assert "is not encrypted" in done.stderr
    done = submit(tmp_path, JUPYTERHUB_API_TOKEN="a-token")
    assert done.returncode == 2
    assert "you are not logged in: log in with grader login URL COURSE" in done.stderr


def test_a_token_that_the_hub_does_not_know_is_refused_in_one_sentence(campus: Campus, tmp_path: Path) -> None:
    done = submit(tmp_path, GRADER_URL=campus.service.url, GRADER_COURSE="ml", JUPYTERHUB_API_TOKEN="not-of-this-hub")
    assert done.returncode == 2
    assert "JupyterHub does not know the token" in done.stderr
    assert "not-of-this-hub" not in done.stderr

"""`%grader` in a notebook: in a real kernel, and in JupyterLab."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from jupyter_client import BlockingKernelClient, KernelManager
from playwright.sync_api import expect, sync_playwright

from tests.conftest import TOY_SOLUTION, without_settings, write_toy
from tests.journeys.test_report_in_browser import CHROMIUM, FLAGS
from tests.running import WAIT_SECONDS, free_port, running

pytestmark = pytest.mark.long

WRONG = TOY_SOLUTION.replace("return -a", "return a")


@pytest.fixture(scope="module")
def assignments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("assignments")
    write_toy(folder)
    return folder


def write(file: Path, cells: Mapping[str, str], metadata: Mapping[str, object] = {}) -> None:
    """Write a notebook with these code cells, by id."""
    rows = [
        {"cell_type": "code", "id": id, "metadata": {}, "execution_count": None, "outputs": [], "source": source}
        for id, source in cells.items()
    ]
    file.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": rows}))


@dataclass
class Shown:
    """The outputs of a cell, as a notebook shows them after it ran."""

    html: str = ""
    text: str = ""
    error: str = ""
    first_seconds: float = 0.0
    """Time until the first output."""

    @property
    def report(self) -> str:
        """The page in the report's frame."""
        (page,) = re.findall(r'<iframe [^>]*srcdoc="([^"]*)"', self.html)
        return html.unescape(page)


@dataclass
class Notebook:
    """A notebook's file, and a kernel that runs its cells as a front end would."""

    file: Path
    client: BlockingKernelClient
    cells: dict[str, str] = field(default_factory=dict)
    ids_in_file: bool = True
    """False for a front end such as Visual Studio Code, which gives the kernel other ids than the file has."""

    def save(self) -> None:
        write(self.file, self.cells)

    def run(self, id: str, source: str, *, save: bool = True, typed: str | None = None) -> Shown:
        """Write a cell, save the notebook and run the cell."""
        self.cells[id] = source
        if save:
            self.save()
        content = {
            "code": source, "silent": False, "store_history": True, "user_expressions": {},
            "allow_stdin": typed is not None, "stop_on_error": True,
        }  # fmt: skip
        message = self.client.session.msg(
            "execute_request", content, metadata={"cellId": id if self.ids_in_file else f"vscode-notebook-cell:{id}"}
        )
        started = time.monotonic()
        self.client.shell_channel.send(message)
        shown = Shown()
        if typed is not None:
            asked = self.client.get_stdin_msg(timeout=WAIT_SECONDS)
            assert asked["content"]["password"]
            self.client.input(typed)
        while True:
            assert time.monotonic() < started + WAIT_SECONDS, shown  # updates would come for ever
            answer = self.client.get_iopub_msg(timeout=WAIT_SECONDS)
            if answer["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            kind, content = answer["msg_type"], answer["content"]
            shown.first_seconds = shown.first_seconds or (time.monotonic() - started if "data" in content else 0.0)
            if kind in ("display_data", "update_display_data"):  # an update replaces what was shown
                shown.html, shown.text = content["data"]["text/html"], content["data"]["text/plain"]
            elif kind == "stream":
                shown.error += content["text"]
            elif kind == "error":
                shown.error += content["evalue"]
            elif kind == "status" and content["execution_state"] == "idle":
                return shown

    def turn_debugger_on(self) -> None:
        """Turn the kernel's debugger on, as JupyterLab's button does."""
        self._debug("initialize", {"clientID": "jupyterlab", "adapterID": "", "pathFormat": "path"})
        self._debug("attach", {"justMyCode": True})
        self._debug("configurationDone", {})

    def _debug(self, command: str, arguments: Mapping[str, object]) -> None:
        request = {"type": "request", "seq": 1, "command": command, "arguments": arguments}
        message = self.client.session.msg("debug_request", request)
        self.client.control_channel.send(message)
        answer = self.client.get_control_msg(timeout=WAIT_SECONDS)
        assert answer["content"].get("success", True), answer


Open = Callable[..., Notebook]


@pytest.fixture
def open_notebook(tmp_path: Path, assignments: Path) -> Iterator[Open]:
    """Starts a kernel for a notebook in a folder of its own, with the extension loaded."""
    started: list[tuple[KernelManager, BlockingKernelClient]] = []

    def start(named: bool = True, before: Mapping[str, str] = {}, **environment: str) -> Notebook:
        work = tmp_path / "work"
        work.mkdir()
        file = work / "homework.ipynb"
        mine = {"GRADER_ASSIGNMENTS": str(assignments), "GRADER_ASSIGNMENT": "toy"}
        mine |= {"XDG_CONFIG_HOME": str(tmp_path / "config"), "IPYTHONDIR": str(tmp_path / "ipython")}
        mine |= {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
        if named:
            mine["JPY_SESSION_NAME"] = str(file)
        kernel = KernelManager(kernel_name="python3")
        kernel.start_kernel(env=without_settings() | mine | environment, cwd=str(work))
        client = kernel.client()
        started.append((kernel, client))
        client.start_channels()
        client.wait_for_ready(timeout=WAIT_SECONDS)
        notebook = Notebook(file, client)
        for id, source in before.items():
            notebook.run(id, source)
        loaded = notebook.run("load", "%load_ext grader")
        assert loaded.error == ""
        return notebook

    yield start
    for kernel, client in started:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)


def test_a_check_shows_the_report_and_a_fixed_cell_earns_its_points(open_notebook: Open) -> None:
    notebook = open_notebook()
    notebook.run("class", WRONG)
    shown = notebook.run("check", "%grader check")
    assert shown.error == ""
    assert "Autograded 2/4" in shown.text
    assert "2</strong> of 4 autograded" in shown.report
    assert re.search(r"<p>Preview for homework\.ipynb, saved at \d\d:\d\d:\d\d\. The grade comes from", shown.html)
    notebook.run("class", TOY_SOLUTION)
    assert "Autograded 4/4" in notebook.run("check", "%grader check").text
    one = notebook.run("one", "%grader check q1.2 --sandbox plain")
    assert "Autograded 2/2" in one.text
    assert "This is not the grade." in one.report


def test_a_check_ends_while_the_debugger_is_on(open_notebook: Open) -> None:
    notebook = open_notebook()
    notebook.turn_debugger_on()
    notebook.run("class", TOY_SOLUTION)
    assert "Autograded 4/4" in notebook.run("check", "%grader check --sandbox plain").text


def test_nothing_of_the_kernel_or_of_the_students_folder_grades(open_notebook: Open) -> None:
    notebook = open_notebook()
    notebook.file.with_name("pydantic.py").write_text("raise SystemExit('imported')\n")
    notebook.run("class", WRONG)
    notebook.run("forge", "Sums.negative = lambda self, a: -a")
    notebook.run("forge", "import grader.engine.grade as g; g.grade = lambda *a, **k: 1 / 0")
    assert "Autograded 2/4" in notebook.run("check", "%grader check").text


def test_a_notebook_that_is_not_saved_is_said_and_not_submitted(open_notebook: Open) -> None:
    notebook = open_notebook()
    notebook.run("class", WRONG)
    notebook.run("check", "%grader check")
    notebook.run("class", TOY_SOLUTION, save=False)
    shown = notebook.run("check", "%grader check", save=False)
    first = TOY_SOLUTION.strip().partition("\n")[0]
    assert f"<p>The cell `{first}` is not saved as it ran: save the notebook (Ctrl+S) " in shown.html
    assert "Autograded 2/4" in shown.text
    refused = notebook.run("submit", "%grader submit", save=False)
    assert f"nothing is submitted: the cell `{first}` is not saved as it ran" in refused.error
    notebook.save()
    assert "is not saved" not in notebook.run("check", "%grader check q1.2", save=False).html


def test_a_front_end_with_ids_of_its_own_is_understood(open_notebook: Open) -> None:
    notebook = open_notebook()
    notebook.ids_in_file = False
    notebook.run("class", WRONG)
    notebook.run("old", "x = 1")
    del notebook.cells["old"]
    assert "is not saved" not in notebook.run("check", "%grader check").html
    notebook.run("class", TOY_SOLUTION, save=False)
    assert "is not saved as it ran" in notebook.run("check", "%grader check", save=False).html


def test_without_a_file_the_cells_that_ran_are_graded(open_notebook: Open) -> None:
    notebook = open_notebook(named=False, before={"class": WRONG, "broken": "class Sums(:"})
    shown = notebook.run("check", "%grader check")
    assert "Autograded 2/4" in shown.text
    assert "Preview for the cells that ran." in shown.html
    notebook.run("class", TOY_SOLUTION)
    assert "Autograded 4/4" in notebook.run("check", "%grader check").text
    assert "name it, as in %grader submit" in notebook.run("submit", "%grader submit").error
    assert "Autograded 4/4" in notebook.run("named", "%grader check homework.ipynb").text


def test_a_student_submits_from_the_notebook_and_sees_the_report(open_notebook: Open, tmp_path: Path) -> None:
    (tmp_path / "service").mkdir()
    with running(tmp_path / "service", students=1, GRADER_WORKERS="1") as service:
        service.start()
        notebook = open_notebook()
        notebook.run("class", WRONG)
        assert "you are not logged in" in notebook.run("submit", "%grader submit").text
        shown = notebook.run("login", f"%grader login {service.url} ml", typed=service.tokens[0])
        assert "logged in as Student 0 (s0), course ml" in shown.text
        shown = notebook.run("submit", "%grader submit")
        assert "Submitted to ml, toy: homework.ipynb\n" in shown.text
        deadline = time.monotonic() + WAIT_SECONDS
        while "graded: 2 of 5.5 points" not in (shown := notebook.run("status", "%grader status")).text:
            assert time.monotonic() < deadline, shown
        assert "2</strong> of 4 autograded" in shown.report
        assert service.tokens[0] not in notebook.file.read_text()


# ── in JupyterLab ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def lab(tmp_path: Path, assignments: Path) -> Iterator[tuple[str, Path]]:
    """JupyterLab's URL, and the notebook in its folder."""
    work, port = tmp_path / "work", free_port()
    work.mkdir()
    folders = {name: str(tmp_path / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR", "HOME")}
    mine = {"GRADER_ASSIGNMENTS": str(assignments), "GRADER_ASSIGNMENT": "toy"} | folders
    options = ("--no-browser", "--allow-root", f"--port={port}", "--IdentityProvider.token=t")
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *options, f"--ServerApp.root_dir={work}"],
        env=without_settings() | mine, cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while not _answers(f"http://127.0.0.1:{port}/api"):
            assert server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/lab/tree/homework.ipynb?token=t", work / "homework.ipynb"
    finally:
        server.terminate()
        server.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.HTTPError:
        return False


def test_in_jupyterlab_the_report_is_shown_below_the_cell(lab: tuple[str, Path]) -> None:
    url, file = lab
    cells = {"class": WRONG, "load": "%load_ext grader", "check": "%grader check"}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    write(file, cells, {"kernelspec": kernel})
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(WAIT_SECONDS * 1000)
        page.goto(url)
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
        page.get_by_text("| Idle").first.wait_for()  # before, Run All Cells asks for a kernel
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        frame = page.frame_locator('iframe[title="Report"]')
        expect(frame.locator(".total")).to_contain_text("2 of 4 autograded", timeout=WAIT_SECONDS * 1000)
        frame.locator('a[href^="#"]').first.press("Enter")
        page.wait_for_timeout(500)  # what the link would load
        expect(frame.locator(".total")).to_contain_text("2 of 4 autograded")  # still the report
        expect(page.locator(".jp-OutputArea").get_by_text("Preview for homework.ipynb, saved at")).to_be_visible()
        expect(page.get_by_text("is not saved as it ran")).to_have_count(0)
        if folder := os.environ.get("GRADER_TEST_PICTURES"):
            page.screenshot(path=str(Path(folder) / "notebook.png"))
        browser.close()

"""Implement `%grader check`, `%grader submit`, `%grader status` and `%grader login` in a notebook."""

from __future__ import annotations

import datetime as dt
import getpass
import html
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from IPython.core.error import UsageError
from IPython.display import display
from nbformat.v4 import new_code_cell, new_notebook

from grader.intake.modules import modules_beside, saved_sources
from grader.notebook.ran import RanCells

USAGE = """\
%grader check           grade this notebook as it is saved, and show the report
%grader check q2.2      grade one part or check; options of `grader check` may follow, such as --code
%grader login URL COURSE  log in at a service; the command asks for your token
%grader submit          submit this notebook as it is saved, with the modules beside it that it imports
%grader status          show your newest submissions and the report
"""
UPDATE_SECONDS = 1.0
_ANSWERED = (0, 1)
"""Exit codes of commands that ended without an error."""


@dataclass(frozen=True)
class Upload:
    """The files to grade or submit."""

    paths: tuple[Path, ...]
    title: str
    """The names of the files, for example "homework.ipynb, saved at 14:03:10"."""
    unsaved: str = ""
    """First line of a cell that ran but is not saved in the file; empty if all cells that ran are saved."""
    from_kernel: bool = False
    """True if the notebook's file is unknown. The cells that ran are graded instead."""


class GraderMagic:
    """The magic `%grader` of one kernel."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self.ran = RanCells(shell.history_manager.input_hist_raw[1:])  # IPython counts cells from 1

    def __call__(self, line: str) -> None:
        """Run `%grader line`, for example with the line "check q2.2". Print the usage if the command is unknown."""
        command, *words = shlex.split(line) or [""]
        match command:
            case "check":
                self._check(words)
            case "submit":
                self._submit(words)
            case "status":
                self._status(words)
            case "login":
                self._login(words)
            case "logout":
                _run_and_print(["logout"], "logging out")
            case _:
                print(USAGE, end="")  # noqa: T201  a magic prints to its cell

    def _check(self, words: list[str]) -> None:
        """Grade the notebook and show the report. `words` are a notebook's name and a part, both optional, and
        options."""
        with tempfile.TemporaryDirectory(prefix="grader-") as folder:
            upload = self._upload(words, Path(folder))
            only = ["--only", words.pop(0)] if words and not words[0].startswith("-") else []
            page = Path(folder) / "report.html"
            output = _Output(f"Grading {upload.title}")
            command = output.run(["check", *map(str, upload.paths), "--html", str(page), *only, *words])
            output.result(command, _heading(upload), page)

    def _submit(self, words: list[str]) -> None:
        """Submit the notebook as it is saved. Refuse if a cell ran that is not saved: the student would believe that it
        is submitted. `words` are a notebook's name, which is optional, and options."""
        with tempfile.TemporaryDirectory(prefix="grader-") as folder:
            upload = self._upload(words, Path(folder))
            if upload.from_kernel:
                raise UsageError("the notebook's file was not found: name it, as in %grader submit homework.ipynb")
            if upload.unsaved:
                raise UsageError(
                    f"nothing is submitted: the cell `{upload.unsaved}` is not saved as it ran; "
                    "save the notebook (Ctrl+S), and run this cell again"
                )
            _run_and_print(["submit", *map(str, upload.paths), *words], f"Submitting {upload.title}")

    def _status(self, words: list[str]) -> None:
        """Show the newest submissions, and the report of the newest one if it is graded."""
        with tempfile.TemporaryDirectory(prefix="grader-") as folder:
            page = Path(folder) / "report.html"
            output = _Output("Asking the service")
            command = output.run(["status", "--html", str(page), *words])
            # without the line that names the page's file, which is removed after it was shown
            lines = [line for line in command.stdout.splitlines() if str(page) not in line]
            output.result(command, _paragraphs(lines), page)

    def _login(self, words: list[str]) -> None:
        if len(words) != 2:
            raise UsageError(
                "write %grader login URL COURSE: the command asks for your token, which must not be saved in a cell"
            )
        token = getpass.getpass("Token (from the service's page Settings): ")
        _run_and_print(["login", *words], "Logging in", token)

    def _upload(self, words: list[str], folder: Path) -> Upload:
        """Return the notebook and the modules that it imports. If `words` begins with the name of a notebook, such as
        "homework.ipynb", remove the name from `words` and use this notebook."""
        named = Path(words.pop(0)) if words and words[0].endswith(".ipynb") else None
        file = named or notebook_file(self._shell.user_ns)
        if file is None:
            cells = [new_code_cell(source) for source in self.ran.sources()]
            nbformat.write(new_notebook(cells=cells), folder / "notebook.ipynb")
            return Upload((folder / "notebook.ipynb",), "the cells that ran", from_kernel=True)
        if not file.is_file():
            raise UsageError(f"there is no notebook {file}")
        modules = modules_beside(file)
        names = ", ".join([file.name, *(module.name for module in modules)])
        saved_at = file.stat().st_mtime
        unsaved = "" if named else self.ran.first_unsaved(saved_sources(file), saved_at)
        local_time = dt.datetime.fromtimestamp(saved_at).astimezone()
        return Upload((file, *modules), f"{names}, saved at {local_time:%H:%M:%S}", unsaved)


def load(shell: Any) -> None:
    """Register the magic `%grader` in an IPython shell, unless it is already registered."""
    if isinstance(shell.find_line_magic("grader"), GraderMagic):
        return
    magic = GraderMagic(shell)
    shell.events.register("pre_run_cell", magic.ran.record)
    shell.register_magic_function(magic, "line", "grader")


def notebook_file(names: Mapping[str, Any]) -> Path | None:
    """Return the file of the running notebook; None if it is unknown.

    Args:
        names: The kernel's variables. Visual Studio Code stores the file name in one of them. Jupyter stores it in an
            environment variable.
    """
    for name in (os.environ.get("JPY_SESSION_NAME"), names.get("__vsc_ipynb_file__")):
        if isinstance(name, str) and name.endswith(".ipynb") and Path(name).is_file():
            return Path(name)
    return None


class _Output:
    """The output of a cell. It is updated while a command runs, and when the command has ended."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._handle = display(_content(f"{doing} …"), raw=True, display_id=True)

    def run(self, arguments: Sequence[str], line: str = "") -> subprocess.CompletedProcess[str]:
        """Run a `grader` command, show the elapsed time meanwhile, and return the result. If the kernel is interrupted,
        end the command."""
        started = time.monotonic()
        with _undebugged():
            process = subprocess.Popen(
                # -P: the grader must not import files from the student's folder, such as numpy.py
                [sys.executable, "-P", "-m", "grader", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                env=_environment(),
            )
        sent: str | None = line
        try:
            while True:
                try:
                    out, err = process.communicate(sent, timeout=UPDATE_SECONDS)
                    return subprocess.CompletedProcess(arguments, process.returncode, out, err)
                except subprocess.TimeoutExpired:
                    sent = None  # the line is sent only once
                    self._show(_content(f"{self._doing} … {time.monotonic() - started:.0f} s"))
        except KeyboardInterrupt:
            raise UsageError("interrupted") from None
        finally:
            if process.poll() is None:
                process.terminate()
                process.communicate()

    def result(self, command: subprocess.CompletedProcess[str], heading: str = "", page: Path | None = None) -> None:
        """Show the result of a command. If the command wrote a report to `page`, show the report below the heading.
        Otherwise show the printed text. If the command failed or printed nothing, show the error message."""
        text = command.stdout.strip()
        is_answer = command.returncode in _ANSWERED
        if is_answer and page and page.exists():
            report = _frame(page.read_text("utf-8"))
            self._show({"text/html": heading + report, "text/plain": command.stdout})
        elif is_answer and text:
            self._show(_content(text))
        else:
            message = command.stderr.strip() or text or f"exit code {command.returncode}"
            self._show(_content(message, "color: #c33"))

    def _show(self, content: dict[str, str]) -> None:
        self._handle.update(content, raw=True)


def _run_and_print(arguments: Sequence[str], doing: str, line: str = "") -> None:
    output = _Output(doing)
    output.result(output.run(arguments, line))


def _frame(page: str) -> str:
    """Return a frame that shows a report's HTML page. The frame runs no scripts, so the page cannot affect the
    notebook.

    A `<base>` element makes the report's links lead to places in the frame, and not to the notebook's page.
    """
    page = page.replace("<head>", '<head><base href="about:srcdoc">', 1)
    return (
        f'<iframe title="Report" sandbox srcdoc="{html.escape(page)}" '
        'style="width: 100%; height: 36em; resize: vertical; border: 1px solid #8888"></iframe>'
    )


def _undebugged() -> AbstractContextManager[None]:
    """Return a context in which new processes are started without the kernel's debugger. Otherwise they would wait for
    a front end that debugs them too, and JupyterLab does not."""
    debugger = sys.modules.get("pydevd")
    if debugger is None:
        return nullcontext()
    context: AbstractContextManager[None] = debugger.skip_subprocess_arg_patch()
    return context


def _environment() -> dict[str, str]:
    """Return the environment variables for a command. They make it print plain text without colors, and keep matplotlib
    from opening windows."""
    environment = dict(os.environ)
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE"):
        environment.pop(name, None)
    environment |= {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "100"}
    return environment | {"MPLBACKEND": "agg", "PYTHONIOENCODING": "utf-8"}


def _heading(upload: Upload) -> str:
    lines = []
    if upload.unsaved:
        lines.append(f"The cell `{upload.unsaved}` is not saved as it ran: save the notebook (Ctrl+S) and check again.")
    lines.append(f"Preview for {upload.title}. The grade comes from the files that you submit (%grader submit).")
    return _paragraphs(lines)


def _paragraphs(lines: Sequence[str]) -> str:
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)


def _content(text: str, style: str = "") -> dict[str, str]:
    page = f'<pre style="{style}">{html.escape(text)}</pre>'
    return {"text/html": page, "text/plain": text}

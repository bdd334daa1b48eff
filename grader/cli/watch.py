"""`grader watch`: grade the code on every save, and show the change of points since the last save."""

from __future__ import annotations

import atexit
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.text import Text

from grader.assignments.catalogue import Assignment
from grader.cli.common import AssignmentOption, SandboxOption, assignment_of, out, print_line, sandbox_for, seed
from grader.engine.grade import Scope, grade
from grader.errors import BadCall
from grader.intake.modules import with_modules
from grader.intake.receive import receive_paths
from grader.model import ZERO, CheckResult, Report, Status, Written, show_points
from grader.render.terminal import Terminal
from grader.sandbox.contract import Sandbox
from grader.sandbox.prewarmed import PrewarmedSandbox

Event = Literal["saved", "train", "trained", "quit"]
"""The file was saved, the key to run long checks was pressed, a run of long checks has ended, or the key to quit was
pressed."""

POLL_SECONDS = 0.2
"""Interval at which the files are checked for changes."""
GRACE_SECONDS = 0.5
"""Time that a terminated training run gets to clean up before it is killed."""


def keys(assignment: Assignment, *, pressed: bool) -> str:
    """Return the line below the report that names the keys to press.

    Args:
        assignment: The assignment.
        pressed: True if key presses can be read from the terminal.
    """
    help_line = "saving the file grades it again"
    if not pressed:
        return f"{help_line} · Ctrl-C quits"
    names = _long_checks(assignment)
    if names:
        help_line += f" · m runs {names} too"
    return f"{help_line} · q quits"


def _long_checks(assignment: Assignment) -> str:
    """Return the names of the long checks that can be run. A student's pack cannot run long checks."""
    long_checks = () if assignment.recorded else assignment.manifest.long
    return ", ".join(check.name for check in long_checks)


def watch(
    path: Annotated[Path, typer.Argument(help="A Python file, a notebook, a zip, or a folder of them.")],
    assignment: AssignmentOption = "",
    sandbox: SandboxOption = "auto",
) -> None:
    """Grade the code again on every save, and show what the save has changed. The keys are shown below the report."""
    task = assignment_of(assignment)
    if not path.exists():
        raise BadCall(f"there is no file or folder {path} to watch")
    print_line(f"grading {path.name} …", "dim")
    with sandbox_for(sandbox, assignment=task) as chosen:
        watch_files(path, task, chosen)


def watch_files(path: Path, assignment: Assignment, sandbox: Sandbox) -> None:
    """Grade the file now and on every save, until q or Ctrl-C. A save or a key press also stops running long checks,
    such as a training."""
    report: Report | None = None
    training: TrainingRun | None = None
    reads_keys = out.is_terminal and sys.stdin.isatty()
    help_line = keys(assignment, pressed=reads_keys)
    events: queue.Queue[Event] = queue.Queue()
    events.put("saved")
    stop = threading.Event()
    threading.Thread(target=_watch_files, args=(path, events, stop), daemon=True).start()
    if reads_keys:
        threading.Thread(target=_watch_keys, args=(events,), daemon=True).start()
    with closing(PrewarmedSandbox(sandbox, assignment.limits)) as prewarmed:
        try:
            while True:
                event = events.get()
                if event == "trained":
                    if training is not None and training.ended:  # otherwise a new run has begun since
                        print_line(help_line, "dim")
                    continue
                broken_off = training is not None and training.stop()
                out.show_cursor()  # an interrupted live display leaves the cursor hidden
                if event == "quit":
                    return
                if event == "train" and _long_checks(assignment):
                    training = TrainingRun(path, assignment, sandbox, events)
                elif event == "saved":
                    report = _grade_once(path, assignment, prewarmed, report)
                    print_line(help_line, "dim")
                    if broken_off:
                        print_line("the save ended the long run; m starts it again", "yellow")
        finally:
            stop.set()
            if training is not None:
                training.stop()


class TrainingRun:
    """A `grader check` with long checks, in a separate process on the same terminal."""

    def __init__(self, path: Path, assignment: Assignment, sandbox: Sandbox, events: queue.Queue[Event]) -> None:
        program = (sys.executable, "-P", "-m", "grader")  # -P: import no file of the current folder, such as a numpy.py
        options = ("--assignment", str(assignment.folder), "--sandbox", sandbox.name)
        self._process = subprocess.Popen([*program, "check", str(path), *options], stdin=subprocess.DEVNULL)
        threading.Thread(target=self._report_end, args=(events,), daemon=True).start()

    def _report_end(self, events: queue.Queue[Event]) -> None:
        self._process.wait()
        events.put("trained")

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def stop(self) -> bool:
        """Stop the process. Return True if it was still running."""
        was_running = not self.ended
        self._process.terminate()
        try:
            self._process.wait(timeout=GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()  # its sandbox sessions then end too
            self._process.wait()
        return was_running


def _grade_once(path: Path, assignment: Assignment, sandbox: Sandbox, previous: Report | None) -> Report | None:
    """Grade the file. Print the change since the previous report, and the new report. Return the new report, or the
    previous one if the file cannot be read."""
    try:
        submission = receive_paths(with_modules([path]), assignment.files[0])
    except BadCall as wrong:
        print_line(str(wrong), "red")
        return previous
    report = grade(submission, assignment, sandbox, seed(), Scope(code_only=True))
    if out.is_terminal:
        out.clear()
    if previous is not None:
        out.print(change(previous, report))
    out.print(Terminal(report))
    return report


def change(previous: Report, report: Report) -> Text:
    """Return the change of points between two reports, such as "0 → 34, all passed" or "28 → 31: +3 q2.2.W1"."""
    text = Text(f"{show_points(previous.points)} → {show_points(report.points)}", "bold")
    decided = [check for check in report.checks if check.status.is_decided]
    if decided and all(check.status is Status.PASSED for check in decided):
        return text.append(", all passed", "green")
    earned = {result.id: result.points for result in _results(previous)}
    differences = []
    for result in _results(report):
        difference = result.points - earned.get(result.id, ZERO)
        if difference:
            sign, style = ("+", "green") if difference > 0 else ("-", "red")
            differences.append(Text(f"{sign}{show_points(abs(difference))} {result.id}", style))
    if not differences:
        return text.append(", no change since the last save", "dim")
    return text + Text(": ") + Text(", ").join(differences)


def _results(report: Report) -> tuple[CheckResult | Written, ...]:
    return (*report.checks, *report.written)


def _watch_files(path: Path, events: queue.Queue[Event], stop: threading.Event) -> None:
    """Put a "saved" event into the queue after each save. A save is over when the files no longer change. Many editors
    empty or remove a file before they write it, so that alone is no save."""
    saved = previous = _files(path)
    while not stop.wait(POLL_SECONDS):
        current = _files(path)
        if current == previous and current != saved:
            if current.keys() >= saved.keys():
                events.put("saved")
            saved = current
        previous = current


def _files(path: Path) -> dict[Path, int]:
    """Return the times at which the file, or the files in the folder except in hidden folders, were modified. Leave out
    empty files. For a notebook, include the modules beside it, which it may import."""
    modules = path.parent.glob("*.py") if path.suffix == ".ipynb" else ()
    modified_ns = {}
    for file in _walk(path) if path.is_dir() else [path, *modules]:
        with suppress(OSError):  # the file was removed just now
            status = file.stat()
            if status.st_size:
                modified_ns[file] = status.st_mtime_ns
    return modified_ns


def _walk(path: Path) -> Iterator[Path]:
    """Yield all files in a folder and below, except in hidden folders and folders such as __pycache__."""
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        for name in names:
            yield Path(folder, name)


def _watch_keys(events: queue.Queue[Event]) -> None:
    """Put an event into the queue for each key that has a meaning. Return after a key to quit: q, Ctrl-C, Ctrl-D, or
    the end of the input."""
    for key in _key_presses():
        if key in ("m", "M"):
            events.put("train")
        elif key in ("q", "Q", "\x03", "\x04", ""):
            events.put("quit")
            return


def _key_presses() -> Iterator[str]:
    """Yield each pressed key, without waiting for Enter."""
    if sys.platform == "win32":
        import msvcrt

        while True:
            yield msvcrt.getwch()
    import termios
    import tty

    terminal = sys.stdin.fileno()
    settings = termios.tcgetattr(terminal)
    # at exit, since this generator runs in a daemon thread that does not end before the program
    atexit.register(termios.tcsetattr, terminal, termios.TCSADRAIN, settings)
    tty.setcbreak(terminal)
    while True:
        yield os.read(terminal, 1).decode("latin-1")

"""`grader watch`: the code checks again on every save, and what the save has changed."""

from __future__ import annotations

import atexit
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import click
from rich.console import Console
from rich.text import Text
from watchfiles import watch as watch_files

from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.engine.grade import Scope, grade
from grader.errors import BadCall
from grader.intake.receive import receive_path
from grader.model import Limits, Report, Status, show_points
from grader.render.terminal import Terminal
from grader.sandbox.contract import Sandbox
from grader.sandbox.prewarmed import PrewarmedSandbox

Event = Literal["saved", "train", "trained", "quit"]

GRACE_SECONDS = 0.5
"""So long may a training that is broken off tidy up."""


def keys(assignment: Assignment) -> str:
    """Return the line that says what can be done."""
    names = ", ".join(long.name for long in assignment.manifest.long)
    return f"saving the file grades it again · {f'm runs {names} too · ' if names else ''}q ends"


def watch(path: Path, assignment: Assignment, sandbox: Sandbox, seed: Seed, console: Console) -> None:
    """Grades at every event, the first of which comes at once, until q or Ctrl-C. Whatever comes during a training ends
    it: what is saved by then is no longer what is trained."""
    before: Report | None = None
    training: Training | None = None
    console.print(f"grading {path.name} …", style="dim", markup=False)
    with _ready_ahead(sandbox, assignment.limits) as room:
        try:
            for event, events in _events(path, console):
                if event == "trained":
                    if training is not None and training.ended:
                        console.print(keys(assignment), style="dim")
                    continue
                broken_off = training is not None and training.stop()
                console.show_cursor()  # which a display that is cut short leaves hidden
                if event == "quit":
                    return
                if event == "train":
                    training = Training(path, assignment, sandbox, events)
                else:
                    before = _round(path, assignment, room, seed, before, console)
                    if broken_off:
                        console.print("the save ended the long run; m starts it again", style="yellow")
        finally:
            if training is not None:
                training.stop()


class Training:
    """A full `grader check` in a process of its own, on the same terminal: so keys and saves are heard meanwhile, and
    it can be ended at any moment."""

    def __init__(self, path: Path, assignment: Assignment, sandbox: Sandbox, events: queue.Queue[Event]) -> None:
        command = ("check", str(path), "--assignment", str(assignment.folder), "--sandbox", sandbox.name)
        # -P: what lies in the student's folder (a numpy.py, say) is not ours to import
        self._process = subprocess.Popen([sys.executable, "-P", "-m", "grader", *command], stdin=subprocess.DEVNULL)
        threading.Thread(target=self._tell, args=(events,), daemon=True).start()

    def _tell(self, events: queue.Queue[Event]) -> None:
        self._process.wait()
        events.put("trained")

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def stop(self) -> bool:
        """Whether it was still running."""
        if self.ended:
            return False
        self._process.terminate()
        try:
            self._process.wait(timeout=GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()  # its sessions notice, and end
            self._process.wait()
        return True


@contextmanager
def _ready_ahead(sandbox: Sandbox, limits: Limits) -> Iterator[Sandbox]:
    ahead = PrewarmedSandbox(sandbox, limits)
    try:
        yield ahead
    finally:
        ahead.close()


def _round(
    path: Path,
    assignment: Assignment,
    sandbox: Sandbox,
    seed: Seed,
    before: Report | None,
    console: Console,
) -> Report | None:
    """One grading, shown. A file that cannot be read just now (half saved, say) leaves the last report standing."""
    try:
        submission = receive_path(path, assignment.files[0])
    except BadCall as wrong:
        console.print(f"{wrong}", style="red", markup=False)
        return before
    report = grade(submission, assignment, sandbox, seed, Scope(code_only=True))
    if console.is_terminal:
        console.clear()
    console.print(Terminal(report))
    if before is not None:
        console.print(_since(before, report))
    console.print(keys(assignment), style="dim")
    return report


def _since(before: Report, now: Report) -> Text:
    """ "since last save: +3 q2.2.W1, -1 q2.3.step"; of what both have decided."""
    earned = {c.id: c.points for c in before.checks if c.status is not Status.WAITING}
    decided = [c for c in now.checks if c.status is not Status.WAITING and c.id in earned]
    changes = [(c.points - earned[c.id], c.id) for c in decided]
    words = [
        (f"{'+' if d > 0 else '-'}{show_points(abs(d))} {id}", "green" if d > 0 else "red") for d, id in changes if d
    ]
    if not words:
        return Text("since last save: no change", "dim")
    text = Text("since last save: ")
    for index, (word, style) in enumerate(words):
        text.append(", " if index else "")
        text.append(word, style)
    return text


def _events(path: Path, console: Console) -> Iterator[tuple[Event, queue.Queue[Event]]]:
    """A first grading, then saves and keys, whichever comes, and the queue for more; many saves at once are one."""
    events: queue.Queue[Event] = queue.Queue()
    events.put("saved")
    stop = threading.Event()
    sources: list[Callable[[], None]] = [lambda: _saves(path, events, stop)]
    if console.is_terminal and sys.stdin.isatty():
        sources.append(lambda: _keys(events))
    for source in sources:
        threading.Thread(target=source, daemon=True).start()
    try:
        while True:
            yield events.get(), events
    finally:
        stop.set()


def _saves(path: Path, events: queue.Queue[Event], stop: threading.Event) -> None:
    for changes in watch_files(path.parent if path.is_file() else path, stop_event=stop, debounce=200):
        if path.is_dir() or any(Path(changed).name == path.name for _, changed in changes):
            events.put("saved")


def _keys(events: queue.Queue[Event]) -> None:
    for key in _typed():
        if key in ("m", "M"):
            events.put("train")
        elif key in ("q", "Q", "\x03", "\x04", ""):
            events.put("quit")
            return


def _typed() -> Iterator[str]:
    """Key by key, where the terminal can do that without losing its line ends: click's raw mode would turn what is
    printed meanwhile into stairs."""
    if sys.platform == "win32":
        while True:
            yield click.getchar()
    import termios
    import tty

    terminal = sys.stdin.fileno()
    settings = termios.tcgetattr(terminal)
    atexit.register(termios.tcsetattr, terminal, termios.TCSADRAIN, settings)
    tty.setcbreak(terminal)
    while True:
        yield os.read(terminal, 1).decode("latin-1")

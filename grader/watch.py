"""`grader watch`: the code checks again on every save, and what the save has changed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import click
from rich.console import Console
from rich.text import Text
from watchfiles import watch as watch_files

from grader.catalogue import Assignment
from grader.errors import BadCall
from grader.intake import receive_path
from grader.model import Limits, Report, show_points
from grader.pipeline import Scope, grade
from grader.render.terminal import Terminal
from grader.sandbox.ahead import Ahead
from grader.sandbox.contract import Sandbox
from grader.seeds import Seed

Event = Literal["saved", "train", "quit"]


def watch(path: Path, assignment: Assignment, sandbox: Sandbox, seed: Seed, console: Console) -> None:
    """Grades at every event, the first of which comes at once, until q or Ctrl-C."""
    before: Report | None = None
    with _ready_ahead(sandbox, assignment.limits) as room:
        for event in _events(path, console):
            if event == "quit":
                return
            scope = Scope() if event == "train" else Scope(code_only=True)
            before = _round(path, assignment, room, seed, scope, before, console)


@contextmanager
def _ready_ahead(sandbox: Sandbox, limits: Limits) -> Iterator[Sandbox]:
    if sandbox.name != "plain":
        yield sandbox  # it is warm
        return
    ahead = Ahead(sandbox, limits)
    try:
        yield ahead
    finally:
        ahead.close()


def _round(
    path: Path,
    assignment: Assignment,
    sandbox: Sandbox,
    seed: Seed,
    scope: Scope,
    before: Report | None,
    console: Console,
) -> Report | None:
    """One grading, shown. A file that cannot be read just now (half saved, say) leaves the last report standing."""
    try:
        submission = receive_path(path)
    except BadCall as wrong:
        console.print(f"{wrong}", style="red", markup=False)
        return before
    report = grade(submission, assignment, sandbox, seed, scope)
    if console.is_terminal:
        console.clear()
    console.print(Terminal(report))
    if before is not None:
        console.print(_since(before, report))
    console.print("saving the file grades it again · m trains on MNIST · q ends", style="dim")
    return report


def _since(before: Report, now: Report) -> Text:
    """ "since last save: +3 q2.2.W1, -1 q2.3.step"."""
    earned = {c.id: c.points for c in before.checks}
    changes = [(c.points - earned.get(c.id, c.points), c.id) for c in now.checks]
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


def _events(path: Path, console: Console) -> Iterator[Event]:
    """A first grading, then saves and keys, whichever comes; several saves in a moment are one."""
    events: queue.Queue[Event] = queue.Queue()
    events.put("saved")
    stop = threading.Event()
    sources: list[Callable[[], None]] = [lambda: _saves(path, events, stop)]
    if console.is_terminal:
        sources.append(lambda: _keys(events))
    for source in sources:
        threading.Thread(target=source, daemon=True).start()
    try:
        while True:
            yield events.get()
    finally:
        stop.set()


def _saves(path: Path, events: queue.Queue[Event], stop: threading.Event) -> None:
    for changes in watch_files(path.parent if path.is_file() else path, stop_event=stop, debounce=200):
        if path.is_dir() or any(Path(changed).name == path.name for _, changed in changes):
            events.put("saved")


def _keys(events: queue.Queue[Event]) -> None:
    while True:
        key = click.getchar()
        if key in ("m", "M"):
            events.put("train")
        elif key in ("q", "Q", "\x03", "\x04"):
            events.put("quit")
            return

"""The live display of a grading: graded parts, and the time of each long check, such as a training."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import cached_property

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table

from grader.assignments.catalogue import Assignment
from grader.engine.grade import Progress
from grader.model import CheckResult, Part
from grader.render.terminal import graded_parts


class GradingDisplay:
    """A live display of a grading on a terminal. Without a terminal, nothing is printed."""

    def __init__(self, console: Console, assignment: Assignment, *, quick: bool = False) -> None:
        self._assignment = assignment
        self._quick = quick
        self._current_section = "starting"
        """The section whose checks run now, without long checks; empty between sections."""
        self._decided: dict[str, list[CheckResult]] = {}
        """Section → results of its checks, for each finished section."""
        self._started_at: dict[str, float] = {}
        """Section of a long check, which is running or done → time at which it started."""
        self._spinner = Spinner("dots")
        self._live = Live(console=console, transient=True, get_renderable=lambda: self, refresh_per_second=5)
        self._shown = console.is_terminal

    def watch(self, event: Progress) -> None:
        """Update the display with an event of the grading."""
        if not self._shown:
            return
        section = event.section
        if event.done:
            self._decided[section] = list(event.checks)
        if not event.long:
            self._current_section = "" if event.done else section
        elif not event.done:
            self._started_at[section] = time.monotonic()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the graded parts and the running checks. Leave out the reasons for lost points if the screen is too
        small."""
        running = self._running_checks()
        parts = self._graded_parts()
        if parts:
            table = graded_parts(parts, reasons=True)
            needed = len(console.render_lines(table, options)) + len(console.render_lines(running, options))
            yield table if needed < console.height else graded_parts(parts, reasons=False)
        yield running

    def _graded_parts(self) -> list[Part]:
        """Return the parts of the assignment whose checks have all been graded."""
        decided = dict(self._decided)
        parts = []
        for row in self._assignment.parts:
            if row.sections and decided.keys() >= row.sections.keys():
                checks = []
                for section in row.sections:
                    checks += decided[section]
                parts.append(Part(row.id, row.title, tuple(checks)))
        return parts

    def _running_checks(self) -> Table:
        """Return a line for the section that runs now, and a line for each long check."""
        table = Table.grid(padding=(0, 2, 0, 0))
        if self._current_section:
            table.add_row(self._spinner, "code checks", self._current_section)
        for section, started_at in list(self._started_at.items()):  # a copy, since rich's thread draws the display
            check = self._assignment.manifest.long_check(section)
            assert check is not None, "a long section belongs to a long check"
            title = f"{check.name} {section}"
            if section in self._decided:
                table.add_row("✓", title, "done")
                continue
            usual_seconds = self._usual_seconds.get(section.rpartition(".")[2])
            expected = f"at most {check.cpu_seconds:g} CPU seconds"
            if usual_seconds is not None:
                expected = f"usually {usual_seconds:.0f} s"
            table.add_row(self._spinner, title, f"{time.monotonic() - started_at:.0f} s, {expected}")
        return table

    @cached_property
    def _usual_seconds(self) -> Mapping[str, float]:
        """Long check → CPU seconds that the reference solution uses in it, measured by `grader calibrate`; empty if not
        measured."""
        file = self._assignment.folder / ("calibration-quick.json" if self._quick else "calibration.json")
        if not file.is_file():
            return {}
        measured = json.loads(file.read_text("utf-8"))
        return {name: row["cpu_seconds"] for name, row in measured.items()}

    def __enter__(self) -> GradingDisplay:
        if self._shown:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._live.stop()

"""What a person sees while a submission is graded: code checks as they are decided, a bar for each training."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from grader import pipeline
from grader.catalogue import Assignment


class Display:
    """A progress display on a terminal; silent elsewhere."""

    def __init__(self, console: Console, assignment: Assignment) -> None:
        code = [s for part in assignment.parts for s in part.sections]
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._total = len(code)
        self._code = self._progress.add_task("code checks", total=None)
        self._long: dict[str, int] = {}

    def watch(self, happened: pipeline.Progress) -> None:
        if happened.long:
            self._watch_long(happened)
        else:
            state = "" if happened.done else happened.section
            self._progress.update(self._code, description=f"code checks {state}")

    def _watch_long(self, happened: pipeline.Progress) -> None:
        section = happened.section
        if happened.done:
            self._progress.update(self._progress.task_ids[self._long[section]], total=1, completed=1)
        elif section not in self._long:
            self._long[section] = len(self._progress.task_ids)
            self._progress.add_task(f"training {section}", total=None)

    def __enter__(self) -> Display:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

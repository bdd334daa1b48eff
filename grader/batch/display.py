"""The progress display of a batch: counts, speed, time left, and running gradings."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from enum import StrEnum
from statistics import mean

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from grader.render.text import one_line

LINE_SECONDS = 30.0
"""Interval between printed lines if there is no terminal."""

RECENT = 30
"""The time left is estimated from the mean duration of the latest gradings, up to this number of them."""


class JobOutcome(StrEnum):
    """The outcome of a submission in a run, as in the line "12 graded"."""

    GRADED = "graded"
    KNOWN = "graded before"
    """An equal submission was graded already, in an earlier run or for another student."""
    UNREADABLE = "unreadable"
    FAILED = "internal errors"
    """The grader failed."""


class Display:
    """A live display of a batch's progress. Without a terminal, it prints a line every half minute."""

    def __init__(
        self,
        console: Console,
        total: int,
        places: Callable[[str], Sequence[str]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create a display.

        Args:
            console: The console to print to.
            total: Number of submissions.
            places: Function from a content hash to the paths, in the export, of all submissions with this hash.
            clock: Function that returns the time in seconds.
        """
        self._console = console
        self._total = total
        self._places = places
        self._clock = clock
        self._printed_at = clock()
        """Time of the last printed line, or of the start."""
        self._counts: Counter[JobOutcome] = Counter()
        self._running: dict[str, float] = {}
        """Content of the submissions that are being graded → time at which this began."""
        self._durations: deque[float] = deque(maxlen=RECENT)
        """Seconds of the latest gradings."""
        self._parallel = 1
        """Largest number of gradings that ran at the same time so far."""
        self._notice = ""
        self._live = Live(console=console, get_renderable=lambda: self, refresh_per_second=4, transient=True)

    def started(self, content: str) -> None:
        """Show that the submissions with this content (a hash) are being graded."""
        self._running.setdefault(content, self._clock())
        self._parallel = max(self._parallel, len(self._running))

    def ended(self, content: str, seconds: float | None) -> None:
        """Show that the submissions with this content (a hash) are no longer being graded. `seconds` is the duration of
        the grading; None if the grading failed."""
        self._running.pop(content, None)
        if seconds is not None:
            self._durations.append(seconds)

    def finished(self, outcome: JobOutcome, count: int = 1) -> None:
        """Count submissions with this outcome."""
        self._counts[outcome] += count
        self._print_if_due()

    def notice(self, words: str) -> None:
        """Show the reason why no worker grades the queued submissions; "" if workers grade them."""
        if words != self._notice and words and not self._console.is_terminal:
            self._console.print(Text(one_line(words, 400)))
        self._notice = words
        self._print_if_due()

    def _print_if_due(self) -> None:
        if not self._console.is_terminal and self._clock() - self._printed_at > LINE_SECONDS:
            self._print_summary()

    def _print_summary(self) -> None:
        self._printed_at = self._clock()
        self._console.print(self._summary())

    @property
    def _done(self) -> int:
        return self._counts.total()

    def _summary(self) -> Text:
        """Return the progress as one line, such as "12 of 90 · 1.5 a second · 0:00:52 left · 12 graded"."""
        phrases = [f"{self._done} of {self._total}"]
        mean_seconds = mean(self._durations) if self._durations else 0.0
        if mean_seconds:
            rate = self._parallel / mean_seconds
            phrases.append(f"{rate:.1f} a second" if rate >= 1 else f"{60 * rate:.1f} a minute")
            seconds_left = self._seconds_left(mean_seconds)
            if seconds_left >= 1:
                phrases.append(f"{dt.timedelta(seconds=round(seconds_left))} left")
        phrases += [f"{count} {outcome}" for outcome, count in self._counts.items()]
        return Text(" · ".join(phrases))

    def _seconds_left(self, mean_seconds: float) -> float:
        """Return the estimated seconds until the batch ends, if each grading takes `mean_seconds`."""
        now = self._clock()
        not_begun = self._total - self._done
        work_seconds = 0.0
        for content, started_at in self._running.items():
            not_begun -= len(self._places(content))
            work_seconds += max(0.0, started_at + mean_seconds - now)
        work_seconds += max(0, not_begun) * mean_seconds
        return work_seconds / self._parallel

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the progress bar, the summary, the notice, and a table of the running gradings with their seconds. A
        grading is shown by the place of its first submission."""
        yield ProgressBar(total=max(self._total, 1), completed=self._done, width=min(60, options.max_width))
        yield self._summary()
        if self._notice:
            yield Text(one_line(self._notice, 400), "yellow")
        table = Table.grid(padding=(0, 2, 0, 0))
        for content, started_at in list(self._running.items()):  # a copy, since rich's thread draws the display
            place = next(iter(self._places(content)), "")
            table.add_row(Text(one_line(place, 50)), Text(f"{self._clock() - started_at:.0f} s", "dim"))
        yield table

    def __enter__(self) -> Display:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()
        else:
            self._print_summary()

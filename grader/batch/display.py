"""What an instructor sees meanwhile: how far it is, how fast, what has come out so far, and what runs."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from statistics import mean

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from grader.batch.run import Became, Begun, Notice, Settled
from grader.model import ZERO, Points, show_points
from grader.render.text import one_line

LINE_SECONDS = 30.0
"""So often a line is printed where there is no terminal."""

RECENT = 30
"""From so many gradings it is told how long one takes: the first ones also start processes and fill caches."""

_SPOKEN = {
    Became.GRADED: "graded",
    Became.KNOWN: "graded before",
    Became.UNREADABLE: "unreadable",
    Became.FAILED: "our failures",
}


class Display:
    """On a terminal it lives in place; elsewhere it is a line now and then."""

    def __init__(
        self,
        console: Console,
        total: int,
        places: Callable[[str], tuple[str, ...]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`places`: the hand-ins with the bytes of a key. `clock`: seconds."""
        self._console = console
        self._total = total
        self._places = places
        self._clock = clock
        self._said = clock()
        self._became: Counter[Became] = Counter()
        self._points: Points = ZERO
        self._running: dict[str, float] = {}
        self._took: deque[float] = deque(maxlen=RECENT)
        self._at_once = 1
        self._notice = ""
        self._live = Live(console=console, get_renderable=lambda: self, refresh_per_second=4, transient=True)

    def tell(self, said: Begun | Notice | Settled) -> None:
        match said:
            case Begun(key):
                self._running[key] = self._clock()
                self._at_once = max(self._at_once, len(self._running))
            case Settled():
                self._settle(said)
            case Notice(words):
                self._note(words)
        if not self._console.is_terminal and self._clock() - self._said > LINE_SECONDS:
            self._said = self._clock()
            self._console.print(self._summary())

    def _note(self, words: str) -> None:
        if words != self._notice and words and not self._console.is_terminal:
            self._console.print(Text(one_line(words, 400)))
        self._notice = words

    def _settle(self, settled: Settled) -> None:
        self._became[settled.became] += len(settled.places)
        self._points += (settled.points or ZERO) * len(settled.places)
        for key in [key for key in self._running if set(self._places(key)) & set(settled.places)]:
            since = self._running.pop(key)
            if settled.became is Became.GRADED:
                self._took.append(self._clock() - since)

    @property
    def _done(self) -> int:
        return self._became.total()

    def _summary(self) -> Text:
        words = [f"{self._done} of {self._total}"]
        if self._took and (each := mean(self._took)):
            words.append(_rate(self._at_once / each))
            words += [f"{_minutes(left)} left"] if (left := self._left(each)) >= 1 else []
        words += [f"{n} {_SPOKEN[became]}" for became, n in self._became.items()]
        scored = self._became[Became.GRADED] + self._became[Became.KNOWN]
        if scored:
            words.append(f"{show_points(self._points / scored)} points on average")
        return Text(" · ".join(words))

    def _left(self, each: float) -> float:
        """Seconds, where one grading takes `each`. What runs has done its part, so that time that passes is taken off
        and not put on; what has run longer than that is anybody's guess, and adds nothing."""
        now = self._clock()
        begun = sum(len(self._places(key)) for key in self._running)
        running = sum(max(0.0, each - (now - since)) for since in self._running.values())
        return (max(0, self._total - self._done - begun) * each + running) / self._at_once

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield ProgressBar(total=max(self._total, 1), completed=self._done, width=min(60, options.max_width))
        yield self._summary()
        if self._notice:
            yield Text(one_line(self._notice, 400), "yellow")
        table = Table.grid(padding=(0, 2, 0, 0))
        for key, since in list(self._running.items()):
            place = next(iter(self._places(key)), "")
            table.add_row(Text(one_line(place, 50)), Text(f"{self._clock() - since:.0f} s", "dim"))
        yield table

    def __enter__(self) -> Display:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()


def _rate(each_second: float) -> str:
    return f"{each_second:.1f} a second" if each_second >= 1 else f"{60 * each_second:.1f} a minute"


def _minutes(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"

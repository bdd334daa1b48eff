"""Logging of the service: each event is one line on standard error, as JSON, or in colors on a terminal."""

from __future__ import annotations

import atexit
import logging
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

import structlog

REPEATED = 10
REPEATED_SECONDS = 60.0
"""Equal warnings or errors are written at most REPEATED times in this interval. One line then reports how many were
left out."""
_LINES = 100
"""Number of different lines that are counted separately. Further lines are counted together as "other lines"."""


class Repeats:
    """A limit on how often equal log lines are written."""

    def __init__(self, report: Callable[[str, int], None]):
        """Create a limit without counts. `report` is called with a line and the number of times that the line was left
        out."""
        self._report = report
        self._counts: Counter[str] = Counter()
        self._since = time.monotonic()
        """Time at which counting began."""
        self._lock = threading.Lock()

    def allow(self, line: str) -> bool:
        """Count a line. Return False if it was written too often and must be left out."""
        with self._lock:
            if line not in self._counts and len(self._counts) >= _LINES:
                line = "other lines"
            self._counts[line] += 1
            return self._counts[line] <= REPEATED

    def begin_again(self, *, at_once: bool = False) -> None:
        """Remove the counts if their time is over, or at once. Report how often each line was left out."""
        with self._lock:
            now = time.monotonic()
            if now - self._since < REPEATED_SECONDS and not at_once:
                return
            counts, self._counts, self._since = self._counts, Counter(), now
        for line, count in counts.items():
            if count > REPEATED:
                self._report(line, count - REPEATED)

    def is_written(self, record: logging.LogRecord) -> bool:
        """Return whether to write a record. Warnings and errors that were written too often are left out."""
        self.begin_again()
        return record.levelno < logging.WARNING or self.allow(_line_of(record)[:300])


def _line_of(record: logging.LogRecord) -> str:
    """Return the text that is equal for equal records. Events of structlog with the same name, reason, kind and
    exception are equal, whatever their other fields are."""
    event = record.msg
    if not isinstance(event, dict):
        return f"{record.name}: {event}"
    traceback = str(event.get("exception", ""))
    fields = [event.get(name, "") for name in ("event", "why", "kind")]
    fields.append(traceback.rpartition("\n")[2])
    return " ".join(str(field) for field in fields if field)


def _log_left_out(line: str, count: int) -> None:
    structlog.get_logger().info("repeated lines left out", line=line, count=count)


def configure_logging() -> None:
    """Configure Python's logging for the service and for libraries. Events of structlog go through it too."""
    # processors of structlog's events and of records of Python's logging
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    render: structlog.typing.Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if sys.stderr.isatty():
        render = structlog.dev.ConsoleRenderer()
    formatter = structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=render)
    repeats = Repeats(_log_left_out)
    atexit.register(repeats.begin_again, at_once=True)  # to report the last lines that were left out
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(repeats.is_written)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    service_log = logging.getLogger("grader")
    service_log.setLevel(logging.INFO)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_names: service_log,
    )
    for noisy in ("procrastinate", "psycopg.pool"):  # log a traceback if the database is lost, as the grader does
        logging.getLogger(noisy).setLevel(logging.CRITICAL)

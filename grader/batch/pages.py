"""Reports as HTML. Plots take a second for each report, so they are drawn on all cores."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from grader.render import as_json
from grader.render.html import html
from grader.store.files import write

FEW = 8
"""Number of reports that are drawn faster without starting processes."""


def draw(files: Sequence[Path], cores: int, tick: Callable[[int], object]) -> None:
    """Write report.html beside each of these reports in JSON."""
    if len(files) <= FEW or cores == 1:
        for file in files:
            draw_one(file)
            tick(1)
        return
    spawn = multiprocessing.get_context("spawn")  # a fork would copy the locks of our threads
    with ProcessPoolExecutor(min(cores, len(files)), mp_context=spawn) as pool:
        for drawn in as_completed([pool.submit(draw_one, file) for file in files]):
            drawn.result()
            tick(1)


def draw_one(file: Path) -> None:
    write(page_of(file), html(as_json.loads(file.read_text("utf-8"))))


def page_of(file: Path) -> Path:
    return file.with_suffix(".html")

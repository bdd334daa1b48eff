"""Draw reports as HTML pages, in several processes because the plots of a report take about a second."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from grader.render import as_json
from grader.render.html import html
from grader.store.files import write

FEW_REPORTS = 8
"""Up to this number of reports, drawing is faster in this process than in new ones."""


def draw(files: Sequence[Path], cores: int, tick: Callable[[int], object]) -> None:
    """Write the HTML page of each report next to its JSON file.

    Args:
        files: The JSON files.
        cores: Number of processes to use.
        tick: Called with 1 after each page.
    """
    if len(files) <= FEW_REPORTS or cores == 1:
        for file in files:
            draw_one(file)
            tick(1)
        return
    spawn = multiprocessing.get_context("spawn")  # fork would copy locks that other threads hold
    with ProcessPoolExecutor(min(cores, len(files)), mp_context=spawn) as pool:
        for drawn in as_completed([pool.submit(draw_one, file) for file in files]):
            drawn.result()
            tick(1)


def draw_one(file: Path) -> None:
    report = as_json.loads(file.read_text("utf-8"))
    page = html(report)
    write(page_of(file), page)


def page_of(file: Path) -> Path:
    return file.with_suffix(".html")

"""Reports as HTML. The plots of one take a second, so those that have some are drawn on every core."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from grader.batch.folder import write
from grader.render import as_json
from grader.render.html import html

FEW = 8
"""So many are drawn sooner than processes are started for them."""


def draw(files: Sequence[Path], cores: int, tick: Callable[[], None]) -> None:
    """Reports as JSON → report.html beside each of them."""
    if len(files) <= FEW or cores == 1:
        for file in files:
            draw_one(file)
            tick()
        return
    spawn = multiprocessing.get_context("spawn")  # a fork would copy the locks of our threads
    with ProcessPoolExecutor(min(cores, len(files)), mp_context=spawn) as pool:
        for drawn in as_completed([pool.submit(draw_one, file) for file in files]):
            drawn.result()
            tick()


def draw_one(file: Path) -> None:
    write(page_of(file), html(as_json.loads(file.read_text("utf-8"))))


def page_of(file: Path) -> Path:
    return file.with_suffix(".html")

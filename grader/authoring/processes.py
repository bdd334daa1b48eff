"""Run an author's jobs in several processes."""

from __future__ import annotations

import gc
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import active_children, get_context, parent_process
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")
Tick = Callable[[int], None]
"""Shows progress; called with the number of steps that have ended since the last call."""


def silent(_count: int) -> None:
    """Show no progress."""


def run(jobs: Sequence[Callable[[], T]], processes: int, finished: Callable[[T], object]) -> list[T]:
    """Run jobs, and return their results in the order of the jobs.

    The processes are forked, so that jobs need not be pickled, which claims and checks cannot be. On systems other than
    Linux, which cannot fork safely, the jobs run in this process.

    Args:
        jobs: The jobs.
        processes: Number of processes.
        finished: Called with each result, in this process.
    """
    if processes == 1 or len(jobs) < 2 or sys.platform != "linux":
        results = []
        for job in jobs:
            results.append(job())
            finished(results[-1])
        return results
    with ProcessPoolExecutor(min(processes, len(jobs)), get_context("fork"), _start_worker, (jobs,)) as pool:
        try:
            with warnings.catch_warnings():  # the thread of a progress bar may run, but no worker uses its locks
                warnings.simplefilter("ignore", DeprecationWarning)
                futures = [pool.submit(_run_job, number) for number in range(len(jobs))]
            for future in as_completed(futures):
                finished(future.result())
        except BaseException:  # also on Ctrl-C: do not wait for the other jobs
            for process in active_children():
                process.terminate()
            raise
        return [future.result() for future in futures]


_worker_jobs: list[Callable[[], Any]] = []


def _start_worker(jobs: Sequence[Callable[[], Any]]) -> None:
    """Prepare a worker process. The jobs arrive with the fork, as the initializer's argument, and are not pickled."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)  # the parent's handlers raise an exception, which the pool would catch
    Thread(target=_end_with_parent, daemon=True).start()
    gc.freeze()  # collections skip what the parent has created
    _worker_jobs.extend(jobs)


def _end_with_parent() -> None:
    """Wait until the parent process ends, then exit at once. Run this in a thread."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _run_job(number: int) -> Any:
    return _worker_jobs[number]()

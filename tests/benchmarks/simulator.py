"""Simulate how long submissions wait for their reports. Times are in seconds.

A submission is accepted by one of the API processes, and then waits for one of the workers. The queue's order is that
of the service: turn after turn, with at most one submission of a student in each (`grader.store.queue`). The times of
accepting and of grading are drawn from measured ones.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import simpy


@dataclass(frozen=True)
class Arrival:
    """A submission that a student sends."""

    moment: float
    student: int


@dataclass(frozen=True)
class Site:
    """The processes of a service, and how long each of them takes for a submission."""

    workers: int
    grading: Sequence[float]
    """Measured times that a worker was occupied by a submission."""
    api_processes: int = 1
    accepting: Sequence[float] = (0.0,)
    """Measured times of accepting a submission."""
    in_order: bool = False
    """True to take the measured times one after another, as they were measured while other work came and went; False to
    draw them at random."""


@dataclass(order=True)
class Job:
    """A submission in the queue, whose order is that of the fields."""

    turn: int
    number: int
    """Place in the order of submissions."""


def waits(arrivals: Sequence[Arrival], site: Site, seed: int = 0) -> list[float]:
    """Return the time from each submission to the end of its grading.

    Args:
        arrivals: The submissions, in the order of time.
        site: The service that grades them.
        seed: The seed of the random times.
    """
    return Simulation(arrivals, site, seed).run()


class Simulation:
    """The service from the first submission to the last report."""

    def __init__(self, arrivals: Sequence[Arrival], site: Site, seed: int) -> None:
        self._arrivals = arrivals
        self._site = site
        choice = random.Random(seed)
        self._accepting = self._times(site.accepting, choice)
        self._grading = self._times(site.grading, choice)
        self._environment = simpy.Environment()
        self._queue = simpy.PriorityStore(self._environment)
        self._api = simpy.Resource(self._environment, site.api_processes)
        self._unfinished_turns: dict[int, list[int]] = {}
        """Student → the turns of the submissions that are queued or running."""
        self._waits = [0.0] * len(arrivals)
        self._left = len(arrivals)
        self._done = self._environment.event()

    def _times(self, measured: Sequence[float], choice: random.Random) -> Iterator[float]:
        while True:
            yield from measured if self._site.in_order else [choice.choice(measured)]

    def run(self) -> list[float]:
        self._environment.process(self._submit())
        for _ in range(self._site.workers):
            self._environment.process(self._work())
        self._environment.run(self._done)
        return self._waits

    def _submit(self) -> Iterator[Any]:
        for number, arrival in enumerate(self._arrivals):
            yield self._environment.timeout(arrival.moment - self._environment.now)
            self._environment.process(self._accept(number, arrival))

    def _accept(self, number: int, arrival: Arrival) -> Iterator[Any]:
        with self._api.request() as request:
            yield request
            yield self._environment.timeout(next(self._accepting))
        turns = self._unfinished_turns.setdefault(arrival.student, [])
        current_turn = self._queue.items[0].turn if self._queue.items else 0
        turn = max(current_turn, turns[-1] + 1 if turns else 0)
        turns.append(turn)
        self._queue.put(Job(turn, number))

    def _work(self) -> Iterator[Any]:
        while True:
            job = yield self._queue.get()
            yield self._environment.timeout(next(self._grading))
            arrival = self._arrivals[job.number]
            self._unfinished_turns[arrival.student].remove(job.turn)
            self._waits[job.number] = self._environment.now - arrival.moment
            self._left -= 1
            if self._left == 0:
                self._done.succeed()

"""The simulator of deadlines agrees with formulas of queueing theory, and keeps the queue's order."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from tests.benchmarks.simulator import Arrival, Site, waits

SUBMISSIONS = 20_000


def poisson(rate: float) -> list[Arrival]:
    """Return submissions at random moments, each of another student."""
    choice = random.Random(1)
    moment = 0.0
    arrivals = []
    for student in range(SUBMISSIONS):
        moment += choice.expovariate(rate)
        arrivals.append(Arrival(moment, student))
    return arrivals


def erlang_c(load: float, workers: int) -> float:
    """Return the probability to wait in a queue M/M/c with this load in Erlang."""
    term = load**workers / math.factorial(workers) * workers / (workers - load)
    return term / (sum(load**n / math.factorial(n) for n in range(workers)) + term)


def test_equal_times_with_one_worker_wait_as_in_m_d_1() -> None:
    load = 0.5
    simulated = statistics.mean(waits(poisson(load), Site(1, [1.0]))) - 1
    assert simulated == pytest.approx(load / (2 * (1 - load)), rel=0.05)


def test_exponential_times_with_three_workers_wait_as_in_m_m_3() -> None:
    choice = random.Random(2)
    times = [choice.expovariate(1) for _ in range(20_000)]
    load = 1.8
    simulated = statistics.mean(waits(poisson(load), Site(3, times))) - statistics.mean(times)
    assert simulated == pytest.approx(erlang_c(load, 3) / (3 - load), rel=0.1)


def test_a_burst_is_worked_off_by_all_workers() -> None:
    burst = [Arrival(0.0, student) for student in range(6)]
    assert waits(burst, Site(2, [10.0])) == [10, 10, 20, 20, 30, 30]


def test_a_second_submission_waits_for_everybodys_first() -> None:
    arrivals = [Arrival(0.0, 0), Arrival(0.0, 1), Arrival(1.0, 1), Arrival(2.0, 2)]
    assert waits(arrivals, Site(1, [10.0])) == [10, 20, 39, 28]


def test_submissions_wait_for_an_api_process_first() -> None:
    arrivals = [Arrival(0.0, student) for student in range(2)]
    assert waits(arrivals, Site(2, [1.0], api_processes=1, accepting=[5.0])) == [6, 11]


def test_measured_times_may_be_taken_in_their_order() -> None:
    arrivals = [Arrival(moment, student) for student, moment in enumerate([0.0, 10.0, 20.0])]
    site = Site(1, [1.0, 2.0, 3.0], accepting=[0.5, 0.25, 0.0], in_order=True)
    assert waits(arrivals, site) == [1.5, 2.25, 3]

"""Metrics for Prometheus.

Queue, workers and results are read from the database on every scrape, and durations are counted when a grading ends.
Both are the same at all replicas, so do not sum them over replicas. Metrics of a single process begin their help text
with "Of this process alone"; these may be summed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from grader.errors import StoreUnavailable
from grader.store import counts, outbox, workers
from grader.store.database import Store, now
from grader.workers.events import Event

_SECONDS = (0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600, 1200, 3600)
_REQUEST_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)
_LOCAL = "Of this process alone"
_SHARED = "From the database, the same at every replica"
_SINCE_START = "Of all workers, since this replica started"


class Metrics:
    """The metrics of one process."""

    def __init__(self, store: Store) -> None:
        """Create the metrics. Pass each event of a grading to `observe`."""
        self._one_at_a_time = threading.Lock()
        self._registry = CollectorRegistry()
        self._registry.register(_StoreCollector(store))
        self._problems = Counter(
            "grader_problems", f"{_LOCAL}: error responses, by kind of problem", ["problem"], registry=self._registry
        )
        self._problems.labels("internal-error")  # otherwise Prometheus would see no increase at the first error
        self._ready = Gauge(
            "grader_ready", f"{_LOCAL}: 1 if the part is ready according to /readyz, else 0", ["part"],
            registry=self._registry,
        )  # fmt: skip
        self._requests = Histogram(
            "grader_request_seconds", f"{_LOCAL}: duration of a request",
            ["route"], buckets=_REQUEST_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._grading = Histogram(
            "grader_grading_seconds", f"{_SINCE_START}: duration of a grading",
            ["assignment", "kind"], buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._waited = Histogram(
            "grader_waited_seconds", f"{_SINCE_START}: seconds in the queue until the last start",
            ["kind"], buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._phase = Histogram(
            "grader_phase_seconds", f"{_SINCE_START}: wall time of the checks of a section",
            ["assignment", "section"], buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._deaths = Counter(
            "grader_sandbox_deaths", f"{_SINCE_START}: sections in which a student's process was "
            "killed at a limit (cpu, wall, reply) or ended by itself (died)",
            ["assignment", "reason"], registry=self._registry,
        )  # fmt: skip

    def problem(self, slug: str) -> None:
        """Count an error response by its kind, such as "refused" or "queue-full"."""
        self._problems.labels(slug).inc()

    def request(self, route: str, seconds: float) -> None:
        """Count a request. `route` is the path with the names of its parameters."""
        self._requests.labels(route).observe(seconds)

    def readiness(self, part: str, ok: bool) -> None:
        """Record whether a part of the service is ready."""
        self._ready.labels(part).set(ok)

    def exposition(self) -> bytes:
        """Return the metrics in Prometheus' text format. While the database cannot be reached, return only the metrics
        of this process."""
        with self._one_at_a_time:
            return generate_latest(self._registry)

    def observe(self, event: Event) -> None:
        """Count a finished grading."""
        cost = event.cost
        if cost is None:
            return
        self._grading.labels(cost.assignment, cost.kind).observe(cost.seconds)
        self._waited.labels(cost.kind).observe(cost.waited_seconds)
        for section, seconds in cost.section_seconds.items():
            self._phase.labels(cost.assignment, section).observe(seconds)
        for reason in cost.deaths:
            self._deaths.labels(cost.assignment, reason).inc()


class _StoreCollector:
    """A collector that queries the database on every scrape."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def describe(self) -> list[Metric]:
        return []  # without this method, the registry would query the database at registration

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of the database. If it cannot be reached, yield only grader_database_up, which is 0
        then."""
        up = GaugeMetricFamily("grader_database_up", f"{_LOCAL}: whether it could reach the database", 1)
        try:
            with self._store.read() as tx:
                waiting, states, checks = counts.waiting(tx), counts.by_state(tx), counts.by_check(tx)
                alive, unserved = workers.live(tx), workers.unserved(tx)
                messages = outbox.lengths(tx)
        except StoreUnavailable:
            yield GaugeMetricFamily("grader_database_up", up.documentation, 0)
            return
        yield up
        yield GaugeMetricFamily("grader_workers", f"{_SHARED}: live workers (machines)", len(alive))
        unserved_gradings = sum(jobs.gradings for jobs in unserved)
        yield GaugeMetricFamily(
            "grader_unserved", f"{_SHARED}: queued gradings that no live worker can take", unserved_gradings
        )
        lengths, waits = [], []
        for queued in waiting:
            priority = queued.priority.name.lower()
            waited = now() - queued.oldest
            lengths.append((priority, queued.gradings))
            waits.append((priority, max(0.0, waited.total_seconds())))
        yield _gauge("grader_queue_length", "queued gradings", ["priority"], lengths)
        yield _gauge("grader_queue_oldest_seconds", "waiting time of the oldest queued grading", ["priority"], waits)
        yield _gauge("grader_messages", "messages that wait, and those that were given up", ["state"], messages.items())
        yield _gauge(  # no counter, since the number of broken gradings may fall
            "grader_gradings", "gradings in each state", ["assignment", "kind", "state"], map(astuple, states)
        )
        yield _gauge(
            "grader_check_results",
            "gradings that count, by status of each check; passed ÷ all is the pass rate of a check",
            ["assignment", "check", "status"],
            map(astuple, checks),
        )


def _gauge(name: str, text: str, labels: list[str], rows: Iterable[tuple[Any, ...]]) -> Metric:
    """Return a gauge with values from the database. A row has the values of the labels, then the gauge's value."""
    gauge = GaugeMetricFamily(name, f"{_SHARED}: {text}", labels=labels)
    for *label_values, value in rows:
        gauge.add_metric(label_values, value)
    return gauge

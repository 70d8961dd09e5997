"""What Prometheus is told: a registry of our own, made with the application and not at import.

The engine lies below the web and knows nothing of Prometheus: it is given plain callables that count (`counter`).
"""

from collections.abc import Callable, Sequence
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

Count = Callable[..., None]
"""Counts one more, given the labels' values."""

CONTENT_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """Everything that is measured in one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.deliveries = self.counter(
            "revdeps_webhook_deliveries",
            "Webhook deliveries by event (of those that are handled) and result.",
            ("event", "result"),
        )
        self.intake_seconds = Histogram(
            "revdeps_webhook_intake_seconds",
            "Time from a delivery's last byte to its durable record.",
            buckets=_SECONDS,
            registry=self._registry,
        ).observe

    def counter(self, name: str, documentation: str, labels: Sequence[str]) -> Count:
        """Return a function that counts one more of something, by the values of these labels."""
        # Kept: to look one up by its labels costs more than to count.
        labelled = cache(Counter(name, documentation, labels, registry=self._registry).labels)

        def count(*values: str) -> None:
            labelled(*values).inc()

        return count

    def render(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)

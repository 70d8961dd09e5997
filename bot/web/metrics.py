"""What Prometheus is told: a registry of our own, made with the application and not at import.

The engine lies below the web and knows nothing of Prometheus: it is given plain callables that count (`counter`), and
says what it has of everything when it is asked (`gauge`).

What is counted at every delivery is counted in plain numbers, which become Prometheus' when it asks: its own counters
take a lock each time, and everything here is done in one thread.
"""

import logging
from bisect import bisect_left
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from bot.ports.errors import RevdepsError

Read = Callable[[], Awaitable[Mapping[tuple[str, ...], float]]]
"""Returns the present values by their labels' values."""

Count = Callable[..., None]
"""Counts one more, given the labels' values."""

CONTENT_TYPE = CONTENT_TYPE_LATEST

_log = logging.getLogger(__name__)

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class _Tally(Collector):
    """How often something happened, by the values of its labels."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str]) -> None:
        self._described = (name, documentation, labels)
        self._counts: Counter[tuple[str, ...]] = Counter()

    def count(self, *values: str) -> None:
        """Count one more."""
        self._counts[values] += 1

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Tell Prometheus."""
        name, documentation, labels = self._described
        family = CounterMetricFamily(name, documentation, labels=labels)
        for values, count in self._counts.items():
            family.add_metric(values, count)
        yield family


class _Times(Collector):
    """How long something took, by the bounds of `_SECONDS`."""

    def __init__(self, name: str, documentation: str) -> None:
        self._described = (name, documentation)
        self._counts = [0] * (len(_SECONDS) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one that took so long."""
        self._counts[bisect_left(_SECONDS, seconds)] += 1
        self._sum += seconds

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Tell Prometheus."""
        name, documentation = self._described
        bounds = [*map(str, _SECONDS), "+Inf"]
        buckets = list(zip(bounds, accumulate(self._counts), strict=True))
        yield HistogramMetricFamily(name, documentation, buckets=buckets, sum_value=self._sum)


class Metrics:
    """Everything that is measured in one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._readers: list[tuple[Gauge, Read]] = []
        self.deliveries = self.counter(
            "revdeps_webhook_deliveries",
            "Webhook deliveries by event (of those that are handled) and result.",
            ("event", "result"),
        )
        intake = _Times("revdeps_webhook_intake_seconds", "Time from a delivery's last byte to its durable record.")
        self._registry.register(intake)
        self.intake_seconds = intake.observe

    def counter(self, name: str, documentation: str, labels: Sequence[str]) -> Count:
        """Return a function that counts one more of something, by the values of these labels."""
        tally = _Tally(name, documentation, labels)
        self._registry.register(tally)
        return tally.count

    def gauge(self, name: str, documentation: str, labels: Sequence[str], read: Read) -> None:
        """Have `read` called at every scrape; what it does not mention any more is not reported any more.

        Where it raises one of the ports' errors, the gauge is left out and the rest is reported.
        """
        self._readers.append((Gauge(name, documentation, labels, registry=self._registry), read))

    async def render(self) -> bytes:
        """Return everything in Prometheus' text format."""
        for gauge, read in self._readers:
            gauge.clear()
            try:
                values = await read()
            except RevdepsError as error:
                # A database that is down is just when somebody looks at everything else.
                _log.warning("%s cannot be read: %s", gauge, error)
                continue
            for labels, value in values.items():
                (gauge.labels(*labels) if labels else gauge).set(value)
        return generate_latest(self._registry)

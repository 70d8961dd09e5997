"""The few figures that a sample is summed up in."""

from collections.abc import Sequence


def percentile(sample: Sequence[float], percent: float) -> float:
    """Return the smallest value that is at least as large as so many percent of the sample (nearest rank)."""
    if not sample:
        raise ValueError("no percentile of an empty sample")
    ordered = sorted(sample)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]

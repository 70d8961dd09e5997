"""Single builds of a package on one side, with the change or without it, and what they say about it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

from bot.domain.build import Cancelled, Failed, FailureReason, Outcome, Purpose, Succeeded


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One build of the package, on either side; `outcome` is None while it is queued or running."""

    purpose: Purpose
    outcome: Outcome | None = None
    duration: timedelta | None = None


def results(attempts: Iterable[Attempt]) -> tuple[tuple[Attempt, ...], tuple[Failed, ...]]:
    """Return the attempts that passed and the failures that say something about the package."""
    passed, failures = [], []
    for attempt in attempts:
        match attempt.outcome:
            case Succeeded():
                passed.append(attempt)
            case Failed(reason=reason) as failure if reason is not FailureReason.INFRASTRUCTURE:
                failures.append(failure)
            case Failed() | Cancelled() | None:
                pass
            case _ as never:
                assert_never(never)
    return tuple(passed), tuple(failures)


def says_nothing(attempt: Attempt) -> bool:
    """Whether it ended without a word about the package: the infrastructure failed, or somebody stopped it.

    Who means the package by a cancellation stops it (`Evidence.stopped`); any other has to be made up for.
    """
    return attempt.outcome is not None and not tells(attempt.outcome)


def tells(outcome: Outcome | None) -> bool:
    """Whether a build's end says something about the package."""
    failed = isinstance(outcome, Failed) and outcome.reason is not FailureReason.INFRASTRUCTURE
    return failed or isinstance(outcome, Succeeded)


def may_retry(attempts: Sequence[Attempt], retries: int) -> bool:
    """Whether the last attempts that said nothing are few, counted from the last one by hand on."""
    count = 0
    for attempt in reversed(attempts):
        if not says_nothing(attempt):
            break
        count += spent(attempt, retries)
        if attempt.purpose is Purpose.BY_HAND:
            break
    return count <= retries


def spent(attempt: Attempt, retries: int) -> int:
    """Return how many attempts one is worth: what the backend refused it refuses again, so that one is worth all."""
    refused = isinstance(attempt.outcome, Failed) and attempt.outcome.refused
    return 1 + retries if refused else 1

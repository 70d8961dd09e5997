"""Failures that a test plans for a fake server: each hits the next calls that fit, so often as it says."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar


@dataclass(slots=True, kw_only=True)
class Counted:
    """Something that is to happen so often: `times` counts down; None goes on until `stop`. `hits` tells how often."""

    times: int | None = 1
    hits: int = 0

    def stop(self) -> None:
        self.times = 0


@dataclass(slots=True, kw_only=True)
class Planned(Counted):
    """What is to go wrong with a build system.

    status          an HTTP status instead of an answer; with 200, something else answers
    drop            close the connection without doing anything
    lose_answer     do what is asked, then close the connection: the client cannot know
    hang            do not answer until `stop`, or until the server closes
    """

    status: int = 0
    drop: bool = False
    lose_answer: bool = False
    hang: bool = False


F = TypeVar("F", bound=Counted)


def take(planned: list[F], fits: Callable[[F], bool]) -> F | None:
    """Use up the first failure that fits; those that are used up are dropped from the list."""
    planned[:] = [failure for failure in planned if failure.times != 0]
    found = next((failure for failure in planned if fits(failure)), None)
    if found is not None:
        found.hits += 1
        if found.times is not None:
            found.times -= 1
    return found

"""A story that is told again and again, and each time the process dies somewhere else: what the crash tests share."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.scenario.harness import Stage, stage

Story = Callable[[Stage], Awaitable[dict[str, object]]]
"""Plays on the stage, and returns what there is to be seen at the end."""


class Crash(BaseException):
    """The process is gone: nothing may catch this."""


class Killer:
    """Counts the points that are passed, and dies at one of them."""

    def __init__(self, at: int | None) -> None:
        self.at = at
        self.passed: list[str] = []

    def __call__(self, name: str) -> None:
        self.passed.append(name)
        if len(self.passed) - 1 == self.at:
            raise Crash(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How a story ended, and the points that it came by."""

    end: dict[str, object]
    passed: Sequence[str]

    def places(self, point: str) -> tuple[int, ...]:
        """Return when the point was passed for the first time and for the last."""
        found = [index for index, name in enumerate(self.passed) if name == point]
        return tuple(sorted({found[0], found[-1]}))


async def tell(story: Story, directory: Path, at: int | None = None) -> Told:
    """Tell a story, and let the process die at the point that is passed after `at` others."""
    directory.mkdir(exist_ok=True)
    killer = Killer(at)
    async with stage(directory) as revdeps:
        revdeps.checkpoint = killer
        end = await story(revdeps)
        assert set(revdeps.builder.submits.values()) == {1}, "a build was submitted twice"
    return Told(end=end, passed=killer.passed)


async def settle(revdeps: Stage) -> None:
    """Settle, twice; after a crash another process goes on when the dead one's leases have run out."""
    for last in (False, True):
        try:
            await revdeps.settle()
        except Crash:
            revdeps.clock.pass_time(minutes=2)
            revdeps.owner = "the next process"
            await revdeps.settle()
        if not last:
            revdeps.clock.pass_time(minutes=2)


def without_run(key: str) -> str:
    """Return a build key without the run, which has another name every time."""
    return "/".join(part for index, part in enumerate(key.split("/")) if index != 1)

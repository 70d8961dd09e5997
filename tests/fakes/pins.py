"""Commits of a dist-git as tests say them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain.packages import SourcePackage
from bot.domain.target import Target


@dataclass(slots=True, kw_only=True)
class FakePins:
    """Implements `bot.ports.pins.SourcePins`: `heads` are commits by package, `asked` the packages of each question."""

    heads: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    """What the next questions meet with, one each."""

    async def commits(self, target: Target, packages: Sequence[SourcePackage]) -> Mapping[str, str]:
        assert target.dist_git is not None, "there is nothing to ask about"
        self.asked.append(tuple(package.name for package in packages))
        if self.failures:
            raise self.failures.pop(0)
        return {package.name: self.heads[package.name] for package in packages if package.name in self.heads}

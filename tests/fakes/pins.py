"""Commits of a dist-git as tests say them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bot.adapters.config_file.load import load
from bot.adapters.config_file.reading import Offer
from bot.domain.config import Config
from bot.domain.packages import SourcePackage
from bot.domain.target import DistGit, Target
from bot.ports.pins import Commits


def load_with_dist_git(text: bytes, path: str, specs: tuple[str, ...], offer: Offer) -> Config:
    """Read a configuration whose dependents are built from a dist-git, whatever it says of backends."""
    found = load(text, path, specs, offer)
    assert isinstance(found, Config), found
    dist_git = DistGit(url="https://src.example.org/rpms/{name}", branch="rawhide")
    return replace(found, targets=tuple(replace(target, dist_git=dist_git) for target in found.targets))


@dataclass(slots=True, kw_only=True)
class FakePins:
    """Implements `bot.ports.pins.SourcePins`: `heads` are commits by package, `asked` the packages of each question."""

    heads: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)
    silent: dict[str, str] = field(default_factory=dict)
    """Packages of which nothing is said, and why."""
    refusal: Exception | None = None

    async def commits(self, target: Target, packages: Sequence[SourcePackage]) -> Commits:
        assert target.dist_git is not None, "there is nothing to ask about"
        names = [package.name for package in packages]
        self.asked.append(tuple(names))
        if self.refusal is not None:
            raise self.refusal
        return Commits(
            found={name: self.heads[name] for name in names if name in self.heads and name not in self.silent},
            silent={name: why for name, why in self.silent.items() if name in names},
        )

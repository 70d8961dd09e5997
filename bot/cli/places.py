"""Where the resolver's commands look: repositories, an architecture, the cache; and how they wait for answers."""

import os
import platform
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.hosts import ANY_HOST
from bot.domain.packages import Link
from bot.domain.target import Repository, Target
from bot.ports.errors import Misconfigured

if TYPE_CHECKING:  # importing these takes longer than many a question takes to answer
    from rich.console import RenderableType

    from bot.adapters.hawkey.resolver import HawkeyResolver
    from bot.ports.resolver import Snapshot

_FILE_WIDTH = 160
_Command = TypeVar("_Command", bound=Callable[..., Any])

CHANGE = click.option(
    "--change",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="A directory with the packages that were built, SRPMs beside them; it needs no metadata.",
)


DYNAMIC = "asks for more while it builds"
"""Of a package with dynamic BuildRequires: the answer holds for the recorded ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the answer is looked for: addresses of repositories, an architecture, and the cache to keep them in."""

    repositories: tuple[str, ...]
    arch: str
    cache: Path

    @property
    def target(self) -> Target:
        """The repositories as a target, which nothing is built for."""
        return Target(
            name="command line",
            arch=self.arch,
            backend="",
            repositories=tuple(Repository(url=_address(text)) for text in self.repositories),
        )

    @property
    def settings(self) -> HawkeySettings:
        """Whoever runs the command names the repositories, so they may be anywhere."""
        return HawkeySettings(cache=self.cache, workers=0, allowed_hosts=ANY_HOST, allow_file=True)


def place_of(repositories: tuple[str, ...], arch: str, cache: Path | None) -> Place:
    """Return the place that the options name."""
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "revdeps" / "metadata"
    return Place(repositories=repositories, arch=arch, cache=usable((cache or usual).absolute(), "--cache"))


def usable(directory: Path, option: str) -> Path:
    """Return the directory, made where it is missing; raise Misconfigured where nothing can be written into it."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(option, f"{directory}: {error.strerror}", "Name a directory that can be written.") from None
    if not os.access(directory, os.W_OK):
        raise Misconfigured(option, f"{directory} cannot be written", "Name a directory that can be written.")
    return directory


@asynccontextmanager
async def asking(place: Place) -> AsyncIterator[tuple["HawkeyResolver", "Snapshot"]]:
    """Open the place; raise Misconfigured where it has no source packages: then nobody is built with anything."""
    from bot.adapters.hawkey.resolver import HawkeyResolver

    resolver = HawkeyResolver(place.settings)
    snapshot = await resolver.snapshot(place.target)
    if not snapshot.sources:
        raise no_sources(place)
    yield resolver, snapshot
    # Not where an error comes in between, above all Ctrl-C: what is being solved would be waited for.
    await resolver.close()


def no_sources(place: Place) -> Misconfigured:
    """Say that the place answers nothing."""
    return Misconfigured(
        ", ".join(place.repositories),
        "there are no source packages in it, so nothing says what is built with what",
        "Give a source repository with another --repo.",
    )


@contextmanager
def working() -> Iterator[Callable[[str], None]]:
    """Show on a terminal what is being done, and nothing elsewhere; yield what tells it."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status("Reading metadata") as status:
        yield status.update


def place_options(command: _Command) -> _Command:
    """Give a command the options that name a place, and --json."""
    options = (
        click.option(
            "--repo",
            "repositories",
            metavar="DIR_OR_URL",
            multiple=True,
            required=True,
            help="A repository, binary, source or both; give it as often as there are repositories.",
        ),
        click.option("--arch", default=platform.machine, show_default="this machine's", help="Whose packages."),
        click.option(
            "--cache", type=click.Path(path_type=Path, file_okay=False), default=None, help="Where metadata are kept."
        ),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def links_to_json(path: Sequence[Link]) -> list[dict[str, str]]:
    """Return a chain for --json."""
    return [{"package": link.package, "capability": link.capability, "provider": link.provider} for link in path]


def show(*parts: "RenderableType") -> None:
    """Print for people; where nobody looks on, in lines long enough that nothing is cut off."""
    from rich.console import Console
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    for part in parts:
        console.print(Text(part) if isinstance(part, str) else part, soft_wrap=isinstance(part, str))


def _address(text: str) -> str:
    return text if "://" in text or text.startswith("file:") else Path(text).absolute().as_uri()

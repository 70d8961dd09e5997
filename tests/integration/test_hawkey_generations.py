"""Plans of a first and of a later generation, with the words that the real solver has for what is broken."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bot.adapters.hawkey.resolver import HawkeyResolver
from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.config import ReverseDependencyConfig
from bot.domain.generations import Generation, Plan, looked_at_again, newly_broken
from bot.domain.ids import RunId
from bot.domain.plan import Effect, Impact, Uninstallable
from bot.domain.run import PublishedPackage
from bot.domain.select import Wishes, own_entries, select, with_remedies
from bot.domain.target import Repository, Target
from bot.ports.resolver import Overlay
from tests.fakes.rpmmd import Package, Rpm, Srpm, write_repository

BASE = (
    Srpm(name="libfoo"),
    Rpm(name="libfoo", provides=("libfoo.so.1",)),
    Rpm(name="foo-tools", source="libfoo", requires=("libbar.so.1",)),
    Srpm(name="libbar", requires=("libfoo",)),
    Rpm(name="libbar", provides=("libbar.so.1",), requires=("libfoo.so.1",)),
    Rpm(name="libbar-data", source="libbar", provides=("bar(plugin)",)),
    Srpm(name="app"),
    Rpm(name="app", requires=("libbar.so.1",)),
    Srpm(name="extra"),
    Rpm(name="extra", requires=("bar(plugin)",)),
)
CHANGE = (
    Rpm(name="libfoo", version="2", provides=("libfoo.so.2",)),
    Rpm(name="foo-tools", source="libfoo", version="2", requires=("libbar.so.1",)),
)
REBUILT = (
    Rpm(name="libbar", release="2", provides=("libbar.so.1",), requires=("libfoo.so.2",)),
    Rpm(name="libbar-data", source="libbar", release="2"),
)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
WISHES = Wishes(dependencies=ReverseDependencyConfig())
RUN = RunId("run")


async def asked(directory: Path, change: Sequence[Package], *replaced: str) -> tuple[Impact, tuple[Uninstallable, ...]]:
    """Return what a change does to BASE, and what cannot be installed of it."""
    url = write_repository(directory / "base", BASE)
    overlay = Overlay(repository=write_repository(directory / "change", change), replaces=frozenset(replaced))
    target = Target(name="t", arch="x86_64", backend="sandbox", repositories=(Repository(url=url),))
    resolver = HawkeyResolver(HawkeySettings(cache=directory / "cache", workers=1, allow_file=True))
    try:
        snapshot = await resolver.snapshot(target)
        return (
            await resolver.impact(snapshot.id, target, overlay),
            await resolver.broken_of_change(snapshot.id, target, overlay),
        )
    finally:
        await resolver.close()


async def test_a_rebuild_repairs_what_waited_for_it_and_breaks_what_it_no_longer_serves(tmp_path: Path) -> None:
    published = {
        "libfoo": PublishedPackage(source="libfoo-2-1.src", binaries=("libfoo-2-1.x86_64", "foo-tools-2-1.x86_64")),
        "libbar": PublishedPackage(source="libbar-1-2.src", binaries=("libbar-1-2.x86_64", "libbar-data-1-2.x86_64")),
    }
    impact, brought = await asked(tmp_path / "first", CHANGE, "libfoo")
    found = select(RUN, "t", impact, WISHES, {}, NOW)
    first = with_remedies((*found, *own_entries(RUN, "t", published, brought)))
    assert {entry.package: (entry.affected.effect, entry.needs) for entry in first} == {
        "libbar": (Effect.REBUILD, ()),
        "app": (Effect.UNAFFECTED, ("libbar",)),
        "libfoo": (Effect.UNAFFECTED, ("libbar",)),
    }
    impact, brought = await asked(tmp_path / "later", (*CHANGE, *REBUILT), "libfoo", "libbar")
    later = Generation(number=1, published=published, impact=impact, brought=brought)
    repaired = {entry.package: entry.repaired for entry in looked_at_again(first, later, WISHES)}
    assert repaired == {"libbar": True, "app": True, "libfoo": True}
    (new,) = newly_broken(first, later, Plan(run=RUN, target="t", wishes=WISHES, now=NOW))
    assert (new.package, new.broken_by) == ("extra", ("libbar",))
    assert new.uninstallable[0].problem == "nothing provides bar(plugin) needed by extra-1-1.x86_64"

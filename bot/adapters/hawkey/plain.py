"""Plain values in the place of descriptions: quick to make in a solver process, to send, and to keep there."""

from collections.abc import Iterable

from bot.domain.packages import Link, Nevra, SourcePackage

Facts = tuple[str, int, str, str, str, str, str, bool, bool]
"""Of a source package: name, epoch, version, release, architecture, location, checksum, `dynamic`, `elsewhere`."""
Step = tuple[str, str, str]
"""What a link has: package, capability, provider."""


def source_from(facts: Facts) -> SourcePackage:
    """Describe a source package."""
    name, epoch, version, release, arch, location, checksum, dynamic, elsewhere = facts
    return SourcePackage(
        nevra=Nevra(name=name, epoch=epoch, version=version, release=release, arch=arch),
        location=location,
        checksum=checksum,
        dynamic=dynamic,
        elsewhere=elsewhere,
    )


def link_from(step: Step) -> Link:
    """Describe one step of a way."""
    package, capability, provider = step
    return Link(package=package, capability=capability, provider=provider)


def steps_of(path: Iterable[Link]) -> tuple[Step, ...]:
    """Return what a path consists of."""
    return tuple((link.package, link.capability, link.provider) for link in path)

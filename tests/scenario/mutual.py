"""A pull request that changes several packages: how it is opened, and what its builds see of each other."""

from bot.domain.build import BuildRequest
from bot.domain.packages import Nevra
from bot.domain.run import ChangeRef
from tests.scenario.harness import CONFIG, Stage


async def open_several(revdeps: Stage, *names: str) -> ChangeRef:
    """Open a pull request that changes packages of these names."""
    listed = ", ".join(f"{{spec: {name}.spec, name: {name}}}" for name in names)
    config = CONFIG.replace("{spec: libfoo.spec, name: libfoo}", listed)
    return await revdeps.open(config=config, paths=tuple(f"{name}.spec" for name in names))


def sees(revdeps: Stage, request: BuildRequest) -> tuple[str, ...]:
    """Return which packages of the change a build sees, in the order of their names."""
    published = revdeps.builder.generations[request.workspace]
    numbers = [number for number in published if number <= request.generation]
    packages = published[max(numbers)].packages if numbers else ()
    return tuple(sorted(Nevra.parse(package.source).name for package in packages))


def built(revdeps: Stage) -> list[str]:
    """Return what was built, as `app sees libfoo`, in the order in which it was begun."""
    requests = [revdeps.builder.request(key) for key in revdeps.builder.started]
    return [f"{request.package} sees {', '.join(sees(revdeps, request)) or 'nothing'}" for request in requests]

"""Changes of several packages, made up, of which is known whether all of them build with each other.

Each accepts those that it is built with as they were, as they are in the pull request, or both ways. Whatever order
they need, and in whatever circles: the change passes exactly where each can be built with the others as they will be.
"""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.build import BuildRequest, Failed, FailureReason, Outcome, Succeeded
from bot.domain.ids import BuildKey
from bot.domain.run import ChangeRef, Conclusion, RunState
from tests.fakes.builder import failed
from tests.scenario.harness import Stage, stage
from tests.scenario.mutual import open_several, sees

LOST = Failed(reason=FailureReason.INFRASTRUCTURE, cause="a mirror was down")
NAMES = ("aa", "bb", "cc", "dd")
OLD, BOTH, NEW = "old", "both", "new"


@dataclass(frozen=True, kw_only=True)
class Changed:
    """What a changed package is built with, and as what it accepts each of that."""

    name: str
    accepts: Mapping[str, str]
    known: bool
    """The backend tells what was in its root."""

    def end(self, seen: Sequence[str]) -> Outcome:
        """Return how a build ends that sees these packages as they are in the pull request."""
        missing = [other for other, how in self.accepts.items() if how == NEW and other not in seen]
        if missing:
            return failed(f"nothing provides {missing[0]} >= 2", FailureReason.UNRESOLVABLE)
        strange = [other for other, how in self.accepts.items() if how == OLD and other in seen]
        return failed(f"error: too few arguments to function '{strange[0]}'") if strange else Succeeded()


@st.composite
def changes(draw: st.DrawFn) -> tuple[Changed, ...]:
    names = NAMES[: draw(st.integers(2, len(NAMES)))]
    mostly = st.sampled_from([BOTH, BOTH, NEW, NEW, OLD])
    return tuple(
        Changed(
            name=name,
            accepts=draw(st.dictionaries(st.sampled_from([other for other in names if other != name]), mostly)),
            known=draw(st.integers(0, 5)) > 0,
        )
        for name in names
    )


def fits_together(packages: Sequence[Changed]) -> bool:
    """Whether each can be built with the others as they will be, and there is a way to get there."""
    if any(OLD in package.accepts.values() for package in packages):
        return False
    built: set[str] = set()
    for _ in packages:
        built |= {package.name for package in packages if isinstance(package.end(sorted(built)), Succeeded)}
    return len(built) == len(packages)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes(), st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), max_size=16))
def test_packages_of_one_change_pass_exactly_where_they_fit_together(
    packages: Sequence[Changed], ends: Sequence[tuple[int, int]]
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(tell(Path(directory), packages, ends))


async def tell(directory: Path, packages: Sequence[Changed], ends: Sequence[tuple[int, int]]) -> None:
    """Let the builds end one by one, in that order at first; one in five is lost, as long as there is one more try."""
    by_name = {package.name: package for package in packages}
    async with stage(directory) as revdeps:
        revdeps.builder.base_packages = ()
        ref = await open_several(revdeps, *by_name)
        await revdeps.settle()
        lost = set[str]()
        for step in range(200):
            running = revdeps.builder.running
            if not running and (await revdeps.view(ref)).runs[0].run.state is RunState.FINISHED:
                break
            which, luck = ends[step] if step < len(ends) else (0, 1)
            if running:
                key = running[which % len(running)]
                package = by_name[revdeps.builder.request(key).package]
                is_lost = luck == 0 and package.name not in lost
                lost |= {package.name} if is_lost else set()
                finish(revdeps, key, package, is_lost=is_lost)
            revdeps.clock.pass_time(minutes=10)
            await revdeps.settle()
        else:
            raise AssertionError("the run does not come to its end")
        await look(revdeps, ref, packages)


def finish(revdeps: Stage, key: BuildKey, package: Changed, *, is_lost: bool) -> None:
    builder = revdeps.builder
    seen = sees(revdeps, builder.request(key))
    root = [f"{other}-{1 if other in seen else 0}-1.noarch" for other in package.accepts]
    ref = next(ref for ref, build in builder.builds.items() if build.key == key)
    status = replace(builder.builds[ref].status, installed=("host-1-1.noarch", *root) if package.known else ())
    builder.builds[ref] = replace(builder.builds[ref], status=status)
    builder.finish(key, LOST if is_lost else package.end(seen))


async def look(revdeps: Stage, ref: ChangeRef, packages: Sequence[Changed]) -> None:
    found = (await revdeps.view(ref)).runs[0]
    expected = Conclusion.SUCCESS if fits_together(packages) else Conclusion.FAILURE
    assert found.run.conclusion is expected, found.run.problem
    if expected is Conclusion.SUCCESS:
        published = {revdeps.builder.request(key).package: key for key in found.targets[0].published_builds}
        for package in packages:
            request: BuildRequest = revdeps.builder.request(published[package.name])
            assert set(package.accepts) <= set(sees(revdeps, request)), f"{package.name} was built with what was there"

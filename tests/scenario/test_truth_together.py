"""Pull requests tested together, made up, of which is known what each of them breaks alone, and what only both do.

No package is called a regression that both together do not break, none is green that they do, and nobody is blamed for
what he does not break by himself.
"""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.build import BuildRequest, BuildState, Cancelled, Failed, FailureReason, Outcome, Succeeded
from bot.domain.run import ChangeRef, Conclusion, RunState
from bot.domain.verdict import Judgement, Verdict
from tests.fakes.builder import failed
from tests.fakes.resolver import affected
from tests.scenario.harness import Stage, stage
from tests.scenario.several import both, gate, workspace_of

ENDS: Mapping[int, Outcome] = {
    0: Failed(reason=FailureReason.INFRASTRUCTURE, cause="a mirror was down"),
    1: Cancelled(),
}
SUBJECTS = {"0": frozenset({"libfoo"}), "1": frozenset({"libbar"}), "together": frozenset({"libfoo", "libbar"})}
BOTH = SUBJECTS["together"]
NAMES = ("aa", "bb", "cc")


@dataclass(frozen=True, kw_only=True)
class Dependent:
    """A package, and with which of the changes it fails."""

    name: str
    affected_by: frozenset[str]
    fails_with: frozenset[frozenset[str]]
    fails_without: bool
    at_times: bool
    """It fails every other time without any change."""
    same: bool
    """It fails with them as it does without."""
    words: bool
    """It fails in other words with one change than with both."""

    def sees(self, where: str) -> frozenset[str]:
        """Return which of the changes are in its buildroot at a place."""
        return SUBJECTS.get(where, frozenset()) & self.affected_by

    def breaks(self, seen: frozenset[str]) -> bool:
        """Whether these changes break it, that is without any does build."""
        return seen in self.fails_with if seen else self.fails_without

    def end(self, where: str, time: int) -> Outcome:
        """Return how its build ends at a place, for the so-manieth time."""
        seen = self.sees(where)
        if not seen and self.at_times and time % 2 == 0:
            return Succeeded()
        if not self.breaks(seen) and not (not seen and self.at_times):
            return Succeeded()
        if not seen or self.same:
            return failed(f"an old fault of {self.name}")
        return failed(f"a fault of {self.name}{f' with {min(seen)}' if self.words and len(seen) == 1 else ''}")

    @property
    def is_broken(self) -> bool:
        """Whether both together break it, and that can be seen."""
        excused = self.same and (self.fails_without or self.at_times)
        return self.breaks(self.sees("together")) and not excused and (self.at_times or not self.fails_without)


@st.composite
def dependents(draw: st.DrawFn) -> tuple[Dependent, ...]:
    everything = [frozenset({"libfoo"}), frozenset({"libbar"}), BOTH]
    return tuple(
        Dependent(
            name=name,
            affected_by=draw(st.sampled_from([*everything, BOTH, BOTH])),
            fails_with=draw(st.frozensets(st.sampled_from(everything))),
            fails_without=draw(st.integers(0, 3)) == 0,
            at_times=draw(st.integers(0, 3)) == 0,
            same=draw(st.booleans()),
            words=draw(st.booleans()),
        )
        for name in NAMES[: draw(st.integers(1, len(NAMES)))]
    )


ORDERS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7)), max_size=20)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(dependents(), ORDERS)
def test_nobody_is_blamed_for_what_another_change_breaks(
    packages: Sequence[Dependent], ends: Sequence[tuple[int, int]]
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(tell(Path(directory), packages, ends))


@dataclass(kw_only=True)
class Play:
    """Lets builds end as they really do."""

    packages: Mapping[str, Dependent]
    times: dict[tuple[str, str], int] = field(default_factory=dict)

    def end(self, request: BuildRequest) -> Outcome:
        """Return how a build ends that nothing comes in the way of."""
        if request.package not in self.packages:
            return Succeeded()
        place = (request.package, workspace_of(request))
        self.times[place] = self.times.get(place, 0) + 1
        return self.packages[request.package].end(place[1], self.times[place])


async def tell(directory: Path, packages: Sequence[Dependent], ends: Sequence[tuple[int, int]]) -> None:
    """Test both together; the first builds end in that order, some of them by chance."""
    play = Play(packages={package.name: package for package in packages})
    async with stage(directory) as revdeps:
        lead, other = await both(revdeps)
        revdeps.builder.outcome_for = None
        for where, subjects in SUBJECTS.items():
            seeing = [package for package in packages if package.sees(where)]
            items = [
                affected(package.name, buildroot_after=f"{package.name} on {sorted(package.sees(where))}")
                for package in seeing
            ]
            revdeps.resolver.script_impact(subjects, *items)
        await revdeps.say(lead, "/revdeps with octocat/other#1")
        for step in range(200):
            run = (await revdeps.view(lead)).runs[0].run
            running = revdeps.builder.running
            if run.state is RunState.FINISHED and not running:
                break
            which, luck = ends[step] if step < len(ends) else (0, 9)
            if running:
                key = running[which % len(running)]
                revdeps.builder.finish(key, ENDS.get(luck) or play.end(revdeps.builder.request(key)))
            revdeps.clock.pass_time(minutes=10)
            await revdeps.settle()
        else:
            raise AssertionError("the run does not come to its end")
        await look(revdeps, (lead, other), play.packages)


async def look(revdeps: Stage, refs: tuple[ChangeRef, ChangeRef], packages: Mapping[str, Dependent]) -> None:
    found = (await revdeps.view(refs[0])).runs[0]
    if found.run.problem is not None or not found.run.companions or not found.findings:
        return
    assert all(build.state is BuildState.DONE for build in found.builds)
    judged = {each.package: each.judgement for each in found.findings}
    for name, told in judged.items():
        regressed = told.verdict is Verdict.REGRESSED
        broken = packages[name].is_broken
        assert not regressed or packages[name].breaks(packages[name].sees("together")), f"{name}: {told}"
        assert not regressed or not packages[name].fails_without or packages[name].at_times, f"{name}: {told}"
        assert regressed or not broken or told.verdict is Verdict.INCONCLUSIVE, f"{name}: {told}"
        if regressed:
            blame(refs, packages[name], told)
    gates = [gate(revdeps, ref).conclusion for ref in refs]
    red = [told.blame for told in judged.values() if told.verdict is Verdict.REGRESSED]
    for ref, conclusion in zip(refs, gates, strict=True):
        to_blame = [each for each in red if each and (not each.culprits or ref in (*each.culprits, *each.unknown))]
        if red:
            assert conclusion is (Conclusion.FAILURE if to_blame else Conclusion.ACTION_REQUIRED)
        elif conclusion is Conclusion.SUCCESS:
            assert not [name for name in judged if packages[name].is_broken]


def blame(refs: tuple[ChangeRef, ChangeRef], package: Dependent, told: Judgement) -> None:
    assert told.blame is not None
    for ref, where in zip(refs, ("0", "1"), strict=True):
        alone = bool(package.sees(where)) and package.breaks(package.sees(where))
        assert alone or ref not in told.blame.culprits, f"{package.name}: {ref} does not break it: {told.blame}"
        known = ref in (*told.blame.culprits, *told.blame.unknown)
        assert known or not alone, f"{package.name}: {ref} breaks it: {told.blame}"

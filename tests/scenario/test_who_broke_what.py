"""Whatever is really broken, and whatever comes in between: no verdict is wrong, and nothing broken is green.

The distributions, the configurations and what people and the infrastructure do are made up by hypothesis; what is told
in the end is held against what is known to be the case.
"""

import asyncio
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.attempts import tells
from bot.domain.build import BuildState, Cancelled, Failed, FailureReason, Purpose, Succeeded
from bot.domain.conclusion import conclude
from bot.domain.decide import RunView
from bot.domain.evidence import baseline_key
from bot.domain.plan import PlanEntry
from bot.domain.run import ChangeRef, Conclusion, RunState
from bot.domain.verdict import Finding, Verdict
from tests.fakes.truth import ELSEWHERE, SUBJECT, Distribution, Kind, TrueBuilds, TrueResolver, Truth
from tests.scenario.harness import CONFIG, Stage, stage

LOST = Failed(reason=FailureReason.INFRASTRUCTURE, cause="a mirror was down")
NAMES = ("aa", "bb", "cc", "dd")


@st.composite
def distributions(draw: st.DrawFn) -> Distribution:
    packages: list[Truth] = []
    for name in NAMES[: draw(st.integers(1, len(NAMES)))]:
        known = [SUBJECT, *(package.name for package in packages)]
        packages.append(
            Truth(
                name=name,
                uses=tuple(draw(st.sets(st.sampled_from(known), min_size=1))),
                links=draw(st.booleans()),
                mends=draw(st.integers(0, 3)) > 0,
                without=draw(st.sampled_from([Kind.PASSES, Kind.PASSES, *Kind])),
                changed=draw(st.sampled_from([Kind.PASSES, Kind.PASSES, *Kind])),
                same=draw(st.booleans()),
                mute=draw(st.integers(0, 3)) == 0,
                hides=draw(st.booleans()),
                resolves=draw(st.integers(0, 7)) > 0,
            )
        )
    elsewhere = [
        replace(
            package,
            without=draw(st.sampled_from([package.without, *Kind])),
            changed=draw(st.sampled_from([package.changed, *Kind])),
        )
        for package in packages
    ]
    return Distribution(
        packages=tuple(packages),
        moves=draw(st.booleans()),
        lame=draw(st.integers(0, 5)) == 0,
        was_lame=draw(st.booleans()),
        elsewhere=tuple(elsewhere),
    )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What `.revdeps.yaml` says."""

    mode: str
    baseline: str
    min_coverage: int
    exclude: tuple[str, ...]
    limit: int | None
    targets: int

    @property
    def text(self) -> str:
        """The file."""
        limit = "" if self.limit is None else f", limit: {self.limit}"
        second = CONFIG.splitlines()[-1].replace("rawhide", ELSEWHERE) + "\n" if self.targets > 1 else ""
        return (
            f"{CONFIG}{second}mode: {self.mode}\nbaseline: {self.baseline}\nmin-coverage: {self.min_coverage}\n"
            f"reverse-dependencies: {{exclude: [{', '.join(self.exclude)}]{limit}}}\n"
        )


CONFIGURATIONS = st.builds(
    Settings,
    mode=st.sampled_from(["auto", "auto", "isolated", "chained"]),
    baseline=st.sampled_from(["on-failure", "on-failure", "always", "off"]),
    min_coverage=st.sampled_from([100, 100, 50]),
    exclude=st.sampled_from([(), (), ("bb",)]),
    limit=st.sampled_from([None, None, 1]),
    targets=st.sampled_from([1, 1, 2]),
)
DEEDS = st.one_of(
    st.tuples(st.just("finish"), st.integers(0, 5)),
    st.tuples(st.just("lose"), st.integers(0, 5)),
    st.tuples(st.just("stop"), st.integers(0, 5)),
    st.tuples(
        st.sampled_from(["retry", "rebuild", "baseline", "skip", "include", "cancel", "waive", "accept", "unwaive"]),
        st.sampled_from([*NAMES, SUBJECT, "*"]),
    ),
    st.tuples(st.sampled_from(["push", "back", "again", "wait", "sleep"]), st.none()),
    st.tuples(st.just("move"), st.sampled_from(NAMES)),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(distributions(), CONFIGURATIONS, st.lists(DEEDS, max_size=12))
def test_verdicts_are_true(truth: Distribution, config: Settings, deeds: Sequence[tuple[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(_story(Path(directory), truth, config, deeds))


async def _story(directory: Path, truth: Distribution, config: Settings, deeds: Sequence[tuple[str, object]]) -> None:
    resolver = TrueResolver(sources=[package.name for package in truth.packages])
    resolver.truth = truth
    async with stage(directory, resolver=resolver) as revdeps:
        builds = TrueBuilds(truth)
        ref = await revdeps.open(config=config.text)
        await revdeps.settle()
        for deed, what in deeds:
            await _do(revdeps, ref, builds, deed, what)
            await _look(revdeps, ref, truth, config, builds.moved)
        for _ in range(200):
            if (await revdeps.view(ref)).runs[0].run.state is RunState.FINISHED and not revdeps.builder.running:
                break
            await _finish(revdeps, builds, 0)
            revdeps.clock.pass_time(seconds=100)
            await revdeps.settle()
        else:
            raise AssertionError("the run does not come to its end")
        await _look(revdeps, ref, truth, config, builds.moved)


async def _finish(revdeps: Stage, builds: TrueBuilds, which: int) -> None:
    running = revdeps.builder.running
    if running:
        key = running[which % len(running)]
        revdeps.builder.finish(key, builds.end(revdeps.builder.request(key)))


async def _do(revdeps: Stage, ref: ChangeRef, builds: TrueBuilds, deed: str, what: object) -> None:
    running = revdeps.builder.running
    match deed, what:
        case "finish", int(which):
            await _finish(revdeps, builds, which)
        case "lose" | "stop", int(which):
            if running:
                revdeps.builder.finish(running[which % len(running)], LOST if deed == "lose" else Cancelled())
        case "push", _:
            assert isinstance(revdeps.world.resolver, TrueResolver)
            revdeps.world.resolver.contents += 1
            await revdeps.push(ref)
        case "again", _:
            await revdeps.ask(ref, "/revdeps run")
        case "back", _:
            revdeps.forge.close(ref)
            await revdeps.deliver_refresh(ref)
            await revdeps.settle()
            revdeps.forge.reopen(ref)
            await revdeps.deliver_refresh(ref)
        case "move", str(package):
            _move(revdeps, builds, package)
        case "wait", _:
            revdeps.clock.pass_time(minutes=10)
        case "sleep", _:
            revdeps.clock.pass_time(hours=13)
        case "accept", str(package):
            tomorrow = revdeps.clock.now() + timedelta(days=1)
            await revdeps.ask(ref, f"/revdeps waive {package} until={tomorrow:%Y-%m-%d} -- for a reason")
        case "waive", str(package):
            await revdeps.ask(ref, f"/revdeps waive {package} -- for a reason")
        case verb, package:
            await revdeps.ask(ref, f"/revdeps {verb} {package}")
    await revdeps.settle()


def _move(revdeps: Stage, builds: TrueBuilds, name: str) -> None:
    """Let the distribution break a package with which the change has nothing to do."""
    here, elsewhere = (builds.truth.on(target).by_name.get(name) for target in ("", ELSEWHERE))
    if here is not None and elsewhere is not None and here.changed is elsewhere.changed is Kind.PASSES:
        revdeps.clock.pass_time(minutes=1)
        builds.moved.add(name)
        revdeps.builder.base_packages = (*revdeps.builder.base_packages, f"new-in-{name}-1-1.noarch")


async def _look(revdeps: Stage, ref: ChangeRef, truth: Distribution, config: Settings, moved: Collection[str]) -> None:
    """Hold what stands there against what is known."""
    latest = (await revdeps.view(ref)).runs[0]
    check = revdeps.check(ref)
    green = check.conclusion is Conclusion.SUCCESS
    if green:
        assert latest.run.conclusion is Conclusion.SUCCESS
    findings = {(found.target, found.package): found for found in latest.findings}
    for entry in latest.entries:
        found = findings.get((entry.target, entry.package))
        if found is not None and latest.run.state is RunState.FINISHED:
            _is_right(latest, entry, found, truth.on(entry.target), config, moved)
    ended = latest.run.conclusion in {Conclusion.SUCCESS, Conclusion.FAILURE, Conclusion.ACTION_REQUIRED}
    if latest.entries and ended and latest.run.problem is None:
        assert set(findings) == {(entry.target, entry.package) for entry in latest.entries}
        assert latest.run.conclusion is conclude(findings.values(), min_coverage=config.min_coverage)
        waived = {place for place, found in findings.items() if found.judgement.verdict is Verdict.WAIVED}
        planned = (entry for entry in latest.entries if entry.planned and not entry.own)
        open_ones = {(entry.target, entry.package) for entry in planned} - waived
        # What was not tested may be broken, as far as the coverage allows; what needs no test to be known may not.
        seen = _is_broken if config.min_coverage == 100 else _is_known_to_break
        broken = {place for place in open_ones if place[1] not in moved and seen(truth.on(place[0]), place[1])}
        assert not (green and broken), f"{broken} broken and green"
    lame = {target.target.name for target in latest.targets if _is_lame(truth.on(target.target.name))}
    if green and ended:
        told = {target for target in lame if findings[target, SUBJECT].judgement.verdict is Verdict.WAIVED}
        assert told == lame, "it cannot be installed, and is green"


def _is_lame(truth: Distribution) -> bool:
    """Whether the change brings what cannot be installed any more."""
    return truth.lame and not truth.was_lame


def _is_broken(truth: Distribution, name: str) -> bool:
    """Whether the change breaks a package for good, and that can be seen."""
    package = truth.by_name[name]
    return _is_known_to_break(truth, name) or (package.resolves and _is_at_fault(package))


def _is_known_to_break(truth: Distribution, name: str) -> bool:
    """Whether the solver alone knows that the change breaks a package, and no rebuild repairs that."""
    if truth.breaks(name) and not truth.may_be_repaired(name):
        return True
    resolved = truth.by_name[name].resolves
    return resolved and not all(truth.may_be_repaired(needed) for needed in truth.root(name))


def _is_at_fault(package: Truth) -> bool:
    """Whether a package builds without the change, be it at times, and with it never."""
    known = package.without is Kind.FLAKY and package.same
    return (
        package.without in {Kind.PASSES, Kind.FLAKY, Kind.SLOW}
        and package.changed in {Kind.FAILS, Kind.HANGS}
        and not (known and package.changed is Kind.FAILS)
    )


def _may_regress(truth: Distribution, name: str, config: Settings) -> bool:
    """Whether the change can be at fault at all."""
    package = truth.by_name[name]
    if truth.breaks(name) and (not truth.may_be_repaired(name) or config.mode == "isolated"):
        return True
    if package.resolves and not all(truth.may_be_repaired(needed) for needed in truth.root(name)):
        return True
    return _is_at_fault(package) or (config.baseline == "off" and package.changed in {Kind.FAILS, Kind.HANGS})


def _is_right(
    view: RunView,
    entry: PlanEntry,
    found: Finding,
    truth: Distribution,
    config: Settings,
    moved: Collection[str],
) -> None:
    name, judged = entry.package, found.judgement
    if entry.own:
        assert truth.lame
        fair = {Verdict.STILL_FAILING} if truth.was_lame else {Verdict.REGRESSED, Verdict.WAIVED}
        assert judged.verdict in fair, f"{name} cannot be installed: {judged}"
        return
    done = [build for build in view.builds if build.package == name and build.state is BuildState.DONE]
    builds = [build for build in done if build.target == entry.target]
    target = next(each.target for each in view.targets if each.target.name == entry.target)
    candidates = [build for build in builds if build.run is not None and build.purpose is not Purpose.SUBJECT]
    key = baseline_key(entry, target, attempt=1).text.rpartition("/")[0]
    baselines = [build for build in builds if build.run is None and build.key.startswith(key)]
    passed = any(isinstance(build.outcome, Succeeded) for build in candidates)
    failures = [build for build in candidates if tells(build.outcome) and isinstance(build.outcome, Failed)]
    good = [build for build in baselines if isinstance(build.outcome, Succeeded)]
    bad = [build for build in baselines if tells(build.outcome) and isinstance(build.outcome, Failed)]
    known_broken = bool(entry.uninstallable) or not entry.ready
    match judged.verdict:
        case Verdict.REGRESSED:
            beyond_repair = name in moved and (config.baseline == "off" or truth.breaks(name))
            assert beyond_repair or _may_regress(truth, name, config), f"{name} did not regress: {judged}"
            proved = config.baseline == "off" or bool(good)
            assert known_broken or (proved and not passed and (len(failures) > 1 or judged.root))
        case Verdict.STILL_PASSING:
            assert passed
            assert not known_broken
        case Verdict.FIXED:
            assert passed
            assert bad or not truth.by_name[name].resolves
        case Verdict.STILL_FAILING | Verdict.CHANGED_FAILURE:
            assert bad or not truth.by_name[name].resolves
            assert not entry.uninstallable
        case Verdict.FLAKY:
            assert failures
            assert passed or (good and bad)
        case Verdict.NEEDS_REBUILD:
            assert truth.moves
        case Verdict.BLOCKED:
            assert not entry.ready
        case Verdict.NOT_TESTED:
            assert not entry.planned
        case Verdict.INCONCLUSIVE | Verdict.WAIVED:
            pass

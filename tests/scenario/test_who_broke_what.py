"""Whatever is really broken, and whatever comes in between: no verdict is wrong, and nothing broken is green.

The distributions, the configurations and what people and the infrastructure do are made up by hypothesis; what is told
in the end is held against what is known to be the case.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.build import Cancelled, Failed, FailureReason
from bot.domain.run import ChangeRef, Conclusion, RunState
from bot.engine.world import EngineSettings
from tests.fakes.truth import ELSEWHERE, SUBJECT, Distribution, Kind, TrueBuilds, TrueResolver, Truth, made
from tests.scenario.harness import CONFIG, Stage, stage
from tests.scenario.oracle import Accepted, Oracle, Rules

ENDS = {
    "lose": Failed(reason=FailureReason.INFRASTRUCTURE, cause="a mirror was down"),
    "refuse": Failed(reason=FailureReason.INFRASTRUCTURE, cause="no such architecture here", refused=True),
    "stop": Cancelled(),
}
NAMES = ("aa", "bb", "cc", "dd", "ee")
KINDS = [Kind.PASSES, Kind.PASSES, *Kind]


@st.composite
def packages(draw: st.DrawFn) -> tuple[Truth, ...]:
    found: list[Truth] = []
    for name in NAMES[: draw(st.integers(1, len(NAMES)))]:
        known = [SUBJECT, *(package.name for package in found)]
        resolves = draw(st.integers(0, 7)) > 0
        found.append(
            Truth(
                name=name,
                uses=tuple(sorted(draw(st.sets(st.sampled_from(known), min_size=1, max_size=2)))),
                links=draw(st.booleans()),
                wants=(draw(st.sampled_from(known)),) if draw(st.integers(0, 5)) == 0 else (),
                shifts=draw(st.integers(0, 2)) == 0,
                mends=draw(st.integers(0, 3)) > 0,
                without=draw(st.sampled_from(KINDS)),
                changed=draw(st.sampled_from(KINDS)),
                same=draw(st.booleans()),
                common=draw(st.booleans()),
                mute=draw(st.integers(0, 3)) == 0,
                hides=draw(st.booleans()),
                resolves=resolves,
                healed=not resolves and draw(st.booleans()),
            )
        )
    return tuple(found)


@st.composite
def variants(draw: st.DrawFn) -> tuple[Distribution, ...]:
    """What two pushes do to the same packages."""
    everything, found = draw(packages()), list[Distribution]()
    elsewhere = tuple(replace(each, without=draw(st.sampled_from([each.without, *Kind]))) for each in everything)
    for _ in range(2):
        found.append(
            Distribution(
                packages=everything,
                moves=draw(st.booleans()),
                lame=draw(st.integers(0, 5)) == 0,
                was_lame=draw(st.booleans()),
                elsewhere=tuple(
                    replace(each, changed=draw(st.sampled_from([each.changed, *Kind]))) for each in elsewhere
                ),
            )
        )
        everything = tuple(replace(each, changed=draw(st.sampled_from([each.changed, *KINDS]))) for each in everything)
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What `.revdeps.yaml` says, and the operator."""

    mode: str
    baseline: str
    min_coverage: int
    exclude: tuple[str, ...]
    limit: int | None
    targets: int
    systemic: int

    @property
    def text(self) -> str:
        """The file."""
        limit = "" if self.limit is None else f", limit: {self.limit}"
        second = CONFIG.splitlines()[-1].replace("rawhide", ELSEWHERE) + "\n" if self.targets > 1 else ""
        return (
            f"{CONFIG}{second}mode: {self.mode}\nbaseline: {self.baseline}\nmin-coverage: {self.min_coverage}\n"
            f"reverse-dependencies: {{exclude: [{', '.join(self.exclude)}]{limit}}}\n"
        )

    @property
    def rules(self) -> Rules:
        """What of it matters for the verdicts."""
        return Rules(mode=self.mode, baseline=self.baseline, min_coverage=self.min_coverage)


CONFIGURATIONS = st.builds(
    Settings,
    mode=st.sampled_from(["auto", "auto", "isolated", "chained"]),
    baseline=st.sampled_from(["on-failure", "on-failure", "always", "off"]),
    min_coverage=st.sampled_from([100, 100, 50]),
    exclude=st.sampled_from([(), (), ("bb",)]),
    limit=st.sampled_from([None, None, 1, 2]),
    targets=st.sampled_from([1, 1, 2]),
    systemic=st.sampled_from([8, 8, 2, 1]),
)
COMMANDS = ["retry", "rebuild", "baseline", "skip", "include", "cancel", "waive", "accept", "unwaive"]
DEEDS = st.one_of(
    st.tuples(st.sampled_from(["finish", "finish", *ENDS]), st.integers(0, 5)),
    st.tuples(st.sampled_from(COMMANDS), st.sampled_from([*NAMES, SUBJECT, "*"])),
    st.tuples(st.just("push"), st.integers(0, 1)),
    st.tuples(st.sampled_from(["back", "again", "wait", "sleep", "base", "other", "all"]), st.none()),
    st.tuples(st.sampled_from(["break", "mend"]), st.sampled_from(NAMES)),
)
Deed = tuple[str, object]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(variants(), CONFIGURATIONS, st.lists(DEEDS, max_size=12))
def test_verdicts_are_true(truths: Sequence[Distribution], config: Settings, deeds: Sequence[Deed]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(tell(Path(directory), truths, config, deeds))


async def tell(directory: Path, truths: Sequence[Distribution], config: Settings, deeds: Sequence[Deed]) -> None:
    """Let the deeds be done and the run come to its end, and look at it after each step."""
    resolver = TrueResolver(sources=[package.name for package in truths[0].packages])
    operator = EngineSettings(state=directory, systemic_failures=config.systemic)
    async with stage(directory, resolver=resolver, settings=operator) as revdeps:
        resolver.builder, resolver.builds = revdeps.builder, TrueBuilds(variants=truths)
        revdeps.builder.artifacts_for = made
        story = Story(revdeps=revdeps, builds=resolver.builds, config=config)
        await story.begin()
        for deed, what in deeds:
            await story.do(deed, what)
            await story.look()
        await story.come_to_an_end()
        await story.look()


@dataclass(kw_only=True)
class Story:
    """A pull request, or two, and what becomes of them."""

    revdeps: Stage
    builds: TrueBuilds
    config: Settings
    refs: list[ChangeRef] = field(default_factory=list)
    accepted: Accepted = field(default_factory=Accepted)
    bases: int = 0

    async def begin(self) -> None:
        self.refs.append(await self.revdeps.open(config=self.config.text))
        await self.revdeps.settle()

    async def come_to_an_end(self) -> None:
        for _ in range(300):
            runs = [(await self.revdeps.view(ref)).runs[0].run for ref in self.refs]
            if all(run.state is RunState.FINISHED for run in runs) and not self.revdeps.builder.running:
                return
            self.finish(0)
            self.revdeps.clock.pass_time(seconds=100)
            for ref, run in zip(self.refs, runs, strict=True):
                if run.pause is not None and not self.revdeps.builder.running:
                    await self.revdeps.ask(ref, "/revdeps retry")
            await self.revdeps.settle()
        raise AssertionError("the run does not come to its end")

    def finish(self, which: int, how: str = "finish") -> None:
        running = self.revdeps.builder.running
        if running:
            key = running[which % len(running)]
            request = self.revdeps.builder.request(key)
            self.revdeps.builder.finish(key, ENDS.get(how) or self.builds.end(request))

    async def do(self, deed: str, what: object) -> None:
        revdeps, ref = self.revdeps, self.refs[0]
        match deed, what:
            case _, int(which) if deed in {"finish", *ENDS}:
                self.finish(which, deed)
            case "all", _:
                for _ in revdeps.builder.running:
                    self.finish(0)
            case "push", int(contents):
                await revdeps.push(ref)
                self.builds.contents[revdeps.forge.changes[ref].head_sha] = contents
            case "again", _:
                await revdeps.ask(ref, "/revdeps run")
            case "back", _:
                revdeps.forge.close(ref)
                await revdeps.deliver_refresh(ref)
                await revdeps.settle()
                revdeps.forge.reopen(ref)
                await revdeps.deliver_refresh(ref)
            case "other", _:
                if len(self.refs) == 1:
                    self.refs.append(await revdeps.open(config=self.config.text))
            case "base", _:
                self.accepted.until.clear()
                self.bases += 1
                revdeps.forge.alter(ref, base_sha=f"{self.bases:040x}")
                await revdeps.deliver_refresh(ref)
            case "break" | "mend", str(package):
                self.move(package, broken=deed == "break")
            case "wait", _:
                revdeps.clock.pass_time(minutes=10)
            case "sleep", _:
                revdeps.clock.pass_time(hours=13)
            case _, str(package):
                await self.command(deed, package)
        await revdeps.settle()

    async def command(self, verb: str, package: str) -> None:
        until = (self.revdeps.clock.now() + timedelta(days=1)).date()
        match verb:
            case "accept":
                self.accepted.until[package] = until
                line = f"waive {package} until={until} -- for a reason"
            case "waive":
                self.accepted.until[package] = None
                line = f"waive {package} -- for a reason"
            case _:
                line = f"{verb} {package}"
        await self.revdeps.ask(self.refs[0], f"/revdeps {line}")

    def move(self, name: str, *, broken: bool) -> None:
        """Let the distribution break a package with which the change has nothing to do, or mend it again."""
        everywhere = [
            truth.on(target).by_name.get(name) for truth in self.builds.variants for target in ("", ELSEWHERE)
        ]
        if any(each is None or each.changed is not Kind.PASSES for each in everywhere):
            return
        if broken is (name in self.builds.moved):
            return
        self.revdeps.clock.pass_time(minutes=1)
        (self.builds.moved.add if broken else self.builds.moved.remove)(name)
        self.builds.ever_moved.add(name)
        news = f"new-in-{name}-{len(self.revdeps.builder.base_packages)}-1.noarch"
        self.revdeps.builder.base_packages = (*self.revdeps.builder.base_packages, news)
        for target in ("rawhide", ELSEWHERE):
            self.revdeps.world.resolver.move(target)  # type: ignore[attr-defined]

    async def look(self) -> None:
        """Hold what stands there against what is known."""
        for number, ref in enumerate(self.refs):
            latest = (await self.revdeps.view(ref)).runs[0]
            check = self.revdeps.check(ref)
            green = check.conclusion is Conclusion.SUCCESS
            if green:
                assert latest.run.conclusion is Conclusion.SUCCESS
            if latest.run.state is RunState.FINISHED:
                Oracle(
                    truth=self.builds.of(latest.run.head_sha),
                    rules=self.config.rules,
                    moved=self.builds.ever_moved,
                    accepted=self.accepted if number == 0 else Accepted(),
                    now=self.revdeps.clock.now(),
                ).hold(latest, green)

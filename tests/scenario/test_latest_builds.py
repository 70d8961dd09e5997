"""The distribution's own build of a package as its baseline: only where nothing in its root is different now."""

from collections.abc import Sequence

import pytest

from bot.domain.build import BuildRequest, Outcome, Succeeded
from bot.domain.packages import BinaryPackage, Nevra
from bot.domain.reuse import LatestBuild
from bot.domain.run import ChangeRef
from bot.domain.verdict import Verdict
from bot.ports.errors import Rejected
from bot.ports.resolver import Buildroot
from tests.fakes.builder import failed
from tests.fakes.resolver import affected
from tests.scenario.harness import Stage

GCC, NEWER = "gcc-1-1.x86_64", "gcc-1-2.x86_64"


def broken_since_always(request: BuildRequest) -> Outcome:
    return failed("error: no such function") if request.package == "bar" else Succeeded()


def root(*packages: str) -> Buildroot:
    found = tuple(BinaryPackage(nevra=Nevra.parse(each), location="", checksum="") for each in packages)
    return Buildroot(packages=found, digest="bar-before")


async def opened(revdeps: Stage, root_now: Buildroot, source: str = "bar-1-1.src") -> ChangeRef:
    """Open a change with which `bar` fails; the distribution built it in a root with the older gcc."""
    now = revdeps.clock.now()
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    revdeps.resolver.script_root([], "bar", root_now)
    revdeps.builder.latest["bar"] = LatestBuild(
        name="bar-1-1",
        source=Nevra.parse(source),
        installed=(Nevra.parse(GCC),),
        started_at=now,
        ended_at=now,
    )
    revdeps.builder.outcome_for = broken_since_always
    ref = await revdeps.open()
    await revdeps.settle()
    return ref


def baselines(revdeps: Stage) -> Sequence[str]:
    return [key for key in revdeps.builder.started if key.startswith("b/")]


async def test_no_baseline_is_built_where_the_root_is_the_same(revdeps: Stage) -> None:
    ref = await opened(revdeps, root(GCC))

    assert baselines(revdeps) == []
    assert await revdeps.verdicts(ref) == {"bar": Verdict.REGRESSED}
    assert "1 result taken over from earlier builds with the same inputs." in revdeps.comment(ref)
    (baseline,) = [build for build in (await revdeps.view(ref)).runs[0].builds if build.run is None]
    async with revdeps.world.store.transaction() as tx:
        assert (await tx.roots.get([baseline.key]))[baseline.key] == (GCC,)


async def test_a_build_older_than_its_dependencies_is_not_assumed_to_pass(revdeps: Stage) -> None:
    ref = await opened(revdeps, root(NEWER))

    assert len(baselines(revdeps)) == 1
    assert await revdeps.verdicts(ref) == {"bar": Verdict.STILL_FAILING}


async def test_the_build_of_another_version_says_nothing(revdeps: Stage) -> None:
    ref = await opened(revdeps, root(GCC), source="bar-1-2.src")

    assert await revdeps.verdicts(ref) == {"bar": Verdict.STILL_FAILING}


async def test_metadata_that_have_moved_since_the_plan_say_nothing(revdeps: Stage) -> None:
    ref = await opened(revdeps, Buildroot(packages=root(GCC).packages, digest="moved"))

    assert await revdeps.verdicts(ref) == {"bar": Verdict.STILL_FAILING}


async def test_a_backend_that_does_not_answer_builds_it(revdeps: Stage, caplog: pytest.LogCaptureFixture) -> None:
    revdeps.builder.fail_next("latest_builds", Rejected("no such method"))
    ref = await opened(revdeps, root(GCC))

    assert await revdeps.verdicts(ref) == {"bar": Verdict.STILL_FAILING}
    assert "baselines are built, not looked up: no such method" in caplog.text

"""From `.revdeps.yaml` to what a Copr is asked for: a method of its own for the change, commits for its dependents."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.config_file.load import load
from bot.adapters.copr import DIST_GITS
from bot.domain.run import ChangeRef, Conclusion
from bot.domain.verdict import Verdict
from tests.fakes.copr.place import Place, place
from tests.fakes.copr.worker import Job, Scripted, Work, built, failed
from tests.fakes.pins import FakePins
from tests.fakes.resolver import affected
from tests.scenario.harness import OFFER, Stage, stage

CONFIG = """\
version: 1
packages: [{spec: libfoo.spec, name: libfoo, source: make-srpm}]
targets:
  - name: fedora-42
    backend: copr
    repositories: ["https://example.org/f42"]
    dist-git: {branch: f42}
"""
COMMIT = "a" * 40


def breaks_with_the_change(job: Job) -> Work:
    return failed(job) if job.find("libfoo") else built(job)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path / "copr", Scripted(table={"bar": breaks_with_the_change})) as found:
        yield found


@pytest.fixture
async def revdeps(tmp_path: Path, here: Place) -> AsyncIterator[Stage]:
    offer = replace(
        OFFER,
        backends=("copr:test",),
        short_backends={"copr": "copr:test"},
        dist_gits={"copr:test": DIST_GITS},
    )
    builders = {"copr:test": here.builder()}
    async with stage(
        tmp_path,
        load_config=lambda text, path, specs: load(text, path, specs, offer),
        builders=builders,
        pins=FakePins(heads={"bar": COMMIT}),
    ) as made:
        made.resolver.script_impact(["libfoo"], affected("bar"))
        yield made


async def concluded(revdeps: Stage, ref: ChangeRef) -> None:
    """Let time pass until the check is complete."""
    for _ in range(100):
        revdeps.clock.pass_time(seconds=30)
        await revdeps.settle()
        if revdeps.forge.checks and revdeps.check(ref).conclusion is not None:
            return
    raise AssertionError("there is no end to it")


async def test_a_run_in_a_copr_is_made_of_commits_alone(revdeps: Stage, here: Place) -> None:
    ref = await revdeps.open(config=CONFIG, head_repo="hubot/libfoo")
    await concluded(revdeps, ref)

    builds = list(here.server.projects.builds.values())
    state = revdeps.forge.changes[ref]

    assert await revdeps.verdicts(ref) == {"bar": Verdict.REGRESSED}
    assert revdeps.check(ref).conclusion is Conclusion.FAILURE
    assert [(build.package, build.kind) for build in builds] == [
        ("libfoo", "scm"),
        *[("bar", "distgit")] * 3,
    ]
    assert builds[0].source == {
        "type": "git",
        "clone_url": "https://example.org/hubot/libfoo.git",
        "committish": state.head_sha,
        "subdirectory": "",
        "spec": "libfoo.spec",
        "srpm_build_method": "make_srpm",
    }
    for build in builds[1:]:
        assert build.source == {
            "clone_url": "https://src.fedoraproject.org/rpms/bar",
            "distgit": "fedora",
            "committish": COMMIT,
        }


async def test_what_is_included_later_is_made_of_commits_too(revdeps: Stage, here: Place) -> None:
    ref = await revdeps.open(config=f"{CONFIG}reverse-dependencies: {{exclude: [bar]}}\n", head_repo="hubot/libfoo")
    await concluded(revdeps, ref)
    before = [build.package for build in here.server.projects.builds.values()]
    await revdeps.say(ref, "/revdeps include bar")
    await concluded(revdeps, ref)

    added = list(here.server.projects.builds.values())[1:]
    assert before == ["libfoo"]
    assert await revdeps.verdicts(ref) == {"bar": Verdict.REGRESSED}
    assert [(build.package, build.kind, build.source.get("committish")) for build in added] == [
        ("bar", "distgit", COMMIT)
    ] * 3

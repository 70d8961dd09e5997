"""Input that is wrong, hostile or missing: a clear message where the user looks, and nothing lost.

What never comes as far as the engine is tested where it is stopped: webhooks in `tests/integration/test_webhook.py`,
configuration files in `tests/unit/test_config_file.py`, builds in `tests/integration/test_sandbox_limits.py`.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.config_file.load import load
from bot.adapters.config_file.reading import Offer
from bot.domain.build import Failed, FailureReason, Phase, Succeeded
from bot.domain.config import PackageConfig
from bot.domain.publication import CheckStatus
from bot.domain.run import ChangeRef, Conclusion
from bot.domain.verdict import Verdict
from bot.ports.errors import Gone, Misconfigured, Rejected, Transient
from bot.ports.sources import SpecFacts
from bot.ports.store import Lease
from tests.fakes.builder import failed
from tests.fakes.resolver import affected
from tests.scenario.harness import CONFIG, Stage, stage
from tests.scenario.outcomes import breaks

THREE_LINES = """\
version: 1
targets:
  - {name: rawhide, backend: fake, repositories: ["https://example.org/rawhide"]}
"""


def shown(revdeps: Stage, ref: ChangeRef) -> str:
    """Return everything that a user sees of the check."""
    check = revdeps.check(ref)
    return "\n".join([check.title, check.summary, check.text, *(note.message for note in check.annotations)])


async def opened(revdeps: Stage, **how: Any) -> ChangeRef:
    ref = await revdeps.open(**how)
    await revdeps.settle()
    return ref


# Configuration.


async def test_a_change_that_touches_no_package_is_skipped_without_a_comment(revdeps: Stage) -> None:
    config = CONFIG.replace("spec: libfoo.spec", "spec: libfoo.spec, paths: [src/]")
    ref = await opened(revdeps, config=config, paths=("README.md",))
    assert revdeps.check(ref).conclusion is Conclusion.SKIPPED
    assert "touches no package" in shown(revdeps, ref)
    assert revdeps.forge.comments == {}


@pytest.mark.parametrize(
    ("config", "line", "message"),
    [
        ("", 1, "version"),
        ("version: 2\ntargets: []\n", 1, "expected the number 1"),
        (THREE_LINES + "mod: auto\n", 4, "`mode`"),
        (THREE_LINES + "mode: automatic\n", 4, "`auto`"),
        (THREE_LINES + "version: 1\n", 4, "twice"),
        (THREE_LINES + "timeout: [\n", 5, ""),
        (THREE_LINES.replace("backend: fake", "backend: koij"), 3, "`fake`"),
        ("a: &a [1]\nb: &b [*a,*a]\n", 1, ""),
    ],
)
async def test_a_broken_configuration_is_annotated_on_its_line(
    revdeps: Stage, config: str, line: int, message: str
) -> None:
    ref = await opened(revdeps, config=config)
    check = revdeps.check(ref)
    assert check.conclusion is Conclusion.ACTION_REQUIRED
    assert line in {note.line for note in check.annotations}
    assert {note.path for note in check.annotations} == {".revdeps.yaml"}
    assert message in shown(revdeps, ref)
    assert "revdeps config check .revdeps.yaml" in check.summary


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("https://metadata.internal/latest", "allow"),
        ("http://127.0.0.1:9200/", "allow"),
        ("file:///etc", "takes no repositories from its own disk"),
    ],
)
async def test_a_repository_on_a_host_that_is_not_allowed_is_refused(
    tmp_path: Path, address: str, message: str
) -> None:
    offer = Offer(presets={}, backends=("fake",), allowed_hosts=("example.org",), allow_file=False)
    async with stage(tmp_path, load_config=lambda text, path, specs: load(text, path, specs, offer)) as revdeps:
        ref = await opened(revdeps, config=CONFIG.replace("https://example.org/rawhide", address))
        (note,) = revdeps.check(ref).annotations
        assert revdeps.check(ref).conclusion is Conclusion.ACTION_REQUIRED
        assert note.line == 4
        assert message in note.message
        assert revdeps.resolver.calls.total() == 0


async def test_a_mended_configuration_is_tested_by_the_next_push(revdeps: Stage) -> None:
    ref = await opened(revdeps, config="version: 1\n")
    revdeps.forge.put_files("main", {".revdeps.yaml": CONFIG})
    await revdeps.push(ref)
    await revdeps.settle()
    assert len(revdeps.builder.started) == 1


# The change itself: its spec, its sources, its SRPM.


@dataclass(slots=True)
class Sources:
    """Reads and fetches nothing: raises what the real ones would."""

    on_read: Exception | None = None
    on_fetch: Exception | None = None

    async def read(self, checkout: str, spec: str) -> SpecFacts:
        if self.on_read:
            raise self.on_read
        return SpecFacts(name="libfoo", version="1", release="1", sources=())

    async def fetch(self, checkout: str, package: PackageConfig) -> None:
        if self.on_fetch:
            raise self.on_fetch


@asynccontextmanager
async def with_sources(directory: Path, sources: Sources) -> AsyncIterator[Stage]:
    async with stage(directory, specs=sources, sources=sources) as revdeps:
        yield revdeps


async def test_a_spec_that_does_not_parse_is_told_in_rpms_words_and_nothing_is_built(tmp_path: Path) -> None:
    rpm = "libfoo.spec: line 12: Unknown tag: Requries: glibc"
    async with with_sources(tmp_path, Sources(on_read=Rejected(rpm))) as revdeps:
        ref = await opened(revdeps, config=THREE_LINES)
        assert revdeps.check(ref).conclusion is Conclusion.FAILURE
        assert "Unknown tag: Requries: glibc" in shown(revdeps, ref)
        assert "Push a commit that mends it" in shown(revdeps, ref)
        assert revdeps.builder.started == []


async def test_sources_with_another_checksum_are_told_and_nothing_is_built(tmp_path: Path) -> None:
    refusal = Rejected("libfoo-2.0.tar.gz has the checksum sha256:00, and sha256:ff was expected")
    async with with_sources(tmp_path, Sources(on_fetch=refusal)) as revdeps:
        ref = await opened(revdeps)
        assert revdeps.check(ref).conclusion is Conclusion.FAILURE
        assert "sha256:ff" in shown(revdeps, ref)
        assert revdeps.builder.started == []


async def test_sources_that_cannot_be_had_just_now_are_waited_for(tmp_path: Path) -> None:
    sources = Sources(on_fetch=Transient("example.org answered 503"))
    async with with_sources(tmp_path, sources) as revdeps:
        ref = await opened(revdeps)
        sources.on_fetch = None
        revdeps.clock.pass_time(minutes=1)
        await revdeps.settle()
        assert revdeps.check(ref).status is not CheckStatus.COMPLETED
        assert len(revdeps.builder.started) == 1


async def test_several_specs_and_none_named_say_what_to_write(revdeps: Stage) -> None:
    ref = await revdeps.open(config=THREE_LINES)
    revdeps.forge.put_files(revdeps.forge.changes[ref].head_sha, {"libbar.spec": "Name: libbar\n"})
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.FAILURE
    assert "libbar.spec, libfoo.spec" in shown(revdeps, ref)
    assert "name it in" in shown(revdeps, ref)


@pytest.mark.parametrize(
    "failure",
    [
        failed("error: Bad source: libfoo-2.0.tar.gz: No such file", FailureReason.SRPM, Phase.SRPM),
        failed("nothing provides pkgconfig(zlib) needed by libfoo", FailureReason.UNRESOLVABLE, Phase.BUILDROOT),
        failed("foo.c:3: error: expected ';'"),
        failed("1 of 20 tests failed", FailureReason.CHECK, Phase.CHECK),
        failed("it took longer than 5 hours", FailureReason.TIMEOUT, Phase.BUILD),
    ],
    ids=lambda failure: failure.reason.value,
)
async def test_a_change_that_fails_by_itself_says_so_and_no_dependent_is_built(revdeps: Stage, failure: Failed) -> None:
    revdeps.builder.outcome_for = lambda request: failure
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    ref = await opened(revdeps)
    assert revdeps.check(ref).conclusion is Conclusion.FAILURE
    assert revdeps.check(ref).title == "libfoo itself does not build"
    assert failure.cause in re.sub("[\\\\\u200b]", "", shown(revdeps, ref))
    assert "libfoo" in revdeps.comment(ref)
    assert {revdeps.builder.request(key).package for key in revdeps.builder.started} == {"libfoo"}


# Repositories.


async def test_a_repository_that_is_down_is_waited_for_and_the_check_says_so(revdeps: Stage) -> None:
    for _ in range(3):
        revdeps.resolver.fail_next("snapshot", Transient("https://example.org/rawhide: the mirror does not answer"))
    ref = await opened(revdeps)
    for _ in range(2):
        revdeps.clock.pass_time(seconds=16)
        await revdeps.settle()
    assert revdeps.check(ref).status is not CheckStatus.COMPLETED
    assert "the mirror does not answer" in shown(revdeps, ref)
    assert "tried again by itself" in shown(revdeps, ref)
    revdeps.builder.outcome_for = breaks()
    revdeps.clock.pass_time(minutes=2)
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS
    assert "mirror" not in shown(revdeps, ref)


async def test_a_target_without_source_packages_is_no_proof_that_nobody_is_affected(revdeps: Stage) -> None:
    revdeps.resolver.counted = 0
    ref = await revdeps.open()
    await revdeps.settle()
    check = revdeps.check(ref)
    assert check.conclusion is Conclusion.ACTION_REQUIRED
    assert "no source packages" in check.title
    assert "Add a source repository." in check.summary


@pytest.mark.parametrize("call", ["snapshot", "impact"])
@pytest.mark.parametrize(
    "what",
    [
        "primary.xml.gz has another checksum than repomd.xml says",
        "repomd.xml ends in the middle",
        "there is not one package in it",
    ],
)
async def test_a_repository_that_cannot_be_used_asks_for_somebody_to_mend_it(
    revdeps: Stage, call: str, what: str
) -> None:
    where = "https://example.org/rawhide"
    revdeps.builder.outcome_for = breaks()
    revdeps.resolver.fail_next(call, Misconfigured(where, what, "Create the metadata anew with createrepo_c."))
    ref = await opened(revdeps)
    assert revdeps.check(ref).conclusion is Conclusion.ACTION_REQUIRED
    assert what in shown(revdeps, ref).replace("\\", "")
    assert "createrepo" in shown(revdeps, ref)
    await revdeps.say(ref, "/revdeps run")
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS


# Builds and the backend.


@pytest.mark.parametrize("call", ["prepare", "publish", "discard"])
async def test_a_backend_that_is_down_is_waited_for(revdeps: Stage, call: str) -> None:
    revdeps.builder.outcome_for = breaks()
    revdeps.builder.fail_next(call, Transient("the backend is down"))
    ref = await opened(revdeps)
    revdeps.clock.pass_time(minutes=1)
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS
    assert set(revdeps.builder.submits.values()) == {1}


async def test_a_build_that_the_backend_refuses_is_not_the_packages_fault(revdeps: Stage) -> None:
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    for _ in range(3):
        revdeps.builder.fail_next("submit", Misconfigured("sandbox", "user namespaces are forbidden", "Allow them."))
    ref = await opened(revdeps)
    for _ in range(4):
        await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.ACTION_REQUIRED
    assert "user namespaces are forbidden" in shown(revdeps, ref)
    assert "not the change" in shown(revdeps, ref)


async def test_a_workspace_that_vanished_is_not_the_packages_fault(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = lambda request: Succeeded() if request.package == "libfoo" else None
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    revdeps.builder.fail_next("publish", Gone("there is no workspace any more"))
    ref = await opened(revdeps)
    assert revdeps.check(ref).conclusion is Conclusion.ACTION_REQUIRED
    assert "there is no workspace any more" in shown(revdeps, ref)


async def test_a_time_out_seen_once_is_no_regression(revdeps: Stage) -> None:
    timeouts = iter([Failed(reason=FailureReason.TIMEOUT, phase=Phase.CHECK, signature="check: timeout", cause="hung")])

    def outcome(request: Any) -> Any:
        return next(timeouts, Succeeded()) if request.package == "bar" else Succeeded()

    revdeps.builder.outcome_for = outcome
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    ref = await opened(revdeps)
    assert (await revdeps.verdicts(ref))["bar"] in {Verdict.FLAKY, Verdict.STILL_PASSING, Verdict.INCONCLUSIVE}
    assert revdeps.check(ref).conclusion is not Conclusion.FAILURE


# A full disk.


@dataclass(slots=True)
class FullDisk:
    """A store that can be read and not written while `full`."""

    store: Any
    full: bool = False
    refused: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def transaction(self, lease: Lease | None = None) -> Any:
        self._write()
        return self.store.transaction(lease)

    async def lease_change(self, *arguments: Any) -> Lease | None:
        self._write()
        return await self.store.lease_change(*arguments)  # type: ignore[no-any-return]

    def _write(self) -> None:
        if self.full:
            self.refused += 1
            raise Transient("the database cannot be written: the disk is full")


@pytest.mark.parametrize("moment", range(0, 24, 4))
async def test_a_disk_that_fills_up_at_any_moment_loses_nothing(tmp_path: Path, moment: int) -> None:
    async with stage(tmp_path) as revdeps:
        disk = FullDisk(revdeps.world.store)
        revdeps.world = replace(revdeps.world, store=disk)  # type: ignore[arg-type]
        passed: list[str] = []

        def fill(name: str) -> None:
            passed.append(name)
            disk.full = disk.full or len(passed) == moment + 1

        revdeps.builder.outcome_for = breaks("bar")
        revdeps.resolver.script_impact(["libfoo"], affected("bar"), affected("baz"), sources=10)
        ref = await revdeps.open()
        revdeps.checkpoint = fill
        with pytest.raises(Transient):
            await revdeps.settle()
        disk.full = False
        for _ in range(3):
            revdeps.clock.pass_time(minutes=2)
            await revdeps.settle()
        assert disk.refused
        assert revdeps.check(ref).conclusion is Conclusion.FAILURE
        assert await revdeps.verdicts(ref) == {"bar": Verdict.REGRESSED, "baz": Verdict.STILL_PASSING}
        assert set(revdeps.builder.submits.values()) == {1}

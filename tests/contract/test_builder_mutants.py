"""The builder's contract is worth something: fakes with one fault each do not pass it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import pytest

from bot.domain.build import BuildRequest, Succeeded
from bot.domain.ids import BuildKey, BuildRef, WorkspaceRef
from bot.domain.target import Target
from bot.ports.builder import BuildStatus, RepoState, WorkspaceSpec
from tests.contract import test_builder as contract
from tests.fakes.builder import FakeBuilder


class NewWorkspaceEachTime(FakeBuilder):
    async def prepare(self, spec: WorkspaceSpec) -> WorkspaceRef:
        ref = WorkspaceRef(f"{await super().prepare(spec)}/{self.calls['prepare']}")
        self.workspaces[ref] = spec
        return ref


class BuildsAgain(FakeBuilder):
    def _ref(self, key: BuildKey) -> BuildRef:
        return BuildRef(f"{super()._ref(key)}/{self.submits[key]}")


class FindsEverything(FakeBuilder):
    async def find(self, keys: Sequence[BuildKey]) -> Mapping[BuildKey, BuildRef]:
        return {key: self._ref(key) for key in keys}


class KnowsStrangers(FakeBuilder):
    async def poll(self, refs: Sequence[BuildRef]) -> Mapping[BuildRef, BuildStatus]:
        known = dict(await super().poll(refs))
        return {ref: known.get(ref) or next(iter(known.values())) for ref in refs}


class CancelsTheFinished(FakeBuilder):
    def _cancel(self, ref: BuildRef) -> None:
        if ref in self.builds:
            self._end(ref, Succeeded())


class CountsFromTheFrontOnly(FakeBuilder):
    async def log(self, ref: BuildRef, offset: int, length: int) -> bytes:
        return await super().log(ref, max(offset, 0), length)


class ShowsTheChangeToBaselines(FakeBuilder):
    async def publish(self, workspace: WorkspaceRef, refs: Sequence[BuildRef], generation: int) -> RepoState:
        state = await super().publish(workspace, refs, generation)
        self.base_packages += tuple(name for package in state.packages for name in package.binaries)
        return state


class KeepsWhatWasPublished(FakeBuilder):
    async def publish(self, workspace: WorkspaceRef, refs: Sequence[BuildRef], generation: int) -> RepoState:
        before = [ref for ref, build in self.builds.items() if isinstance(build.status.outcome, Succeeded)]
        return await super().publish(workspace, [*before, *refs], generation)


class HidesTheChange(FakeBuilder):
    def _start(self, ref: BuildRef, key: BuildKey, request: BuildRequest) -> None:
        self.generations.pop(request.workspace, None)
        super()._start(ref, key, request)


class KeepsBuildsOfWhatIsDiscarded(FakeBuilder):
    async def discard(self, workspace: WorkspaceRef) -> None:
        self.workspaces.pop(workspace, None)


class ForgetsToList(FakeBuilder):
    async def leftovers(self) -> Sequence[WorkspaceRef]:
        return ()


MUTANTS: list[tuple[type[FakeBuilder], Callable[[contract.World], Awaitable[None]]]] = [
    (NewWorkspaceEachTime, contract.test_a_workspace_is_made_once),
    (BuildsAgain, contract.test_one_key_is_one_build),
    (BuildsAgain, contract.test_a_finished_build_is_not_built_again),
    (FindsEverything, contract.test_only_submitted_keys_are_found),
    (KnowsStrangers, contract.test_many_builds_are_polled_at_once_and_unknown_ones_left_out),
    (CancelsTheFinished, contract.test_running_and_waiting_builds_can_be_cancelled),
    (CountsFromTheFrontOnly, contract.test_a_log_can_be_read_in_parts_while_the_build_runs),
    (ShowsTheChangeToBaselines, contract.test_a_published_change_is_seen_by_the_run_and_by_no_baseline),
    (HidesTheChange, contract.test_a_published_change_is_seen_by_the_run_and_by_no_baseline),
    (KeepsWhatWasPublished, contract.test_what_is_built_again_takes_the_place_of_what_it_was),
    (KeepsBuildsOfWhatIsDiscarded, contract.test_discarding_a_workspace_ends_what_runs_in_it),
    (ForgetsToList, contract.test_a_service_that_starts_again_adopts_what_is_running),
]


@pytest.mark.parametrize(("mutant", "clause"), MUTANTS)
async def test_a_faulty_builder_is_caught(
    mutant: type[FakeBuilder], clause: Callable[[contract.World], Awaitable[None]], tmp_path: Path
) -> None:
    faulty = mutant(outcome_for=contract.fake_outcome)
    target = Target(name="here", arch="x86_64", backend="fake", repositories=())

    with pytest.raises(AssertionError):
        await clause(contract.World(faulty, target, tmp_path, restart=lambda: faulty))

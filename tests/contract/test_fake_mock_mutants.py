"""The contract of the stand-in for mock proves its worth: every way of getting it wrong is caught by a test of it."""

import inspect
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract import test_fake_mock as contract
from tests.fakes.mock.mutants import MUTANTS


def wrong_configuration(machine: contract.Machine) -> None:
    contract.test_a_configuration_that_is_wrong_is_refused(machine, "config_opts['root'] = ", 3)


def unknown_plugin(machine: contract.Machine) -> None:
    contract.test_what_makes_no_sense_is_refused(machine, ["--init", "--enable-plugin", "nothing"], 5)


CAUGHT: dict[str, Callable[[contract.Machine], Any]] = {
    "locks_nothing": contract.test_a_root_has_one_user_and_another_extension_is_another_root,
    "ignores_the_extension": contract.test_a_root_is_named_by_configuration_and_extension,
    "keeps_the_root": contract.test_a_package_is_rebuilt_and_its_root_removed,
    "every_failure_is_ten": contract.test_a_missing_repository_is_the_package_managers_failure,
    "has_no_time_limit": contract.test_the_time_limit_is_eleven,
    "addrepo_is_not_read": contract.test_a_missing_repository_is_the_package_managers_failure,
    "scrubbing_leaves_caches": contract.test_scrubbing_all_takes_roots_and_caches,
    "writes_no_list_of_packages": contract.test_what_was_in_the_root_is_written_down,
    "anybody_may": contract.test_only_members_of_the_group_may_and_root_may_not,
    "bad_configurations_do": wrong_configuration,
    "unknown_plugins_do": unknown_plugin,
    "templates_are_texts": contract.test_texts_of_the_configuration_are_templates,
    "priorities_are_not_read": contract.test_a_repository_gives_way_to_one_of_a_smaller_priority_as_added_ones_do,
    "excludes_are_not_read": contract.test_what_is_added_is_seen_and_what_is_excluded_is_not,
}


def test_every_mutant_is_tried() -> None:
    assert set(CAUGHT) == set(MUTANTS)


@pytest.mark.parametrize("name", MUTANTS)
async def test_a_wrong_mock_is_caught(name: str, tmp_path: Path) -> None:
    machine = contract.Machine(tmp_path)
    machine.stage.set(mutant=name)

    async def clause() -> None:
        answer = CAUGHT[name](machine)
        if inspect.isawaitable(answer):
            await answer

    with pytest.raises((AssertionError, FileNotFoundError, subprocess.TimeoutExpired)):
        await clause()

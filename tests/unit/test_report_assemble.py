"""A report says of a run what its rows say."""

from dataclasses import replace

import pytest

from bot.domain.build import BuildState
from bot.domain.config import BaselinePolicy
from bot.domain.packages import PackageChange
from bot.domain.report.assemble import Context, Stored, assemble, stage, wanted_tails
from bot.domain.report.values import Stage
from bot.domain.run import PublishedPackage, RunState
from bot.domain.verdict import Verdict
from tests.fakes.reports import (
    CHANGED,
    CONFIG,
    INIT_MISSING,
    MIRROR_DOWN,
    PASSED,
    build,
    context,
    entry,
    finding,
    run,
    run_target,
    source,
    story,
    subject_build,
)

ACTIVE = run(state=RunState.ACTIVE, conclusion=None, finished_at=None)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (Stored(run=run()), Stage.FINISHED),
        (Stored(run=run(state=RunState.WAITING)), Stage.WAITING),
        (Stored(run=replace(ACTIVE, trusted=None, config=None)), Stage.QUEUED),
        (Stored(run=ACTIVE), Stage.PREPARING),
        (Stored(run=ACTIVE, targets=(run_target(workspace=None),)), Stage.PREPARING),
        (Stored(run=ACTIVE, targets=(run_target(generation=-1),)), Stage.BUILDING),
        (Stored(run=ACTIVE, targets=(run_target(planned=False),)), Stage.RESOLVING),
        (Stored(run=ACTIVE, targets=(run_target(planned=False),), entries=(entry("bar"),)), Stage.REBUILDING),
        (Stored(run=ACTIVE, targets=(run_target(),)), Stage.REBUILDING),
    ],
)
def test_the_stage_is_read_from_the_rows(stored: Stored, expected: Stage) -> None:
    assert stage(stored) is expected


def test_the_subject_has_its_versions_and_its_builds() -> None:
    (subject,) = assemble(story(), context()).subjects
    assert (subject.before, subject.after) == ("libfoo-1.8-1.fc44.src", "libfoo-1.9-1.fc44.rd1.src")
    assert [view.passed for view in subject.builds] == [True]


def test_what_was_rebuilt_for_the_change_is_no_subject() -> None:
    published = (PublishedPackage(source="corge-2-1.src", binaries=()), PublishedPackage(source="odd", binaries=()))
    report = assemble(replace(story(), targets=(run_target(published=published),)))
    assert [(subject.package, subject.after) for subject in report.subjects] == [("libfoo", "")]


def test_a_subject_whose_retry_passed_has_no_failure() -> None:
    again = replace(subject_build(), key="c/again", attempt=2)
    stored = Stored(run=run(), builds=(subject_build(INIT_MISSING), again))
    assert assemble(stored).subjects[0].failures == ()
    assert len(assemble(replace(stored, builds=stored.builds[:1])).subjects[0].failures) == 1


def test_a_row_has_both_sides_and_its_log() -> None:
    bar = assemble(story(), context()).rows[0]
    assert [view.attempt for view in bar.candidate] == [1, 2]
    assert (bar.failures, bar.baseline[0].passed, bar.running) == (2, True, False)
    assert bar.log_tail.startswith("gcc")


def test_trouble_with_the_infrastructure_is_no_failure_of_the_package() -> None:
    stored = Stored(run=run(), entries=(entry("bar"),), builds=(build("bar", MIRROR_DOWN), build("bar", None)))
    (bar,) = assemble(stored).rows
    assert (bar.failures, bar.running, bar.pending) == (0, True, True)


def test_the_coverage_counts_rows() -> None:
    counted = assemble(story()).coverage
    assert (counted.tested, counted.planned, counted.affected) == (11, 13, 15)


def test_only_logs_that_explain_something_are_wanted() -> None:
    failed = subject_build(INIT_MISSING)
    stored = replace(story(), builds=[*story().builds, failed])
    wanted = [key.split("/")[3] for key in wanted_tails(stored)]
    assert wanted == ["bar", "flaskish", "other", "cloudy", "libfoo"]


def test_targets_are_those_of_the_rows_or_else_of_the_configuration() -> None:
    assert assemble(Stored(run=run())).targets == ("fedora-rawhide-x86_64",)
    assert assemble(Stored(run=run(only_targets=("other",)))).targets == ()
    assert assemble(Stored(run=run(config=None))).targets == ()


def test_the_base_branch_may_be_known_from_the_pull_request_alone() -> None:
    assert assemble(Stored(run=run(base_branch="")), context()).base_branch == "main"
    assert assemble(Stored(run=run(base_branch=""))).base_branch == ""


@pytest.mark.parametrize(
    ("stored", "note"),
    [
        (Stored(run=run(config_changed=True)), "because the author is not trusted"),
        (Stored(run=run(config_changed=True, config_from_head=True)), "the edited version was used"),
        (Stored(run=run(config=replace(CONFIG, baseline=BaselinePolicy.OFF))), "whatever fails counts as regressed"),
        (Stored(run=run(), targets=(run_target(stale_snapshot=True),)), "older metadata was used for fedora-rawhide"),
        (Stored(run=run(), builds=(subject_build(),)), "has `.rd1` appended to its Release"),
        (Stored(run=run(), entries=(entry("x", source=source("x", dynamic=True)),)), "1 package with dynamic"),
        (Stored(run=run(), builds=(replace(build("x", PASSED), reused_from="c/0"),)), "1 result taken over"),
    ],
)
def test_notes_tell_what_a_reader_must_know(stored: Stored, note: str) -> None:
    (told,) = assemble(stored).notes
    assert note in told


def test_notes_from_elsewhere_come_last() -> None:
    assert assemble(Stored(run=run()), Context(notes=("Mind the gap.",))).notes == ("Mind the gap.",)


def test_what_was_not_selected_is_not_tested_even_without_a_finding() -> None:
    report = assemble(story())
    assert {row.package for row in report.with_verdict(Verdict.NOT_TESTED)} == {"far", "arm-only"}


def test_a_queued_build_is_not_running() -> None:
    queued = replace(build("bar", None), state=BuildState.QUEUED)
    stored = Stored(run=run(), entries=(entry("bar"),), findings=(), builds=(queued,))
    assert not assemble(stored).rows[0].running


def test_a_finding_may_be_about_another_target() -> None:
    stored = Stored(run=run(), entries=(entry("bar"),), findings=(finding("bar", Verdict.FIXED, target="el10"),))
    assert assemble(stored).rows[0].verdict is None


def test_what_changed_in_the_packages_is_told_once_for_all_targets() -> None:
    other = PackageChange(package="libfoo", added=("libfoo(x86-32)",))
    targets = (run_target(changes=(CHANGED,)), run_target("other", changes=(CHANGED, other)))
    assert assemble(Stored(run=run(), targets=targets)).changes == (CHANGED, other)

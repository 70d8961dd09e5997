"""What a judgement needs, as builds to be written down."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.build import Build, BuildState, Purpose, SrpmSource, Succeeded, TreeSource
from bot.domain.config import Mode, SourceMethod
from bot.domain.evidence import TargetView, baseline_key, judge_all
from bot.domain.queue import (
    candidate_build,
    dependents_builds,
    not_before,
    subject_build,
    wants_baseline_workspace,
)
from bot.domain.target import KojiTag, Repository
from tests.fakes.domain import (
    CONFIG,
    INFRASTRUCTURE,
    NOW,
    TARGET,
    base,
    built,
    entry,
    failed,
    part,
    run,
    subject,
    target,
)
from tests.fakes.resolver import affected, uninstallable

BAR = entry("bar")
NO_BASELINES = target(baseline_workspace=None)


def due(view: TargetView) -> tuple[Build, ...]:
    return dependents_builds(run(), view, judge_all(view), NOW)


def test_the_change_itself_is_built_from_its_checkout_with_a_newer_release():
    build = subject_build(run(), target(), CONFIG.packages[0], NOW, [subject(failed())])
    assert build.key == "c/run1/rawhide/libfoo/subject/0/2"
    assert build.purpose is Purpose.SUBJECT
    assert build.request.source == TreeSource(
        directory="/checkout",
        package=CONFIG.packages[0],
        release_suffix=".rda1b2c3d",
        forge="github",
        repository=str(run().change.repo),
        commit=run().head_sha,
    )
    assert build.request.generation == -1


@pytest.mark.parametrize("method", [SourceMethod.RPKG, SourceMethod.TITO, SourceMethod.MAKE_SRPM])
def test_what_a_copr_makes_by_itself_keeps_its_release_and_comes_from_where_the_change_does(method):
    fork = replace(run(), head_repo="hubot/libfoo")
    build = subject_build(fork, target(), replace(CONFIG.packages[0], method=method), NOW)
    assert isinstance(build.request.source, TreeSource)
    assert (build.request.source.release_suffix, build.request.source.head_repository) == ("", "hubot/libfoo")


def test_a_dependent_is_built_from_its_srpm_in_the_generation_that_can_solve_it():
    (build,) = due(part(entry("bar", generation=2)))
    source = BAR.affected.source
    assert build.key == "c/run1/rawhide/bar/change/2/1"
    assert build.request.source == SrpmSource(location=source.location, checksum=source.checksum)
    assert (build.request.generation, build.request.workspace, build.buildroot) == (2, "workspace", "bar-after")
    assert (build.state, build.purpose, build.request.timeout) == (BuildState.QUEUED, Purpose.FIRST, timedelta(hours=5))


def test_a_rebuild_that_others_wait_for_says_that_it_may_be_published():
    subject = subject_build(run(), target(), CONFIG.packages[0], NOW)
    broken = entry("bar", uninstallable=(uninstallable("bar", "nothing provides libfoo.so.1"),))
    cases = {mode: replace(CONFIG, mode=mode) for mode in Mode}
    found = {
        mode: [due(part(each, config=config))[0].request.publishable for each in (BAR, broken)]
        for mode, config in cases.items()
    }
    assert subject.request.publishable
    assert found == {Mode.ISOLATED: [False, False], Mode.CHAINED: [True, True], Mode.AUTO: [False, True]}


def test_a_confirmation_is_the_next_attempt():
    (build,) = due(part(BAR, builds=(built("bar", failed()), base(BAR, Succeeded()))))
    assert (build.key, build.purpose) == ("c/run1/rawhide/bar/change/0/2", Purpose.CONFIRMATION)


def test_a_retry_for_the_infrastructures_sake_says_so():
    (build,) = due(part(BAR, builds=(built("bar", INFRASTRUCTURE),)))
    assert (build.attempt, build.purpose) == (2, Purpose.INFRASTRUCTURE_RETRY)


def test_a_baseline_belongs_to_no_run_and_sees_nothing_of_the_change():
    (build,) = due(part(BAR, builds=(built("bar", failed()),)))
    assert build.run is None
    assert build.key == baseline_key(BAR, TARGET, attempt=1).text
    assert (build.request.workspace, build.request.generation, build.buildroot) == ("baseline", -1, "bar-before")


def test_a_baseline_is_built_again_under_the_next_key():
    (build,) = due(part(BAR, builds=(built("bar", failed()), base(BAR, INFRASTRUCTURE))))
    assert (build.key, build.attempt) == (baseline_key(BAR, TARGET, attempt=2).text, 2)


def test_a_baseline_waits_for_a_place_to_be_built_in():
    view = part(BAR, builds=(built("bar", failed()),), target=NO_BASELINES)
    assert due(view) == ()
    assert wants_baseline_workspace(view, judge_all(view))


def test_a_place_for_baselines_is_made_only_where_one_is_needed():
    fine = part(BAR, builds=(built("bar", Succeeded()),), target=NO_BASELINES)
    assert not wants_baseline_workspace(fine, judge_all(fine))
    there = part(BAR, builds=(built("bar", failed()),))
    assert not wants_baseline_workspace(there, judge_all(there))


def test_nothing_is_due_for_what_runs_or_is_judged():
    assert due(part(BAR, entry("baz"), builds=(built("bar"), built("baz", Succeeded())))) == ()


def test_what_settles_a_verdict_goes_before_what_opens_one_and_the_near_before_the_far():
    far = entry(affected("far", distance=99))
    order = [
        *due(part(BAR, builds=(built("bar", failed()), base(BAR, Succeeded())))),
        *due(part(BAR, builds=(built("bar", failed()),))),
        *due(part(BAR)),
        *due(part(far)),
    ]
    change = subject_build(run(), target(), CONFIG.packages[0], NOW)
    priorities = [build.priority for build in (change, *order)]
    assert priorities == sorted(priorities, reverse=True)
    assert priorities[-1] == 0


def test_what_the_infrastructure_failed_waits_longer_each_time():
    lost = [built("bar", INFRASTRUCTURE, attempt=number) for number in (1, 2, 3)]
    waits = [not_before(lost[:count], NOW) for count in range(4)]
    assert waits == [None, NOW + timedelta(minutes=1), NOW + timedelta(minutes=5), NOW + timedelta(minutes=5)]
    assert not_before([lost[0], built("bar", failed(), attempt=2)], NOW) is None
    assert not_before([built("bar", failed()), lost[1]], NOW) == NOW + timedelta(minutes=1)


def test_every_kind_of_build_waits_but_one_that_somebody_asked_for():
    minute = NOW + timedelta(minutes=1)
    view = part(BAR, builds=(built("bar", INFRASTRUCTURE),))
    (retried,) = due(view)
    (baseline,) = due(part(BAR, builds=(built("bar", failed()), base(BAR, INFRASTRUCTURE))))
    asked = candidate_build(run(), view, BAR, Purpose.BY_HAND, NOW)
    change = subject_build(run(), target(), CONFIG.packages[0], NOW, [subject(INFRASTRUCTURE)])
    assert [build.not_before for build in (retried, baseline, asked, change)] == [minute, minute, None, minute]


def test_a_baseline_of_another_place_is_another_build_whatever_that_is_called():
    tag = KojiTag(hub="https://hub.example/kojihub", topurl="https://hub.example", tag="f44-build")
    places = [
        TARGET,
        replace(TARGET, arch="aarch64"),
        replace(TARGET, chroot="fedora-44-x86_64"),
        replace(TARGET, repositories=(Repository(url="koji:f44-build", koji=tag),)),
        replace(TARGET, repositories=(Repository(url="koji:f44-build", koji=replace(tag, tag="f44-gcc-build")),)),
    ]
    assert len({baseline_key(BAR, place, attempt=1).text for place in places}) == len(places)


def test_a_baseline_of_another_backend_is_another_build():
    one, other = (baseline_key(BAR, replace(TARGET, backend=backend), attempt=1).text for backend in ("koji", "copr"))
    assert one != other

"""What the codes, faults and states of mock, Koji and Copr come to, with and without logs."""

import pytest

from bot.domain.build import Failed, FailureReason, Phase
from bot.domain.failure import of_copr, of_koji, of_mock

BROKEN = "Executing(%build): /bin/sh -e /var/tmp/rpm-tmp.a\na.c:1:1: error: no\nRPM build errors:\n"
LOST = (
    "DEBUG util.py:459:  Error: \nDEBUG util.py:459:   Problem: nothing provides libfoo.so.1 needed by bar-1-1.x86_64\n"
)
MIRROR = "DEBUG util.py:459:  Curl error (28): Timeout was reached for repodata/repomd.xml\n"


def told(failed: Failed) -> tuple[FailureReason, Phase | None]:
    return failed.reason, failed.phase


@pytest.mark.parametrize(
    ("status", "build_log", "root_log", "reason", "phase"),
    [
        (10, BROKEN, "", FailureReason.COMPILE, Phase.BUILD),
        (1, BROKEN, LOST, FailureReason.COMPILE, Phase.BUILD),
        (1, "a.c:1:1: error: no", "", FailureReason.COMPILE, Phase.BUILD),
        (1, "strange words", "", FailureReason.INFRASTRUCTURE, None),
        (1, "", LOST, FailureReason.UNRESOLVABLE, Phase.BUILDROOT),
        (1, "strange words", MIRROR, FailureReason.INFRASTRUCTURE, None),
        (10, "strange words", "stranger words", FailureReason.COMPILE, Phase.BUILD),
        (10, "", "", FailureReason.INFRASTRUCTURE, None),
        (11, BROKEN, "", FailureReason.TIMEOUT, Phase.BUILD),
        (11, "", "", FailureReason.TIMEOUT, Phase.BUILD),
        (20, "", MIRROR, FailureReason.INFRASTRUCTURE, None),
        (20, "", "", FailureReason.INFRASTRUCTURE, None),
        (30, BROKEN, LOST, FailureReason.UNRESOLVABLE, Phase.BUILDROOT),
        (30, "", MIRROR, FailureReason.INFRASTRUCTURE, None),
        (30, "", "", FailureReason.INFRASTRUCTURE, None),
        (31, "", LOST, FailureReason.UNRESOLVABLE, Phase.BUILDROOT),
        (40, "", "", FailureReason.SRPM, Phase.SRPM),
        (60, "", "ERROR: Build-root in use by another process.", FailureReason.INFRASTRUCTURE, None),
        (70, BROKEN, LOST, FailureReason.INFRASTRUCTURE, None),
        (80, "", "", FailureReason.INFRASTRUCTURE, None),
        (90, "", LOST, FailureReason.UNRESOLVABLE, Phase.BUILDROOT),
        (143, BROKEN, "", FailureReason.INFRASTRUCTURE, None),
        (-9, BROKEN, "", FailureReason.INFRASTRUCTURE, None),
    ],
)
def test_mocks_status_says_which_log_is_asked(
    status: int, build_log: str, root_log: str, reason: FailureReason, phase: Phase | None
) -> None:
    failed = of_mock(status, build_log=build_log, root_log=root_log)

    assert told(failed) == (reason, phase)
    assert failed.cause
    assert failed.signature


def test_a_source_package_that_cannot_be_made_is_no_rebuild_that_fails() -> None:
    assert told(of_mock(10, build_log=BROKEN, source=True)) == (FailureReason.SRPM, Phase.SRPM)
    assert told(of_mock(11, build_log=BROKEN, source=True)) == (FailureReason.TIMEOUT, Phase.SRPM)
    assert told(of_mock(30, root_log=MIRROR, source=True)) == (FailureReason.INFRASTRUCTURE, None)


@pytest.mark.parametrize(
    ("code", "text", "method", "reason", "phase"),
    [
        (1005, "error building package (arch x86_64), mock exited with status 10; see build.log", "buildArch",
         FailureReason.COMPILE, Phase.BUILD),
        (1005, "error building package (arch x86_64), mock exited with status 30; see root.log", "buildArch",
         FailureReason.UNRESOLVABLE, Phase.BUILDROOT),
        (1005, "error building srpm, mock exited with status 1; see build.log", "buildSRPMFromSCM",
         FailureReason.SRPM, Phase.SRPM),
        (1005, "error building package (arch x86_64), mock was killed by signal 9", "buildArch",
         FailureReason.INFRASTRUCTURE, None),
        (1005, "the noarch package x-1-1.noarch.rpm built differently on different architectures", "build",
         FailureReason.INSTALL, Phase.FILES),
        (1005, "No spec file found for srpm", "buildSRPMFromSCM", FailureReason.SRPM, Phase.SRPM),
        (1005, 'Error running GIT command "git clone", see checkout.log for details', "buildSRPMFromSCM",
         FailureReason.INFRASTRUCTURE, None),
        (1012, "could not init mock buildroot, mock exited with status 30; see root.log", "buildArch",
         FailureReason.UNRESOLVABLE, Phase.BUILDROOT),
        (1000, "Build already exists (id=1, state=COMPLETE): x-1-1", "build", FailureReason.INFRASTRUCTURE, None),
        (1, "Traceback (most recent call last):\nOSError: [Errno 5] Input/output error", "buildArch",
         FailureReason.INFRASTRUCTURE, None),
        (1, "", "buildArch", FailureReason.INFRASTRUCTURE, None),
    ],
)  # fmt: skip
def test_kojis_faults(code: int, text: str, method: str, reason: FailureReason, phase: Phase | None) -> None:
    failed = of_koji(code, text, method=method, build_log=BROKEN, root_log=LOST)

    assert told(failed) == (reason, phase)
    assert failed.cause


def test_a_buildroot_error_without_a_log_is_infrastructure() -> None:
    failed = of_koji(1012, "could not init mock buildroot, mock exited with status 20; see root.log")

    assert told(failed) == (FailureReason.INFRASTRUCTURE, None)
    assert failed.cause.startswith("could not init mock buildroot")


@pytest.mark.parametrize(
    ("state", "source", "build_log", "backend_log", "reason", "phase"),
    [
        ("failed", False, BROKEN, "", FailureReason.COMPILE, Phase.BUILD),
        ("failed", False, LOST, "", FailureReason.UNRESOLVABLE, Phase.BUILDROOT),
        ("failed", False, MIRROR, "", FailureReason.INFRASTRUCTURE, None),
        ("failed", False, BROKEN + "!! Copr timeout => sending INT\n", "", FailureReason.TIMEOUT, Phase.BUILD),
        ("failed", True, "error: line 3: Unknown tag\n", "", FailureReason.SRPM, Phase.SRPM),
        ("failed", True, "", "!! Copr timeout => sending INT", FailureReason.TIMEOUT, Phase.SRPM),
        ("failed", False, "", "ERROR: Builder is gone", FailureReason.INFRASTRUCTURE, None),
        ("failed", True, "", "", FailureReason.INFRASTRUCTURE, None),
        ("skipped", False, BROKEN, "", FailureReason.INFRASTRUCTURE, None),
    ],
)
def test_coprs_states(
    state: str, source: bool, build_log: str, backend_log: str, reason: FailureReason, phase: Phase | None
) -> None:
    failed = of_copr(state, source=source, build_log=build_log, backend_log=backend_log)

    assert told(failed) == (reason, phase)
    assert failed.cause


def test_what_is_missing_without_one_of_the_repositories_says_nothing() -> None:
    skipped = "Failed to synchronize cache for repo 'updates', ignoring this repo.\n"

    failed = of_mock(30, root_log=skipped + LOST)

    assert told(failed) == (FailureReason.INFRASTRUCTURE, None)
    assert failed.cause == skipped.strip()


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("warning: %post(foo-1-1.noarch) scriptlet failed, exit status 1\n", FailureReason.INFRASTRUCTURE),
        ("Error in POSTIN scriptlet in rpm package foo\n", FailureReason.INFRASTRUCTURE),
        ("error: %prein(foo-1-1.noarch) scriptlet failed, exit status 1\n", FailureReason.UNRESOLVABLE),
        ("Error in PREIN scriptlet in rpm package foo\n", FailureReason.UNRESOLVABLE),
    ],
)
def test_a_scriptlet_keeps_a_package_out_only_where_it_runs_before_that(log: str, reason: FailureReason) -> None:
    assert of_mock(30, root_log=log).reason is reason


def test_what_rpmbuild_asks_for_while_it_builds_belongs_to_the_root_until_a_phase_begins() -> None:
    asks = "Executing(%generate_buildrequires): /bin/sh\nWrote: /builddir/build/SRPMS/a-1-1.buildreqs.nosrc.rpm\n"

    assert told(of_mock(1, build_log=asks, root_log=MIRROR)) == (FailureReason.INFRASTRUCTURE, None)
    assert told(of_mock(1, build_log=asks, root_log=LOST)) == (FailureReason.UNRESOLVABLE, Phase.BUILDROOT)
    assert told(of_mock(1, build_log=asks + BROKEN, root_log=MIRROR)) == (FailureReason.COMPILE, Phase.BUILD)
    assert told(of_copr("failed", build_log=asks)) == (FailureReason.INFRASTRUCTURE, None)

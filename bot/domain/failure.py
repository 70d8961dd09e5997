"""Why a build failed, read from what a backend tells and from its logs: pure, and for every backend.

`classify` reads the log of rpmbuild: it picks the phase's reason and the one line that tells a packager most.
`of_mock`, `of_koji` and `of_copr` know what their backend's codes and states mean; where these say too little, the logs
decide. Two failures are the same fault where their signatures are equal (`bot.domain.signature`).
"""

import re
from dataclasses import dataclass

from bot.domain.build import Failed, FailureReason, Phase
from bot.domain.failure_rules import (
    ASSERTION,
    CAUSE_LENGTH,
    DISK,
    INCOMPLETE,
    MEMORY,
    RULES,
    TESTS,
    TROUBLE,
    UNRESOLVABLE,
    cause_of,
    clean,
    find,
    lines_of,
)
from bot.domain.signature import normalise, signature_of

__all__ = ("CAUSE_LENGTH", "cause_of", "clean", "normalise", "signature_of")

_PHASE_LINE = re.compile(r"Executing\(%(\w+)\):")
_EXIT_LINE = re.compile(r"\s*(?:error: )?Bad exit status from \S+ \(%(\w+)\)")
_FILES_LINE = re.compile(r"Processing files: |Checking for unpackaged file")
_PHASES = {
    "prep": Phase.PREP,
    "generate_buildrequires": Phase.PREP,
    "build": Phase.BUILD,
    "install": Phase.INSTALL,
    "check": Phase.CHECK,
}
_WANTS_MORE = re.compile(r"(?m)^Wrote: \S+\.buildreqs\.nosrc\.rpm$")
"""rpmbuild has said what else it needs: what comes then is the package manager's, until a phase begins."""
_MISSING = re.compile(r"(?m)^error: Failed build dependencies:\n(.+)$")
OUT_OF_MEMORY = "out of memory"
"""How `BuildEnd.limit` begins where it was the memory that ran out."""
_REASONS = {
    Phase.SRPM: FailureReason.SRPM,
    Phase.BUILDROOT: FailureReason.UNRESOLVABLE,
    Phase.INSTALL: FailureReason.INSTALL,
    Phase.CHECK: FailureReason.CHECK,
    Phase.FILES: FailureReason.INSTALL,
}
_MOCKS_OWN = re.compile(r"(?m)^(?:Child return code was: |EXCEPTION: \[)")
"""Where rpmbuild's output ends and mock's account of it begins: its traceback is no cause."""
_ENDED = re.compile(r"(?m)^(?:RPM build errors:|\s*error: |Child return code was: (?!0$|11$))")
_TIMED_OUT = re.compile(
    r"(?m)^.*(?:commandTimeoutExpired|Timeout\(\d+\) expired for command|Copr timeout => sending).*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildEnd:
    """What is known of a build that did not succeed."""

    tail: str
    """The end of its log."""
    phase: Phase | None = None
    """The last phase that began; None where the log is to be asked."""
    timed_out: bool = False
    limit: str = ""
    """Which limit it ran into, in words for the user; empty where none is known."""


def phase_of(line: str) -> Phase | None:
    """Return the phase that begins with this line of rpmbuild's output, None where none does."""
    found = _PHASE_LINE.search(line)
    if found:
        return _PHASES.get(found.group(1))
    return Phase.FILES if _FILES_LINE.match(line) else None


def classify(end: BuildEnd) -> Failed:
    """Say why a build failed. A limit that was hit is the cause; else it is the most telling line of the last phase."""
    phase, own = _last_phase(end)
    missing = _MISSING.search(end.tail)
    if missing and not end.limit and phase is not Phase.CHECK:  # what packages build packages says so in its tests
        return _failed(FailureReason.UNRESOLVABLE, Phase.BUILDROOT, clean(missing.group(1)).strip())
    cause = end.limit or cause_of(own) or "the build failed without a word"
    if end.timed_out:
        return _failed(FailureReason.TIMEOUT, phase, cause)
    if DISK.match(cause):
        return _failed(FailureReason.INFRASTRUCTURE, phase, cause)
    if end.limit.startswith(OUT_OF_MEMORY) or MEMORY.match(cause):
        return _failed(FailureReason.MEMORY, phase, cause)
    test = find(TESTS, lines_of(own)) if ASSERTION.match(cause) else ""
    return _failed(_REASONS.get(phase, FailureReason.COMPILE), phase, cause, test)


def _failed(reason: FailureReason, phase: Phase | None, cause: str, test: str = "") -> Failed:
    return Failed(reason=reason, phase=phase, signature=signature_of(phase, cause, test), cause=cause[:CAUSE_LENGTH])


def _last_phase(end: BuildEnd) -> tuple[Phase, str]:
    """Return the phase that failed, and the part of the log that belongs to it.

    What rpmbuild says at last names it also where its beginning is not in the log's end, or other phases began in it.
    """
    lines = end.tail.splitlines()
    began = [(number, phase) for number, line in enumerate(lines) if (phase := phase_of(line))]
    told = [(number, phase) for number, line in enumerate(lines) if (phase := _told_of(line))]
    if told and not any(number > told[-1][0] for number, _ in began):
        began = [(number, phase) for number, phase in began if phase is told[-1][1]] or [(0, told[-1][1])]
    if not began:
        return end.phase or Phase.BUILD, _rpmbuilds(end.tail)
    number, phase = began[-1]
    return end.phase or phase, _rpmbuilds("\n".join(lines[number:]))


def _told_of(line: str) -> Phase | None:
    """Return the phase of which rpmbuild says that it failed, None where the line says nothing like that."""
    found = _EXIT_LINE.match(line)
    return _PHASES.get(found.group(1)) if found else None


def _rpmbuilds(part: str) -> str:
    """Return what rpmbuild wrote of a part of a log, or all of it where that is nothing."""
    found = _MOCKS_OWN.search(part)
    own = part[: found.start()] if found else part
    return own if own.strip() else part


def infrastructure(cause: str) -> Failed:
    """Return the failure of a build that says nothing about the package: it is built again, and is no regression."""
    return _failed(FailureReason.INFRASTRUCTURE, None, cause)


_STATUSES = {
    2: "mock was run without its privileges",
    3: "mock's configuration is wrong",
    5: "mock's command line is wrong",
    6: "mock cannot build for this architecture here",
    20: "the root could not be made",
    25: "LVM failed",
    30: "the package manager failed",
    31: "an external dependency is unknown",
    60: "the root is locked by another process",
    65: "the LVM pool is locked",
    70: "the result directory could not be made",
    80: "the namespaces could not be made",
    90: "the bootstrap root could not be made",
}
_RPMBUILD, _RPMBUILD_ITSELF, _TIME, _SOURCE_PACKAGE = frozenset({1, 10}), 10, 11, 40
_ROOT = frozenset({20, 30, 31, 90})


def of_mock(status: int, *, build_log: str = "", root_log: str = "", source: bool = False) -> Failed:
    """Say why mock failed: its exit status (mockbuild/exception.py), and the ends of its build.log and root.log.

    `source` says that a source package was being made, which is no failure of a rebuild. 10 is rpmbuild's failure, 11 a
    time-out, 40 an SRPM that cannot be used; 20, 30, 31 and 90 are the root's, where root.log tells whether packages
    are missing (UNRESOLVABLE) or the machinery failed. Whatever else there is, a signal (negative or over 128)
    included, is infrastructure. Not to be called for status 0.
    """
    if status in _RPMBUILD and (found := _of_logs(build_log, root_log, source)):
        return found
    if status == _RPMBUILD_ITSELF and build_log.strip():
        return classify(BuildEnd(tail=build_log, phase=Phase.SRPM if source else None))
    if status == _TIME:
        phase = Phase.SRPM if source else None
        return classify(BuildEnd(tail=build_log, phase=phase, timed_out=True, limit="the time limit of mock is over"))
    if status == _SOURCE_PACKAGE:
        return _failed(
            FailureReason.SRPM, Phase.SRPM, cause_of(build_log) or cause_of(root_log) or "the SRPM is unusable"
        )
    found = _of_root(root_log) if status in _ROOT else None
    told = find(TROUBLE, lines_of(root_log)) or _STATUSES.get(status, "")
    return found or infrastructure(
        f"mock exited with status {status}: {told}" if told else f"mock exited with status {status}"
    )


def _of_logs(build_log: str, root_log: str, source: bool) -> Failed | None:
    """Say what the logs alone tell: of rpmbuild where it began, else of the root; None where neither does."""
    asked = list(_WANTS_MORE.finditer(build_log))
    if asked and not _PHASE_LINE.search(build_log, asked[-1].end()):
        return _of_root(build_log[asked[-1].end() :]) or _of_root(root_log)
    if _PHASE_LINE.search(build_log) or _ENDED.search(build_log):
        return classify(BuildEnd(tail=build_log, phase=Phase.SRPM if source else None))
    found = _of_root(root_log)
    if found is None and find(RULES, lines_of(build_log)):
        return classify(BuildEnd(tail=build_log, phase=Phase.SRPM if source else None))
    return found


def _of_root(log: str) -> Failed | None:
    """Say why a root could not be made; None where the log does not tell."""
    lines = lines_of(log)
    if cause := find(INCOMPLETE, lines):
        return infrastructure(cause)
    if cause := find(UNRESOLVABLE, lines):
        return _failed(FailureReason.UNRESOLVABLE, Phase.BUILDROOT, cause)
    cause = find(TROUBLE, lines)
    return infrastructure(cause) if cause else None


_MOCK_STATUS = re.compile(r"mock exited with status (\d+)")
_BUILD_ERROR, _BUILDROOT_ERROR = 1005, 1012
_OF_A_SOURCE = ("buildSRPMFromSCM", "rebuildSRPM")
_NO_CHECKOUT = re.compile(r"Error running .+ command|checkout\.log")
_DIFFERENT_NOARCH = "built differently on different architectures"


def of_koji(code: int, text: str, *, method: str = "buildArch", build_log: str = "", root_log: str = "") -> Failed:
    """Say why a Koji task failed: its fault (koji/__init__.py), the method of the (sub)task and the ends of its logs.

    A BuildError (1005) is told by the mock status in its text, a BuildrootError (1012) by root.log; a build of a source
    package, which `method` tells, is no rebuild. Every other fault happened to the hub or the builder, and not to the
    build.
    """
    told = next(
        (line.strip() for line in reversed(lines_of(text))), f"the task failed with fault {code}, without a word"
    )
    if code == _BUILDROOT_ERROR:
        return _of_root(root_log) or infrastructure(told)
    if code != _BUILD_ERROR:
        return infrastructure(told)
    source = method in _OF_A_SOURCE
    if found := _MOCK_STATUS.search(text):
        return of_mock(int(found.group(1)), build_log=build_log, root_log=root_log, source=source)
    if _DIFFERENT_NOARCH in text:
        return _failed(FailureReason.INSTALL, Phase.FILES, told)
    if source and not _NO_CHECKOUT.search(text):
        return _failed(FailureReason.SRPM, Phase.SRPM, told)
    return infrastructure(told)


def of_copr(
    state: str, *, source: bool = False, build_log: str = "", root_log: str = "", backend_log: str = ""
) -> Failed:
    """Say why a build in a chroot of Copr (or, with `source`, of its source package) came to nothing.

    `state` is the chroot's or the source package's. `build_log` may be builder-live.log, which holds all that mock
    printed; `backend_log` is the dispatcher's. A state other than `failed`, and a failure of which no log tells, are
    infrastructure. Copr itself names no cause: the logs do. Not to be called for `succeeded`, `canceled` or `forked`.
    """
    if state != "failed":
        return infrastructure(f"Copr says that the build is {state}")
    late = _TIMED_OUT.search(build_log) or _TIMED_OUT.search(backend_log)
    if late:
        phase = Phase.SRPM if source else None
        return classify(BuildEnd(tail=build_log, phase=phase, timed_out=True, limit=clean(late.group()).strip(" !")))
    if failed := _of_logs(build_log, root_log or build_log, source):
        return failed
    told = find(TROUBLE, lines_of(backend_log))
    return infrastructure(told or "Copr says that the build failed, and no log says why")

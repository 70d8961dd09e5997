"""What became of a task: its fault and the end of its log make an outcome.

The numbers of faults are those of koji's errors (koji/__init__.py), the exit statuses those of mock; builder/kojid
(Koji 1.35) writes the status into the fault's text. A fault that is no error of koji's happened to the builder, not to
the build.
"""

import re
from typing import Any

import koji

from bot.domain.build import Failed, FailureReason, Phase
from bot.domain.failure import BuildEnd, cause_of, classify, signature_of

_STATUS = re.compile(r"mock exited with status (\d+)")
_BUILD = frozenset({1, 10})
_TIME = 11
_PACKAGES = 30
_SRPM = 40


def failed(fault: dict[str, Any], method: str, log: str) -> Failed:
    """Say why a task failed: `fault` as the hub tells it, the method of the subtask that did, the end of its log."""
    text = str(fault.get("faultString", ""))
    found = _STATUS.search(text)
    status = int(found.group(1)) if found else None
    if fault.get("faultCode") != koji.BuildError.faultCode or status is None:
        return _failure(FailureReason.INFRASTRUCTURE, None, _last_line(text))
    if method != "buildArch" or status == _SRPM:
        return _failure(FailureReason.SRPM, Phase.SRPM, cause_of(log) or text)
    if status in _BUILD:
        return classify(BuildEnd(tail=log))
    if status == _TIME:
        return classify(BuildEnd(tail=log, timed_out=True))
    if status == _PACKAGES:
        return _failure(FailureReason.UNRESOLVABLE, Phase.BUILDROOT, cause_of(log) or text)
    return _failure(FailureReason.INFRASTRUCTURE, None, text)


def _failure(reason: FailureReason, phase: Phase | None, cause: str) -> Failed:
    return Failed(reason=reason, phase=phase, signature=signature_of(phase, cause), cause=cause[:400])


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "the task failed without a word"

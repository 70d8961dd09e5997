"""Why a build failed, read from its log: pure, for every backend that has a log of rpmbuild.

`classify` picks the phase's reason and the one line that tells a packager most. The rules are ordered from what names
the fault itself (a compiler's error, an exception) to what only says that something failed (make, rpmbuild). Two
failures are the same fault where the phase and the normalised line are equal; `normalise` takes out what differs
between two builds of one fault.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.domain.build import Failed, FailureReason, Phase

CAUSE_LENGTH = 400
"""Characters of a cause that are kept."""

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_PHASE_LINE = re.compile(r"Executing\(%(\w+)\):")
_FILES_LINE = re.compile(r"Processing files: |Checking for unpackaged file")
_PHASES = {
    "prep": Phase.PREP,
    "generate_buildrequires": Phase.PREP,
    "build": Phase.BUILD,
    "install": Phase.INSTALL,
    "check": Phase.CHECK,
}
_MISSING = re.compile(r"(?m)^error: Failed build dependencies:\n(.+)$")
OUT_OF_MEMORY = "out of memory"
"""How `BuildEnd.limit` begins where it was the memory that ran out."""
_FULL_DISK = "No space left on device"
_REASONS = {
    Phase.SRPM: FailureReason.SRPM,
    Phase.BUILDROOT: FailureReason.UNRESOLVABLE,
    Phase.INSTALL: FailureReason.INSTALL,
    Phase.CHECK: FailureReason.CHECK,
    Phase.FILES: FailureReason.INSTALL,
}


@dataclass(frozen=True, slots=True)
class _Rule:
    """Lines that match `pattern`; its group `cause`, where it has one, is what is shown. `pick` is 0 or -1."""

    pattern: re.Pattern[str]
    pick: int


def _rule(pattern: str, pick: int = 0) -> _Rule:
    return _Rule(re.compile(pattern), pick)


_EXCEPTION = r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Warning|Failure|NotFound)\b"
_RULES = (
    _rule(rf"^.*{_FULL_DISK}.*"),
    _rule(r"^\S+?:\d+(?::\d+)?: (?:fatal )?error: .+"),
    _rule(r"^error(?:\[E\d+\])?: (?!Bad exit status|aborting due to|could not compile|File not found).+ --> "),
    _rule(r".*(?:undefined reference to|undefined symbol: ).+"),
    _rule(r"^(?:\S*/)?ld(?:\.\w+)?: (?:cannot find|error:|.*: (?:undefined|version node not found)).+"),
    _rule(r"^(?:E\s+)?(?P<cause>(?:ImportError|ModuleNotFoundError): .+)"),
    _rule(rf"^E\s+(?P<cause>{_EXCEPTION}(?:: .+)?)$", -1),
    _rule(r"^E\s+(?P<cause>assert .+)", -1),
    _rule(rf"^(?P<cause>{_EXCEPTION}(?:: .+)?)$", -1),
    _rule(r"^(?:CMake Error|configure: error:|.*meson\.build:\d+:\d+: ERROR:|.*Package '?.+'?, required by).*"),
    _rule(r"^.+\.java:\d+: error: .+"),
    _rule(r"^(?:FAILED|ERROR) \S+.*"),
    _rule(r"^(?:FAIL|ERROR): .+"),
    _rule(r"^--- FAIL: .+"),
    _rule(r"^not ok \d+.*"),
    _rule(r"^\s*\d+ - \S+ \((?:Failed|Timeout|SEGFAULT|Not Run)\).*"),
    _rule(r"^.*(?:hunks? FAILED|No file to patch).*"),
    _rule(r"^.+: (?:command not found|not found|No such file or directory|Permission denied)$", -1),
    _rule(r"^.*(?:Segmentation fault|Killed|Aborted|core dumped).*", -1),
    _rule(r"^\s*(?P<cause>error: (?!Bad exit status|Installed \(but)(?:line \d+: )?.+)"),
    _rule(r"^\s*(?P<cause>error: Installed \(but unpackaged\) file\(s\) found:.*)"),
    _rule(r"^.*(?:\*\*\* .*Error \d+|FAILED: .+)"),
    _rule(r"^\s*(?P<cause>error: Bad exit status .+)"),
)

_SUBSTITUTIONS: Sequence[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = (
    (re.compile(r"^E\s+"), ""),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b\d{1,2}:\d\d:\d\d(?:[.,]\d+)?\b"), "<time>"),
    (re.compile(r"\b\d+(?:\.\d+)? ?(?:s|ms|seconds?|minutes?)\b"), "<time>"),
    (re.compile(r"0x[0-9a-fA-F]+"), "<address>"),
    (re.compile(r"\b[0-9a-f]{12,}\b"), "<hash>"),
    (re.compile(r"(?<![\w.<>])/(?:[\w.+@%~-]+/)*[\w.+@%~-]+"), "<path>"),
    (re.compile(r"(?<=[\w>]):\d+(?::\d+)?(?=:|$|\s|\))"), ":<line>"),
    (re.compile(r"\bline \d+"), "line <line>"),
    (re.compile(r"\b(pid|PID|port) ?[=:]? ?\d+"), r"\1 <number>"),
    (re.compile(r"\s+"), " "),
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


def clean(text: str) -> str:
    """Take escape sequences and control characters out of a line of a log, as well as what reorders text."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text)).rstrip()


def phase_of(line: str) -> Phase | None:
    """Return the phase that begins with this line of rpmbuild's output, None where none does."""
    found = _PHASE_LINE.search(line)
    if found:
        return _PHASES.get(found.group(1))
    return Phase.FILES if _FILES_LINE.match(line) else None


def normalise(line: str) -> str:
    """Return the line without paths, line numbers, addresses, hashes and times: equal for one fault in two packages."""
    text = clean(line)
    for pattern, replacement in _SUBSTITUTIONS:
        text = pattern.sub(replacement, text)
    return text.strip()


def signature_of(phase: Phase | None, cause: str) -> str:
    """Return the text that two failures share exactly when they are taken to be one fault."""
    return f"{phase.value if phase else 'unknown'}: {normalise(cause)}"


def cause_of(log: str) -> str:
    """Return the line of a log that says most about why it ended in failure, cleaned; empty for an empty log."""
    lines = [line for line in (clean(line) for line in log.splitlines()) if line.strip()]
    for rule in _RULES:
        found = [match for line in lines if (match := rule.pattern.match(line))]
        if found:
            chosen = found[rule.pick]
            return (chosen.groupdict().get("cause") or chosen.group()).strip()[:CAUSE_LENGTH]
    return lines[-1].strip()[:CAUSE_LENGTH] if lines else ""


def classify(end: BuildEnd) -> Failed:
    """Say why a build failed. A limit that was hit is the cause; else it is the most telling line of the last phase."""
    missing = _MISSING.search(end.tail)
    if missing and not end.limit:
        return _failed(FailureReason.UNRESOLVABLE, Phase.BUILDROOT, clean(missing.group(1)).strip())
    phase, own = _last_phase(end)
    cause = end.limit or cause_of(own) or "the build failed without a word"
    if end.timed_out:
        return _failed(FailureReason.TIMEOUT, phase, cause)
    if end.limit.startswith(OUT_OF_MEMORY):
        return _failed(FailureReason.MEMORY, phase, cause)
    if _FULL_DISK in own or _FULL_DISK in end.limit:
        return _failed(FailureReason.INFRASTRUCTURE, phase, cause)
    return _failed(_REASONS.get(phase, FailureReason.COMPILE), phase, cause)


def _failed(reason: FailureReason, phase: Phase, cause: str) -> Failed:
    return Failed(reason=reason, phase=phase, signature=signature_of(phase, cause), cause=cause[:CAUSE_LENGTH])


def _last_phase(end: BuildEnd) -> tuple[Phase, str]:
    """Return the phase that failed, and the part of the log that belongs to it."""
    lines = end.tail.splitlines()
    began = [(number, phase) for number, line in enumerate(lines) if (phase := phase_of(line))]
    if not began:
        return end.phase or Phase.BUILD, end.tail
    number, phase = began[-1]
    return end.phase or phase, "\n".join(lines[number:])

"""Which line of a log tells why a build failed: the patterns, by what writes them.

A pattern is tried on one line at a time, cut to `LINE_LENGTH`, so that no log can make it slow. `RULES` are for what
rpmbuild and the tools below it print, from what names the fault itself (a compiler's error, an exception) to what only
says that something failed (make, rpmbuild). `UNRESOLVABLE` and `TROUBLE` are for what prepares a root.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CAUSE_LENGTH = 400
"""Characters of a cause that are kept."""

LINE_LENGTH = 4000
"""Characters of a line that are looked at."""

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_MOCK_PREFIX = re.compile(r"^(?:BUILDSTDERR: |(?:DEBUG|INFO|WARNING|ERROR)\s+\w+\.py:\d+:\s+)")
"""What mock puts before the lines of a command's output: always in root.log, older ones in build.log too."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Lines that match `pattern`; its group `cause`, where it has one, is what is shown. `pick` is 0 or -1.

    Where `below` is set the line itself is a heading, and the one below it says what is wrong.
    """

    pattern: re.Pattern[str]
    pick: int
    below: bool = False


def _rule(pattern: str, pick: int = 0, *, below: bool = False) -> Rule:
    return Rule(re.compile(pattern), pick, below)


_ON_PURPOSE = (
    r".*(?:/dev/(?:full|tty|pts)|/(?:proc|sys)/|(?<!28, )[\"'`\u2018\u201c]No space left)"
    r"|(?:.*\s)?OSError: \[Errno 5\] Input/output error$"
    r"|(?:ok \d|PASS|[+<>|]|- )"
    r"|.*\b(?:ok|PASS|PASSED)$"
)
"""What tests write that use a disk that is never free, a terminal that was closed (an error without a file's name), or
the kernel's own file systems, and what only says which message is looked for.
"""
DISK = re.compile(
    rf"^(?!{_ON_PURPOSE})"
    r".*(?:No space left on device|Input/output error|Read-only file system|Stale file handle"
    r"|Disk quota exceeded|File size limit exceeded)"
)
"""The machine's disk is at fault, whatever phase it was found in."""

_USED_UP = (
    r".*: fatal error: Killed signal terminated program .+"
    r"|.*(?:virtual memory exhausted|LLVM ERROR: out of memory|runtime: out of memory|heap out of memory).*"
    r"|.*: out of memory allocating \d+ bytes.*"
    r"|.*\bld(?:\.\w+)?: .*memory exhausted.*"
    r"|.*: internal compiler error: Killed \(program .+"
    r"|.*terminated with signal 9 \[Killed\].*"
    r"|.*\(signal: 9, SIGKILL: kill\).*"
    r"|go (?:build|tool) .+: signal: killed$"
    r"|.*There is insufficient memory for the Java Runtime.*"
    r"|.*\bfork: (?:retry: )?(?:Cannot allocate memory|Resource temporarily unavailable).*"
    r"|g?make(?:\[\d+\])?: \*\*\* .+ Killed$"
)
_KILLED = r".+: line \d+:\s+\d+ Killed\b.*|.*java\.lang\.OutOfMemoryError.*"
"""What tests bring about on purpose, too: they kill their servers, and let the memory of a virtual machine run out."""
MEMORY = re.compile(rf"^(?:{_USED_UP}|{_KILLED})")
"""Something was killed because the memory ran out, or could get no more of it."""

ASSERTION = re.compile(r"^(?:AssertionError\b|assert |Failed: |assertion )")
"""A cause that says what a test expected, and not which test."""

HEARSAY = re.compile(
    r"^\s*(?:.*\*\*\* .*Error \d+.*|.*FAILED: .+|(?:error: )?Bad exit status .+"
    r"|error: (?:command '.+' failed|could not compile).*|RPM build errors:|Copr build error: .+"
    r"|the build failed without a word)"
)
"""A cause that says only that something else failed: two of these are not known to be of one fault."""

_EXCEPTION = r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Warning|Failure|NotFound)\b"
_OF_JAVA = r"(?:java|javax|jakarta|org|com|net|io)\."
"""How the names of its exceptions begin. Its tests show many of them that are expected: the test's name tells more."""
_NO_CAUSE = (
    r"Bad exit status|Installed \(but|aborting due to|could not compile|test failed, to rerun|command '.+' failed"
)

_COMPILERS = (
    _rule(r"^\S+?:\d+(?::\d+)?: (?:fatal |internal compiler )?error: .+"),
    _rule(r"^error\[E\d+\]: .+"),
    _rule(r"^\[ERROR\] .+\.java:\[\d+,\d+\] .+"),
    _rule(r"^\s*\[javac\] (?P<cause>.+\.java:\d+: error: .+)"),
    _rule(r"^(?:vet: )?\S+\.go:\d+:\d+: .+"),
    _rule(r"^.+: internal compiler error: .+"),
)
_LINKERS = (
    _rule(r".*(?:undefined reference to|undefined symbol: ).+"),
    _rule(r"^(?:\S*/)?(?:ld|ld\.\w+|mold): (?:cannot find|.*: (?:undefined|version node not found)).+"),
    _rule(r"^(?:\S*/)?(?:ld|ld\.\w+|mold): error: (?!lto-wrapper failed).+"),
    _rule(r"^(?:\S*/)?ld(?:\.\w+)?: .*(?:multiple definition of|relocation R_|DSO missing).+"),
    _rule(r"^.*error while loading shared libraries: .+"),
    _rule(r"^.*version [`'].+' not found \(required by .+\)"),
)
_PYTHON = (
    _rule(r"^(?:E\s+)?(?P<cause>(?:ImportError|ModuleNotFoundError): (?!Failed to import test module).+)"),
    _rule(rf"^E\s+(?P<cause>{_EXCEPTION}(?:: .+)?)$", -1),
    _rule(r"^E\s+(?P<cause>(?:assert |Failed: |fixture '.+' not found).*)", -1),
    _rule(rf"^(?!{_OF_JAVA})(?P<cause>{_EXCEPTION}(?:: .+)?)$", -1),
    _rule(r"^(?:ERROR: )(?P<cause>Could not find a version that satisfies the requirement .+)"),
)
_PERL = (
    _rule(r"^(?:#\s+)?(?P<cause>Can't (?:locate|load) .+)"),
    _rule(r"^(?:syntax error|Undefined subroutine|Global symbol|Can't (?:call|use)) .+ (?:at \S+ )?line \d+.*"),
    _rule(r"^Warning: prerequisite (?P<cause>\S+ \S+ not found.*)"),
    _rule(r"^\s*#\s+(?P<cause>Failed test .+)"),
)
_CONFIGURATION = (
    _rule(r"^CMake Error at .+:\s*$", below=True),
    _rule(r"^(?:CMake Error|configure: error:|.*meson\.build:\d+:\d+: ERROR:|.*Package '?.+'?, required by).*"),
    _rule(r"^go: (?!downloading |finding |found |extracting |creating |to add ).+"),
    _rule(r"^.*\.go:\d+: .+(?:no required module|is not in std|cannot find package).*"),
    _rule(r"^\[ERROR\] (?P<cause>Plugin .+ could not be resolved.*)"),
    _rule(r"^\[ERROR\] (?P<cause>.*(?:offline mode|Could not resolve dependencies|Non-resolvable).+)"),
)
_TESTS = (
    _rule(r"^test .+ \.\.\. FAILED$"),
    _rule(r"^thread '.+' .*panicked at \S+:\d+:\d+:$", below=True),
    _rule(r"^thread '.+' .*panicked at .+"),
    _rule(r"^\[ERROR\]\s+(?P<cause>\S+(?:\.\S+)* .*<<< (?:FAILURE|ERROR)!.*)"),
    _rule(r"^(?:FAILED \S+|ERROR \S*(?:::|\.py\b)).*"),
    _rule(r"^(?:FAIL: .+|ERROR: \w+ \([\w.]+\).*)"),
    _rule(r"^\s*--- FAIL: .+"),
    _rule(r"^not ok \d+(?!.*# (?:TODO|SKIP)).*"),
    _rule(
        r"^\s*\d+ - \S+ \((?:Failed|Timeout|SEGFAULT|ILLEGAL|NUMERICAL|BAD_COMMAND|SIG\w+|Child aborted"
        r"|Subprocess \w+|Exception: .+|Not Run)\).*"
    ),
    _rule(r"^\s*\d+/\d+ .+ (?:FAIL|TIMEOUT|ERROR)\s+\d.*"),
    _rule(r"^\[  FAILED  \] [\w/]+\.\S+.*"),
    _rule(r"^FAIL!  : .+"),
    _rule(r"^\S+:\d+: FAILED:$", below=True),
    _rule(r"^\S+:\d+: (?:FATAL )?ERROR: .+ is NOT correct!.*"),
    _rule(r"^\S+\(\d+\): (?:fatal )?error: in \".+\": .+"),
    _rule(r"^rspec \./\S+ # .+"),
    _rule(r"^\w\S*#test_\S* \[.+\]:$"),
    _rule(r"^(?:Failure|Error): test\S*\(.+\).*"),
    _rule(r"^==== \S+ .*FAILED$"),
    _rule(r"^\S+\.t \.+ .*(?:Dubious|Failed \d+/\d+).*"),
    _rule(r"^\[ERROR\] (?P<cause>Failed to execute goal .+)"),
    _rule(r"^Exception in thread .+"),
    _rule(r"^panic: .+"),
)
_PREPARATION = (
    _rule(r"^.*(?:hunks? FAILED|No file to patch|can't find file to patch).*"),
    _rule(r"^error: patch failed: .+"),
    _rule(r"^(?:gpgv?|gpgverify): (?:BAD signature|Can't check signature|no valid OpenPGP data).*"),
    _rule(r"^(?:gzip|bzip2|xz|zstd|tar|unzip|cpio|/\S+/(?:gzip|xz|bzip2|zstd|tar)): (?!Exiting|Child ).+"),
)
_PACKAGING = (
    _rule(r"^\s*\*{3} (?P<cause>ERROR: .+)"),
    _rule(r"^ERROR\s+\d{4}: .+"),
    _rule(r"^Found '.+' in installed files; aborting$"),
    _rule(r"^\s*(?P<cause>error: Arch dependent binaries in noarch package)"),
)
_SIGNALS = (
    _rule(r"^.*(?:Could not resolve host|Temporary failure in name resolution|Network is unreachable).*"),
    _rule(r"^.*\*\*\* No rule to make target .+"),
    _rule(
        r"^(?!.*\b(?:ok|OK|PASS|PASSED|passed)\b)"
        r".*(?:Segmentation fault|Illegal instruction|Bus error|Killed|Aborted|core dumped).*",
        -1,
    ),
)
_LAST_RESORT = (
    _rule(rf"^\s*(?P<cause>error: (?!{_NO_CAUSE})(?:line \d+: )?.+)"),
    _rule(r"^.+: (?:command not found|not found|No such file or directory|Permission denied|can't cd to .+)$", -1),
    _rule(r"^\s*(?P<cause>error: Installed \(but unpackaged\) file\(s\) found:.*)"),
    _rule(r"^.*(?:\*\*\* .*Error \d+|FAILED: .+)"),
    _rule(r"^\s*(?P<cause>error: (?:command '.+' failed|could not compile).*)"),
    _rule(r"^\s*(?P<cause>error: Bad exit status .+)"),
)
RULES: Sequence[Rule] = (
    Rule(DISK, 0),
    _rule(rf"^(?:{_USED_UP})"),
    *_COMPILERS,
    *_LINKERS,
    *_PYTHON,
    *_PERL,
    *_CONFIGURATION,
    *_TESTS,
    *_PREPARATION,
    *_PACKAGING,
    _rule(r"^\s*1\) (?!Failure:|Error:|Skipped)\S.*"),
    _rule(r"^ERROR: (?!Command failed|Exception\().+"),
    _rule(rf"^(?:{_KILLED})"),
    _rule(rf"^(?={_OF_JAVA})(?P<cause>{_EXCEPTION}(?:: .+)?)$", -1),
    *_SIGNALS,
    *_LAST_RESORT,
)

TESTS: Sequence[Rule] = (
    _rule(r"^_{2,} (?P<cause>(?!_|.*(?:summary|coverage))\S.*?) _{2,}$", -1),
    _rule(r"^(?:FAIL|ERROR): (?P<cause>(?!Command failed|Exception\()\w.*)", -1),
    _rule(r"^(?:FAILED|ERROR) (?P<cause>\S+::\S+)", -1),
    _rule(r"^(?P<cause>thread '.+' .*panicked at .+)"),
)
"""Where the last of several tests that failed is named, which is the one whose assertion is shown."""

INCOMPLETE: Sequence[Rule] = (
    _rule(r"^.*(?P<cause>Failed to synchronize cache for repo .+, ignoring this repo.*)"),
    _rule(r"^.*(?P<cause>Ignoring repositories: .+)"),
)
"""What a package manager prints that goes on without a repository: what it misses then says nothing."""

UNRESOLVABLE: Sequence[Rule] = (
    _rule(r"^.*(?P<cause>\bnothing provides .+)"),
    _rule(r"^.*(?P<cause>package \S+ requires .+, but none of the providers can be installed)"),
    _rule(r"^.*(?P<cause>package \S+ (?:conflicts with|obsoletes|from \S+ conflicts with) .+)"),
    _rule(r"^\s*(?:Error: )?(?P<cause>(?:No match for argument|No matching package to install|No package found): .+)"),
    _rule(r"^\s*(?:Error: )?(?P<cause>(?:Unable to find a match|Requires): .+)"),
    _rule(r"^\s*(?P<cause>file \S+ (?:from install of|conflicts between attempted installs of) .+)"),
    _rule(r"^.*(?P<cause>Package \S+ is excluded|\S+ is filtered out by exclude filtering)"),
    _rule(r"^(?!.*\bwarning: ).*(?P<cause>(?:error: )?%\w+\(\S+\) scriptlet failed.*)"),
    _rule(r"^.*(?P<cause>Error in (?:<unknown>|PRE[A-Z]+) scriptlet in rpm package .+)"),
    _rule(r"^\s*(?P<cause>\S+ is needed by \S+)$"),
    _rule(r"^\s*(?:Error:\s*)?(?P<cause>Problem(?: \d+)?: .+)"),
)
"""What a package manager prints where the packages that are there cannot make the root."""

TROUBLE: Sequence[Rule] = (
    Rule(DISK, 0),
    _rule(r"^.*(?P<cause>Curl error \(\d+\): .+)"),
    _rule(r"^.*(?P<cause>Status code: [45]\d\d for .+)"),
    _rule(r"^.*(?P<cause>Failed to (?:synchronize cache|download metadata) for repo.*)"),
    _rule(r"^.*(?P<cause>Failed to download metadata.*)"),
    _rule(r"^.*(?P<cause>Cannot (?:download|prepare internal mirrorlist).*)"),
    _rule(r"^.*(?P<cause>(?:All mirrors were tried|No more mirrors to try).*)"),
    _rule(r"^.*(?P<cause>Error downloading packages:.*)"),
    _rule(r"^.*(?P<cause>(?:GPG check FAILED|Error: GPG check|Signature verification|Public key for \S+ is not).*)"),
    _rule(r"^.*(?P<cause>(?:repomd\.xml|[Cc]hecksum).* (?:mismatch|doesn't match|does not match).*)"),
    _rule(r"^.*(?P<cause>(?:Could not resolve host|Connection (?:refused|reset|timed out)|Network is unreachable).*)"),
    _rule(r"^.*(?P<cause>(?:Build-root in use|build root is locked|Waiting for lock on).*)"),
    _rule(r"^.*(?P<cause>(?:unshare|mount|umount|systemd-nspawn)\b.*(?:failed|Operation not permitted|busy).*)"),
    _rule(r"^.*(?P<cause>(?:rpmdb|BDB\d+|Db\d* ).*(?:error|corrupt|panic|PANIC).*)"),
    _rule(r"^ERROR: (?P<cause>(?!Command failed|Exception\().+)"),
    _rule(r"^ERROR: Command failed:", below=True),
)
"""What the machinery prints where it is at fault itself."""


def clean(text: str) -> str:
    """Take escape sequences and control characters out of a line of a log, as well as what reorders text."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text)).rstrip()


def lines_of(log: str) -> list[str]:
    """Return the lines of a log that say something: cleaned, cut, and without what mock puts before them."""
    cleaned = (_MOCK_PREFIX.sub("", clean(line[:LINE_LENGTH])) for line in log.splitlines())
    return [line for line in cleaned if line.strip()]


def find(rules: Iterable[Rule], lines: Sequence[str]) -> str:
    """Return what the first rule that fits any line shows of it; empty where none fits."""
    for rule in rules:
        found = [(number, match) for number, line in enumerate(lines) if (match := rule.pattern.match(line))]
        if found:
            number, match = found[rule.pick]
            told = match.groupdict().get("cause") or match.string
            if rule.below and number + 1 < len(lines):
                told = lines[number + 1]
            return told.strip()[:CAUSE_LENGTH]
    return ""


def cause_of(log: str) -> str:
    """Return the line of a log that says most about why it ended in failure, cleaned; empty for an empty log."""
    lines = lines_of(log)
    return find(RULES, lines) or (lines[-1].strip()[:CAUSE_LENGTH] if lines else "")

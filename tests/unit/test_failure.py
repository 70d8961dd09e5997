"""What a failed build's log is read as."""

import pytest

from bot.domain.build import FailureReason, Phase
from bot.domain.failure import CAUSE_LENGTH, BuildEnd, cause_of, classify, clean, normalise, phase_of, signature_of

SOFT_UNICODE = (
    "ImportError: cannot import name 'soft_unicode' from 'markupsafe' "
    "(/usr/lib/python3.11/site-packages/markupsafe/__init__.py)"
)

JINJA = f"""\
Executing(%build): /bin/sh -e /var/tmp/rpm-tmp.aaaaaa
+ python3 setup.py build
Executing(%check): /bin/sh -e /var/tmp/rpm-tmp.bbbbbb
ImportError while loading conftest '/builddir/BUILD/Jinja2-2.11.3/tests/conftest.py'.
tests/conftest.py:5: in <module>
    from jinja2 import Environment
E   {SOFT_UNICODE}
error: Bad exit status from /var/tmp/rpm-tmp.bbbbbb (%check)
    Bad exit status from /var/tmp/rpm-tmp.bbbbbb (%check)
"""

FLASK = f"""\
Executing(%check): /bin/sh -e /var/tmp/rpm-tmp.cccccc
==================================== ERRORS ====================================
tests/test_basic.py:14: in <module>
    import flask
E   {SOFT_UNICODE}
=========================== short test summary info ============================
ERROR tests/test_basic.py
error: Bad exit status from /var/tmp/rpm-tmp.cccccc (%check)
"""


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        ("main.c:3:10: fatal error: foo.h: No such file or directory\ncompilation terminated.", "main.c:3:10: fatal"),
        ("a.c:1:1: error: first\nb.c:2:2: error: second\nmake: *** [Makefile:2: a.o] Error 1", "a.c:1:1: error: first"),
        ("main.o: in function `main':\nmain.c:7: undefined reference to `foo_init'", "main.c:7: undefined reference"),
        ("/usr/bin/ld: cannot find -lfoo: No such file or directory", "/usr/bin/ld: cannot find -lfoo"),
        ("E   AssertionError: assert 1 == 2\nE   ValueError: last one", "ValueError: last one"),
        ("E       assert 1 == 2\nFAILED tests/test_x.py::test_y - assert 1 == 2", "assert 1 == 2"),
        ("Traceback (most recent call last):\n  File \"x.py\"\nKeyError: 'spam'", "KeyError: 'spam'"),
        ("foo.bar.CustomError: no\nmake: *** [all] Error 1", "foo.bar.CustomError: no"),
        ("ModuleNotFoundError: No module named 'six'\nTypeError: later", "ModuleNotFoundError: No module named 'six'"),
        ("CMake Error at CMakeLists.txt:3 (find_package):", "CMake Error at CMakeLists.txt:3"),
        ("CMake Error at CMakeLists.txt:3 (find_package):\n  Could not find Foo", "Could not find Foo"),
        (
            'meson.build:2:0: ERROR: Dependency "foo" not found\nninja: error: x',
            'meson.build:2:0: ERROR: Dependency "foo"',
        ),
        ("configure: error: no acceptable C compiler found", "configure: error: no acceptable"),
        ("FAIL: test_one (tests.TestIt)\nRan 1 test in 0.1s", "FAIL: test_one (tests.TestIt)"),
        ("--- FAIL: TestAdd (0.00s)\nexit status 1", "--- FAIL: TestAdd (0.00s)"),
        ("ok 1 - fine\nnot ok 2 - broken", "not ok 2 - broken"),
        ("1 out of 2 hunks FAILED -- saving rejects to file a.rej", "1 out of 2 hunks FAILED"),
        ("/var/tmp/rpm-tmp.x: line 3: frob: command not found", "/var/tmp/rpm-tmp.x: line 3: frob: command not found"),
        (
            "error: File not found: /builddir/BUILDROOT/x/usr/bin/x\nerror: Bad exit status from y (%files)",
            "error: File",
        ),
        ("error: Installed (but unpackaged) file(s) found:\n   /usr/bin/extra", "error: Installed (but unpackaged)"),
        ("make: *** [Makefile:3: all] Error 2\nerror: Bad exit status from x (%build)", "make: *** [Makefile:3: all]"),
        ("error: Bad exit status from /var/tmp/x (%build)\n    Bad exit status from", "error: Bad exit status"),
        (
            "[ RUN      ] Foo.Bar\n[  FAILED  ] Foo.Bar (0 ms)\n 1 FAILED TEST\nmake: *** [check] Error 1",
            "[  FAILED  ] Foo.Bar",
        ),
        ("FAIL!  : Foo::bar() Compared values are not the same\nmake: *** [check] Error 1", "FAIL!  : Foo::bar()"),
        ("x.cpp:33: FAILED:\n  REQUIRE( a == b )\nwith expansion:\n  1 == 2", "REQUIRE( a == b )"),
        ("x.cpp:33: ERROR: CHECK( a == b ) is NOT correct!", "x.cpp:33: ERROR: CHECK"),
        ('x.cpp(33): error: in "a/b": check c has failed\n*** 1 failure is detected', 'x.cpp(33): error: in "a/b"'),
        (
            "Failed examples:\n\nrspec ./spec/a_spec.rb:5 # A does x\nerror: Bad exit status from x",
            "rspec ./spec/a_spec.rb:5",
        ),
        ("  1) Failure:\nTestA#test_b [test/a.rb:10]:\nExpected: 1\nrake aborted!", "TestA#test_b [test/a.rb:10]:"),
        ("Failure: test_b(TestA): <1> expected but was\nrake aborted!", "Failure: test_b(TestA)"),
        ("  12 passing\n  1 failing\n\n  1) Array indexOf:\nmake: *** [check] Error 1", "1) Array indexOf:"),
        ("==== a-1.2 does x FAILED\nmake: *** [check] Error 1", "==== a-1.2 does x FAILED"),
        (
            "thread 'main' (47) panicked at build.rs:5:9:\ncalled `unwrap()` on `None`\nnote: run with",
            "called `unwrap()`",
        ),
        ("thread 'main' panicked at 'no', src/a.rs:5:9", "thread 'main' panicked at 'no'"),
        ("/usr/bin/ld: error: lto-wrapper failed\nmake: *** [x.so] Error 1", "make: *** [x.so] Error 1"),
        ("ERROR: no such relation\n[  FAILED  ] Sql.joins (0 ms)\nmake: *** [check] Error 1", "[  FAILED  ] Sql.joins"),
        ("ERROR main: cannot bind\nFAIL: test_serve\nmake: *** [check] Error 1", "FAIL: test_serve"),
        ("ERROR tests/test_a.py\nerror: Bad exit status from x (%check)", "ERROR tests/test_a.py"),
        ("ERROR: test_a (tests.A)\nerror: Bad exit status from x (%check)", "ERROR: test_a (tests.A)"),
        ("ERROR: no config\nmake: *** [all] Error 1", "ERROR: no config"),
        ("java.lang.OutOfMemoryError: on purpose\nFAIL: test_b\nmake: *** [check] Error 1", "FAIL: test_b"),
        ("java.io.IOException: expected\n[ERROR] ATest.b:12 <<< FAILURE!\n[ERROR] Failed", "ATest.b:12 <<< FAILURE!"),
        ("java.io.IOException: no\nmake: *** [all] Error 1", "java.io.IOException: no"),
        ("TestJob.isAborted PASSED\nmake: *** [check] Error 1", "make: *** [check] Error 1"),
        ("something odd\nthe last word\n\n", "the last word"),
        ("", ""),
    ],
)
def test_the_most_telling_line_is_the_cause(log: str, cause: str) -> None:
    assert cause_of(log).startswith(cause)
    assert bool(cause_of(log)) == bool(cause)


def test_the_import_error_of_a_test_suite_is_shown_without_pytests_margin() -> None:
    failed = classify(BuildEnd(tail=JINJA))

    assert failed.reason is FailureReason.CHECK
    assert failed.phase is Phase.CHECK
    assert failed.cause == SOFT_UNICODE


def test_one_import_error_in_two_packages_is_the_same_fault() -> None:
    jinja, flask = classify(BuildEnd(tail=JINJA)), classify(BuildEnd(tail=FLASK))

    assert jinja.signature == flask.signature
    assert (
        normalise(jinja.cause)
        == "ImportError: cannot import name 'soft_unicode' from 'markupsafe' (<path>/__init__.py)"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("src/a.c:12:3: error: x", "src/a.c:99:1: error: x"),
        ("src/a.c:12:3: error: x", "lib/b.c:9: error: x"),
        ("a.c:(.text+0x5): undefined reference to `x'", "b.c:(.text.startup+0x1f): undefined reference to `x'"),
        ("[ERROR] /a/B.java:[3,20] error: no", "[ERROR] /c/D.java:[9,1] error: no"),
        ("/var/tmp/rpm-tmp.a: 3: x: not found", "/var/tmp/rpm-tmp.b: 44: x: not found"),
        ("Can't locate A.pm in @INC (you may) (@INC contains: /a) at x", "Can't locate A.pm in @INC (you may) at x"),
        ("error at 0x7ffd1234", "error at 0xdeadbeef"),
        ("failed after 1.25s", "failed after 13s"),
        ("at 2026-01-02T03:04:05Z it broke", "at 2027-11-12T13:14:15Z it broke"),
        ("at 03:04:05 it broke", "at 13:14:15 it broke"),
        ("commit 0123456789abcdef is bad", "commit fedcba9876543210 is bad"),
        ("E   OSError: '/tmp/a1/x'", "OSError: '/tmp/b2/y'"),
        ("port 8080 in use", "port 9090 in use"),
        ("line 3: syntax error", "line 30: syntax  error"),
    ],
)
def test_what_differs_between_two_builds_of_one_fault_is_left_out(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


def test_different_faults_stay_different() -> None:
    assert normalise("undefined reference to `foo_init'") != normalise("undefined reference to `foo_exit'")
    assert normalise("error: File not found: /a/BUILDROOT/x/b") != normalise("error: File not found: /a/BUILDROOT/x/c")
    assert normalise("tmpfiles.d is odd") != normalise("tmpdir.d is odd")
    assert normalise("1/2 parser FAIL 1s") != normalise("1/2 lexer FAIL 1s")
    assert signature_of(Phase.BUILD, "x") != signature_of(Phase.CHECK, "x")
    assert signature_of(None, "x") == "unknown: x"


def test_only_the_phase_that_failed_is_searched() -> None:
    log = (
        "Executing(%prep): /bin/sh\na.c:1:1: error: in a test file\nExecuting(%build): /bin/sh\nmake: *** [x] Error 1\n"
    )

    failed = classify(BuildEnd(tail=log))

    assert failed.cause == "make: *** [x] Error 1"
    assert failed.reason is FailureReason.COMPILE


EXIT = "error: Bad exit status from /var/tmp/rpm-tmp.a (%check)\n"


@pytest.mark.parametrize(
    "log",
    [
        f"Executing(%check): /bin/sh\nFAIL: one\n{EXIT}",
        f"FAIL: one\n{EXIT}",
        f"Executing(%check): /bin/sh\nFAIL: one\nExecuting(%build): /bin/sh -e of a package of the tests\n{EXIT}",
        f"Executing(%build): /bin/sh\na.c:1:1: error: no\nExecuting(%check): /bin/sh\nFAIL: one\n{EXIT}",
        "FAIL: one\nBad exit status from Executing(%build): (%check)\n",
    ],
    ids=["all of it", "cut off at the front", "with phases of its own", "after another one", "in a strange line"],
)
def test_the_phase_that_failed_is_the_one_that_rpmbuild_names(log: str) -> None:
    failed = classify(BuildEnd(tail=log))

    assert (failed.phase, failed.cause) == (Phase.CHECK, "FAIL: one")


def test_a_phase_that_began_since_is_the_one_that_failed() -> None:
    log = f"Executing(%check): /bin/sh\n{EXIT}Processing files: a-1-1.noarch\nerror: File not found: /a/b\n"

    assert classify(BuildEnd(tail=log)).phase is Phase.FILES


@pytest.mark.parametrize(
    ("line", "phase"),
    [
        ("Executing(%prep): /bin/sh -e x", Phase.PREP),
        ("Executing(%generate_buildrequires): /bin/sh -e x", Phase.PREP),
        ("Executing(%build): /bin/sh -e x", Phase.BUILD),
        ("Executing(%install): /bin/sh -e x", Phase.INSTALL),
        ("Executing(%check): /bin/sh -e x", Phase.CHECK),
        ("Executing(%clean): /bin/sh -e x", None),
        ("Processing files: foo-1-1.noarch", Phase.FILES),
        ("gcc -c a.c", None),
    ],
)
def test_phases_are_known_by_rpmbuilds_words(line: str, phase: Phase | None) -> None:
    assert phase_of(line) is phase


@pytest.mark.parametrize(
    ("end", "reason", "phase"),
    [
        (BuildEnd(tail="error: line 3: Unknown tag", phase=Phase.SRPM), FailureReason.SRPM, Phase.SRPM),
        (BuildEnd(tail="file /a conflicts", phase=Phase.BUILDROOT), FailureReason.UNRESOLVABLE, Phase.BUILDROOT),
        (BuildEnd(tail="Executing(%install): x\ncp: no"), FailureReason.INSTALL, Phase.INSTALL),
        (BuildEnd(tail="Processing files: x\nerror: File not found: y"), FailureReason.INSTALL, Phase.FILES),
        (BuildEnd(tail="Executing(%check): x", timed_out=True, limit="too long"), FailureReason.TIMEOUT, Phase.CHECK),
        (BuildEnd(tail="Executing(%check): x", limit="out of memory"), FailureReason.MEMORY, Phase.CHECK),
        (BuildEnd(tail="cp: x: No space left on device"), FailureReason.INFRASTRUCTURE, Phase.BUILD),
        (BuildEnd(tail="", limit="No space left on device: stopped"), FailureReason.INFRASTRUCTURE, Phase.BUILD),
        (BuildEnd(tail=""), FailureReason.COMPILE, Phase.BUILD),
    ],
)
def test_phase_and_limits_decide_the_reason(end: BuildEnd, reason: FailureReason, phase: Phase) -> None:
    failed = classify(end)

    assert (failed.reason, failed.phase) == (reason, phase)
    assert failed.cause == end.limit or not end.limit


CHECK = "Executing(%check): /bin/sh -e /var/tmp/rpm-tmp.a\n"


@pytest.mark.parametrize(
    "mention",
    [
        "printf x > /dev/full: No space left on device",
        "ok 3 - write error: No space left on device",
        "PASS: No space left on device",
        "test says that there is No space left on device ... ok",
        "+cat: write error: No space left on device",
        "the message has to be 'No space left on device'",
        "mkdir: cannot create directory '/sys/fs/cgroup/test': Read-only file system",
        "cat: /dev/tty: Input/output error",
        "OSError: [Errno 5] Input/output error",
        "./serve.sh: line 12: 4711 Killed                  ./server",
    ],
)
def test_what_tests_do_on_purpose_is_no_trouble_of_the_machine(mention: str) -> None:
    failed = classify(BuildEnd(tail=f"{CHECK}{mention}\nFAIL: test_parser\nerror: Bad exit status from x (%check)\n"))

    assert failed.reason is FailureReason.CHECK
    assert failed.cause in {"FAIL: test_parser", mention}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("OSError: [Errno 28] No space left on device: '/tmp/x'", FailureReason.INFRASTRUCTURE),
        ("failed: OSError(28, 'No space left on device')", FailureReason.INFRASTRUCTURE),
        ("cp: error writing 'a': No space left on device", FailureReason.INFRASTRUCTURE),
        ("OSError: [Errno 5] Input/output error: '/builddir/build/BUILD/a'", FailureReason.INFRASTRUCTURE),
        ("gzip: stdin: Input/output error", FailureReason.INFRASTRUCTURE),
        ("a.c:1: fatal error: cannot write a.o: Read-only file system", FailureReason.INFRASTRUCTURE),
        ("./build.sh: line 12: 4711 Killed                  ./generate", FailureReason.MEMORY),
        ("go build example.org/x: /usr/lib/golang/pkg/tool/linux_amd64/link: signal: killed", FailureReason.MEMORY),
        ("cc1plus: out of memory allocating 65536 bytes after a total of 5 bytes", FailureReason.MEMORY),
        ("/usr/bin/ld: final link failed: memory exhausted", FailureReason.MEMORY),
        ("/bin/sh: fork: retry: Resource temporarily unavailable", FailureReason.MEMORY),
        ("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", FailureReason.MEMORY),
        ("java.lang.OutOfMemoryError: Java heap space", FailureReason.MEMORY),
        ("y.tab.c: syntax error, memory exhausted", FailureReason.COMPILE),
    ],
)
def test_what_the_machine_lacks_is_known_by_many_words(line: str, reason: FailureReason) -> None:
    failed = classify(BuildEnd(tail=f"Executing(%build): /bin/sh\n{line}\nerror: Bad exit status from x (%build)\n"))

    assert failed.reason is reason


PYTEST = """\
=================================== FAILURES ===================================
______________________________ test_first[0x7f01] ______________________________
E   assert 3 == 4
_________________________________ test_{last} _________________________________
    def test_{last}():
>       assert 1 == 2
E       assert 1 == 2
=========================== short test summary info ============================
"""


def test_an_assertion_is_told_with_its_test() -> None:
    one, other = (classify(BuildEnd(tail=CHECK + PYTEST.format(last=last))) for last in ("lexer", "parser"))

    assert one.cause == other.cause == "assert 1 == 2"
    assert one.signature == "check: assert 1 == 2 in test_lexer"
    assert other.signature == "check: assert 1 == 2 in test_parser"
    summary = f"{CHECK}E   AssertionError\nFAILED tests/test_a.py::test_b - AssertionError\n"
    assert classify(BuildEnd(tail=summary)).signature == "check: AssertionError in tests/test_a.py::test_b"
    assert classify(BuildEnd(tail=f"{CHECK}AssertionError: no\n")).signature == "check: AssertionError: no"


def test_what_packages_build_packages_may_miss_dependencies_in_its_tests() -> None:
    own = "error: Failed build dependencies:\n\tfoo > 1.3 is needed by test-1-1.x86_64\n"

    failed = classify(BuildEnd(tail=f"{CHECK}{own}342. FAILED (rpmbuild.at:1439)\nFAIL: rpmtests\n"))

    assert (failed.reason, failed.phase) == (FailureReason.CHECK, Phase.CHECK)


def test_a_missing_build_dependency_is_not_the_packages_fault() -> None:
    tail = "error: Failed build dependencies:\n\tfoo-devel is needed by bar-1-1.x86_64\n"

    failed = classify(BuildEnd(tail=tail))

    assert failed.reason is FailureReason.UNRESOLVABLE
    assert failed.cause == "foo-devel is needed by bar-1-1.x86_64"


def test_escape_sequences_and_reordering_characters_are_taken_out() -> None:
    assert clean("\x1b[31;1mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07\u202eabc\x00\r") == "red linkabc"


def test_a_cause_is_bounded() -> None:
    assert len(cause_of("a.c:1:1: error: " + "x" * 10_000)) == CAUSE_LENGTH

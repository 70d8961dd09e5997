"""What two failures are told apart by: names are, and what differs from one build to the next is not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.build import Phase
from bot.domain.signature import normalise, signature_of

NAMES = st.from_regex(r"[g-z][a-z]{2,7}_[g-z]{2,8}", fullmatch=True)
NUMBERS = st.integers(1, 99_999)
NAMED = [
    "src/main.c:12:3: error: '{}' undeclared (first use in this function)",
    "main.c:(.text+0x5): undefined reference to `{}'",
    "a.c:1:10: fatal error: {}.h: No such file or directory",
    "/usr/bin/ld: cannot find -l{}: No such file or directory",
    "error while loading shared libraries: lib{}.so.1: cannot open shared object file",
    "E   ImportError: cannot import name '{}' from 'spam' (/usr/lib/python3.12/site-packages/spam/__init__.py)",
    "ModuleNotFoundError: No module named '{}'",
    "FAILED tests/test_{}.py::test_it - assert 1 == 2",
    "FAIL: test_{} (tests.test_all.Everything)",
    "test parser::{} ... FAILED",
    " 7/12 suite:{}  FAIL  0.05s  exit status 2",
    "12 - {} (Failed)",
    "not ok 3 - {}",
    "--- FAIL: Test_{} (0.01s)",
    "[  FAILED  ] Parser.{} (3 ms)",
    "FAIL!  : Parser::{}() Compared values are not the same",
    "rspec ./spec/{}_spec.rb:12 # Parser",
    "[ERROR] /builddir/build/BUILD/a/B.java:[3,20] cannot find symbol {}",
    "Can't locate {}.pm in @INC (you may need to install it) (@INC contains: /usr/lib64/perl5)",
    "error: File not found: /builddir/build/BUILDROOT/a-1-1.x86_64/usr/bin/{}",
    "make[2]: *** [Makefile:12: {}.o] Error 1",
    "FAILED: src/{}.o",
    "/bin/sh: line 1: 4711 Segmentation fault (core dumped) ./{}",
]
NUMBERED = [
    "src/main.c:{0}:{0}: error: 'spam' undeclared",
    "main.c:(.text+0x{0:x}): undefined reference to `spam'",
    "/var/tmp/rpm-tmp.{0}: line {0}: spam: command not found",
    "FAILED tests/test_a.py::test_it - OSError: '/tmp/pytest-of-mock/pytest-{0}/a'",
    "{0:2}/{0} suite:parser  FAIL  {0}.05s  exit status 2",
    "--- FAIL: TestIt ({0}.01s)",
    "[  FAILED  ] Parser.it ({0} ms)",
    "thread 'main' ({0}) panicked at build.rs:{0}:5:",
    "/bin/sh: line {0}: {0} Segmentation fault (core dumped) ./spam",
    "=={0}==ERROR: AddressSanitizer: heap-use-after-free on address 0x{0:x}",
    "cannot bind http://localhost:{0:05}/spam with seed {0} in worker gw{0}",
]


@pytest.mark.parametrize("line", NAMED)
@settings(max_examples=25)
@given(one=NAMES, other=NAMES)
def test_two_names_are_two_faults(line: str, one: str, other: str) -> None:
    signatures = {signature_of(Phase.CHECK, line.format(name)) for name in (one, other)}
    assert len(signatures) == len({one, other})


@pytest.mark.parametrize("line", NUMBERED)
@settings(max_examples=25)
@given(one=NUMBERS, other=NUMBERS)
def test_two_builds_are_one_fault(line: str, one: int, other: int) -> None:
    assert normalise(line.format(one)) == normalise(line.format(other))


@settings(max_examples=25)
@given(one=NAMES, other=NAMES)
def test_the_test_tells_assertions_apart(one: str, other: str) -> None:
    signatures = {signature_of(Phase.CHECK, "assert 1 == 2", f"test_{name}") for name in (one, other)}
    assert len(signatures) == len({one, other})

"""Makes the logs under `made/` anew: packages that fail in every phase and way, built by rpmbuild in the sandbox.

`python -m tests.data.logs.make [NAME …]` on a machine that the sandbox works on, with gcc, g++, make, cmake,
python3, perl, cargo and go of the distribution. It prints what the sandbox itself says of each, which
is to be what `cases.toml` says. Compilers word things differently from version to version: look at what changed.
"""

import re
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bot.adapters.sandbox.host_base import ensure_host_base
from bot.adapters.sandbox.local import LocalBuild, build_locally
from bot.adapters.sandbox.settings import MIB, Limits, SandboxSettings
from bot.domain.build import Failed
from bot.domain.target import Repository, Target
from tests.fakes.local_solver import LocalSolver
from tests.fakes.sandbox import Spec

MADE = Path(__file__).parent / "made"
_STEP = re.compile(r"(?m)^==> (?!installing).*\n")
_LIMITS = Limits(memory=1024 * MIB, disk=512 * MIB)


@dataclass(frozen=True, kw_only=True)
class Faulty:
    """A package with a fault: sections are shell, `files` lie beside the spec, `needs` are built and offered first."""

    prep: str = "%setup -q -c -T"
    build: str = ""
    install: str = ""
    check: str = ""
    preamble: str = ""
    packaged: str = ""
    extra: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[Spec, ...] = ()
    seconds: float = 90
    limits: Limits = _LIMITS


def _c(name: str, text: str, command: str) -> Faulty:
    return Faulty(build=f"cat > {name} <<'EOF'\n{text}EOF\n{command}")


def _files(build: str = "", check: str = "", **files: str) -> Faulty:
    written = "".join(
        f"mkdir -p $(dirname {path}); cat > {path} <<'EOF'\n{text}EOF\n"
        for path, text in ((path.replace("__", ".").replace("_S_", "/"), text) for path, text in files.items())
    )
    return Faulty(build=written + build, check=check)


_CARGO = '[package]\nname = "spam"\nversion = "1.0.0"\nedition = "2021"\n'
_HOME = "export HOME=$PWD CARGO_HOME=$PWD/.cargo GOCACHE=$PWD/.cache GOFLAGS=-mod=mod GOPROXY=off GOPATH=$PWD/.go\n"
_OTHER = Spec(name="eggs", install="mkdir -p %{buildroot}%{_datadir}; echo a > %{buildroot}%{_datadir}/clash",
              files="%{_datadir}/clash")  # fmt: skip
_CLASH = Spec(name="bacon", install="mkdir -p %{buildroot}%{_datadir}; echo b > %{buildroot}%{_datadir}/clash",
              files="%{_datadir}/clash")  # fmt: skip
_SCRIPT = Spec(name="grumpy", extra="%pre\nexit 3\n")
_LIBRARY = "echo 'int frob(void) {return 7;}' > f.c\ngcc -shared -fPIC -o libfrob.so f.c\n"
_MAIN = "echo 'int frob(void); int main(void) {return frob() - 7;}' > m.c\n"

PACKAGES: Mapping[str, Faulty] = {
    "c-syntax": _c("a.c", "int main(void)\n{\n\treturn 0\n}\n", "gcc -c a.c"),
    "c-missing-header": _c("a.c", "#include <frobnicate.h>\n", "gcc -c a.c"),
    "c-missing-header-elsewhere": _c("b.c", "int x;\n\n#include <frobnicate.h>\n", "gcc -c b.c"),
    "c-implicit": _c(
        "a.c", "int main(void) { return frob_old_name(3); }\n", "gcc -Werror=implicit-function-declaration a.c"
    ),
    "cxx-no-member": _c("a.cc", "#include <string>\nint f(std::string s) { return s.lenght(); }\n", "g++ -c a.cc"),
    "cxx-no-matching": _c(
        "a.cc", "#include <map>\nint f() { std::map<int, int> m; m.insert(1); return 0; }\n", "g++ -c a.cc"
    ),
    "c-undefined-reference": _c("m.c", "int frob(void);\nint main(void) { return frob(); }\n", "gcc -o m m.c"),
    "c-undefined-reference-elsewhere": _c(
        "other.c", "int frob(void);\nint helper(void);\n\nint main(void) { return frob(); }\n", "gcc -o other other.c"
    ),
    "c-missing-library": _c("m.c", "int main(void) { return 0; }\n", "gcc -o m m.c -lfrobnicate"),
    "c-multiple-definition": Faulty(
        build="echo 'int x = 1;' > a.c; echo 'int x = 2; int main(void) { return x; }' > b.c; gcc -o m a.c b.c"
    ),
    "c-parallel-make": _files(
        "make -j2 || make -j2",
        Makefile="all: a.o b.o c.o\n%.o: %.c\n\tgcc -c $<\n",
        a__c="int a(void) { return undeclared_a; }\n",
        b__c="int b(void) { return 0; }\n",
        c__c="int c(void) { return 0; }\n",
    ),
    "c-no-rule": _files("make", Makefile="all: frob.o\n\tgcc -o all frob.o\n"),
    "cmake-missing-package": _files(
        "cmake -S . -B build",
        CMakeLists__txt="cmake_minimum_required(VERSION 3.5)\nproject(spam C)\nfind_package(Frobnicate 2 REQUIRED)\n",
    ),
    "cmake-missing-library": _files(
        "cmake -S . -B build",
        CMakeLists__txt="cmake_minimum_required(VERSION 3.5)\nproject(spam C)\nfind_package(LibArchive REQUIRED)\n",
    ),
    "configure-missing": _files(
        "sh configure",
        configure="echo 'checking for frob_init in -lfrob... no'\n"
        "echo 'configure: error: libfrob is required, version 2 or later' >&2; exit 1\n",
    ),
    "ctest-fails": _files(
        "cmake -S . -B build; cmake --build build",
        "cd build; ctest --output-on-failure",
        CMakeLists__txt="cmake_minimum_required(VERSION 3.5)\nproject(spam C)\nenable_testing()\n"
        "add_executable(t t.c)\nadd_test(NAME sums COMMAND t)\nadd_test(NAME fine COMMAND true)\n",
        t__c="int main(void) { return 1; }\n",
    ),
    "c-segfault": _files("gcc -O0 -o t t.c", "./t", t__c="int main(void) { int *volatile p = 0; return *p; }\n"),
    "c-lost-library": Faulty(
        build=_LIBRARY + _MAIN + "gcc -o m m.c -L. -lfrob; rm libfrob.so", check="LD_LIBRARY_PATH=. ./m"
    ),
    "c-lost-symbol": Faulty(
        build=_LIBRARY + _MAIN + "gcc -o m m.c -L. -lfrob\necho 'int other(void) {return 7;}' > f.c\n"
        "gcc -shared -fPIC -o libfrob.so f.c",
        check="LD_LIBRARY_PATH=. ./m",
    ),
    "python-import": _files(
        "", "python3 -m unittest -v", test_spam__py="import unittest\nfrom collections import Mapping\n"
    ),
    "python-import-elsewhere": _files(
        "", "python3 -c 'import eggs'", eggs__py="# a file of another package\n\nfrom collections import Mapping\n"
    ),
    "python-unittest": _files(
        "",
        "python3 -m unittest -v",
        test_spam__py="import unittest\n\n\nclass TestSpam(unittest.TestCase):\n    def test_sum(self):\n"
        "        self.assertEqual(1 + 1, 3)\n",
    ),
    "python-syntax": _files("python3 -m py_compile spam.py", spam__py="def spam():\n    print 'spam'\n"),
    "python-no-module": _files("python3 setup.py build", setup__py="from frobtools import setup\nsetup()\n"),
    "python-exception": _files("", "python3 spam.py", spam__py="import json\njson.loads('{')\n"),
    "rust-types": _files(
        _HOME + "cargo build --offline", Cargo__toml=_CARGO, src_S_main__rs='fn main() { let n: u32 = "spam"; }\n'
    ),
    "rust-test": _files(
        "",
        _HOME + "cargo test --offline",
        Cargo__toml=_CARGO,
        src_S_lib__rs="#[test]\nfn sums() { assert_eq!(1 + 1, 3); }\n",
    ),
    "rust-missing-crate": _files(
        _HOME + "cargo build --offline",
        Cargo__toml=_CARGO + '[dependencies]\nfrobnicate = "2"\n',
        src_S_main__rs="fn main() {}\n",
    ),
    "go-undefined": _files(
        _HOME + "go build ./...",
        go__mod="module spam\n\ngo 1.19\n",
        main__go="package main\n\nfunc main() { frob() }\n",
    ),
    "go-missing-module": _files(
        _HOME + "go build ./...",
        go__mod="module spam\n\ngo 1.19\n",
        main__go='package main\n\nimport "example.org/frob"\n\nfunc main() { frob.Do() }\n',
    ),
    "go-test": _files(
        "",
        _HOME + "go test ./...",
        go__mod="module spam\n\ngo 1.19\n",
        spam_test__go='package spam\n\nimport "testing"\n\nfunc TestSum(t *testing.T) { t.Fatal("not 3") }\n',
    ),
    "perl-locate": _files("", "perl -e 'use Frob::Nicate; print 1'"),
    "perl-test": _files(
        "", "prove t", t_S_spam__t="use Test::More tests => 2;\nok(1, 'fine');\nis(1 + 1, 3, 'sums');\n"
    ),
    "perl-syntax": _files("perl -c spam.pl", spam__pl="my $x = ;\nprint $x\n"),
    "prep-patch": Faulty(
        prep="%setup -q -c -T\ncp %{SOURCE0} .\n%patch0 -p1",
        preamble="Source0: a.txt\nPatch0: fix.patch",
        files={
            "a.txt": "one\ntwo\nthree\n",
            "fix.patch": "--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n uno\n-dos\n+zwei\n tres\n",
        },
    ),
    "prep-archive": Faulty(
        prep="%setup -q", preamble="Source0: spam-1.0.tar.gz", files={"spam-1.0.tar.gz": "<html>gone</html>\n"}
    ),
    "prep-directory": Faulty(prep="%setup -q -c -T\ncd spam-2.0"),
    "build-command": Faulty(build="frobnicate --all"),
    "install-missing": Faulty(install="mkdir -p %{buildroot}%{_bindir}\ncp spam %{buildroot}%{_bindir}/"),
    "files-unpackaged": Faulty(
        preamble="BuildArch: noarch",
        install="mkdir -p %{buildroot}%{_datadir}; touch %{buildroot}%{_datadir}/spam %{buildroot}%{_datadir}/extra",
        packaged="%{_datadir}/spam",
    ),
    "files-missing": Faulty(preamble="BuildArch: noarch", packaged="%{_datadir}/spam"),
    "files-noarch": Faulty(
        preamble="BuildArch: noarch",
        build="echo 'int main(void) {return 0;}' > m.c; gcc -o m m.c",
        install="install -D m %{buildroot}%{_bindir}/m",
        packaged="%{_bindir}/m",
    ),
    "srpm-patch": Faulty(preamble="Patch0: lost.patch"),
    "srpm-tag": Faulty(preamble="Frobnicates: spam"),
    "srpm-condition": Faulty(preamble="%if 1\nBuildArch: noarch"),
    "limit-memory": Faulty(build="python3 -c 'x = bytearray(3 << 30)'", limits=Limits(memory=256 * MIB)),
    "limit-time": Faulty(check="echo waiting for the server; sleep 600", seconds=8),
    "limit-disk": Faulty(build="dd if=/dev/zero of=big bs=1M count=300", limits=Limits(disk=128 * MIB)),
    "root-missing": Faulty(preamble="BuildRequires: frobnicate-devel"),
    "root-conflict": Faulty(preamble="BuildRequires: eggs\nBuildRequires: bacon", needs=(_OTHER, _CLASH)),
    "root-scriptlet": Faulty(preamble="BuildRequires: grumpy", needs=(_SCRIPT,)),
}


def make(name: str, faulty: Faulty, scratch: Path, base: Path) -> str:
    """Build a package, keep its log, and say what the sandbox makes of it."""
    here = scratch / name
    offered = here / "offered"
    offered.mkdir(parents=True)
    for needed in faulty.needs:
        _build(needed, Faulty(), here, offered, base)
    spec = Spec(
        name="spam",
        preamble=faulty.preamble,
        prep=faulty.prep,
        build=faulty.build,
        install=faulty.install,
        check=faulty.check,
        extra=faulty.extra,
        files=faulty.packaged,
    )
    outcome, log = _build(spec, faulty, here, offered, base)
    (MADE / f"{name}.log").write_text(_shortened(log))
    return (
        f"{outcome.reason.value} / {outcome.phase} / {outcome.cause}" if isinstance(outcome, Failed) else str(outcome)
    )


def _build(spec: Spec, faulty: Faulty, here: Path, offered: Path, base: Path) -> tuple[object, str]:
    source = spec.tree(here / spec.name, suffix="")
    for path, text in faulty.files.items():
        (here / spec.name / path).write_text(text)
    build = LocalBuild(
        package=spec.name,
        source=source,
        target=Target(name="here", arch="x86_64", backend="sandbox", repositories=(Repository(url=base.as_uri()),)),
        settings=SandboxSettings(state=here / "state", slots=1, limits=faulty.limits),
        results=offered if faulty is not PACKAGES.get(here.name) else here / "results",
        timeout=timedelta(seconds=faulty.seconds),
    )
    done = build_locally(build, LocalSolver([offered, base]))
    return done.outcome, done.log.read_text(errors="replace")


def _shortened(log: str) -> str:
    """Return the log from the step that failed on."""
    steps = [found.end() for found in _STEP.finditer(log)]
    return log[steps[-1] if steps else 0 :].strip("\n") + "\n"


def main(names: list[str]) -> None:
    """Make some of the logs, or all."""
    MADE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="revdeps-logs-", ignore_cleanup_errors=True) as scratch:
        base = Path(scratch, "base")
        ensure_host_base(base)
        for name in names or PACKAGES:
            print(f"{name}: {make(name, PACKAGES[name], Path(scratch), base)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

"""A few packages, built as real RPMs in the real sandbox: a library, what links to it, and what is made with it."""

import asyncio
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bot.adapters.hawkey.resolver import HawkeyResolver
from bot.adapters.hawkey.root_solver import HawkeyRootSolver
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.sandbox.host_base import ensure_host_base
from bot.adapters.sandbox.local import LocalBuild, build_locally
from bot.adapters.sandbox.settings import SandboxSettings
from bot.domain.build import Succeeded, TreeSource
from bot.domain.config import PackageConfig
from bot.domain.target import Repository, Target

ARCH = "x86_64"

LIBRARY = """\
Name: libgreet
Version: {version}
Release: 1
Summary: Greets
License: MIT
%global debug_package %{{nil}}

%description
Greets.

%package devel
Summary: For programs that greet
Requires: %{{name}}%{{?_isa}} = %{{version}}-%{{release}}

%description devel
For programs that greet.

%build
cat > greet.h <<'EOF'
{header}
EOF
cat > greet.c <<'EOF'
#include <stdio.h>
#include "greet.h"
{code}
EOF
gcc -shared -fPIC -Wl,-soname,libgreet.so.{soname} -o libgreet.so.{soname} greet.c

%install
install -D libgreet.so.{soname} %{{buildroot}}%{{_libdir}}/libgreet.so.{soname}
ln -s libgreet.so.{soname} %{{buildroot}}%{{_libdir}}/libgreet.so
install -D -m644 greet.h %{{buildroot}}%{{_includedir}}/greet.h

%files
%{{_libdir}}/libgreet.so.{soname}

%files devel
%{{_libdir}}/libgreet.so
%{{_includedir}}/greet.h
"""

PROGRAM = """\
Name: {name}
Version: 1.0
Release: 1
Summary: A program
License: MIT
BuildRequires: {requires}
%global debug_package %{{nil}}

%description
A program.

%build
cat > main.c <<'EOF'
#include <greet.h>
int main(void) {{ {main} return 0; }}
EOF
gcc -Werror=implicit-function-declaration -o {name} main.c -lgreet

%install
install -D {name} %{{buildroot}}%{{_bindir}}/{name}

%files
%{{_bindir}}/{name}
"""

REPORT = """\
Name: report
Version: 1.0
Release: 1
Summary: Made with hello
License: MIT
BuildArch: noarch
BuildRequires: hello

%description
Made with hello.

%install
mkdir -p %{buildroot}%{_datadir}
hello > %{buildroot}%{_datadir}/report

%files
%{_datadir}/report
"""


def library(version: str) -> str:
    """Version 1.0 has greet and shout; 2.0 moves the soname and drops shout."""
    both = version.startswith("1")
    return LIBRARY.format(
        version=version,
        soname=version[0],
        header="void greet(void);" + (" void shout(void);" if both else ""),
        code='void greet(void) { puts("hello"); }' + (' void shout(void) { puts("HELLO"); }' if both else ""),
    )


PACKAGES = {
    "libgreet": library("1.0"),
    "hello": PROGRAM.format(name="hello", requires="libgreet-devel", main="greet();"),
    "shouter": PROGRAM.format(name="shouter", requires="libgreet-devel", main="shout();"),
    "report": REPORT,
}
"""In an order in which they can be built."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A repository with binary and source packages."""

    directory: Path

    @property
    def url(self) -> str:
        return f"file://{self.directory}"

    @property
    def config(self) -> str:
        return f"version: 1\ntargets:\n  - repositories: ['{self.url}']\n"


def make(directory: Path) -> Distribution:
    """Build all packages, one after the other, into one repository."""
    repository = directory / "repository"
    ensure_host_base(repository)
    hawkey = HawkeySettings(cache=directory / "metadata", workers=1, allow_file=True)
    sandbox = SandboxSettings(state=directory / "sandbox")
    target = Target(name="mini", arch=ARCH, backend="sandbox", repositories=(Repository(url=f"file://{repository}"),))
    for name, spec in PACKAGES.items():
        tree = directory / "specs" / name
        tree.mkdir(parents=True)
        (tree / f"{name}.spec").write_text(spec)
        snapshot = asyncio.run(_snapshot(hawkey, target))
        source = TreeSource(directory=str(tree), package=PackageConfig(spec=f"{name}.spec", name=name))
        build = LocalBuild(package=name, source=source, target=target, settings=sandbox, results=repository)
        done = build_locally(build, HawkeyRootSolver(hawkey, snapshot, target))
        assert isinstance(done.outcome, Succeeded), (done.outcome, done.log.read_text()[-2000:])
        done.log.unlink()
        subprocess.run(["createrepo_c", "--quiet", "--update", str(repository)], check=True)
    return Distribution(directory=repository)


async def _snapshot(settings: HawkeySettings, target: Target):  # type: ignore[no-untyped-def]
    resolver = HawkeyResolver(settings)
    try:
        return (await resolver.snapshot(target)).id
    finally:
        await resolver.close()

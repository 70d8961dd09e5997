"""The package `host-base`: what the host offers to builds over it, in words that rpm's dependencies understand.

It has no files, only Provides: the host's sonames as rpm's own generator names them, its programs by path and under
the names of the packages that bring them elsewhere, its Python. It is generated from the host, reproducibly, and is
part of a distribution that is built over this host, so that the host is part of every buildroot's digest.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.adapters.sandbox.host import HostFacts, host_facts, installed_version

_COMMANDS = {
    "autoconf": "autoconf", "automake": "automake", "bash": "bash", "bison": "bison", "bzip2": "bzip2",
    "cmake": "cmake", "cpio": "cpio", "diff": "diffutils", "file": "file", "find": "findutils", "flex": "flex",
    "g++": "gcc-c++", "gawk": "gawk", "gcc": "gcc", "gettext": "gettext", "git": "git", "grep": "grep",
    "gzip": "gzip", "ld": "binutils",
    "libtool": "libtool", "ls": "coreutils", "m4": "m4", "make": "make", "mount": "util-linux",
    "ninja": "ninja-build", "patch": "patch", "perl": "perl", "pkg-config": "pkgconf-pkg-config", "ps": "procps-ng",
    "rpmbuild": "rpm-build", "sed": "sed", "tar": "tar", "unzip": "unzip", "which": "which", "xz": "xz",
}  # fmt: skip
"""A program of the host, and the package that brings it on an RPM distribution."""

_ALSO = {
    "gcc": ("cc", "glibc-devel", "glibc-headers", "kernel-headers"),
    "git": ("git-core",),
    "perl": ("perl-interpreter", "perl(:VERSION)"),
    "pkg-config": ("pkgconf", "pkgconfig"),
    "rpmbuild": ("rpm", "redhat-rpm-config", "python3-rpm-macros", "python-rpm-macros", "pyproject-rpm-macros"),
    "bash": ("config(bash)",),
}
_RELEASE = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostBase:
    """The generated package: its file, and `sha256:hex` of it."""

    path: Path
    digest: str


def ensure_host_base(directory: Path) -> HostBase:
    """Return the host-base package of this host in `directory`, generated where it is missing, with a repository.

    Older ones of other states of the host are removed. Takes about a second, a few milliseconds where it is there.
    """
    facts = host_facts()
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"host-base-{version(facts)}-{_RELEASE}.noarch.rpm"
    if not path.exists():
        with tempfile.TemporaryDirectory(prefix="host-base-") as scratch:
            made = _build(Path(scratch), facts)
            for old in directory.glob("host-base-*.rpm"):
                old.unlink()
            fresh = directory / f".{path.name}"
            shutil.copyfile(made, fresh)
            fresh.replace(path)
    if not (directory / "repodata/repomd.xml").exists() or _older(directory / "repodata/repomd.xml", path):
        subprocess.run(["createrepo_c", "--quiet", str(directory)], check=True, capture_output=True)
    return HostBase(path=path, digest="sha256:" + hashlib.sha256(path.read_bytes()).hexdigest())


def version(facts: HostFacts) -> str:
    """Return the package's version, which names the state of the host it was made from."""
    return f"1.{facts.fingerprint[:12]}"


def capabilities(facts: HostFacts) -> Iterator[str]:
    """Yield everything that the host provides, as it stands in a spec."""
    yield from _sonames(facts)
    yield "rtld(GNU_HASH)"
    yield from _programs()
    yield from _python(facts)
    yield from _development(facts)
    yield from (
        "filesystem",
        "setup",
        "shadow-utils",
        "tzdata",
        "glibc",
        "libgcc",
        "libstdc++",
        "glibc-common",
        "systemd-rpm-macros",
    )


def _older(left: Path, right: Path) -> bool:
    return left.stat().st_mtime < right.stat().st_mtime


def _sonames(facts: HostFacts) -> Iterator[str]:
    found = [*facts.libdir.glob("*.so*"), *Path("/usr/lib64").glob("ld-*.so*")]
    answer = subprocess.run(
        ["/usr/lib/rpm/elfdeps", "--provides"],
        input="".join(f"{path}\n" for path in sorted(set(found)) if _is_elf(path)),
        check=True,
        capture_output=True,
        text=True,
    )
    yield from sorted(line for line in set(answer.stdout.splitlines()) if line)


def _is_elf(path: Path) -> bool:
    """Whether it is a library and not, as libc.so, a text for the linker."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"\x7fELF"
    except OSError:
        return False


def _programs() -> Iterator[str]:
    for directory in ("bin", "sbin"):
        for path in sorted(Path("/usr", directory).iterdir()):
            if re.fullmatch(r"[\w.+\[-]+", path.name) and path.exists():
                yield f"/usr/{directory}/{path.name}"
                yield f"/{directory}/{path.name}"
    for command, package in _COMMANDS.items():
        program = shutil.which(command, path="/usr/bin:/usr/sbin")
        if program is None:
            continue
        number = installed_version(program, "-dumpfullversion" if command in ("gcc", "g++") else "--version")
        for name in (package, *_ALSO.get(command, ())):
            yield name if "(" in name else f"{name} = {number}"


def _python(facts: HostFacts) -> Iterator[str]:
    number = installed_version("/usr/bin/python3", "--version")
    yield f"python(abi) = {facts.python}"
    yield "python-srpm-macros"
    for name in ("python3", "python3-libs", f"python{facts.python}"):
        yield f"{name} = {number}"
    if Path(f"/usr/include/python{facts.python}/Python.h").exists():
        yield f"python3-devel = {number}"


def _development(facts: HostFacts) -> Iterator[str]:
    files = "\n".join(
        str(path)
        for directory in (facts.libdir / "pkgconfig", Path("/usr/share/pkgconfig"))
        if directory.is_dir()
        for path in sorted(directory.glob("*.pc"))
    )
    if shutil.which("pkg-config") and files:
        answer = subprocess.run(
            ["/usr/lib/rpm/pkgconfigdeps.sh", "--provides"], input=files, capture_output=True, text=True, check=False
        )
        yield from sorted({line.strip() for line in answer.stdout.splitlines() if line.startswith("pkgconfig(")})


def _build(scratch: Path, facts: HostFacts) -> Path:
    provides = "".join(f"Provides: {capability}\n" for capability in dict.fromkeys(capabilities(facts)))
    spec = scratch / "host-base.spec"
    spec.write_text(
        f"Name: host-base\nVersion: {version(facts)}\nRelease: {_RELEASE}\nSummary: What the build host provides\n"
        f"License: MIT\nBuildArch: noarch\nAutoReqProv: no\n{provides}\n"
        "%description\nGenerated from the host that builds run over. Has no files.\n\n%files\n"
    )
    options = {
        "_topdir": str(scratch), "_rpmdir": str(scratch), "_build_name_fmt": "%%{NAME}.rpm",
        "_dbpath": str(scratch / "db"), "_buildhost": "localhost", "use_source_date_epoch_as_buildtime": "1",
        "_binary_payload": "w1.gzdio", "__os_install_post": "%{nil}",
    }  # fmt: skip
    defines = [part for name, value in options.items() for part in ("--define", f"{name} {value}")]
    subprocess.run(
        ["rpmbuild", "-bb", "--quiet", *defines, str(spec)],
        check=True,
        capture_output=True,
        env={**os.environ, "SOURCE_DATE_EPOCH": "0", "HOME": str(scratch)},
    )
    return scratch / "host-base.rpm"

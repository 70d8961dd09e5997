"""Writes a chroot's configuration for mock out of a target.

A configuration of mock's is a Python program in which every text is a Jinja template besides, and a dnf.conf inside
that. What stands in a target may come from a pull request's repository: nothing is written that could mean more than
itself in any of the three.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.adapters.mock.settings import MockSettings
from bot.domain.target import Repository, RepositoryKind, Target
from bot.ports.errors import Misconfigured

_SUSPICIOUS = re.compile(r"\{[{%#]|[%#}]\}|[\x00-\x1f\x7f]")
_PATTERN = re.compile(r"[\w.+~^:*?\[\]-]+", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][\w.+-]*", re.ASCII)
_LINE = re.compile(r"[^\s{}]+")
_PACKAGE = re.compile(r"@?[^\s\"';,#{}\\]+")
_MAIN = """[main]
keepcache=1
system_cachedir=/var/cache/dnf
debuglevel=2
reposdir=/dev/null
logfile=/var/log/yum.log
retries=20
obsoletes=1
gpgcheck=0
assumeyes=1
install_weak_deps=0
metadata_expire=0
best=1
protected_packages=
"""
_ARCHES = {"i686": ("i686", "x86_64"), "noarch": ("x86_64", "aarch64", "ppc64le", "s390x", "riscv64")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chroot:
    """A configuration: `root` is its name, by which mock keeps what it caches, `text` what the file holds."""

    root: str
    text: str

    def write(self, directory: Path) -> Path:
        """Write it as a file that mock takes for a chroot's configuration."""
        path = directory / f"{self.root}.cfg"
        path.write_text(self.text)
        return path


def chroot(
    target: Target,
    settings: MockSettings,
    hidden: Sequence[str] = (),
    places: Sequence[str] | None = None,
    change: Repository | None = None,
) -> Chroot:
    """Return the configuration for a target; packages named in `hidden` are taken out of its repositories.

    `places` are other addresses of its repositories, in their order, that need no signature any more. `change` is a
    repository beside them. It stands here and not behind `--addrepo`, which knows no priorities (mockbuild/util.py,
    add_local_repo): dnf would give it the last one, and take what other repositories have in its place.
    Raises Misconfigured where the target cannot be written down so that it means what it says.
    """
    based_on = None if target.chroot is None else _checked(target.chroot, _NAME, target, "chroot")
    lines: list[str] = []
    if target.buildroot:
        packages = " ".join(_checked(name, _PACKAGE, target, "buildroot") for name in target.buildroot)
        lines.append(f"config_opts['chroot_setup_cmd'] = {f'install {packages}'!r}")
    if target.modules:
        modules = [_checked(name, _PACKAGE, target, "modules") for name in target.modules]
        lines.append(f"config_opts['module_enable'] = {modules!r}")
    if based_on is None:
        lines += _own(target)
    # What a change brings and hides, and where, does not count: all builds for a target share what dnf has fetched.
    identity = hashlib.sha256(repr((based_on, _dnf(target), *lines)).encode()).hexdigest()[:12]
    shown = target if places is None else replace(target, repositories=_moved(target.repositories, places))
    lines.append(f"config_opts['dnf.conf'] = {_dnf(shown, hidden, change)!r}")
    root = f"revdeps-{re.sub(r'[^a-z0-9]+', '-', target.name.lower()).strip('-')[:30]}-{identity}"
    own = (("root", root), ("basedir", str(settings.roots)), ("cache_topdir", str(settings.caches)))
    first = [f"include({f'{based_on}.cfg'!r})"] if based_on is not None else []
    return Chroot(root=root, text="\n".join([*first, *lines, *(f"config_opts[{k!r}] = {v!r}" for k, v in own), ""]))


def _moved(repositories: Sequence[Repository], places: Sequence[str]) -> tuple[Repository, ...]:
    return tuple(
        replace(repository, url=place, kind=RepositoryKind.BASEURL, koji=None, gpgkey=None)
        for repository, place in zip(repositories, places, strict=True)
    )


def _own(target: Target) -> list[str]:
    """What a chroot's configuration of mock's would bring."""
    arch = target.arch
    lines = [
        f"config_opts['target_arch'] = {_checked(arch, _PACKAGE, target, 'arch')!r}",
        f"config_opts['legal_host_arches'] = {_ARCHES.get(arch, (arch,))!r}",
    ]
    return lines if target.buildroot else [*lines, "config_opts['chroot_setup_cmd'] = 'install @buildsys-build'"]


def _dnf(target: Target, hidden: Sequence[str] = (), change: Repository | None = None) -> str:
    sections = [
        "\n".join([f"[revdeps-{number}]", *_repository(repository, target, hidden)])
        for number, repository in enumerate(target.repositories)
    ]
    if change is not None:
        sections.append("\n".join(["[revdeps-change]", *_repository(change, target, ())]))
    return "\n".join([_MAIN, *sections, ""])


def _repository(repository: Repository, target: Target, hidden: Sequence[str]) -> list[str]:
    kind, url = repository.kind.value, repository.url
    if repository.koji is not None:
        kind = RepositoryKind.BASEURL.value
        url = f"{repository.koji.topurl.rstrip('/')}/repos/{repository.koji.tag}/latest/{target.arch}/"
    excludes = [_checked(name, _PATTERN, target, "excludes") for name in (*repository.excludes, *hidden)]
    lines = [f"name={url}", f"{kind}={url}", "enabled=1", "gpgcheck=0", f"priority={repository.priority}"]
    lines.append("skip_if_unavailable=0")
    if repository.gpgkey is not None:
        lines += ["repo_gpgcheck=1", f"gpgkey={repository.gpgkey}"]
    if repository.module_hotfixes:
        lines.append("module_hotfixes=1")
    if excludes:
        lines.append(f"excludepkgs={','.join(excludes)}")
    for line in lines:
        _checked(line, _LINE, target, "repositories")
    return lines


def _checked(text: str, pattern: re.Pattern[str], target: Target, where: str) -> str:
    if pattern.fullmatch(text) and not _SUSPICIOUS.search(text):
        return text
    raise Misconfigured(
        f"targets.{target.name}.{where}",
        f"{text!r} cannot be said to mock",
        "Use an address or a name without braces, quotes and blanks.",
    )

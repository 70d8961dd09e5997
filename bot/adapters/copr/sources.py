"""How a Copr gets the source package of a build: it makes it from a commit, fetches it, or is sent it.

The change's own is made by a script on the Copr's builder (its source method "custom"): nothing of a pull request runs
here, and only a script can raise the release. What the script leaves in `result` is made into a source package there.
"""

import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from bot.adapters.copr.dist_gits import package_at
from bot.adapters.copr.settings import CoprSettings
from bot.adapters.jobs.failing import BuildFailed
from bot.adapters.jobs.history import needs_history
from bot.adapters.jobs.sources import spec_in_checkout
from bot.domain.build import SrpmSource, TreeSource
from bot.domain.config import SourceMethod
from bot.ports.errors import Misconfigured, Rejected

RESULT = "result"
SCRIPT_LENGTH = 4096
"""Characters of a script that Copr takes (coprs/forms.py, PackageFormCustom)."""
_GIT = re.compile(r"git\+(?P<url>https?://[^#]+)#(?P<commit>[0-9a-f]{7,64})")

Create = Callable[[Any], Any]
"""Asks the client for a build."""

_PACKAGES: Mapping[SourceMethod, str] = {
    SourceMethod.LOOKASIDE: "curl",
    SourceMethod.URLS: "curl",
    SourceMethod.ARCHIVE: "xz bzip2",
    SourceMethod.PACKIT: "packit",
}
_COPRS_OWN: Mapping[SourceMethod, str] = {
    SourceMethod.RPKG: "rpkg",
    # Its "tito" makes the last release that was tagged, in which the change is not.
    SourceMethod.TITO: "tito_test",
    SourceMethod.MAKE_SRPM: "make_srpm",
}
"""What Copr calls the methods that it has itself (copr_rpmbuild/providers/scm.py)."""
_FILES = """\
cp -R "$(dirname "$spec")"/. "$out"
rm -rf "$out/.git"
find "$out" -maxdepth 1 -name '*.spec' ! -name "$name" -delete
"""
_HISTORY = """\
rpmautospec process-distgit "$spec" "$out/$name"
sed -i -E 's/^(release[ \\t]*:[ \\t]*)%(autorelease[^}]*)$/\\1%{\\2}/I' "$out/$name"
"""
"""Without braces an option of the macro would take what is appended to the release."""
_STEPS: Mapping[SourceMethod, str] = {
    SourceMethod.LOOKASIDE: """\
sed -nE 's/^(\\S+) \\((.+)\\) = ([0-9a-f]+)$/\\1 \\2 \\3/p; s/^([0-9a-f]{32}) +(\\S+)$/MD5 \\2 \\1/p' "$out/sources" |
while read -r kind file sum; do
  kind=$(echo "$kind" | tr A-Z a-z)
  from=$(echo "$lookaside" | sed "s|{name}|${package:-${name%.spec}}|g; s|{filename}|$file|g
s|{hashtype}|$kind|g; s|{hash}|$sum|g")
  curl -fsSL --retry 3 -o "$out/$file" "$from"
  echo "$sum  $out/$file" | "${kind}sum" -c -
done
""",
    SourceMethod.URLS: """\
rpmspec -P "$out/$name" | sed -nE 's,^(source|patch)[0-9]*:[ \\t]*([^ \\t]+://[^ \\t]+).*,\\2,Ip' |
while read -r from; do
  curl -fsSL --retry 3 -o "$out/${from##*/}" "$from"
done
(cd "$out"; check)
""",
    SourceMethod.ARCHIVE: """\
prefix=$(rpmspec -q --srpm --qf '%{name}-%{version}' "$out/$name")
source=$(rpmspec -P "$out/$name" | sed -nE 's/^source0?:[ \\t]*(.*[^ \\t])[ \\t]*$/\\1/Ip' | head -n 1)
git -c tar.tar.xz.command='xz -c' -c tar.tar.bz2.command='bzip2 -c' \\
  archive --prefix="$prefix/" -o "$out/$(basename "$source")" HEAD
""",
    SourceMethod.COMMAND: """\
mkdir ../made
(RESULTDIR=$(cd ../made && pwd); export RESULTDIR; sh -euc "$command")
rpm -i --nodeps --nosignature --define "_sourcedir $out" --define "_specdir $out" ../made/*.src.rpm
""",
    SourceMethod.PACKIT: """\
git remote add origin "$url"
git config --global user.name revdeps
git config --global user.email revdeps@localhost
packit prepare-sources --no-update-release --no-create-symlinks --result-dir "$out"
rm -rf "$out/.git"
find "$out" -maxdepth 1 -name '*.spec' ! -name "$name" -delete
""",
}
_MADE_BY_TOOLS = frozenset({SourceMethod.COMMAND, SourceMethod.PACKIT})
"""Methods whose tools do the whole: files, release and changelog."""
_RELEASE = """\
if grep -qi '^release[[:blank:]]*:' "$out"/*.spec; then
  sed -i -E "0,/^release[ \\t]*:/I s/^(release[ \\t]*:[ \\t]*)(.*[^ \\t])[ \\t]*$/\\1\\2$suffix/I" "$out"/*.spec
  printf '\\n\\n%%global RELEASE 0\\n' | tee -a "$out"/*.spec
fi
"""
"""Raises the release, and keeps it out of the files that are built: see `bot.adapters.jobs.sources.with_suffix`."""


def script_of(source: TreeSource, clone_url: str) -> str:
    """Return the script that makes the sources of a change; raise Rejected where it is too long for a Copr."""
    package, with_history = source.package, _with_history(source)
    values = {
        "url": clone_url,
        "commit": source.commit,
        "spec": package.spec,
        "package": package.name or "",
        "suffix": source.release_suffix,
        "lookaside": package.lookaside or "",
        "command": package.command or "",
    }
    lines = ["#!/bin/sh -eu", *(f"{key}={shlex.quote(value)}" for key, value in values.items() if value)]
    if package.method is SourceMethod.URLS:
        lines += ["check() {", "  true", *(_check(name, checksum) for name, checksum in package.checksums), "}"]
    whole = with_history or package.method in _MADE_BY_TOOLS
    lines += [
        f'mkdir -p {RESULT}; out=$PWD/{RESULT}; name=$(basename "$spec")',
        "git init -q checkout; cd checkout",
        f'git fetch -q {"--tags" if whole else "--depth 1"} "$url" "$commit"',
        "git checkout -q FETCH_HEAD",
    ]
    files = "" if package.method in _MADE_BY_TOOLS else _FILES + (_HISTORY if with_history else "")
    steps = files + _STEPS.get(package.method, "") + (_RELEASE if source.release_suffix else "")
    script = "\n".join(lines) + "\n" + steps
    if len(script) > SCRIPT_LENGTH:
        raise Rejected(f"the source package of {package.name or package.spec} needs more words than a Copr takes")
    return script


def _with_history(source: TreeSource) -> bool:
    """Whether release and changelog are to be filled in from the history, as every backend does it."""
    if source.package.method in _MADE_BY_TOOLS:
        return False
    if source.package.method is SourceMethod.RPMAUTOSPEC:
        return True
    try:
        return needs_history(spec_in_checkout(source).read_text(errors="surrogateescape"))
    except (BuildFailed, OSError):
        return False  # what is wrong with it the script is told, and its log tells


def _check(name: str, checksum: str) -> str:
    algorithm, _, value = checksum.partition(":")
    return f"  echo {shlex.quote(f'{value}  {name}')} | {shlex.quote(algorithm)}sum -c -"


def clone_url(source: TreeSource, settings: CoprSettings) -> str | None:
    """Return where the Copr can fetch the change, None where it cannot."""
    return _address(source, source.repository, settings)


def _address(source: TreeSource, repository: str, settings: CoprSettings) -> str | None:
    pattern = settings.clone_urls.get(source.forge)
    return pattern.format(repository=repository) if pattern and source.commit else None


def from_tree(source: TreeSource, settings: CoprSettings, options: Mapping[str, Any]) -> Create:
    """Return the call that builds a change, having read its spec; raise Misconfigured where nobody said whence."""
    url = clone_url(source, settings)
    if url is None:
        raise Misconfigured(
            f"build system {settings.name}",
            f"the Copr does not know where to fetch changes of {source.forge or 'this forge'}",
            "Name the forge under `clone-urls`, or allow `upload`.",
        )
    if source.package.method in _COPRS_OWN:
        return _from_scm(source, settings, options)
    packages = ["git-core", "rpm-build", *_PACKAGES.get(source.package.method, "").split()]
    if source.package.method is SourceMethod.COMMAND:
        packages += settings.source_packages
    if _with_history(source):
        packages.append("rpmautospec")
    script = script_of(source, url)
    return lambda client: client.build_proxy.create_from_custom(
        script=script,
        script_chroot=settings.source_chroot,
        script_builddeps=" ".join(packages),
        script_resultdir=RESULT,
        **options,
    )


def _from_scm(source: TreeSource, settings: CoprSettings, options: Mapping[str, Any]) -> Create:
    """Let a method of the Copr's own make it. It clones, and a clone has a fork's commits only if it is the fork's."""
    package, spec = source.package, PurePosixPath(source.package.spec)
    url = _address(source, source.head_repository or source.repository, settings)
    at_top = package.method is SourceMethod.MAKE_SRPM or spec.parent == PurePosixPath()
    return lambda client: client.build_proxy.create_from_scm(
        clone_url=url,
        committish=source.commit,
        subdirectory="" if at_top else str(spec.parent),
        spec=str(spec) if at_top else spec.name,
        scm_type="git",
        source_build_method=_COPRS_OWN[package.method],
        **options,
    )


def from_srpm(source: SrpmSource, settings: CoprSettings, options: Mapping[str, Any]) -> Create:
    """Return the call that builds a source package that exists: an address, or `git+https://…#commit` of a dist-git.

    Raises Rejected for what a Copr cannot fetch, Misconfigured for a dist-git that the settings do not name.
    """
    found = _GIT.fullmatch(source.location)
    if found:
        return _from_dist_git(found["url"], found["commit"], settings, options)
    if urlsplit(source.location).scheme not in ("http", "https"):
        raise Rejected(f"a Copr cannot fetch {source.location}: it is neither an https: address nor in a dist-git")
    return lambda client: client.build_proxy.create_from_url(url=source.location, **options)


def _from_dist_git(url: str, commit: str, settings: CoprSettings, options: Mapping[str, Any]) -> Create:
    found = package_at(url, settings.dist_gits)
    if found is None:
        raise Misconfigured(
            f"build system {settings.name}",
            f"the Copr's name for the dist-git of {url} is not known",
            "Add its address under `dist_gits`.",
        )
    return lambda client: client.build_proxy.create_from_distgit(
        packagename=found.package, committish=commit, namespace=found.namespace, distgit=found.instance, **options
    )

"""Reads from a Koji hub, without logging in: a tag's repository, and the source packages that are tagged.

A tag has no source repository. What its source packages need for their builds is asked of the hub, kept for ever by
RPM id and payload hash (an NVRA may stand for several packages, drafts), and written as a small repository that is
loaded like any other.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.adapters.hawkey.access import write_whole
from bot.adapters.hawkey.architectures import ARCHITECTURES
from bot.adapters.hawkey.rpmmd_writer import Written, write_metadata
from bot.adapters.koji_hub.reading import reading
from bot.domain.target import KojiTag
from bot.ports.errors import Misconfigured

_BATCH = 100
"""Calls in one request."""
_SENSES = {2: "<", 4: ">", 8: "=", 10: "<=", 12: ">="}
_DYNAMIC = "rpmlib(DynamicBuildRequires)"


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRepository:
    """A repository that Koji made for a tag: its address, and the event as of which it shows the tag."""

    url: str
    event: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Needs:
    """What the hub says about a source package."""

    requires: tuple[str, ...]
    conflicts: tuple[str, ...] = ()
    exclusive: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


def latest_repository(tag: KojiTag, arch: str) -> TagRepository:
    """Return the latest repository of a tag, by its number and not by `latest`, which moves on.

    Raises Misconfigured where there is no such tag or no repository of it, Transient where the hub does not answer.
    """
    import koji

    with reading(tag) as session:
        found = session.getRepo(tag.tag)
    if not found:
        raise Misconfigured(
            f"{tag.hub} {tag.tag}", "the tag has no repository", "Name a tag that packages are built with."
        )
    path = koji.PathInfo(topdir=tag.topurl.rstrip("/")).repo(found["id"], tag.tag)
    return TagRepository(url=f"{path}/{koji.canonArch(arch)}", event=found["create_event"])


def read_sources(tag: KojiTag, event: int, cache: Path) -> str:
    """Write the tag's latest source packages as of an event as metadata, and return their digest.

    Raises Misconfigured where there is no such tag, Transient where the hub does not answer.
    """
    import koji

    with reading(tag) as session:
        rpms, builds = session.listTaggedRPMS(tag.tag, event=event, inherit=True, latest=True, arch=["src", "nosrc"])
        rpms.sort(key=lambda rpm: (rpm["name"], rpm["id"]))
        needs = _all_needs(session, rpms, cache / "koji" / hashlib.sha256(tag.hub.encode()).hexdigest()[:16])
    paths, by_id = koji.PathInfo(topdir=""), {build["build_id"]: build for build in builds}
    written, architectures = [], {}
    for rpm in rpms:
        known = needs[rpm["id"]]
        location = f"{paths.build(by_id[rpm['build_id']])}/{paths.rpm(rpm)}".lstrip("/")
        package = _written(rpm, known, location)
        written.append(package)
        if known.exclusive or known.excluded:
            architectures[package.name] = [known.exclusive, known.excluded]
    return write_metadata(cache, written, {ARCHITECTURES: json.dumps(architectures, indent=1, sort_keys=True)})


def _all_needs(session: Any, rpms: Sequence[Mapping[str, Any]], cache: Path) -> Mapping[int, _Needs]:
    """Return what each package needs, by its id: from the cache, or else from the hub, a batch at a time."""
    needs = {}
    unknown = []
    for rpm in rpms:
        kept = _read(_kept(cache, rpm))
        if kept is None:
            unknown.append(rpm)
        else:
            needs[rpm["id"]] = kept
    each = _BATCH // 2  # two calls for every package
    for start in range(0, len(unknown), each):
        for rpm, found, lasting in _ask(session, unknown[start : start + each]):
            needs[rpm["id"]] = found
            if lasting:
                write_whole(_kept(cache, rpm), json.dumps(_plain(found)))
    return needs


def _ask(session: Any, rpms: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], _Needs, bool]]:
    """Yield each package, what it needs, and whether that will always be so."""
    import koji

    with session.multicall(batch=_BATCH) as calls:
        asked = [
            (
                rpm,
                calls.getRPMDeps(rpm["id"], strict=True),
                calls.getRPMHeaders(rpmID=rpm["id"], headers=["EXCLUSIVEARCH", "EXCLUDEARCH"], strict=True),
            )
            for rpm in rpms
        ]
    for rpm, dependencies, headers in asked:
        try:
            yield rpm, _needs(dependencies.result, headers.result), True
        except koji.ServerOffline:
            raise
        except koji.GenericError as error:
            # Told as what the package lacks, so that it shows in the report instead of being left out.
            yield rpm, _Needs(requires=(f"source-package-in-koji({error})",)), False


def _needs(dependencies: Iterable[Mapping[str, Any]], headers: Mapping[str, Any]) -> _Needs:
    import koji

    texts: dict[int, list[str]] = {koji.DEP_REQUIRE: [], koji.DEP_CONFLICT: []}
    for dependency in dependencies:
        text = _capability(dependency)
        if dependency["type"] in texts and (not text.startswith("rpmlib(") or text.startswith(_DYNAMIC)):
            texts[dependency["type"]].append(text)
    return _Needs(
        requires=tuple(texts[koji.DEP_REQUIRE]),
        conflicts=tuple(texts[koji.DEP_CONFLICT]),
        exclusive=tuple(headers.get("EXCLUSIVEARCH") or ()),
        excluded=tuple(headers.get("EXCLUDEARCH") or ()),
    )


def _capability(dependency: Mapping[str, Any]) -> str:
    operator = _SENSES.get(dependency["flags"] & 14)
    version = dependency["version"]
    return f"{dependency['name']} {operator} {version}" if operator and version else str(dependency["name"])


def _written(rpm: Mapping[str, Any], needs: _Needs, location: str) -> Written:
    payload = rpm["payloadhash"] or hashlib.md5(str(rpm["id"]).encode(), usedforsecurity=False).hexdigest()
    return Written(
        name=rpm["name"],
        epoch=rpm["epoch"] or 0,
        version=rpm["version"],
        release=rpm["release"],
        arch=rpm["arch"],
        checksum=f"md5:{payload}",
        location=location,
        requires=needs.requires,
        conflicts=needs.conflicts,
    )


def _kept(cache: Path, rpm: Mapping[str, Any]) -> Path:
    return cache / str(rpm["id"] // 1000) / f"{rpm['id']}-{rpm['payloadhash']}.json"


def _plain(needs: _Needs) -> list[tuple[str, ...]]:
    return [needs.requires, needs.conflicts, needs.exclusive, needs.excluded]


def _read(path: Path) -> _Needs | None:
    try:
        requires, conflicts, exclusive, excluded = map(tuple, json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError):
        return None
    return _Needs(requires=requires, conflicts=conflicts, exclusive=exclusive, excluded=excluded)

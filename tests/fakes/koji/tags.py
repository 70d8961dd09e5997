# ruff: noqa: N802, N803, A002 - the names are Koji's
"""Tags, side tags, targets, and which builds are in them."""

import fnmatch
from typing import Any

import koji
from tests.fakes.koji.auth import Sessions
from tests.fakes.koji.model import Build, Listing, Tag, Target
from tests.fakes.koji.policies import Policies
from tests.fakes.koji.values import must_be, queried, text
from tests.fakes.koji.world import World


class TagExports:
    """`suffixes` are those that an operator allows for side tags."""

    def __init__(self, world: World, sessions: Sessions, policies: Policies, suffixes: tuple[str, ...] = ()) -> None:
        self._world = world
        self._sessions = sessions
        self._policies = policies
        self._suffixes = suffixes

    def getTag(
        self, tagInfo: Any, strict: bool = False, event: int | None = None, blocked: bool = False
    ) -> dict[str, Any] | None:
        """A tag. Read in kojihub/kojihub.py, get_tag (Koji 1.35.3)."""
        assert not blocked, "blocked extra data are not modelled"
        found = self._world.tag(tagInfo, strict=strict, event=event)
        return None if found is None else _tag(found, event)

    def getBuildConfig(self, tag: Any, event: int | None = None) -> dict[str, Any]:
        """A tag with what it inherits. Read in kojihub/kojihub.py, RootExports.getBuildConfig (Koji 1.35.3)."""
        found = self._world.tag(tag, event=event)
        assert found is not None
        extra: dict[str, Any] = {}
        origins: dict[str, dict[str, Any]] = {}
        for each in self._world.inheritance(found):
            for key, value in _extra(each, event).items():
                if key not in extra:
                    extra[key] = value
                    origins |= {key: {"id": each.id, "name": each.name}} if each is not found else {}
        return _tag(found, event) | {"extra": extra, "config_inheritance": {"extra": origins, "arches": None}}

    def getFullInheritance(self, tag: Any, event: int | None = None, reverse: bool = False) -> list[dict[str, Any]]:
        """What a tag inherits from, nearest first. Read in kojihub/kojihub.py, readFullInheritance (Koji 1.35.3)."""
        assert event is None, "past inheritance is not modelled"
        assert not reverse, "heirs are not modelled"
        first = self._world.tag(tag)
        assert first is not None
        return [
            {"parent_id": each.id, "name": each.name, "currdepth": depth, "child_id": first.id}
            for depth, each in enumerate(self._world.inheritance(first))
            if depth
        ]

    def tagLastChangeEvent(self, tag: Any, before: int | None = None, inherit: bool = True) -> int:
        """The last event that changed a tag. Read in kojihub/kojihub.py, tag_last_change_event (Koji 1.35.3)."""
        assert before is None, "changes before an event are not modelled"
        assert inherit, "changes without inheritance are not modelled"
        found = self._world.tag(tag, strict=False) or self._world.tag(tag, event=1)
        assert found is not None
        return self._world.last_change(found)

    def getBuildTarget(self, info: Any, event: int | None = None, strict: bool = False) -> dict[str, Any] | None:
        """A target. Read in kojihub/kojihub.py, get_build_target (Koji 1.35.3)."""
        assert event is None, "past targets are not modelled"
        found = self._world.target(info)
        if found is None and strict:
            raise koji.GenericError(f"No such build target: {info}")
        return None if found is None else self._target(found)

    def getBuildTargets(
        self, info: Any = None, event: int | None = None, buildTagID: Any = None, destTagID: Any = None,
        queryOpts: dict[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        """Targets. Read in kojihub/kojihub.py, get_build_targets (Koji 1.35.3)."""
        assert event is None, "past targets are not modelled"
        chosen = [self._world.target(info)] if info else list(self._world.targets.values())
        for field, wanted in (("build_tag", buildTagID), ("dest_tag", destTagID)):
            if wanted is not None:
                tag = self._world.tag(wanted)
                chosen = [each for each in chosen if each and tag and getattr(each, field) == tag.id]
        return queried((self._target(each) for each in chosen if each), queryOpts)

    def _target(self, target: Target) -> dict[str, Any]:
        return {
            "id": target.id, "name": target.name, "build_tag": target.build_tag, "dest_tag": target.dest_tag,
            "build_tag_name": self._world.tags[target.build_tag].name,
            "dest_tag_name": self._world.tags[target.dest_tag].name,
        }  # fmt: skip

    def listTagged(
        self, tag: Any, event: int | None = None, inherit: bool = False, prefix: str | None = None,
        latest: int | bool = False, package: str | None = None, owner: str | None = None, type: str | None = None,
        strict: bool = True, extra: bool = False, draft: bool | None = None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Builds in a tag. Read in kojihub/kojihub.py, RootExports.listTagged and readTaggedBuilds (Koji 1.35.3)."""
        assert type is None, "types of builds are not modelled"
        found = self._world.tag(tag, strict=strict, event=event)
        if found is None:
            return []
        rows = []
        # filters narrow what `latest` counts: the newest that fits, not the newest if it fits
        for where, listing in self._world.tagged(found, event=event, inherit=inherit, package=package):
            build = listing.build
            fits = owner in (None, build.owner.name) and draft in (None, build.draft)
            if fits and build.name.lower().startswith((prefix or "").lower()):
                rows.append(_tagged(where, listing) | ({"extra": build.extra} if extra else {}))
        return _latest(rows, latest)

    def getLatestBuilds(
        self, tag: Any, event: int | None = None, package: str | None = None, type: str | None = None,
        draft: bool | None = None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """The newest build of each package. Read in kojihub/kojihub.py, RootExports.getLatestBuilds (Koji 1.35.3)."""
        return self.listTagged(tag, event=event, inherit=True, latest=True, package=package, type=type, draft=draft)

    def tagBuild(self, tag: Any, build: Any, force: bool = False, fromtag: Any = None) -> int:
        """Make a task that tags a build. Read in kojihub/kojihub.py, RootExports.tagBuild (Koji 1.35.3)."""
        assert fromtag is None, "moving builds is not modelled"
        user = self._sessions.user()
        where, what = self._world.tag(tag), self._world.build(build, strict=True)
        assert where is not None
        assert what is not None
        self._policies.demand(
            "tag", {"user_id": user.id, "tag": where.id, "build": what.id, "operation": "tag", "draft": what.draft}
        )
        if self._world.package_listed(where, what.name) is None:
            raise koji.TagError(f"Package {what.name} not in list for {where.name}")
        task = self._world.add_task("tagBuild", [where.id, what.id, force, None, False, True], user, "default")
        self._sessions.changed()
        return task.id

    def untagBuild(self, tag: Any, build: Any, strict: bool = True, force: bool = False) -> None:
        """Take a build out of a tag. Read in kojihub/kojihub.py, RootExports.untagBuild (Koji 1.35.3)."""
        assert not force, "forcing is not modelled"
        user = self._sessions.user()
        where, what = self._world.tag(tag), self._world.build(build, strict=True)
        assert where is not None
        assert what is not None
        self._policies.demand(
            "tag",
            {
                "user_id": user.id, "tag": None, "fromtag": where.id, "build": what.id, "operation": "untag",
                "draft": what.draft,
            },
        )  # fmt: skip
        held = [one for one in where.listings.get(what.name, ()) if one.build is what and one.holds(None)]
        if not held and strict:
            raise koji.TagError(f"build {what.nvr} not in tag {where.name}")
        for listing in held:
            listing.revoked = self._world.changed(where)
        self._sessions.changed()

    # The side tag plug-in.

    def createSideTag(self, basetag: Any, debuginfo: bool = False, suffix: str | None = None) -> dict[str, Any]:
        """Make a side tag and its target. Read in plugins/hub/sidetag_hub.py, createSideTag (Koji 1.35.3)."""
        if suffix and suffix not in self._suffixes:
            raise koji.GenericError(f"{suffix} suffix is not allowed for sidetag")
        user = self._sessions.user()
        base = self._world.tag(basetag)
        assert base is not None
        count = sum(each.extra.get("sidetag_user_id") == user.id for each in self._world.tags_by_name.values())
        self._policies.demand("sidetag", {"user_id": user.id, "tag": base.id, "number_of_tags": count})
        self._world.id("tag")  # the real hub wastes a number to know the next one
        extra = {"sidetag": True, "sidetag_user": user.name, "sidetag_user_id": user.id}
        tag = self._world.add_tag("", base.arches, base, **extra, **({"with_debuginfo": True} if debuginfo else {}))
        del self._world.tags_by_name[""]
        tag.name = f"{base.name}-side-{tag.id}" + (f"-{suffix}" if suffix else "")
        self._world.tags_by_name[tag.name] = tag
        self._world.add_target(tag.name, tag, tag)
        self._sessions.changed()
        return {"name": tag.name, "id": tag.id, "task_id": None, "request": None}

    def removeSideTag(self, sidetag: Any) -> None:
        """Remove a side tag and its target. Read in plugins/hub/sidetag_hub.py, removeSideTag (Koji 1.35.3)."""
        tag = self._own(sidetag)
        target = self._world.target(tag.name)
        if target is None:
            raise koji.GenericError("Target is missing for sidetag")
        if {target.build_tag, target.dest_tag} != {tag.id}:
            raise koji.GenericError("Target does not match sidetag")
        self._world.delete_tag(tag)
        self._sessions.changed()

    def _own(self, sidetag: Any) -> Tag:
        user = self._sessions.user()
        tag = self._world.tag(sidetag)
        assert tag is not None
        if not tag.extra.get("sidetag"):
            raise koji.GenericError(f"Not a sidetag: {tag.name}")
        if tag.extra.get("sidetag_user_id") != user.id and not self._sessions.has("admin"):
            raise koji.ActionNotAllowed("This is not your sidetag")
        return tag

    def listSideTags(self, basetag: Any = None, user: Any = None, queryOpts: dict[str, Any] | None = None) -> Any:
        """Side tags. Read in plugins/hub/sidetag_hub.py, listSideTags (Koji 1.35.3). The user's id is a text."""
        owner = None if user is None else self._world.user(user)
        base = None if basetag is None else self._world.tag(basetag)
        rows = [
            {"id": tag.id, "name": tag.name, "user_id": str(tag.extra["sidetag_user_id"]),
             "user_name": tag.extra["sidetag_user"]}
            for tag in self._world.tags_by_name.values()
            if tag.extra.get("sidetag")
            and (owner is None or tag.extra["sidetag_user_id"] == owner.id)
            and (base is None or base.id in tag.parents)
        ]  # fmt: skip
        return queried(rows, queryOpts)

    def editSideTag(
        self, sidetag: Any, debuginfo: bool | None = None, rpm_macros: dict[str, str] | None = None,
        remove_rpm_macros: list[str] | None = None, extra: dict[str, Any] | None = None,
        remove_extra: list[str] | None = None,
    ) -> None:  # fmt: skip
        """Change what a parent lets its side tags change. Read in plugins/hub/sidetag_hub.py, editSideTag (1.35.3)."""
        tag = self._own(sidetag)
        if (extra is not None or remove_extra is not None) and not (
            self._sessions.has("sidetag_admin") or self._sessions.has("admin")
        ):
            raise koji.GenericError("Extra can be modified only with sidetag_admin or admin permissions.")
        parent = self._world.tags[tag.parents[0]]
        if debuginfo is not None and not parent.extra.get("sidetag_debuginfo_allowed"):
            raise koji.GenericError("Debuginfo setting is not allowed in parent tag.")
        allowed = parent.extra.get("sidetag_rpm_macros_allowed") or []
        allowed = allowed.split() if isinstance(allowed, str) else allowed
        if (rpm_macros or remove_rpm_macros) and not allowed:
            raise koji.GenericError("RPM macros change is not allowed in parent tag.")
        added = dict(extra or {})
        if debuginfo is not None:
            added["with_debuginfo"] = bool(debuginfo)
        if rpm_macros is not None:
            must_be(rpm_macros, dict)
        for macro in [*(rpm_macros or {}), *(remove_rpm_macros or [])]:
            if not any(fnmatch.fnmatch(macro, pattern) for pattern in allowed):
                raise koji.GenericError(f"RPM macro {macro} editing is not allowed via parent tag")
        added |= {f"rpm.macro.{macro}": value for macro, value in (rpm_macros or {}).items()}
        gone = {*(remove_extra or []), *(f"rpm.macro.{macro}" for macro in remove_rpm_macros or [])}
        self._world.set_extra(tag, {key: value for key, value in tag.extra.items() if key not in gone} | added)
        self._sessions.changed()


def _tag(tag: Tag, event: int | None) -> dict[str, Any]:
    row = {
        "id": tag.id, "name": tag.name, "perm_id": None, "perm": None, "arches": tag.arches, "locked": tag.locked,
        "maven_support": False, "maven_include_all": False, "extra": _extra(tag, event),
    }  # fmt: skip
    return row if event is None else row | {"query_event": event}


def _extra(tag: Tag, event: int | None) -> dict[str, Any]:
    """A tag's own settings, now or at an event."""
    later = [former for until, former in tag.former if event is not None and until > event]
    return dict(later[0] if later else tag.extra)


def _tagged(tag: Tag, listing: Listing) -> dict[str, Any]:
    build = listing.build
    shown = build_row(build)
    for name in ("source", "extra", "cg_id", "cg_name", "creation_ts", "start_ts", "completion_ts", "promotion_ts"):
        del shown[name]
    return shown | {"tag_id": tag.id, "tag_name": tag.name, "create_event": listing.event}


def _latest(rows: list[dict[str, Any]], latest: int | bool) -> list[dict[str, Any]]:
    if not latest:
        return rows
    seen: dict[str, int] = {}
    kept = []
    for row in rows:
        seen[row["name"]] = seen.get(row["name"], 0) + 1
        if seen[row["name"]] <= (1 if latest is True else int(latest)):
            kept.append(row)
    return kept


def build_row(build: Build) -> dict[str, Any]:
    """A build as the hub shows it. Read in kojihub/kojihub.py, get_build (Koji 1.35.3)."""
    return {
        "id": build.id, "build_id": build.id, "package_id": build.package_id, "package_name": build.name,
        "name": build.name, "version": build.version, "release": build.release, "epoch": build.epoch,
        "nvr": build.nvr, "draft": build.draft, "state": build.state, "task_id": build.task_id,
        "owner_id": build.owner.id, "owner_name": build.owner.name, "volume_id": 0, "volume_name": "DEFAULT",
        "creation_event_id": build.event, "creation_time": text(build.created), "creation_ts": build.created,
        "start_time": text(build.started), "start_ts": build.started, "completion_time": text(build.completed),
        "completion_ts": build.completed, "promotion_time": None, "promotion_ts": None, "promoter_id": None,
        "promoter_name": None, "source": build.source, "extra": build.extra, "cg_id": None, "cg_name": None,
    }  # fmt: skip

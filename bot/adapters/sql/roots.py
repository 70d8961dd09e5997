"""What was in the roots of builds, kept as differences from whole sets.

A set is kept once, under the digest of its packages. A root refers to one and says what it has more and less, so that
reading one takes a single step. It refers to a set that an earlier root of the same package on the same target refers
to, where that is near enough, and else to one of its own.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.sql import tables
from bot.adapters.sql.codec import decode
from bot.adapters.sql.statements import add, batches, upsert
from bot.domain.build import Purpose
from bot.domain.ids import BuildKey, ChangeId
from bot.domain.run import RunTarget
from bot.domain.target import Target
from bot.ports.stored_builds import GoodBuild

NEAR = 4
"""A difference that is larger than this fraction (one in `NEAR`) of the root is not worth its while."""

_CANDIDATES = 3
"""Sets of earlier roots that a new one is held against, the newest first."""
_LOOKED_AT = 100
"""Good builds among which one on the very same target is looked for."""

_build, _root, _set = tables.build, tables.root, tables.package_set


def _earlier_sets() -> sa.Select[Any]:
    """Return the query for the sets to which the newest roots of builds' packages on their targets refer."""
    these, earlier = _build.alias("these"), _build.alias("earlier")
    same = sa.and_(
        earlier.c.package == these.c.package, earlier.c.target == these.c.target, earlier.c.key != these.c.key
    )
    newest_first = (sa.func.max(earlier.c.ended_at).desc(), _root.c.base)
    ranked = (
        sa.select(
            these.c.key,
            _root.c.base,
            sa.func.row_number().over(partition_by=these.c.key, order_by=newest_first).label("place"),
        )
        .join(earlier, same)
        .join(_root, _root.c.build == earlier.c.key)
        .where(these.c.key.in_(sa.bindparam("of", expanding=True)))
        .group_by(these.c.key, _root.c.base)
        .subquery("ranked")
    )
    return sa.select(ranked.c.key, ranked.c.base).where(ranked.c.place <= _CANDIDATES)


_EARLIER_SETS = _earlier_sets()
"""Made once: making it costs more than executing it."""
_SETS = sa.select(_set.c.digest, _set.c.packages).where(_set.c.digest.in_(sa.bindparam("digests", expanding=True)))


@dataclass(frozen=True, slots=True)
class SqlRoots:
    """`bot.ports.store.Roots` within one transaction."""

    connection: AsyncConnection

    async def put(self, roots: Mapping[BuildKey, Collection[str]]) -> None:
        """Keep what was in the roots of stored builds; again replaces it."""
        earlier = await self._sets_of_earlier_roots(list(roots)) if roots else {}
        fresh: dict[str, frozenset[str]] = {}
        rows = []
        for build, packages in roots.items():
            root = frozenset(packages)
            digest = _nearest(earlier.get(build, {}), root)
            base = earlier[build][digest] if digest else root
            if not digest:
                digest = hashlib.sha256("\n".join(sorted(root)).encode()).hexdigest()
                fresh[digest] = root
            rows.append({"build": build, "base": digest, "added": sorted(root - base), "dropped": sorted(base - root)})
        await add(self.connection, _set, [{"digest": key, "packages": sorted(root)} for key, root in fresh.items()])
        await upsert(self.connection, _root, rows)

    async def prune(self) -> int:
        """Remove the sets to which no root refers any more; return how many."""
        if self.connection.dialect.name == "postgresql":
            # A set that a root is just about to refer to is not seen: whoever adds sets has to wait.
            await self.connection.execute(sa.text("LOCK TABLE package_set IN SHARE ROW EXCLUSIVE MODE"))
        unused = ~sa.exists().where(_root.c.base == _set.c.digest)
        return (await self.connection.execute(sa.delete(_set).where(unused))).rowcount

    async def get(self, builds: Collection[BuildKey]) -> Mapping[BuildKey, tuple[str, ...]]:
        """Return what was in the roots of those builds of which it is known, sorted."""
        found: dict[BuildKey, tuple[str, ...]] = {}
        for some in batches(builds):
            query = sa.select(_root.c.build, _set.c.packages, _root.c.added, _root.c.dropped)
            query = query.join(_set, _set.c.digest == _root.c.base).where(_root.c.build.in_(some))
            for key, *texts in await self.connection.execute(query):
                base, added, dropped = (frozenset(json.loads(text)) for text in texts)
                found[key] = tuple(sorted((base | added) - dropped))
        return found

    async def last_good(self, package: str, target: Target, change: ChangeId) -> GoodBuild | None:
        """Return the newest good build of a package on a target of which the root is known.

        It is a baseline, whoever asked for it, or a build of one of the change's own runs.
        """
        own = sa.select(tables.run.c.id).where(tables.run.c.change == change)
        asked = sa.func.coalesce(_build.c.run, tables.subscription.c.run)
        query = (
            sa.select(_build.c.key, _build.c.ended_at, _build.c.purpose, tables.run_target.c.value)
            .join(_root, _root.c.build == _build.c.key)
            .join(tables.subscription, tables.subscription.c.baseline == _build.c.key, isouter=True)
            .join(
                tables.run_target, sa.and_(tables.run_target.c.run == asked, tables.run_target.c.target == target.name)
            )
            .where(_build.c.package == package, _build.c.target == target.name, _build.c.outcome == "SUCCEEDED")
            # With one of several changes alone, which may be another pull request's.
            .where(_build.c.purpose != Purpose.BLAME)
            .where(sa.or_(_build.c.run.is_(None), _build.c.run.in_(own)))
            .order_by(_build.c.ended_at.desc(), _build.c.key)
            .limit(_LOOKED_AT)
        )
        for row in await self.connection.execute(query):
            # Two repositories may call two different targets by one name.
            if decode(RunTarget, row.value).target == target:
                with_change = row.purpose is not Purpose.BASELINE
                return GoodBuild(key=BuildKey(row.key), ended_at=row.ended_at, with_change=with_change)
        return None

    async def _sets_of_earlier_roots(
        self, builds: Sequence[BuildKey]
    ) -> Mapping[BuildKey, Mapping[str, frozenset[str]]]:
        found: defaultdict[BuildKey, list[str]] = defaultdict(list)
        sets: dict[str, frozenset[str]] = {}
        for some in batches(builds):
            for row in await self.connection.execute(_EARLIER_SETS, {"of": some}):
                found[BuildKey(row.key)].append(row.base)
        for digests in batches({base for bases in found.values() for base in bases}):
            rows = await self.connection.execute(_SETS, {"digests": digests})
            sets |= {row.digest: frozenset(json.loads(row.packages)) for row in rows}
        return {build: {base: sets[base] for base in bases} for build, bases in found.items()}


def _nearest(candidates: Mapping[str, frozenset[str]], root: frozenset[str]) -> str:
    """Return the set of an earlier root from which this one differs least; empty where all are too far away."""
    best = min(candidates, key=lambda digest: (len(candidates[digest] ^ root), digest), default="")
    return best if best and len(candidates[best] ^ root) * NEAR <= len(root) else ""

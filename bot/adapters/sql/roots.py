"""What was in the roots of builds, kept as differences from whole sets.

A set is kept once, under the digest of its packages. A root refers to one and says what it has more and less, so that
reading one takes a single step. It refers to a set that an earlier root of the same package on the same target refers
to, where that is near enough, and else to one of its own.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.sql import tables
from bot.adapters.sql.codec import decode
from bot.adapters.sql.statements import add, batches, upsert
from bot.domain.build import Purpose
from bot.domain.ids import BuildKey, ChangeId
from bot.domain.run import RunTarget
from bot.domain.target import Target
from bot.ports.store import GoodBuild

NEAR = 4
"""A difference that is larger than this fraction (one in `NEAR`) of the root is not worth its while."""

_CANDIDATES = 3
"""Sets of earlier roots that a new one is held against, the newest first."""
_LOOKED_AT = 100
"""Good builds among which one on the very same target is looked for."""

_build, _root, _set = tables.build, tables.root, tables.package_set


def _earlier_sets() -> sa.Select[tuple[str, str]]:
    """Return the query for the sets to which the newest roots of a build's package on its target refer."""
    of: sa.BindParameter[str] = sa.bindparam("of", type_=sa.Text)
    this = sa.select(_build.c.package, _build.c.target).where(_build.c.key == of).subquery()
    same = sa.and_(_build.c.package == this.c.package, _build.c.target == this.c.target)
    newest = (
        sa.select(_root.c.base)
        .join(_build, _build.c.key == _root.c.build)
        .join(this, same)
        .where(_build.c.key != of)
        .group_by(_root.c.base)
        .order_by(sa.func.max(_build.c.ended_at).desc())
        .limit(_CANDIDATES)
    )
    return sa.select(_set.c.digest, _set.c.packages).where(_set.c.digest.in_(newest))


_EARLIER_SETS = _earlier_sets()
"""Made once: making it costs more than executing it."""


@dataclass(frozen=True, slots=True)
class SqlRoots:
    """`bot.ports.store.Roots` within one transaction."""

    connection: AsyncConnection

    async def put(self, build: BuildKey, packages: Collection[str]) -> None:
        """Keep what was in a stored build's root; again replaces it."""
        root = frozenset(packages)
        digest, base = await self._nearest(build, root)
        if base is None:
            base = root
            digest = hashlib.sha256("\n".join(sorted(root)).encode()).hexdigest()
            await add(self.connection, _set, [{"digest": digest, "packages": sorted(root)}])
        row = {"build": build, "base": digest, "added": sorted(root - base), "dropped": sorted(base - root)}
        await upsert(self.connection, _root, [row])

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

    async def _nearest(self, build: BuildKey, root: frozenset[str]) -> tuple[str, frozenset[str] | None]:
        """Return the set of an earlier root from which this one differs least; None where all are too far away."""
        candidates = await self._sets_of_earlier_roots(build)
        best = min(candidates, key=lambda digest: (len(candidates[digest] ^ root), digest), default="")
        if not best or len(candidates[best] ^ root) * NEAR > len(root):
            return "", None
        return best, candidates[best]

    async def _sets_of_earlier_roots(self, build: BuildKey) -> Mapping[str, frozenset[str]]:
        rows = await self.connection.execute(_EARLIER_SETS, {"of": build})
        return {row.digest: frozenset(json.loads(row.packages)) for row in rows}

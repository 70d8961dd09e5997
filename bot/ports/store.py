"""What the engine needs of a database. `tests/contract/test_store.py` is its meaning, on SQLite and PostgreSQL.

Values go in and come out whole. A transaction is short and holds no network call. One that is opened under a lease
raises `LeaseLost` before its first statement where the lease has passed to somebody else, and holds it off until the
commit otherwise, so that everything in it is conditional on the fencing token.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.difference import RootDifference
from bot.domain.ids import ChangeId, RunId, SnapshotId
from bot.domain.intents import ReceivedDelivery, StoredIntent
from bot.domain.plan import PlanEntry
from bot.domain.publication import Published
from bot.domain.run import Change, ChangeRef, RepoRef, Run, RunTarget
from bot.domain.verdict import Finding, Waiver
from bot.ports.errors import RevdepsError
from bot.ports.stored_builds import Builds, Roots


class LeaseLost(RevdepsError):
    """Somebody else holds the lease now; whatever was being done is theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to work on `subject` until `until`. `fence` rises with every lease of the same subject.

    `subject` is a change's id, or `poller:<backend>`, or `resync`.
    """

    subject: str
    owner: str
    fence: int
    until: datetime
    failures: int = 0
    """How many times in a row the work failed; reset by a release without failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """Somebody asked for something and was answered: `allowed` and why."""

    at: datetime
    change: ChangeId
    actor: str
    action: str
    allowed: bool
    answer: str
    source: str
    """`comment:<id>` or `button:<identifier>` or `rerun`."""


class Deliveries(Protocol):
    """Webhook deliveries, each processed once."""

    async def record(self, deliveries: Sequence[ReceivedDelivery]) -> int:
        """Store deliveries that are new, with their intents, and wake the changes these are about; return how many of
        those that ask for something were new. Changes that were never heard of get a row. Intents about no single
        change are kept for resync.
        """
        ...

    async def prune(self, before: datetime) -> int:
        """Forget deliveries received before that time; return how many."""
        ...


class Intents(Protocol):
    """What was asked for and is not done yet."""

    async def of_change(self, change: ChangeId) -> Sequence[StoredIntent]:
        """Return the pending intents about a change, oldest first."""
        ...

    async def unassigned(self) -> Sequence[StoredIntent]:
        """Return the pending intents about no known change, oldest first."""
        ...

    async def done(self, ids: Collection[int]) -> None:
        """Remove intents that have been acted upon."""
        ...

    async def assign(self, intent: int, change: ChangeId) -> None:
        """Tie an intent to a change, once it is known which it is about."""
        ...


class Changes(Protocol):
    """Pull requests."""

    async def get(self, change: ChangeId) -> Change | None:
        """Return a change."""
        ...

    async def put(self, change: Change) -> None:
        """Insert or replace a change; its lease columns are not touched."""
        ...

    async def touch(self, change: ChangeRef, at: datetime) -> None:
        """Mark a change as stale (making its row where there is none) and make it due at that time, or sooner."""
        ...

    async def wake(self, changes: Collection[ChangeId], at: datetime) -> None:
        """Make changes due at that time, or sooner if they already are."""
        ...

    async def open_in(self, repo: RepoRef) -> Sequence[Change]:
        """Return the changes of a repository that were open when last seen."""
        ...

    async def with_head(self, repo: RepoRef, sha: str) -> Sequence[Change]:
        """Return the changes of a repository that have, or had in a run, this head commit; newest first."""
        ...


class Runs(Protocol):
    """Runs with their targets, plans and findings."""

    async def put(self, run: Run) -> None:
        """Insert or replace a run."""
        ...

    async def get(self, run: RunId) -> Run | None:
        """Return a run."""
        ...

    async def several(self, runs: Collection[RunId]) -> Mapping[RunId, Run]:
        """Return those of the runs that exist."""
        ...

    async def of_change(self, change: ChangeId) -> Sequence[Run]:
        """Return a change's runs, newest (highest sequence) first."""
        ...

    async def joined(self, change: ChangeId) -> Sequence[ChangeId]:
        """Return the open changes that have a run with this one as a companion: what becomes of it concerns them."""
        ...

    async def recent(self, limit: int) -> Sequence[Run]:
        """Return the newest runs of all changes."""
        ...

    async def put_target(self, target: RunTarget) -> None:
        """Insert or replace a run's target."""
        ...

    async def targets(self, run: RunId) -> Sequence[RunTarget]:
        """Return a run's targets, by name."""
        ...

    async def snapshots(self, since: datetime) -> frozenset[SnapshotId]:
        """Return what runs have pinned that are not finished, or were finished at that time or later."""
        ...

    async def put_entries(self, entries: Sequence[PlanEntry]) -> None:
        """Insert or replace entries, by run, target and package."""
        ...

    async def entries(self, run: RunId) -> Sequence[PlanEntry]:
        """Return a run's plan, by target and package."""
        ...

    async def put_findings(self, findings: Sequence[Finding]) -> None:
        """Insert or replace findings, by run, target and package."""
        ...

    async def findings(self, run: RunId) -> Sequence[Finding]:
        """Return a run's findings, by target and package."""
        ...

    async def put_differences(self, differences: Sequence[RootDifference]) -> None:
        """Insert or replace what differs in the roots of failed builds, by run, target and package."""
        ...

    async def differences(self, run: RunId) -> Sequence[RootDifference]:
        """Return what differs in the roots of a run's failed builds, by target and package."""
        ...


class Reports(Protocol):
    """What was published, by scope and name."""

    async def get(self, scope: str) -> Sequence[Published]:
        """Return everything published under a scope."""
        ...

    async def put(self, published: Published) -> None:
        """Insert or replace, by scope and name."""
        ...


class Waivers(Protocol):
    """Who took the responsibility for which package's failure, for a change."""

    async def put(self, change: ChangeId, package: str, waiver: Waiver | None) -> None:
        """Set a waiver; None lifts it."""
        ...

    async def of_change(self, change: ChangeId) -> Mapping[str, Waiver]:
        """Return the waivers of a change by package."""
        ...


class Audit(Protocol):
    """Who asked for what; append-only."""

    async def add(self, record: AuditRecord) -> None:
        """Append a record."""
        ...

    async def of_change(self, change: ChangeId) -> Sequence[AuditRecord]:
        """Return a change's records, oldest first."""
        ...


class Transaction(Protocol):
    """All repositories within one transaction."""

    @property
    def deliveries(self) -> Deliveries:
        """Webhook deliveries."""
        ...

    @property
    def intents(self) -> Intents:
        """What was asked for."""
        ...

    @property
    def changes(self) -> Changes:
        """Pull requests."""
        ...

    @property
    def runs(self) -> Runs:
        """Runs, targets, plans, findings."""
        ...

    @property
    def builds(self) -> Builds:
        """Builds."""
        ...

    @property
    def roots(self) -> Roots:
        """What was in the roots of builds."""
        ...

    @property
    def reports(self) -> Reports:
        """What was published."""
        ...

    @property
    def waivers(self) -> Waivers:
        """Waivers."""
        ...

    @property
    def audit(self) -> Audit:
        """The audit log."""
        ...


class Store(Protocol):
    """A database. Safe to use from several processes at once."""

    def transaction(self, lease: Lease | None = None) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction that commits at the end and rolls back on an exception."""
        ...

    async def lease_change(self, owner: str, now: datetime, duration: timedelta) -> Lease | None:
        """Lease the change that has been due longest and that nobody holds; None where there is none."""
        ...

    async def lease_named(self, subject: str, owner: str, now: datetime, duration: timedelta) -> Lease | None:
        """Lease a named duty (`poller:koji`), None where somebody else holds it. One's own lease is extended, with
        the same fence.
        """
        ...

    async def heartbeat(self, lease: Lease, now: datetime, duration: timedelta) -> Lease:
        """Extend a lease; raise `LeaseLost` where it has passed on."""
        ...

    async def release(self, lease: Lease, due: datetime | None, failures: int = 0) -> None:
        """Give a change back. It is due again at `due` (None: when woken), or sooner where it was woken meanwhile.

        A lease that was lost is no error: there is nothing to give back.
        """
        ...

    async def next_due(self) -> datetime | None:
        """Return when the next change becomes due, None where none will by itself."""
        ...

    async def check(self) -> None:
        """Raise `Transient` where the database cannot be written, `Misconfigured` where its schema is not current."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...

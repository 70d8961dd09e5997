"""Several changes together: which pull requests are meant, whether they may be, and whether they still are the same.

A run of several changes belongs to the pull request where `with` was written; the others are its companions, each at
the commit that was its head at that moment.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import urlsplit

from bot.domain.commands import Command
from bot.domain.ids import ChangeId
from bot.domain.parlance import PULL_REQUESTS, Parlance
from bot.domain.run import Change, ChangeRef, ChangeState, Part, RepoRef, Run
from bot.domain.wording import quoted

_WRITTEN = re.compile(r"(?P<repo>[^#!]+)[#!](?P<number>[0-9]+)")
_PAGE = re.compile(r"/(?P<repo>.+?)/(?:-/)?(?:pull|pulls|merge_requests)/(?P<number>[0-9]{1,9})(?:/.*)?")


def ref_of(written: str, own: ChangeState, parlance: Parlance = PULL_REQUESTS) -> ChangeRef | str:
    """Return the pull request that is meant, on the forge of the one where it was written; or why it cannot be one.

    Written is `OWNER/REPO#N`, `OWNER/REPO!N`, or the address of its page.
    """
    if "://" not in written:
        found = _WRITTEN.fullmatch(written)
        return _ref(found, own) if found else f"{quoted(written)} is no {parlance.change}."
    address = urlsplit(written)
    if address.netloc.lower() != urlsplit(own.url).netloc.lower():
        return (
            f"{quoted(written)} is on another forge: only {parlance.changes} of one forge can be tested together, "
            "because each of them gets the check."
        )
    found = _PAGE.fullmatch(address.path)
    return _ref(found, own) if found else f"{quoted(written)} is not the page of a {parlance.change}."


def _ref(found: re.Match[str], own: ChangeState) -> ChangeRef:
    owner, _, name = found["repo"].rpartition("/")
    return ChangeRef(repo=RepoRef(forge=own.ref.repo.forge, owner=owner, name=name), number=int(found["number"]))


def unseen_text(written: str, parlance: Parlance) -> str:
    """Return the answer where a pull request cannot be had: it must not tell whether there is one."""
    return (
        f"{quoted(written)} cannot be tested together with this one: there is no such {parlance.change}, this bot does "
        f"not work in its {parlance.repository}, or you may not see it."
    )


def other_than(own: ChangeState, written: str, parlance: Parlance) -> ChangeRef | str:
    """Return the pull request that is meant beside the one where it was written; or why it cannot be one."""
    ref = ref_of(written, own, parlance)
    itself = isinstance(ref, ChangeRef) and str(ref).lower() == str(own.ref).lower()
    return f"{quoted(written)} is this {parlance.change} itself." if itself else ref


def chosen(command: Command, found: Mapping[str, Part | str]) -> tuple[Part, ...] | str:
    """Return the companions that a command names, each once; or why they cannot be tested together.

    `found` is what was found out about each of them: the part that it would be, or the reason against it.
    """
    parts: dict[str, Part] = {}
    refusals = []
    for written in command.changes:
        part = found[written]
        if isinstance(part, str):
            refusals.append(part)
        else:
            parts[str(part.change).lower()] = part
    return "\n".join(refusals) if refusals else tuple(parts.values())


def in_need(parts: Sequence[Part], needs: Collection[tuple[str, str]]) -> tuple[int, ...]:
    """Return the places of the parts in an order in which each comes after those that it needs, else as given.

    `needs` are (package, a package that it needs to be built). Where parts need each other, the first given goes first.
    """
    names = [{package.name for package in part.packages} for part in parts]
    waiting = list(range(len(parts)))
    ordered: list[int] = []
    while waiting:
        free = [
            place
            for place in waiting
            if not any(
                package in names[place] and needed in names[other]
                for package, needed in needs
                for other in waiting
                if other != place
            )
        ]
        ordered.append((free or waiting)[0])
        waiting.remove(ordered[-1])
    return tuple(ordered)


def moved(run: Run, companions: Mapping[ChangeId, Change], parlance: Parlance = PULL_REQUESTS) -> str:
    """Return which companion is not any more what the run tests, and why; nothing where all are."""
    for part in run.companions:
        state = _known(part, companions)
        if state is None:
            continue
        if not state.open:
            return f"{parlance.name(part.change)} was closed or merged"
        if other := _other_commit(part, state, parlance):
            return other
        if part.approved and companions[part.change.id].approved_sha != part.head_sha:
            return f"the approval of {parlance.name(part.change)} was taken back"
    return ""


def outdated(run: Run, companions: Mapping[ChangeId, Change], parlance: Parlance = PULL_REQUESTS) -> str:
    """Return which open companion has other contents than those with which the run came to its result.

    One that is closed may have been merged, which is what the result was asked for.
    """
    states = [(part, _known(part, companions)) for part in run.companions]
    reasons = (_other_commit(part, state, parlance) for part, state in states if state is not None and state.open)
    return next((reason for reason in reasons if reason), "")


def again(run: Run, parlance: Parlance = PULL_REQUESTS) -> str:
    """Return the command that tests the same pull requests together as they are now."""
    return "/revdeps with " + " ".join(parlance.name(part.change) for part in run.companions)


def _known(part: Part, companions: Mapping[ChangeId, Change]) -> ChangeState | None:
    """Return a companion as it was seen last, None where it was not, or is about to be looked at again."""
    change = companions.get(part.change.id)
    return None if change is None or change.stale else change.state


def _other_commit(part: Part, state: ChangeState, parlance: Parlance) -> str:
    name = parlance.name(part.change)
    if state.head_sha != part.head_sha:
        return f"{name} has another commit by now"
    return f"{name} has another base branch by now" if state.base_branch != part.base_branch else ""

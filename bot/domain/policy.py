"""Who may ask for what, and whose changes are built without being asked for.

Comments, buttons on checks and buttons on pages all end in `authorize`. Permission is what the forge's permission API
said at the time of the command, never a comment's `author_association` (a private member looks like an outsider).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from bot.domain.commands import Command
from bot.domain.parlance import PULL_REQUESTS, Parlance
from bot.domain.permission import Permission
from bot.domain.verbs import USAGES, Verb, effect_of, syntax
from bot.domain.wording import quoted

ANSWERS_AN_HOUR = 20
"""So many commands of one person without triage permission are answered in words in one pull request."""

HOUR = timedelta(hours=1)


class AuthorRight(Enum):
    """What being the author of the pull request is worth, where the permission alone would not do."""

    NONE = "none"
    TRUSTED = "trusted"
    """If the pull request runs without an approval."""
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """Who may give a command: whoever has the permission, or the author."""

    permission: Permission
    author: AuthorRight = AuthorRight.NONE

    def told(self, parlance: Parlance = PULL_REQUESTS) -> str:
        """Return who that is: `write permission and up, or the author`."""
        if self.permission is Permission.NONE:
            return "anyone"
        who = f"{parlance.right(self.permission)} and up"
        if self.author is AuthorRight.TRUSTED:
            return f"{who}, or the author if trusted"
        return f"{who}, or the author" if self.author is AuthorRight.ALWAYS else who


_ANYONE = Requirement(permission=Permission.NONE)
_TRIAGE = Requirement(permission=Permission.TRIAGE)
_TRIAGE_OR_TRUSTED_AUTHOR = Requirement(permission=Permission.TRIAGE, author=AuthorRight.TRUSTED)
_TRIAGE_OR_AUTHOR = Requirement(permission=Permission.TRIAGE, author=AuthorRight.ALWAYS)
_WRITE = Requirement(permission=Permission.WRITE)

REQUIREMENTS: Mapping[Verb, Requirement] = {
    Verb.HELP: _ANYONE,
    Verb.STATUS: _ANYONE,
    Verb.WHY: _ANYONE,
    Verb.LOGS: _ANYONE,
    Verb.CONFIG: _ANYONE,
    Verb.RUN: _TRIAGE_OR_TRUSTED_AUTHOR,
    Verb.RETRY: _TRIAGE_OR_TRUSTED_AUTHOR,
    Verb.REBUILD: _TRIAGE,
    Verb.CANCEL: _TRIAGE_OR_AUTHOR,
    Verb.BASELINE: _TRIAGE,
    Verb.INCLUDE: _TRIAGE,
    Verb.SKIP: _TRIAGE,
    Verb.PRIORITY: _TRIAGE,
    Verb.WITH: _WRITE,
    Verb.OK: _WRITE,
    Verb.REVOKE: _WRITE,
    Verb.WAIVE: _WRITE,
    Verb.UNWAIVE: _WRITE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who gives a command: `permission` in the repository, and what they have to do with the pull request."""

    name: str
    permission: Permission
    is_author: bool = False
    author_trusted: bool = False
    """Whether the pull request's author and whoever pushed last are trusted (`is_trusted`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """The command may be carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The command may not be carried out; `message` names what is missing (Markdown, safe to publish)."""

    message: str


def authorize(command: Command, actor: Actor, parlance: Parlance = PULL_REQUESTS) -> Allowed | Refused:
    """Tell whether the actor may give the command; if not, in the forge's words."""
    requirement = REQUIREMENTS[command.verb]
    if actor.permission >= requirement.permission:
        return Allowed()
    if actor.is_author and requirement.author is AuthorRight.ALWAYS:
        return Allowed()
    if actor.is_author and actor.author_trusted and requirement.author is AuthorRight.TRUSTED:
        return Allowed()
    return Refused(
        message=f"`{command.verb.value}` is for {requirement.told(parlance)}; "
        f"{quoted(actor.name)} has {parlance.right(actor.permission)} in this {parlance.repository}."
    )


def may_be_answered(permission: Permission, told: Iterable[datetime], now: datetime) -> bool:
    """Tell whether somebody is answered in words who was `told` so many things in this pull request before.

    What anybody may ask for anybody could ask for without end. Who steers the pull request is not counted.
    """
    lately = sum(now - HOUR < moment for moment in told)
    return permission >= Permission.TRIAGE or lately < ANSWERS_AN_HOUR


def is_trusted(people: Iterable[tuple[str, Permission]], apps: Collection[str] = ()) -> bool:
    """Tell whether a pull request runs without an approval.

    `people` are its author and whoever pushed last, each with the permission in the base repository: every one of them
    has to have write permission or to be one of the `apps` that the operator lists by login. Nobody is not trusted.
    """
    listed = {app.casefold() for app in apps}
    each = [permission >= Permission.WRITE or name.casefold() in listed for name, permission in people]
    return bool(each) and all(each)


def help_text(parlance: Parlance = PULL_REQUESTS) -> str:
    """Return the answer to `/revdeps help`: a table of the commands."""
    rows = [
        f"| {_cell(syntax(verb, parlance))} | {effect_of(verb, parlance)} | {REQUIREMENTS[verb].told(parlance)} |"
        for verb in USAGES
    ]
    return "\n".join(
        (
            "| Command | What it does | Who |",
            "|---|---|---|",
            *rows,
            "",
            "A command stands at the start of a line. `PKG` is a source package's name or a glob such as `python-*`.",
        )
    )


def _cell(code: str) -> str:
    """Return a code span for a table's cell, where a bar would start the next cell."""
    return "`" + code.replace("|", "\\|") + "`"

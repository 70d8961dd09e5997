"""The verbs of `/revdeps` with what each of them takes: the one table behind parsing, `help` and the documentation."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from bot.domain.parlance import PULL_REQUESTS, Parlance


class Verb(Enum):
    """What can be asked for in a comment."""

    HELP = "help"
    STATUS = "status"
    WHY = "why"
    LOGS = "logs"
    CONFIG = "config"
    RUN = "run"
    RETRY = "retry"
    REBUILD = "rebuild"
    CANCEL = "cancel"
    BASELINE = "baseline"
    INCLUDE = "include"
    SKIP = "skip"
    PRIORITY = "priority"
    WITH = "with"
    OK = "ok"
    REVOKE = "revoke"
    WAIVE = "waive"
    UNWAIVE = "unwaive"


class Arity(Enum):
    """How many package names or globs a verb takes."""

    NONE = "none"
    ANY = "any"
    ONE = "one"
    SOME = "some"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a verb takes and does. `arguments` and `effect` are shown to users, by `syntax` and `effect_of`: they may
    hold `{change}` and `{example}`, which are the forge's words (`Parlance`).
    """

    effect: str
    arguments: str = ""
    packages: Arity = Arity.NONE
    options: tuple[str, ...] = ()
    sha: bool = False
    """Takes `@sha`, the commit that is meant."""
    reason: bool = False
    """Wants a reason after `--`; every other verb takes a remark there, which goes into the audit log."""


USAGES: Mapping[Verb, Usage] = {
    Verb.HELP: Usage(effect="show the commands"),
    Verb.STATUS: Usage(effect="tell how far the run has come"),
    Verb.WHY: Usage(arguments="PKG", packages=Arity.ONE, effect="show how a package depends on this change"),
    Verb.LOGS: Usage(arguments="PKG", packages=Arity.ONE, effect="link the logs of both sides"),
    Verb.CONFIG: Usage(effect="show the configuration that applies"),
    Verb.RUN: Usage(
        arguments="[limit=N] [target=NAME] [depth=direct|transitive|N]",
        options=("limit", "target", "depth"),
        effect="test this {change} anew",
    ),
    Verb.RETRY: Usage(
        arguments="[PKG…]",
        packages=Arity.ANY,
        effect="build again what failed or was not conclusive, or these packages",
    ),
    Verb.REBUILD: Usage(arguments="PKG…", packages=Arity.SOME, effect="build again, past every cache"),
    Verb.CANCEL: Usage(arguments="[PKG…]", packages=Arity.ANY, effect="stop the run, or the builds of these packages"),
    Verb.BASELINE: Usage(arguments="[PKG…]", packages=Arity.ANY, effect="build the side without the change again"),
    Verb.INCLUDE: Usage(arguments="PKG…", packages=Arity.SOME, effect="test these too, in this {change} only"),
    Verb.SKIP: Usage(arguments="PKG…", packages=Arity.SOME, effect="leave these out, in this {change} only"),
    Verb.PRIORITY: Usage(
        arguments="PKG… N", packages=Arity.SOME, effect="build these sooner (larger is sooner), in this run only"
    ),
    Verb.WITH: Usage(
        arguments="{example}…", effect="test this {change} together with up to five others, as one update"
    ),
    Verb.OK: Usage(arguments="[@SHA]", sha=True, effect="let this commit of an outsider be built"),
    Verb.REVOKE: Usage(effect="take an `ok` back"),
    Verb.WAIVE: Usage(
        arguments="PKG… [until=DATE] -- REASON",
        packages=Arity.SOME,
        options=("until",),
        reason=True,
        effect="accept a failure, until a date or until the base moves",
    ),
    Verb.UNWAIVE: Usage(arguments="PKG…", packages=Arity.SOME, effect="take a waiver back"),
}
"""Every verb's usage, in the order in which `help` and the documentation list them."""

SYNONYMS: Mapping[str, Verb] = {
    "abort": Verb.CANCEL,
    "approve": Verb.OK,
    "build": Verb.RUN,
    "exclude": Verb.SKIP,
    "explain": Verb.WHY,
    "kill": Verb.CANCEL,
    "recheck": Verb.RUN,
    "rerun": Verb.RUN,
    "restart": Verb.RUN,
    "retest": Verb.RETRY,
    "start": Verb.RUN,
    "stop": Verb.CANCEL,
    "test": Verb.RUN,
}
"""What other bots call these things: never executed, only offered as "did you mean"."""


def syntax(verb: Verb, parlance: Parlance = PULL_REQUESTS) -> str:
    """Return how the command is written, for example `/revdeps why PKG`."""
    return f"/revdeps {verb.value} {USAGES[verb].arguments.format(example=parlance.example)}".rstrip()


def effect_of(verb: Verb, parlance: Parlance = PULL_REQUESTS) -> str:
    """Return what the command does, in the words in which `help` lists it."""
    return USAGES[verb].effect.format(change=parlance.change)

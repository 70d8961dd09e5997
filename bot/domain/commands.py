"""Commands: plain lines of a comment, or a pressed button, become `Command` values, or a `Mistake` with an answer.

The grammar is `/revdeps verb argument…` at the start of a line, where an argument is a package name or glob,
`key=value`, `@sha`, or `-- free text` to the end of the line. Nothing that starts with `/revdeps` is dropped silently.
Who may ask for what is `bot.domain.policy`'s; what stands in quotes and code was removed by the comment reader.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from unicodedata import category

from bot.domain.config import Depth, matches
from bot.domain.parlance import PULL_REQUESTS, Parlance
from bot.domain.publication import Button
from bot.domain.verbs import SYNONYMS, USAGES, Arity, Verb, syntax
from bot.domain.wording import did_you_mean, quoted

MAX_COMMANDS = 20
"""In one comment; what comes after them is refused in words."""

MAX_PACKAGES = 200
"""Names and globs in one command."""

MAX_REASON = 300
"""Characters of a reason that a report has to show."""

MAX_COMPANIONS = 5
"""Pull requests that are tested together with the one where that is asked for."""

_PREFIX = re.compile(r"/revdeps(?=\s|$)", re.IGNORECASE)
_PACKAGE = re.compile(r"[A-Za-z0-9*?\[][A-Za-z0-9._+*?\[\]!^-]{0,199}")
_OPTION = re.compile(r"-{0,2}([A-Za-z][A-Za-z-]*)=(.*)")
_SHA = re.compile(r"[0-9a-f]{7,64}")
_CHANGE = re.compile(
    r"([A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+[#!][0-9]{1,9})|(https?://[A-Za-z0-9._:-]+(/[A-Za-z0-9._-]+)+/?)"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"[1-9][0-9]{0,5}")
_HINTS = 5
_A_DATE = "a date such as `2030-01-31`"
_DASHES = frozenset({"--", "–", "—"})  # noqa: RUF001  telephones turn two hyphens into a dash


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What somebody asked for. `options` are (key, value) as written and valid; `text` is what followed `--`.

    `sha` is the commit that is meant: as written after `@` (7 digits or more), or in full from a button.
    """

    verb: Verb
    packages: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    sha: str | None = None
    text: str = ""

    def option(self, key: str) -> str | None:
        """Return an option's value, None where it was not given."""
        return dict(self.options).get(key)

    @property
    def limit(self) -> int | None:
        """`limit=N`."""
        value = self.option("limit")
        return None if value is None else int(value)

    @property
    def priority(self) -> int:
        """The `N` of `priority PKG… N`; 0 for every other command."""
        return int(self.option("priority") or 0)

    @property
    def until(self) -> str | None:
        """`until=DATE`, as `2030-01-31`."""
        return self.option("until")

    @property
    def changes(self) -> tuple[str, ...]:
        """The pull requests that `with` names, as written."""
        written = self.option("changes")
        return tuple(written.split(",")) if written else ()

    @property
    def depth(self) -> Depth | None:
        """`depth=direct|transitive|N`."""
        value = self.option("depth")
        return None if value is None else Depth.parse(value)

    def __str__(self) -> str:
        bare = {"priority", "changes"}  # written without a key
        options = [value.replace(",", " ") if key in bare else f"{key}={value}" for key, value in self.options]
        words = ["/revdeps", self.verb.value, *self.packages, *options]
        words += [f"@{self.sha}"] if self.sha else []
        words += ["--", self.text] if self.text else []
        return " ".join(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """Something that could not be understood, and the short answer to it (Markdown, safe to publish)."""

    line: str
    answer: str


class _Refusal(Exception):
    """Why a line is no command; its text is the answer."""


@dataclass(slots=True)
class _Arguments:
    """The arguments of one line, sorted by kind."""

    verb: Verb
    parlance: Parlance
    """In which a refusal is told."""
    packages: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)
    sha: str | None = None
    text: str = ""


def parse(lines: Sequence[str], parlance: Parlance = PULL_REQUESTS) -> tuple[Command | Mistake, ...]:
    """Return what every line that starts with `/revdeps` asks for, in order; all other lines are talk.

    What cannot be understood is answered in the forge's words.
    """
    found: list[Command | Mistake] = []
    for line in lines:
        stripped = _visible(line).strip()
        prefix = _PREFIX.match(stripped)
        if not prefix:
            continue
        if len(found) == MAX_COMMANDS:
            answer = f"A comment takes {MAX_COMMANDS} commands; from {quoted(stripped)} on nothing was done."
            found.append(Mistake(line=stripped, answer=answer))
            break
        try:
            found.append(_command(stripped[prefix.end() :], parlance))
        except _Refusal as refusal:
            found.append(Mistake(line=stripped, answer=str(refusal)))
    return tuple(found)


def _visible(line: str) -> str:
    """Return a line without characters that only say how others are shown (zero-width, direction): they get copied."""
    return line if line.isascii() else "".join(char for char in line if category(char) != "Cf")


def without_repetitions(commands: Sequence[Command | Mistake]) -> tuple[Command | Mistake, ...]:
    """Return the commands of one comment without those that ask for the same again.

    After a command of another kind the same words may mean something else: `cancel`, `run`, `cancel`.
    """
    return tuple(command for _, alike in groupby(commands, _kind) for command in dict.fromkeys(alike))


def _kind(command: Command | Mistake) -> Verb | None:
    return command.verb if isinstance(command, Command) else None


def expand(globs: Sequence[str], packages: Sequence[str]) -> tuple[tuple[str, ...], tuple[Mistake, ...]]:
    """Return which of a run's `packages` are meant, in the run's order, and a mistake for each glob that names none.

    A name that is not among them stands for the only package that starts with it, where there is just one.
    """
    meant: set[str] = set()
    unknown: list[Mistake] = []
    for glob in globs:
        hits = {package for package in packages if package == glob or matches(package, (glob,))}
        if not hits:
            completed = {package for package in packages if package.startswith(glob)}
            hits = completed if len(completed) == 1 else set()
        if not hits:
            # Each takes a look at every package: somebody who names hundreds wrongly is no longer helped by it.
            hint = did_you_mean(glob, packages) if len(unknown) < _HINTS else ""
            answer = f"{quoted(glob)} is none of this run's packages.{hint}"
            unknown.append(Mistake(line=glob, answer=answer))
        meant |= hits
    return tuple(dict.fromkeys(package for package in packages if package in meant)), tuple(unknown)


RETRY_FAILED = Button(label="Retry failed", description="Build what failed once more", identifier="retry-failed")
CANCEL_RUN = Button(label="Cancel", description="Stop this run and its builds", identifier="cancel")
APPROVE = Button(label="Approve this commit", description="Let this commit be built", identifier="approve")
REFRESH_BASELINE = Button(
    label="Refresh baseline", description="Build the unchanged side again", identifier="refresh-baseline"
)
WAIVE = Button(label="Waive…", description="How to accept a failure", identifier="waive")

_BUTTONS: Mapping[str, Verb] = {
    RETRY_FAILED.identifier: Verb.RETRY,
    CANCEL_RUN.identifier: Verb.CANCEL,
    APPROVE.identifier: Verb.OK,
    REFRESH_BASELINE.identifier: Verb.BASELINE,
    WAIVE.identifier: Verb.WAIVE,
}


def command_for_button(identifier: str, sha: str) -> Command | None:
    """Return what a button on the check of commit `sha` asks for, None for a button that is not ours."""
    verb = _BUTTONS.get(identifier)
    return None if verb is None else Command(verb=verb, sha=sha)


def _command(rest: str, parlance: Parlance) -> Command:
    """Read what follows `/revdeps`."""
    words = rest.split()
    if not words:
        return Command(verb=Verb.HELP)
    verb = _verb(words[0])
    taken = _Arguments(verb, parlance)
    for position, word in enumerate(words[1:], start=1):
        if word in _DASHES:
            taken.text = " ".join(words[position + 1 :])
            break
        _take(word, taken)
    _complete(taken)
    return Command(
        verb=verb,
        packages=tuple(dict.fromkeys(taken.packages)),
        options=tuple(taken.options.items()),
        sha=taken.sha,
        text=taken.text,
    )


def _verb(word: str) -> Verb:
    name = word.strip("`").rstrip(".,:;!").lower()
    known = {verb.value: verb for verb in Verb}
    if name in known:
        return known[name]
    if name in SYNONYMS:
        hint = f" Did you mean {quoted(SYNONYMS[name].value)}?"
    else:
        hint = did_you_mean(name, [verb.value for verb in USAGES])
    raise _Refusal(f"There is no command {quoted(word)}.{hint} `/revdeps help` lists them all.")


def _take(word: str, taken: _Arguments) -> None:
    """Sort one argument to its kind."""
    verb = taken.verb
    option = _OPTION.fullmatch(word)
    if option:
        _take_option(option[1].lower(), option[2], taken)
    elif word.startswith("@"):
        if not USAGES[verb].sha:
            raise _Refusal(f"`{verb.value}` takes no commit. {_write(taken)}")
        taken.sha = word[1:].lower()
        if not _SHA.fullmatch(taken.sha):
            raise _Refusal(f"{quoted(word)} is no commit: 7 to 64 hexadecimal digits after the `@` were expected.")
    elif verb is Verb.WITH:
        if not _CHANGE.fullmatch(word):
            raise _Refusal(f"{quoted(word)} is no {taken.parlance.change}. {_write(taken)}")
        taken.packages.append(word)
    else:
        taken.packages += [_package(name, taken) for name in word.replace("`", "").split(",") if name]


def _package(name: str, taken: _Arguments) -> str:
    if USAGES[taken.verb].packages is Arity.NONE:
        raise _Refusal(f"`{taken.verb.value}` takes no package; {quoted(name)} was not expected. {_write(taken)}")
    if not _PACKAGE.fullmatch(name):
        raise _Refusal(f"{quoted(name)} is no package name. {_write(taken)}")
    return name


def _take_option(key: str, value: str, taken: _Arguments) -> None:
    allowed = USAGES[taken.verb].options
    if key not in allowed:
        hint = did_you_mean(key, allowed)
        raise _Refusal(f"`{taken.verb.value}` has no option {quoted(key)}.{hint} {_write(taken)}")
    if key in taken.options:
        raise _Refusal(f"`{key}=` stands twice in one command; which of them is meant?")
    expected = _expected(key, value)
    if expected:
        raise _Refusal(f"{quoted(f'{key}={value}')}: {expected} was expected.")
    taken.options[key] = value


def _expected(key: str, value: str) -> str:
    """Return what should have stood as the option's value, or nothing where the value is good."""
    try:
        if key == "limit" and not _NUMBER.fullmatch(value):
            return "a number from 1 to 999999"
        if key == "target" and not _PACKAGE.fullmatch(value):
            return "the name of a target"
        if key == "depth":
            Depth.parse(value)
        elif key == "until" and not (_DATE.fullmatch(value) and date.fromisoformat(value)):
            return _A_DATE
    except ValueError:
        return "`direct`, `transitive` or a number" if key == "depth" else _A_DATE
    return ""


def _complete(taken: _Arguments) -> None:
    """Check that a command has all it needs, and bring what can be written in two ways into one form."""
    verb = taken.verb
    if verb is Verb.PRIORITY:
        if len(taken.packages) < 2 or not _NUMBER.fullmatch(taken.packages[-1]):
            raise _Refusal(f"A package and a number are needed. {_write(taken)}")
        taken.options["priority"] = taken.packages.pop()
    elif verb is Verb.WITH:
        if not taken.packages:
            raise _Refusal(f"With which {taken.parlance.change}? {_write(taken)}")
        if len(set(taken.packages)) > MAX_COMPANIONS:
            raise _Refusal(f"`with` takes at most {MAX_COMPANIONS} other {taken.parlance.changes}.")
        taken.options["changes"] = ",".join(dict.fromkeys(taken.packages))
        taken.packages.clear()
    elif verb is Verb.RETRY and [name.lower() for name in taken.packages] == ["failed"]:
        taken.packages.clear()
    arity = USAGES[verb].packages
    if arity is Arity.SOME and not taken.packages:
        raise _Refusal(f"Which package? {_write(taken)}")
    if arity is Arity.ONE and len(taken.packages) != 1:
        raise _Refusal(f"`{verb.value}` takes one package. {_write(taken)}")
    if len(taken.packages) > MAX_PACKAGES:
        raise _Refusal(f"A command takes {MAX_PACKAGES} names; a glob such as `python-*` says more in one.")
    if USAGES[verb].reason and not taken.text:
        raise _Refusal(f"A reason is needed after `--`. {_write(taken)}")
    if USAGES[verb].reason and len(taken.text) > MAX_REASON:
        raise _Refusal(f"A reason has at most {MAX_REASON} characters: link to the rest.")


def _write(taken: _Arguments) -> str:
    return f"Write `{syntax(taken.verb, taken.parlance)}`."

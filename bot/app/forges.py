"""The operator's further forges: a YAML file with GitLabs and Forgejos by name. docs/operating.md shows an example.

A name stands in `RepoRef.forge` and in the address of the webhook, `/webhook/NAME`. GitHub has variables of its own. To
add a kind of forge, write an entry that fulfils `ForgeEntry` and add it to `KINDS`.
"""

import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import aiohttp
import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

from bot.adapters.forgejo.examine import examine as examine_forgejo
from bot.adapters.forgejo.forge import ForgejoForge
from bot.adapters.forgejo.settings import ForgejoSettings
from bot.adapters.gitlab.examine import examine as examine_gitlab
from bot.adapters.gitlab.forge import GitLabForge
from bot.adapters.gitlab.settings import GitLabSettings
from bot.app.build_systems import Address
from bot.app.invalid import problems, unreadable
from bot.app.settings import Settings, secret
from bot.ports.clock import Clock
from bot.ports.diagnosis import Diagnosis, HookWish
from bot.ports.errors import Misconfigured
from bot.ports.forge import Forge
from bot.web.dialects import Dialect, ForgejoDialect, GitLabDialect, signing_key
from bot.web.webhook import Translator
from handlers.forgejo.translate import ForgejoTranslator
from handlers.gitlab.translate import GitLabTranslator

VARIABLE = "REVDEPS_FORGES_FILE"
STRICT = ConfigDict(extra="forbid", alias_generator=lambda name: name.replace("_", "-"))
"""For entries: keys are written with hyphens, and an unknown one is an error."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a forge is opened with: its name, a session of its own, and where its webhooks belong (empty: not known)."""

    name: str
    session: aiohttp.ClientSession
    clock: Clock
    hook_url: str


class ForgeEntry(Protocol):
    """What the operator says of one forge, read from the file. Secrets stay in files until they are needed: each method
    raises `Misconfigured` where one cannot be read.
    """

    @property
    def clone_url(self) -> str:
        """Where repositories are cloned from, with `{repository}` for `owner/name`."""
        ...

    def open(self, surroundings: Surroundings) -> Forge:
        """Return the adapter. It does nothing before it is asked."""
        ...

    def dialect(self) -> Dialect:
        """Return how its deliveries are signed."""
        ...

    def translator(self, name: str) -> Translator:
        """Return what turns its events into intents."""
        ...

    def examine(self, surroundings: Surroundings, wish: HookWish) -> AsyncGenerator[Diagnosis, None]:
        """Yield how the connection is, and set up webhooks where that is wished for."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GitLabEntry:
    """A GitLab: gitlab.com or self-managed. Its webhooks carry a secret token, are signed, or both."""

    __pydantic_config__ = STRICT
    url: Address
    token_file: Path
    """Of an access token with the scope api: a project's, a group's, or that of a user made for the bot."""
    webhook_token_file: Path | None = None
    webhook_signing_key_file: Path | None = None

    def __post_init__(self) -> None:
        if self.webhook_token_file is None and self.webhook_signing_key_file is None:
            raise ValueError("give webhook-token-file or webhook-signing-key-file, or both")

    @property
    def clone_url(self) -> str:
        """Where repositories are cloned from."""
        return f"{self.url}/{{repository}}.git"

    def open(self, surroundings: Surroundings) -> Forge:
        """Return the adapter. Its token is read when it is needed, and again when GitLab takes it no more."""
        return GitLabForge(self._settings(surroundings), surroundings.session, surroundings.clock)

    def examine(self, surroundings: Surroundings, wish: HookWish) -> AsyncGenerator[Diagnosis, None]:
        """Yield how the connection is, and set up webhooks where that is wished for."""
        return examine_gitlab(self._settings(surroundings), surroundings.session, surroundings.clock, wish)

    def _settings(self, surroundings: Surroundings) -> GitLabSettings:
        secret(self.token_file, f"{surroundings.name}.token-file")
        return GitLabSettings(
            url=self.url,
            token=lambda: secret(self.token_file, f"{surroundings.name}.token-file"),
            forge=surroundings.name,
            hook_url=surroundings.hook_url,
        )

    def dialect(self) -> Dialect:
        """Return how its deliveries are signed; raise Misconfigured where a secret cannot be read or is none."""
        token, key = self.webhook_token_file, self.webhook_signing_key_file
        try:
            return GitLabDialect(
                token="" if token is None else secret(token, "webhook-token-file"),
                key=b"" if key is None else signing_key(secret(key, "webhook-signing-key-file")),
            )
        except ValueError as error:
            raise Misconfigured(
                "webhook-signing-key-file", f"{key}: {error}", "Write the signing token as GitLab showed it into it."
            ) from None

    def translator(self, name: str) -> Translator:
        """Return what turns its events into intents."""
        return GitLabTranslator(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgejoEntry:
    """A Forgejo, or a Gitea. `user` is the login of the account that the token is of."""

    __pydantic_config__ = STRICT
    url: Address
    user: str
    token_file: Path
    webhook_secret_file: Path

    @property
    def clone_url(self) -> str:
        """Where repositories are cloned from."""
        return f"{self.url}/{{repository}}.git"

    def open(self, surroundings: Surroundings) -> Forge:
        """Return the adapter. Its token is read when it is needed, and again when Forgejo takes it no more."""
        return ForgejoForge(self._settings(surroundings), surroundings.session, surroundings.clock)

    def examine(self, surroundings: Surroundings, wish: HookWish) -> AsyncGenerator[Diagnosis, None]:
        """Yield how the connection is, and set up webhooks where that is wished for."""
        return examine_forgejo(self._settings(surroundings), surroundings.session, surroundings.clock, wish)

    def _settings(self, surroundings: Surroundings) -> ForgejoSettings:
        secret(self.token_file, f"{surroundings.name}.token-file")
        return ForgejoSettings(
            url=self.url,
            user=self.user,
            token=lambda: secret(self.token_file, f"{surroundings.name}.token-file"),
            forge=surroundings.name,
        )

    def dialect(self) -> Dialect:
        """Return how its deliveries are signed."""
        return ForgejoDialect(secret(self.webhook_secret_file, "webhook-secret-file").encode())

    def translator(self, name: str) -> Translator:
        """Return what turns its events into intents."""
        return ForgejoTranslator(name, self.user)


KINDS: Mapping[str, type[ForgeEntry]] = {"forgejo": ForgejoEntry, "gitlab": GitLabEntry}
"""By the word that stands under `kind`."""


def forge_entries(settings: Settings) -> Mapping[str, ForgeEntry]:
    """Return the forges beside GitHub; raise Misconfigured where the file is not of their form."""
    path = settings.forges_file
    if path is None:
        return {}
    try:
        content = yaml.safe_load(path.read_bytes()) or {}
    except (OSError, yaml.YAMLError) as error:
        raise _refused(path, unreadable(error)) from None
    if not isinstance(content, dict):
        raise _refused(path, "it holds no forges by name")
    if "github" in content and settings.github_app_id is not None:
        raise _refused(path, "github: this name is that of the GitHub App")
    return {str(name): forge_entry(path, str(name), entry) for name, entry in content.items()}


def hook_url(settings: Settings, forge: str) -> str:
    """Return where a forge's webhooks belong, empty where the service does not know its own address."""
    return f"{settings.public_url.rstrip('/')}/webhook/{forge}" if settings.public_url else ""


def forge_entry(path: Path, name: str, content: object) -> ForgeEntry:
    """Return what the file at `path` says of one forge; raise Misconfigured where it is not of an entry's form."""
    if not _NAME.fullmatch(name):
        raise _refused(path, f"{name!r}: a name holds small letters, digits and hyphens")
    if not isinstance(content, dict):
        raise _refused(path, f"{name}: it says nothing of the forge")
    facts = {key: value for key, value in content.items() if key != "kind"}
    kind = KINDS.get(str(content.get("kind")))
    if kind is None:
        raise _refused(path, f"{name}.kind: one of {', '.join(KINDS)}, not {content.get('kind')!r}")
    try:
        return TypeAdapter(kind).validate_python(facts)
    except ValidationError as error:
        raise _refused(path, problems(error, name)) from None


def _refused(path: Path, what: str) -> Misconfigured:
    return Misconfigured(VARIABLE, f"{path}: {what}", "docs/operating.md shows an example.")

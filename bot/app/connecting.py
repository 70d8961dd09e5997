"""Connects a GitLab or a Forgejo: an entry in the operator's file, a secret for webhooks, and a look at both sides."""

import os
import secrets
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import yaml

from bot.app.compose import SystemClock
from bot.app.forges import Surroundings, forge_entries, hook_url
from bot.app.settings import Settings, secret
from bot.ports.diagnosis import Diagnosis, HookWish
from bot.ports.errors import Misconfigured

FORGES_FILE = "forges.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What the operator says of a forge. `kind` is `gitlab` or `forgejo`, `name` what it is called here."""

    kind: str
    name: str
    url: str
    token_file: Path
    public_url: str
    directory: Path
    user: str = ""
    """The login of the account that the token is of (Forgejo)."""
    repositories: tuple[str, ...] = ()


async def connect(wanted: Connection) -> AsyncGenerator[Diagnosis, None]:
    """Write the entry, unless it is there, and yield how the connection is; webhooks are set up where they are missing.

    Raises Misconfigured where a file cannot be written, or where the file says something else of that name already.
    """
    hook_secret = _secret(wanted.directory / f"{wanted.name}-webhook.secret")
    path = wanted.directory / FORGES_FILE
    _add(path, wanted, hook_secret)
    settings = Settings(forges_file=path, public_url=wanted.public_url)
    entry, url = forge_entries(settings)[wanted.name], hook_url(settings, wanted.name)
    wish = HookWish(url=url, repositories=wanted.repositories, secret=secret(hook_secret, str(hook_secret)))
    async with aiohttp.ClientSession() as session:
        around = Surroundings(name=wanted.name, session=session, clock=SystemClock(), hook_url=url)
        async for found in entry.examine(around, wish):
            yield found


def _secret(path: Path) -> Path:
    """Return the file with the webhooks' secret, made where there is none yet, for its owner alone."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path
    except OSError as error:
        raise Misconfigured(str(path), f"{error.strerror}", "Name another --directory.") from None
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(32))
    return path


def _add(path: Path, wanted: Connection, hook_secret: Path) -> None:
    entry = _entry(wanted, hook_secret)
    try:
        text = path.read_text() if path.exists() else ""
        known = (yaml.safe_load(text) or {}).get(wanted.name)
        if known is None:
            # What stands there, remarks and all, is left as it is.
            begun = f"{text.rstrip()}\n" if text.strip() else ""
            path.write_text(begun + yaml.safe_dump({wanted.name: dict(entry)}, sort_keys=False))
        elif known != entry:
            raise Misconfigured(str(path), f"{wanted.name} is there with other values", "Remove it, or name another.")
    except (OSError, yaml.YAMLError, AttributeError) as error:
        raise Misconfigured(str(path), f"cannot be read and written: {error}", "Mend or move it.") from None


def _entry(wanted: Connection, hook_secret: Path) -> Mapping[str, str]:
    common = {"kind": wanted.kind, "url": wanted.url.rstrip("/"), "token-file": str(wanted.token_file.absolute())}
    if wanted.kind == "gitlab":
        return {**common, "webhook-token-file": str(hook_secret.absolute())}
    return {**common, "user": wanted.user, "webhook-secret-file": str(hook_secret.absolute())}

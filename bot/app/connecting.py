"""Connects a GitLab or a Forgejo: an entry in the operator's file, a secret for webhooks, and a look at both sides."""

import os
import secrets
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import yaml

from bot.app.compose import SystemClock
from bot.app.forges import Surroundings, forge_entries, forge_entry, hook_url
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
    """Yield how the connection is, set webhooks up where they are missing, and write the entry unless it is there.

    Where the forge does not answer, or does not take the token, no entry is written: the command can be given again
    with other values. Raises Transient or Misconfigured then, and Misconfigured where a file cannot be written or says
    something else of that name already.
    """
    hook_secret = wanted.directory / f"{wanted.name}-webhook.secret"
    path = wanted.directory / FORGES_FILE
    told = _entry(wanted, hook_secret)
    settings = Settings(forges_file=path if path.exists() else None, public_url=wanted.public_url)
    known = _known(path, wanted.name, told)
    forge_entries(settings)
    entry, url = forge_entry(path, wanted.name, told), hook_url(settings, wanted.name)
    _secret(hook_secret)
    wish = HookWish(url=url, repositories=wanted.repositories, secret=secret(hook_secret, str(hook_secret)))
    async with aiohttp.ClientSession() as session:
        around = Surroundings(name=wanted.name, session=session, clock=SystemClock(), hook_url=url)
        async for found in entry.examine(around, wish):
            yield found
    if not known:
        _add(path, {wanted.name: told})


def _secret(path: Path) -> None:
    """Make the file with the webhooks' secret where there is none yet, for its owner alone."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return
    except OSError as error:
        raise Misconfigured(str(path), f"{error.strerror}", "Name another --directory.") from None
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(32))


def _known(path: Path, name: str, told: Mapping[str, str]) -> bool:
    """Return whether the file says this of the forge already."""
    with _mended(path):
        found = (yaml.safe_load(path.read_text()) or {}).get(name) if path.exists() else None
    if found not in (None, told):
        raise Misconfigured(str(path), f"{name} is there with other values", "Remove it, or name another.")
    return found is not None


def _add(path: Path, told: Mapping[str, Mapping[str, str]]) -> None:
    with _mended(path):
        text = path.read_text() if path.exists() else ""
        # What stands there, remarks and all, is left as it is.
        begun = f"{text.rstrip()}\n" if text.strip() else ""
        path.write_text(begun + yaml.safe_dump(told, sort_keys=False))


@contextmanager
def _mended(path: Path) -> Iterator[None]:
    """Say what to do where the file cannot be read or written."""
    try:
        yield
    except (OSError, yaml.YAMLError, AttributeError) as error:
        raise Misconfigured(str(path), f"cannot be read and written: {error}", "Mend or move it.") from None


def _entry(wanted: Connection, hook_secret: Path) -> dict[str, str]:
    common = {"kind": wanted.kind, "url": wanted.url.rstrip("/"), "token-file": str(wanted.token_file.absolute())}
    if wanted.kind == "gitlab":
        return {**common, "webhook-token-file": str(hook_secret.absolute())}
    return {**common, "user": wanted.user, "webhook-secret-file": str(hook_secret.absolute())}

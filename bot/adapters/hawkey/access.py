"""What may be read at all: the hosts that the operator allows, and `file:` where the settings say so."""

import os
import tempfile
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.hosts import checked, is_allowed
from bot.ports.errors import Misconfigured


def check_allowed(url: str, settings: HawkeySettings) -> None:
    """Raise Misconfigured unless the settings allow to read a repository at this URL."""
    try:
        parts = checked(url)
    except ValueError as error:
        raise Misconfigured(url, f"no repository can be read there: {error}", "Correct the address.") from None
    if parts.scheme == "file":
        if not settings.allow_file:
            raise Misconfigured(url, "file: repositories are not allowed here", "Name an http: or https: repository.")
    elif not is_allowed(parts, settings.allowed_hosts):
        raise Misconfigured(
            url,
            f"host {parts.netloc} is not among the allowed hosts",
            "Ask the operator to allow it, or name another repository.",
        )


def redirected(origin: str, to: str, settings: HawkeySettings) -> str | None:
    """Return where a server that says so may send us on: to its own host, or to one that is allowed; else None."""
    try:
        address = urljoin(origin, to)
        parts = checked(address)
    except ValueError:
        return None
    if parts.scheme == "file" or not (
        parts.netloc == urlsplit(origin).netloc or is_allowed(parts, settings.allowed_hosts)
    ):
        return None
    return address


def local_path(url: str) -> Path:
    """Return the path that a `file:` URL names."""
    return Path(unquote(urlsplit(url).path))


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader sees all of it or the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    Path(aside).replace(path)

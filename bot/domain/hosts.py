"""Which hosts an address may name: the operator's list, against which repositories and sources are held."""

from collections.abc import Collection
from urllib.parse import urlsplit

ANY_HOST: tuple[str, ...] = ("*",)
"""The list that allows every host: for somebody's own machine, not for a service."""


def host_of(url: str) -> str:
    """Return the host that a `file:`, `http:` or `https:` URL names, in small letters; `localhost` for a local path.

    Raises ValueError where the URL has another scheme or no host, and where it carries a user name or a password.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"file", "http", "https"}:
        raise ValueError("an address that starts with https:, http: or file: was expected")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address must not carry a user name or a password")
    _ = parts.port  # raises ValueError where it is no number
    if parts.scheme == "file":
        if not parts.path.startswith("/"):
            raise ValueError("file: needs an absolute path, as in file:///srv/repository")
        return parts.hostname or "localhost"
    if not parts.hostname:
        raise ValueError("the address names no host")
    return parts.hostname


def is_allowed(host: str, allowed: Collection[str]) -> bool:
    """Tell whether the list names the host, or its domain as `*.example.org`, or every host as `*`."""
    host = host.lower().rstrip(".")
    return any(
        entry == "*" or host == entry.lower() or (entry.startswith("*.") and host.endswith(entry[1:].lower()))
        for entry in allowed
    )

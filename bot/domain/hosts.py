"""Which hosts an address may name: the operator's list, against which repositories and sources are held.

An entry is a host (`example.org`, on any port), a host with its port (`example.org:8080`), all hosts below a domain
(`*.example.org`), or `*` for every host.
"""

from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

ANY_HOST: tuple[str, ...] = ("*",)
"""The list that allows every host: for somebody's own machine, not for a service."""


def checked(url: str) -> SplitResult:
    """Return the parts of a `file:`, `http:` or `https:` URL.

    Raises ValueError, with what is wrong, where the URL has another scheme or no host, carries a user name or a
    password, or is a `file:` URL without an absolute path.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"file", "http", "https"}:
        raise ValueError("an address that starts with https:, http: or file: was expected")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address must not carry a user name or a password")
    if parts.scheme == "file":
        if parts.hostname not in {None, "localhost"} or not parts.path.startswith("/"):
            raise ValueError("file: needs an absolute path and no host, as in file:///srv/repository")
        return parts
    _ = parts.port  # raises ValueError where it is no number
    if not parts.hostname:
        raise ValueError("the address names no host")
    return parts


def is_named(parts: SplitResult, allowed: Collection[str]) -> bool:
    """Tell whether the list names the very host, with or without its port."""
    host = (parts.hostname or "").rstrip(".")
    names = {host, f"{host}:{parts.port}", f"[{host}]:{parts.port}"}
    return any(entry.lower() in names for entry in allowed)


def is_allowed(parts: SplitResult, allowed: Collection[str]) -> bool:
    """Tell whether the list allows the host, by its name or by a `*`."""
    host = (parts.hostname or "").rstrip(".")
    wide = (entry[1:].lower() for entry in allowed if entry == "*" or entry.startswith("*."))
    return is_named(parts, allowed) or any(host.endswith(domain) for domain in wide)

"""Writes a comment of ours once, whatever happened to it, or to us, in between: the same on every forge."""

from typing import Protocol

from bot.ports.errors import Gone


class Comments(Protocol):
    """The comments of a change; each method returns the id of a comment of ours."""

    async def find(self, marker: str) -> str | None:
        """Return the first one of ours with a marker."""
        ...

    async def edit(self, comment: str, body: str) -> str:
        """Rewrite one; raises `Gone` where it was deleted."""
        ...

    async def write(self, body: str) -> str:
        """Write a new one."""
        ...


async def upsert(comments: Comments, body: str, marker: str, known: str | None) -> str:
    """Edit our comment in place, or write it; somebody may have deleted it since."""
    if known is not None:
        try:
            return await comments.edit(known, body)
        except Gone:
            pass
    found = await comments.find(marker)
    return await (comments.edit(found, body) if found is not None else comments.write(body))


async def write_once(comments: Comments, body: str, marker: str) -> str:
    """Write a comment unless one of ours with the marker exists; return its id either way."""
    found = await comments.find(marker)
    return found if found is not None else await comments.write(body)

"""Two servers with the same repository, and who reads it: what tests of fetching metadata have in common."""

import asyncio
import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.hawkey.metadata import fetch_repository
from bot.adapters.hawkey.pins import PinnedRepository
from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.target import Repository
from bot.ports.errors import Misconfigured
from tests.fakes.rpmmd import soname_move, write_repository
from tests.fakes.site import Site

DOWN = "http://127.0.0.1:9"
"""Nothing listens there."""


class Bench:
    """Two servers, of which each has the same repository under `repo`, and a cache."""

    def __init__(self, directory: Path, first: Site, second: Site) -> None:
        self.first, self.second = first, second
        self.settings = HawkeySettings(cache=directory / "cache", allowed_hosts=(first.host, second.host))
        for site in (first, second):
            write_repository(site.root / "repo", soname_move())

    async def read(self, path: str = "repo", **options: object) -> PinnedRepository:
        """Read a repository of the first server; `options` are fields of `Repository`."""
        repository = replace(Repository(url=self.first.url(path)), **options)
        return await asyncio.to_thread(fetch_repository, repository, self.settings)

    async def refused(self, path: str = "repo", **options: object) -> Misconfigured:
        """Read a repository, and return why that cannot be."""
        with pytest.raises(Misconfigured) as caught:
            await self.read(path, **options)
        return caught.value

    def metalink(self, *bases: str, digest: str | None = None) -> None:
        """Let the first server have a metalink of these mirrors, the last preferred least."""
        found = hashlib.sha256((self.first.root / "repo/repodata/repomd.xml").read_bytes()).hexdigest()
        urls = "".join(
            f'<url protocol="http" preference="{100 - number}">{base}/repodata/repomd.xml</url>'
            for number, base in enumerate(bases)
        )
        (self.first.root / "metalink").write_text(
            '<?xml version="1.0"?><metalink version="3.0" xmlns="http://www.metalinker.org/"><files>'
            '<file name="repomd.xml"><verification><hash type="md5">00</hash>'
            f'<hash type="sha256">{digest or found}</hash></verification><resources>{urls}</resources></file>'
            "</files></metalink>"
        )

    def only(self, *sites: Site) -> None:
        """Allow no other servers."""
        self.settings = replace(self.settings, allowed_hosts=tuple(site.host for site in sites))

    def mend_repomd(self, pattern: str, to: str, site: Site | None = None) -> None:
        """Change what the (first) server's repomd.xml says of primary."""
        path = (site or self.first).root / "repo/repodata/repomd.xml"
        before, primary, after = re.split(r'(<data type="primary">.*?</data>)', path.read_text(), flags=re.DOTALL)
        changed, times = re.subn(pattern, to, primary)
        assert times == 1
        path.write_text(before + changed + after)

    def replace_primary(self, contents: bytes, *, packing: str = "gz") -> None:
        """Put other bytes in primary's place, with the checksum and the size of these."""
        old = primary_of(self.first)
        new = old.with_name(f"new-primary.xml.{packing}")
        old.unlink()
        new.write_bytes(contents)
        digest = hashlib.sha256(contents).hexdigest()
        self.mend_repomd(r"<checksum [^/]*</checksum>", f'<checksum type="sha256">{digest}</checksum>')
        self.mend_repomd(r"<size>\d+</size>", f"<size>{len(contents)}</size>")
        self.mend_repomd(r'href="[^"]*"', f'href="repodata/{new.name}"')


def primary_of(site: Site) -> Path:
    return next((site.root / "repo").rglob("*-primary.xml.*"))

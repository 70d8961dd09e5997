"""Signed repositories: gpg says yes only to the keys that the target names."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.hawkey.metadata import fetch_repository
from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.target import Repository
from bot.ports.errors import Misconfigured, Transient
from tests.fakes.rpmmd import soname_move, write_repository
from tests.fakes.site import Site, serve


class Signer:
    """A keyring of our own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(mode=0o700)

    def gpg(self, *arguments: str) -> bytes:
        command = ["gpg", "--homedir", str(self.home), "--batch", "--quiet", "--passphrase", "", *arguments]
        return subprocess.run(command, capture_output=True, check=True).stdout

    def make(self, name: str, *when: str) -> bytes:
        """Make a key and return its public half."""
        self.gpg(*when, "--quick-generate-key", f"{name} <{name}@example.org>", "ed25519", "sign", "1d")
        return self.gpg("--armor", "--export", f"{name}@example.org")

    def sign(self, path: Path, name: str, *when: str) -> bytes:
        return self.gpg(
            *when, "--armor", "--output", "-", "--local-user", f"{name}@example.org", "--detach-sign", str(path)
        )


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signer]:
    found = Signer(tmp_path_factory.mktemp("gpg") / "home")
    yield found
    subprocess.run(["gpgconf", "--homedir", str(found.home), "--kill", "all"], check=True)


@pytest.fixture(scope="module")
def key(signer: Signer) -> bytes:
    return signer.make("owner")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with serve(tmp_path / "www") as found:
        write_repository(found.root / "repo", soname_move())
        yield found


def repomd(site: Site) -> Path:
    return site.root / "repo/repodata/repomd.xml"


async def read(site: Site, gpgkey: str = "", **settings: object) -> str:
    """Read the repository, with the key of that address or the site's own; return the digest."""
    allowed = HawkeySettings(cache=site.root.parent / "cache", allowed_hosts=(site.host,))
    repository = Repository(url=site.url("repo"), gpgkey=gpgkey or site.url("key"))
    found = await asyncio.to_thread(fetch_repository, repository, replace(allowed, **settings))  # type: ignore[arg-type]
    return found.digest


def sign(site: Site, signer: Signer, name: str = "owner", *when: str) -> None:
    Path(f"{repomd(site)}.asc").write_bytes(signer.sign(repomd(site), name, *when))


async def test_a_good_signature_is_accepted_every_time(site: Site, signer: Signer, key: bytes) -> None:
    (site.root / "key").write_bytes(key)
    sign(site, signer)
    assert await read(site) == await read(site)
    assert site.asked.count("/repo/repodata/repomd.xml.asc") == 2


async def test_the_key_may_be_one_of_several_on_the_operators_disk(site: Site, signer: Signer, key: bytes) -> None:
    keys = site.root.parent / "keys"
    keys.write_bytes(signer.make("another") + key)
    sign(site, signer)
    assert await read(site, keys.as_uri())


async def test_a_signature_by_another_key_is_refused(site: Site, signer: Signer, key: bytes) -> None:
    (site.root / "key").write_bytes(key)
    signer.make("stranger")
    sign(site, signer, "stranger")
    with pytest.raises(Misconfigured, match=r"signature of its repomd\.xml is wrong") as caught:
        await read(site)
    assert "gpgkey" in caught.value.mend


async def test_a_signature_of_something_else_is_refused(site: Site, signer: Signer, key: bytes) -> None:
    (site.root / "key").write_bytes(key)
    sign(site, signer)
    repomd(site).write_bytes(repomd(site).read_bytes() + b"\n")
    with pytest.raises(Misconfigured, match=r"signature of its repomd\.xml is wrong"):
        await read(site)


async def test_a_signature_by_a_key_that_has_expired_is_refused(site: Site, signer: Signer) -> None:
    past = ("--faked-system-time", "20200101T000000!")
    (site.root / "key").write_bytes(signer.make("former", *past))
    sign(site, signer, "former", *past)
    with pytest.raises(Misconfigured, match=r"signature of its repomd\.xml is wrong"):
        await read(site)


async def test_metadata_without_a_signature_are_refused_even_if_they_are_here(site: Site, key: bytes) -> None:
    (site.root / "key").write_bytes(key)
    unsigned = Repository(url=site.url("repo"))
    settings = HawkeySettings(cache=site.root.parent / "cache", allowed_hosts=(site.host,))
    await asyncio.to_thread(fetch_repository, unsigned, settings)
    with pytest.raises(Misconfigured, match="is not signed"):
        await read(site)


@pytest.mark.parametrize(("contents", "what"), [(b"no key", "no public key"), (None, "there are no keys")])
async def test_where_there_is_no_key_that_is_said(
    site: Site, signer: Signer, key: bytes, contents: bytes | None, what: str
) -> None:
    sign(site, signer)
    if contents is not None:
        (site.root / "key").write_bytes(contents)
    with pytest.raises(Misconfigured, match=what):
        await read(site)


async def test_a_key_comes_from_allowed_hosts_alone(site: Site, signer: Signer, key: bytes) -> None:
    sign(site, signer)
    with pytest.raises(Misconfigured, match="not among the allowed hosts"):
        await read(site, "http://keys.example.org/key")


async def test_keys_that_cannot_be_had_just_now_are_worth_another_try(site: Site) -> None:
    site.fail("key", 502)
    with pytest.raises(Transient, match="the keys cannot be read"):
        await read(site)

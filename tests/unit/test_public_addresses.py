"""Which addresses are public, however they are written, and what a name is resolved to."""

import socket

import pytest
from aiohttp.abc import AbstractResolver

from bot.adapters.source_fetcher.session import PrivateAddressError, PublicResolver, is_public


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::5db8:d70e", True),
        ("2002:7f00:1::", False),
    ],
)
def test_every_way_to_write_a_private_address_is_seen_through(address, public):
    assert is_public(address) is public


class FakeResolver(AbstractResolver):
    async def resolve(self, host, port=0, family=socket.AF_INET):
        return [{"host": address} for address in ("10.0.0.1", "93.184.215.14")[: 1 if host == "inside.example" else 2]]

    async def close(self):
        pass


async def test_a_name_is_resolved_to_its_public_addresses_unless_it_is_named():
    resolver = PublicResolver(["named.example"], FakeResolver())
    assert [found["host"] for found in await resolver.resolve("any.example")] == ["93.184.215.14"]
    assert len(await resolver.resolve("named.example")) == 2
    with pytest.raises(PrivateAddressError, match="has no public address"):
        await resolver.resolve("inside.example")
    await resolver.close()

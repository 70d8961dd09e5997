"""Logging in to a Koji hub with a keytab, for real: MIT's KDC, the koji client, and the libraries of a hub's Apache."""

import asyncio
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import koji
import pytest
import requests
from gssapi.creds import Credentials
from requests_gssapi import REQUIRED, HTTPSPNEGOAuth

from bot.adapters.koji import Keytab
from bot.adapters.koji.examine import examine
from bot.ports.diagnosis import State
from bot.ports.errors import LoginRefused, Transient
from tests.fakes.kerberos import REALM, Realm, realm
from tests.fakes.koji.threaded import TAG, Place, place
from tests.fakes.koji.tickets import Tickets
from tests.fakes.koji.worker import Scripted

__all__ = ["realm"]
US = "revdeps/host.example.org"
SERVICE = "HTTP/127.0.0.1"
DAY = 86400


@dataclass
class Scene:
    """A hub that wants tickets, and a builder's settings with a keytab for it."""

    here: Place
    realm: Realm
    temporary: Path
    """Where temporary files are made."""

    def use(self, keytab: Path, principal: str = f"{US}@{REALM}") -> None:
        credentials = replace(self.login, principal=principal, file=keytab)
        self.here.settings = replace(self.here.settings, credentials=credentials)

    @property
    def login(self) -> Keytab:
        assert isinstance(self.here.settings.credentials, Keytab)
        return self.here.settings.credentials

    async def comes_in(self) -> bool:
        """Let a builder that knows nothing of former ones ask for something."""
        return await self.here.builder().capacity() > 0

    def users(self) -> list[tuple[str, int]]:
        """Who has logged in, and how."""
        return [(session.user.name, session.authtype) for session in self.here.hub.world.sessions.values()]


@pytest.fixture
def scene(tmp_path: Path, realm: Realm, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    service, ours = Tickets(realm.add(SERVICE)), realm.add(US)
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/shared")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with place(tmp_path / "place", Scripted(), ["lib"]) as here:
        here.hub.gate.tickets = service
        here.hub.add_user("service", principals=[f"{US}@{REALM}"])
        keytab = Keytab(principal=f"{US}@{REALM}", file=ours, authority=Path(str(here.settings.authority)))
        here.settings = replace(here.settings, credentials=keytab)
        yield Scene(here, realm, temporary)
    assert not (tmp_path / "shared").exists()
    assert list(temporary.glob("revdeps-*")) == []


async def test_a_keytab_logs_its_principal_in(scene: Scene) -> None:
    assert await scene.comes_in()

    assert scene.users() == [("service", koji.AUTHTYPES["GSSAPI"])]
    assert scene.here.hub.violations == []


async def test_a_ticket_is_for_nobody_else_and_no_longer_there_than_the_log_in_takes(scene: Scene) -> None:
    seen: list[tuple[int, int, int]] = []
    advance = scene.here.hub.gate.before

    def look() -> None:
        for ticket in scene.temporary.glob("revdeps-*/*"):
            modes = (stat.S_IMODE(path.stat().st_mode) for path in (ticket, ticket.parent))
            seen.append((scene.here.hub.calls["sslLogin"], *modes))
        advance()

    scene.here.hub.gate.before = look
    assert await scene.comes_in()

    assert seen == [(1, 0o600, 0o700)]


async def test_a_session_that_expires_is_renewed_with_a_ticket_of_its_own(scene: Scene) -> None:
    scene.realm.administer(f"modprinc -maxlife 1minute {US}")
    builder = scene.here.builder()
    await builder.capacity()
    scene.here.hub.expire_sessions()

    assert await builder.capacity() > 0

    assert scene.realm.granted == 2
    assert scene.users() == [("service", koji.AUTHTYPES["GSSAPI"])]
    assert scene.here.hub.calls["sslLogin"] == 2


async def test_a_key_that_is_void_when_a_session_is_renewed_is_told_and_the_new_one_is_taken(scene: Scene) -> None:
    builder = scene.here.builder()
    await builder.capacity()
    fresh = scene.realm.keytab(US)
    scene.here.hub.expire_sessions()

    with pytest.raises(LoginRefused, match="Make the keytab anew"):
        await builder.capacity()
    scene.login.file.write_bytes(fresh.read_bytes())
    assert await builder.capacity() > 0


async def test_the_doctor_says_whom_the_hub_takes_us_for(scene: Scene) -> None:
    who, *_ = [found async for found in examine(scene.here.settings, [TAG], trying=False)]

    assert (who.state, who.what) == (State.OK, "logged in as service (no permissions)")


async def test_several_hubs_have_a_keytab_each(scene: Scene) -> None:
    builders = []
    for number in range(4):
        scene.here.hub.add_user(f"service-{number}", principals=[f"other-{number}@{REALM}"])
        scene.use(scene.realm.add(f"other-{number}"), f"other-{number}@{REALM}")
        builders.append(scene.here.builder())

    await asyncio.gather(*(builder.capacity() for builder in builders))

    assert sorted(name for name, _ in scene.users()) == [f"service-{number}" for number in range(4)]


def void(scene: Scene) -> None:
    scene.realm.keytab(US)


def missing(scene: Scene) -> None:
    scene.use(scene.realm.directory / "none.keytab")


def anothers(scene: Scene) -> None:
    scene.use(scene.realm.add("another"))


def unknown_to_the_realm(scene: Scene) -> None:
    scene.realm.administer(f"delprinc -force {US}")


def locked(scene: Scene) -> None:
    scene.realm.administer(f"modprinc -allow_tix {US}")


def expired(scene: Scene) -> None:
    scene.realm.administer(f"modprinc -expire 2001-01-01 {US}")


def unknown_to_the_hub(scene: Scene) -> None:
    scene.use(scene.realm.add("stranger"), f"stranger@{REALM}")


def hub_without_a_service(scene: Scene) -> None:
    scene.realm.administer(f"delprinc -force {SERVICE}")


def hub_with_an_old_key(scene: Scene) -> None:
    scene.realm.keytab(SERVICE)


def realm_without_servers(scene: Scene) -> None:
    scene.realm.config.write_text("[libdefaults]\n  dns_lookup_kdc = false\n")


def clock_that_is_wrong(scene: Scene) -> None:
    scene.realm.configure(timesync=False)
    scene.realm.stop()
    scene.realm.start(ahead=3600)


@pytest.mark.parametrize(
    ("spoil", "told", "mend"),
    [
        (void, "no Kerberos ticket: Preauthentication failed", "Make the keytab anew"),
        (missing, "none.keytab has no key of revdeps/host", "klist -k"),
        (anothers, r"another-\d+.keytab has no key of revdeps/host", "klist -k"),
        (unknown_to_the_realm, "not found in Kerberos database", "spelt"),
        (locked, "credentials have been revoked", "let the principal in again"),
        (expired, "entry in database has expired", "let the principal in again"),
        (unknown_to_the_hub, f"Unknown user: stranger@{REALM}", "whom they stand for"),
        (hub_without_a_service, f"{SERVICE}@{REALM} not found", "the name that its service has"),
        (hub_with_an_old_key, "401", "the hub does not take it"),
        (realm_without_servers, "Cannot find KDC for realm", "in krb5.conf"),
        (clock_that_is_wrong, "Clock skew too great", "Set this machine's clock"),
    ],
)
async def test_why_there_is_no_log_in_is_told_and_what_to_do(
    scene: Scene, spoil: Callable[[Scene], None], told: str, mend: str
) -> None:
    spoil(scene)

    with pytest.raises(LoginRefused, match=told) as refused:
        await scene.comes_in()
    assert mend in refused.value.mend
    assert "nothing is wrong with the change" in str(refused.value)
    assert "docs.pagure.org" not in str(refused.value)
    assert scene.users() == []


async def test_a_kdc_that_is_away_is_waited_for(scene: Scene) -> None:
    scene.realm.stop()
    builder = scene.here.builder()
    with pytest.raises(Transient, match="Cannot contact any KDC"):
        await builder.capacity()

    scene.realm.start()
    assert await builder.capacity() > 0


async def test_a_hub_that_breaks_at_the_log_in_is_waited_for(scene: Scene) -> None:
    scene.here.hub.fail(method="sslLogin", status=503)
    builder = scene.here.builder()
    with pytest.raises(Transient, match="503"):
        await builder.capacity()

    assert await builder.capacity() > 0


async def test_a_ticket_of_a_wrong_clock_is_not_kept(scene: Scene) -> None:
    """The client goes by the KDC's clock, and the hub by its own."""
    scene.realm.stop()
    scene.realm.start(ahead=-DAY)
    builder = scene.here.builder()
    with pytest.raises(LoginRefused, match="its clock"):
        await builder.capacity()

    scene.realm.stop()
    scene.realm.start()
    assert await builder.capacity() > 0


async def test_the_hub_shows_who_it_is_to_who_asks(scene: Scene) -> None:
    """The client of Koji does not ask."""
    ticket = scene.temporary / "ticket"
    store: dict[bytes | str, bytes | str] = {"client_keytab": str(scene.login.file), "ccache": f"FILE:{ticket}"}
    auth = HTTPSPNEGOAuth(mutual_authentication=REQUIRED, creds=Credentials(usage="initiate", store=store))
    call = koji.xmlrpcplus.dumps((), "getAPIVersion")

    answer = await asyncio.to_thread(
        requests.post,
        f"{scene.here.hub.url}/ssllogin",
        data=call,
        auth=auth,
        verify=scene.here.settings.authority,
        timeout=5,
    )

    assert koji.xmlrpcplus.loads(answer.content)[0] == (koji.API_VERSION,)
    assert answer.request.headers["Authorization"].startswith("Negotiate ")


@pytest.mark.parametrize("authorization", ["", "Basic Ym90OmJvdA==", "Negotiate Z2FyYmFnZQ==", "Negotiate ?"])
async def test_the_hub_lets_nobody_in_without_a_ticket(scene: Scene, authorization: str) -> None:
    answer = await asyncio.to_thread(
        requests.post,
        f"{scene.here.hub.url}/ssllogin",
        headers={"Authorization": authorization},
        verify=scene.here.settings.authority,
        timeout=5,
    )

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Negotiate")
    assert scene.here.hub.calls["sslLogin"] == 0

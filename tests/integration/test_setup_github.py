"""`revdeps setup github`: a person goes through the pages, and key, secret and number are kept."""

import asyncio
import json
import re
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from bot.adapters.github.manifest import Registered
from bot.app.registration import Registration, Wish
from bot.ports.errors import Misconfigured, Transient
from tests.fakes.github import GitHubServer
from tests.fakes.github.openapi import default_path, load

PUBLIC = "https://revdeps.test"


@pytest.fixture
async def github(tmp_path: Path) -> AsyncIterator[GitHubServer]:
    (tmp_path / "github").mkdir()
    async with GitHubServer(root=tmp_path / "github", openapi=None) as server:
        yield server


@pytest.fixture
async def person() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@asynccontextmanager
async def begun(
    github: GitHubServer, directory: Path, **wish: str
) -> AsyncIterator[tuple[str, "asyncio.Task[Registered]"]]:
    """A registration that waits for its person, with the address of its page."""
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    wanted = Wish(public_url=PUBLIC, directory=directory, web_url=github.url, api_url=github.url, **wish)  # type: ignore[arg-type]
    running = asyncio.create_task(Registration(wish=wanted, tell=told.set_result).run())
    await asyncio.wait([told, running], return_when=asyncio.FIRST_COMPLETED)
    try:
        if running.done():
            await running
        yield told.result(), running
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await running


async def press(person: aiohttp.ClientSession, page: str) -> tuple[int, str]:
    """Press the button of the first page, and follow where it leads."""
    async with person.get(page) as response:
        text = await response.text()
    [target] = re.findall(r'<form action="([^"]*)"', text)
    [manifest] = re.findall(r'name="manifest" value="([^"]*)"', text)
    async with person.post(unescape(target), data={"manifest": unescape(manifest)}) as response:
        return response.status, await response.text()


async def test_number_key_and_secret_are_kept_for_their_owner_alone(
    github: GitHubServer, person: aiohttp.ClientSession, tmp_path: Path
) -> None:
    directory = tmp_path / "kept"
    async with begun(github, directory, name="RevDeps Test", organization="octo-org") as (page, running):
        status, text = await press(person, page)
        registered = await running

    assert status == 200
    assert "/installations/new" in text
    assert registered.private_key not in text
    assert registered.webhook_secret not in text
    [asked] = github.manifests.asked
    assert asked["hook_attributes"] == {"url": f"{PUBLIC}/webhook/github", "active": True}
    app = github.world.apps[registered.app_id]
    assert (app.slug, app.owner.login) == ("revdeps-test", "octo-org")

    files = {path.name: path for path in directory.iterdir()}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.values()} == {0o600}
    assert files["github.pem"].read_text() == app.private_key
    assert files["github-webhook.secret"].read_text() == app.webhook_secret
    settings = dict(line.split("=", 1) for line in files["github.environment"].read_text().splitlines())
    assert settings["REVDEPS_GITHUB_APP_ID"] == str(app.id)
    assert settings["REVDEPS_GITHUB_PRIVATE_KEY_FILE"] == str(files["github.pem"])
    assert settings["REVDEPS_PUBLIC_URL"] == PUBLIC


async def test_an_answer_that_was_not_asked_for_registers_nothing(
    github: GitHubServer, person: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with begun(github, tmp_path / "kept") as (page, running):
        async with person.get(f"{page}/registered", params={"code": "stolen", "state": "guessed"}) as response:
            assert response.status == 400
        assert not running.done()
        assert (await press(person, page))[0] == 200
        await running


async def test_a_code_that_is_too_old_is_told_and_can_be_asked_for_again(
    github: GitHubServer, person: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with begun(github, tmp_path / "kept") as (page, running):
        async with person.get(page) as response:
            state = parse_qs(urlsplit(re.findall(r'action="([^"]*)"', await response.text())[0]).query)["state"][0]
        async with person.get(f"{page}/registered", params={"code": "old", "state": state}) as response:
            assert response.status == 502
            assert "works once" in await response.text()
        assert (await press(person, page))[0] == 200
        await running


async def test_what_exists_already_is_not_written_over(github: GitHubServer, tmp_path: Path) -> None:
    (tmp_path / "github-webhook.secret").write_text("mine")
    with pytest.raises(Misconfigured, match="exists"):
        async with begun(github, tmp_path):
            pass
    assert (tmp_path / "github-webhook.secret").read_text() == "mine"
    assert not (tmp_path / "github.pem").exists()


async def test_what_nobody_finishes_leaves_nothing_behind(github: GitHubServer, tmp_path: Path) -> None:
    wish = Wish(public_url=PUBLIC, directory=tmp_path / "kept", web_url=github.url, api_url=github.url)
    with pytest.raises(Transient, match="nobody finished"):
        await Registration(wish=wish, tell=lambda _: None, seconds=0.01).run()
    assert list((tmp_path / "kept").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_command_that_is_told_to_end_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    kept = tmp_path / "kept"
    words = ("setup", "github", "--no-browser", "--public-url", PUBLIC, "--directory", str(kept))
    command = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    assert command.stdout is not None
    assert b"http://127.0.0.1:" in await command.stdout.readline()
    assert len(list(kept.iterdir())) == 3
    command.send_signal(number)
    told = (await command.communicate())[0].decode()
    assert command.returncode == 128 + number
    assert list(kept.iterdir()) == []
    assert told.splitlines()[-1] == "revdeps: stopped"
    assert "Traceback" not in told


async def test_what_was_stored_is_kept_when_the_command_is_told_to_end_then(
    github: GitHubServer, person: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with begun(github, tmp_path / "kept") as (page, running):
        await press(person, page)
        running.cancel()
        await asyncio.wait([running])
    assert (tmp_path / "kept" / "github.pem").read_text() == next(iter(github.world.apps.values())).private_key


async def test_the_exchange_is_the_documented_one(github: GitHubServer, person: aiohttp.ClientSession) -> None:
    manifest = {
        "name": "RevDeps",
        "url": PUBLIC,
        "hook_attributes": {"url": f"{PUBLIC}/webhook/github"},
        "redirect_url": f"{PUBLIC}/registered",
        "default_permissions": {"checks": "write"},
        "default_events": ["push"],
    }
    form = {"manifest": json.dumps(manifest)}
    async with person.post(f"{github.url}/settings/apps/new", data=form, allow_redirects=False) as response:
        code = parse_qs(urlsplit(response.headers["Location"]).query)["code"][0]
    async with person.post(f"{github.url}/app-manifests/{code}/conversions") as response:
        shape = await response.json()
    template = "/app-manifests/{code}/conversions"
    assert load(default_path()).answer_problems("POST", template, 201, shape) == []

"""Credentials that are worth nothing: the pull request, the log and the health page say whose fault that is."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.adapters.config_file import Offer, load
from bot.adapters.koji import Certificate
from bot.domain.conclusion import Conclusion
from bot.domain.target import KojiHub
from bot.engine.poller import Poller
from bot.ports.errors import LoginRefused, login_refused
from bot.web.health import Health, backend_probe
from bot.web.metrics import Metrics
from bot.web.server import add_routes
from tests.fakes.koji.certificates import Certificates
from tests.fakes.koji.threaded import TAG, Place, place
from tests.fakes.koji.worker import Scripted
from tests.fakes.resolver import affected
from tests.scenario.harness import CONFIG as PLAIN
from tests.scenario.harness import Stage, stage

CONFIG = f"""\
version: 1
packages: [{{spec: libfoo.spec, name: libfoo}}]
targets: [{{name: here, backend: koji, repositories: [{{koji: {{tag: {TAG}}}}}]}}]
"""
FAULT = "This service is at fault, and nothing is wrong with the change"


@asynccontextmanager
async def on(hub: Place, directory: Path) -> AsyncIterator[Stage]:
    """The engine with that hub's builder, which has a certificate of an authority that the hub does not know."""
    (directory / "other").mkdir()
    (directory / "engine").mkdir()
    assert isinstance(hub.settings.credentials, Certificate)
    strange = replace(hub.settings.credentials, file=Certificates(directory / "other").user("bot"))
    hub.settings = replace(hub.settings, credentials=strange)
    hubs = {"test": KojiHub(hub=hub.hub.url, topurl=hub.hub.topurl)}
    offer = Offer(presets={}, backends=("koji",), koji_hubs=hubs)
    async with stage(
        directory / "engine",
        builders={"koji": hub.builder()},
        load_config=lambda text, path, specs: load(text, path, specs, offer),
    ) as revdeps:
        revdeps.resolver.script_impact(["libfoo"], affected("app"))
        yield revdeps


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path / "hub", Scripted(), ["lib"]) as made:
        yield made


async def test_an_expired_log_in_is_the_services_fault(
    hub: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with on(hub, tmp_path) as revdeps:
        ref = await revdeps.open(config=CONFIG)
        with caplog.at_level(logging.WARNING):
            reconciler = revdeps.reconciler()
            while await reconciler.reconcile_one():
                pass

        check = revdeps.check(ref)
        assert check.conclusion is Conclusion.ACTION_REQUIRED
        assert FAULT in check.summary + check.text
        assert "For whoever runs this service: Check the credentials" in check.summary + check.text
        assert "Koji hub test: it does not log us in" in caplog.text

        health = Health({}, Metrics(), {"koji": backend_probe(revdeps.world.builder("koji"))})
        application = web.Application()
        add_routes(application, webhooks=(), health=health, schema="{}")
        async with TestClient(TestServer(application)) as client:
            answer = await client.get("/readyz")
            told = await answer.json()
        assert (answer.status, told["status"]) == (200, "ready")
        assert "does not log us in" in told["troubles"]["koji"]


async def tried(revdeps: Stage, method: str) -> None:
    """Let the backend turn the service away once, and the reports be published."""
    revdeps.builder.fail_next(method, login_refused("Koji hub test", "it does not log us in", "Renew it."))
    poller = Poller(world=revdeps.world, backend="fake", owner=revdeps.owner, woke=lambda: None, strict=True)
    with pytest.raises(LoginRefused):
        await poller.poll_once()
    revdeps.clock.pass_time(minutes=2)
    while await revdeps.reconciler().reconcile_one():
        pass


@pytest.mark.parametrize("method", ["poll", "submit"])
async def test_builds_that_go_on_wait_and_the_pull_request_says_whose_fault_it_is(revdeps: Stage, method: str) -> None:
    revdeps.resolver.script_impact(["libfoo"], *(affected(f"app{number}") for number in range(6)))
    ref = await revdeps.open(config=PLAIN)
    await revdeps.settle()
    revdeps.builder.finish_all()
    while len(revdeps.builder.running) < 4:  # of the six that are to be built
        await revdeps.settle()
    revdeps.builder.finish(revdeps.builder.running[0])

    await tried(revdeps, method)

    check = revdeps.check(ref)
    assert FAULT in check.summary
    assert "They go on by themselves once that is mended." in check.summary
    assert check.conclusion is None

    await revdeps.finish_all()
    revdeps.clock.pass_time(minutes=2)
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS
    assert len(await revdeps.verdicts(ref)) == 6
    assert FAULT not in revdeps.check(ref).summary + revdeps.comment(ref)


async def test_what_is_said_goes_when_the_service_is_let_in_again(revdeps: Stage) -> None:
    revdeps.resolver.script_impact(["libfoo"], affected("app"))
    ref = await revdeps.open(config=PLAIN)
    await revdeps.settle()
    await tried(revdeps, "poll")
    assert FAULT in revdeps.check(ref).summary

    await revdeps.settle()
    revdeps.clock.pass_time(minutes=2)
    await revdeps.settle()

    assert FAULT not in revdeps.check(ref).summary
    assert revdeps.check(ref).conclusion is None

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
from bot.web.health import Health, backend_probe
from bot.web.metrics import Metrics
from bot.web.server import add_routes
from tests.fakes.koji.certificates import Certificates
from tests.fakes.koji.threaded import TAG, Place, place
from tests.fakes.koji.worker import Scripted
from tests.fakes.resolver import affected
from tests.scenario.harness import Stage, stage

CONFIG = f"""\
version: 1
packages: [{{spec: libfoo.spec, name: libfoo}}]
targets: [{{name: here, backend: koji, repositories: [{{koji: {{tag: {TAG}}}}}]}}]
"""
FAULT = "this service is at fault, and nothing is wrong with the change"


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

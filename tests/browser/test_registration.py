"""The registration of the GitHub App, by a real browser."""

import asyncio
from pathlib import Path
from shutil import which

import pytest
from playwright.async_api import async_playwright

from bot.app.registration import Registration, Wish
from tests.fakes.github import GitHubServer

pytestmark = pytest.mark.browser

CHROMIUM = which("chromium") or which("chromium-browser") or "/usr/bin/chromium"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_person_reads_presses_and_is_led_to_the_installation(tmp_path: Path, scheme: str) -> None:
    (tmp_path / "github").mkdir()
    async with GitHubServer(root=tmp_path / "github", openapi=None) as github, async_playwright() as playwright:
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        wish = Wish(
            public_url="https://revdeps.test", directory=tmp_path / "kept", web_url=github.url, api_url=github.url
        )
        running = asyncio.create_task(Registration(wish=wish, tell=told.set_result).run())
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page(color_scheme=scheme, viewport={"width": 360, "height": 640})  # type: ignore[arg-type]
        await page.goto(await told)
        assert "checks: write" in await page.inner_text("ul")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        await page.click("button")
        await page.wait_for_selector("a[href$='/installations/new']")
        assert (await running).name.lower() in (await page.inner_text("p")).lower()
        await browser.close()

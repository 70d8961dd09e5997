"""The pages in a real browser: wide and narrow, light and dark, with and without a script."""

from collections.abc import AsyncIterator
from pathlib import Path
from shutil import which

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from bot.domain.build import CandidateKey
from bot.domain.report.assemble import Stored
from bot.domain.run import RunState
from bot.web.dashboard import PageSettings
from tests.fakes.pages import site
from tests.fakes.reports import RUN, TARGET, build, entry, run, run_target, story, subject_build

pytestmark = pytest.mark.browser

CHROMIUM = which("chromium") or which("chromium-browser") or "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LOGS = {CandidateKey(run=RUN, package="bar", target=TARGET.name, attempt=2).text: b"a long line " * 60 + b"\nend\n"}
SIZES = [(1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")]
CONTRAST = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const colour = parse(getComputedStyle(element).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility()) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${element.className || element.tagName}: ${ratio.toFixed(2)}`);
  }
  return [...new Set(poor)];
}"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield chromium
        await chromium.close()


async def opened(browser: Browser, address: str, width: int, scheme: str) -> Page:
    page = await browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    await page.goto(address)
    return page


def active() -> Stored:
    return Stored(
        run=run(state=RunState.ACTIVE, conclusion=None, finished_at=None),
        targets=(run_target(),),
        entries=(entry("bar"), entry("baz")),
        builds=(subject_build(), build("bar", None)),
    )


@pytest.mark.parametrize(("width", "scheme"), SIZES)
async def test_nothing_but_logs_scrolls_sideways_and_all_can_be_read(
    tmp_path: Path, browser: Browser, width: int, scheme: str
) -> None:
    async with site(tmp_path, story(), logs=LOGS) as client:
        for path in ("/", "/runs/r1f00", "/nothing"):
            page = await opened(browser, str(client.make_url(path)), width, scheme)
            for summary in await page.query_selector_all("summary"):
                await summary.click()
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
            assert await page.evaluate(CONTRAST) == []
            await page.close()


async def test_no_page_asks_for_anything_that_its_policy_forbids(tmp_path: Path, browser: Browser) -> None:
    async with site(tmp_path, active()) as client:
        page = await browser.new_page()
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        await page.goto(str(client.make_url("/runs/r1f00")))
        assert said == []
        assert all(url.startswith((str(client.make_url("/")), "data:")) for url in asked)


async def test_filters_are_links_and_the_log_is_one_click_away(tmp_path: Path, browser: Browser) -> None:
    async with site(tmp_path, story(), logs=LOGS) as client:
        context = await browser.new_context(java_script_enabled=False)
        page = await context.new_page()
        await page.goto(str(client.make_url("/")))
        await page.get_by_role("link", name="octocat/libfoo#7").click()
        await page.get_by_role("link", name="already failing 2").click()
        assert await page.locator("tbody .name").all_inner_texts() == ["old-1", "old-2"]
        await page.get_by_role("link", name="Show all").click()
        await page.locator("tbody tr").first.get_by_role("link", name="build failed (log)").click()
        assert "a long line" in await page.inner_text("body")


async def test_focus_can_be_seen(tmp_path: Path, browser: Browser) -> None:
    async with site(tmp_path, story()) as client:
        page = await opened(browser, str(client.make_url("/runs/r1f00")), 1280, "light")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.className") == "skip"
        await page.keyboard.press("Tab")
        assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


async def test_a_run_that_goes_on_is_brought_up_to_date_and_keeps_what_is_open(
    tmp_path: Path, browser: Browser
) -> None:
    async with site(tmp_path, active(), settings=PageSettings(refresh_seconds=1)) as client:
        page = await opened(browser, str(client.make_url("/runs/r1f00")), 1280, "light")
        await page.locator("summary").first.click()
        await page.evaluate("document.querySelector('h1').textContent = 'old'")
        await expect(page.locator("h1")).not_to_have_text("old")
        assert await page.locator("details[open]").count() == 1
